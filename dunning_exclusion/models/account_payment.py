from odoo import models

FAILED = ("draft", "rejected")
COLLECTING = ("in_process", "paid")


class AccountPayment(models.Model):
    _inherit = "account.payment"

    def write(self, vals):
        """Override of `account` to note that a payment of invoices came back."""
        failed = self.browse()
        if vals.get("state") in FAILED:
            failed = self.filtered(lambda payment: payment.state in COLLECTING)
        # What was paid is not known any more once the payment is set back.
        invoices = (failed.invoice_ids | failed.reconciled_invoice_ids)._dunning_collected()
        result = super().write(vals)
        invoices.dunning_collection_failed = True
        if "state" in vals:
            self.env["dunning.screening"]._forget_answers()
        return result
