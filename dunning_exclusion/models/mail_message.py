from odoo import models


class MailMessage(models.Model):
    _inherit = "mail.message"

    def unlink(self):
        """Override of `mail`: PostgreSQL deletes the e-mails of a message without a word."""
        reminders = self.filtered(lambda message: message.model == "dunning.notice")
        if reminders:
            reminders.check_access("unlink")
            # sudo: who may delete a message need not be somebody who may read the mail queue
            reminders.sudo().mail_ids._dunning_note_deletion()
        return super().unlink()
