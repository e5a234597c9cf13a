import { addTour } from "./add_tour";

function open(action) {
    return {
        content: `Open ${action}`,
        trigger: ".o_main_navbar",
        run: () =>
            window.odoo.__WOWL_DEBUG__.root.env.services.action.doAction(
                `dunning_exclusion.${action}`,
                {
                    clearBreadcrumbs: true,
                }
            ),
    };
}

function fits(trigger) {
    return {
        content: "Nothing is read by moving the page sideways",
        trigger,
        run() {
            const parts = ".o_content, .o_list_renderer, .o_kanban_renderer, .modal-body";
            for (const part of document.querySelectorAll(parts)) {
                if (part.scrollWidth > part.clientWidth + 1) {
                    throw new Error(`${part.className}: ${part.scrollWidth} > ${part.clientWidth}`);
                }
            }
        },
    };
}

/** On a phone, lists are cards that say what holds a customer or an invoice back. */
addTour("dunning_phone_cards", () => [
    open("dunning_customer_action"),
    fits(".o_kanban_record:contains('Alpha'):contains('Stopped')"),
    open("dunning_invoice_action"),
    fits(".o_kanban_record:contains('Beta'):contains('Paused'):contains('→')"),
    open("dunning_exclusion_report_action"),
    fits(".o_kanban_record:contains('Alpha'):contains('Reminders to the customer are stopped')"),
    open("dunning_promise_action"),
    { trigger: ".o_kanban_record:contains('Beta')", run: "click" },
    fits(".o_field_widget[name=move_line_ids] .o_kanban_record"),
    ...["reminder_type", "exclusion_rule", "block_reason"].flatMap((name) => [
        open(`dunning_${name}_action`),
        fits(".o_kanban_record"),
    ]),
    open("dunning_scenario_action"),
    { trigger: ".o_kanban_record:not(:contains('Switched off'))", run: "click" },
    fits(".o_field_widget[name=level_ids] .o_kanban_record"),
    { trigger: "button[name=action_preview]", run: "click" },
    fits(".modal .o_field_widget[name=line_ids] .o_kanban_record:contains('Beta')"),
]);
