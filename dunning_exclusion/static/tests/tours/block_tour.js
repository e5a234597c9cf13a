import { addTour } from "./add_tour";

const { DateTime } = luxon;

/** An invoice is stopped from its form and resumed. */
addTour("dunning_stop_invoice", () => [
    { trigger: "a[name=dunning]", run: "click" },
    { trigger: ".o_dunning_headline[data-state=next]:contains('today')" },
    {
        content: "Postpone the due date",
        trigger: ".o_field_widget[name=dunning_due_date] :is(input, button)",
        run: "click",
    },
    {
        trigger: ".o_field_widget[name=dunning_due_date] input",
        run: `edit ${DateTime.now().plus({ days: 30 }).toFormat("MM/dd/yyyy")} && press Tab`,
    },
    { trigger: ".o_form_button_save", run: "click" },
    {
        content: "The tab follows what was saved",
        trigger: ".o_dunning_headline[data-state=next]:not(:contains('today'))",
    },
    {
        content: "STOP is at the top of the form",
        trigger: ".o_form_statusbar button:contains('STOP reminders')",
        run: "click",
    },
    { trigger: ".o_dunning_alert:contains('are stopped')" },
    {
        content: "Why is this not reminded?",
        trigger: ".o_dunning_reasons:contains('Reminders for the item are stopped')",
    },
    {
        trigger: ".o_dunning_panel button[name=action_dunning_resume]",
        run: "click",
    },
    {
        content: "Nothing stands against a reminder any more",
        trigger: ".o_dunning_panel button[name=action_dunning_stop]",
    },
]);

/** Many invoices are paused at once, from their list. */
addTour("dunning_bulk_pause", () => [
    { trigger: ".o_list_view .o_data_row" },
    { trigger: "thead .o_list_record_selector input", run: "click" },
    { trigger: ".o_cp_action_menus .dropdown-toggle:contains('Actions')", run: "click" },
    { trigger: ".o_menu_item:contains('Pause Follow-up')", run: "click" },
    {
        content: "For two weeks",
        trigger: ".modal .o_selection_badge:contains('+14 days')",
        run: "click",
    },
    { trigger: ".modal button[name=action_apply]", run: "click" },
    { trigger: "body:not(:has(.modal))" },
]);

/** A customer is stopped from the top of its form; the reason leads to the hold, which ends there. */
addTour("dunning_way_out", () => [
    {
        content: "STOP is at the top of the form",
        trigger: ".o-form-buttonbox button[name=action_dunning_stop]",
        run: "click",
    },
    { trigger: ".o-form-buttonbox button[name=action_dunning_resume]" },
    { trigger: "a[name=dunning]", run: "click" },
    {
        content: "One headline says why nothing is sent",
        trigger:
            ".o_dunning_headline[data-state=held]:contains('Reminders to the customer are stopped')",
    },
    {
        content: "The reason leads to the hold",
        trigger: ".o_dunning_reasons button[name=way_out]",
        run: "click",
    },
    { trigger: ".modal button[name=action_lift]", run: "click" },
    {
        content: "Resume, as the question says",
        trigger: ".modal:not(.o_inactive_modal):contains('Resume reminders?') .btn-primary",
        run: "click",
    },
    { trigger: ".modal:not(.o_inactive_modal) .btn-close", run: "click" },
    {
        content: "The tab says that it is reminded again",
        trigger: ".o_dunning_headline[data-state=next]",
    },
]);

/** The page Today leads to the list of today, which is prepared by it. */
addTour("dunning_today", () => [
    {
        content: "Two customers to remind, before there is a list",
        trigger: "section[data-name=to_send]:contains('2'):contains('150.00')",
    },
    { trigger: "section[data-name=forgotten].o_dunning_nothing" },
    { trigger: "[data-name=by_reason] a:contains('Reminders to the customer are stopped')" },
    { trigger: "button[name=to_send]", run: "click" },
    { trigger: ".o_dunning_task_list tr.o_group_header:contains('Beta')" },
]);

/** A block is lifted from the list of blocks. */
addTour("dunning_lift_block", () => [
    { trigger: ".o_data_row:contains('Alpha') button[name=action_lift]", run: "click" },
    { content: "It left the list of active blocks", trigger: ".o_view_nocontent" },
]);

/** Many invoices are stopped at once: a question names their number, and the stop is explained. */
addTour("dunning_bulk_stop", () => [
    { trigger: ".o_list_view .o_data_row" },
    { trigger: "thead .o_list_record_selector input", run: "click" },
    { trigger: ".o_cp_action_menus .dropdown-toggle:contains('Actions')", run: "click" },
    { trigger: ".o_menu_item:contains('Stop Follow-up')", run: "click" },
    { trigger: ".modal .o_field_widget[name=target_count]:contains('2')" },
    { trigger: ".modal button[name=action_apply]", run: "click" },
    { trigger: "body:not(:has(.modal))" },
    {
        content: "Say why",
        trigger:
            ".o_notification:contains('Reminders for 2 records are stopped') button:contains('Add reason')",
        run: "click",
    },
    { trigger: ".modal .o_field_widget[name=note] textarea", run: "edit Asked by phone" },
    { trigger: ".modal button[name=action_apply]", run: "click" },
    { trigger: "body:not(:has(.modal))" },
]);

/** Many invoices were stopped at once: a list shows them, and that they are stopped. */
addTour("dunning_bulk_stop_shown", () => [
    { trigger: ".o_list_view .o_data_row" },
    { trigger: "thead .o_list_record_selector input", run: "click" },
    { trigger: ".o_cp_action_menus .dropdown-toggle:contains('Actions')", run: "click" },
    { trigger: ".o_menu_item:contains('Stop Follow-up')", run: "click" },
    { trigger: ".modal button[name=action_apply]", run: "click" },
    {
        trigger:
            ".o_notification:contains('Reminders for 2 records are stopped') button:contains('Show')",
        run: "click",
    },
    { trigger: ".breadcrumb:contains('Invoices'), .o_breadcrumb:contains('Invoices')" },
    {
        content: "Two are shown as stopped",
        trigger: ".o_data_row:eq(1) td[name=dunning_stop] input:checked",
    },
]);
