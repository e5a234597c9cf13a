from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tools import SQL

from ..models.arguments import DAYS, Within, check_one, read_date
from ..models.scenario_sentence import short_date
from ..screening import candidates
from ..screening.question import Question

# More customers than anybody reads; the totals count all of them.
SHOWN_CUSTOMERS = 100


class DunningScenarioPreview(models.TransientModel):
    """Shows whom a scenario would reach on a day and with how much; no run is made by it."""

    _name = "dunning.scenario.preview"
    _description = "Preview of a Scenario"
    _inherit = ["dunning.protected.mixin"]

    scenario_id = fields.Many2one("dunning.scenario", required=True, readonly=True)
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    company_currency_id = fields.Many2one(related="company_id.currency_id", related_sudo=False)
    date = fields.Date(
        required=True,
        default=lambda self: self.env.company._dunning_today(),
    )
    scenario_active = fields.Boolean(related="scenario_id.active", related_sudo=False)
    asks_for_start = fields.Boolean(
        string="Asks for a Start Date", compute="_compute_asks_for_start"
    )
    old_items = fields.Boolean(
        string="Old Items Too",
        help="Also remind items that fell due or were issued before the scenario is switched on.",
    )
    description = fields.Text(related="scenario_id.description", related_sudo=False)
    note = fields.Char(compute="_compute_result", help="Remarks about this day.")
    customer_count = fields.Integer(string="Customers", compute="_compute_result")
    item_count = fields.Integer(string="Items", compute="_compute_result")
    amount = fields.Monetary(
        currency_field="company_currency_id",
        compute="_compute_result",
        help="The amount of the items that would be reminded, in company currency.",
    )
    excluded_count = fields.Integer(string="Items Excluded", compute="_compute_result")
    excluded_amount = fields.Monetary(
        string="Amount Excluded",
        currency_field="company_currency_id",
        compute="_compute_result",
        help="What is open of the items that are excluded, in company currency.",
    )
    line_ids = fields.One2many(
        "dunning.scenario.preview.line",
        "preview_id",
        string="Customers Reached",
        compute="_compute_result",
        help="The customers with the highest amounts.",
    )

    _date_within = Within("date", *DAYS)

    @api.depends("scenario_id")
    def _compute_asks_for_start(self):
        for preview in self:
            scenario = preview.scenario_id
            known = scenario.activated or scenario.active or scenario.date_start
            preview.asks_for_start = not known

    def _get_scenario(self):
        """Return the scenario as it would be once it is switched on."""
        return self.scenario_id.with_context(dunning_old_items=self.old_items)

    @api.depends("scenario_id", "company_id", "date", "old_items")
    def _compute_result(self):
        self._check_readable()
        for preview in self:
            read_date(self.env, preview.date)
            rows = preview._rows() if preview.scenario_id and preview.date else []
            reached = [row for row in rows if row[2]]
            preview.customer_count = len(reached)
            preview.item_count = sum(row[2] for row in rows)
            preview.amount = sum(row[3] for row in rows)
            preview.excluded_count = sum(row[4] for row in rows)
            preview.excluded_amount = sum(row[5] for row in rows)
            preview.note = preview._note()
            preview.line_ids = [
                Command.clear(),
                *(
                    Command.create(preview._prepare_line_vals(row))
                    for row in rows[:SHOWN_CUSTOMERS]
                ),
            ]

    def _check_readable(self):
        """Check that the user may see what is previewed: SQL that counts asks nobody for rights.

        :raise AccessError: for scenarios and companies of others
        """
        self.scenario_id.check_access("read")
        if self.company_id - self.env.companies:
            raise AccessError(
                self.env._(
                    "The field 'Company' names a company that is not selected: select it first, "
                    "at the top of the page."
                )
            )

    def _prepare_line_vals(self, row):
        customer_id, level_ids, item_count, amount, excluded_count, excluded_amount = row
        return {
            "company_currency_id": self.company_currency_id.id,
            "partner_id": customer_id,
            "level_ids": [Command.set(level_ids)],
            "item_count": item_count,
            "amount": amount,
            "excluded_count": excluded_count,
            "excluded_amount": excluded_amount,
        }

    def _rows(self):
        """Return customer, levels, items and amount included, items and amount left out.

        An item that is in several messages of a workflow counts once. The highest amounts first.
        """
        reached = candidates.of_scenarios(
            self._get_scenario(), self.company_id, self.date, trial=True
        )
        question = Question(self.company_id, self.date, candidates=reached, all_reasons=False)
        with self.env["dunning.screening"]._screened(question) as screening:
            return self.env.execute_query(self._rows_query(screening))

    @api.model
    def _rows_query(self, screening) -> SQL:
        return SQL(
            """SELECT partner_id, ARRAY_AGG(DISTINCT level_id),
                          COUNT(DISTINCT move_line_id) FILTER (WHERE included),
                          COALESCE(SUM(amount_residual) FILTER (WHERE included AND first), 0)
                              AS amount,
                          COUNT(DISTINCT move_line_id) FILTER (WHERE NOT included),
                          COALESCE(SUM(amount_residual) FILTER (WHERE NOT included AND first), 0)
                     FROM (SELECT partner_id, move_line_id, level_id, amount_residual,
                                  BOOL_OR(outcome = 'included') OVER item AS included,
                                  ROW_NUMBER() OVER item = 1 AS first
                             FROM (%s) AS screening
                           WINDOW item AS (PARTITION BY move_line_id)) AS answer
                    GROUP BY partner_id ORDER BY amount DESC, partner_id""",
            screening,
        )

    def _note(self):
        """Return remarks about the day, such as that nothing is due, or False."""
        scenario = self._get_scenario()
        if not (scenario and self.date):
            return False
        if fault := scenario._get_faults(self.company_id, probe=False).get(scenario):
            return fault
        start = scenario._get_first_day(self.company_id)
        if start and self.date < start:
            return self.env._("Nothing is sent before %(day)s.", day=short_date(self.env, start))
        if scenario.campaign_type == "customer" and not scenario._due_since(
            self.company_id, self.date
        ):
            return self.env._(
                "This is not a day of the workflow. It shows what it would send if you chose it in "
                "a run for this day."
            )
        older = start and scenario._count_before_start(self.company_id)
        words = {"count": older, "day": short_date(self.env, start)}
        if older and self.asks_for_start:
            return self.env._(
                "Overdue items from before %(day)s are left alone (%(count)s in all): select "
                "'Old Items Too' to include them, too.",
                **words,
            )
        return bool(older) and self.env._(
            "Overdue items from before %(day)s are left alone (%(count)s in all): clear 'Starts "
            "On' to include them, too.",
            **words,
        )

    def action_activate(self):
        """Switch the scenario on, with old items if that was asked for.

        :raise AccessError: for who may not change the scenario
        """
        check_one(self)
        values = {"active": True}
        if self.asks_for_start and self.old_items:
            values["date_start"] = False
        self.scenario_id.write(values)
        return {"type": "ir.actions.act_window_close"}


class DunningScenarioPreviewLine(models.TransientModel):
    """A customer that the scenario would reach, and with how much."""

    _name = "dunning.scenario.preview.line"
    _description = "Customer in the Preview of a Scenario"

    preview_id = fields.Many2one("dunning.scenario.preview", ondelete="cascade")
    company_currency_id = fields.Many2one("res.currency")
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        help="The customer who owes the items: the company, not one of its contacts.",
    )
    level_ids = fields.Many2many(
        "dunning.level", string="Levels", help="At which levels the customer would be reminded."
    )
    item_count = fields.Integer(string="Items")
    amount = fields.Monetary(
        currency_field="company_currency_id",
        help="The amount that the customer would be reminded of, in company currency.",
    )
    excluded_count = fields.Integer(string="Items Excluded")
    excluded_amount = fields.Monetary(
        string="Amount Excluded",
        currency_field="company_currency_id",
        help="What is open of the items that are excluded, in company currency.",
    )
