from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError

KINDS = [("stop", "Stop"), ("pause", "Pause"), ("prevent", "Prevent")]
# Who set and who ended a block, and where, is its history.
HISTORY_FIELDS = frozenset({"company_id", "user_id", "lifted_on", "lifted_by_id"})


class DunningBlock(models.Model):
    """A hold that a person set on a customer, an entry or one instalment.

    Users have no right to delete blocks, they lift them. The state follows from comparing dates, so
    nothing has to run for it to begin or to end.
    """

    _name = "dunning.block"
    _description = "Dunning Block"
    _inherit = [
        "dunning.block.state",
        "dunning.block.age",
        "dunning.guarded",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _order = "date_from desc, id desc"
    _check_company_auto = True

    company_id = fields.Many2one(
        "res.company",
        required=True,
        index=True,
        default=lambda self: self.env.company,
        help="The company whose receivables it is about.",
    )
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        required=True,
        index=True,
        ondelete="restrict",
        help="The customer (commercial partner) the block belongs to.",
    )
    move_id = fields.Many2one(
        "account.move",
        string="Invoice",
        index="btree_not_null",
        ondelete="cascade",
        check_company=True,
        help="Set when only this invoice or entry is blocked. Empty: the whole customer.",
    )
    move_line_id = fields.Many2one(
        "account.move.line",
        string="Instalment",
        index="btree_not_null",
        ondelete="set null",
        check_company=True,
        help="Set when only one instalment of the invoice is blocked.",
    )
    kind = fields.Selection(
        KINDS,
        required=True,
        default="stop",
        tracking=True,
        help="Stop: listed but not ticked. Pause: nothing is sent until the end date. "
        "Prevent: left out of every run.",
    )
    reason_id = fields.Many2one(
        "dunning.block.reason", ondelete="restrict", tracking=True, help="Why it is held back."
    )
    date_from = fields.Date(
        string="From",
        required=True,
        default=lambda self: self.env.company._dunning_today(),
        help="First day on which the block holds.",
    )
    date_to = fields.Date(
        string="Until",
        tracking=True,
        help="Last day on which the block holds; empty: until it is lifted.",
    )
    note = fields.Text(tracking=True, help="Anything colleagues should know about it.")
    user_id = fields.Many2one(
        "res.users",
        string="Set by",
        default=lambda self: self.env.user,
        readonly=True,
        copy=False,
        help="Who set the block.",
    )
    lifted_on = fields.Date(
        readonly=True,
        copy=False,
        help="The day on which somebody ended the block; empty while nobody did.",
    )
    lifted_by_id = fields.Many2one(
        "res.users", readonly=True, copy=False, help="Who ended the block."
    )
    currency_id = fields.Many2one(
        related="company_id.currency_id", help="The currency of the amounts."
    )
    amount_held = fields.Monetary(
        compute="_compute_amount_held",
        help="Open amount of the items that the block holds now, in company currency.",
    )
    target = fields.Selection(
        [("customer", "Customer"), ("item", "Invoice")],
        compute="_compute_target",
        store=True,
        help="Whether the customer, an invoice or an instalment is held back.",
    )

    _active_customer_index = models.Index(
        "(partner_id, company_id) WHERE lifted_on IS NULL AND move_id IS NULL"
    )

    @api.depends("partner_id", "kind", "move_id")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for block in self:
            target = block.move_id or block.partner_id
            block.display_name = f"{kinds.get(block.kind, '')}: {target.display_name or ''}"

    @api.depends("move_id", "move_line_id")
    def _compute_target(self):
        for block in self:
            block.target = "item" if block.move_id or block.move_line_id else "customer"

    @api.constrains("date_from", "date_to")
    def _check_dates(self):
        for block in self:
            if block.date_to and block.date_to < block.date_from:
                raise ValidationError(
                    self.env._(
                        "A block cannot end before it starts: choose an 'Until' date on or "
                        "after %(start)s.",
                        start=fields.Date.to_string(block.date_from),
                    )
                )

    @api.constrains("partner_id", "company_id")
    def _check_customer_company(self):
        # Not check_company: that evaluates a domain for each of thousands of blocks.
        for block in self:
            owner = block.partner_id.company_id
            if owner and owner not in block.company_id.parent_ids:
                raise ValidationError(
                    self.env._(
                        "%(customer)s belongs to %(owner)s and cannot be blocked in the company "
                        "%(company)s: choose a customer of that company in the field 'Customer'.",
                        customer=block.partner_id.display_name,
                        owner=owner.name,
                        company=block.company_id.name,
                    )
                )

    @api.constrains("move_id", "move_line_id", "partner_id", "company_id")
    def _check_target(self):
        for block in self:
            move = block.move_id
            if block.move_line_id and block.move_line_id.move_id != move:
                raise ValidationError(
                    self.env._(
                        "Block on %(item)s: the instalment does not belong to the invoice "
                        "%(move)s. Choose an instalment of that invoice.",
                        item=block.move_line_id.display_name,
                        move=move.display_name,
                    )
                )
            if move and block.partner_id not in move._dunning_customers():
                raise ValidationError(
                    self.env._(
                        "Invoice %(move)s: only entries that %(customer)s owes can be blocked, "
                        "not vendor bills or entries without a receivable. Choose a customer "
                        "invoice in the field 'Invoice'.",
                        move=move.display_name,
                        customer=block.partner_id.display_name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        blocks = super().create([self._complete_vals(vals) for vals in vals_list])
        blocks._targets_changed()
        return blocks

    @api.model
    def _complete_vals(self, vals):
        """Return `vals` with entry, customer, start and end date filled in from the target."""
        vals = dict(vals)
        if line := self.env["account.move.line"].browse(vals.get("move_line_id")):
            vals["move_id"] = vals.get("move_id") or line.move_id.id
            vals["partner_id"] = vals.get("partner_id") or line.partner_id.id
        move = self.env["account.move"].browse(vals.get("move_id"))
        if move and not vals.get("partner_id"):
            customers = move._dunning_customers() or move.partner_id
            vals["partner_id"] = len(customers) == 1 and customers.id
        vals["partner_id"] = self._customer_id(vals.get("partner_id"))
        company = self.env["res.company"].browse(vals.get("company_id")) or self.env.company
        vals["company_id"] = company.id
        vals["date_from"] = vals.get("date_from") or company._dunning_today()
        if "date_to" not in vals:
            vals["date_to"] = self._default_end(vals.get("reason_id"), vals["date_from"])
        # As it is computed, which would take one more write of each of thousands.
        vals["target"] = "item" if vals.get("move_id") else "customer"
        return vals

    @api.model
    def _customer_id(self, partner_id):
        """Return the id of the customer that the contact `partner_id` belongs to.

        :raise ValidationError: when there is no contact
        """
        if not partner_id:
            raise ValidationError(
                self.env._("A block needs a customer: fill in the field 'Customer'.")
            )
        return self.env["res.partner"].browse(partner_id).commercial_partner_id.id

    @api.model
    def _default_end(self, reason_id, date_from):
        """Return the end date that the reason proposes, or False."""
        days = self.env["dunning.block.reason"].browse(reason_id).default_days if reason_id else 0
        return fields.Date.to_date(date_from) + timedelta(days=days) if days else False

    @api.onchange("reason_id", "date_from")
    def _onchange_reason(self):
        if self.date_from and not self.date_to:
            self.date_to = self._default_end(self.reason_id.id, self.date_from)

    def _fixed_fields(self):
        # New blocks may bring their history along: it is imported from other systems.
        return HISTORY_FIELDS

    def write(self, vals):
        if "partner_id" in vals:
            vals = dict(vals, partner_id=self._customer_id(vals["partner_id"]))
        before = self.partner_id
        result = super().write(vals)
        self._targets_changed(before)
        return result

    def _follow_customer(self):
        """File the blocks under the customers whose entries or contacts they are about now."""
        owners = {
            block: (
                block.move_line_id.partner_id
                or (block.move_id.is_invoice(True) and block.move_id.commercial_partner_id)
                or block.partner_id
            ).commercial_partner_id
            for block in self
        }
        moved = self.filtered(lambda block: block.partner_id != owners[block])
        for owner, blocks in moved.grouped(owners.get).items():
            blocks.partner_id = owner

    def _fall_back(self):
        """File blocks on instalments of invoices under the invoices: the instalments are gone."""
        for customer, blocks in self.grouped(
            lambda block: block.move_id.commercial_partner_id.commercial_partner_id
        ).items():
            # The customer may be changed by the same write, and is checked with the instalment.
            blocks.write({"move_line_id": False, "partner_id": customer.id})

    def unlink(self):
        customers, companies = self.partner_id, self.company_id
        result = super().unlink()
        self._invalidate_targets()
        self.env["dunning.mirror"]._sync(companies, customers)
        return result

    def _targets_changed(self, former_customers=()):
        """Forget what follows from the blocks, and let the mirrored flags follow."""
        self._invalidate_targets()
        customers = self.partner_id.union(*former_customers)
        self.env["dunning.mirror"]._sync(self.company_id, customers)

    @api.model
    def _invalidate_targets(self):
        """Forget cached flags and outcomes: they follow from blocks but are not stored."""
        for model in ("res.partner", "account.move", "account.move.line"):
            self.env[model]._invalidate_dunning()

    def action_lift(self):
        """End the blocks today. Nothing is sent by this; the items are candidates again."""
        self.check_access("write")
        # sudo: users do not write the history of a block
        held = self.sudo().filtered(lambda block: not block.lifted_on)
        for company, blocks in held.grouped("company_id").items():
            blocks.write({"lifted_on": company._dunning_today(), "lifted_by_id": self.env.user.id})
        return True

    @api.model
    def _cron_report_forgotten(self):
        """Plan one to-do a person about the blocks without end and those that end soon."""
        self.env["dunning.block.review"]._plan()

    def action_open_target(self):
        """Open the blocked invoice, or the customer."""
        self.ensure_one()
        return (self.move_id or self.partner_id)._get_records_action()
