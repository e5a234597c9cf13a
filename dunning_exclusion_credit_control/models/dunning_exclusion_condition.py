from odoo import api, models
from odoo.tools import SQL


class DunningExclusionCondition(models.AbstractModel):
    _inherit = "dunning.exclusion.condition"

    @api.model
    def _condition_credit_control_no_follow(self, question):
        """Exclude items of invoices, else of customers, that were given a "no follow" policy.

        The policy of the company is no decision about anybody, so it does not count.
        """
        return SQL(
            """EXISTS (SELECT 1 FROM credit_control_policy policy
                        WHERE policy.id = COALESCE(move.credit_policy_id, contact.credit_policy_id)
                          AND policy.do_nothing)"""
        )
