from datetime import date

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL


class DunningBlockState(models.AbstractModel):
    """When a block holds, as value, as domain and as SQL.

    It follows from comparing dates, so nothing has to run for a block to begin or to end.
    """

    _name = "dunning.block.state"
    _description = "State of Dunning Blocks"

    state = fields.Selection(
        [
            ("scheduled", "Scheduled"),
            ("active", "Active"),
            ("expired", "Expired"),
            ("lifted", "Lifted"),
        ],
        compute="_compute_state",
        search="_search_state",
        help="Scheduled before its first day, active until its last one, then expired; "
        "lifted when somebody ended it.",
    )

    @api.depends("date_from", "date_to", "lifted_on", "company_id")
    def _compute_state(self):
        for block in self:
            today = (block.company_id or self.env.company)._dunning_today()
            if block.lifted_on:
                block.state = "lifted"
            elif block.date_from and block.date_from > today:
                block.state = "scheduled"
            elif block.date_to and block.date_to < today:
                block.state = "expired"
            else:
                block.state = "active"

    @api.model
    def _search_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        return Domain.OR(
            Domain("company_id", "in", companies.ids) & self._state_domain(state, today)
            for today, companies in self.env["res.company"]._dunning_companies_by_day().items()
            for state in value
        )

    @api.model
    def _state_domain(self, state, today):
        """Return the domain of the blocks that are in `state` on the day `today`."""
        not_lifted = Domain("lifted_on", "=", False)
        begun = Domain("date_from", "<=", today)
        over = Domain("date_to", "!=", False) & Domain("date_to", "<", today)
        return {
            "lifted": Domain("lifted_on", "!=", False),
            "scheduled": not_lifted & Domain("date_from", ">", today),
            "expired": not_lifted & begun & over,
            "active": not_lifted & begun & ~over,
        }.get(state, Domain.FALSE)

    @api.model
    def _active_sql(self, today: date) -> SQL:
        """Return the condition "holds on `today`" over the table alias `block`."""
        return SQL(
            "block.date_from <= %(today)s AND (block.date_to IS NULL OR block.date_to >= %(today)s)"
            " AND (block.lifted_on IS NULL OR block.lifted_on > %(today)s)",
            today=today,
        )

    @api.model
    def _held_on_domain(self, day):
        """Return the domain of the blocks that hold on `day`, the same as `_active_sql`."""
        return (
            Domain("date_from", "<=", day)
            & (Domain("date_to", "=", False) | Domain("date_to", ">=", day))
            & (Domain("lifted_on", "=", False) | Domain("lifted_on", ">", day))
        )

    def _holds_on(self, day):
        """Return the blocks among `self` that hold on `day`."""
        return self.filtered(
            lambda block: (
                block.date_from <= day
                and (not block.date_to or block.date_to >= day)
                and not block.lifted_on
            )
        )
