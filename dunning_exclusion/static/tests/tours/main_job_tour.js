import { addTour } from "./add_tour";

const GROUP = ".o_dunning_task_list tr.o_group_header";
const ROW = ".o_dunning_task_list tr.o_data_row";

/** The main job of an accountant: stop, prepare, look, pause, send. */
addTour("dunning_main_job", () => [
    { content: "Open the tab", trigger: "a[name=dunning]", run: "click" },
    {
        content: "STOP the customer at once",
        trigger: ".o_dunning_panel button[name=action_dunning_stop]",
        run: "click",
    },
    {
        content: "It can be undone",
        trigger:
            ".o_notification:contains('Reminders for Alpha are stopped') button:contains('Undo')",
    },
    {
        content: "The tab says so",
        trigger: ".o_dunning_status .badge:contains('Stopped')",
    },
    { content: "The ribbon says so", trigger: ".ribbon:contains('Stopped')" },
    { trigger: ".o_navbar_apps_menu button, .o_menu_toggle", run: "click" },
    {
        content: "Go to Invoicing",
        trigger: "[data-menu-xmlid='account.menu_finance']",
        run: "click",
    },
    {
        trigger: "[data-menu-xmlid='account.menu_finance_receivables']",
        run: "click",
    },
    {
        content: "Go to the runs",
        trigger: "[data-menu-xmlid='dunning_exclusion.menu_dunning_runs']",
        run: "click",
    },
    {
        content: "New run",
        trigger: ".o_breadcrumb:contains('Runs'), .o_last_breadcrumb_item:contains('Runs')",
    },
    { trigger: ".o_list_button_add", run: "click" },
    { content: "Prepare", trigger: "button[name=action_prepare]", run: "click" },
    { content: "Open the list", trigger: "button[name=action_open_lines]", run: "click" },
    {
        content: "The stopped customer is not ticked",
        trigger: `${GROUP}:contains('Alpha') .o_dunning_group_tick input:not(:checked)`,
    },
    {
        content: "It has the (x) with the reason",
        trigger: `${GROUP}:contains('Alpha') .o_dunning_mark[aria-label*='Reminders to the customer are stopped']`,
    },
    {
        content: "The other one is ticked with both invoices",
        trigger: ".o_dunning_figures:contains('500.00'):contains('2 items')",
    },
    {
        content: "Pause one of its invoices",
        trigger: `${ROW}:contains('200.00') button[name=action_dunning_pause]`,
        run: "click",
    },
    { trigger: ".modal button[name=action_apply]", run: "click" },
    {
        content: "The invoice is no longer ticked",
        trigger: ".o_dunning_figures:contains('300.00'):contains('1 item')",
    },
    { trigger: "body:not(:has(.modal))" },
    { content: "Send", trigger: ".o_dunning_send", run: "click" },
    {
        content: "What is confirmed",
        trigger: ".modal-body:contains('1 message to 1 customer')",
    },
    {
        trigger: ".modal:contains('Send the reminders?') .modal-footer .btn-primary",
        run: "click",
    },
    {
        content: "It is on its way",
        trigger: ".o_dunning_figures:contains('1 in the mail queue')",
    },
    { trigger: ".o_notification:contains('1 in the mail queue')" },
]);

addTour("dunning_history", () => [
    { trigger: "a[name=dunning]", run: "click" },
    {
        content: "The message is in the history",
        trigger: ".o_dunning_history a:contains('Level 1')",
        run: "click",
    },
    { trigger: ".o_form_view .oe_title:contains('Beta')" },
    {
        content: "The message itself can be read",
        trigger: ".o_field_widget[name=body] iframe, .o_field_widget[name=body]:contains('300')",
    },
]);

/** Open a menu of Invoicing by its words. */
function menu(section, entry) {
    return [
        { trigger: `.o_menu_sections button:contains('${section}')`, run: "click" },
        { trigger: `.o-dropdown--menu .dropdown-item:contains('${entry}')`, run: "click" },
    ];
}

/** Open the form of a customer by the menu. */
function customer(name) {
    return [
        ...menu("Customers", "Customers"),
        { trigger: `.o_list_view .o_data_row td:contains('${name}')`, run: "click" },
        { trigger: `.o_breadcrumb:contains('${name}')` },
    ];
}

/** Somebody who has read nothing goes by the words on menus, buttons and tabs. */
addTour("dunning_new_user", () => [
    { trigger: ".o_navbar_apps_menu button", run: "click" },
    { trigger: ".o-dropdown--menu .o_app:contains('Invoicing')", run: "click" },
    ...menu("Customers", "Excluded Receivables"),
    {
        content: "Who is not reminded ...",
        trigger: ".o_group_name:contains('Open the hold to resume')",
        run: "click",
    },
    {
        content: "... and why",
        trigger: ".o_data_row:contains('Delta'):contains('Reminders to the customer are stopped')",
    },
    ...customer("Alpha"),
    { content: "Stop", trigger: "button:contains('STOP')", run: "click" },
    { trigger: ".o_notification:contains('Reminders for Alpha are stopped')" },
    ...customer("Gamma"),
    { content: "Promise", trigger: ".nav-link:contains('Follow-up')", run: "click" },
    { trigger: ".o_dunning_panel button:contains('Promise')", run: "click" },
    { trigger: ".modal:contains('Promise to Pay') button:contains('Save')", run: "click" },
    { trigger: "body:not(:has(.modal)) .o_dunning_headline:contains('Promised to pay')" },
    ...menu("Customers", "To Send"),
    { trigger: `${GROUP}:contains('Beta'):contains('1 of 1 selected')` },
    { trigger: `${GROUP}:contains('Alpha'):contains('0 of 1 selected')` },
    { content: "Send", trigger: ".o_control_panel button:contains('Send')", run: "click" },
    {
        trigger:
            ".modal:contains('1 message to 1 customer: ') .modal-footer button:contains('Send')",
        run: "click",
    },
    { trigger: ".o_notification:contains('1 in the mail queue')" },
]);
