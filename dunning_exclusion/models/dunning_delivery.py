import logging
from contextlib import contextmanager

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

_logger = logging.getLogger(__name__)


class DunningDelivery(models.AbstractModel):
    """Whether the message of a notice left, who got it, and why not: it follows the mail queue."""

    _name = "dunning.delivery"
    _description = "Delivery of Dunning Notices"

    def _fail(self, reason):
        """Note that the message did not leave, and why."""
        self.write({"state": "failed", "failure_reason": reason})

    def _mark_sent(self, **vals):
        """Note that the message left: the items have reached the level."""
        self.write({"state": "sent", "failure_reason": False, **vals})

    @api.model
    def _follow_mails(self, mails):
        """Take over the delivery states of `mails`."""
        for notice in self._of_mails(mails):
            with notice._noting():
                notice._follow_mail(notice.mail_id)

    @api.model
    def _note_recipients(self, mails, reached, reason):
        """Note who of the recipients of `mails` got them, and why the others did not."""
        for notice in self._of_mails(mails):
            with notice._noting():
                notice._note_reached(reached, reason)

    @contextmanager
    def _noting(self):
        """Keep errors in noting what became of the message from the mail queue.

        The message has left by then: told of an error, the queue would take it for one that did
        not leave, and it would be sent again.
        """
        self.ensure_one()
        try:
            with self.env.cr.savepoint():
                yield
        except Exception:
            _logger.exception("What became of reminder %s cannot be noted", self.id)
            if self.mail_id.state == "sent":
                # The least there is to note, with nothing in between that may fail again.
                self.env.cr.execute(
                    SQL(
                        """UPDATE dunning_notice SET state = 'sent', failure_reason = NULL
                            WHERE id = %s""",
                        self.id,
                    )
                )
                self.invalidate_recordset(flush=False)

    def _follow_mail(self, mail):
        """Take over the delivery state of `mail`: a level counts when the message has left."""
        states = {"sent": "sent", "exception": "failed", "cancel": "failed", "outgoing": "queued"}
        for notice in self:
            if mail.state != "sent" and notice._has_left(mail):
                continue
            failed = mail.state in ("exception", "cancel")
            notice.write(
                {
                    "state": states.get(mail.state, notice.state),
                    "failure_reason": failed and self._mail_reason(mail),
                }
            )

    @api.model
    def _mail_reason(self, mail):
        """Return in words why `mail` did not leave."""
        if mail.failure_reason:
            return mail.failure_reason
        name = "failure_type" if mail.failure_type else "state"
        return dict(mail._fields[name]._description_selection(self.env))[mail[name]]

    @api.model
    def _fail_deleted(self, mails):
        """Note that the messages in `mails`, which are deleted, will not leave any more."""
        queued = self._of_mails(mails).filtered(lambda notice: notice.state == "queued")
        queued._fail(self.env._("The e-mail was deleted from the mail queue before it left."))

    def _has_left(self, mail):
        """Return whether somebody got the message before: `mail` is for the others only."""
        return bool(mail.recipient_ids) and not self.recipient_ids & mail.recipient_ids

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
        """Override of `mail` to note that the message came back: its level does not count.

        It still counts when there are others who got it.
        """
        result = super()._message_receive_bounce(email, partner)
        reason = self.env._("Came back from %(email)s.", email=email)
        for notice in self.filtered(lambda notice: notice.state in ("queued", "sent")):
            gone = notice.recipient_ids.filtered(
                lambda recipient: recipient in partner or recipient.email_normalized == email
            )
            if gone and gone != notice.recipient_ids:
                notice._note_unreached(gone, reason)
            else:
                notice._fail(reason)
        return result

    @api.model
    def _of_mails(self, mails):
        """Return the notices that `mails` carry."""
        return self.search(Domain("mail_id", "in", mails.ids))
