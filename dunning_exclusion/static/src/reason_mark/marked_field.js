import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { ReasonMark } from "./reason_mark";
import { Component } from "@odoo/owl";

const formatters = registry.category("formatters");

/**
 * Shows a value and, beside it, the red (x) with the reasons that the field `marks` of the record
 * holds for one marker: {marker: [names of reasons]}.
 */
export class MarkedField extends Component {
    static template = "dunning_exclusion.MarkedField";
    static components = { ReasonMark };
    static props = {
        ...standardFieldProps,
        marker: { type: String },
    };

    get formattedValue() {
        const { record, name } = this.props;
        const field = record.fields[name];
        return formatters.get(field.type)(record.data[name], { data: record.data, field });
    }

    get reasons() {
        return this.props.record.data.marks?.[this.props.marker] || [];
    }
}

export const markedField = {
    component: MarkedField,
    displayName: _t("Value with the reasons for its exclusion"),
    supportedOptions: [{ label: _t("(x) Shown Beside"), name: "marker", type: "string" }],
    supportedTypes: ["char", "date", "integer", "many2one", "monetary", "selection"],
    fieldDependencies: [{ name: "marks", type: "json" }],
    extractProps: ({ options }) => ({ marker: options.marker || "item" }),
};

registry.category("fields").add("dunning_marked", markedField);
