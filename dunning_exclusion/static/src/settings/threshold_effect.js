import { Component, toRaw, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useRecordObserver } from "@web/model/relational_model/utils";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

const THRESHOLDS = ["dunning_item_minimum", "dunning_customer_minimum", "dunning_customer_maximum"];
// The last question of each page: its three thresholds ask the same one.
const asked = new WeakMap();

function ask(observed, thresholds) {
    const model = toRaw(observed);
    const values = JSON.stringify(thresholds);
    if (asked.get(model)?.values !== values) {
        const { resModel } = model.config;
        const effects = model.orm.call(resModel, "get_threshold_effects", [thresholds]);
        asked.set(model, { values, effects });
    }
    return asked.get(model).effects;
}

/**
 * What a threshold would exclude today, while it is being chosen. The page of settings opens
 * before it is known: all items are screened for it.
 */
export class ThresholdEffect extends Component {
    static template = "dunning_exclusion.ThresholdEffect";
    static props = { ...standardWidgetProps, threshold: String };

    setup() {
        this.state = useState({ text: _t("Counting…") });
        // Nothing is returned: the page does not wait for it.
        useRecordObserver((record) => {
            this.load(record);
        });
    }

    async load(record) {
        const thresholds = Object.fromEntries(
            THRESHOLDS.map((name) => [name, record.data[name] || 0])
        );
        const question = (this.question = ask(record.model, thresholds));
        const effects = await question;
        if (question === this.question) {
            this.state.text = effects[this.props.threshold];
        }
    }
}

registry.category("view_widgets").add("dunning_threshold_effect", {
    component: ThresholdEffect,
    extractProps: ({ options }) => ({ threshold: options.threshold }),
    fieldDependencies: THRESHOLDS.map((name) => ({ name, type: "monetary" })),
});
