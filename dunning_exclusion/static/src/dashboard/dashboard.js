import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { counted } from "../counted";
import { Layout } from "@web/search/layout";
import { formatInteger, formatMonetary } from "@web/views/fields/formatters";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Component, onWillStart, useState } from "@odoo/owl";

const MODULE = "dunning_exclusion";

/**
 * Figures that lead to their lists: what is to send, what is left out, what is promised.
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
        this.state = useState({ data: null });
        onWillStart(async () => {
            this.state.data = await this.orm.call("dunning.run", "retrieve_dashboard", []);
        });
    }

    get cards() {
        const data = this.state.data;
        return [
            {
                name: "to_send",
                title: _t("To send now"),
                figure: this.money(data.to_send.amount),
                text: counted.messages(data.to_send.count),
                open: () => this.action.doAction(`${MODULE}.action_open_latest_run`),
            },
            {
                name: "promises",
                title: _t("Promised within a week"),
                figure: this.money(data.promises.amount),
                text: _t("%(open)s promises, %(broken)s broken", {
                    open: this.count(data.promises.count),
                    broken: this.count(data.broken),
                }),
                open: () => this.open("dunning_promise_action"),
            },
            {
                name: "sent",
                title: _t("Sent this month"),
                figure: this.count(data.sent.count),
                text: _t("over %s", this.money(data.sent.amount)),
                open: () => this.open("dunning_notice_action", { search_default_sent: 1 }),
            },
            {
                name: "failed",
                title: _t("Failed"),
                figure: this.count(data.failed),
                text: data.failed ? _t("need your attention") : _t("everything left"),
                alert: data.failed > 0,
                open: () => this.open("dunning_notice_action", { search_default_failed: 1 }),
            },
            {
                name: "ending",
                title: _t("Holds ending within a week"),
                figure: this.count(data.ending),
                text: _t("their items come back by themselves"),
                open: () => this.open("dunning_block_action", { search_default_ending_soon: 1 }),
            },
            {
                name: "forgotten",
                title: _t("Forgotten holds"),
                figure: this.count(data.forgotten),
                text: _t("older than 90 days, without an end"),
                alert: data.forgotten > 0,
                open: () => this.open("dunning_block_action", { search_default_forgotten: 1 }),
            },
        ];
    }

    get tables() {
        const data = this.state.data;
        const blocks = { search_default_active: 1 };
        return [
            {
                name: "by_reason",
                title: _t("Overdue and excluded, by reason"),
                rows: data.by_reason,
                empty: _t("Nothing that is overdue is excluded."),
                open: (row) => this.open("dunning_screening_action", {}, row.domain),
            },
            {
                name: "by_age",
                title: _t("Holds by age"),
                rows: data.by_age,
                empty: _t("Nobody is held back."),
                open: (row) => this.open("dunning_block_action", blocks, row.domain),
            },
            {
                name: "by_person",
                title: _t("Holds by person"),
                rows: data.by_person,
                empty: _t("Nobody is held back."),
                open: (row) => this.open("dunning_block_action", blocks, row.domain),
            },
        ];
    }

    async hideSteps() {
        await this.orm.call("dunning.run", "action_hide_first_steps", []);
        this.state.data.steps = [];
    }

    async openStep(step) {
        const action = await this.orm.call("onboarding.onboarding.step", step.action, []);
        return this.action.doAction(action);
    }

    share(row, rows) {
        const largest = Math.max(...rows.map(({ amount }) => Math.abs(amount)), 1);
        return Math.round((100 * Math.abs(row.amount)) / largest);
    }

    count(number) {
        return formatInteger(number);
    }

    money(amount) {
        return formatMonetary(amount, { currencyId: this.state.data.currency_id });
    }

    async open(name, context = {}, domain) {
        const action = await this.action.loadAction(`${MODULE}.${name}`);
        return this.action.doAction({ ...action, context, domain: domain || action.domain });
    }
}

registry.category("actions").add("dunning_dashboard", DunningDashboard);
