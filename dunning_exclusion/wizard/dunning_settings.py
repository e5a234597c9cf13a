from odoo import api, models


class DunningSettings(models.TransientModel):
    """The page of settings of follow-up administrators, who do not see Odoo's own."""

    _name = "dunning.settings"
    _inherit = "dunning.company.settings"
    _description = "Follow-up Settings"

    @api.depends("company_id")
    def _compute_display_name(self):
        for settings in self:
            settings.display_name = self.env._(
                "Follow-up settings of %(company)s", company=settings.company_id.name
            )

    @api.model
    def action_open(self):
        """Open the settings of the current company."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Follow-up Settings"),
            "res_model": "dunning.settings",
            "res_id": self.create({}).id,
            "view_mode": "form",
        }
