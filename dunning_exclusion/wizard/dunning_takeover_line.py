from odoo import fields, models

from .dunning_takeover import SOURCES


class DunningTakeoverLine(models.TransientModel):
    """One block to be created."""

    _name = "dunning.takeover.line"
    _description = "Exclusion to Take Over"

    takeover_id = fields.Many2one(
        "dunning.takeover",
        required=True,
        index=True,
        ondelete="cascade",
        help="The list of what is taken over.",
    )
    source = fields.Selection(
        SOURCES, required=True, readonly=True, help="Where it was held back before."
    )
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        required=True,
        index=True,
        readonly=True,
        help="The customer who owes the items: the company, not one of its contacts.",
    )
    move_id = fields.Many2one(
        "account.move",
        string="Invoice",
        index="btree_not_null",
        readonly=True,
        help="The invoice or entry of the item.",
    )

    def _source_name(self):
        return dict(self._fields["source"]._description_selection(self.env))[self.source]
