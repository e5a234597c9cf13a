from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Command, Domain
from odoo.tools import SQL, format_date

from .arguments import AMOUNTS, DAYS, Text, Within, without_context
from .history import note_in_chatter
from .isolation import for_each_company, in_language_of
from .scenario_sentence import short_date

# Written by the system when a promise is noted, cancelled or broken.
NOTED_FIELDS = frozenset({"user_id", "noted_on", "open_amount", "move_ids"})
SYSTEM_FIELDS = NOTED_FIELDS | {
    *("cancelled_on", "broken_reported", "proposed_until", "declined_on"),
}
# What was promised: once the promise is cancelled, that is history, too.
SUBJECT_FIELDS = frozenset({"partner_id", "move_line_ids", "date", "amount", "note"})


class DunningPromise(models.Model):
    """What a customer promised to pay until when. Its state follows from dates and payments."""

    _name = "dunning.promise"
    _description = "Promise to Pay"
    _inherit = ["dunning.protected.mixin", "mail.thread", "mail.activity.mixin"]
    _order = "date desc, id desc"
    _check_company_auto = True

    company_id = fields.Many2one(
        "res.company", required=True, index=True, default=lambda self: self.env.company
    )
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        required=True,
        index=True,
        ondelete="restrict",
        check_company=True,
    )
    move_line_ids = fields.Many2many(
        "account.move.line",
        "dunning_promise_move_line_rel",
        "promise_id",
        "move_line_id",
        string="Items",
        check_company=True,
    )
    move_ids = fields.Many2many(
        "account.move",
        "dunning_promise_move_rel",
        "promise_id",
        "move_id",
        string="Entries",
        readonly=True,
        copy=False,
        help="The entries of the items: when Odoo rebuilds items, the promise finds them again.",
    )
    date = fields.Date(
        string="Promised Date",
        required=True,
        default=lambda self: self.env.company._dunning_today() + timedelta(days=7),
        tracking=True,
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    amount = fields.Monetary(
        string="Promised Amount",
        tracking=True,
        help="In company currency. Empty: everything that is open on the items.",
    )
    promised_amount = fields.Monetary(
        string="Promised in Total",
        compute="_compute_promised_amount",
        help="The promised amount, else everything that was open on the items.",
    )
    open_amount = fields.Monetary(
        string="Open When Promised",
        readonly=True,
        copy=False,
        help="What was open on the items when the promise was noted, in company currency.",
    )
    paid_amount = fields.Monetary(
        compute="_compute_state",
        string="Amount Paid Since the Promise",
        help="What was paid of the items since the promise, in company currency.",
    )
    note = Text(tracking=True)
    user_id = fields.Many2one(
        "res.users",
        string="Noted by",
        index="btree_not_null",
        default=lambda self: self.env.user,
        readonly=True,
        copy=False,
    )
    noted_on = fields.Date(readonly=True, copy=False)
    broken_reported = fields.Boolean(
        string="Broken Promise Reported",
        readonly=True,
        copy=False,
        help="A to-do was planned for whoever noted the promise.",
    )
    cancelled_on = fields.Date(
        readonly=True,
        copy=False,
        tracking=True,
        help="The promise no longer counts, whatever is paid.",
    )
    proposed_until = fields.Date(
        readonly=True,
        copy=False,
        tracking=True,
        help="The customer proposed it, and somebody has to accept or decline it. Until this day "
        "its items are held back.",
    )
    declined_on = fields.Date(
        readonly=True, copy=False, tracking=True, help="What the customer proposed was declined."
    )
    state = fields.Selection(
        [
            ("proposed", "Proposed"),
            ("open", "Open"),
            ("kept", "Kept"),
            ("broken", "Broken"),
            ("cancelled", "Cancelled"),
            ("declined", "Declined"),
        ],
        compute="_compute_state",
        search="_search_state",
        help="Proposed until somebody accepts or declines what a customer proposed. Open until the "
        "date plus the tolerance days of the company has passed.",
    )

    _date_within = Within("date", *DAYS)
    _amount_within = Within("amount", *AMOUNTS)

    @api.depends("partner_id", "date")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for promise in self:
            parts = (promise.partner_id.display_name, short_date(self.env, promise.date))
            promise.display_name = " ".join(part for part in parts if part)

    @api.depends("amount", "open_amount")
    def _compute_promised_amount(self):
        for promise in self:
            promise.promised_amount = promise.amount or promise.open_amount

    # Open, kept or broken ----------------------------------------------------------------------

    @api.depends(
        *("date", "amount", "open_amount", "cancelled_on", "proposed_until", "declined_on"),
        "move_line_ids.amount_residual",
    )
    def _compute_state(self):
        found = {}
        if self._origin:
            self.env.flush_all()
            query = SQL("%s WHERE promise.id = ANY(%s)", self._state_query(), self._origin.ids)
            found = {row[0]: row[1:] for row in self.env.execute_query(query)}
        for promise in self:
            # The changes of a form count when it is saved.
            state, paid = found.get(promise._origin.id, ("open", 0))
            promise.state = state
            promise.paid_amount = max(paid, 0)

    def _search_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        return self._state_domain([state for state in value if state])

    def _state_domain(self, states, day=None):
        """Return the domain of the promises in one of `states` on `day`, see `_state_query`."""
        self.env.flush_all()
        query = self._state_query(day)
        found = "(SELECT id FROM (%s) AS promise_state WHERE state = ANY(%s))"
        return Domain("id", "in", SQL(found, query, states))

    def _state_query(self, day=None) -> SQL:
        """Return SELECT id, state (on `day`, or today), paid (since) of all promises."""
        today = self.env["res.company"]._dunning_today_sql(SQL("company.id"))
        return SQL(
            """SELECT promise.id,
                      CASE WHEN %(lasts)s AND %(kept)s IS NOT TRUE
                           THEN CASE WHEN promise.proposed_until IS NULL THEN 'open'
                                     ELSE 'proposed' END
                           WHEN promise.cancelled_on IS NOT NULL THEN 'cancelled'
                           WHEN promise.declined_on IS NOT NULL THEN 'declined'
                           WHEN %(kept)s THEN 'kept'
                           WHEN promise.proposed_until IS NOT NULL THEN 'proposed'
                           ELSE 'broken' END AS state,
                      COALESCE(promise.open_amount, 0) - COALESCE(still_open.amount, 0) AS paid
                 FROM dunning_promise promise
                 JOIN res_company company ON company.id = promise.company_id
                 %(still_open)s""",
            kept=self._kept_sql(),
            lasts=self._lasts_sql(SQL("company"), day or today),
            still_open=self._still_open_join(),
        )

    def _lasts_sql(self, company: SQL, day) -> SQL:
        """Return whether `promise` lasts on `day`, tolerance included; `company` is an alias."""
        return SQL(
            """(promise.cancelled_on IS NULL OR promise.cancelled_on > %(day)s)
               AND (promise.declined_on IS NULL OR promise.declined_on > %(day)s)
               AND (promise.proposed_until IS NULL OR promise.proposed_until >= %(day)s)
               AND (promise.noted_on > %(day)s) IS NOT TRUE
               AND promise.date + COALESCE(%(company)s.dunning_promise_tolerance_days, 0)
                   >= %(day)s""",
            company=company,
            day=day,
        )

    def _kept_sql(self, still_open=None):
        """Return whether what was promised has been paid, over the alias `promise`.

        :param still_open: what its items have open, NULL without items; None: what
            `_still_open_join` joins
        """
        return SQL(
            """(promise.open_amount > 0 AND %(still_open)s IS NOT NULL
                AND promise.open_amount - %(still_open)s
                    >= COALESCE(NULLIF(promise.amount, 0), promise.open_amount) - 0.00001)""",
            still_open=still_open or SQL("still_open.amount"),
        )

    def _still_open_join(self):
        """Return the JOIN of what the items of `promise` have open, as `still_open.amount`."""
        return SQL(
            """CROSS JOIN LATERAL (SELECT SUM(promised_line.amount_residual) AS amount
                                     FROM dunning_promise_move_line_rel promised
                                    CROSS JOIN LATERAL (
                                          SELECT amount_residual FROM account_move_line
                                           WHERE id = promised.move_line_id OFFSET 0) promised_line
                                    WHERE promised.promise_id = promise.id) still_open"""
        )

    # What may be written -----------------------------------------------------------------------

    @api.constrains("move_line_ids", "partner_id", "company_id")
    def _check_items(self):
        for promise in self:
            for line in promise.move_line_ids:
                owner = line.partner_id.commercial_partner_id
                if line.account_type != "asset_receivable" or owner != promise.partner_id:
                    raise ValidationError(
                        self.env._(
                            "Promise of %(customer)s: %(item)s is not an item this customer "
                            "owes. Choose receivable items of the customer in the field 'Items'.",
                            customer=promise.partner_id.display_name,
                            item=line.display_name,
                        )
                    )

    def _get_protected_fields(self):
        return SYSTEM_FIELDS

    def _get_fixed_fields(self):
        # What another customer promises is a new promise, with its own history.
        fixed = frozenset({"company_id", "partner_id"})
        ended = self.filtered(lambda promise: promise.cancelled_on or promise.declined_on)
        return fixed | SUBJECT_FIELDS if ended else fixed

    @api.model_create_multi
    def create(self, vals_list):
        promises = super().create([self._complete_vals(vals) for vals in vals_list])
        promises._note_open_amount()
        self.env["dunning.block"]._invalidate_targets()
        note_in_chatter(promises, lambda promise: promise._in_words())
        return promises

    def _complete_vals(self, vals):
        """Return `vals` with the customer of the items, or with the items that it has overdue."""
        vals = dict(vals)
        partner = self.env["res.partner"].browse(vals.get("partner_id"))
        if "partner_id" not in vals and vals.get("move_line_ids"):
            partner = self.new({"move_line_ids": vals["move_line_ids"]}).move_line_ids.partner_id
        customer = partner._origin.commercial_partner_id
        if len(customer) != 1:
            raise ValidationError(
                self.env._("A promise needs a customer: fill in the field 'Customer'.")
            )
        vals["partner_id"] = customer.id
        if not vals.get("move_line_ids"):
            company = self.env["res.company"].browse(vals.get("company_id")) or self.env.company
            items = customer.with_company(company)._dunning_promised_items()
            vals["move_line_ids"] = [Command.set(items.ids)]
        return vals

    def _note_open_amount(self):
        # sudo: users do not write what was open, and need not have the right to edit entries.
        self = self.sudo()
        for promise in self:
            promise.noted_on = promise.noted_on or promise.company_id._dunning_today()
            promise.open_amount = sum(promise.move_line_ids.mapped("amount_residual"))
            promise.move_ids |= promise.move_line_ids.move_id
        self.move_ids.filtered(lambda move: not move.dunning_promised).dunning_promised = True

    def _find_items_again(self, moves):
        """Give promises on `moves` the items that Odoo rebuilt while the entries were drafts."""
        for promise in self.search(Domain("move_ids", "in", moves.ids)):
            lost = (promise.move_ids & moves) - promise.move_line_ids.move_id
            lines = lost._dunning_receivable_lines()
            by_customer = lines.grouped(lambda line: line.partner_id.commercial_partner_id)
            promise.move_line_ids |= by_customer.get(promise.partner_id, lines.browse())

    def write(self, vals):
        result = super().write(vals)
        if "date" in vals:
            # sudo: a new date can be broken again, but users do not write what was reported
            self.sudo().filtered("broken_reported").broken_reported = False
        if "move_line_ids" in vals:
            self._note_open_amount()
        self.env["dunning.block"]._invalidate_targets()
        return result

    @api.onchange("partner_id")
    def _onchange_partner(self):
        customer = self.partner_id.commercial_partner_id
        owners = self.move_line_ids.partner_id.commercial_partner_id
        if customer and owners != customer:
            self.move_line_ids = customer.with_company(self.company_id)._dunning_promised_items()

    def _follow_customer(self):
        """Move the promises to the customers who now own the items."""
        for promise in self:
            contact = promise.move_line_ids[:1].partner_id or promise.partner_id
            if promise.partner_id != contact.commercial_partner_id:
                promise.partner_id = contact.commercial_partner_id

    def unlink(self):
        self.env["dunning.block"]._invalidate_targets()
        return super().unlink()

    @api.model
    def _cron_report_broken(self):
        """Plan a to-do for whoever noted a promise that is broken now."""
        for_each_company(self.env, self.env._("Report of broken promises"), self._report_broken)

    def _report_broken(self, company):
        broken = self.search(
            Domain("company_id", "=", company.id)
            & Domain("state", "in", ["broken"])
            & Domain("broken_reported", "=", False)
        )
        for promise in broken:
            user = promise.user_id if promise.user_id.active else self.env.user
            localized = in_language_of(promise, user)
            localized.activity_schedule(
                "mail.mail_activity_data_todo",
                user_id=user.id,
                date_deadline=promise.company_id._dunning_today(),
                summary=localized.env._(
                    "%(customer)s broke a promise to pay", customer=promise.partner_id.display_name
                ),
                note=localized.env._(
                    "Promised for %(date)s. The items are reminded again.",
                    date=format_date(localized.env, promise.date),
                ),
            )
        # sudo: users do not write what was reported
        broken.sudo().broken_reported = True

    def _settle_proposal(self, accepted):
        """Accept or decline what customers proposed; only proposed promises change."""
        for promise in self.filtered(lambda promise: promise.state == "proposed"):
            today = promise.company_id._dunning_today()
            promise.write({"proposed_until": False} if accepted else {"declined_on": today})

    def action_cancel(self):
        """Cancel the promises: their items are candidates of the next run again."""
        self.check_access("write")
        # sudo: users do not write the state of a promise
        promises = without_context(self.filtered(lambda p: not p.cancelled_on)).sudo()
        for promise in promises:
            promise.cancelled_on = promise.company_id._dunning_today()
        note_in_chatter(
            promises, lambda promise: self.env._("Cancelled: %(what)s", what=promise._in_words())
        )
        return True

    def _in_words(self):
        """Return what was promised for when."""
        return self.env._(
            "Promise to pay %(amount)s by %(day)s",
            amount=self.currency_id.format(self.promised_amount),
            day=format_date(self.env, self.date),
        )

    def _get_told_moves(self):
        return self.move_ids
