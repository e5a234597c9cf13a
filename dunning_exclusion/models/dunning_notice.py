import base64
import hmac
import logging
import secrets

from psycopg2 import OperationalError

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, split_every

from ..report.message import Message, check_template
from ..screening import said
from ..screening.domains import usable_lang
from .arguments import check_one, get_own_defaults, without_context
from .customer_maximum import check_letters
from .dunning_level import ACTIONS
from .dunning_recheck import find_wrong
from .history import note_in_chatter
from .many_lines import UncheckedMany2many

_logger = logging.getLogger(__name__)
# Marks e-mails that were given up. Odoo uses it for mailings only, and shows it nowhere.
GIVEN_UP = "mail_dup"
# In the context with the value `YES`: e-mails leave, and `_tell_sent` tells it in the chatter.
LEAVING = "dunning_leaving"
# An object that no client can send.
YES = object()
# So many messages are told together.
TOLD_AT_ONCE = 100
# Employees who may open the page of a customer and answer there.
WORKERS = "dunning_exclusion.group_dunning_user"
# A part of the message, whose markup is our own.
PART = {"compute": "_compute_parts", "compute_sudo": True, "sanitize": False}


class DunningNotice(models.Model):
    """One message to one customer: what it says, who gets it, and whether it left."""

    _name = "dunning.notice"
    _description = "Reminder"
    _rec_names_search = ["partner_id.name", "level_id.name", "type_id.name"]
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "date desc, id desc"
    _check_company_auto = True

    name = fields.Char(compute="_compute_name")
    run_id = fields.Many2one("dunning.run", required=True, index=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", required=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        required=True,
        index=True,
        ondelete="restrict",
        help="The customer who owes the items: the company, not one of its contacts.",
    )
    level_id = fields.Many2one(
        "dunning.level", string="Reminder Level", index="btree_not_null", ondelete="set null"
    )
    # The id of the level, 0 without one: unlike the level it stays when that is deleted.
    level_number = fields.Integer(compute="_compute_level_number", store=True, precompute=True)
    message_key = fields.Integer(help="The lines of the run with this key went into it.")
    type_id = fields.Many2one(
        "dunning.reminder.type", string="Reminder Type", index="btree_not_null", ondelete="restrict"
    )
    date = fields.Date(required=True, help="The day it was sent; until then, the day it was made.")
    action = fields.Selection(ACTIONS, required=True, default="email")
    description = fields.Text(help="Amounts and conditions met, in words.")
    state = fields.Selection(
        [("queued", "Queued"), ("sent", "Sent"), ("failed", "Failed"), ("skipped", "Skipped")],
        required=True,
        default="queued",
        index=True,
        help="Queued: on its way. Sent: it went out, and the level counts. Failed: it did "
        "not go out. Skipped: no items were left to remind, or somebody discarded it.",
    )
    failure_reason = fields.Text()
    unreached = fields.Text(
        string="Recipients Not Reached",
        readonly=True,
        copy=False,
        help="Contacts that did not get the message, and why, although others did.",
    )
    line_ids = UncheckedMany2many(
        "dunning.run.line",
        "dunning_notice_line_rel",
        "notice_id",
        "line_id",
        string="Items",
        copy=False,
    )
    recipient_ids = fields.Many2many(
        "res.partner", string="Recipients", context={"active_test": False}
    )
    user_id = fields.Many2one("res.users", string="Sent by", index="btree_not_null")
    lang = fields.Char("Language")
    # The customer was merged with another one, who may have got the same reminder.
    merged = fields.Boolean(readonly=True, copy=False)
    # It has left, and the line in the chatter that says so is still to be written.
    note_pending = fields.Boolean(readonly=True, copy=False)
    mail_id = fields.Many2one(
        "mail.mail",
        readonly=True,
        # Odoo looks for the notice whenever any e-mail changes its state or is deleted.
        index="btree_not_null",
        ondelete="set null",
        copy=False,
    )

    # Amounts in company currency
    amount = fields.Monetary(string="Reminded Amount", readonly=True)
    outstanding = fields.Monetary(
        readonly=True,
        help="All that the customer owes, less credits, including held items, in company currency.",
    )
    overdue = fields.Monetary(
        readonly=True,
        help="The part of the outstanding amount that is past its due date, in company currency.",
    )
    # The same in the currency of the open items, where all of them have the same one.
    open_currency_id = fields.Many2one("res.currency", readonly=True)
    outstanding_currency = fields.Monetary(currency_field="open_currency_id", readonly=True)
    overdue_currency = fields.Monetary(currency_field="open_currency_id", readonly=True)
    held_amount = fields.Monetary(
        string="Amount Not in the Message",
        compute="_compute_held_amount",
        help="The part of the outstanding amount that is not listed in the message.",
    )
    # Open items of the customer that count in the totals but are not in the message.
    unlisted_count = fields.Integer(string="Items Not Listed", readonly=True, copy=False)

    # What opens the page of the reminder without login, see `controllers/portal`.
    access_token = fields.Char(
        readonly=True,
        copy=False,
        groups=WORKERS,
        help="Whoever has it can open the customer's page of this reminder and answer there. Empty "
        "once it was revoked.",
    )
    access_url = fields.Char(
        compute="_compute_access_url",
        string="Customer's Page",
        help="Where the customer answers this reminder; messages add the token to the address.",
    )

    # What the message says, as it was written: templates change, and what was sent is history.
    body = fields.Html(compute="_compute_body", string="Message", sanitize="email_outgoing")
    # Of letters, notifications and to-dos; e-mails are kept in the mail queue.
    kept_subject = fields.Char("Stored Subject", readonly=True, copy=False)
    kept_body = fields.Html("Stored Text", readonly=True, copy=False, sanitize="email_outgoing")

    # Placeholders of mail templates: whole parts of the message, so that who edits the text of a
    # template cannot break a table.
    addressee = fields.Char(
        compute="_compute_addressee", help="Who is addressed: the one contact, else the customer."
    )
    preheader = fields.Char(
        compute="_compute_preheader", help="The line that mail programs show beside the subject."
    )
    items_table = fields.Html(
        **PART,
        string="Table of Items",
        help="The items with their days overdue, and the total in each currency.",
    )
    answer_button = fields.Html(
        compute="_compute_answer_button",
        compute_sudo=True,
        sanitize=False,
        groups=WORKERS,
        help="The button that leads to the customer's page of the reminder.",
    )
    account_summary = fields.Html(
        **PART,
        help="What the customer owes, and how much of it is overdue.",
    )
    payment_information = fields.Html(
        **PART,
        help="The bank accounts that fit the currencies of the items.",
    )

    # What customers were sent on a day.
    _company_date_index = models.Index("(company_id, date)")
    _note_pending_index = models.Index("(id) WHERE note_pending")
    # The database, too, refuses to send a reminder of one run twice. When customers are merged, the
    # notices of both are kept, so these do not count.
    _once_per_run = models.UniqueIndex(
        "(run_id, partner_id, level_number) WHERE merged IS NOT TRUE",
        "This customer was reminded at this level in this run already.",
    )
    _once_per_message = models.UniqueIndex(
        "(run_id, partner_id, message_key) WHERE merged IS NOT TRUE",
        "This customer was reminded in this run already.",
    )

    @property
    def _mail_post_access(self):
        """Return the right on a notice that it takes to write messages and to-dos on it.

        Follow-up users need only read it, as nobody writes notices by hand. Others who may read it,
        an auditor for instance, must not write to customers.
        """
        return "read" if self.env.user.has_group(WORKERS) else "write"

    @api.model
    def default_get(self, fields):
        """Override: nobody's own defaults fill notices, which only sending makes."""
        own = get_own_defaults(self, self._fields.keys() & set(fields))
        return super().default_get([]) | own

    @api.model_create_multi
    def create(self, vals_list):
        """Override: each notice has its own token; no default fills it, which all would share."""
        return super().create(
            [{"access_token": secrets.token_urlsafe(32), **vals} for vals in vals_list]
        )

    @api.model
    def _get_thread_with_access(self, thread_id, *, mode="read", **_kwargs):
        """Override of `portal`: the token opens the page of the reminder, not the conversation."""
        return super()._get_thread_with_access(thread_id, mode=mode)

    def message_subscribe(self, partner_ids=None, subtype_ids=None):
        """Override of `mail`: a to-do for a colleague lets the colleague follow the notice."""
        # sudo: Odoo asks for the right to write, which nobody has on notices
        notices = self.sudo() if self.has_access(self._mail_post_access) else self
        return super(DunningNotice, notices).message_subscribe(partner_ids, subtype_ids)

    def unlink(self):
        """Override to keep the lines of a deleted notice, which were not reminded of then."""
        result = super().unlink()
        self.env["dunning.run.line"]._forget("notice_id", self.ids)
        return result

    @api.depends("level_id")
    def _compute_level_number(self):
        for notice in self:
            notice.level_number = notice.level_id.id

    @api.depends("partner_id", "level_id", "type_id", "date")
    def _compute_name(self):
        for notice in self:
            what = notice.level_id.name or notice.type_id.name or ""
            notice.name = f"{notice.partner_id.name or ''}: {what}"

    @api.depends("outstanding", "amount")
    def _compute_held_amount(self):
        for notice in self:
            notice.held_amount = notice.outstanding - notice.amount

    @api.depends("mail_id", "kept_body")
    @api.depends_context("uid")
    def _compute_body(self):
        for notice in self:
            # sudo: who reads notices need not have the right to read the mail queue
            body = notice.sudo().mail_id.body_html or notice.kept_body
            notice.body = body if notice._shows_token() else notice._without_token(body)

    @api.depends("partner_id", "recipient_ids")
    def _compute_addressee(self):
        for notice in self:
            contact = notice.recipient_ids
            if len(contact) == 1 and contact.name and not contact.is_company:
                notice.addressee = contact.name
            else:
                notice.addressee = notice.partner_id.name

    @api.depends("line_ids", "lang")
    def _compute_preheader(self):
        for notice in self:
            rows = notice._get_message().total_rows()
            notice.preheader = " + ".join(row["amount"] for row in rows)

    @api.depends("line_ids", "lang", "date", "outstanding", "overdue", "unlisted_count")
    def _compute_parts(self):
        for notice in self:
            notice.items_table = notice._render_part("notice_items")
            notice.account_summary = notice._render_part("notice_summary")
            notice.payment_information = notice._render_part("notice_bank")

    def _compute_access_url(self):
        for notice in self:
            notice.access_url = f"/my/reminder/{notice.id}"

    @api.depends("access_token", "action", "company_id", "lang")
    def _compute_answer_button(self):
        for notice in self:
            by_mail = notice.action == "email" and notice.access_token
            has_page = by_mail and notice.company_id.dunning_answers
            notice.answer_button = notice._render_part("notice_answer") if has_page else False

    def _shows_token(self):
        """Return whether the user may see what opens the customer's page: not an auditor."""
        return self.env.su or self.env.user.has_group(WORKERS)

    def _without_token(self, html):
        """Return `html` without the token of this notice, so that its links open nothing."""
        # sudo: it is taken out for those who must not read it
        token = self.sudo().access_token
        return html.replace(token, "") if html and token else html

    def _get_page_context(self, lang=None):
        """Return the context of the customer's page: its company, in the customer's language.

        :param lang: another language
        """
        lang = usable_lang(self.env, lang or self.lang, self.company_id.partner_id.lang)
        return {"lang": lang, "allowed_company_ids": self.company_id.ids}

    def _get_page_url(self):
        """Return the whole address of the customer's page, with the token."""
        return f"{self.get_base_url()}{self.access_url}?access_token={self.access_token}"

    def _get_short_code(self):
        """Return the short form of the token that stands in letters, where it is typed."""
        digest = hmac.digest((self.access_token or "").encode(), b"letter", "sha256")
        return base64.b32encode(digest)[:12].decode().lower()

    def _get_short_url(self):
        """Return the short address of the customer's page."""
        return f"{self.get_base_url()}/reminder/{self.id}/{self._get_short_code()}"

    # What it says ---------------------------------------------------------------------------

    def _get_message(self, lang=None):
        """Return the `Message` of a notice in the customer's language, or in another one."""
        self.ensure_one()
        code = usable_lang(self.env, lang, self.lang, self.env.context.get("lang"))
        return Message(self.with_context(lang=code))

    def _render_part(self, name, lang=None):
        """Return a part of the message, rendered in the language of the customer.

        :param name: xmlid without module of a QWeb view that takes `notice` and `message`
        :param lang: another language, for parts that employees read
        """
        message = self._get_message(lang)
        return message.notice.env["ir.qweb"]._render(
            f"dunning_exclusion.{name}",
            {"notice": message.notice, "message": message},
            minimal_qcontext=True,
        )

    def _get_template(self):
        """Return the template the message is made from."""
        return self.level_id._get_template() or self.run_id.template_id or self.type_id.template_id

    def _render_message(self, framed=False):
        """Return {notice: {"subject", "body_html"}} as their templates say it.

        :param framed: with letterhead and address of the company around it, as in the e-mail
        :raise AccessError: when the user may not read the notices; the address of a report asks
            nobody for rights
        """
        self.check_access("read")
        result = {}
        # sudo: templates use fields of the company and its bank accounts
        for notices in self.sudo().grouped(lambda notice: notice._get_template()).values():
            template = check_template(notices)
            rendered = template._generate_template(notices.ids, ("subject", "body_html"))
            for notice in notices:
                values = result[notice.id] = rendered[notice.id]
                if framed:
                    body = values["body_html"]
                    values["body_html"] = notice._get_message().framed(template, body)
        for notice in self.browse() if self._shows_token() else self:
            values = result[notice.id]
            values["body_html"] = notice._without_token(values["body_html"])
        return {notice: result[notice.id] for notice in self}

    def _get_printed_messages(self):
        """Return {notice: {"subject", "body_html"}} to be printed: what left, as it was written."""
        left = self.filtered(lambda notice: notice.state == "sent" and notice.kept_body)
        letters = (self - left)._render_message()
        for notice in left:
            letters[notice] = {"subject": notice.kept_subject, "body_html": notice.kept_body}
        return letters

    def _keep_letters(self):
        for notice, values in self._render_message().items():
            notice.write({"kept_subject": values["subject"], "kept_body": values["body_html"]})

    def _keep_internal(self, lang):
        """Keep and return (subject, body) of what employees read about the notice."""
        subject = self._get_message(lang).internal_subject()
        body = self._render_part("notice_internal", lang)
        self.write({"kept_subject": subject, "kept_body": body})
        return subject, body

    # Whether it left: that follows the mail queue -------------------------------------------

    def _fail(self, reason):
        """Note that the message did not leave, and why."""
        self.write({"state": "failed", "failure_reason": reason})

    def _mark_sent(self, **vals):
        """Note that the message left today: the items have reached the level."""
        unsent = self.filtered(lambda notice: notice.state != "sent")
        vals["note_pending"] = self.env.context.get(LEAVING) is YES
        for company, notices in unsent.grouped("company_id").items():
            today = company._dunning_today()
            notices.write({"state": "sent", "failure_reason": False, "date": today, **vals})
        if not vals["note_pending"]:
            note_in_chatter(unsent, lambda notice: notice._in_words())

    def _tell_sent(self):
        """Write the lines in the chatter about messages that left with the mail queue.

        Written with each e-mail they take as long as it does, and many together hardly any time.
        """
        pending = self.filtered("note_pending")
        for notices in map(pending.browse, split_every(TOLD_AT_ONCE, pending.ids, list)):
            try:
                with self.env.cr.savepoint():
                    notices = notices.try_lock_for_update(allow_referencing=True)
                    note_in_chatter(notices, lambda notice: notice._in_words())
            except OperationalError:
                # Another transaction changed the same rows: the next call tells it.
                continue
            # An error in another addon must not keep anything else from being told.
            except Exception:
                _logger.exception("Reminders that left cannot be noted: %s", notices.ids)
            notices.note_pending = False

    def _in_words(self):
        """Return which reminder it is, and over how much."""
        return self.env._(
            "Reminder sent: %(what)s, %(amount)s",
            what=self.level_id.name or self.type_id.name or "",
            amount=self.currency_id.format(self.amount),
        )

    def _get_told_moves(self):
        return self.line_ids.move_id.exists()

    def _get_said(self):
        """Return {(customer, sense, item)} of what the message says, see `screening.said`."""
        workflow = self.level_id.campaign_type == "customer"
        sense = self.level_id.id if workflow else said.sense_of(self.type_id)
        return {(self.partner_id, sense, item) for item in self.line_ids.move_line_id}

    def _withdraw(self, reason):
        """Give up messages that did not leave, or did not reach all; cancel their e-mails."""
        left = self.filtered(lambda notice: notice.state == "sent")
        (self - left).write({"state": "skipped", "failure_reason": reason})
        mails = self.mail_id.filtered(lambda mail: mail.state != "sent")
        mails.write({"state": "cancel", "failure_type": GIVEN_UP, "failure_reason": reason})

    def _withdraw_outdated(self):
        """Withdraw what waited in the mail queue and is not right any more; return the undecided.

        It waited if it is of another day or failed before; the others were just made.
        """
        today = {company: company._dunning_today() for company in self.company_id}
        waited = self.filtered(
            lambda n: n.failure_reason or n.mail_id.failure_reason or n.date < today[n.company_id]
        )
        undecided = self.browse()
        for notices in waited.grouped("run_id").values():
            try:
                with self.env.cr.savepoint():
                    for notice, reason in find_wrong(notices).items():
                        notice._withdraw(reason)
            except OperationalError:
                # Another transaction changed the same rows: the next call of the queue decides.
                undecided |= notices
            # An error in a condition or another addon must not keep other e-mails from leaving.
            except Exception as error:
                _logger.exception("Whether reminders are still right cannot be told")
                notices.mail_id.write({"state": "exception", "failure_reason": str(error)})
        return undecided

    def _follow_mails(self, reached=(), reason=None):
        """Take over the delivery state of the e-mails, and who of `reached` got them.

        Errors are logged, otherwise the mail queue would send a message again that has left.

        :param reason: why the others did not get it
        """
        for notice in self:
            try:
                with self.env.cr.savepoint():
                    if reached:
                        notice._note_reached(reached, reason)
                    notice._follow_mail()
            except Exception:
                _logger.exception("What became of reminder %s cannot be noted", notice.id)
                if notice.mail_id.state == "sent" and notice.state != "sent":
                    # By SQL, so that no code of others can fail again.
                    update = SQL("UPDATE dunning_notice SET state = 'sent', failure_reason = NULL")
                    day = notice.company_id._dunning_today()
                    self.env.cr.execute(SQL("%s, date = %s WHERE id = %s", update, day, notice.id))
                    notice.invalidate_recordset(flush=False)

    def _follow_mail(self):
        """Take over the state of the e-mail: a level counts when its message has left."""
        mail = self.mail_id
        # Somebody got the message before, and `mail` is for the others only.
        has_left = mail.recipient_ids and not self.recipient_ids & mail.recipient_ids
        if mail.state == "sent":
            self._mark_sent()
        elif has_left or self.state == "skipped":
            return
        elif mail.state == "outgoing" and self.state != "sent":
            # What failed is kept in mind: the message is looked at again before it leaves.
            self.state = "queued"
        elif mail.state in ("exception", "cancel"):
            field = mail._fields["failure_type" if mail.failure_type else "state"]
            words = dict(field._description_selection(self.env))
            self._fail(mail.failure_reason or words[mail[field.name]])

    def _note_reached(self, reached, reason):
        """Note who of several recipients got the message; the mail stays for the others only.

        Whatever is tried again then, nobody gets the message twice.
        """
        rest = self.mail_id.recipient_ids - reached
        if rest:
            self._note_unreached(rest, reason or self.env._("The mail server refused it."))
            self.mail_id.recipient_ids = rest
            self._mark_sent()
        elif reached - self.recipient_ids:
            self.recipient_ids |= reached

    def _note_unreached(self, partners, reason):
        """Note that some of the recipients did not get the message, and why."""
        words = [f"{partner.display_name}: {reason}" for partner in partners]
        self.unreached = "\n".join(filter(None, [self.unreached, *words]))
        self.recipient_ids -= partners

    def _message_receive_bounce(self, email, partner):
        """Override of `mail`: a message that came back from everybody has not reached its level."""
        result = super()._message_receive_bounce(email, partner)
        reason = self.env._("The message to %(email)s bounced.", email=email)
        for notice in self.filtered(lambda notice: notice.state in ("queued", "sent")):
            gone = notice.recipient_ids.filtered(
                lambda recipient: recipient in partner or recipient.email_normalized == email
            )
            # Odoo counts it at the contacts, unless somebody else tells that it bounced.
            # sudo: who tells it need not have the right to edit contacts
            for contact in gone.sudo():
                if contact.dunning_bounced_email != contact.email_normalized:
                    contact.message_bounce += 1
            if gone and gone != notice.recipient_ids:
                notice._note_unreached(gone, reason)
            else:
                notice._fail(reason)
        return result

    # What people do with it by hand ---------------------------------------------------------

    def action_mark_sent(self):
        """Note that queued letters and activities were sent or done by hand, by whom and when.

        :raise UserError: for e-mails, and for what is not queued
        """
        self = without_context(self)
        for notice in self:
            if notice.state != "queued" or notice.action not in ("letter", "activity"):
                raise UserError(
                    self.env._(
                        "%(notice)s cannot be marked as sent: only queued letters and activities "
                        "are sent by hand.",
                        notice=notice.name,
                    )
                )
        check_letters(self.filtered(lambda notice: notice.action == "letter"))
        self._send_by_hand()
        return True

    def action_discard(self):
        """Give up queued letters that nobody wants to send; their items come up again.

        :raise UserError: for e-mails, and for what is not queued
        """
        self = without_context(self)
        for notice in self:
            if notice.state != "queued" or notice.action == "email":
                raise UserError(
                    self.env._(
                        "%(notice)s cannot be discarded: only queued letters can, e-mails are "
                        "cancelled in the mail queue.",
                        notice=notice.name,
                    )
                )
        # Who may send runs may also say that a letter is not sent.
        self.run_id.check_access("write")
        # sudo: users do not write states.
        self.sudo().write(
            {
                "state": "skipped",
                "failure_reason": self.env._("Discarded by %(user)s.", user=self.env.user.name),
            }
        )
        return True

    def _send_by_hand(self):
        for run in self.run_id:
            # Who may send runs may also say that a letter left.
            run.check_access("write")
        # sudo: users do not write states, nor attach letters to what was sent
        notices = self.sudo()
        notices._mark_sent(user_id=self.env.uid)
        notices.filtered(lambda notice: notice.action == "letter")._keep_letters()

    def action_revoke_link(self):
        """Let the links in the messages open nothing any more."""
        # Who may send runs may also say that their links end.
        self.run_id.check_access("write")
        # sudo: users do not write notices
        without_context(self).sudo().access_token = False
        return True

    @api.readonly
    def action_open_message(self):
        """Show the message as it was sent."""
        check_one(self)
        return self._get_records_action(name=self.name)

    @api.model
    def _merge_customers(self, customer_ids, partner):
        """File the notices of customers that are merged under the customer of `partner`.

        That one may have got the same reminder in the same run, so these notices no longer count as
        the one message of a run and customer. Nor do its own in a run that is not done: the items
        of the others still wait for a message.
        """
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """UPDATE dunning_notice notice SET merged = TRUE, partner_id = %(customer)s
                     FROM dunning_run run
                    WHERE run.id = notice.run_id
                      AND (notice.partner_id = ANY(%(merged)s)
                           OR notice.partner_id = %(customer)s AND notice.merged IS NOT TRUE
                              AND run.state IN ('prepared', 'sending'))""",
                customer=partner.commercial_partner_id.id,
                merged=list(customer_ids),
            )
        )
        self.invalidate_model(flush=False)
