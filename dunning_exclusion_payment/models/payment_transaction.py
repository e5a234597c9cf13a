from odoo import models


class PaymentTransaction(models.Model):
    _inherit = "payment.transaction"

    def _update_state(self, allowed_states, target_state, state_message):
        """Override of `payment` to note on invoices that their collection failed."""
        changed = super()._update_state(allowed_states, target_state, state_message)
        if target_state in ("error", "cancel"):
            changed.invoice_ids._dunning_collected().dunning_collection_failed = True
        self.env["dunning.screening"]._forget_answers()
        return changed
