import hashlib
from datetime import timedelta

from markupsafe import Markup

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Command, Domain
from odoo.tools import format_date

from .arguments import AMOUNTS, DAYS, SEQUENCES, Char, Text, Within, check_one, without_context
from .dunning_notice import WORKERS
from .history import log
from .isolation import administrators, for_each_company, in_language_of

DISPUTE_REASONS = [
    ("not_received", "I did not receive it"),
    ("amount", "The amount is wrong"),
    ("quality", "Something is wrong with what I received"),
    ("unknown", "I do not know this invoice"),
    ("other", "Something else"),
]
# How old bank data may be where the company sets no limit, and how long a hold waits for them.
FRESH_DAYS = 3
LONGEST_WAIT_DAYS = 30


class DunningAnswerType(models.Model):
    """One thing that customers can answer: what it asks for is data, what it does is a method.

    The method `_answer_<code>` of `dunning.answer` does what follows. Another addon adds an answer
    with one record and one method; `_accepted_<code>` and `_declined_<code>` are optional.
    """

    _name = "dunning.answer.type"
    _description = "Kind of Answer"
    _order = "sequence, id"

    sequence = fields.Integer(default=10)
    code = Char(required=True)
    name = Char(required=True, translate=True, help="The words of the customer.")
    hint = Text(translate=True, help="What follows from it, as the page tells the customer.")
    on_page = fields.Boolean(default=True)
    asks_items = fields.Boolean(
        "Asks for Items", default=True, help="Otherwise the answer is about all of them."
    )
    asks_reason = fields.Boolean("Asks for a Reason")
    asks_file = fields.Boolean("Asks for a File")
    # What the page asks for besides; what has no label is not asked. Day and text are needed then.
    date_label = Char(translate=True)
    date_when = fields.Selection([("past", "Past"), ("future", "Future")], "Past or Future Date")
    amount_label = Char(translate=True)
    reference_label = Char(translate=True)
    text_label = Char(translate=True)

    _sequence_within = Within("sequence", *SEQUENCES)
    _code_unique = models.UniqueIndex("(code)", "Another kind of answer already has this code.")


class DunningAnswer(models.Model):
    """What a customer said to a reminder, on its page or by e-mail, and what became of it."""

    _name = "dunning.answer"
    _description = "Answer of a Customer"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "id desc"

    company_id = fields.Many2one("res.company", required=True, index=True, readonly=True)
    partner_id = fields.Many2one(
        "res.partner", "Customer", required=True, index=True, readonly=True, ondelete="restrict"
    )
    notice_id = fields.Many2one(
        "dunning.notice", "Reminder", index="btree_not_null", readonly=True, ondelete="set null"
    )
    type_id = fields.Many2one(
        "dunning.answer.type", "Answer", required=True, readonly=True, ondelete="restrict"
    )
    code = fields.Char(related="type_id.code")
    state = fields.Selection(
        [
            ("waiting", "To Look At"),
            ("accepted", "Settled"),
            ("declined", "Declined"),
            ("undone", "Withdrawn"),
        ],
        required=True,
        readonly=True,
        default="waiting",
        index=True,
        tracking=True,
        help="To look at: somebody has to decide. Withdrawn: by the customer, on the page.",
    )
    user_id = fields.Many2one("res.users", "Responsible", index="btree_not_null", readonly=True)
    move_line_ids = fields.Many2many(
        "account.move.line",
        "dunning_answer_move_line_rel",
        "answer_id",
        "move_line_id",
        string="Items",
        readonly=True,
    )
    move_ids = fields.Many2many(
        "account.move",
        "dunning_answer_move_rel",
        "answer_id",
        "move_id",
        string="Invoices",
        readonly=True,
    )
    date = fields.Date(readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    amount = fields.Monetary(readonly=True)
    reference = Char(readonly=True)
    reason = fields.Selection(DISPUTE_REASONS, readonly=True)
    text = Text(readonly=True)
    attachment_ids = fields.Many2many(
        "ir.attachment",
        "dunning_answer_attachment_rel",
        "answer_id",
        "attachment_id",
        string="Files",
        readonly=True,
    )
    block_ids = fields.Many2many(
        "dunning.block",
        "dunning_answer_block_rel",
        "answer_id",
        "block_id",
        string="Holds",
        readonly=True,
    )
    promise_id = fields.Many2one(
        "dunning.promise", index="btree_not_null", readonly=True, ondelete="set null"
    )
    promised_amount = fields.Monetary(related="promise_id.promised_amount")
    # The e-mail that is the answer, for those that came by mail.
    message_id = fields.Many2one(
        "mail.message", index="btree_not_null", readonly=True, ondelete="set null"
    )
    # A hash of what was said: whoever says the same thing twice has given one answer.
    key = fields.Char(readonly=True)

    _date_within = Within("date", *DAYS)
    _amount_within = Within("amount", *AMOUNTS)
    _said_once = models.UniqueIndex(
        "(notice_id, key) WHERE state <> 'undone'", "The customer said this already."
    )

    @property
    def _mail_post_access(self):
        """Return the right on an answer that it takes to write on it: nobody edits answers."""
        return "read" if self.env.user.has_group(WORKERS) else "write"

    @api.depends("partner_id", "type_id")
    def _compute_display_name(self):
        for answer in self:
            answer.display_name = f"{answer.partner_id.name or ''}: {answer.type_id.name or ''}"

    # Saying something -----------------------------------------------------------------------

    @api.model
    def _say(self, notice, answer_type, items, values, files=()):
        """Note what the customer of `notice` says on the page, and do what follows.

        :param values: date, amount, reason, reference and text, as far as the type asks for them
        :param files: dicts with the name and the raw content of files that were checked before
        :return: the answer; the first one when the same is said twice
        """
        # Customers act with the rights of the system; the page limits what they can do with them.
        context = notice._get_page_context(notice.company_id.partner_id.lang)
        self = without_context(self).with_user(SUPERUSER_ID).with_context(**context)
        said = [answer_type.code, sorted(items.ids), sorted(values.items())]
        said.append([hashlib.sha256(file["raw"]).hexdigest() for file in files])
        key = hashlib.sha256(repr(said).encode()).hexdigest()
        same = Domain("notice_id", "=", notice.id) & Domain("key", "=", key)
        if known := self.search(same & Domain("state", "!=", "undone"), limit=1):
            return known
        answer = self.create(
            {
                **values,
                "company_id": notice.company_id.id,
                "partner_id": notice.partner_id.id,
                "notice_id": notice.id,
                "type_id": answer_type.id,
                "move_line_ids": [Command.set(items.ids)],
                "move_ids": [Command.set(items.move_id.ids)],
                "key": key,
            }
        )
        place = {"res_model": self._name, "res_id": answer.id}
        # The server does not open the images: only employees who look at the answer open files.
        Attachment = self.env["ir.attachment"].with_context(image_no_postprocess=True)
        answer.attachment_ids = Attachment.create([{**file, **place} for file in files])
        answer._begin()
        return answer

    def _begin(self):
        """Do what follows from a new answer: its effect, a to-do, and a note in the history."""
        self.user_id = self._find_responsible()
        self.state = getattr(self, f"_answer_{self.code}")() or "waiting"
        self._plan_activity()
        self._note_history(self._describe())

    def _find_responsible(self):
        """Return the user who looks at the answer."""
        candidates = [
            *(self.company_id.dunning_answer_user_id, self.notice_id.user_id),
            *(self.partner_id.user_id, self.move_ids.invoice_user_id),
            administrators(self.company_id).user_ids,
        ]
        for users in candidates:
            for user in users:
                works = user.active and user.has_group(WORKERS)
                if works and self.company_id in user.company_ids:
                    return user
        return self.env["res.users"]

    def _get_deadline(self):
        company = self.company_id
        return company._dunning_today() + timedelta(days=company.dunning_answer_decide_days)

    def _plan_activity(self):
        if self.user_id:
            answer = in_language_of(self, self.user_id)
            answer.activity_schedule(
                "mail.mail_activity_data_todo",
                user_id=self.user_id.id,
                date_deadline=self._get_deadline(),
                summary=answer.env._(
                    "%(customer)s answered: %(answer)s",
                    customer=self.partner_id.display_name,
                    answer=answer.type_id.name,
                ),
                note=answer._describe(),
            )

    def _describe(self):
        """Return as HTML what the customer said."""
        reasons = dict(self._fields["reason"]._description_selection(self.env))
        parts = [
            ", ".join(name for name in self.move_ids.mapped("name") if name),
            self.date and format_date(self.env, self.date),
            self.amount and self.currency_id.format(self.amount),
            *(self.reference, reasons.get(self.reason), self.text),
        ]
        lines = Markup().join(Markup("<br/>%s") % part for part in parts if part)
        return Markup("<p><b>%s</b>%s</p>") % (self.type_id.name, lines)

    def _note_history(self, body):
        """Note `body` in the history of the customer and the invoices, in the customer's name."""
        author = self.message_id.author_id or self.partner_id
        for records in (self.partner_id, self.move_ids):
            bodies = dict.fromkeys(records.ids, body)
            log(records, bodies, self.company_id, author_id=author.id)

    # What follows from each answer ----------------------------------------------------------

    def _answer_promise(self):
        """Note a promise; beyond the limits of the company somebody has to accept it first."""
        proposed = self._is_beyond_limits()
        promise = self.env["dunning.promise"].create(
            {
                "company_id": self.company_id.id,
                "partner_id": self.partner_id.id,
                "move_line_ids": [Command.set(self.move_line_ids.ids)],
                "date": self.date,
                "amount": self.amount,
                "note": self.env._("The customer promised it on the page of a reminder."),
                "user_id": self.user_id.id,
            }
        )
        promise.proposed_until = proposed and self._get_deadline()
        self.promise_id = promise
        return "waiting" if proposed else "accepted"

    def _is_beyond_limits(self):
        """Return whether the promise exceeds what the company accepts at once.

        Its amount is all that it holds back, however little is promised. Its days are counted from
        the first promise of one of the items: taken back and promised again, it lasts no longer.
        """
        company, today = self.company_id, self.company_id._dunning_today()
        days, most = company.dunning_answer_promise_days, company.dunning_answer_promise_amount
        same = Domain("move_line_ids", "in", self.move_line_ids.ids)
        first = self.search(same & Domain("type_id", "=", self.type_id.id), order="id", limit=1)
        begin = min(today, first.create_date.date())
        amount = sum(self.move_line_ids.mapped("amount_residual"))
        if days and (self.date - begin).days > days or most and amount > most:
            return True
        Promise = self.env["dunning.promise"]
        mine = Domain("partner_id", "=", self.partner_id.id)
        mine &= Domain("company_id", "=", company.id)
        lately = Domain("date", ">=", today - timedelta(days=365))
        broken = Promise.search_count(mine & lately & Domain("state", "in", ["broken"]))
        return broken > company.dunning_answer_promise_broken

    def _answer_dispute(self):
        """Stop the items until somebody decides."""
        self._hold("customer", reason_id=self.env.ref("dunning_exclusion.reason_dispute").id)

    def _answer_paid(self):
        """Stop the items for some days, in which the payment should be seen."""
        company = self.company_id
        days = timedelta(days=company.dunning_answer_paid_days)
        self._hold("customer", date_to=company._dunning_today() + days)

    def _answer_wrong_person(self):
        """Only somebody who looks at it changes data."""

    def _answer_reply(self):
        """Stop the invoice that the customer wrote about, else the customer."""
        self._hold("reply")

    def _hold(self, origin, **values):
        """Stop what the answer is about.

        An entry all of whose open items are meant is stopped as a whole, so that the hold survives
        when Odoo rebuilds its items.
        """
        mine = {"partner_id": self.partner_id.id, "company_id": self.company_id.id}
        targets = [] if self.move_ids else [{}]
        for move in self.move_ids:
            lines = self.move_line_ids.filtered(lambda line, move=move: line.move_id == move)
            every = move._dunning_receivable_lines().filtered(
                lambda line: (
                    not line.reconciled and line.partner_id.commercial_partner_id == self.partner_id
                )
            )
            parts = lines if lines and every - lines else [False]
            targets += [{"move_id": move.id, "move_line_id": part and part.id} for part in parts]
        note = "\n".join(filter(None, [self.reference, self.text]))
        values = {"kind": "stop", "date_to": False, "note": note, "user_id": False, **values}
        self.block_ids = self.env["dunning.block"].create(
            [{**mine, **target, **values, "origin": origin} for target in targets]
        )

    # What somebody decides ------------------------------------------------------------------

    def action_accept(self):
        """Settle answers: a dispute is justified, a promise accepted, an e-mail answered."""
        self._decide("accepted")
        # sudo: what kind of answer it is may be known to who decides
        dispute = self.sudo().mapped("code") == ["dispute"] and len(self.move_ids) == 1
        if dispute and self.env.user.has_group("account.group_account_invoice"):
            context = {"active_model": "account.move", "active_ids": self.move_ids.ids}
            return {**self.move_ids.action_reverse(), "context": context}
        return True

    def action_decline(self):
        """Decline answers: a dispute is not justified, a promise is refused, nothing was paid."""
        self._decide("declined")
        return True

    @api.readonly
    def action_open_notice(self):
        """Open the reminder that was answered."""
        check_one(self)
        return self.notice_id._get_records_action()

    def _decide(self, state):
        self.check_access("read")
        if not (self.env.su or self.env.user.has_group(WORKERS)):
            raise AccessError(self.env._("Only follow-up users decide on answers of customers."))
        # sudo: users do not write answers, promises and invoices
        waiting = without_context(self).sudo().filtered(lambda answer: answer.state == "waiting")
        for answer in waiting:
            answer.state = state
            getattr(answer, f"_{state}_{answer.code}", lambda: None)()
            answer.activity_ids.unlink()
            labels = dict(answer._fields["state"]._description_selection(answer.env))
            words = Markup("<p>%s: %s</p>") % (answer.type_id.name, labels[state])
            for records in (answer.partner_id, answer.move_ids):
                log(records, dict.fromkeys(records.ids, words), answer.company_id)
            answer._tell_customer(state)

    def _accepted_promise(self):
        self.promise_id._settle_proposal(accepted=True)

    def _declined_promise(self):
        self.promise_id._settle_proposal(accepted=False)

    def _accepted_dispute(self):
        """Hold the items until the credit note is there, for as long as that reason lasts."""
        reason = self.env.ref("dunning_exclusion.reason_credit_note")
        for block in self.block_ids.filtered(lambda block: block.state == "active"):
            today = block.company_id._dunning_today()
            block.write({"reason_id": reason.id, "date_to": block._default_end(reason.id, today)})

    def _declined_dispute(self):
        self.block_ids.action_lift()

    _declined_paid = _declined_dispute
    _accepted_reply = _declined_dispute
    _declined_reply = _declined_dispute

    def _get_decision_texts(self):
        """Return {(code, state): what the customer is told}; other decisions are not told."""
        return {
            ("dispute", "accepted"): self.env._(
                "You are right. We will correct our invoice and send you a credit note."
            ),
            ("dispute", "declined"): self.env._(
                "We have looked into what you told us. In our view the invoice is correct; please "
                "pay the open amount."
            ),
            ("promise", "accepted"): self.env._(
                "Thank you. We agree with the day on which you will pay."
            ),
            ("promise", "declined"): self.env._(
                "We cannot agree with the day that you proposed. Please pay the open amount now."
            ),
            ("paid", "declined"): self.env._(
                "We could not find your payment. Please check whether it left your bank account."
            ),
        }

    def _tell_customer(self, state):
        """Send the decision to those who got the reminder, in their language.

        It is sent from the reminder, so that what they write back is a reply to it.
        """
        answer = self.with_context(**self.notice_id._get_page_context()) if self.notice_id else self
        text = answer._get_decision_texts().get((self.code, state))
        recipients = self.notice_id.recipient_ids or self.partner_id
        if not text or not any(recipients.mapped("email")):
            return
        about = ", ".join(name for name in self.move_ids.mapped("name") if name)
        thread = answer.notice_id or answer
        thread.message_post(
            body=Markup("<p>%s</p><p>%s</p>") % (about, text),
            subject=answer.env._("Your answer to our reminder"),
            partner_ids=recipients.ids,
            subtype_xmlid="mail.mt_comment",
            email_layout_xmlid="mail.mail_notification_light",
        )

    # What the customer takes back -----------------------------------------------------------

    def _can_undo(self):
        """Return whether the customer can take the answer back: while nobody has decided."""
        promised = self.promise_id.state in ("open", "proposed")
        return self.state == "waiting" or self.state == "accepted" and promised

    def _undo(self):
        """Take back what the answer did; nothing happens where somebody has decided."""
        for answer in self.filtered(lambda answer: answer._can_undo()):
            answer.state = "undone"
            answer.block_ids.action_lift()
            answer.promise_id.action_cancel()
            answer.activity_ids.unlink()
            taken_back = Markup("<p>%s</p>") % answer.env._("The customer withdrew this:")
            answer._note_history(taken_back + answer._describe())

    # Payments that the bank has not told of yet ---------------------------------------------

    @api.model
    def _cron_wait_for_bank(self):
        """Hold what customers say they paid, day by day, while the bank data are too old."""
        for_each_company(self.env, self.env._("Waiting for payments"), self._wait_for_bank)

    def _wait_for_bank(self, company):
        today = company._dunning_today()
        answers = self.search(
            Domain("company_id", "=", company.id)
            & Domain("state", "=", "waiting")
            & Domain("type_id.code", "=", "paid")
            & Domain("block_ids.date_to", "=", today)
        )
        days = company.dunning_freshness_days or FRESH_DAYS
        lines = self.env["account.bank.statement.line"]
        if not (answers and lines.search_count([("company_id", "=", company.id)], limit=1)):
            return
        if self.env["dunning.automation"]._get_stale_journals(company, days):
            ending = answers.block_ids.filtered(
                lambda block: (
                    block.date_to == today
                    and (today - block.date_from).days
                    < company.dunning_answer_paid_days + LONGEST_WAIT_DAYS
                )
            )
            ending.date_to = today + timedelta(days=1)


class DunningPromise(models.Model):
    _inherit = "dunning.promise"

    answer_ids = fields.One2many("dunning.answer", "promise_id", readonly=True)

    def action_accept(self):
        """Accept promises that customers proposed."""
        self.check_access("write")
        self.answer_ids._decide("accepted")
        return True

    def action_decline(self):
        """Decline promises that customers proposed: their items are reminded again."""
        self.check_access("write")
        self.answer_ids._decide("declined")
        return True
