from odoo import models

from ..models.mail_mail import THREADS


class MailComposeMessage(models.TransientModel):
    _inherit = "mail.compose.message"

    def _action_send_mail(self, auto_commit=False):
        """Override of `mail`: reminders are sent by their run, which looks at the maximum before.

        Whoever may write to a customer writes words of their own.
        """
        for composer in self:
            if composer.template_id and composer.model == "dunning.notice":
                composer.template_id._send_check_access(composer._evaluate_res_ids())
        return super()._action_send_mail(auto_commit=auto_commit)

    def _action_send_mail_mass_mail(self, res_ids, auto_commit=False):
        """Override of `mail`: who may not write to customers on records does not do it in bulk.

        Odoo makes the e-mails of many records in sudo for everybody who may read the records.
        """
        if self.model in THREADS:
            records = self.env[self.model].browse(res_ids)
            records.check_access(records._mail_post_access)
        return super()._action_send_mail_mass_mail(res_ids, auto_commit=auto_commit)
