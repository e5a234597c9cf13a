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

    _records = [{ id: 1, note: "By phone" }];
}

defineMailModels();
defineModels([Promised]);

async function leave(resId) {
    onRpc("web_save", ({ args }) => expect.step(args[1]));
    await mountView({
        resModel: "dunning.promise",
        type: "form",
        resId,
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
    const unload = await leave(false);
    expect(await unload()).toBe(false);
    expect.verifySteps([]);
});

test("who has typed something is asked before leaving", async () => {
    const unload = await leave(false);
    await contains("[name=note] input").edit("By phone");
    expect(await unload()).toBe(true);
    expect.verifySteps([]);
});

test("changes of a promise that is there are saved as in all forms", async () => {
    const unload = await leave(1);
    await contains("[name=note] input").edit("By letter");
    await unload();
    expect.verifySteps([{ note: "By letter" }]);
});
