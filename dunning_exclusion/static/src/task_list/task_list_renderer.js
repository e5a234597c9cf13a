import { _t } from "@web/core/l10n/translation";
import { SIZES } from "@web/core/ui/ui_service";
import { CheckBox } from "@web/core/checkbox/checkbox";
import { ListRenderer } from "@web/views/list/list_renderer";
import { ReasonMark } from "../reason_mark/reason_mark";
import { TaskListKeys } from "./task_list_keys";
import { counted } from "../counted";
import { ASK } from "./task_list_model";
import { formatMonetary } from "@web/views/fields/formatters";
import { onPatched } from "@odoo/owl";

const PREVIEW = {
    key: "v",
    name: "action_preview",
    icon: "fa-eye",
    label: _t("Preview the message"),
};
const PROMISE = {
    key: "r",
    name: "action_promise",
    icon: "fa-handshake-o",
    label: _t("Promise to pay"),
};
const CUSTOMER_ACTIONS = [
    PREVIEW,
    {
        key: "s",
        name: "action_dunning_stop_customer",
        icon: "fa-hand-paper-o",
        label: _t("Stop customer"),
    },
    {
        key: "p",
        name: "action_dunning_pause_customer",
        icon: "fa-pause",
        label: _t("Pause customer"),
    },
    PROMISE,
];
const RELEASE = { ...ASK, name: "release", label: _t("Release above the maximum") };
// Items have their buttons from the view.
const ITEM_ACTIONS = [
    PREVIEW,
    { key: "s", name: "action_dunning_stop" },
    { key: "p", name: "action_dunning_pause" },
    PROMISE,
];
const MOVES = { j: "arrowdown", k: "arrowup" };

/**
 * Rows of the task list: a tick box for an item, for a group and for all. Everything can be done
 * with the keyboard, too: `TaskListKeys` lists the keys.
 */
export class TaskListRenderer extends ListRenderer {
    static template = "dunning_exclusion.TaskList.Renderer";
    static groupRowTemplate = "dunning_exclusion.TaskList.GroupRow";
    static components = { ...ListRenderer.components, CheckBox, ReasonMark };

    setup() {
        super.setup();
        onPatched(() => this.refocus());
    }

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

    /** The buttons of a group are those of its customer. */
    showGroupConfigMenu() {
        return false;
    }

    // Ticking -----------------------------------------------------------------

    /**
     * Returns the state of the tick box of a group, or of all when `figures` are summed up, and
     * whether it ticks: items that something stands against are ticked one by one only, unless
     * there are no others.
     */
    tickState({ checked_count = 0, included_count = 0, listed_count = 0 }) {
        return {
            value: checked_count > 0 && checked_count >= listed_count,
            indeterminate: checked_count > 0 && checked_count < listed_count,
            disabled: !this.isOpen || !(listed_count || checked_count),
            ticks: checked_count < (included_count || listed_count),
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
        const { ticks, disabled } = this.tickState(group.aggregates);
        if (!disabled && ticks && !group.aggregates.included_count) {
            // No tick is shown before somebody has said why.
            this.render(true);
            return this.model.askWhy(
                {
                    customerId: this.isCustomer(group) && group.value,
                    customer: group.displayName,
                    reasons: this.groupReasons(group),
                    lineIds: () => this.groupLineIds(group),
                },
                (note) => this.orAsBefore(this.model.tickGroup(group, true, note))
            );
        }
        return disabled || this.orAsBefore(this.model.tickGroup(group, ticks));
    }

    tickAll() {
        const { ticks, disabled } = this.allTickState;
        return disabled || this.orAsBefore(this.model.tickAll(ticks));
    }

    /** Shows the boxes as they were, when what was clicked is refused. */
    async orAsBefore(ticked) {
        try {
            await ticked;
        } catch (error) {
            this.render(true);
            throw error;
        }
    }

    tickRecord(record) {
        const readonly = !this.isOpen || record.data.outcome === "dropped";
        if (!readonly) {
            return this.model.tickRecord(record, !record.data.checked);
        }
    }

    onCellKeydownReadOnlyMode(hotkey, cell, group, record) {
        if (["?", "shift+?"].includes(hotkey)) {
            this.env.services.dialog.add(TaskListKeys);
            return true;
        }
        if (this.onActionKey(hotkey, group, record)) {
            return true;
        }
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
        return super.onCellKeydownReadOnlyMode(MOVES[hotkey] || hotkey, cell, group, record);
    }

    onActionKey(hotkey, group, record) {
        const ofGroup = () => (group ? this.groupActions(group) : []);
        const actions = record ? this.availableActions(ITEM_ACTIONS) : ofGroup();
        const action = actions.find(({ key }) => key === hotkey);
        if (action) {
            const ids = record ? [record.resId] : this.groupLineIds(group);
            this.onAction(ids, action, group);
        }
        return Boolean(action);
    }

    /** Returns those of `actions` that the user may do in the state of the run. */
    availableActions(actions) {
        if (!this.model.figures.can_work) {
            return [];
        }
        return this.isOpen ? actions : actions.slice(0, 1);
    }

    // Groups ------------------------------------------------------------------

    isCustomer(group) {
        return group.groupByField.name === "partner_id" && Boolean(group.value);
    }

    groupReasons(group) {
        return (this.isCustomer(group) && this.model.customerMarks[group.value]) || [];
    }

    /** Returns in words how many items of a group something stands against, if not all. */
    groupHeldBack(group) {
        const { included_count = 0, listed_count = 0 } = group.aggregates;
        const count = included_count && listed_count - included_count;
        return count ? [_t("%(items)s held back", { items: counted.items(count) })] : [];
    }

    groupTicked(group) {
        const { checked_count = 0, listed_count = 0, checked_amount = 0 } = group.aggregates;
        return _t("%(ticked)s of %(all)s selected, %(amount)s", {
            ticked: checked_count,
            all: listed_count,
            amount: formatMonetary(checked_amount, {
                currencyId: this.model.figures.currency_id,
            }),
        });
    }

    groupActions(group) {
        if (!this.isCustomer(group)) {
            return [];
        }
        const { above, can_approve } = this.model.figures;
        const approval = this.isOpen && above?.includes(group.value);
        const more = approval ? [can_approve ? RELEASE : ASK] : [];
        return [...this.availableActions(CUSTOMER_ACTIONS), ...more];
    }

    onAction(ids, { name, label }, group) {
        if (![ASK.name, RELEASE.name].includes(name)) {
            return this.doLineAction(ids, name);
        }
        const about = { customer: group.displayName, reasons: this.groupReasons(group) };
        return this.model.askApproval(name, label, ids, about);
    }

    // The side ----------------------------------------------------------------

    /** Shows beside the list what belongs to the row in focus. */
    onFocusIn({ target }) {
        const row = target.closest(".o_data_row, .o_group_header");
        const { id, groupId } = row?.dataset || {};
        const column = target.closest("td[name]")?.getAttribute("name");
        for (const list of this.listsIn(this.props.list)) {
            const record = !list.isGrouped && list.records.find((r) => r.id === id);
            const group = !id && list.isGrouped && list.groups.find((g) => g.id === groupId);
            if (record) {
                this.focused = { resId: record.resId, column };
                this.model.current.lineId = record.resId;
            } else if (group) {
                this.focused = { value: group.value };
                this.model.showGroup(group);
            }
        }
    }

    /** The keys go on where they were, when the rows were loaded again after a dialog. */
    refocus() {
        if (!this.focused || document.activeElement !== document.body) {
            return;
        }
        const { resId, column, value } = this.focused;
        for (const list of this.listsIn(this.props.list)) {
            const record = resId && !list.isGrouped && list.records.find((r) => r.resId === resId);
            const group = !resId && list.isGrouped && list.groups.find((g) => g.value === value);
            const row = record
                ? `[data-id="${record.id}"] td[name="${column || "checked"}"]`
                : group && `[data-group-id="${group.id}"].o_group_header .o_group_name`;
            const cell = row && this.rootRef.el.querySelector(row);
            if (cell) {
                this.focus(cell);
            }
        }
    }

    listsIn(list) {
        const inner = list.isGrouped ? list.groups.map((group) => this.listsIn(group.list)) : [];
        return [list, ...inner.flat()];
    }

    /** A click shows the row beside the list where there is room for that; Enter opens it. */
    async onCellClicked(record, column, ev, newWindow) {
        if (newWindow || this.env.services.ui.size < SIZES.XL) {
            return super.onCellClicked(record, column, ev, newWindow);
        }
    }

    groupLineIds(group) {
        return this.model.orm.search("dunning.run.line", group.groupDomain, {
            limit: this.model.activeIdsLimit,
        });
    }

    async doLineAction(ids, name) {
        await this.model.action.doActionButton({
            type: "object",
            name,
            resModel: "dunning.run.line",
            resIds: await ids,
            context: this.props.list.context,
            onClose: async () => {
                await this.model.load();
                // Odoo gives the focus back to a row that is no longer there.
                requestAnimationFrame(() => this.refocus());
            },
        });
    }
}
