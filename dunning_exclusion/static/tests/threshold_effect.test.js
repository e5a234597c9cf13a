import { expect, test } from "@odoo/hoot";
import { animationFrame, Deferred } from "@odoo/hoot-mock";
import {
    contains,
    defineModels,
    fields,
    models,
    mountView,
    onRpc,
} from "@web/../tests/web_test_helpers";
import { defineMailModels } from "@mail/../tests/mail_test_helpers";

class Settings extends models.Model {
    _name = "dunning.settings";
    dunning_item_minimum = fields.Float();
    dunning_customer_minimum = fields.Float();
    dunning_customer_maximum = fields.Float();
    _records = [{ id: 1, dunning_item_minimum: 5 }];
}

defineMailModels();
defineModels([Settings]);

test("the page opens first, and one question tells what all thresholds would exclude", async () => {
    const answer = new Deferred();
    const sentence = (name, thresholds) => `${name} ${thresholds[name]}`;
    onRpc("get_threshold_effects", async ({ args: [thresholds] }) => {
        expect.step(thresholds.dunning_item_minimum);
        await answer;
        return Object.fromEntries(
            Object.keys(thresholds).map((name) => [name, sentence(name, thresholds)])
        );
    });
    await mountView({
        type: "form",
        resModel: "dunning.settings",
        resId: 1,
        arch: `<form>
                <field name="dunning_item_minimum"/>
                <widget name="dunning_threshold_effect"
                        options="{'threshold': 'dunning_item_minimum'}"/>
                <widget name="dunning_threshold_effect"
                        options="{'threshold': 'dunning_customer_minimum'}"/>
            </form>`,
    });
    expect("[role=status]").toHaveCount(2);
    expect("[role=status]:first").toHaveText("Counting…");
    answer.resolve();
    await animationFrame();
    expect("[role=status]:first").toHaveText("dunning_item_minimum 5");
    expect("[role=status]:last").toHaveText("dunning_customer_minimum 0");
    await contains(".o_field_widget[name=dunning_item_minimum] input").edit("50");
    await animationFrame();
    expect("[role=status]:first").toHaveText("dunning_item_minimum 50");
    expect.verifySteps([5, 50]);
});
