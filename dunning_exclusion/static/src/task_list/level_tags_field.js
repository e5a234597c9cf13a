import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { TagsList } from "@web/core/tags_list/tags_list";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { Component, xml } from "@odoo/owl";

/** Levels or actions as chips: the tooltip of those that are not sent says why. */
export class LevelTagsField extends Component {
    static template = xml`<div class="d-flex flex-wrap gap-1"><TagsList tags="tags" /></div>`;
    static components = { TagsList };
    static props = { ...standardFieldProps };

    get tags() {
        const { checked, marks, held_actions, [this.props.name]: levels } = this.props.record.data;
        const held = held_actions || {};
        const ids = new Set(levels.records.map((level) => level.resId));
        const all = checked ? [] : [...new Set(Object.values(marks || {}).flat())];
        const listed = levels.records.map(({ resId, data }) => {
            const reasons = (!checked && held[resId]?.reasons) || all;
            return this.chip(resId, data.display_name, reasons);
        });
        const others = Object.entries(held).filter(([id]) => !ids.has(Number(id)));
        return [
            ...listed,
            ...others.map(([id, { name, reasons }]) =>
                this.chip(id, name, reasons, "fa-times-circle")
            ),
        ];
    }

    chip(id, text, reasons, icon) {
        const why = { action: text, reasons: reasons.join(", ") };
        const title = reasons.length ? _t("%(action)s is not sent: %(reasons)s", why) : text;
        return { id, text, title, icon, className: "text-danger" };
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
        { name: "held_actions", type: "json" },
    ],
};

registry.category("fields").add("dunning_level_tags", levelTagsField);
