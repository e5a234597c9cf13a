from datetime import timedelta

from psycopg2.extensions import TRANSACTION_STATUS_INERROR

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from .arguments import get_own_defaults
from .dunning_notice import GIVEN_UP, LEAVING, YES

# Records about customers on which only people write who may work with them.
THREADS = (
    *("dunning.answer", "dunning.block", "dunning.notice", "dunning.promise", "dunning.run"),
)
# In the context with the value `YES`: the e-mails that are made are those of their notices.
SHOWN_BY_NOTICE = "dunning_shown_by_notice"
# The fields that say who wrote a message, and when.
AUTHORSHIP = (
    *("author_id", "author_guest_id", "email_from", "date"),
    *("message_type", "tracking_value_ids"),
)


def is_broken(cr):
    """Return whether an error of the database has ended the transaction."""
    return cr._cnx.get_transaction_status() == TRANSACTION_STATUS_INERROR


class MailMail(models.Model):
    _inherit = "mail.mail"

    def _get_dunning_notices(self):
        """Return the notices that the e-mails carry, whoever sends or deletes these."""
        reminders = self.filtered(lambda mail: mail.model == "dunning.notice")
        # sudo: who works with the mail queue need not be the one who sends the reminders
        return self.env["dunning.notice"].sudo().search([("mail_id", "in", reminders.ids)])

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `mail`: the key to the customer's page is not for all who read messages.

        Nor is the text stored a second time: sanitizing it again takes a third of all sending.
        """
        notices, shown = self.env["dunning.notice"], self.env.context.get(SHOWN_BY_NOTICE) is YES
        where = self.env._("The text of this e-mail is shown under Message.") if shown else ""
        for vals in vals_list:
            if vals.get("model") == "dunning.notice" and vals.get("body"):
                notice = notices.browse(vals.get("res_id"))
                vals["body"] = where or notice._without_token(vals["body"])
        return super().create(vals_list)

    def write(self, vals):
        """Override of `mail`: notices follow the state of their e-mails.

        A reminder that was given up is not sent again, whoever asks for it.
        """
        if vals.get("state") == "outgoing":
            reminders = self.filtered(lambda mail: mail.model == "dunning.notice")
            given_up = reminders.filtered(lambda mail: mail.failure_type == GIVEN_UP)
            super(MailMail, given_up).write({**vals, "state": "cancel", "failure_type": GIVEN_UP})
            self -= given_up
        leaves = self.env.context.get(LEAVING) is YES and vals.get("state") in ("exception", "sent")
        if leaves:
            # Conflicts with other transactions are met before it leaves: afterwards it is too late.
            lock = "SELECT FROM dunning_notice WHERE mail_id = ANY(%s) FOR NO KEY UPDATE"
            self.env.cr.execute(SQL(lock, self.ids))
        result = super().write(vals)
        if leaves:
            # What becomes of it is noted once, by `_postprocess_sent_message`.
            self.env.flush_all()
        elif "state" in vals or "failure_reason" in vals:
            self._get_dunning_notices()._follow_mails()
        return result

    def send(self, *args, **kwargs):
        """Override of `mail`: reminders that waited leave only while they are still right."""
        outgoing = self.filtered(lambda mail: mail.state == "outgoing")
        notices = outgoing._get_dunning_notices()
        undecided = notices._withdraw_outdated()
        if not notices:
            return super().send(*args, **kwargs)
        leaving = (self - undecided.mail_id).with_context(**{LEAVING: YES})
        try:
            return super(MailMail, leaving).send(*args, **kwargs)
        finally:
            if not is_broken(self.env.cr):
                notices = notices.exists()
                # After some errors, as a broken connection, Odoo does not say what became of one.
                queued = notices.filtered(lambda notice: notice.state == "queued")
                queued.filtered(lambda n: n.mail_id.state != "outgoing")._follow_mails()
                notices._tell_sent()

    @api.model
    def process_email_queue(self, email_ids=(), batch_size=1000):
        """Override of `mail` to go on at once while reminders wait and some have left.

        Odoo sends as many as a batch has, and the next ones an hour later. Who has set a batch size
        of their own may have to send slowly, so there it stays like this.
        """
        if email_ids:
            return super().process_email_queue(email_ids, batch_size)
        waiting = Domain("model", "=", "dunning.notice") & Domain("state", "=", "outgoing")
        waiting &= Domain(self.env.context.get("filters", Domain.TRUE))
        before = self.search_count(waiting)
        result = super().process_email_queue(email_ids, batch_size)
        if is_broken(self.env.cr):
            # Odoo has logged the error, and what left was committed one by one.
            self.env.cr.rollback()
        # What left before a process was killed. Others may be about to tell what has just left.
        long_ago = fields.Datetime.now() - timedelta(hours=1)
        pending = Domain("note_pending", "=", True) & Domain("write_date", "<", long_ago)
        # sudo: who works with the mail queue need not be the one who sends the reminders
        self.env["dunning.notice"].sudo().search(pending)._tell_sent()
        if not self._dunning_batch_size() and 0 < self.search_count(waiting) < before:
            # sudo: to have the queue go on takes no right on scheduled actions
            self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()
        return result

    @api.model
    def _dunning_batch_size(self):
        """Return the batch size that somebody has set for the mail queue, or False."""
        # sudo: the setting counts whoever sends
        return self.env["ir.config_parameter"].sudo().get_param("mail.mail.queue.batch.size")

    def unlink(self):
        """Override of `mail`: a reminder that is deleted before it left has failed."""
        self._fail_dunning_notices()
        return super().unlink()

    def _fail_dunning_notices(self):
        """Note on queued notices that their e-mails, which are deleted, will not leave any more."""
        unsent = self.filtered(lambda mail: mail.state not in ("sent", "received"))
        queued = unsent._get_dunning_notices().filtered(lambda notice: notice.state == "queued")
        queued._fail(self.env._("The e-mail was deleted from the mail queue before it was sent."))

    def _postprocess_sent_message(
        self, success_pids, success_emails, failure_reason=False, failure_type=None
    ):
        """Override of `mail`: notices note what became of their e-mails, and who got them."""
        reached = self.env["res.partner"].concat(*success_pids)
        self._get_dunning_notices()._follow_mails(reached, failure_reason)
        return super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason=failure_reason, failure_type=failure_type
        )


class MailMessage(models.Model):
    _inherit = "mail.message"

    @api.model
    def default_get(self, fields):
        """Override of `base`: nobody's own defaults say when something was noted."""
        return super().default_get(fields) | get_own_defaults(self, {"date"}.intersection(fields))

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `mail`: employees write on history in their own name, and now."""
        messages = super().create(vals_list)
        if not self._dunning_may_sign() and self.env.user._is_internal():
            # sudo: authors must not write this. What Odoo notes itself, it notes in sudo.
            history = messages.sudo().filtered(lambda message: message.model in THREADS)
            history.tracking_value_ids.unlink()
            me, now = self.env.user.partner_id, fields.Datetime.now()
            history.write({"author_id": me.id, "author_guest_id": False, "date": now})
            history.email_from = me.email_formatted
        return messages

    def write(self, vals):
        """Override of `mail`: users correct the text of their own words, not author and date."""
        # sudo: only the model is asked, the right to write is checked by `super`
        if not self._dunning_may_sign() and set(THREADS).intersection(self.sudo().mapped("model")):
            vals = {name: value for name, value in vals.items() if name not in AUTHORSHIP}
        return super().write(vals)

    def _dunning_may_sign(self):
        return self.env.su or self.env.user.has_group("base.group_system")

    def _get_forbidden_access(self, operation):
        """Override of `mail`: following a record is not enough to write to customers on it.

        Odoo lets followers post, and whoever may read a record can follow it, even an auditor.
        It also lets whoever may write a record rewrite what others said on it: here it is history.
        """
        forbidden = super()._get_forbidden_access(operation)
        if operation in ("write", "unlink") and not self._dunning_may_sign():
            # sudo: only looked at, to find what is forbidden
            messages = (self - forbidden).sudo()
            me = self.env.user.partner_id
            noted = messages.filtered(
                lambda message: (
                    message.model in THREADS
                    and (message.message_type != "comment" or message.author_id != me)
                )
            )
            forbidden += noted.with_env(self.env)
        if operation == "create":
            # sudo: only looked at, as above
            for model, messages in (self - forbidden).sudo().grouped("model").items():
                if model in THREADS:
                    allowed = self._filter_records_for_message_operation(
                        model, messages.mapped("res_id"), operation
                    )
                    refused = messages.filtered(lambda m, ids=allowed.ids: m.res_id not in ids)
                    forbidden += refused.with_env(self.env)
        return forbidden

    def unlink(self):
        """Override of `mail`: PostgreSQL deletes its e-mails, without a call of their `unlink`."""
        reminders = self.filtered(lambda message: message.model == "dunning.notice")
        if reminders:
            reminders.check_access("unlink")
            # sudo: who may delete a message need not be somebody who may read the mail queue
            reminders.sudo().mail_ids._fail_dunning_notices()
        return super().unlink()
