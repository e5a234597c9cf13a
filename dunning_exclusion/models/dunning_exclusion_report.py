from odoo import api, fields, models
from odoo.tools import SQL

from .dunning_block import KINDS
from .dunning_screening import OUTCOMES
from .screen import Screen

AGES = [
    ("1", "Up to 7 days"),
    ("2", "8 to 30 days"),
    ("3", "31 to 90 days"),
    ("4", "More than 90 days"),
]


class DunningExclusionReport(models.Model):
    """What is left out today: amounts by reason, by age of the block and by person.

    One row an excluded item, with the block that decides, if a block does. Nothing is stored.
    """

    _name = "dunning.exclusion.report"
    _description = "Exclusion Analysis"
    _auto = False
    _order = "amount_residual desc, id"
    _rec_name = "move_line_id"

    move_line_id = fields.Many2one(
        "account.move.line",
        string="Item",
        readonly=True,
        help="The receivable item: an invoice, or one instalment of it.",
    )
    move_id = fields.Many2one(
        "account.move", string="Invoice", readonly=True, help="The invoice or entry of the item."
    )
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        readonly=True,
        help="The customer who owes the items: the company, not one of its contacts.",
    )
    company_id = fields.Many2one(
        "res.company", readonly=True, help="The company whose receivables it is about."
    )
    company_currency_id = fields.Many2one(
        related="company_id.currency_id",
        string="Company Currency",
        help="The currency in which the company keeps its books.",
    )
    date_due = fields.Date(
        string="Due Date",
        readonly=True,
        help="The due date of the item, or the date it was postponed to.",
    )
    days_overdue = fields.Integer(
        readonly=True, aggregator="max", help="Days since the due date; 0 before it."
    )
    amount_residual = fields.Monetary(
        string="Excluded Amount",
        currency_field="company_currency_id",
        readonly=True,
        help="What is still open, in company currency; negative for credits.",
    )
    outcome = fields.Selection(
        OUTCOMES,
        readonly=True,
        help="Included: it is reminded. Unchecked: listed without a tick. Dropped: not listed.",
    )
    rule_id = fields.Many2one(
        "dunning.exclusion.rule",
        string="Deciding Reason",
        readonly=True,
        help="The reason that decides the outcome; there may be more.",
    )
    block_id = fields.Many2one(
        "dunning.block", readonly=True, help="The block that holds the item back, if one does."
    )
    kind = fields.Selection(
        KINDS,
        readonly=True,
        help="Stop: listed but not ticked. Pause: until a day. Prevent: left out of every run.",
    )
    reason_id = fields.Many2one(
        "dunning.block.reason", string="Block Reason", readonly=True, help="Why it is held back."
    )
    user_id = fields.Many2one(
        "res.users", string="Set by", readonly=True, help="Who set the block."
    )
    date_from = fields.Date(string="Held Since", readonly=True, help="The first day of the block.")
    date_to = fields.Date(
        string="Held Until",
        readonly=True,
        help="The last day of the block; empty: until somebody lifts it.",
    )
    age_days = fields.Integer(
        string="Age (days)",
        readonly=True,
        aggregator="max",
        help="How many days the block has held.",
    )
    age = fields.Selection(
        AGES, string="Age of the Block", readonly=True, help="How long the block has held."
    )

    @property
    def _table_query(self):
        screening = self.env["dunning.statement"]._query(Screen(self.env.companies))
        return SQL(
            """SELECT excluded.id, excluded.move_line_id, excluded.move_id, excluded.partner_id,
                      excluded.company_id, excluded.date_due, excluded.days_overdue,
                      excluded.amount_residual, excluded.outcome, excluded.rule_id,
                      held.id AS block_id, held.kind, held.reason_id, held.user_id,
                      held.date_from, held.date_to, held.age_days,
                      CASE WHEN held.age_days <= 7 THEN '1' WHEN held.age_days <= 30 THEN '2'
                           WHEN held.age_days <= 90 THEN '3' WHEN held.age_days > 90 THEN '4'
                      END AS age
                 FROM (%(screening)s) AS excluded
                 JOIN dunning_exclusion_rule rule ON rule.id = excluded.rule_id
                 LEFT JOIN LATERAL (%(block)s) held ON TRUE
                WHERE excluded.outcome <> 'included'""",
            screening=screening,
            block=self._deciding_block_query(),
        )

    @api.model
    def _deciding_block_query(self) -> SQL:
        """Return SELECT of the longest-standing block that makes `rule` exclude `excluded`."""
        today = self.env["res.company"]._dunning_today_sql(SQL("excluded.company_id"))
        return SQL(
            """SELECT block.*, %(today)s - block.date_from AS age_days
                 FROM dunning_block block
                WHERE block.company_id = excluded.company_id
                  AND block.partner_id = excluded.partner_id
                  AND rule.source = 'builtin' AND rule.code = block.kind || '_' || block.target
                  AND (block.move_id IS NULL OR block.move_line_id = excluded.move_line_id
                       OR (block.move_line_id IS NULL AND block.move_id = excluded.move_id))
                  AND %(active)s
                ORDER BY block.date_from, block.id LIMIT 1""",
            today=today,
            active=self.env["dunning.block"]._active_sql(),
        )
