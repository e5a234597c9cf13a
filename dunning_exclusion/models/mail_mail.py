from odoo import models


class MailMail(models.Model):
    _inherit = "mail.mail"

    def write(self, vals):
        result = super().write(vals)
        if "state" in vals or "failure_reason" in vals:
            mails = self.filtered(lambda mail: mail.model == "dunning.notice")
            if mails:
                # The mail queue runs as another user than the one who sends the reminders.
                for notice in self.env["dunning.notice"].sudo()._of_mails(mails):
                    notice._follow_mail(notice.mail_id)
        return result

    def _postprocess_sent_message(
        self, success_pids, success_emails, failure_reason=False, failure_type=None
    ):
        """Override of `mail`: a reminder that reached some of its recipients has left."""
        mails = self.filtered(lambda mail: mail.model == "dunning.notice")
        if mails and success_pids:
            reached = self.env["res.partner"].concat(*success_pids)
            # The mail queue runs as another user than the one who sends the reminders.
            for notice in self.env["dunning.notice"].sudo()._of_mails(mails):
                notice._note_reached(reached, failure_reason)
        return super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason=failure_reason, failure_type=failure_type
        )
