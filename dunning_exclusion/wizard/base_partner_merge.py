from odoo import models


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _merge(self, partner_ids, dst_partner=None, extra_checks=True):
        """Override of `base` to file blocks and promises under the customer they now belong to."""
        result = super()._merge(partner_ids, dst_partner=dst_partner, extra_checks=extra_checks)
        self.env["res.partner"].browse(partner_ids).exists()._dunning_follow_customer()
        return result

    def _update_foreign_keys(self, src_partners, dst_partner):
        """Override of `base` for notices and switches, which are kept, and lines without key."""
        self.env["dunning.notice"]._merge_customers(src_partners.ids, dst_partner)
        self.env["dunning.type.off"]._merge_customers(src_partners.ids, dst_partner)
        result = super()._update_foreign_keys(src_partners, dst_partner)
        self.env["dunning.run.line"]._merge_customers(src_partners.ids, dst_partner)
        return result
