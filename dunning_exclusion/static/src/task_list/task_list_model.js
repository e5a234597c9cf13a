import { RelationalModel } from "@web/model/relational_model/relational_model";
import { reactive } from "@odoo/owl";

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
        Object.assign(
            this.figures,
            await this.orm.call("dunning.task.list", "read_figures", [runId])
        );
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
            await this.orm.call("dunning.task.list", "read_customer_marks", [domain, customerIds])
        );
    }

    /** Tick or untick all lines of a domain, those on other pages included. */
    async tick(domain, checked) {
        await this.orm.call("dunning.task.list", "tick", [domain, checked]);
        await this.load();
    }

    /** Keep the totals of the groups around `record` right after it was ticked or unticked. */
    async onTicked(record) {
        const sign = record.data.checked ? 1 : -1;
        const visit = (list) => {
            if (!list.isGrouped) {
                return list.records.some(({ id }) => id === record.id);
            }
            const group = list.groups.find((candidate) => visit(candidate.list));
            if (group) {
                group.aggregates.checked_count += sign;
                group.aggregates.checked_amount += sign * record.data.amount_residual;
            }
            return Boolean(group);
        };
        visit(this.root);
        await this.loadFigures();
        this.notify();
    }
}
