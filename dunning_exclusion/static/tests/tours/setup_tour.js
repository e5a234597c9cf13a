import { stepUtils } from "@web_tour/tour_utils";
import { addTour } from "./add_tour";

/** A scenario with one level is made from nothing. */
addTour("dunning_new_scenario", () => [
    { trigger: ".o_list_button_add", run: "click" },
    { trigger: ".o_field_widget[name=name] input", run: "edit Key accounts" },
    { trigger: "a:contains('Add a line')", run: "click" },
    { trigger: ".modal .o_field_widget[name=name] input", run: "edit First call" },
    { trigger: ".modal .o_field_widget[name=delay] input", run: "edit 10" },
    { trigger: ".modal .o_field_widget[name=type_id] input", run: "edit Overdue" },
    { trigger: ".o-autocomplete--dropdown-item:contains('Overdue')", run: "click" },
    { trigger: ".modal .o_form_button_save", run: "click" },
    { trigger: ".o_field_widget[name=level_ids]:contains('First call')" },
    ...stepUtils.saveForm(),
    {
        content: "The scenario says in words what it does",
        trigger: ".o_dunning_description:contains('10')",
    },
    {
        content: "It is switched on by who has seen whom it reaches",
        trigger: ".o_form_statusbar button[name=action_preview]:contains('Activate')",
        run: "click",
    },
    { trigger: ".modal-footer button[name=action_activate]", run: "click" },
    { trigger: "body:not(:has(.modal)) .o_field_widget[name=active] input:checked" },
]);

/** A threshold shows what it would exclude before it is saved. */
addTour("dunning_threshold", () => [
    { trigger: ".settings_tab [data-key=account]", run: "click" },
    {
        trigger: ".o_field_widget[name=dunning_item_minimum] input",
        run: "edit 150 && press Tab",
    },
    {
        content: "One of the two overdue items is below it",
        trigger: ".o_widget_dunning_threshold_effect:contains('overdue items: 1, customers: 1')",
    },
    { trigger: ".o_form_button_save", run: "click", expectUnloadPage: true },
    { trigger: ".o_main_navbar" },
]);
