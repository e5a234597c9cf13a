from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.arguments import Char, check_one, without_context


class DunningAddress(models.TransientModel):
    """Corrects the address of a message that failed, and sends that message again.

    Accountants may not write contacts in Odoo, so the system writes this one address of one of the
    recipients.
    """

    _name = "dunning.address"
    _description = "Correct an Address"
    _inherit = ["dunning.protected.mixin"]

    notice_id = fields.Many2one("dunning.notice", string="Reminder", required=True, readonly=True)
    # Whatever a client puts into the dialog is read with the rights of the user.
    failure_reason = fields.Text(related="notice_id.failure_reason", related_sudo=False)
    possible_ids = fields.Many2many(
        "res.partner", string="Possible Recipients", compute="_compute_possible"
    )
    partner_id = fields.Many2one(
        "res.partner",
        string="Recipient",
        compute="_compute_partner",
        compute_sudo=False,
        store=True,
        readonly=False,
        domain="[('id', 'in', possible_ids)]",
    )
    email = Char(
        compute="_compute_email",
        compute_sudo=False,
        store=True,
        readonly=False,
        help="The address of this contact from now on. The change stands in its chatter.",
    )

    @api.depends("notice_id")
    def _compute_possible(self):
        for dialog in self:
            notice = dialog.notice_id
            dialog.possible_ids = notice.recipient_ids or notice.partner_id

    @api.depends("notice_id")
    def _compute_partner(self):
        for dialog in self:
            bad = dialog.env["dunning.action"]._get_unreachable(dialog.possible_ids)
            at_fault = dialog.possible_ids.filtered(lambda partner, bad=bad: partner in bad)
            dialog.partner_id = (at_fault or dialog.possible_ids)[:1]

    @api.depends("partner_id")
    def _compute_email(self):
        for dialog in self:
            dialog.email = dialog.partner_id.email

    def action_apply(self):
        """Write the address, and send this one message again.

        :raise UserError: when the address is not valid or the message did not fail
        :raise AccessError: when the user may not send, or may not write a contact that can log in
            or is none of the customer
        """
        check_one(self)
        notice = self.notice_id
        notice.check_access("read")
        notice.run_id.check_access("write")
        if notice.state != "failed" or notice.action != "email":
            raise UserError(self.env._("Only e-mails that failed can be sent again."))
        self._write_email()
        sent = notice._send_again()
        done = {"type": "ir.actions.act_window_close"}
        failed = sent.filtered(lambda notice: notice.state == "failed")
        if sent and not failed:
            message, kind = self.env._("The message is on its way."), "success"
        else:
            message = failed[:1].failure_reason or self.env._("No items are left to remind.")
            kind = "warning"
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {"message": message, "type": kind, "next": done},
        }

    def _write_email(self):
        partner, email = self.partner_id, (self.email or "").strip()
        if partner not in self.possible_ids:
            raise UserError(self.env._("Choose one of the recipients of the message."))
        if email == (partner.email or ""):
            return
        if not self.env["dunning.action"]._is_valid(email):
            raise UserError(
                self.env._("'%(email)s' is not an e-mail address: correct it.", email=email)
            )
        # sudo: users need not read who can log in
        users = partner.sudo().with_context(active_test=False).user_ids
        if users or partner.commercial_partner_id != self.notice_id.partner_id:
            # Whoever changes the address of a user can take over the account. And who else gets
            # copies was chosen by those who set up the levels.
            partner.check_access("write")
        # sudo: accountants may not write contacts in Odoo. Odoo notes who did it, whatever the
        # client asks for.
        without_context(partner).sudo().email = email


class DunningNotice(models.Model):
    """The button that opens the dialog."""

    _inherit = "dunning.notice"

    def action_correct_address(self):
        """Open the dialog in which the address is corrected and the message sent again."""
        self.env["dunning.address"].check_access("create")
        check_one(self)
        return self.env["dunning.address"]._get_records_action(
            name=self.env._("Correct the Address"),
            target="new",
            context={"default_notice_id": self.id},
        )

    def _send_again(self):
        """Make this failed message anew and send it, and no other one; return what came of it.

        :raise UserError: when its run is not done, or somebody else is sending it
        """
        run = self.run_id
        if run.state != "done":
            raise UserError(
                self.env._("%(run)s is not done: finish sending it first.", run=run.name)
            )
        return self.env["dunning.sender"]._send_again(run, self)


class DunningRunLine(models.Model):
    """The same from the task list."""

    _inherit = "dunning.run.line"

    def action_correct_address(self):
        """Open the dialog for the failed message of a line."""
        check_one(self)
        return self.notice_id.action_correct_address()
