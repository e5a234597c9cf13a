import { expect, test } from "@odoo/hoot";
import { keyDown, press, queryAllTexts } from "@odoo/hoot-dom";
import { advanceTime, animationFrame, mockDate } from "@odoo/hoot-mock";
import {
    contains,
    defineModels,
    fields,
    makeServerError,
    mockService,
    models,
    mountView,
    onRpc,
} from "@web/../tests/web_test_helpers";
import { defineMailModels } from "@mail/../tests/mail_test_helpers";

class Customer extends models.Model {
    _name = "customer";

    name = fields.Char();

    _records = [
        { id: 1, name: "Alpha" },
        { id: 2, name: "Beta" },
    ];
}

class Line extends models.Model {
    _name = "dunning.run.line";

    partner_id = fields.Many2one({ relation: "customer" });
    name = fields.Char();
    checked = fields.Boolean();
    outcome = fields.Char();
    amount_residual = fields.Float({ aggregator: "sum" });
    checked_count = fields.Integer({ aggregator: "sum" });
    included_count = fields.Integer({ aggregator: "sum" });
    listed_count = fields.Integer({ aggregator: "sum" });
    checked_amount = fields.Float({ aggregator: "sum" });
    approval_user_id = fields.Many2one({ relation: "customer" });
    override_note = fields.Char();

    _records = [
        line(1, 1, "unchecked", false, 50),
        line(2, 2, "included", true, 300),
        line(3, 2, "included", true, 100),
    ];
}

function line(id, partner_id, outcome, checked, amount_residual) {
    return {
        id,
        partner_id,
        name: `INV/${id}`,
        outcome,
        checked,
        amount_residual,
        checked_count: checked ? 1 : 0,
        included_count: outcome === "included" ? 1 : 0,
        listed_count: 1,
        checked_amount: checked ? amount_residual : 0,
    };
}

defineMailModels();
defineModels([Customer, Line]);

const TODAY = "2026-11-26";
const FIGURES = {
    id: 9,
    date: TODAY,
    state: "prepared",
    can_work: true,
    currency_id: false,
    item_count: 2,
    customer_count: 1,
    message_count: 1,
    amount: 400,
    included_count: 2,
    unchecked_count: 1,
    dropped_count: 0,
    sent_count: 0,
    failed_count: 0,
    progress: 0,
};

async function mountTaskList(figures = FIGURES) {
    mockDate(`${TODAY} 12:00:00`);
    onRpc("dunning.run", "read_figures", () => figures);
    onRpc("dunning.run.line", "read_customer_marks", () => ({
        1: ["Reminders to the customer are stopped"],
    }));
    await mountView({
        resModel: "dunning.run.line",
        type: "list",
        groupBy: ["partner_id"],
        context: { dunning_run_id: 9 },
        arch: `
            <list js_class="dunning_task_list" class="o_dunning_task_list" expand="1">
                <field name="checked" widget="dunning_tick" />
                <field name="partner_id" />
                <field name="name" />
                <field name="amount_residual" />
                <field name="outcome" />
                <field name="checked_count" column_invisible="1" />
                <field name="included_count" column_invisible="1" />
                <field name="listed_count" column_invisible="1" />
                <field name="checked_amount" column_invisible="1" />
            </list>`,
    });
}

test("what is ticked stays in view", async () => {
    await mountTaskList();
    expect(".o_dunning_figures").toHaveText(/400\.00.*1 message to 1 customer, 2 items/s);
});

test("each customer has a tick box, its totals and its reasons", async () => {
    await mountTaskList();
    expect(".o_group_header:eq(0) input").not.toBeChecked();
    expect(".o_group_header:eq(0) .o_dunning_mark").toHaveAttribute(
        "aria-label",
        "Excluded: Reminders to the customer are stopped"
    );
    expect(".o_group_header:eq(1) input").toBeChecked();
    expect(".o_group_header:eq(1) .o_dunning_mark").toHaveCount(0);
    expect(queryAllTexts(".o_dunning_group_ticked")).toEqual([
        "0 of 1 selected, 0.00",
        "2 of 2 selected, 400.00",
    ]);
});

test("the box of a customer ticks on the server, for its other pages, too", async () => {
    onRpc("dunning.run.line", "tick", ({ args }) => {
        expect.step(args);
        return true;
    });
    await mountTaskList();
    await contains(".o_group_header:eq(0) .o_dunning_group_tick input").click();
    await contains("#dunning_why").edit("Agreed", { confirm: "enter" });
    expect.verifySteps([[[["partner_id", "=", 1]], true, "Agreed"]]);
});

test("a customer ticked: its lines and totals follow, the page is not read anew", async () => {
    onRpc("dunning.run.line", "tick", function ({ args: [, checked] }) {
        const lines = this.env["dunning.run.line"];
        lines.write([1], { checked, checked_count: 1, checked_amount: 50 });
        return true;
    });
    await mountTaskList();
    onRpc("dunning.run.line", "web_read_group", () => expect.step("the page is read anew"));
    onRpc("dunning.run", "read_figures", () => ({ ...FIGURES, amount: 450 }));
    await contains(".o_group_header:eq(0) .o_dunning_group_tick input").click();
    await contains("#dunning_why").edit("Agreed", { confirm: "enter" });
    await animationFrame();
    expect(".o_group_header:eq(0) .o_dunning_group_ticked").toHaveText("1 of 1 selected, 50.00");
    expect(".o_group_header:eq(0) input").toBeChecked();
    expect(".o_data_row:eq(0) .o_dunning_tick input").toBeChecked();
    expect(".o_group_header:eq(1) .o_dunning_group_ticked").toHaveText("2 of 2 selected, 400.00");
    expect(".o_dunning_figures").toHaveText(/450\.00/);
    expect.verifySteps([]);
});

test("one item unticked: the totals of its customer follow", async () => {
    onRpc("dunning.run.line", "web_save", ({ args }) => expect.step(args));
    await mountTaskList();
    await contains(".o_data_row:eq(1) .o_dunning_tick input").click();
    await animationFrame();
    expect.verifySteps([[[2], { checked: false }]]);
    expect(".o_group_header:eq(1) .o_dunning_group_ticked").toHaveText("1 of 2 selected, 100.00");
    expect(".o_group_header:eq(1) input").toHaveProperty("indeterminate", true);
});

test("space unticks the item in focus", async () => {
    onRpc("dunning.run.line", "web_save", ({ args }) => expect.step(args));
    await mountTaskList();
    await contains(".o_data_row:eq(1) td[name=name]").focus();
    await keyDown(" ");
    await animationFrame();
    expect.verifySteps([[[2], { checked: false }]]);
});

test("what reasons stand against is ticked when somebody has said why", async () => {
    onRpc("dunning.run.line", "tick_against", ({ args }) => {
        expect.step(args);
        return true;
    });
    await mountTaskList();
    const box = ".o_data_row:eq(0) .o_dunning_tick input";
    await contains(box).click();
    expect(box).not.toBeChecked();
    expect(".modal-footer .btn-primary").not.toBeEnabled();
    await contains("#dunning_why").edit("Agreed by phone", { confirm: false });
    await contains(".modal-footer .btn-primary").click();
    expect.verifySteps([[[1], "Agreed by phone"]]);
    expect(".modal").toHaveCount(0);
});

test("above the maximum an approver is asked, and an approver releases", async () => {
    const call = ({ method, args }) => {
        expect.step([method, args]);
        return true;
    };
    onRpc("dunning.run.line", "ask_for_approval", call);
    onRpc("dunning.run.line", "release", call);
    await mountTaskList({ ...FIGURES, above: [1], can_approve: false });
    await contains(".o_data_row:eq(0) .o_dunning_tick input").click();
    await contains("#dunning_why").edit("They know", { confirm: "enter" });
    expect.verifySteps([["ask_for_approval", [[1], "They know"]]]);
    expect(".o_notification").toHaveText(/The approvers were asked/);
});

test("an approver releases a customer with one click and a word", async () => {
    Object.assign(Line._records[0], { approval_user_id: 2, override_note: "They know" });
    onRpc("dunning.run.line", "release", ({ args }) => {
        expect.step(args);
        return true;
    });
    await mountTaskList({ ...FIGURES, above: [1], can_approve: true });
    expect(".o_group_header button[name=release]").toHaveCount(1);
    await contains(".o_group_header button[name=release]").click();
    expect(".modal-body p:first").toHaveText("Alpha");
    expect(".o_dunning_asked").toHaveText("Asked by Beta: They know");
    await contains("#dunning_why").edit("All right", { confirm: "enter" });
    expect.verifySteps([[[1], "All right"]]);
});

test("beside the list stand customer and message of the row in focus", async () => {
    onRpc("dunning.run.line", "read_side", ({ args }) => {
        expect.step(args[0]);
        return {
            partner_id: 2,
            name: "Beta",
            phone: "+32 1",
            comment: "Calls back",
            recipients: [{ name: "Beta", email: "beta@example.com" }],
            subject: "A reminder",
            body: "<p>Please pay</p><script>steal()</script>",
            fault: false,
            history: [{ id: 4, date: "2026-11-01", name: "Level 1", state_name: "Sent" }],
            promises: [],
        };
    });
    await mountTaskList();
    expect(".o_dunning_side").toHaveText(/Choose a row/);
    await contains(".o_data_row:eq(1) td[name=name]").focus();
    await contains(".o_data_row:eq(2) td[name=name]").focus();
    await advanceTime(300);
    await animationFrame();
    expect.verifySteps([3]);
    expect(".o_dunning_side").toHaveText(
        /Beta.*\+32 1.*Calls back.*beta@example\.com.*A reminder/s
    );
    expect(".o_dunning_side iframe").toHaveAttribute("sandbox", "allow-same-origin");
    expect(".o_dunning_side").toHaveText(/Level 1.*Sent/s);
    await contains(".o_group_header:eq(0) .o_group_name").focus();
    await advanceTime(300);
    expect.verifySteps([1]);
});

test("all customers are unfolded at once", async () => {
    await mountTaskList();
    expect(".o_dunning_unfold").toHaveCount(0);
    await contains(".o_group_header:eq(0) .o_group_name").click();
    await contains(".o_group_header:eq(1) .o_group_name").click();
    expect(".o_data_row").toHaveCount(0);
    await contains(".o_dunning_unfold").click();
    await animationFrame();
    expect(".o_data_row").toHaveCount(3);
    expect(".o_dunning_unfold").toHaveCount(0);
});

test("sent, in the mail queue, to print: three numbers, and a button that prints", async () => {
    mockService("action", {
        doActionButton: ({ name }) => expect.step(name),
    });
    const numbers = { sent_count: 3, waiting_count: 2, print_count: 10 };
    await mountTaskList({ ...FIGURES, state: "done", ...numbers });
    expect(".o_dunning_sent").toHaveText("3 sent · 2 in the mail queue · 10 to print");
    expect("button[name=action_print_letters]").toHaveText("Print 10 letters");
    await contains("button[name=action_print_letters]").click();
    expect.verifySteps(["action_print_letters"]);
});

test("what is sent against reasons is named before it is sent", async () => {
    const against = {
        count: 4,
        reasons: ["Promised to pay", "Reminders to the customer are stopped"],
    };
    await mountTaskList({ ...FIGURES, against });
    await contains(".o_dunning_send").click();
    expect(".modal-body").toHaveText(
        /4 items despite an exclusion reason: Promised to pay, Reminders to the customer are stopped\./
    );
});

test("arrows move from an item to the next customer and on, space ticks there", async () => {
    onRpc("dunning.run.line", "tick", ({ args }) => {
        expect.step(args);
        return true;
    });
    await mountTaskList();
    await contains(".o_data_row:eq(0) .o_dunning_tick input").focus();
    await press("ArrowDown");
    expect(".o_group_header:eq(1) .o_dunning_group_tick input").toBeFocused();
    await press(" ");
    await animationFrame();
    expect.verifySteps([[[["partner_id", "=", 2]], false]]);
    expect(".o_group_header:eq(1) .o_dunning_group_tick input").toBeFocused();
    await press("ArrowDown");
    expect(".o_data_row:eq(1) .o_dunning_tick input").toBeFocused();
    await press("ArrowRight");
    expect(".o_data_row:eq(1) td[name=name]").toBeFocused();
    await contains(".o_group_header:eq(1) .o_group_name").focus();
    await press(" ");
    await animationFrame();
    expect.verifySteps([[[["partner_id", "=", 2]], false]]);
});

test("keys move, stop, pause and preview what is in focus", async () => {
    mockService("action", {
        doActionButton: ({ name, resIds }) => expect.step([name, resIds]),
    });
    await mountTaskList();
    await contains(".o_data_row:eq(1) td[name=name]").focus();
    await press("s");
    await press("r");
    await press("j");
    await press("p");
    await press("k");
    await press("k");
    await press("s");
    await animationFrame();
    expect.verifySteps([
        ["action_dunning_stop", [2]],
        ["action_promise", [2]],
        ["action_dunning_pause", [3]],
        ["action_dunning_stop_customer", [2, 3]],
    ]);
});

test("a question mark lists the keys", async () => {
    await mountTaskList();
    await contains(".o_data_row:eq(0) td[name=name]").focus();
    await press("?");
    await animationFrame();
    expect(".o_dunning_keys tr").toHaveCount(11);
});

test("in a run that is done keys only preview", async () => {
    mockService("action", { doActionButton: ({ name }) => expect.step(name) });
    await mountTaskList({ ...FIGURES, state: "done" });
    await contains(".o_data_row:eq(0) td[name=name]").focus();
    await press("s");
    await press("v");
    await animationFrame();
    expect.verifySteps(["action_preview"]);
});

test("a customer of whom only a part is ticked has half a tick and a grey mark", async () => {
    Line._records.push(line(4, 2, "unchecked", false, 70));
    await mountTaskList();
    expect(".o_group_header:eq(1) input").toHaveProperty("indeterminate", true);
    expect(".o_group_header:eq(1) .o_dunning_mark.text-muted").toHaveAttribute(
        "aria-label",
        "Excluded: 1 item held back"
    );
});

test("a tick that is refused is not shown", async () => {
    expect.errors(1);
    onRpc("dunning.run.line", "tick", () => {
        throw makeServerError({ message: "More than the maximum" });
    });
    await mountTaskList();
    await contains(".o_group_header:eq(0) .o_dunning_group_tick input").click();
    await contains("#dunning_why").edit("Agreed", { confirm: "enter" });
    await animationFrame();
    expect.verifyErrors(["More than the maximum"]);
    expect(".o_group_header:eq(0) .o_dunning_group_tick input").not.toBeChecked();
});

test("the box above all ticks all, those that are not on the page, too", async () => {
    onRpc("dunning.run.line", "tick", ({ args }) => {
        expect.step(args);
        return true;
    });
    await mountTaskList();
    await contains(".o_dunning_tick_header input").click();
    expect.verifySteps([[[], false]]);
});

test("a reason beside a customer with a long name is not cut off", async () => {
    Customer._records[0].name = "A very long name of a customer ".repeat(10);
    await mountTaskList();
    const cell = document.querySelector(".o_group_header .o_group_name");
    const mark = cell.querySelector(".o_dunning_mark");
    expect(mark.getBoundingClientRect().right).toBeLessThan(cell.getBoundingClientRect().right);
});

test("sending asks first, and says how much goes to how many", async () => {
    mockService("action", {
        doActionButton: ({ name, resId }) => expect.step([name, resId]),
    });
    await mountTaskList();
    await contains(".o_dunning_send").click();
    expect(".modal-body").toHaveText("1 message to 1 customer: 2 items, 400.00 in total.");
    expect.verifySteps([]);
    await contains(".modal-footer .btn-primary").click();
    expect.verifySteps([["action_send", 9]]);
});

test("a list that was overtaken says so, also before it is sent, and is refreshed", async () => {
    mockService("action", {
        doActionButton: ({ name, resId }) => expect.step([name, resId]),
    });
    await mountTaskList({
        ...FIGURES,
        overtaken: ["The list is of last week.", "Payments were received in the meantime."],
        can_refresh: true,
    });
    expect(".o_dunning_overtaken").toHaveText(
        /last week\. Payments were received in the meantime\./
    );
    await contains(".o_dunning_overtaken button").click();
    expect.verifySteps([["action_refresh", 9]]);
    await contains(".o_dunning_send").click();
    expect(".modal-body").toHaveText(/in total\. The list is of last week\. Payments/);
});

test("an older list that is unfinished is opened or given up", async () => {
    mockService("action", {
        doActionButton: ({ name, resId }) => expect.step([name, resId]),
    });
    await mountTaskList({ ...FIGURES, unfinished: { id: 4, name: "Of yesterday" } });
    expect(".o_dunning_unfinished").toHaveText(/Of yesterday/);
    await contains(".o_dunning_unfinished button:eq(0)").click();
    await contains(".o_dunning_unfinished button:eq(1)").click();
    expect(".modal-body").toHaveText(/^Of yesterday: what was sent stays sent/);
    await contains(".modal-footer .btn-primary").click();
    expect.verifySteps([
        ["action_open_lines", 4],
        ["action_cancel", 4],
    ]);
});

test("many messages are sent in the background", async () => {
    mockService("action", {
        doActionButton: ({ name }) => expect.step(name),
    });
    await mountTaskList({ ...FIGURES, message_count: 5000 });
    await contains(".o_dunning_send").click();
    await contains(".modal-footer .btn-primary").click();
    expect.verifySteps(["action_send_in_background"]);
});

test("a run that is done cannot be ticked or sent", async () => {
    await mountTaskList({ ...FIGURES, state: "done", sent_count: 1 });
    expect(".o_dunning_send").toHaveCount(0);
    expect(".o_group_header:eq(1) input").not.toBeEnabled();
    expect(".o_dunning_figures").toHaveText(/1 sent/);
    expect(".o_dunning_outcomes").not.toHaveText(/to send/);
});
