from odoo import models


class MailMail(models.Model):
    _inherit = "mail.mail"

    def _dunning_notices(self):
        """Return the model of notices as the mail queue uses it, which runs as any user."""
        # sudo: who sends or deletes e-mails need not be the one who sends the reminders
        return self.env["dunning.notice"].sudo()

    def write(self, vals):
        result = super().write(vals)
        if "state" in vals or "failure_reason" in vals:
            if mails := self.filtered(lambda mail: mail.model == "dunning.notice"):
                self._dunning_notices()._follow_mails(mails)
        return result

    def unlink(self):
        self._dunning_note_deletion()
        return super().unlink()

    def _dunning_note_deletion(self):
        """Note that a reminder that is deleted before it left will not leave."""
        unsent = self.filtered(
            lambda mail: mail.state not in ("sent", "received") and mail.model == "dunning.notice"
        )
        if unsent:
            self._dunning_notices()._fail_deleted(unsent)

    def _postprocess_sent_message(
        self, success_pids, success_emails, failure_reason=False, failure_type=None
    ):
        """Override of `mail`: a reminder that reached some of its recipients has left."""
        mails = self.filtered(lambda mail: mail.model == "dunning.notice")
        if mails and success_pids:
            reached = self.env["res.partner"].concat(*success_pids)
            self._dunning_notices()._note_recipients(mails, reached, failure_reason)
        return super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason=failure_reason, failure_type=failure_type
        )
