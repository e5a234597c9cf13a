from odoo import api, models
from odoo.tools import SQL

from .screen import Screen


class DunningThreshold(models.AbstractModel):
    """Says what a threshold would exclude today, while it is being chosen."""

    _name = "dunning.threshold"
    _description = "Effect of Thresholds"

    @api.model
    def _effect(self, company, name, value):
        """Return (items, customers, amount in company currency) that `value` would exclude.

        Only overdue items are looked at, and no other reason.

        :param name: name of the threshold on `res.company`
        """
        if value <= 0:
            return 0, 0, 0.0
        condition = {
            "dunning_item_minimum": SQL("amount_residual < %s", value),
            "dunning_customer_minimum": SQL("customer_amount < %s", value),
            "dunning_customer_maximum": SQL("customer_amount > %s", value),
        }[name]
        self.env.flush_all()
        open_item = self.env["dunning.open.item"]
        items, customers, amount = self.env.execute_query(
            SQL(
                """SELECT COUNT(*), COUNT(DISTINCT customer), COALESCE(SUM(amount_residual), 0)
                     FROM (SELECT contact.commercial_partner_id AS customer, line.amount_residual,
                                  SUM(line.amount_residual)
                                      OVER (PARTITION BY contact.commercial_partner_id)
                                      AS customer_amount
                             %(open_items)s
                              AND line.amount_residual > 0 AND %(date_due)s < %(today)s) AS overdue
                    WHERE %(condition)s""",
                open_items=open_item._open_items_sql(Screen(company)),
                date_due=open_item._date_due_sql(),
                today=company._dunning_today(),
                condition=condition,
            )
        )[0]
        return items, customers, float(amount)
