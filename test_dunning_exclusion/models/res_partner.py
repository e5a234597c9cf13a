from odoo import fields, models


class ResPartner(models.Model):
    _inherit = "res.partner"

    closed_until = fields.Date(help="The customer's office is closed through this day.")
