from odoo import fields, models


class DunningNotice(models.Model):
    _inherit = "dunning.notice"

    action = fields.Selection(
        selection_add=[("log", "Note on the invoices")], ondelete={"log": "set default"}
    )
