from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .arguments import check_one, without_context
from .customer_maximum import check_letters
from .dunning_level import ACTIONS


class DunningNotice(models.Model):
    """One message to one customer: what it said, who got it, and whether it left."""

    _name = "dunning.notice"
    _description = "Dunning Notice"
    _inherit = ["dunning.delivery", "mail.thread", "mail.activity.mixin", "dunning.message"]
    _order = "date desc, id desc"
    _check_company_auto = True

    name = fields.Char(compute="_compute_name", help="The customer and the dunning level.")
    run_id = fields.Many2one(
        "dunning.run", required=True, index=True, ondelete="restrict", help="The run it belongs to."
    )
    company_id = fields.Many2one(
        "res.company", required=True, help="The company whose receivables it is about."
    )
    company_currency_id = fields.Many2one(
        related="company_id.currency_id", help="The currency in which the company keeps its books."
    )
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        required=True,
        index=True,
        ondelete="restrict",
        help="The customer who owes the items: the company, not one of its contacts.",
    )
    level_id = fields.Many2one(
        "dunning.level",
        string="Dunning Level",
        index="btree_not_null",
        ondelete="set null",
        help="The dunning level of the scenario, or the action of the workflow.",
    )
    level_number = fields.Integer(
        compute="_compute_level_number",
        store=True,
        precompute=True,
        help="Number of the dunning level, 0 without one; it stays when the level is deleted.",
    )
    message_key = fields.Integer(help="The lines of the run with this key went into it.")
    type_id = fields.Many2one(
        "dunning.reminder.type",
        string="Reminder Type",
        index="btree_not_null",
        ondelete="restrict",
        help="The kind of reminder: customers can switch it off.",
    )
    date = fields.Date(required=True, help="The day on which the message left or was made.")
    action = fields.Selection(
        ACTIONS,
        required=True,
        default="email",
        help="What happens at this level: an e-mail, a letter, a notification or a to-do.",
    )
    description = fields.Text(help="Amounts and conditions met, in words.")
    state = fields.Selection(
        [("queued", "Queued"), ("sent", "Sent"), ("failed", "Failed"), ("skipped", "Skipped")],
        required=True,
        default="queued",
        index=True,
        help="Queued: on its way. Sent: it left, and the level counts. Failed: it did "
        "not leave. Skipped: nothing was left to remind of, or somebody discarded it.",
    )
    failure_reason = fields.Text(help="Why the message did not leave.")
    unreached = fields.Text(
        string="Not Reached",
        readonly=True,
        copy=False,
        help="Contacts that did not get the message, and why, although others did.",
    )
    line_ids = fields.One2many(
        "dunning.run.line", "notice_id", string="Items", help="The items the message reminds of."
    )
    recipient_ids = fields.Many2many(
        "res.partner", string="Recipients", help="Who gets the message, or got it."
    )
    user_id = fields.Many2one(
        "res.users", string="Sent by", index="btree_not_null", help="Who sent the message."
    )
    lang = fields.Char(help="The customer's language.")
    amount = fields.Monetary(
        string="Reminded Amount",
        currency_field="company_currency_id",
        readonly=True,
        help="What the message reminds of, in company currency.",
    )
    outstanding = fields.Monetary(
        currency_field="company_currency_id",
        readonly=True,
        help="All that the customer owes, credits deducted and held items counted, in "
        "company currency.",
    )
    overdue = fields.Monetary(
        currency_field="company_currency_id",
        readonly=True,
        help="The part of the outstanding amount that is past its due date, in company currency.",
    )
    held_amount = fields.Monetary(
        currency_field="company_currency_id",
        compute="_compute_held_amount",
        help="The part of the outstanding amount that is not listed in the message.",
    )
    merged = fields.Boolean(
        readonly=True,
        copy=False,
        help="The customer was merged with another one, who may have got the same reminder.",
    )
    mail_id = fields.Many2one(
        "mail.mail",
        readonly=True,
        # Each change of any e-mail's state asks for it, and each deletion of one.
        index="btree_not_null",
        ondelete="set null",
        copy=False,
        help="The e-mail in Odoo's mail queue.",
    )
    body = fields.Html(
        compute="_compute_body",
        string="Message",
        sanitize="email_outgoing",
        help="The message as the customer gets it.",
    )

    # What customers were sent on a day.
    _company_date_index = models.Index("(company_id, date)")
    # Whatever the code does: nobody gets the same reminder of one run twice. What customers got who
    # were two at that time is kept, for both.
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

        Nobody writes notices by hand, so follow-up users need to read them only. Who merely looks
        at them, an auditor for instance, must not write to customers.
        """
        works = self.env.user.has_group("dunning_exclusion.group_dunning_user")
        return "read" if works else "write"

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

    @api.model
    def _merge_customers(self, customer_ids, partner):
        """File the notices of customers that are merged under the customer of `partner`.

        That one may have got the same reminder in the same run: both stay. In a run that is not
        done it may have its message already, while items of the others wait for theirs.
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
    def _compute_body(self):
        for notice in self:
            notice.body = notice.sudo().mail_id.body_html or notice.kept_body

    def _template(self):
        """Return the template the message is made from."""
        return self.level_id._template() or self.run_id.template_id or self.type_id.template_id

    def _internal_subject(self):
        """Return what employees read about the notice in one line."""
        self.ensure_one()
        return self.env._(
            "%(what)s: %(customer)s, %(amount)s",
            what=self.level_id.name or self.type_id.name or self.env._("Reminder"),
            customer=self.partner_id.display_name,
            amount=self._format(self.amount),
        )

    def action_print(self):
        """Print the letters into one PDF; queued letters are screened again and sent by it.

        :raise UserError: when there is nothing to print
        """
        self = without_context(self)
        queued = self.filtered(lambda notice: notice._is_waiting_letter())
        letters = self - queued
        # Who may not send may still print what was sent.
        if queued:
            letters |= queued._screen_letters()
        letters = letters.filtered(lambda notice: notice.line_ids and notice.state != "skipped")
        if not letters:
            return self._nothing_to_print(bool(queued))
        if waiting := letters.filtered(lambda notice: notice._is_waiting_letter()):
            waiting._send_by_hand()
        return self.env.ref("dunning_exclusion.action_report_notice").report_action(letters)

    def _is_waiting_letter(self):
        self.ensure_one()
        return self.action == "letter" and self.state == "queued"

    def _screen_letters(self):
        """Make queued letters anew from what is still to be reminded of; return those left.

        Letters may wait for days until somebody prints them: nobody gets one that is no longer
        right. What nothing is left of becomes `skipped`.
        """
        # Who may send runs may also print their letters.
        self.run_id.check_access("write")
        letters = self.browse()
        for run, waiting in self.grouped("run_id").items():
            letters |= self.env["dunning.sender"]._send_again(run, waiting)
        return letters.filtered(lambda notice: notice.action == "letter")

    def _nothing_to_print(self, was_queued):
        """Tell that nothing is left to print.

        :raise UserError: when there never was anything
        """
        if not was_queued:
            raise UserError(
                self.env._("None of the chosen notices has items: there is nothing to print.")
            )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "message": self.env._(
                    "What the letters remind of was paid or held back since: nothing is printed."
                ),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

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
        # Who may send runs may also say that a letter left.
        self.run_id.check_access("write")
        for company, notices in self.grouped("company_id").items():
            # A letter that waited bears the day it left. sudo: users do not write states.
            notices.sudo()._mark_sent(user_id=self.env.uid, date=company._dunning_today())
            notices.filtered(lambda notice: notice.action == "letter").sudo()._keep_letters()

    def action_open_message(self):
        """Show the message as it was sent."""
        check_one(self)
        return {
            "type": "ir.actions.act_window",
            "name": self.name,
            "res_model": "dunning.notice",
            "res_id": self.id,
            "view_mode": "form",
        }

    @api.model
    def _left_messages_query(self, run, customers) -> SQL:
        """Return SELECT customer, message key of what `run` sent to `customers`, or is sending."""
        return SQL(
            """SELECT partner_id, message_key FROM dunning_notice
                WHERE run_id = %s AND partner_id = ANY(%s) AND message_key IS NOT NULL
                  AND state IN ('queued', 'sent') AND merged IS NOT TRUE""",
            run.id,
            customers.ids,
        )
