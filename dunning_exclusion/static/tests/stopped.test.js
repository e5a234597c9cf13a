import { expect, test } from "@odoo/hoot";
import { animationFrame } from "@odoo/hoot-mock";
import {
    contains,
    getService,
    mockService,
    mountWithCleanup,
    onRpc,
} from "@web/../tests/web_test_helpers";
import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { MainComponentsContainer } from "@web/core/main_components_container";
import { askResume, tellStopped } from "@dunning_exclusion/stopped/stopped";

defineMailModels();

async function stop(blockIds) {
    mockService("action", { doAction: (action) => expect.step(action.tag || action) });
    const env = (await mountWithCleanup(MainComponentsContainer)).env;
    const params = {
        message: "Reminders for Alpha are stopped.",
        block_ids: blockIds,
        next: "next",
    };
    expect(tellStopped(env, { params })).toBe("next");
    expect(Boolean(getService("notification"))).toBe(true);
    await animationFrame();
}

test("a stop is undone from what tells it", async () => {
    onRpc("dunning.block", "action_lift", ({ args }) => {
        expect.step(args);
        return true;
    });
    await stop([7]);
    expect(".o_notification").toHaveText(/Reminders for Alpha are stopped/);
    await contains(".o_notification button:contains('Undo')").click();
    expect.verifySteps([[[7]], "soft_reload"]);
    expect(".o_notification").toHaveCount(0);
});

test("a stop gets its reason from what tells it", async () => {
    onRpc("dunning.block", "action_explain", ({ args }) => {
        expect.step(args);
        return "the dialog";
    });
    await stop([7]);
    await contains(".o_notification button:contains('Add reason')").click();
    expect.verifySteps([[[7]], "the dialog"]);
});

test("what was stopped already has nothing to undo", async () => {
    await stop([]);
    expect(".o_notification button:contains('Undo')").toHaveCount(0);
});

test("the holds of many records are ended once somebody confirms it", async () => {
    onRpc("dunning.block", "action_lift", ({ args }) => {
        expect.step(args);
        return true;
    });
    mockService("action", { doAction: (action) => expect.step(action.tag) });
    const { env } = await mountWithCleanup(MainComponentsContainer);
    askResume(env, { params: { message: "Holds that end: 2.", block_ids: [7, 8] } });
    await animationFrame();
    expect(".modal-body").toHaveText("Holds that end: 2.");
    expect.verifySteps([]);
    await contains(".modal button:contains('Resume')").click();
    expect.verifySteps([[[7, 8]], "soft_reload"]);
    expect(".o_notification").toHaveText(/Holds that ended: 2/);
});
