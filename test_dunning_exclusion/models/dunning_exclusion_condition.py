from odoo import api, models
from odoo.tools import SQL


class DunningExclusionCondition(models.AbstractModel):
    _inherit = "dunning.exclusion.condition"

    @api.model
    def _condition_closed_office(self, question):
        return SQL("customer.closed_until >= %s", question.today)
