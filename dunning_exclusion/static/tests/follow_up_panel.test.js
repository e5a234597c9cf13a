import { animationFrame, expect, test } from "@odoo/hoot";
import {
    contains,
    mockService,
    mountView,
    onRpc,
    serverState,
} from "@web/../tests/web_test_helpers";
import { defineMailModels } from "@mail/../tests/mail_test_helpers";

defineMailModels();

const PANEL = {
    currency_id: 1,
    can_work: true,
    outcome: "unchecked",
    reasons: [
        {
            rule: "stop_customer",
            reason: "Reminders to the customer are stopped",
            until: false,
            block_id: 7,
            way_out: "Open the hold to resume",
        },
    ],
    blocks: [
        {
            id: 7,
            kind: "stop",
            state: "active",
            name: "",
            reason: "Dispute",
            user: "Ann",
            since: "2024-01-05",
            until: false,
            note: "",
        },
    ],
    items: [
        {
            id: 3,
            move_id: 4,
            name: "INV/1",
            date_due: "2024-01-01",
            days_overdue: 9,
            amount: 120,
            outcome: "unchecked",
            reasons: ["Reminders to the customer are stopped"],
            stopped: false,
        },
    ],
    item_count: 1,
    promises: [],
    notices: [],
    outstanding: 120,
    overdue: 120,
    scenario: "Standard reminders",
    scenario_message: "",
    types: [{ id: 2, name: "Final notice", on: true }],
};

const HEADLINE = {
    state: "held",
    text: "Held back until somebody decides: Reminders to the customer are stopped",
    next: [],
};

async function mountPanel(panel = PANEL, headline = HEADLINE) {
    onRpc("dunning_panel", ({ model, args }) => {
        expect.step([model, ...args[0]]);
        return panel;
    });
    onRpc("dunning_headline", () => headline);
    await mountView({
        resModel: "res.partner",
        resId: serverState.partnerId,
        type: "form",
        arch: `
            <form>
                <notebook>
                    <page name="first" string="First"><field name="name" /></page>
                    <page name="dunning" string="Follow-up">
                        <widget name="dunning_follow_up" />
                    </page>
                </notebook>
            </form>`,
    });
}

test("the tab costs nothing until it is opened", async () => {
    await mountPanel();
    expect.verifySteps([]);
    await contains("a[name=dunning]").click();
    expect.verifySteps([["res.partner", serverState.partnerId]]);
});

test("it says who stopped the customer, since when and why", async () => {
    await mountPanel();
    await contains("a[name=dunning]").click();
    expect(".o_dunning_status").toHaveText(/Stopped.*without an end.*Dispute.*by Ann/s);
    expect(".o_dunning_reasons").toHaveText(/^Reminders to the customer are stopped/);
    expect("button[name=action_dunning_stop]").toHaveCount(0);
    expect("button[name=action_dunning_resume]").toHaveCount(1);
    expect.verifySteps([["res.partner", serverState.partnerId]]);
});

test("a button runs the action of the customer", async () => {
    mockService("action", {
        doActionButton: ({ name, resModel, resId }) => expect.step([name, resModel, resId]),
    });
    await mountPanel({ ...PANEL, blocks: [] });
    await contains("a[name=dunning]").click();
    await contains("button[name=action_dunning_stop]").click();
    expect.verifySteps([
        ["res.partner", serverState.partnerId],
        ["action_dunning_stop", "res.partner", serverState.partnerId],
    ]);
});

test("who may only read sees no buttons", async () => {
    await mountPanel({ ...PANEL, can_work: false });
    await contains("a[name=dunning]").click();
    expect(".o_dunning_panel button").toHaveCount(0);
    expect("input[role=switch]").not.toBeEnabled();
    expect.verifySteps([["res.partner", serverState.partnerId]]);
});

test("one headline says when it is reminded next, or why not", async () => {
    await mountPanel();
    await contains("a[name=dunning]").click();
    await animationFrame();
    expect(".o_dunning_headline").toHaveText(HEADLINE.text);
    expect(".o_dunning_headline").toHaveAttribute("data-state", "held");
    expect(".o_dunning_next").toHaveCount(0);
    expect.verifySteps([["res.partner", serverState.partnerId]]);
});

test("it says what the customer is reminded of next, and when", async () => {
    const next = ["Today: Firm reminder (Standard reminders)", "12/01/2024: Statement"];
    await mountPanel({ ...PANEL, reasons: [] }, { state: "next", text: "Next reminder", next });
    await contains("a[name=dunning]").click();
    await animationFrame();
    expect(".o_dunning_next div").toHaveCount(2);
    expect(".o_dunning_next").toHaveText(/Today: Firm reminder.*12\/01\/2024: Statement/s);
    expect(".o_dunning_reasons").toHaveCount(0);
    expect.verifySteps([["res.partner", serverState.partnerId]]);
});

test("a reason is a way out", async () => {
    // As a button of the form: the action is then as complete as that of a menu.
    mockService("action", {
        doActionButton: ({ name, resIds, args }) => expect.step([name, resIds, args]),
    });
    await mountPanel();
    await contains("a[name=dunning]").click();
    await contains("button[name=way_out]:contains(Open the hold)").click();
    const id = serverState.partnerId;
    expect.verifySteps([
        ["res.partner", id],
        ["action_dunning_way_out", [id], '["stop_customer",7]'],
    ]);
});

test("what is saved is told anew, while the tab is open", async () => {
    onRpc("dunning_panel", () => {
        expect.step("asked");
        return PANEL;
    });
    onRpc("dunning_headline", () => HEADLINE);
    await mountView({
        resModel: "res.partner",
        resId: serverState.partnerId,
        type: "form",
        arch: `<form><field name="name" /><widget name="dunning_follow_up" /></form>`,
    });
    expect.verifySteps(["asked"]);
    await contains(".o_field_widget[name=name] input").edit("Changed");
    expect.verifySteps([]);
    await contains(".o_form_button_save").click();
    await animationFrame();
    expect.verifySteps(["asked"]);
});
