import { animationFrame, Deferred, expect, test } from "@odoo/hoot";
import { queryAllTexts, queryFirst } from "@odoo/hoot-dom";
import {
    contains,
    getService,
    mountWebClient,
    onRpc,
    patchWithCleanup,
} from "@web/../tests/web_test_helpers";
import { defineMailModels } from "@mail/../tests/mail_test_helpers";

defineMailModels();

const TASK = { button: "Show", alert: false, context: {} };
const BOARD = {
    currency_id: false,
    tasks: [
        {
            ...TASK,
            name: "to_send",
            title: "To send",
            count: 3,
            amount: 1200,
            button: "Open the list",
            action: "action_open_latest_run",
            context: { search_default_included: 1 },
        },
        { ...TASK, name: "failed", title: "Failed", count: 0, amount: 0, action: "notices" },
        {
            ...TASK,
            name: "forgotten",
            title: "Forgotten holds",
            count: 4,
            amount: 90,
            alert: true,
            action: "dunning_block_action",
            context: { search_default_forgotten: 1 },
        },
    ],
    sent: { count: 8, amount: 2100 },
    by_age: [],
    by_person: [{ label: "Ann", count: 1, amount: 50, domain: [["user_id", "=", 2]] }],
};
const BY_REASON = [
    { label: "Promised to pay", count: 2, amount: 400, domain: [["rule_id", "=", 5]] },
    { label: "Creditor", count: 1, amount: -100, domain: [["rule_id", "=", 6]] },
];
const SCREENED = {
    day: false,
    lists: { to_send: { count: 2, amount: 70 } },
    by_reason: BY_REASON,
    steps: [],
    today: "2026-03-02",
    next_run: "2026-03-03",
};

async function openDashboard(steps = [], answer = () => BOARD) {
    onRpc("dunning.run", "retrieve_dashboard", ({ args: [quick] }) => answer(quick));
    onRpc("dunning.run", "retrieve_screened", ({ args: [day] }) => ({ ...SCREENED, steps, day }));
    onRpc("dunning.run", "action_open_latest", () => ({ name: "list", context: { run: 7 } }));
    await mountWebClient();
    await getService("action").doAction({ type: "ir.actions.client", tag: "dunning_dashboard" });
    await animationFrame();
    patchWithCleanup(getService("action"), {
        loadAction: (name) => Promise.resolve({ name, domain: [["mine", "=", true]] }),
        doAction: (action) => expect.step(action),
    });
}

test("each task has a number, an amount and one button", async () => {
    await openDashboard();
    expect("section[data-name=to_send]").toHaveText(
        /To send\s*2 customers\s*70\.00\s*Open the list/
    );
    expect("section[data-name=to_send] button").toHaveCount(1);
    expect(".o_dunning_sent").toHaveText("Sent this month: 8 messages, 2,100.00");
});

test("figures of all open items follow the page", async () => {
    const figures = new Deferred();
    const unknown = { ...BOARD.tasks[0], count: null, amount: null };
    const quickBoard = { ...BOARD, tasks: [unknown], by_age: null, by_person: null };
    await openDashboard([], (quick) => (quick ? quickBoard : figures));
    expect("section[data-name=to_send]").toHaveText(/To send\s*…\s*Open the list/);
    expect("[data-name=by_age]").toHaveText(/Loading…/);
    const screened = new Deferred();
    onRpc("dunning.run", "retrieve_screened", () => screened);
    figures.resolve({ ...BOARD, tasks: [{ ...unknown }] });
    await animationFrame();
    await animationFrame();
    expect("section[data-name=to_send]").toHaveText(/To send\s*…\s*Open the list/);
    expect("[data-name=by_age]").toHaveText(/Nobody is held back/);
    expect("[data-name=by_reason]").toHaveText(/Loading…/);
    screened.resolve(SCREENED);
    await animationFrame();
    await animationFrame();
    expect("section[data-name=to_send]").toHaveText(/2 customers\s*70\.00/);
    expect("[data-name=by_reason]").toHaveText(/Promised to pay/);
});

test("what needs attention has a sign, not only a colour", async () => {
    await openDashboard();
    expect("section[data-name=failed] .fa-exclamation-triangle").toHaveCount(0);
    expect("section[data-name=forgotten] .fa-exclamation-triangle").toHaveCount(1);
});

test("the button of a task leads to its list", async () => {
    await openDashboard();
    await contains("button[name=to_send]").click();
    await contains("button[name=forgotten]").click();
    expect.verifySteps([
        { name: "list", context: { run: 7, search_default_included: 1 } },
        {
            name: "dunning_exclusion.dunning_block_action",
            context: { search_default_forgotten: 1 },
            domain: [["mine", "=", true]],
        },
    ]);
});

test("a row leads to what it counts", async () => {
    await openDashboard();
    await contains("[data-name=by_reason] tbody a:eq(0)").click();
    expect.verifySteps([
        {
            name: "dunning_exclusion.dunning_screening_action",
            context: {},
            domain: [["rule_id", "=", 5]],
        },
    ]);
});

test("a coming day can be looked at", async () => {
    await openDashboard();
    expect(queryFirst("#o_dunning_day").value).toBe("2026-03-02");
    expect(".o_dunning_coming").toHaveCount(0);
    await contains("button[name=next_run]").click();
    expect(queryFirst("#o_dunning_day").value).toBe("2026-03-03");
    expect(".o_dunning_coming").toHaveText(/2 customers, 70\.00/);
    await contains("[data-name=by_reason] tbody a:eq(0)").click();
    expect.verifySteps([
        {
            name: "dunning_exclusion.dunning_screening_action",
            display_name: "Excluded receivables on Mar 3, 2026",
            context: { dunning_day: "2026-03-03" },
            domain: [["rule_id", "=", 5]],
        },
    ]);
});

test("bars are as long as their amounts, credits too", async () => {
    await openDashboard();
    expect(queryAllTexts("[data-name=by_reason] tbody td:last-child")).toEqual([
        "400.00",
        "-100.00",
    ]);
    expect(queryFirst("[data-name=by_reason] tr:eq(1) .o_dunning_bar > div").style.width).toBe(
        "100%"
    );
    expect(queryFirst("[data-name=by_reason] tr:eq(2) .o_dunning_bar > div").style.width).toBe(
        "25%"
    );
});

test("an empty table says so, the columns of the others have names", async () => {
    await openDashboard();
    expect("[data-name=by_age] table").toHaveCount(0);
    expect("[data-name=by_age]").toHaveText(/Nobody is held back/);
    expect("[data-name=by_person] thead th").toHaveCount(3);
});

test("the first steps lead to where they are done, and can be hidden", async () => {
    onRpc("dunning.run", "action_hide_first_steps", () => {
        expect.step("hidden");
        return true;
    });
    onRpc("/web/dataset/call_kw/onboarding.onboarding.step/open_thresholds", () => "my.rules");
    await openDashboard([
        { name: "scenario", title: "Scenario", text: "Who", action: "open_scenarios", done: true },
        {
            name: "thresholds",
            title: "Thresholds",
            text: "How",
            action: "open_thresholds",
            done: false,
        },
    ]);
    expect(".o_dunning_steps .fa-check-circle").toHaveCount(1);
    expect(".o_dunning_steps [data-name=thresholds] i").toHaveAttribute("aria-label", "To do");
    await contains(".o_dunning_steps a:contains(Thresholds)").click();
    await contains("button[name=hide_steps]").click();
    expect(".o_dunning_steps").toHaveCount(0);
    expect.verifySteps(["my.rules", "hidden"]);
});

test("nothing is shown of first steps that are done", async () => {
    await openDashboard();
    expect(".o_dunning_steps").toHaveCount(0);
});
