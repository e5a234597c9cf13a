from odoo import models

# Records about customers on which only people write who may work with them.
THREADS = ("dunning.block", "dunning.notice", "dunning.promise", "dunning.run")


class MailMessage(models.Model):
    _inherit = "mail.message"

    def _get_forbidden_access(self, operation):
        """Override of `mail`: following a record is not enough to write to customers on it.

        Odoo lets followers post, and whoever may read a record can follow it: so could an auditor.
        And whoever may write a record may rewrite what Odoo noted on it: here that is history.
        """
        forbidden = super()._get_forbidden_access(operation)
        if operation in ("write", "unlink") and not self.env.user.has_group("base.group_system"):
            noted = (
                (self - forbidden)
                .sudo()
                .filtered(
                    lambda message: message.model in THREADS and message.message_type != "comment"
                )
            )
            forbidden += noted.with_env(self.env)
        if operation == "create":
            for model, messages in (self - forbidden).sudo().grouped("model").items():
                if model in THREADS:
                    allowed = self._filter_records_for_message_operation(
                        model, messages.mapped("res_id"), operation
                    )
                    refused = messages.filtered(lambda m, ids=allowed.ids: m.res_id not in ids)
                    forbidden += refused.with_env(self.env)
        return forbidden

    def unlink(self):
        """Override of `mail`: PostgreSQL deletes the e-mails of a message without a word."""
        reminders = self.filtered(lambda message: message.model == "dunning.notice")
        if reminders:
            reminders.check_access("unlink")
            # sudo: who may delete a message need not be somebody who may read the mail queue
            reminders.sudo().mail_ids._dunning_note_deletion()
        return super().unlink()
