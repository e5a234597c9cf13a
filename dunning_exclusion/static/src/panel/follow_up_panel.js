import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { deserializeDate } from "@web/core/l10n/dates";
import { formatDate, formatMonetary } from "@web/views/fields/formatters";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { ReasonMark } from "../reason_mark/reason_mark";
import { TypeSwitch } from "./type_switch";
import { useRecordObserver } from "@web/model/relational_model/utils";
import { Component, onWillStart, onWillUpdateProps, toRaw, useState } from "@odoo/owl";

const HEADLINES = {
    next: { icon: "fa-envelope-o", color: "text-success" },
    not_due: { icon: "fa-clock-o", color: "text-muted" },
    held: { icon: "fa-hand-paper-o", color: "text-warning-emphasis" },
    not_listed: { icon: "fa-ban", color: "text-danger" },
    no_scenario: { icon: "fa-exclamation-triangle", color: "text-danger" },
};
export const KINDS = {
    stop: { label: _t("Stopped"), icon: "fa-hand-paper-o", color: "text-bg-danger" },
    pause: { label: _t("Paused"), icon: "fa-pause", color: "text-bg-warning" },
    prevent: { label: _t("Prevented"), icon: "fa-ban", color: "text-bg-dark" },
};

/**
 * The Follow-up tab of a customer or an invoice: status, buttons, reasons, items and history.
 *
 * It asks the server when the tab is opened, and not before.
 */
export class FollowUpPanel extends Component {
    static template = "dunning_exclusion.FollowUpPanel";
    static components = { ReasonMark, TypeSwitch };
    static props = { ...standardWidgetProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.kinds = KINDS;
        this.state = useState({ panel: null, headline: null });
        onWillStart(() => this.load(this.props));
        onWillUpdateProps((nextProps) => {
            if (nextProps.record.resId !== this.loadedId) {
                return this.load(nextProps);
            }
        });
        useRecordObserver((record) => this.onRecordChange(record));
    }

    async load({ record }) {
        this.loadedId = record.resId;
        this.state.panel =
            record.resId &&
            (await this.orm.call(record.resModel, "dunning_panel", [[record.resId]]));
        this.loadHeadline(record);
    }

    /** When it is reminded next is asked for beside the rest, which does not wait for it. */
    async loadHeadline({ resId, resModel }) {
        if (resId) {
            const headline = await this.orm.call(resModel, "dunning_headline", [[resId]]);
            if (resId === this.loadedId) {
                this.state.headline = headline;
            }
        }
    }

    /** What is saved, or done by a button of the form, changes the answer. */
    onRecordChange(record) {
        const data = toRaw(record.data);
        if (!record.dirty && this.lastData && data !== this.lastData && !this.reloading) {
            this.load(this.props);
        }
        if (!record.dirty) {
            this.lastData = data;
        }
    }

    get headlineStyle() {
        return HEADLINES[this.state.headline.state];
    }

    get isCustomer() {
        return this.props.record.resModel === "res.partner";
    }

    /** Blocks on what the form shows, and not only on one of its items. */
    get ownBlocks() {
        return this.state.panel.blocks.filter((block) => !this.isCustomer || !block.name);
    }

    get activeKinds() {
        return this.ownBlocks.filter((block) => block.state === "active").map(({ kind }) => kind);
    }

    money(amount) {
        return formatMonetary(amount, { currencyId: this.state.panel.currency_id });
    }

    date(text) {
        return text ? formatDate(deserializeDate(text)) : "";
    }

    blockText(block) {
        const parts = [
            block.state === "scheduled" && _t("from %s", this.date(block.since)),
            block.until ? _t("until %s", this.date(block.until)) : _t("without an end"),
            block.reason,
            _t("by %(user)s on %(date)s", { user: block.user, date: this.date(block.since) }),
        ];
        return parts.filter(Boolean).join(" · ");
    }

    reasonText(reason) {
        return reason.until
            ? _t("%(reason)s (until %(date)s)", {
                  reason: reason.reason,
                  date: this.date(reason.until),
              })
            : reason.reason;
    }

    async reload() {
        // The form is read anew, and the panel once.
        this.reloading = true;
        await this.props.record.load();
        this.lastData = toRaw(this.props.record.data);
        this.reloading = false;
        await this.load(this.props);
    }

    /** Run a button of the form's own record. */
    async run(name) {
        const { resModel, resId, context } = this.props.record;
        // The panel is read anew when the button has done its work, not before.
        this.reloading = true;
        const saved = await this.props.record.save();
        this.lastData = toRaw(this.props.record.data);
        this.reloading = false;
        if (!saved) {
            return;
        }
        await this.action.doActionButton({
            type: "object",
            name,
            resModel,
            resId,
            resIds: [resId],
            context,
            onClose: () => this.reload(),
        });
    }

    async lift(blockId) {
        await this.orm.call("dunning.block", "action_lift", [[blockId]]);
        await this.reload();
    }

    async toggleType(typeId) {
        await this.orm.call("res.partner", "action_dunning_toggle_type", [
            [this.props.record.resId],
            typeId,
        ]);
        await this.load(this.props);
    }

    /** Open what removes the reason. */
    takeWayOut({ rule, block_id }) {
        const { resModel, resId, context } = this.props.record;
        return this.action.doActionButton({
            type: "object",
            name: "action_dunning_way_out",
            args: JSON.stringify([rule, block_id]),
            resModel,
            resId,
            resIds: [resId],
            context,
            onClose: () => this.reload(),
        });
    }

    async stopItem(itemId) {
        await this.orm.call("account.move.line", "dunning_toggle_stop", [[itemId]]);
        await this.reload();
    }

    open(resModel, resId) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: resModel,
            res_id: resId,
            views: [[false, "form"]],
        });
    }

    newPromise() {
        const { resId, resModel } = this.props.record;
        const items = this.state.panel.items.filter(({ amount }) => amount > 0);
        return this.action.doAction(
            {
                type: "ir.actions.act_window",
                name: _t("Promise to Pay"),
                res_model: "dunning.promise",
                views: [[false, "form"]],
                target: "new",
                context: {
                    default_partner_id:
                        resModel === "res.partner"
                            ? resId
                            : this.props.record.data.commercial_partner_id?.id,
                    default_move_line_ids: items.map(({ id }) => id),
                },
            },
            { onClose: () => this.reload() }
        );
    }
}

registry.category("view_widgets").add("dunning_follow_up", { component: FollowUpPanel });
