from odoo import fields, models


class DunningLevel(models.Model):
    _inherit = "dunning.level"

    action = fields.Selection(
        selection_add=[("log", "Note on the invoices")], ondelete={"log": "set default"}
    )
