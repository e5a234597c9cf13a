import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { TagsList } from "@web/core/tags_list/tags_list";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { Component, xml } from "@odoo/owl";

/** Levels or actions as chips: where nothing is sent, their tooltip says why. */
export class LevelTagsField extends Component {
    static template = xml`<div class="d-flex flex-wrap gap-1"><TagsList tags="tags" /></div>`;
    static components = { TagsList };
    static props = { ...standardFieldProps };

    get tags() {
        const { checked, marks, [this.props.name]: levels } = this.props.record.data;
        const found = checked ? [] : Object.values(marks || {}).flat();
        const reasons = [...new Set(found)].join(", ");
        return levels.records.map((level) => {
            const text = level.data.display_name;
            const why =
                reasons && _t("%(action)s is not sent: %(reasons)s", { action: text, reasons });
            return { id: level.id, text, title: why || text };
        });
    }
}

export const levelTagsField = {
    component: LevelTagsField,
    displayName: _t("Reminder levels with the reasons why they are not sent"),
    supportedTypes: ["many2many"],
    relatedFields: [{ name: "display_name", type: "char" }],
    fieldDependencies: [
        { name: "marks", type: "json" },
        { name: "checked", type: "boolean" },
    ],
};

registry.category("fields").add("dunning_level_tags", levelTagsField);
