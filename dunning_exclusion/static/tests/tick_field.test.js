import { expect, test } from "@odoo/hoot";
import {
    contains,
    defineModels,
    fields,
    models,
    mountView,
    onRpc,
} from "@web/../tests/web_test_helpers";
import { defineMailModels } from "@mail/../tests/mail_test_helpers";

class Line extends models.Model {
    _name = "line";

    checked = fields.Boolean();
    outcome = fields.Char();

    _records = [
        { id: 1, checked: true, outcome: "included" },
        { id: 2, checked: false, outcome: "dropped" },
    ];
}

defineMailModels();
defineModels([Line]);

async function mountLines() {
    await mountView({
        resModel: "line",
        type: "list",
        arch: `
            <list>
                <field name="checked" widget="dunning_tick" readonly="outcome == 'dropped'" />
                <field name="outcome" />
            </list>`,
    });
}

test("a tick is saved at once, without opening the row", async () => {
    onRpc("line", "web_save", ({ args }) => expect.step(args));
    await mountLines();
    await contains(".o_data_row:eq(0) .o_dunning_tick input").click();
    expect.verifySteps([[[1], { checked: false }]]);
    expect(".o_data_row:eq(0) .o_dunning_tick input").not.toBeChecked();
});

test("what may not be ticked is closed and says so", async () => {
    await mountLines();
    expect(".o_data_row:eq(1) .o_dunning_tick input").not.toBeEnabled();
    expect(".o_data_row:eq(1) .o_dunning_tick .visually-hidden").toHaveText("Cannot be selected");
});
