from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

FORGOTTEN_AFTER_DAYS = 90
ENDING_WITHIN_DAYS = 7


class DunningBlockAge(models.AbstractModel):
    """How old a block is and how much it holds, so that none is forgotten."""

    _name = "dunning.block.age"
    _description = "Age of Dunning Blocks"

    age_days = fields.Integer(
        string="Age (days)", compute="_compute_age", help="How long the block has held, in days."
    )
    forgotten = fields.Boolean(
        compute="_compute_age",
        search="_search_forgotten",
        help="Holds without end for more than 90 days.",
    )
    ending_soon = fields.Boolean(
        compute="_compute_age", search="_search_ending_soon", help="Ends within 7 days."
    )

    @api.depends("date_from", "date_to", "lifted_on", "company_id")
    def _compute_age(self):
        for block in self:
            today = (block.company_id or self.env.company)._dunning_today()
            last = min(filter(None, (today, block.date_to, block.lifted_on)))
            block.age_days = max((last - block.date_from).days, 0) if block.date_from else 0
            held = block.state == "active"
            block.forgotten = held and not block.date_to and block.age_days > FORGOTTEN_AFTER_DAYS
            block.ending_soon = bool(
                held and block.date_to and (block.date_to - today).days <= ENDING_WITHIN_DAYS
            )

    @api.model
    def _search_by_day(self, value, day_domain):
        """Return the active blocks that `day_domain` (a function of today) chooses, or others."""
        active = Domain("state", "in", ["active"])
        chosen = Domain.OR(
            active & Domain("company_id", "in", companies.ids) & day_domain(today)
            for today, companies in self.env["res.company"]._dunning_companies_by_day().items()
        )
        return Domain.OR(chosen if wanted else ~chosen for wanted in value)

    @api.model
    def _search_forgotten(self, operator, value):
        if operator != "in":
            return NotImplemented
        days = timedelta(days=FORGOTTEN_AFTER_DAYS)
        return self._search_by_day(
            value,
            lambda today: Domain("date_to", "=", False) & Domain("date_from", "<", today - days),
        )

    @api.model
    def _search_ending_soon(self, operator, value):
        if operator != "in":
            return NotImplemented
        days = timedelta(days=ENDING_WITHIN_DAYS)
        return self._search_by_day(
            value,
            lambda today: Domain("date_to", "!=", False) & Domain("date_to", "<=", today + days),
        )

    @api.depends("partner_id", "move_id", "date_from", "date_to", "lifted_on")
    def _compute_amount_held(self):
        self.env.flush_all()
        rows = self.env.execute_query(self._amount_held_query()) if self.ids else []
        amounts = dict(rows)
        for block in self:
            block.amount_held = amounts.get(block.id, 0)

    def _amount_held_query(self):
        """Return SELECT of the ids of `self` that hold something, with the open amounts."""
        return SQL(
            """SELECT block.id, SUM(line.amount_residual)
                 FROM dunning_block block
                 JOIN res_partner contact ON contact.commercial_partner_id = block.partner_id
                 JOIN account_move_line line ON line.partner_id = contact.id
                  AND line.company_id = block.company_id
                 JOIN account_account account ON account.id = line.account_id
                WHERE block.id = ANY(%s) AND line.reconciled IS NOT TRUE
                  AND line.parent_state = 'posted' AND account.account_type = 'asset_receivable'
                  AND (block.move_id IS NULL OR block.move_line_id = line.id
                       OR (block.move_line_id IS NULL AND block.move_id = line.move_id))
                GROUP BY block.id""",
            self.filtered(lambda block: block.state == "active").ids,
        )
