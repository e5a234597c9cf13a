from odoo import models


class ResUsers(models.Model):
    """Users who tick run lines can be deleted; what they ticked stays."""

    _inherit = "res.users"

    def unlink(self):
        """Override to keep the lines that a deleted user ticked."""
        result = super().unlink()
        self.env["dunning.line.upkeep"]._forget("override_user_id", self.ids)
        return result
