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
