from odoo import fields, models

from .arguments import Char
from .bounds import SEQUENCES, TERM, Within


class DunningBlockReason(models.Model):
    """Why something is held back, and for how long unless somebody says otherwise."""

    _name = "dunning.block.reason"
    _description = "Dunning Block Reason"
    _inherit = ["dunning.protected.mixin"]
    _order = "sequence, name, id"
    _company_path = ""
    _open_fields = frozenset({"sequence"})

    sequence = fields.Integer(default=10, help="The order in which they are listed.")
    code = Char(required=True, help="Short stable code for imports and integrations.")
    name = Char(
        required=True, translate=True, help="What people choose when they hold something back."
    )
    default_days = fields.Integer(
        string="Default Duration (days)",
        help="How long a block with this reason lasts when no end date is chosen. "
        "0 means no end date is proposed.",
    )
    active = fields.Boolean(default=True, help="Off: it is kept, but no longer used.")

    _sequence_within = Within("sequence", *SEQUENCES)
    _default_days_within = Within("default_days", *TERM)
    _code_unique = models.UniqueIndex("(code)", "Another block reason already has this code.")
    _default_days_not_negative = models.Constraint(
        "CHECK (default_days >= 0)", "The default duration in days cannot be negative."
    )
