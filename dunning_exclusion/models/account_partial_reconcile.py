from odoo import api, models


class AccountPartialReconcile(models.Model):
    _inherit = "account.partial.reconcile"

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `account`: what was read of customers before they paid is out of date."""
        partials = super().create(vals_list)
        self.env["dunning.screening"]._forget_answers()
        return partials

    def unlink(self):
        """Override of `account`: what is no longer reconciled is open again."""
        result = super().unlink()
        self.env["dunning.screening"]._forget_answers()
        return result
