from odoo import models
from odoo.fields import Domain

from .history import note_subtype


class ResUsers(models.Model):
    """Users: lines forget deleted ones, and record rules ask by which right they read a model."""

    _inherit = "res.users"

    def unlink(self):
        """Override to keep the lines that a deleted user ticked."""
        result = super().unlink()
        self.env["dunning.run.line"]._forget("override_user_id", self.ids)
        return result

    def _dunning_notes_domain(self, company_ids):
        """Return the domain of the messages that are no notes on follow-ups of others."""
        others = Domain("subtype_id", "!=", note_subtype(self.env))
        if self.with_user(self).env["dunning.block"].has_access("read"):
            others |= Domain("record_company_id", "in", company_ids)
        return list(others)

    def _dunning_reads_by_follow_up_only(self, model):
        """Return whether the user may read `model` as a follow-up user, and by no other right.

        Record rules for follow-up users restrict only those who have no other right to read.
        """
        self.ensure_one()
        group = self.env.ref("dunning_exclusion.group_dunning_user")
        others = (
            Domain("model_id.model", "=", model)
            & Domain("perm_read", "=", True)
            & Domain("group_id", "in", [False, *(self.all_group_ids - group).ids])
        )
        # sudo: users do not read the table of rights
        return not self.env["ir.model.access"].sudo().search_count(others, limit=1)
