from odoo import fields, models

from .arguments import SEQUENCES, TERM, Char, Within

KINDS = [("stop", "Stop"), ("pause", "Pause"), ("prevent", "Prevent")]


class DunningBlockReason(models.Model):
    """Why something is held back, and for how long unless somebody says otherwise."""

    _name = "dunning.block.reason"
    _description = "Hold Reason"
    _inherit = ["dunning.protected.mixin"]
    _order = "sequence, name, id"
    _company_path = ""
    _open_fields = frozenset({"sequence"})

    sequence = fields.Integer(default=10)
    code = Char(required=True, help="Short stable code for imports and integrations.")
    name = Char(required=True, translate=True)
    default_days = fields.Integer(
        string="Default Duration (days)",
        help="How long a hold with this reason lasts when no end date is chosen. "
        "0 means no end date is proposed.",
    )
    kind = fields.Selection(
        KINDS, help="The kind of hold that is proposed when this reason is chosen."
    )
    asks_items_until = fields.Boolean(
        string="Asks for a Cut-off Day",
        help="Holds on customers ask for the day up to which their items were issued, such as the "
        "day on which insolvency was opened.",
    )
    active = fields.Boolean(default=True)

    _sequence_within = Within("sequence", *SEQUENCES)
    _default_days_within = Within("default_days", *TERM)
    _code_unique = models.UniqueIndex("(code)", "Another hold reason already has this code.")
