import { addTour } from "./add_tour";

const GROUP = ".o_dunning_task_list tr.o_group_header";
const ROW = ".o_dunning_task_list tr.o_data_row";
const FIGURES = ".o_dunning_figures";

/** What people do in the task list beside sending. */
addTour("dunning_task_list", () => [
    { trigger: `${FIGURES}:contains('400.00')` },
    {
        content: "On a screen of 1366 pixels the list shows all it has beside the message",
        trigger: ".o_dunning_task_list .o_list_renderer",
        run() {
            const { scrollWidth, clientWidth } = this.anchor;
            if (window.innerWidth === 1366 && scrollWidth > clientWidth) {
                const heads = [...this.anchor.querySelectorAll("thead th")];
                const widths = heads.map((head) => `${head.innerText} ${head.offsetWidth}`);
                throw new Error(`${scrollWidth} > ${clientWidth}: ${widths}`);
            }
        },
    },
    {
        content: "Untick one item",
        trigger: `${ROW}:contains('300.00') .o_dunning_tick input:checked`,
        run: "click",
    },
    { content: "The total follows", trigger: `${FIGURES}:contains('100.00')` },
    {
        content: "The customer's box is half selected",
        trigger: `${GROUP}:contains('Beta'):contains('1 of 2 selected')`,
    },
    {
        content: "Tick the customer again",
        trigger: `${GROUP}:contains('Beta') .o_dunning_group_tick input`,
        run: "click",
    },
    { trigger: `${FIGURES}:contains('400.00')` },
    {
        content: "Tick a stopped item against its reason",
        trigger: `${ROW}:contains('50.00') .o_dunning_tick input:not(:checked)`,
        run: "click",
    },
    { trigger: ".modal #dunning_why", run: "edit Agreed by phone" },
    { trigger: ".modal-footer .btn-primary:enabled", run: "click" },
    { trigger: `${FIGURES}:contains('450.00')` },
    { trigger: `${ROW}.text-warning:contains('50.00')` },
    {
        content: "The message as it will be sent stands beside the list",
        trigger: ".o_dunning_side:contains('Alpha'):contains('alpha@example.com')",
    },
    { trigger: ".o_dunning_side iframe[sandbox='allow-same-origin']" },
    {
        content: "Sending names it",
        trigger: ".o_dunning_send",
        run: "click",
    },
    {
        trigger: ".modal-body:contains('1 item despite an exclusion reason: Reminders for the ')",
    },
    { trigger: ".modal-footer .btn-secondary", run: "click" },
    {
        content: "Preview the message",
        trigger: `${GROUP}:contains('Beta') button[name=action_preview]`,
        run: "click",
    },
    { trigger: ".modal:contains('Beta') .o_field_widget[name=subject]:contains('reminder')" },
    { trigger: ".modal-footer button.btn-primary", run: "click" },
    {
        content: "Note a promise",
        trigger: `body:not(:has(.modal)) ${ROW}:contains('300.00') button[name=action_promise]`,
        run: "click",
    },
    { trigger: ".modal .o_form_button_save", run: "click" },
    {
        content: "The promised item is not selected, with the (x) beside the promise",
        trigger: `${ROW}:contains('300.00') td[name=promise_date] .o_dunning_mark`,
    },
    { trigger: `${FIGURES}:contains('150.00')` },
    {
        content: "Show what is dropped",
        trigger: ".o_searchview_dropdown_toggler",
        run: "click",
    },
    { trigger: ".o_filter_menu .o_menu_item:contains('Not listed')", run: "click" },
    {
        content: "The prevented customer has its reason",
        trigger: `${GROUP}:contains('Gamma') .o_dunning_mark[aria-label*='prevented']`,
    },
]);

/** Who leaves the page with the dialog of a promise open has promised nothing. */
addTour("dunning_promise_left", () => [
    { trigger: `${ROW}:contains('100.00') td[name=date_due]`, run: "click" },
    { trigger: `${ROW}:contains('100.00') td[name=date_due]`, run: "press r" },
    {
        trigger: ".modal .o_form_view .o_field_widget[name=date]",
        run: () => location.reload(),
        expectUnloadPage: true,
    },
    { trigger: `body:not(:has(.modal)) ${ROW}:contains('100.00') td[name=date_due]` },
    { trigger: `${FIGURES}:contains('100.00')` },
]);

/** The list of the day is there at once, and its link keeps it. */
addTour("dunning_todays_list", () => [
    { trigger: `${FIGURES}:contains('100.00')` },
    { trigger: `.o_dunning_unfinished:contains('older list')` },
    {
        content: "Load the page again",
        trigger: `${ROW}:contains('100.00')`,
        run: () => location.reload(),
        expectUnloadPage: true,
    },
    { trigger: `${FIGURES}:contains('100.00')` },
    { trigger: `${GROUP}:contains('Alpha')` },
    { trigger: ".o_searchview_facet:contains('Listed')" },
    {
        content: "Open the older list",
        trigger: ".o_dunning_unfinished button:contains('Open List')",
        run: "click",
    },
    { trigger: ".o_dunning_overtaken:contains('not of today')" },
    {
        content: "Bring it up to date",
        trigger: ".o_dunning_overtaken button:contains('Refresh')",
        run: "click",
    },
    { trigger: `.o_dunning_task_list:not(:has(.o_dunning_overtaken)) ${FIGURES}` },
]);

/** A saved link that is opened in a new tab leads to its list, and not to today's. */
addTour("dunning_saved_link", () => [
    { trigger: `${FIGURES}:contains('40.00')` },
    { trigger: `${GROUP}:contains('Beta')` },
    { trigger: ".o_searchview_facet:contains('Listed')" },
    { trigger: `.o_dunning_task_list:not(:has(${GROUP}:contains('Alpha')))` },
]);

function press(key, text = "300.00") {
    return {
        trigger: `body:not(:has(.modal)) ${ROW}:contains('${text}') td:focus`,
        run: (helpers) => helpers.press(key),
    };
}

/** The list is worked with the keys alone. */
addTour("dunning_keys", () => [
    { trigger: `${FIGURES}:contains('400.00')` },
    {
        content: "Begin at the first item",
        trigger: `${ROW}:contains('300.00') td[name=date_due]`,
        run() {
            this.anchor.focus();
        },
    },
    press(" "),
    { trigger: `${FIGURES}:contains('100.00')` },
    press(" "),
    { trigger: `${FIGURES}:contains('400.00')` },
    { trigger: ".o_dunning_side:contains('Beta')" },
    press("j"),
    press("k", "100.00"),
    press("p"),
    { trigger: ".modal button[name=action_apply]", run: "press Escape" },
    press("r"),
    { trigger: ".modal .o_field_widget[name=date]", run: "press Escape" },
    press("?"),
    { trigger: ".modal .o_dunning_keys", run: "press Escape" },
    press("s"),
    {
        content: "Reminders for the item are stopped, and the keys stay there",
        trigger: `${FIGURES}:contains('100.00')`,
    },
    { trigger: `${ROW}:contains('300.00') .o_dunning_mark` },
    press("Enter"),
    { trigger: ".o_form_view .o_field_widget[name=amount_residual]:contains('300.00')" },
]);

/** On a phone each row is a card with its amount, its reasons and what can be done. */
addTour("dunning_phone", () => [
    { trigger: `${FIGURES}:contains('100.00')` },
    {
        content: "Nothing of the card is beyond the edge of the screen",
        trigger: `${ROW}:contains('100.00')`,
        run() {
            const parts = this.anchor.querySelectorAll("td[name=amount_residual], button.btn");
            if (parts.length < 5) {
                throw new Error("The card has no amount or no buttons.");
            }
            if (this.anchor.querySelector("td[name=days_overdue]").offsetWidth) {
                throw new Error("A number without a title stands on the card.");
            }
            for (const part of parts) {
                const { left, right, width } = part.getBoundingClientRect();
                if (!width || left < 0 || right > window.innerWidth) {
                    throw new Error(`Out of the screen: ${part.outerHTML}`);
                }
            }
        },
    },
    { trigger: `${ROW}:contains('100.00') button[name=action_dunning_stop]`, run: "click" },
    { trigger: `${ROW}:contains('100.00') .o_dunning_mark` },
    {
        trigger: `${ROW}:contains('100.00') td[name=rule_id]:contains('Reminders for the item are stopped')`,
    },
]);
