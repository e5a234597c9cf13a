from odoo import api, fields, models
from odoo.fields import Domain


class AccountMove(models.Model):
    _name = "account.move"
    _inherit = ["account.move", "dunning.target"]

    dunning_due_date = fields.Date(
        string="Postponed Due Date",
        copy=False,
        tracking=True,
        help="Suspends dunning of this invoice through this day and replaces the due date for "
        "dunning. The accounting due date stays as agreed.",
    )
    dunning_collection_failed = fields.Boolean(
        string="Collection Failed",
        copy=False,
        tracking=True,
        help="An automatic payment of this invoice failed, so it is reminded like any other.",
    )
    dunning_notice_count = fields.Integer(compute="_compute_dunning_notice_count")

    def _compute_dunning_notice_count(self):
        counts = dict(
            self.env["dunning.run.line"]._read_group(
                Domain("move_id", "in", self.ids) & Domain("notice_id.state", "=", "sent"),
                ["move_id"],
                ["notice_id:count_distinct"],
            )
        )
        for move in self:
            move.dunning_notice_count = counts.get(move, 0)

    def _dunning_owner_field(self):
        return "move_id"

    def _dunning_blocks_domain(self):
        return Domain("move_id", "in", self.ids)

    def _dunning_keys(self):
        return {self.id}

    @api.model
    def _dunning_block_key(self, block):
        return block.move_id.id

    @api.model
    def _dunning_held_domain(self, blocks_query):
        return Domain("id", "in", blocks_query.subselect("move_id"))

    def _prepare_dunning_block_vals(self):
        return {
            "company_id": self.company_id.id,
            "partner_id": self.commercial_partner_id.id,
            "move_id": self.id,
            "move_line_id": False,
        }

    def _dunning_receivable_lines(self, partner):
        """Return the receivable lines that the customer `partner` has in these entries."""
        return self.line_ids.filtered(
            lambda line: (
                line.account_type == "asset_receivable"
                and line.partner_id.commercial_partner_id == partner
            )
        )

    def write(self, vals):
        if "preferred_payment_method_line_id" in vals and "dunning_collection_failed" not in vals:
            # A new way of collecting has not failed yet.
            vals = dict(vals, dunning_collection_failed=False)
        return super().write(vals)

    def action_dunning_notices(self):
        """Open the reminders that named this invoice."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "dunning_exclusion.dunning_notice_action"
        )
        action["domain"] = [("line_ids.move_id", "=", self.id)]
        return action
