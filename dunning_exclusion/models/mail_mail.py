from odoo import models

# Records about customers on which only people write who may work with them.
THREADS = ("dunning.block", "dunning.notice", "dunning.promise", "dunning.run")


class MailMail(models.Model):
    _inherit = "mail.mail"

    def _dunning_notices(self):
        """Return the model of notices as the mail queue uses it, which runs as any user."""
        # sudo: who sends or deletes e-mails need not be the one who sends the reminders
        return self.env["dunning.notice"].sudo()

    def write(self, vals):
        """Override of `mail`: notices follow the state of their e-mails."""
        result = super().write(vals)
        if "state" in vals or "failure_reason" in vals:
            if mails := self.filtered(lambda mail: mail.model == "dunning.notice"):
                self._dunning_notices()._follow_mails(mails)
        return result

    def unlink(self):
        """Override of `mail`: a reminder that is deleted before it left has failed."""
        self._dunning_note_deletion()
        return super().unlink()

    def _dunning_note_deletion(self):
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
        """Override of `mail`: PostgreSQL deletes its e-mails, without a call of their `unlink`."""
        reminders = self.filtered(lambda message: message.model == "dunning.notice")
        if reminders:
            reminders.check_access("unlink")
            # sudo: who may delete a message need not be somebody who may read the mail queue
            reminders.sudo().mail_ids._dunning_note_deletion()
        return super().unlink()
