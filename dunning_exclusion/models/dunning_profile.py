from odoo import fields, models

from .arguments import Char, Text
from .bounds import SEQUENCES, Within


class DunningProfile(models.Model):
    """A name for how a group of customers is treated; scenarios choose customers by it."""

    _name = "dunning.profile"
    _description = "Dunning Profile"
    _inherit = ["dunning.protected.mixin"]
    _order = "sequence, name, id"
    _company_path = ""
    _open_fields = frozenset({"sequence"})

    sequence = fields.Integer(default=10, help="The order in which they are listed.")
    name = Char(
        required=True,
        translate=True,
        help="How customers of this kind are called, for example key accounts.",
    )
    active = fields.Boolean(default=True, help="Off: it is kept, but no longer used.")
    note = Text(help="Whom this profile is meant for.")

    _sequence_within = Within("sequence", *SEQUENCES)
