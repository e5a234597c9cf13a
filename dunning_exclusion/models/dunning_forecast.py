from odoo import api, models
from odoo.tools import SQL
from odoo.tools.misc import format_date

from .arguments import read_record
from .screen import Screen

# On how many days to come it is tried whether a customer would be reminded.
DAYS = 20


class DunningForecast(models.AbstractModel):
    """What one customer is reminded of next, and when, if nothing is paid until then.

    Only some days can change the answer: a dunning level or a repetition falls due, a block or a
    promise ends. On each of them, the first one first, the items at a level are screened as a run
    of that day would do it.
    """

    _name = "dunning.forecast"
    _description = "Next Reminder"

    @api.model
    def read_next(self, partner_id):
        """Return in words the next reminders of a customer: the next level, and its workflows.

        :return: list of sentences, empty when nothing is foreseen
        :raise AccessError: when the user may not read the customer
        """
        partner = read_record(self.env["res.partner"], partner_id)
        # Who may not read what customers owe must not learn it from here.
        self.env["dunning.screening"].check_access("read")
        customer, company = partner.commercial_partner_id, self.env.company
        return self._levels(customer, company) + self._workflows(customer, company)

    @api.model
    def _levels(self, customer, company):
        scenarios = self.env["dunning.scenario"]._of_company(company, "invoice")
        for day in self._days(customer, company) if scenarios else []:
            if level := self._level_on(day, customer, company, scenarios):
                return [
                    self.env._(
                        "%(day)s: %(level)s (%(scenario)s)",
                        day=self._format(day, company),
                        level=level.name,
                        scenario=level.scenario_id.name,
                    )
                ]
        return []

    @api.model
    def _level_on(self, day, customer, company, scenarios):
        """Return the highest level at which the customer would be reminded on `day`, or none."""
        candidates = self.env["dunning.candidate"]._scenario_query(scenarios, company, day)
        screen = Screen(company, day, owner=("partner", tuple(customer.ids)), candidates=candidates)
        rows = self.env.execute_query(
            SQL(
                "SELECT DISTINCT level_id FROM (%s) screening WHERE outcome = 'included'",
                self.env["dunning.statement"]._query(screen),
            )
        )
        levels = self.env["dunning.level"].browse(row[0] for row in rows)
        return levels.sorted(lambda level: level._place())[-1:]

    @api.model
    def _days(self, customer, company):
        """Return today and the next days on which the answer can change, in order."""
        today = company._dunning_today()
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT day FROM (%(levels)s UNION ALL %(waits)s UNION ALL %(blocks)s
                                   UNION ALL %(promises)s) AS days (day)
                    WHERE day > %(today)s ORDER BY day LIMIT %(limit)s""",
                levels=self._level_days_query(customer, company),
                waits=self._wait_days_query(customer, company),
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
                limit=DAYS,
            )
        )
        return [today, *(row[0] for row in rows)]

    @api.model
    def _level_days_query(self, customer, company) -> SQL:
        """Return the days on which levels of open items fall due, or a postponement ends."""
        open_item = self.env["dunning.open.item"]
        screen = Screen(company, customers=tuple(customer.ids))
        return SQL(
            """SELECT GREATEST(due.day, move.dunning_due_date + 1)
                 %(items)s AND line.amount_residual > 0 %(asked)s""",
            items=open_item._open_items_sql(
                screen,
                SQL(
                    """CROSS JOIN dunning_level level
                       CROSS JOIN LATERAL (
                           SELECT level.delay + CASE WHEN level.trigger = 'due_date' THEN %s
                                       ELSE COALESCE(move.invoice_date, line.date) END) due (day)
                    """,
                    open_item._date_due_sql(),
                ),
            ),
            asked=open_item._chosen_customers(screen),
        )

    @api.model
    def _wait_days_query(self, customer, company) -> SQL:
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
    def _workflows(self, customer, company):
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
                "SELECT ARRAY[%s]::int[] FROM res_partner customer WHERE customer.id = %s",
                SQL(", ").join(applies),
                customer.id,
            )
        )
        chosen = workflows.filtered(lambda workflow: workflow.id in rows[0][0])
        return [self._workflow(workflow, company) for workflow in chosen if workflow.level_ids]

    @api.model
    def _workflow(self, workflow, company):
        words = {
            "day": self._format(workflow._next_date(company), company),
            "workflow": workflow.name,
        }
        if workflow.condition_ids:
            return self.env._("%(day)s: %(workflow)s, if its conditions hold", **words)
        return self.env._("%(day)s: %(workflow)s", **words)

    @api.model
    def _format(self, day, company):
        if day == company._dunning_today():
            return self.env._("Today")
        return format_date(self.env, day)
