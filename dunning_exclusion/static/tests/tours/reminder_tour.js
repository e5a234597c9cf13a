import { stepUtils } from "@web_tour/tour_utils";
import { addTour } from "./add_tour";

function choose(field, label) {
    return [
        { trigger: `${field} .o_select_menu input, ${field} input`, run: "click" },
        { trigger: `.o_select_menu_item:contains('${label}')`, run: "click" },
        { trigger: "body:not(:has(.o_select_menu_menu))" },
    ];
}

function pick(field, name) {
    return [
        { trigger: `${field} input`, run: `edit ${name}` },
        { trigger: `.o-autocomplete--dropdown-item:contains('${name}')`, run: "click" },
    ];
}

function newAction(name, radio, steps) {
    return [
        {
            trigger: ".o_field_widget[name=level_ids] a:contains('Add a line')",
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=name] input",
            run: `edit ${name}`,
        },
        { trigger: `.modal .o_radio_input[data-value=${radio}]`, run: "click" },
        ...steps,
        { trigger: ".modal .o_form_button_save", run: "click" },
        { trigger: `.o_field_widget[name=level_ids]:contains('${name}')` },
    ];
}

/** One kind of reminder is switched off for one customer: from blue to grey. */
addTour("dunning_type_off", () => [
    { trigger: "a[name=dunning]", run: "click" },
    {
        trigger: ".o_dunning_type_switch:contains('Final notice') input:checked",
        run: "click",
    },
    { trigger: ".o_dunning_type_switch:contains('Final notice'):contains('off')" },
]);

/** Some customers are left out of a kind of reminder, where the kind is set up. */
addTour("dunning_type_except", () => [
    { trigger: ".o_data_row:contains('Overdue') td[name=name]", run: "click" },
    { trigger: ".o_radio_input[data-value=except]", run: "click" },
    ...pick(".o_field_widget[name=customer_ids]", "Alpha"),
    { trigger: ".o_field_widget[name=customer_ids] .o_tag:contains('Alpha')" },
    ...stepUtils.saveForm(),
]);

/** Every second Monday customers who owe much get a statement, and the team is told. */
addTour("dunning_new_workflow", () => [
    { trigger: ".o_list_button_add", run: "click" },
    { trigger: ".o_field_widget[name=name] input", run: "edit Statements" },
    {
        trigger: ".o_field_widget[name=campaign_type] .o_radio_input[data-value=customer]",
        run: "click",
    },
    ...choose(".o_field_widget[name=frequency]", "Every month"),
    ...choose(".o_field_widget[name=week_of_month]", "Last"),
    ...choose(".o_field_widget[name=frequency]", "Every second week"),
    ...choose(".o_field_widget[name=weekday]", "Monday"),
    ...newAction("Statement", "email", [
        ...pick(".modal .o_field_widget[name=template_id]", "without"),
        ...pick(".modal .o_field_widget[name=additional_partner_ids]", "Beta"),
    ]),
    ...newAction("Tell the team", "internal", [
        ...pick(".modal .o_field_widget[name=user_ids]", "dunning_manager"),
    ]),
    { trigger: "a[name=conditions]", run: "click" },
    {
        trigger: ".o_field_widget[name=condition_ids] a:contains('Add a line')",
        run: "click",
    },
    ...choose(".o_selected_row [name=metric]", "Overdue"),
    { trigger: ".o_selected_row [name=value] input", run: "edit 500" },
    ...stepUtils.saveForm(),
    {
        content: "The scenario says in words what it does",
        trigger: ".o_dunning_description:contains('second Monday'):contains('500')",
    },
    { trigger: "button[name=action_preview]", run: "click" },
    {
        content: "What is old already is left alone unless asked",
        trigger: ".modal:contains('are left alone (2 in all)')",
    },
    { trigger: ".modal-footer button:contains('Close')", run: "click" },
    { trigger: ".o_field_widget[name=date_start] button", run: "click" },
    {
        trigger: ".o_field_widget[name=date_start] input",
        run: "clear && press Tab",
    },
    { trigger: "button[name=action_preview]", run: "click" },
    { trigger: ".modal .o_field_widget[name=old_items] input", run: "click" },
    {
        content: "Whom it would reach, and how much",
        trigger: ".modal:contains('Alpha'):contains('700.00')",
    },
    { trigger: ".modal-footer button[name=action_activate]", run: "click" },
    { trigger: "body:not(:has(.modal)) .o_field_widget[name=active] input:checked" },
]);
