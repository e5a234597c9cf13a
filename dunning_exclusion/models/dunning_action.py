from odoo import api, models
from odoo.exceptions import UserError


class DunningAction(models.AbstractModel):
    """What a dunning level does, one method an action: `_send_<action>(notices)`.

    The notices of a call share action and template and have their lines. A method leaves each of
    them queued, sent or failed (with the reason); what it raises is recorded on the notice.
    Another addon adds an action by a selection value of `dunning.level` and such a method.
    """

    _name = "dunning.action"
    _description = "Dunning Actions"

    @api.model
    def _send_email(self, notices):
        """Put the e-mails of `notices` into the mail queue."""
        template = notices[:1]._template()
        if not template:
            raise UserError(self.env._("No template: set one on the level or reminder type."))
        without = notices.filtered(lambda notice: not notice.recipient_ids)
        without.write(
            {"state": "failed", "failure_reason": self.env._("No e-mail address to send to.")}
        )
        notices -= without
        if not notices:
            return
        # sudo: the message is made by the system, whoever sends may not write mails.
        mails = template.sudo().send_mail_batch(
            notices.ids,
            email_values={"auto_delete": False, "email_to": False, "email_cc": False},
        )
        for notice, mail in zip(notices, mails, strict=True):
            # The recipients are those of the notice, never followers, whatever the template says.
            if mail.recipient_ids != notice.recipient_ids:
                mail.recipient_ids = notice.recipient_ids
            notice.mail_id = mail
        # sudo: nobody else may start the mail queue.
        self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()
