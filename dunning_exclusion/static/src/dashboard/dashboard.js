import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { counted } from "../counted";
import { Layout } from "@web/search/layout";
import { deserializeDate } from "@web/core/l10n/dates";
import { formatDate, formatInteger, formatMonetary } from "@web/views/fields/formatters";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Component, markup, onWillStart, useState } from "@odoo/owl";

const MODULE = "dunning_exclusion";
const UNITS = {
    to_send: counted.customers,
    to_approve: counted.customers,
    failed: counted.messages,
};

/** What a method returns has its help as text; the web client shows it as what it is, HTML. */
const withHelp = (action) => (action.help ? { ...action, help: markup(action.help) } : action);

/**
 * Today: what there is to do, each with a number, an amount and one button; below, what is excluded.
 */
export class DunningDashboard extends Component {
    static template = "dunning_exclusion.Dashboard";
    static components = { Layout };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.doneLabel = _t("Done");
        this.openLabel = _t("To do");
        this.state = useState({ data: null, day: false, screened: { steps: [], by_reason: null } });
        onWillStart(async () => {
            this.state.data = await this.orm.call("dunning.run", "retrieve_dashboard", [true]);
            this.loadFigures();
        });
    }

    /** Figures of all holds and of all open items follow the page, the faster ones first. */
    async loadFigures() {
        try {
            const data = await this.orm.call("dunning.run", "retrieve_dashboard", [false, false]);
            this.state.data = data;
        } finally {
            this.loadScreened();
        }
    }

    /** One screening says what there is to send, and what is excluded. */
    async loadScreened() {
        const { day } = this.state;
        const screened = await this.orm.call("dunning.run", "retrieve_screened", [day]);
        if (!screened.day) {
            for (const task of this.state.data.tasks) {
                Object.assign(task, screened.lists[task.name]);
            }
        }
        if (day === this.state.day) {
            this.state.screened = screened;
        }
    }

    /** Look at what will be excluded on another day; what is not a coming day is today. */
    lookAt(day) {
        const { today } = this.state.screened;
        this.state.day = day > today && day;
        return this.loadScreened();
    }

    get comingText() {
        const { day, lists } = this.state.screened;
        const { count, amount } = lists.to_send;
        return _t("To send on %(day)s, as things are now: %(customers)s, %(amount)s", {
            day: this.day(day),
            customers: counted.customers(count),
            amount: this.money(amount),
        });
    }

    get sentText() {
        const { count, amount } = this.state.data.sent;
        return _t("Sent this month: %(messages)s, %(amount)s", {
            messages: counted.messages(count),
            amount: this.money(amount),
        });
    }

    openSent() {
        return this.open("dunning_notice_action", { search_default_sent: 1 });
    }

    async openTask(task) {
        if (task.action !== "action_open_latest_run") {
            return this.open(task.action, task.context);
        }
        const action = await this.orm.call("dunning.run", "action_open_latest", []);
        return this.action.doAction({
            ...withHelp(action),
            context: { ...action.context, ...task.context },
        });
    }

    get tables() {
        const data = this.state.data;
        const blocks = { search_default_active: 1 };
        return [
            {
                name: "by_reason",
                title: _t("Overdue and excluded, by reason"),
                rows: this.state.screened.by_reason,
                empty: _t("Nothing that is overdue is excluded."),
                open: (row) => {
                    const { day } = this.state.screened;
                    const context = day ? { dunning_day: day } : {};
                    const title = day && _t("Excluded receivables on %s", this.day(day));
                    return this.open("dunning_screening_action", context, row.domain, title);
                },
            },
            {
                name: "by_age",
                title: _t("All open items held, by age of the hold"),
                rows: data.by_age,
                empty: _t("Nobody is held back."),
                open: (row) => this.open("dunning_block_action", blocks, row.domain),
            },
            {
                name: "by_person",
                title: _t("All open items held, by person"),
                rows: data.by_person,
                empty: _t("Nobody is held back."),
                open: (row) => this.open("dunning_block_action", blocks, row.domain),
            },
        ];
    }

    async hideSteps() {
        await this.orm.call("dunning.run", "action_hide_first_steps", []);
        this.state.screened.steps = [];
    }

    async openStep(step) {
        const action = await this.orm.call("onboarding.onboarding.step", step.action, []);
        return this.action.doAction(withHelp(action));
    }

    share(row, rows) {
        const largest = Math.max(...rows.map(({ amount }) => Math.abs(amount)), 1);
        return Math.round((100 * Math.abs(row.amount)) / largest);
    }

    /** The number of a task, with a word where its title does not say what is counted. */
    taskCount({ name, count }) {
        return count === null ? "…" : (UNITS[name] || formatInteger)(count);
    }

    day(text) {
        return formatDate(deserializeDate(text));
    }

    count(number) {
        return formatInteger(number);
    }

    money(amount) {
        return formatMonetary(amount, { currencyId: this.state.data.currency_id });
    }

    async open(name, context = {}, domain, title) {
        const action = await this.action.loadAction(`${MODULE}.${name}`);
        domain ||= action.domain;
        const shown = title && { display_name: title };
        return this.action.doAction({ ...action, context, domain, ...shown });
    }
}

registry.category("actions").add("dunning_dashboard", DunningDashboard);
