import { expect, test } from "@odoo/hoot";
import { animationFrame } from "@odoo/hoot-mock";
import {
    contains,
    defineModels,
    fields,
    models,
    mountView,
    onRpc,
} from "@web/../tests/web_test_helpers";
import { defineMailModels } from "@mail/../tests/mail_test_helpers";

class Promised extends models.Model {
    _name = "dunning.promise";

    note = fields.Char({ default: "Filled in" });
}

defineMailModels();
defineModels([Promised]);

async function leave() {
    onRpc("web_save", ({ args }) => expect.step(args[1]));
    await mountView({
        resModel: "dunning.promise",
        type: "form",
        arch: `<form js_class="dunning_promise_form"><field name="note" /></form>`,
    });
    return async () => {
        const ev = new Event("beforeunload", { cancelable: true });
        window.dispatchEvent(ev);
        await animationFrame();
        return ev.defaultPrevented;
    };
}

test("a promise that nobody has saved is not left behind", async () => {
    const unload = await leave();
    expect(await unload()).toBe(false);
    expect.verifySteps([]);
});

test("who has typed something is asked before leaving", async () => {
    const unload = await leave();
    await contains("[name=note] input").edit("By phone");
    expect(await unload()).toBe(true);
    expect.verifySteps([]);
});
