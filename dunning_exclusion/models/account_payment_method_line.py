from odoo import fields, models

# States of a payment that came back, and of one that may come back.
FAILED = ("draft", "rejected")
COLLECTING = ("in_process", "paid")


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
            self.env["dunning.block"]._invalidate_targets()
        return result
