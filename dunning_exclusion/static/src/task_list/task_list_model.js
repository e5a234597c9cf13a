import { RelationalModel } from "@web/model/relational_model/relational_model";
import { reactive } from "@odoo/owl";

const TICKED = ["checked_count:sum", "checked_amount:sum"];

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
    async tickGroup(group, checked) {
        await this.tick(group.groupDomain, checked);
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

    tick(domain, checked) {
        return this.orm.call("dunning.run.line", "tick", [domain, checked]);
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
        await this.loadFigures();
        this.notify();
    }
}
