from odoo import api, models
from odoo.tools import SQL
from odoo.tools.misc import format_date

from ..screening import candidates, items, statement
from ..screening.question import Owner, Question
from .arguments import LAST_DAY, check_one
from .scenario_sentence import get_label

ITEM_LIMIT = 80
HISTORY_LIMIT = 10
# The forecast tries so many days to come.
FORECAST_DAYS = 20


class DunningMixin(models.AbstractModel):
    """What the Follow-up tab of customers and invoices shows, the next reminder included.

    The tab asks when it is opened, so forms cost nothing while it is closed.
    """

    _inherit = "dunning.mixin"

    def dunning_panel(self):
        """Return everything the Follow-up tab of one customer or invoice shows.

        :return: dict with `currency_id`, `outcome`, `reasons` (see `dunning_explain`), `blocks`,
            `items`, `item_count`, `promises`, `notices`, `can_work`, and for customers `types`,
            `outstanding`, `overdue`, `scenario` and `scenario_message`
        :raise AccessError: when the user may not read the record
        """
        check_one(self)
        # Customers in the portal can read themselves; how we treat them is not for them.
        self.env["dunning.screening"].check_access("read")
        panel = {
            "currency_id": self._dunning_companies().currency_id.id,
            "can_work": self.env.user.has_group("dunning_exclusion.group_dunning_user"),
            "outcome": self.dunning_outcome,
            "reasons": self.dunning_explain(),
            "blocks": self._panel_blocks(),
            **self._panel_history(),
            **self._panel_items(),
        }
        if self._name == "res.partner":
            panel |= self.commercial_partner_id._panel_customer()
        return panel

    def _panel_blocks(self):
        """Return the blocks that hold now or later, and who set them."""
        blocks = self.dunning_block_ids.filtered(lambda b: b.state in ("active", "scheduled"))
        return [
            {
                "id": block.id,
                "kind": block.kind,
                "state": block.state,
                "name": block.move_line_id.display_name or block.move_id.display_name or "",
                "reason": block.reason_id.name or "",
                "user": block.user_id.name or "",
                "since": block.date_from,
                "until": block.date_to,
                "note": block.note or "",
            }
            for block in blocks
        ]

    def _panel_items(self):
        """Return the open items with outcome and reasons, the longest overdue first."""
        screened = self.env["dunning.screening"].search(
            [(self._dunning_owner_field, "in", self._dunning_owners().ids)]
        )
        items = [
            {
                "id": item.move_line_id.id,
                "move_id": item.move_id.id,
                "name": item.move_id.display_name,
                "date_due": item.date_due,
                "days_overdue": item.days_overdue,
                "amount": item.amount_residual,
                "outcome": item.outcome,
                "reasons": item.rule_ids.mapped("name"),
                "stopped": item.move_line_id.dunning_stop,
            }
            for item in screened[:ITEM_LIMIT]
        ]
        return {"items": items, "item_count": len(screened)}

    def _panel_history(self):
        """Return the latest promises of and reminders to this customer, or about this entry."""

        def latest(model, path_to_move):
            domain = [("partner_id", "in", self._dunning_customers().ids)]
            if self._name == "account.move":
                domain = [(path_to_move, "=", self.id)]
            return self.env[model].search(domain, limit=HISTORY_LIMIT)

        return {
            "promises": [
                {
                    "id": promise.id,
                    "date": promise.date,
                    "amount": promise.promised_amount,
                    "state_name": get_label(promise, "state"),
                }
                for promise in latest("dunning.promise", "move_line_ids.move_id")
            ],
            "notices": [
                {
                    "id": notice.id,
                    "date": notice.date,
                    "name": notice.level_id.name or notice.type_id.name or "",
                    "description": notice.description or "",
                    "state": notice.state,
                    "state_name": get_label(notice, "state"),
                }
                for notice in latest("dunning.notice", "line_ids.move_id")
            ],
        }

    def _panel_customer(self):
        """Return what only customers have: totals, scenario and the switches of the types."""
        Scenario = self.env["dunning.scenario"]
        self.env.flush_all()
        query = SQL(
            "SELECT %s FROM res_partner customer WHERE customer.id = %s",
            Scenario._choice_sql(self.env.company),
            self.id,
        )
        [[scenario_id]] = self.env.execute_query(query)
        return {
            "outstanding": self.dunning_outstanding,
            "overdue": self.dunning_overdue,
            "scenario": Scenario.browse(scenario_id).name or "",
            "scenario_message": self.dunning_scenario_message or "",
            "types": [
                {"id": kind.id, "name": kind.name, "on": kind not in self.dunning_type_off_ids}
                for kind in self.env["dunning.reminder.type"].search([])
            ],
        }

    def dunning_toggle_stop(self):
        """Stop at once what is not stopped, or end the stop; return whether it is stopped now."""
        check_one(self)
        if self.dunning_stop:
            self._dunning_fresh_blocks("stop").action_lift()
        else:
            self.action_dunning_stop()
        return self.dunning_stop

    # The next reminder -----------------------------------------------------------------------

    def dunning_next_reminders(self):
        """Return in words the next reminders of a customer: the next level, and its workflows.

        :return: list of sentences, empty when nothing is foreseen
        :raise AccessError: when the user may not read the customer
        """
        check_one(self)
        # Who may not read what customers owe must not learn it from here.
        self.env["dunning.screening"].check_access("read")
        self.env.flush_all()
        customer, company = self._dunning_customers(), self.env.company
        levels = self._forecast_levels(customer, company)
        return levels + self._forecast_workflows(customer, company)

    @api.model
    def _forecast_levels(self, customer, company):
        """Return the next reminder by the levels of a scenario, if nothing is paid until then.

        For each day that can change the answer, items are screened as a run of that day does: today
        by itself, as most customers who are asked about are due today, and all others together.
        """
        scenarios = self.env["dunning.scenario"]._of_company(company, "invoice")
        owner = Owner("partner", tuple(customer.ids))
        days = self._forecast_days(customer, company) if scenarios else []
        for some_days in filter(None, (days[:1], days[1:])):
            answers = []
            for day in some_days:
                chosen = candidates.of_scenarios(scenarios, company, day)
                question = Question(company, day, owner=owner, candidates=chosen)
                screening = self.env["dunning.screening"]._statement(question)
                answers.append(
                    SQL(
                        """SELECT %s::date AS day, level_id FROM (%s) screening
                            WHERE outcome = 'included'""",
                        day,
                        screening,
                    )
                )
            query = SQL(
                """SELECT day, level_id
                     FROM (%s) answer JOIN dunning_level level ON level.id = level_id
                    ORDER BY day, level.sequence DESC, level.id DESC LIMIT 1""",
                SQL(" UNION ALL ").join(answers),
            )
            with statement.planned(self.env, few=True):
                rows = self.env.execute_query(query)
            for day, level_id in rows:
                level = self.env["dunning.level"].browse(level_id)
                words = {"level": level.name, "scenario": level.scenario_id.name}
                day = self._forecast_format(day, company)
                return [self.env._("%(day)s: %(level)s (%(scenario)s)", day=day, **words)]
        return []

    @api.model
    def _forecast_days(self, customer, company):
        """Return today and the next days on which the answer can change, in order."""
        # An item reaches a level; what holds it ends; the last reminder is long enough ago.
        today = company._dunning_today()
        query = SQL(
            """SELECT DISTINCT day FROM (
                   SELECT GREATEST(move.dunning_due_date + 1,
                                   level.delay + CASE WHEN level.trigger = 'due_date' THEN %(due)s
                                                 ELSE COALESCE(move.invoice_date, line.date) END)
                          %(open_items)s AND line.amount_residual > 0
                   UNION ALL
                   SELECT block.date_to + 1 FROM dunning_block block
                    WHERE block.partner_id = %(customer)s AND block.company_id = %(company)s
                      AND %(holds)s
                   UNION ALL
                   SELECT date + %(tolerance)s + 1 FROM dunning_promise
                    WHERE partner_id = %(customer)s AND company_id = %(company)s
                   UNION ALL
                   SELECT notice.date + wait.days
                     FROM dunning_notice notice
                    CROSS JOIN (SELECT GREATEST(min_days_between, 1) FROM dunning_scenario
                                UNION SELECT repeat_every FROM dunning_level
                                UNION SELECT %(free)s) wait (days)
                    WHERE notice.partner_id = %(customer)s AND notice.company_id = %(company)s
                      AND notice.state = 'sent') AS days (day)
                WHERE day > %(today)s AND day <= %(last)s ORDER BY day LIMIT %(limit)s""",
            due=items.DATE_DUE,
            open_items=items.open_items(
                Question(company, customers=tuple(customer.ids)),
                SQL("CROSS JOIN dunning_level level"),
            ),
            customer=customer.id,
            company=company.id,
            holds=self.env["dunning.block"]._state_sql(today, ("scheduled", "active")),
            tolerance=company.dunning_promise_tolerance_days,
            free=company.dunning_min_days_between_messages,
            today=today,
            # Python knows no day after the year 9999, in which an invoice may be due.
            last=LAST_DAY,
            limit=FORECAST_DAYS,
        )
        return [today, *(day for (day,) in self.env.execute_query(query))]

    @api.model
    def _forecast_workflows(self, customer, company):
        """Return the next days of the workflows that are meant for the customer."""
        workflows = self.env["dunning.scenario"]._of_company(company, "customer")
        meant = [
            SQL("(%s, %s)", workflow.id, workflow._applies_sql(company))
            for workflow in workflows.filtered("level_ids")
        ]
        if not meant:
            return []
        query = SQL(
            """SELECT workflow.id FROM res_partner customer
                CROSS JOIN LATERAL (VALUES %s) workflow (id, applies)
                WHERE customer.id = %s AND workflow.applies""",
            SQL(", ").join(meant),
            customer.id,
        )
        chosen = {workflow_id for (workflow_id,) in self.env.execute_query(query)}
        sentences = []
        for workflow in workflows.filtered(lambda workflow: workflow.id in chosen):
            day = self._forecast_format(workflow._next_date(company), company)
            text = self.env._("%(day)s: %(workflow)s", day=day, workflow=workflow.name)
            if workflow.condition_ids:
                text = self.env._(
                    "%(day)s: %(workflow)s, if its conditions hold", day=day, workflow=workflow.name
                )
            sentences.append(text)
        return sentences

    @api.model
    def _forecast_format(self, day, company):
        today = day == company._dunning_today()
        return self.env._("Today") if today else format_date(self.env, day)
