from datetime import date, timedelta

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, Query

from .arguments import DAYS, LAST_DAY, SEQUENCES, TERM, Char, Text, Within, check_bounds, check_one
from .isolation import for_each_company

KINDS = [("stop", "Stop"), ("pause", "Pause"), ("prevent", "Prevent")]
FORGOTTEN_AFTER_DAYS = 90
ENDING_WITHIN_DAYS = 7
# How many blocks a to-do names.
LISTED_BLOCKS = 30
# Who set a block and who ended it, and when: only an import of old blocks brings that along.
HISTORY_FIELDS = frozenset({"user_id", "lifted_on", "lifted_by_id"})
TARGET_FIELDS = frozenset({"company_id", "partner_id", "move_id", "move_line_id"})
# What a block was about and why: once it is lifted, that is history, too.
SUBJECT_FIELDS = frozenset({"kind", "reason_id", "date_from", "date_to", "note"})


class DunningBlockReason(models.Model):
    """Why something is held back, and for how long unless somebody says otherwise."""

    _name = "dunning.block.reason"
    _description = "Dunning Block Reason"
    _inherit = ["dunning.protected.mixin"]
    _order = "sequence, name, id"
    _company_path = ""
    _open_fields = frozenset({"sequence"})

    sequence = fields.Integer(default=10)
    code = Char(required=True, help="Short stable code for imports and integrations.")
    name = Char(required=True, translate=True)
    default_days = fields.Integer(
        string="Default Duration (days)",
        help="How long a block with this reason lasts when no end date is chosen. "
        "0 means no end date is proposed.",
    )
    active = fields.Boolean(default=True)

    _sequence_within = Within("sequence", *SEQUENCES)
    _default_days_within = Within("default_days", *TERM)
    _code_unique = models.UniqueIndex("(code)", "Another block reason already has this code.")


class DunningBlock(models.Model):
    """A hold that a person set on a customer, an entry or one instalment.

    Users have no right to delete blocks, they lift them. The state follows from comparing dates, so
    nothing has to run for it to begin or to end.
    """

    _name = "dunning.block"
    _description = "Dunning Block"
    _inherit = ["dunning.protected.mixin", "mail.thread", "mail.activity.mixin"]
    _order = "date_from desc, id desc"
    _check_company_auto = True

    company_id = fields.Many2one(
        "res.company", required=True, index=True, default=lambda self: self.env.company
    )
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, index=True, ondelete="restrict"
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
        "dunning.block.reason", index="btree_not_null", ondelete="restrict", tracking=True
    )
    date_from = fields.Date(
        string="From",
        required=True,
        default=lambda self: self.env.company._dunning_today(),
        tracking=True,
    )
    date_to = fields.Date(
        string="Until",
        tracking=True,
        help="Last day on which the block holds; empty: until it is lifted.",
    )
    note = Text(tracking=True)
    user_id = fields.Many2one(
        "res.users",
        string="Set by",
        index="btree_not_null",
        default=lambda self: self.env.user,
        readonly=True,
        copy=False,
    )
    lifted_on = fields.Date(readonly=True, copy=False)
    lifted_by_id = fields.Many2one("res.users", index="btree_not_null", readonly=True, copy=False)
    state = fields.Selection(
        [
            ("scheduled", "Scheduled"),
            ("active", "Active"),
            ("expired", "Expired"),
            ("lifted", "Lifted"),
        ],
        compute="_compute_state",
        search="_search_state",
        help="Scheduled before its first day, active until its last one, then expired; "
        "lifted when somebody ended it.",
    )
    age_days = fields.Integer(string="Age (days)", compute="_compute_age")
    forgotten = fields.Boolean(
        compute="_compute_age",
        search="_search_forgotten",
        help="Holds without end for more than 90 days.",
    )
    ending_soon = fields.Boolean(
        compute="_compute_age", search="_search_ending_soon", help="Ends within 7 days."
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    amount_held = fields.Monetary(
        compute="_compute_amount_held",
        help="Open amount of the items that the block holds now, in company currency.",
    )
    target = fields.Selection(
        [("customer", "Customer"), ("item", "Invoice")], compute="_compute_target", store=True
    )

    _date_from_within = Within("date_from", *DAYS)
    _date_to_within = Within("date_to", *DAYS)
    _lifted_on_within = Within("lifted_on", *DAYS)
    _active_customer_index = models.Index("(partner_id, company_id) WHERE move_id IS NULL")

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

    # When a block holds ------------------------------------------------------------------------

    def _state_domain(self, state, day):
        """Return the domain of the blocks that are in `state` on `day`.

        Only here dates are compared: the field, searches and SQL statements all use this domain.
        """
        not_lifted = Domain("lifted_on", "=", False) | Domain("lifted_on", ">", day)
        begun = Domain("date_from", "<=", day)
        lasts = Domain("date_to", "=", False) | Domain("date_to", ">=", day)
        return {
            "lifted": Domain("lifted_on", "<=", day),
            "scheduled": not_lifted & Domain("date_from", ">", day),
            "expired": not_lifted & begun & Domain("date_to", "<", day),
            "active": not_lifted & begun & lasts,
        }.get(state, Domain.FALSE)

    @api.depends("date_from", "date_to", "lifted_on", "company_id")
    def _compute_state(self):
        states = self._fields["state"].get_values(self.env)
        for company, blocks in self.grouped("company_id").items():
            today = (company or self.env.company)._dunning_today()
            # A form may have lost its first day for a moment: then nothing can be compared.
            blocks.filtered(lambda block: not block.date_from).state = "active"
            dated = blocks.filtered("date_from")
            for state in states:
                dated.filtered_domain(self._state_domain(state, today)).state = state

    def _search_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        return Domain.OR(
            Domain("company_id", "in", companies.ids) & self._state_domain(state, today)
            for today, companies in self.env["res.company"]._dunning_companies_by_day().items()
            for state in value
        )

    def _state_sql(self, states, day: date | None = None) -> SQL:
        """Return whether a block is in one of `states`, over the table alias `block`.

        :param day: the day asked about; None: today in the company of the block
        """
        domain = Domain("state", "in", states)
        if day:
            domain = Domain.OR(self._state_domain(state, day) for state in states)
        query = Query(self.env, "block", SQL.identifier(self._table))
        return SQL("(%s)", domain.optimize_full(self)._to_sql(self, "block", query))

    def _active_sql(self, day: date | None = None) -> SQL:
        """Return whether a block holds on `day`, see `_state_sql`."""
        return self._state_sql(["active"], day)

    @api.depends("date_from", "date_to", "lifted_on", "company_id")
    def _compute_age(self):
        for block in self:
            today = (block.company_id or self.env.company)._dunning_today()
            last = min(filter(None, (today, block.date_to, block.lifted_on)))
            block.age_days = max((last - block.date_from).days, 0) if block.date_from else 0
            held = block.state == "active"
            block.forgotten = held and not block.date_to and block.age_days > FORGOTTEN_AFTER_DAYS
            block.ending_soon = bool(
                held and block.date_to and (block.date_to - today).days <= ENDING_WITHIN_DAYS
            )

    def _search_by_day(self, operator, value, day_domain):
        """Return the active blocks that `day_domain` (a function of today) chooses, or others."""
        if operator != "in":
            return NotImplemented
        active = Domain("state", "in", ["active"])
        chosen = Domain.OR(
            active & Domain("company_id", "in", companies.ids) & day_domain(today)
            for today, companies in self.env["res.company"]._dunning_companies_by_day().items()
        )
        return Domain.OR(chosen if wanted else ~chosen for wanted in value)

    def _search_forgotten(self, operator, value):
        days = timedelta(days=FORGOTTEN_AFTER_DAYS)
        return self._search_by_day(
            operator,
            value,
            lambda today: Domain("date_to", "=", False) & Domain("date_from", "<", today - days),
        )

    def _search_ending_soon(self, operator, value):
        days = timedelta(days=ENDING_WITHIN_DAYS)
        return self._search_by_day(
            operator,
            value,
            lambda today: Domain("date_to", "!=", False) & Domain("date_to", "<=", today + days),
        )

    @api.depends("partner_id", "move_id", "date_from", "date_to", "lifted_on")
    def _compute_amount_held(self):
        self.env.flush_all()
        query = SQL(
            """SELECT block.id, SUM(line.amount_residual)
                 FROM dunning_block block
                 JOIN res_partner contact ON contact.commercial_partner_id = block.partner_id
                 JOIN account_move_line line ON line.partner_id = contact.id
                  AND line.company_id = block.company_id
                 JOIN account_account account ON account.id = line.account_id
                WHERE block.id = ANY(%s) AND line.reconciled IS NOT TRUE
                  AND line.parent_state = 'posted' AND account.account_type = 'asset_receivable'
                  AND (block.move_id IS NULL OR block.move_line_id = line.id
                       OR (block.move_line_id IS NULL AND block.move_id = line.move_id))
                GROUP BY block.id""",
            self.filtered(lambda block: block.state == "active").ids,
        )
        amounts = dict(self.env.execute_query(query)) if self.ids else {}
        for block in self:
            block.amount_held = amounts.get(block.id, 0)

    # What may be written -----------------------------------------------------------------------

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

    @api.constrains("lifted_on", "lifted_by_id")
    def _check_lifted(self):
        for block in self:
            if block.lifted_by_id and not block.lifted_on:
                raise ValidationError(
                    self.env._(
                        "Block of %(customer)s: somebody ended it, but it is not said when: fill "
                        "in 'Lifted on'.",
                        customer=block.partner_id.display_name,
                    )
                )
            if block.lifted_on and block.lifted_on > block.company_id._dunning_today():
                raise ValidationError(
                    self.env._(
                        "Block of %(customer)s: it cannot be lifted on a day to come "
                        "(%(day)s): choose that day in the field 'Until' instead of 'Lifted on'.",
                        customer=block.partner_id.display_name,
                        day=fields.Date.to_string(block.lifted_on),
                    )
                )

    @api.constrains("partner_id", "company_id")
    def _check_customer_company(self):
        # `check_company` would evaluate a domain for each of thousands of blocks.
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
        self._targets_changed(blocks.company_id, blocks.partner_id)
        return blocks

    def _complete_vals(self, vals):
        """Return `vals` with entry, customer, start and end date filled in from the target."""
        check_bounds(self, [vals])
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
        # What would be computed, too, but by one more write of each of thousands of blocks.
        vals["target"] = "item" if vals.get("move_id") else "customer"
        return vals

    def _customer_id(self, partner_id):
        """Return the id of the customer that the contact `partner_id` belongs to.

        :raise ValidationError: when there is no contact
        """
        if not partner_id:
            raise ValidationError(
                self.env._("A block needs a customer: fill in the field 'Customer'.")
            )
        return self.env["res.partner"].browse(partner_id).commercial_partner_id.id

    def _default_end(self, reason_id, date_from):
        """Return the end date that the reason proposes, or False."""
        days = self.env["dunning.block.reason"].browse(reason_id or []).default_days
        begin = fields.Date.to_date(date_from)
        # A day beyond all bounds is refused when it is saved.
        return begin + timedelta(days=days) if days and begin <= LAST_DAY else False

    @api.onchange("reason_id", "date_from")
    def _onchange_reason(self):
        if self.date_from and not self.date_to:
            self.date_to = self._default_end(self.reason_id.id, self.date_from)

    def _get_protected_fields(self):
        # Administrators import old blocks from other systems, with their history.
        manager = self.env.user.has_group("dunning_exclusion.group_dunning_manager")
        return frozenset() if manager else HISTORY_FIELDS

    def _get_fixed_fields(self):
        # To block something else would put it into the history of whoever set this block.
        fixed = HISTORY_FIELDS | TARGET_FIELDS
        return fixed | SUBJECT_FIELDS if "lifted" in self.mapped("state") else fixed

    def write(self, vals):
        if "partner_id" in vals:
            vals = dict(vals, partner_id=self._customer_id(vals["partner_id"]))
        before = self.partner_id
        # Who changed what is noted, also when a client asks not to.
        noted = self.with_context(tracking_disable=False, mail_notrack=False)
        result = super(DunningBlock, self if self.env.su else noted).write(vals)
        self._targets_changed(self.company_id, before | self.partner_id)
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
        self._targets_changed(companies, customers)
        return result

    def _targets_changed(self, companies, customers):
        """Forget what follows from the blocks of `customers` in `companies`.

        Extended by what keeps copies of it: see `dunning.mirror`.
        """
        self._invalidate_targets()

    def _invalidate_targets(self):
        """Forget the cached flags and outcomes: they follow from blocks and are not stored."""
        for model in ("res.partner", "account.move", "account.move.line"):
            self.env[model]._invalidate_dunning()

    def action_lift(self):
        """End the blocks today. Nothing is sent by this; the items are candidates again."""
        self.check_access("write")
        # sudo: users do not write the history of a block
        unended = self.sudo().filtered(lambda block: block.state != "lifted")
        for company, blocks in unended.grouped("company_id").items():
            blocks.write({"lifted_on": company._dunning_today(), "lifted_by_id": self.env.user.id})
        return True

    def action_open_target(self):
        """Open the blocked invoice, or the customer."""
        check_one(self)
        return (self.move_id or self.partner_id)._get_records_action()

    # Reviewing old blocks ----------------------------------------------------------------------

    @api.model
    def _cron_report_forgotten(self):
        """Remind people of the blocks they set: those without end and those that end soon.

        One to-do a person and company, renewed every week, and not one for each block.
        """
        companies = self.env["res.company"].search(Domain.TRUE)
        for_each_company(companies, self.env._("Review of old blocks"), self._report_forgotten)

    def _report_forgotten(self, company):
        blocks = self.search(
            Domain("company_id", "=", company.id)
            & (Domain("forgotten", "=", True) | Domain("ending_soon", "=", True))
        )
        admin = self.env.ref("base.user_admin")
        reviewers = blocks.grouped(lambda b: b.user_id if b.user_id.active else admin)
        for user, own in reviewers.items():
            own.with_context(lang=user.lang)._plan_review(user, company)

    def _plan_review(self, user, company):
        """Plan the to-do of `user` about `self`, in place of those that nobody has done yet."""
        reviewed = self.search([("company_id", "=", company.id)])
        reviewed.activity_search(
            ["dunning_exclusion.mail_activity_type_review"], user_id=user.id
        ).unlink()
        first = self.sorted(lambda block: (block.date_from, block.id))[:1]
        first.activity_schedule(
            "dunning_exclusion.mail_activity_type_review",
            user_id=user.id,
            date_deadline=company._dunning_today(),
            summary=first.env._("%(count)s blocks to review", count=len(self)),
            note=self._describe_review(),
        )

    def _describe_review(self):
        """Return the list of the blocks as HTML: forgotten ones, then those that end soon."""
        parts = [
            (self.env._("Without end for more than 90 days:"), self.filtered("forgotten")),
            (self.env._("Ending within 7 days:"), self.filtered("ending_soon")),
        ]
        return Markup().join(
            Markup("<p>%s</p><ul>%s</ul>") % (title, some._list_review())
            for title, some in parts
            if some
        )

    def _list_review(self):
        items = [
            self.env._(
                "%(block)s: %(days)s days, %(amount)s",
                block=block.display_name,
                days=block.age_days,
                amount=block.currency_id.format(block.amount_held),
            )
            for block in self[:LISTED_BLOCKS]
        ]
        if more := len(self) - len(items):
            items.append(self.env._("%(count)s more", count=more))
        return Markup().join(Markup("<li>%s</li>") % item for item in items)
