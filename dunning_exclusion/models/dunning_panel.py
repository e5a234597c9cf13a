from odoo import api, models
from odoo.tools import SQL
from odoo.tools.misc import format_date, split_every

from ..screening import candidates, items, statement
from ..screening.question import Owner, Question
from .arguments import check_one

ITEM_LIMIT = 80
HISTORY_LIMIT = 10
# On how many days to come it is tried whether a customer would be reminded, and how many of them
# are asked about in one statement.
FORECAST_DAYS, DAYS_AT_ONCE = 20, 5


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
            "promises": self._panel_promises(),
            "notices": self._panel_notices(),
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
        """Return the open items with their outcome, the longest overdue first."""
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

    def _panel_history(self, model, path_to_move):
        """Return the latest records of `model` about this customer or entry."""
        domain = [("partner_id", "in", self._dunning_customers().ids)]
        if self._name == "account.move":
            domain = [(path_to_move, "=", self.id)]
        return self.env[model].search(domain, limit=HISTORY_LIMIT)

    def _panel_promises(self):
        return [
            {
                "id": promise.id,
                "date": promise.date,
                "amount": promise.promised_amount,
                "state": promise.state,
                "state_name": _label(promise, "state"),
                "note": promise.note or "",
            }
            for promise in self._panel_history("dunning.promise", "move_line_ids.move_id")
        ]

    def _panel_notices(self):
        return [
            {
                "id": notice.id,
                "date": notice.date,
                "name": notice.level_id.name or notice.type_id.name or "",
                "description": notice.description or "",
                "state": notice.state,
                "state_name": _label(notice, "state"),
            }
            for notice in self._panel_history("dunning.notice", "line_ids.move_id")
        ]

    def _panel_customer(self):
        """Return what only customers have: totals, scenario and the switches of the types."""
        return {
            "outstanding": self.dunning_outstanding,
            "overdue": self.dunning_overdue,
            "scenario": self._panel_scenario().name or "",
            "scenario_message": self.dunning_scenario_message or "",
            "types": [
                {
                    "id": reminder.id,
                    "name": reminder.name,
                    "on": reminder not in self.dunning_type_off_ids,
                }
                for reminder in self.env["dunning.reminder.type"].search([])
            ],
        }

    def _panel_scenario(self):
        """Return the invoice-level scenario of the customer, or none."""
        Scenario = self.env["dunning.scenario"]
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                "SELECT %s FROM res_partner customer WHERE customer.id = %s",
                Scenario._choice_sql(self.env.company),
                self.id,
            )
        )
        return Scenario.browse(rows[0][0] if rows and rows[0][0] else [])

    def dunning_toggle_stop(self):
        """Stop at once what is not stopped, or end the stop; return whether it is stopped now."""
        check_one(self)
        if self.dunning_stop:
            self._dunning_lift("stop")
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

        Only some days can change the answer: a reminder level or a repetition falls due, a block or
        a promise ends. On each of them the items at a level are screened as a run of that day does.
        """
        scenarios = self.env["dunning.scenario"]._of_company(company, "invoice")
        days = self._forecast_days(customer, company) if scenarios else []
        for some_days in split_every(DAYS_AT_ONCE, days):
            query = self._forecast_query(some_days, customer, company, scenarios)
            with statement.planned(self.env, few=True):
                rows = self.env.execute_query(query)
            for day, level_ids in rows:
                level = self.env["dunning.level"].browse(level_ids)
                level = level.sorted(lambda level: level._place())[-1:]
                return [
                    self.env._(
                        "%(day)s: %(level)s (%(scenario)s)",
                        day=self._forecast_format(day, company),
                        level=level.name,
                        scenario=level.scenario_id.name,
                    )
                ]
        return []

    @api.model
    def _forecast_query(self, days, customer, company, scenarios) -> SQL:
        """Return SELECT day, ids of levels: the first of `days` with a reminder of the customer."""
        answers = [
            SQL(
                "SELECT %s::date AS day, level_id FROM (%s) screening WHERE outcome = 'included'",
                day,
                self.env["dunning.screening"]._statement(
                    Question(
                        company,
                        day,
                        owner=Owner("partner", tuple(customer.ids)),
                        candidates=candidates.of_scenarios(scenarios, company, day),
                    )
                ),
            )
            for day in days
        ]
        return SQL(
            """SELECT day, ARRAY_AGG(DISTINCT level_id) FROM (%s) answer
                GROUP BY day ORDER BY day LIMIT 1""",
            SQL(" UNION ALL ").join(answers),
        )

    @api.model
    def _forecast_days(self, customer, company):
        """Return today and the next days on which the answer can change, in order."""
        today = company._dunning_today()
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT day FROM (%(levels)s UNION ALL %(waits)s UNION ALL %(blocks)s
                                   UNION ALL %(promises)s) AS days (day)
                    WHERE day > %(today)s ORDER BY day LIMIT %(limit)s""",
                levels=self._forecast_level_days_query(customer, company),
                waits=self._forecast_wait_days_query(customer, company),
                blocks=SQL(
                    """SELECT block.date_to + 1 FROM dunning_block block
                        WHERE block.partner_id = %s AND block.company_id = %s AND %s""",
                    customer.id,
                    company.id,
                    self.env["dunning.block"]._state_sql(["scheduled", "active"], today),
                ),
                promises=SQL(
                    """SELECT date + %s FROM dunning_promise
                        WHERE partner_id = %s AND company_id = %s""",
                    company.dunning_promise_tolerance_days + 1,
                    customer.id,
                    company.id,
                ),
                today=today,
                limit=FORECAST_DAYS,
            )
        )
        return [today, *(row[0] for row in rows)]

    @api.model
    def _forecast_level_days_query(self, customer, company) -> SQL:
        """Return the days on which levels of open items fall due, or a postponement ends."""
        return SQL(
            """SELECT GREATEST(due.day, move.dunning_due_date + 1)
                 %(open_items)s AND line.amount_residual > 0""",
            open_items=items.open_items(
                Question(company, customers=tuple(customer.ids)),
                SQL(
                    """CROSS JOIN dunning_level level
                       CROSS JOIN LATERAL (
                           SELECT level.delay + CASE WHEN level.trigger = 'due_date' THEN %s
                                       ELSE COALESCE(move.invoice_date, line.date) END) due (day)
                    """,
                    items.DATE_DUE,
                ),
            ),
        )

    @api.model
    def _forecast_wait_days_query(self, customer, company) -> SQL:
        """Return the days on which reminders that were sent are long enough ago."""
        return SQL(
            """SELECT notice.date + wait.days
                 FROM dunning_notice notice
                CROSS JOIN (SELECT GREATEST(min_days_between, 1) FROM dunning_scenario
                            UNION SELECT repeat_every FROM dunning_level) wait (days)
                WHERE notice.partner_id = %s AND notice.company_id = %s
                  AND notice.state = 'sent'""",
            customer.id,
            company.id,
        )

    # Workflows ------------------------------------------------------------------------------

    @api.model
    def _forecast_workflows(self, customer, company):
        """Return the next days of the workflows that are meant for the customer."""
        workflows = self.env["dunning.scenario"]._of_company(company, "customer")
        if not workflows:
            return []
        applies = [
            SQL("CASE WHEN %s THEN %s END", workflow._applies_sql(company), workflow.id)
            for workflow in workflows
        ]
        rows = self.env.execute_query(
            SQL(
                """SELECT ARRAY_REMOVE(ARRAY[%s]::int[], NULL)
                     FROM res_partner customer WHERE customer.id = %s""",
                SQL(", ").join(applies),
                customer.id,
            )
        )
        chosen = workflows.browse(rows[0][0]).filtered("level_ids")
        return [self._forecast_workflow(workflow, company) for workflow in chosen]

    @api.model
    def _forecast_workflow(self, workflow, company):
        day = self._forecast_format(workflow._next_date(company), company)
        words = {"day": day, "workflow": workflow.name}
        if workflow.condition_ids:
            return self.env._("%(day)s: %(workflow)s, if its conditions hold", **words)
        return self.env._("%(day)s: %(workflow)s", **words)

    @api.model
    def _forecast_format(self, day, company):
        today = day == company._dunning_today()
        return self.env._("Today") if today else format_date(self.env, day)


def _label(record, field_name):
    """Return what people read for the value of a selection field."""
    return record._fields[field_name].convert_to_export(record[field_name], record)
