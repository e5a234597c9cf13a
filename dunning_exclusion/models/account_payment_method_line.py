from odoo import fields, models


class AccountPaymentMethodLine(models.Model):
    """Payment methods, some of which collect without the customer doing anything."""

    _inherit = "account.payment.method.line"

    dunning_automatic = fields.Boolean(
        string="Collected Automatically",
        help="Invoices with this payment method are collected by us (direct debit, card on file), "
        "so customers are not reminded of them unless the collection failed.",
    )

    def write(self, vals):
        result = super().write(vals)
        if "dunning_automatic" in vals:
            self.env["dunning.block"]._invalidate_targets()
        return result
