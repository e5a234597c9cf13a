import { RelationalModel } from "@web/model/relational_model/relational_model";
import { _t } from "@web/core/l10n/translation";
import { WhyDialog } from "./why_dialog";
import { reactive } from "@odoo/owl";

const TICKED = ["checked_count:sum", "checked_amount:sum"];

export const ASK = {
    key: "a",
    name: "ask_for_approval",
    icon: "fa-check-square-o",
    label: _t("Ask for approval"),
};

/**
 * Lines of a run, with the figures of the whole run and the reasons beside the customers.
 *
 * Two questions for a page beyond the lines, none for a row.
 */
export class TaskListModel extends RelationalModel {
    static withCache = false;

    setup(params, services) {
        super.setup(params, services);
        this.figures = reactive({});
        this.customerMarks = reactive({});
        // The line whose customer is shown beside the list.
        this.current = reactive({ lineId: false, version: 0 });
    }

    async _loadData(config, cache) {
        if (config.isRoot && !this.orm.isSample) {
            // Before the lines: it brings those up to date whose customers were blocked meanwhile.
            await this.loadFigures(config.context);
        }
        return super._loadData(config, cache);
    }

    async loadFigures(context = this.config.context) {
        const runId = context.dunning_run_id || false;
        // What stands beside the list may be different now, too.
        this.current.version++;
        Object.assign(this.figures, await this.orm.call("dunning.run", "read_figures", [runId]));
    }

    async _loadGroupedList(config, cache) {
        const result = await super._loadGroupedList(config, cache);
        if (config.groupBy[0] === "partner_id" && !this.orm.isSample) {
            const customerIds = result.groups.map((group) => group.value).filter(Boolean);
            await this.loadCustomerMarks(config.domain, customerIds);
        }
        return result;
    }

    async loadCustomerMarks(domain, customerIds) {
        Object.assign(
            this.customerMarks,
            Object.fromEntries(customerIds.map((customerId) => [customerId, []])),
            await this.orm.call("dunning.run.line", "read_customer_marks", [domain, customerIds])
        );
    }

    /** Tick or untick all lines of the list, those on other pages included. */
    async tickAll(checked) {
        await this.tick(this.root.domain, checked);
        await this.load();
    }

    /** Tick or untick all lines of `group`; nothing else on the page is read anew. */
    async tickGroup(group, checked, note = false) {
        await this.tick(group.groupDomain, checked, note);
        const [[ticked]] = await Promise.all([
            this.orm.formattedReadGroup(group.resModel, group.groupDomain, [], TICKED, {
                context: group.context,
            }),
            group.isFolded || group.list.load(),
        ]);
        await this.onTicked(({ id }) => id === group.id, {
            count: ticked["checked_count:sum"] - group.aggregates.checked_count,
            amount: ticked["checked_amount:sum"] - group.aggregates.checked_amount,
        });
    }

    /** Follow `record`, which was ticked or unticked. */
    onRecordTicked(record) {
        const sign = record.data.checked ? 1 : -1;
        const holds = ({ list }) =>
            !list.isGrouped && list.records.some(({ id }) => id === record.id);
        return this.onTicked(holds, { count: sign, amount: sign * record.data.amount_residual });
    }

    tick(domain, checked, note = false) {
        const args = note ? [domain, checked, note] : [domain, checked];
        return this.orm.call("dunning.run.line", "tick", args);
    }

    /** Tick or untick one line; where reasons stand against it, somebody says why first. */
    tickRecord(record, checked) {
        const { outcome, marks, partner_id } = record.data;
        if (!checked || outcome !== "unchecked") {
            return record.update({ checked }, { save: true });
        }
        return this.askWhy(
            {
                customerId: partner_id?.id,
                customer: partner_id?.display_name || "",
                reasons: [...new Set(Object.values(marks || {}).flat())],
                lineIds: () => [record.resId],
            },
            (note) => this.tickAgainst(record, note)
        );
    }

    /** Ask why something is sent against `reasons`, or to have it released above the maximum. */
    askWhy({ customerId, customer, reasons, lineIds }, tick) {
        const { above, can_approve } = this.figures;
        if (above?.includes(customerId) && !can_approve) {
            return this.askApproval(ASK.name, ASK.label, lineIds(), { customer, reasons });
        }
        this.dialog.add(WhyDialog, {
            title: _t("Send despite an exclusion reason?"),
            customer,
            reasons,
            confirmLabel: _t("Select Anyway"),
            confirm: tick,
        });
    }

    /** Ask for a word, then ask the approvers to release lines, or release them. */
    async askApproval(name, label, lineIds, about) {
        const asked = await this.readAsked(await lineIds);
        this.dialog.add(WhyDialog, {
            ...about,
            asked,
            title: label,
            confirmLabel: label,
            confirm: async (note) => {
                await this.orm.call("dunning.run.line", name, [await lineIds, note]);
                if (name === ASK.name) {
                    this.notification.add(_t("The approvers were asked."), { type: "success" });
                }
                await this.load();
            },
        });
    }

    /** Return who asked to have the lines released, and with which word. */
    async readAsked(lineIds) {
        const records = await this.orm.searchRead(
            "dunning.run.line",
            [
                ["id", "in", lineIds],
                ["approval_user_id", "!=", false],
            ],
            ["approval_user_id", "override_note"]
        );
        const words = records.map(({ approval_user_id, override_note }) =>
            _t("Asked by %(user)s: %(word)s", { user: approval_user_id[1], word: override_note })
        );
        return [...new Set(words)];
    }

    /** Show beside the list what belongs to a group: to its first line. */
    async showGroup(group) {
        const [first] = group.isFolded ? [] : group.list.records || [];
        const options = { limit: 1, context: group.context };
        const ids = first
            ? [first.resId]
            : await this.orm.search(group.resModel, group.groupDomain, options);
        this.current.lineId = ids[0] || false;
    }

    /** Tick one line against reasons, and say why. */
    async tickAgainst(record, note) {
        await this.orm.call("dunning.run.line", "tick_against", [[record.resId], note]);
        await record.load();
        await this.onRecordTicked(record);
    }

    /** Add to the totals of the group that `holds` what was ticked, and of those around it. */
    async onTicked(holds, { count, amount }) {
        const add = (list) => {
            const isAround = (group) => holds(group) || add(group.list);
            const group = list.isGrouped && list.groups.find(isAround);
            if (group) {
                group.aggregates.checked_count += count;
                group.aggregates.checked_amount += amount;
            }
            return Boolean(group);
        };
        add(this.root);
        // What was ticked is shown at once, the figures of the whole list follow.
        this.notify();
        await this.loadFigures();
        this.notify();
    }
}
