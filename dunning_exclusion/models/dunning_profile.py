from odoo import fields, models


class DunningProfile(models.Model):
    """A name for how a group of customers is treated; scenarios choose customers by it."""

    _name = "dunning.profile"
    _description = "Dunning Profile"
    _order = "sequence, name, id"

    sequence = fields.Integer(default=10)
    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    note = fields.Text(help="Whom this profile is meant for.")
