from odoo import api, models


class CreditControlCommunication(models.Model):
    _inherit = "credit.control.communication"

    @api.model
    def _generate_comm_from_credit_lines(self, lines):
        """Override of `account_credit_control` to screen again just before something goes out."""
        return super()._generate_comm_from_credit_lines(lines._leave_out_excluded())
