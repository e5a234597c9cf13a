from odoo import api, models
from odoo.tools import SQL


class DunningExclusionCondition(models.AbstractModel):
    _inherit = "dunning.exclusion.condition"

    @api.model
    def _condition_closed_office(self, question):
        return SQL("customer.closed_until >= %s", question.today)

    @api.model
    def _details_closed_office(self, rule, question, rows):
        customers = self.env["res.partner"].browse({row.customer_id for row in rows})
        return [{"until": customer.closed_until} for customer in customers]
