from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL


class DunningPromiseState(models.AbstractModel):
    """Whether a promise is open, kept or broken, as value and as SQL.

    It follows from dates and payments, so nothing has to run for a promise to be broken.
    """

    _name = "dunning.promise.state"
    _description = "State of Promises to Pay"

    state = fields.Selection(
        [
            ("open", "Open"),
            ("kept", "Kept"),
            ("broken", "Broken"),
            ("cancelled", "Cancelled"),
        ],
        compute="_compute_state",
        search="_search_state",
        help="Open until the date plus the tolerance days of the company has passed.",
    )

    @api.depends("date", "amount", "open_amount", "cancelled", "move_line_ids.amount_residual")
    def _compute_state(self):
        for promise in self:
            company = promise.company_id or self.env.company
            rest = sum(promise.move_line_ids.mapped("amount_residual"))
            promise.paid_amount = max(promise.open_amount - rest, 0)
            limit = (promise.date or company._dunning_today()) + timedelta(
                days=company.dunning_promise_tolerance_days
            )
            wanted = promise.promised_amount
            if promise.cancelled:
                promise.state = "cancelled"
            elif (
                promise.move_line_ids
                and promise.open_amount
                and (company.currency_id.compare_amounts(promise.paid_amount, wanted) >= 0)
            ):
                promise.state = "kept"
            else:
                promise.state = "open" if limit >= company._dunning_today() else "broken"

    @api.model
    def _search_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        states = [state for state in value if state]
        self.env.flush_all()
        query = self._state_query()
        return Domain.custom(
            to_sql=lambda model, alias, _query: SQL(
                "%s IN (SELECT id FROM (%s) AS promise_state WHERE state = ANY(%s))",
                SQL.identifier(alias, "id"),
                query,
                states,
            )
        )

    @api.model
    def _state_query(self):
        """Return SELECT id, state of all promises, the same as the computed state."""
        return SQL(
            """SELECT promise.id,
                      CASE WHEN promise.cancelled THEN 'cancelled'
                           WHEN %(kept)s THEN 'kept'
                           WHEN promise.date
                                + COALESCE(company.dunning_promise_tolerance_days, 0) >= %(today)s
                           THEN 'open'
                           ELSE 'broken' END AS state
                 FROM dunning_promise promise
                 JOIN res_company company ON company.id = promise.company_id
                 %(still_open)s""",
            kept=self._kept_sql(),
            still_open=self._still_open_join(),
            today=self.env["res.company"]._dunning_today_sql(SQL("company.id")),
        )

    @api.model
    def _kept_sql(self, still_open=None):
        """Return the condition "what was promised has been paid" over the alias `promise`.

        :param still_open: what its items have open; None: what `_still_open_join` joins. Without
            items, where it is NULL, nothing can have been paid.
        """
        return SQL(
            """(promise.open_amount > 0 AND %(still_open)s IS NOT NULL
                AND promise.open_amount - %(still_open)s
                    >= COALESCE(NULLIF(promise.amount, 0), promise.open_amount) - 0.00001)""",
            still_open=still_open or SQL("still_open.amount"),
        )

    @api.model
    def _still_open_join(self):
        """Return the JOIN of what the items of `promise` have open, as `still_open.amount`."""
        return SQL(
            """CROSS JOIN LATERAL (SELECT SUM(promised_line.amount_residual) AS amount
                                     FROM dunning_promise_move_line_rel promised
                                     JOIN account_move_line promised_line
                                       ON promised_line.id = promised.move_line_id
                                    WHERE promised.promise_id = promise.id) still_open"""
        )
