from odoo import models


class ResConfigSettings(models.TransientModel):
    """Odoo's page of settings, where system administrators find those of follow-ups."""

    _name = "res.config.settings"
    _inherit = ["res.config.settings", "dunning.company.settings"]
