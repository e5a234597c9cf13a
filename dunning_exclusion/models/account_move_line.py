from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

# The fields that decide what is open, who owes it, and since when.
DECIDING_FIELDS = ("balance", "debit", "credit", "amount_currency", "date_maturity", "partner_id")


class AccountMoveLine(models.Model):
    """Items, one for each instalment, that can be held and explained one by one."""

    _name = "account.move.line"
    _inherit = ["account.move.line", "dunning.mixin"]
    _dunning_owner_field = "move_line_id"
    _dunning_open_domain = (
        Domain("parent_state", "=", "posted")
        & Domain("reconciled", "=", False)
        & Domain("account_type", "=", "asset_receivable")
    )

    def _dunning_blocks_domain(self):
        return Domain("move_line_id", "in", self.ids) | (
            Domain("move_line_id", "=", False) & Domain("move_id", "in", self.move_id.ids)
        )

    @api.model
    def _dunning_block_key(self, block):
        if block.move_line_id:
            return ("line", block.move_line_id.id)
        return ("move", block.move_id.id, block.partner_id.id)

    def _dunning_block_keys(self):
        customer = self.partner_id.commercial_partner_id
        return {("line", self.id), ("move", self.move_id.id, customer.id)}

    @api.model
    def _dunning_blocked_domain(self, blocks_query):
        return Domain(
            "id",
            "in",
            SQL(
                """(SELECT held_line.id FROM dunning_block held_block
                     JOIN account_move_line held_line ON held_line.move_id = held_block.move_id
                     JOIN account_account held_account ON held_account.id = held_line.account_id
                      AND held_account.account_type = 'asset_receivable'
                     JOIN res_partner held_contact ON held_contact.id = held_line.partner_id
                      AND held_contact.commercial_partner_id = held_block.partner_id
                    WHERE held_block.id IN %s
                      AND COALESCE(held_block.move_line_id, held_line.id) = held_line.id)""",
                blocks_query.subselect(),
            ),
        )

    def _dunning_block_targets(self):
        customer = self.partner_id.commercial_partner_id
        return [(self.company_id.id, customer.id, self.move_id.id, self.id)]

    def _dunning_own_items(self):
        return self.filtered(
            lambda line: line.account_type == "asset_receivable" and line.parent_state == "posted"
        )

    def _dunning_customers(self):
        return self.partner_id.commercial_partner_id

    def write(self, vals):
        result = super().write(vals)
        if not vals.keys().isdisjoint(DECIDING_FIELDS):
            self.env["dunning.screening"]._forget_answers()
        if "no_followup" in vals:
            self.env["dunning.mirror"]._person_changed(self)
            self.env["dunning.block"]._invalidate_targets()
        return result

    def unlink(self):
        """Override of `account` to keep the history of reminders without the items."""
        result = super().unlink()
        self.env["dunning.run.line"]._forget("move_line_id", self.ids)
        return result


class AccountPartialReconcile(models.Model):
    _inherit = "account.partial.reconcile"

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `account` to forget what was read of customers before they paid."""
        partials = super().create(vals_list)
        self.env["dunning.screening"]._forget_answers()
        return partials

    def unlink(self):
        """Override of `account` to forget what was read while the items were reconciled."""
        reopened = (self.debit_move_id | self.credit_move_id).ids
        result = super().unlink()
        if reopened:
            self.env["dunning.change"]._note(reopened)
        self.env["dunning.screening"]._forget_answers()
        return result
