import { _t } from "@web/core/l10n/translation";
import { CheckBox } from "@web/core/checkbox/checkbox";
import { ListRenderer } from "@web/views/list/list_renderer";
import { ReasonMark } from "../reason_mark/reason_mark";
import { formatMonetary } from "@web/views/fields/formatters";

const CUSTOMER_ACTIONS = [
    { name: "action_preview", icon: "fa-eye", label: _t("Preview the message") },
    { name: "action_dunning_stop_customer", icon: "fa-hand-paper-o", label: _t("Stop customer") },
    { name: "action_dunning_pause_customer", icon: "fa-pause", label: _t("Pause customer") },
    { name: "action_promise", icon: "fa-handshake-o", label: _t("Promise to pay") },
];

/**
 * Rows of the task list: a tick box for an item, for a group and for all; space ticks.
 */
export class TaskListRenderer extends ListRenderer {
    static template = "dunning_exclusion.TaskList.Renderer";
    static groupRowTemplate = "dunning_exclusion.TaskList.GroupRow";
    static components = { ...ListRenderer.components, CheckBox, ReasonMark };

    get model() {
        return this.props.list.model;
    }

    get isOpen() {
        return this.model.figures.state === "prepared" && this.model.figures.can_work;
    }

    getActiveColumns() {
        // The customer of a line stands in its group already.
        const grouped = this.props.list.groupBy.includes("partner_id");
        return super
            .getActiveColumns()
            .filter((column) => !(grouped && column.name === "partner_id"));
    }

    // Ticking -----------------------------------------------------------------

    /** Returns the state of the tick box of a group, or of all when `figures` are summed up. */
    tickState({ checked_count = 0, included_count = 0, listed_count = 0 }) {
        const target = included_count || listed_count;
        return {
            value: checked_count > 0 && checked_count >= target,
            indeterminate: checked_count > 0 && checked_count < target,
            disabled: !this.isOpen || !(listed_count || checked_count),
        };
    }

    get allTickState() {
        const total = {};
        const list = this.props.list;
        const parts = list.isGrouped
            ? list.groups.map((group) => group.aggregates)
            : list.records.map((record) => record.data);
        for (const part of parts) {
            for (const name of ["checked_count", "included_count", "listed_count"]) {
                total[name] = (total[name] || 0) + (part[name] || 0);
            }
        }
        return this.tickState(total);
    }

    tickGroupLabel(group) {
        return _t("Send to %(group)s", { group: group.displayName });
    }

    tickGroup(group) {
        const { value, disabled } = this.tickState(group.aggregates);
        if (!disabled) {
            return this.model.tickGroup(group, !value);
        }
    }

    tickAll() {
        const { value, disabled } = this.allTickState;
        if (!disabled) {
            return this.model.tickAll(!value);
        }
    }

    tickRecord(record) {
        const readonly = !this.isOpen || record.data.outcome === "dropped";
        if (!readonly) {
            return record.update({ checked: !record.data.checked }, { save: true });
        }
    }

    onCellKeydownReadOnlyMode(hotkey, cell, group, record) {
        // In a tick box the browser does it.
        const inBox = document.activeElement.matches("input[type=checkbox]");
        if (hotkey === "space" && !inBox && (group || record)) {
            if (record) {
                this.tickRecord(record);
            } else {
                this.tickGroup(group);
            }
            return true;
        }
        return super.onCellKeydownReadOnlyMode(hotkey, cell, group, record);
    }

    // Groups ------------------------------------------------------------------

    isCustomer(group) {
        return group.groupByField.name === "partner_id" && Boolean(group.value);
    }

    groupReasons(group) {
        return (this.isCustomer(group) && this.model.customerMarks[group.value]) || [];
    }

    groupTicked(group) {
        const { checked_count = 0, listed_count = 0, checked_amount = 0 } = group.aggregates;
        return _t("%(ticked)s of %(all)s ticked, %(amount)s", {
            ticked: checked_count,
            all: listed_count,
            amount: formatMonetary(checked_amount, {
                currencyId: this.model.figures.currency_id,
            }),
        });
    }

    groupActions(group) {
        if (!this.isCustomer(group) || !this.model.figures.can_work) {
            return [];
        }
        return this.isOpen ? CUSTOMER_ACTIONS : CUSTOMER_ACTIONS.slice(0, 1);
    }

    async onGroupAction(group, name) {
        const orm = this.model.orm;
        const ids = await orm.search("dunning.run.line", group.groupDomain, {
            limit: this.model.activeIdsLimit,
        });
        await this.model.action.doActionButton({
            type: "object",
            name,
            resModel: "dunning.run.line",
            resIds: ids,
            context: this.props.list.context,
            onClose: () => this.model.load(),
        });
    }
}
