from odoo import api, models
from odoo.tools import SQL

from .screen import Screen

# The thresholds on `res.company`, and the rules that compare with them.
THRESHOLD_RULES = {
    f"dunning_{code}": code for code in ("item_minimum", "customer_minimum", "customer_maximum")
}


class DunningThreshold(models.AbstractModel):
    """Says what thresholds would exclude today, while they are being chosen."""

    _name = "dunning.threshold"
    _description = "Effect of Thresholds"

    @api.model
    def _effects(self, company, thresholds):
        """Return what the screening would exclude for each of `thresholds`, all of them together.

        Only overdue items count, and only those of which the threshold is the deciding reason.

        :param thresholds: {name on `res.company`: value}
        :return: {name: (items, customers, amount in company currency)}
        """
        nothing = dict.fromkeys(thresholds, (0, 0, 0.0))
        if not any(value > 0 for value in thresholds.values()):
            return nothing
        rows = self.env.execute_query(
            SQL(
                """SELECT rule.code, COUNT(*), COUNT(DISTINCT screening.partner_id),
                          SUM(screening.amount_residual)
                     FROM (%(screening)s) AS screening
                     JOIN dunning_exclusion_rule rule ON rule.id = screening.rule_id
                    WHERE screening.days_overdue > 0 AND screening.amount_residual > 0
                    GROUP BY rule.code""",
                screening=self.env["dunning.statement"]._query(
                    Screen(company, thresholds=thresholds)
                ),
            )
        )
        found = {code: (items, customers, float(amount)) for code, items, customers, amount in rows}
        return {name: found.get(THRESHOLD_RULES[name], effect) for name, effect in nothing.items()}
