from datetime import timedelta

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, Query, format_date

from ..screening import items
from ..screening.question import Question
from .arguments import DAYS, LAST_DAY, Text, Within, check_bounds, check_one
from .dunning_block_reason import KINDS
from .history import note_in_chatter
from .isolation import for_each_company, in_language_of

ORIGINS = [
    ("user", "User"),
    ("customer", "Customer"),
    ("reply", "Reply"),
    ("import", "Import"),
]
FORGOTTEN_AFTER_DAYS = 90
ENDING_WITHIN_DAYS = 7
# How many days a pause lasts that was set without an end, for instance by an import.
PAUSE_DAYS = 30
# How many blocks a to-do names.
LISTED_BLOCKS = 30
# Who set a block, who ended it and when: only administrators write that, to import old blocks.
HISTORY_FIELDS = frozenset({"user_id", "lifted_on", "lifted_by_id"})
# Only the system writes where a block comes from.
SYSTEM_FIELDS = frozenset({"origin"})
# What a block is on.
TARGET_FIELDS = ("company_id", "partner_id", "move_id", "move_line_id")
# Why and for how long the block holds: this is history, too, once the block is lifted.
SUBJECT_FIELDS = frozenset({"kind", "reason_id", "date_from", "date_to", "items_until", "note"})


class DunningBlock(models.Model):
    """A hold that a person set on a customer, an entry or one instalment.

    Users do not delete blocks, they lift them. The state follows from comparing dates, so no job
    has to run for a block to begin or to end.
    """

    _name = "dunning.block"
    _description = "Hold"
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
        help="Set when only this invoice or entry is held. Empty: the whole customer.",
    )
    move_line_id = fields.Many2one(
        "account.move.line",
        string="Installment",
        index="btree_not_null",
        ondelete="set null",
        check_company=True,
        help="Set when only one installment of the invoice is held.",
    )
    kind = fields.Selection(
        KINDS,
        required=True,
        default="stop",
        tracking=True,
        help="Stop: listed but not selected. Pause: nothing is sent until the end date. "
        "Prevent: in no run.",
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
        help="Last day of the hold; empty: until Resume is pressed.",
    )
    items_until = fields.Date(
        string="Items Issued Until",
        tracking=True,
        help="On a customer: only items issued up to this day are held, newer ones are reminded. "
        "Empty: all items.",
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
    origin = fields.Selection(
        ORIGINS,
        required=True,
        default=lambda self: self._default_origin(),
        readonly=True,
        copy=False,
        help="Where the hold comes from: somebody set it, the customer asked for it on the page "
        "of a reminder, an e-mail of the customer waits for an answer, or it was taken over from "
        "a file or another system.",
    )
    lifted_on = fields.Date("Ended On", readonly=True, copy=False)
    lifted_by_id = fields.Many2one(
        "res.users", "Ended By", index="btree_not_null", readonly=True, copy=False
    )
    state = fields.Selection(
        [
            ("scheduled", "Scheduled"),
            ("active", "Active"),
            ("expired", "Expired"),
            ("lifted", "Ended"),
        ],
        compute="_compute_state",
        search="_search_state",
        help="Scheduled before its first day, active until its last one, then expired; "
        "ended when somebody resumed reminders.",
    )
    age_days = fields.Integer(string="Age (days)", compute="_compute_age")
    forgotten = fields.Boolean(
        compute="_compute_age",
        search=lambda self, *condition: self._search_review("forgotten", *condition),
        help="Holds without end for more than 90 days.",
    )
    ending_soon = fields.Boolean(
        compute="_compute_age",
        search=lambda self, *condition: self._search_review("ending_soon", *condition),
        help="Ends within 7 days.",
    )
    target = fields.Selection(
        [("customer", "Customer"), ("item", "Invoice")],
        string="Applies To",
        compute="_compute_target",
        precompute=True,
        store=True,
    )

    _date_from_within = Within("date_from", *DAYS)
    _date_to_within = Within("date_to", *DAYS)
    _items_until_within = Within("items_until", *DAYS)
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
        """Return the domain of the blocks that are on `day` in `state`, forgotten or ending soon.

        Only here dates are compared: the fields, searches and SQL statements all use this domain.
        """
        not_lifted = Domain("lifted_on", "=", False) | Domain("lifted_on", ">", day)
        begun = Domain("date_from", "<=", day)
        endless = Domain("date_to", "=", False)
        active = not_lifted & begun & (endless | Domain("date_to", ">=", day))
        long_ago = day - timedelta(days=FORGOTTEN_AFTER_DAYS)
        soon = day + timedelta(days=ENDING_WITHIN_DAYS)
        return {
            "lifted": Domain("lifted_on", "<=", day),
            "scheduled": not_lifted & Domain("date_from", ">", day),
            "expired": not_lifted & begun & Domain("date_to", "<", day),
            "active": active,
            "forgotten": active & endless & Domain("date_from", "<", long_ago),
            "ending_soon": active & Domain("date_to", "<=", soon),
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

    def _state_sql(self, day=None, states=("active",)) -> SQL:
        """Return whether `block` is in one of `states` on `day` (None: today in its company)."""
        domain = Domain("state", "in", states)
        if day:
            domain = Domain.OR(self._state_domain(state, day) for state in states)
        query = Query(self.env, "block", SQL.identifier(self._table))
        return SQL("(%s)", domain.optimize_full(self)._to_sql(self, "block", query))

    @api.depends("date_from", "date_to", "lifted_on", "company_id")
    def _compute_age(self):
        for company, blocks in self.grouped("company_id").items():
            today = (company or self.env.company)._dunning_today()
            # A form may have lost its first day for a moment: then nothing can be compared.
            dated = blocks.filtered("date_from")
            blocks.age_days = 0
            for block in dated:
                last = min(filter(None, (today, block.date_to, block.lifted_on)))
                block.age_days = max((last - block.date_from).days, 0)
            for name in ("forgotten", "ending_soon"):
                blocks[name] = False
                dated.filtered_domain(self._state_domain(name, today))[name] = True

    def _search_review(self, name, operator, value):
        """Search the blocks that are `name`, "forgotten" or "ending_soon", or are not."""
        if operator != "in":
            return NotImplemented
        found = self._search_state("in", [name])
        return Domain.OR(found if wanted else ~found for wanted in value)

    # What a block holds ------------------------------------------------------------------------

    def _is_whole(self):
        """Return whether the block holds everything that its customer owes."""
        return not (self.move_id or self.items_until)

    def _holds(self, item_id, move_id, customer_id, issued_on):
        """Return whether the block is on this item: the same as `_holds_sql` in Python."""
        return (
            self.partner_id.id == customer_id
            and self.move_id.id in (False, move_id)
            and self.move_line_id.id in (False, item_id)
            and (not self.items_until or issued_on <= self.items_until)
        )

    def _holds_sql(self) -> SQL:
        """Return whether `block` is on the item `line`: see `screening.items` for its aliases."""
        return SQL(
            """(block.company_id = line.company_id
                AND block.partner_id = contact.commercial_partner_id
                AND (block.move_id IS NULL OR block.move_id = line.move_id)
                AND (block.move_line_id IS NULL OR block.move_line_id = line.id)
                AND (block.items_until IS NULL OR %s <= block.items_until))""",
            items.ISSUED_ON,
        )

    def _get_amounts_held(self):
        """Return {block: open amount of the items that it holds now, in company currency}."""
        self.env.flush_all()
        active = self.filtered(lambda block: block.state == "active")
        query = self._amounts_query(active.company_id, SQL("block.id = ANY(%s)", active.ids))
        amounts = dict(self.env.execute_query(SQL("SELECT id, amount FROM (%s) held", query)))
        return {block: amounts.get(block.id, 0) for block in self}

    def _amounts_query(self, companies, chosen) -> SQL:
        """Return SELECT block.*, amount (held now, in company currency) where `chosen` holds."""
        return SQL(
            """SELECT block.*, held.amount FROM dunning_block block
                CROSS JOIN LATERAL (
                    SELECT COALESCE(SUM(line.amount_residual), 0) AS amount %(open_items)s
                       AND %(holds)s) held
                WHERE block.company_id = ANY(%(companies)s) AND %(chosen)s""",
            open_items=items.open_items(Question(companies)),
            holds=self._holds_sql(),
            companies=companies.ids,
            chosen=chosen,
        )

    # What may be written -----------------------------------------------------------------------

    @api.constrains("date_from", "date_to", "lifted_on", "lifted_by_id")
    def _check_dates(self):
        for block in self:
            if fault := block._get_fault_of_dates():
                raise ValidationError(fault)

    # A check of its own, so that old pauses without an end can still be lifted.
    @api.constrains("kind", "date_to")
    def _check_end(self):
        for block in self:
            if block.kind == "pause" and not block.date_to:
                raise ValidationError(
                    self.env._(
                        "%(block)s: a pause needs an end. Fill in the field 'Until', or choose "
                        "'Stop' to hold it until somebody resumes.",
                        block=block.display_name,
                    )
                )

    # A block can be lifted whatever became of its target, so that is checked by itself.
    @api.constrains(*TARGET_FIELDS, "items_until")
    def _check_target(self):
        for block in self:
            if fault := block._get_fault_of_target():
                raise ValidationError(fault)

    def _get_fault_of_dates(self):
        if self.date_to and self.date_to < self.date_from:
            return self.env._(
                "A hold cannot end before it starts: choose an 'Until' date on or after %(start)s.",
                start=fields.Date.to_string(self.date_from),
            )
        if self.lifted_by_id and not self.lifted_on:
            return self.env._(
                "Hold of %(customer)s: somebody ended it, but the day is missing: fill in "
                "'Ended On'.",
                customer=self.partner_id.display_name,
            )
        if self.lifted_on and self.lifted_on > self.company_id._dunning_today():
            return self.env._(
                "Hold of %(customer)s: it cannot be ended on a day to come (%(day)s): choose "
                "that day in the field 'Until' instead of 'Ended On'.",
                customer=self.partner_id.display_name,
                day=fields.Date.to_string(self.lifted_on),
            )
        return None

    def _get_fault_of_target(self):
        # `check_company` would evaluate a domain for each of thousands of blocks.
        owner, move = self.partner_id.company_id, self.move_id
        if owner and owner not in self.company_id.parent_ids:
            return self.env._(
                "%(customer)s belongs to %(owner)s and cannot be held in the company "
                "%(company)s: choose a customer of that company in the field 'Customer'.",
                customer=self.partner_id.display_name,
                owner=owner.name,
                company=self.company_id.name,
            )
        if self.items_until and move:
            return self.env._(
                "Hold on %(move)s: only holds on whole customers are limited to items issued "
                "until a day. Leave the field 'Items Issued Until' empty.",
                move=move.display_name,
            )
        if self.move_line_id and self.move_line_id.move_id != move:
            return self.env._(
                "Hold on %(item)s: the installment does not belong to the invoice %(move)s. "
                "Choose an installment of that invoice.",
                item=self.move_line_id.display_name,
                move=move.display_name,
            )
        if move and self.partner_id not in move._dunning_customers():
            return self.env._(
                "Invoice %(move)s: only entries that %(customer)s owes can be held, not vendor "
                "bills or entries without a receivable. Choose a customer invoice in the field "
                "'Invoice'.",
                move=move.display_name,
                customer=self.partner_id.display_name,
            )
        return None

    @api.model_create_multi
    def create(self, vals_list):
        blocks = super().create([self._complete_vals(vals) for vals in vals_list])
        self._targets_changed(blocks.company_id, blocks.partner_id)
        # Imported holds are no news: they were set in another system.
        note_in_chatter(
            blocks.filtered(lambda block: block.origin != "import"), lambda block: block._in_words()
        )
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
        reason = self.env["dunning.block.reason"].browse(vals.get("reason_id") or [])
        if reason.kind:
            vals.setdefault("kind", reason.kind)
        if "date_to" not in vals:
            vals["date_to"] = self._default_end(vals.get("reason_id"), vals["date_from"])
        return vals

    def _customer_id(self, partner_id):
        """Return the id of the customer of a contact; raise an error when there is no contact."""
        if not partner_id:
            raise ValidationError(
                self.env._("A hold needs a customer: fill in the field 'Customer'.")
            )
        return self.env["res.partner"].browse(partner_id).commercial_partner_id.id

    def _default_origin(self):
        # Imports are told nowhere, so they are an administrator's: any client can send this key.
        manager = self.env.user.has_group("dunning_exclusion.group_dunning_manager")
        return "import" if manager and self.env.context.get("import_file") else "user"

    def _default_end(self, reason_id, date_from):
        """Return the end date that the reason proposes, or False."""
        days = self.env["dunning.block.reason"].browse(reason_id or []).default_days
        begin = fields.Date.to_date(date_from)
        # A day that is out of bounds is refused when the block is saved.
        return begin + timedelta(days=days) if days and begin <= LAST_DAY else False

    @api.onchange("reason_id")
    def _onchange_reason(self):
        self.kind = self.reason_id.kind or self.kind

    @api.onchange("reason_id", "date_from")
    def _onchange_end(self):
        if self.date_from and not self.date_to:
            self.date_to = self._default_end(self.reason_id.id, self.date_from)

    def _get_protected_fields(self):
        # Administrators import old blocks from other systems, with their history.
        manager = self.env.user.has_group("dunning_exclusion.group_dunning_manager")
        return SYSTEM_FIELDS if manager else HISTORY_FIELDS | SYSTEM_FIELDS

    def _get_fixed_fields(self):
        # To hold something else takes a new block, with its own history.
        fixed = HISTORY_FIELDS | SYSTEM_FIELDS | set(TARGET_FIELDS)
        return fixed | SUBJECT_FIELDS if "lifted" in self.mapped("state") else fixed

    def write(self, vals):
        if "partner_id" in vals:
            vals = dict(vals, partner_id=self._customer_id(vals["partner_id"]))
        before = self.partner_id
        result = super().write(vals)
        self._targets_changed(self.company_id, before | self.partner_id)
        return result

    def _hold_on(self, date_to, exactly, **said):
        """Let blocks that hold already last until `date_to`, and note why; return those changed.

        :param exactly: whether they end that day even if they would have lasted longer
        :param said: reason and note, as values to write; where they are empty, the old ones stay
        :return: blocks that end on another day now, blocks of which only something else changed
        """
        ended = self.filtered(
            lambda block: (
                block.date_to != date_to
                if exactly
                else date_to and block.date_to and block.date_to < date_to
            )
        )
        ended.date_to = date_to
        said = {name: value for name, value in said.items() if value}
        noted = self.browse()
        for block in self:
            known = {
                name: block._fields[name].convert_to_write(block[name], block) for name in said
            }
            if known != said:
                block.write(said)
                noted |= block
        return ended, noted - ended

    def _follow_customer(self):
        """Move the blocks to the customers who now own what is blocked."""

        def owner(block):
            invoice = block.move_id.filtered(lambda move: move.is_invoice(include_receipts=True))
            contact = block.move_line_id.partner_id or invoice.commercial_partner_id
            return (contact or block.partner_id).commercial_partner_id

        for customer, blocks in self.grouped(owner).items():
            blocks.filtered(lambda b, own=customer: b.partner_id != own).partner_id = customer

    def _fall_back(self):
        """Let blocks on instalments that Odoo deleted hold the whole invoice."""
        for customer, blocks in self.grouped(
            lambda block: block.move_id.commercial_partner_id.commercial_partner_id
        ).items():
            # One write, because a constraint compares the customer with the instalment.
            blocks.write({"move_line_id": False, "partner_id": customer.id})

    def unlink(self):
        customers, companies = self.partner_id, self.company_id
        result = super().unlink()
        self._targets_changed(companies, customers)
        return result

    def _targets_changed(self, companies, customers):
        """Forget what is cached of the blocks of these customers; `dunning.mirror` extends this."""
        self._invalidate_targets()

    def _invalidate_targets(self):
        """Forget the cached flags and outcomes: they follow from blocks and are not stored."""
        for model in ("res.partner", "account.move", "account.move.line"):
            self.env[model]._invalidate_dunning()

    def action_lift(self):
        """End the blocks today. This sends nothing; the items are candidates of the next run."""
        self.check_access("write")
        # sudo: users do not write the history of a block
        unended = self.sudo().filtered(lambda block: block.state != "lifted")
        for company, blocks in unended.grouped("company_id").items():
            blocks.write({"lifted_on": company._dunning_today(), "lifted_by_id": self.env.user.id})
        note_in_chatter(
            unended, lambda block: self.env._("Ended: %(hold)s", hold=block._in_words())
        )
        return True

    def _in_words(self):
        """Return what is held, until when and why."""
        day = self.date_to and format_date(self.env, self.date_to)
        until = day and self.env._("until %(day)s", day=day)
        parts = (self.display_name, until, self.reason_id.name)
        return " · ".join(part for part in parts if part)

    def _get_told_moves(self):
        return self.move_id

    @api.readonly
    def action_explain(self):
        """Open the dialog that says why something is held that was stopped with one click."""
        self.check_access("write")
        if not self:
            raise UserError(self.env._("Select at least one record first."))
        targets = self.move_line_id or self.move_id or self.partner_id
        defaults = {
            "kind": self[:1].kind,
            "res_model": targets._name,
            "res_ids": targets.ids,
            "block_ids": self.ids,
        }
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Why Are Reminders Stopped?"),
            "res_model": "dunning.block.wizard",
            "views": [(False, "form")],
            "target": "new",
            "context": {f"default_{name}": value for name, value in defaults.items()},
        }

    def _prepare_stopped(self):
        """Return the action that tells what was stopped, with buttons to undo it and say why.

        Many at once can be shown in a list, too.
        """
        count = len(self)
        if count == 1:
            message = self.env._(
                "Reminders for %(name)s are stopped.",
                name=(self.move_id or self.partner_id).display_name,
            )
        else:
            message = self.env._("Reminders for %(count)s records are stopped.", count=count)
        return {
            "type": "ir.actions.client",
            "tag": "dunning_stopped",
            "params": {
                "message": message if self else self.env._("Reminders were stopped already."),
                "block_ids": self.ids,
                "show": count > 1,
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    @api.readonly
    def action_open_target(self):
        """Open the blocked invoice, or the customer."""
        check_one(self)
        return (self.move_id or self.partner_id)._get_records_action()

    @api.readonly
    def action_show_targets(self):
        """Open the list of the blocked invoices, or of the customers, with what holds them."""
        self.check_access("read")
        name = "invoice" if self.move_id else "customer"
        actions = self.env["ir.actions.act_window"]
        action = actions._for_xml_id(f"dunning_exclusion.dunning_{name}_action")
        targets = self.move_id or self.partner_id
        return {**action, "domain": [("id", "in", targets.ids)]}

    # Reviewing old blocks ----------------------------------------------------------------------

    @api.model
    def _cron_report_forgotten(self):
        """Remind people, once a week, of blocks they set that have no end or end soon."""
        for_each_company(self.env, self.env._("Review of old holds"), self._report_forgotten)

    def _report_forgotten(self, company):
        mine = Domain("company_id", "=", company.id)
        reviewed = self.search(mine)
        blocks = self.search(
            mine & (Domain("forgotten", "=", True) | Domain("ending_soon", "=", True))
        )
        admin = self.env.ref("base.user_admin")
        for user, own in blocks.grouped(lambda b: b.user_id if b.user_id.active else admin).items():
            to_do = "dunning_exclusion.mail_activity_type_review"
            # The new to-do replaces the one of last week.
            reviewed.activity_search([to_do], user_id=user.id).unlink()
            first = own.sorted(lambda block: (block.date_from, block.id))[:1]
            first = in_language_of(first, user)
            first.activity_schedule(
                to_do,
                user_id=user.id,
                date_deadline=company._dunning_today(),
                summary=first.env._("1 hold to review")
                if len(own) == 1
                else first.env._("%(count)s holds to review", count=len(own)),
                note=in_language_of(own, user)._describe_review(),
            )

    def _describe_review(self):
        """Return the list of the blocks as HTML: forgotten ones, then those that end soon."""
        parts = [
            (self.env._("Without end for more than 90 days:"), self.filtered("forgotten")),
            (self.env._("Ending within 7 days:"), self.filtered("ending_soon")),
        ]
        note, amounts = Markup(), self._get_amounts_held()
        for title, blocks in parts:
            lines = [
                self.env._(
                    "%(block)s: since %(day)s, %(amount)s",
                    block=block.display_name,
                    day=format_date(self.env, block.date_from),
                    amount=block.company_id.currency_id.format(amounts[block]),
                )
                for block in blocks[:LISTED_BLOCKS]
            ]
            if more := len(blocks) - len(lines):
                lines.append(self.env._("%(count)s more", count=more))
            listed = Markup().join(Markup("<li>%s</li>") % line for line in lines)
            note += Markup("<p>%s</p><ul>%s</ul>") % (title, listed) if blocks else ""
        return note
