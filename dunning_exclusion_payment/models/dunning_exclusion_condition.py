from odoo import models
from odoo.tools import SQL, format_date

from odoo.addons.dunning_exclusion.models.waiting_money import is_recent, items_of

IS_UNCONFIRMED = SQL(
    """transaction.state IN ('pending', 'authorized')
       AND COALESCE(transaction.operation, '') NOT IN ('refund', 'validation')"""
)


class DunningExclusionCondition(models.AbstractModel):
    _inherit = "dunning.exclusion.condition"

    def _payments_of_items(self, question) -> SQL:
        """Override of `dunning_exclusion` to add online payments that are not confirmed yet."""
        day = SQL("transaction.last_state_change::date")
        invoices = SQL(
            """SELECT linked.invoice_id FROM payment_transaction transaction
                 JOIN account_invoice_transaction_rel linked
                   ON linked.transaction_id = transaction.id
                WHERE %s""",
            IS_UNCONFIRMED,
        )
        return SQL(
            """%s UNION ALL
               SELECT item.id, 'transaction', %s, transaction.amount, transaction.currency_id
                 FROM %s
                 JOIN account_invoice_transaction_rel linked ON linked.invoice_id = item.move_id
                 JOIN payment_transaction transaction ON transaction.id = linked.transaction_id
                WHERE item.amount_residual > 0 AND %s AND %s""",
            super()._payments_of_items(question),
            day,
            items_of(question, invoices),
            IS_UNCONFIRMED,
            is_recent(day, SQL("item.company_id"), question),
        )

    def _describe_waiting(self, source, day, amount):
        if source != "transaction":
            return super()._describe_waiting(source, day, amount)
        return self.env._(
            "online payment of %(day)s, %(amount)s, not confirmed yet",
            day=format_date(self.env, day),
            amount=amount,
        )
