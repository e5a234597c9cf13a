from odoo import api, fields, models
from odoo.tools import SQL

from ..models.dunning_block_reason import KINDS

AGES = [
    ("1", "Up to 7 days"),
    ("2", "8 to 30 days"),
    ("3", "31 to 90 days"),
    ("4", "More than 90 days"),
]


class DunningScreening(models.Model):
    """The filters at the side of the list of what is left out."""

    _inherit = "dunning.screening"

    @api.model
    @api.readonly
    def search_panel_select_multi_range(self, field_name, **kwargs):
        """Override of `web` to declare that it only reads: a replica may answer it."""
        return super().search_panel_select_multi_range(field_name, **kwargs)


class DunningExclusionReport(models.Model):
    """What is left out today: amounts by reason, by age of the block and by person.

    The rows of `dunning.screening` that are excluded, each with the block that decides, if a block
    does. Nothing is stored.
    """

    _name = "dunning.exclusion.report"
    _description = "Exclusion Analysis"
    _inherit = "dunning.screening"
    _auto = False
    _order = "amount_residual desc, id"

    amount_residual = fields.Monetary(string="Excluded Amount")
    block_id = fields.Many2one("dunning.block", "Hold", readonly=True)
    kind = fields.Selection(
        KINDS,
        readonly=True,
        help="Stop: listed but not selected. Pause: until a day. Prevent: in no run.",
    )
    reason_id = fields.Many2one("dunning.block.reason", string="Hold Reason", readonly=True)
    user_id = fields.Many2one("res.users", string="Set by", readonly=True)
    date_from = fields.Date(string="Held Since", readonly=True)
    date_to = fields.Date(
        string="Held Until", readonly=True, help="Empty: until somebody ends the hold."
    )
    age_days = fields.Integer(string="Age (days)", readonly=True, aggregator="max")
    age = fields.Selection(AGES, string="Age of the Hold", readonly=True)

    @property
    def _table_query(self):
        # `held` is a whole row of `dunning_block` in one column of a subquery: PostgreSQL looks for
        # it only where something of it is asked for and, because of OFFSET 0, once for each item.
        return SQL(
            """SELECT excluded.*, (held).id AS block_id, (held).kind, (held).reason_id,
                      (held).user_id, (held).date_from, (held).date_to, age_days,
                      CASE WHEN age_days <= 7 THEN '1' WHEN age_days <= 30 THEN '2'
                           WHEN age_days <= 90 THEN '3' WHEN age_days > 90 THEN '4' END AS age
                 FROM (SELECT excluded.*, (%(block)s) AS held
                         FROM (%(screening)s) AS excluded
                         JOIN dunning_exclusion_rule rule ON rule.id = excluded.rule_id
                        WHERE excluded.outcome <> 'included' OFFSET 0) AS excluded
                CROSS JOIN LATERAL (SELECT %(today)s - (held).date_from AS age_days) AS aged""",
            screening=super()._table_query,
            block=self._deciding_block_query(),
            today=self._day_sql(),
        )

    @api.model
    def _day_sql(self) -> SQL:
        """Return the day asked about, as SQL over `excluded`."""
        asked = self._asked_day()
        today = self.env["res.company"]._dunning_today_sql(SQL("excluded.company_id"))
        return SQL("%s::date", asked) if asked else today

    @api.model
    def _deciding_block_query(self) -> SQL:
        """Return SELECT of the longest-standing block that makes `rule` exclude `excluded`."""
        return SQL(
            """SELECT block FROM dunning_block block
                WHERE block.company_id = excluded.company_id
                  AND block.partner_id = excluded.partner_id
                  AND rule.source = 'builtin' AND rule.code ~ '^(stop|pause|prevent)_'
                  AND rule.code = block.kind || '_'
                      || CASE WHEN block.items_until IS NULL THEN block.target ELSE 'item' END
                  AND (block.move_id IS NULL OR block.move_line_id = excluded.move_line_id
                       OR (block.move_line_id IS NULL AND block.move_id = excluded.move_id))
                  AND (block.items_until IS NULL OR block.items_until >= excluded.invoice_date)
                  AND %s
                ORDER BY block.date_from, block.id LIMIT 1""",
            self.env["dunning.block"]._state_sql(self._asked_day()),
        )
