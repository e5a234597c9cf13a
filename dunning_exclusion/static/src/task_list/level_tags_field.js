import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import {
    Many2ManyTagsField,
    many2ManyTagsField,
} from "@web/views/fields/many2many_tags/many2many_tags_field";

/** Levels or actions as chips: where nothing is sent, their tooltip says why. */
export class LevelTagsField extends Many2ManyTagsField {
    getTagProps(record) {
        const tag = super.getTagProps(record);
        const { checked, marks } = this.props.record.data;
        const reasons = checked ? [] : Object.values(marks || {}).flat();
        if (!reasons.length) {
            return tag;
        }
        const words = { action: tag.text, reasons: [...new Set(reasons)].join(", ") };
        return { ...tag, title: _t("%(action)s is not sent: %(reasons)s", words) };
    }
}

export const levelTagsField = {
    ...many2ManyTagsField,
    component: LevelTagsField,
    displayName: _t("Reminder levels with the reasons why they are not sent"),
    supportedTypes: ["many2many"],
    fieldDependencies: [
        { name: "marks", type: "json" },
        { name: "checked", type: "boolean" },
    ],
};

registry.category("fields").add("dunning_level_tags", levelTagsField);
