import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { CheckBox } from "@web/core/checkbox/checkbox";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { Component } from "@odoo/owl";

/**
 * The tick box of a line: saved at once, without opening the row.
 */
export class TickField extends Component {
    static template = "dunning_exclusion.TickField";
    static components = { CheckBox };
    static props = { ...standardFieldProps };

    get label() {
        return this.props.readonly ? _t("Cannot be selected") : _t("Send this item");
    }

    onChange(checked) {
        const { record, name } = this.props;
        if (record.model.tickRecord) {
            // No tick is shown before it is saved, as somebody may have to say why.
            this.render(true);
            return record.model.tickRecord(record, checked);
        }
        return record.update({ [name]: checked }, { save: true });
    }
}

registry.category("fields").add("dunning_tick", {
    component: TickField,
    displayName: _t("Check box, saved at once"),
    supportedTypes: ["boolean"],
    // The row is never in edition: only the field's own condition closes the box.
    extractProps: (_fieldInfo, { readonly }) => ({ readonly }),
});
