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
    reasons: [{ reason: "The customer is stopped", until: false }],
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
            reasons: ["The customer is stopped"],
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

const NEXT = ["Today: Firm reminder (Standard reminders)", "12/01/2024: Statement"];

async function mountPanel(panel = PANEL, next = NEXT) {
    onRpc("dunning_panel", ({ model, args }) => {
        expect.step([model, ...args[0]]);
        return panel;
    });
    onRpc("dunning_next_reminders", () => next);
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
    expect(".o_dunning_reasons").toHaveText("The customer is stopped");
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

test("where some items are held and others not, both is said", async () => {
    await mountPanel({ ...PANEL, outcome: "included", blocks: [] });
    await contains("a[name=dunning]").click();
    expect(".o_dunning_status").toHaveText("Would be reminded today");
    expect(".o_dunning_panel h4:contains(Some items are not reminded)").toHaveCount(1);
    expect.verifySteps([["res.partner", serverState.partnerId]]);
});

test("it says what the customer is reminded of next, and when", async () => {
    await mountPanel();
    await contains("a[name=dunning]").click();
    await animationFrame();
    expect(".o_dunning_next div").toHaveCount(2);
    expect(".o_dunning_next").toHaveText(/Today: Firm reminder.*12\/01\/2024: Statement/s);
    expect.verifySteps([["res.partner", serverState.partnerId]]);
});

test("it says when no reminder is foreseen", async () => {
    await mountPanel(PANEL, []);
    await contains("a[name=dunning]").click();
    await animationFrame();
    expect(".o_dunning_next").toHaveText("None is foreseen");
    expect.verifySteps([["res.partner", serverState.partnerId]]);
});
