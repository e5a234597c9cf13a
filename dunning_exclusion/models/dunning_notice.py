from odoo import api, fields, models
from odoo.fields import Domain

from .dunning_level import ACTIONS


class DunningNotice(models.Model):
    """One message to one customer: what it said, who got it, and whether it left."""

    _name = "dunning.notice"
    _description = "Dunning Notice"
    _inherit = ["mail.thread"]
    _order = "date desc, id desc"
    _check_company_auto = True

    name = fields.Char(compute="_compute_name")
    run_id = fields.Many2one("dunning.run", required=True, index=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", required=True, index=True)
    company_currency_id = fields.Many2one(related="company_id.currency_id")
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, index=True, ondelete="restrict"
    )
    level_id = fields.Many2one("dunning.level", string="Dunning Level", ondelete="set null")
    type_id = fields.Many2one("dunning.reminder.type", string="Reminder Type", ondelete="restrict")
    date = fields.Date(required=True)
    action = fields.Selection(ACTIONS, required=True, default="email")
    description = fields.Text(help="Amounts and conditions met, in words.")
    state = fields.Selection(
        [("queued", "Queued"), ("sent", "Sent"), ("failed", "Failed"), ("skipped", "Skipped")],
        required=True,
        default="queued",
        index=True,
    )
    failure_reason = fields.Text()
    line_ids = fields.One2many("dunning.run.line", "notice_id", string="Items")
    recipient_ids = fields.Many2many("res.partner", string="Recipients")
    user_id = fields.Many2one("res.users", string="Sent by")
    lang = fields.Char(help="The customer's language.")
    amount = fields.Monetary(
        string="Reminded Amount", currency_field="company_currency_id", readonly=True
    )
    outstanding = fields.Monetary(currency_field="company_currency_id", readonly=True)
    overdue = fields.Monetary(currency_field="company_currency_id", readonly=True)
    held_amount = fields.Monetary(
        currency_field="company_currency_id",
        compute="_compute_held_amount",
        help="The part of the outstanding amount that is not listed in the message.",
    )
    mail_id = fields.Many2one("mail.mail", readonly=True, ondelete="set null", copy=False)
    body = fields.Html(compute="_compute_body", string="Message", sanitize=False)

    # Whatever the code does: nobody gets the same reminder of one run twice.
    _once_per_run = models.UniqueIndex(
        "(run_id, partner_id, COALESCE(level_id, 0))",
        "This customer was reminded at this level in this run already.",
    )

    @api.depends("partner_id", "level_id", "type_id", "date")
    def _compute_name(self):
        for notice in self:
            what = notice.level_id.name or notice.type_id.name or ""
            notice.name = f"{notice.partner_id.name or ''}: {what}"

    @api.depends("outstanding", "amount")
    def _compute_held_amount(self):
        for notice in self:
            notice.held_amount = notice.outstanding - notice.amount

    def _compute_body(self):
        for notice in self:
            notice.body = notice.sudo().mail_id.body_html or False

    def _template(self):
        """Return the template the message is made from."""
        return self.level_id._template() or self.run_id.template_id or self.type_id.template_id

    def _render_part(self, name):
        """Return a part of the message, rendered in the language of the customer.

        :param name: xmlid without module of a QWeb view that takes `notice`
        """
        self.ensure_one()
        notice = self.with_context(lang=self.lang or self.env.lang)
        return notice.env["ir.qweb"]._render(f"dunning_exclusion.{name}", {"notice": notice})

    def _describe(self):
        """Return in words what the notice is about: amounts in company currency."""
        return self.env._(
            "%(count)s items over %(amount)s; outstanding %(outstanding)s, overdue %(overdue)s",
            count=len(self.line_ids),
            amount=self.company_currency_id.format(self.amount),
            outstanding=self.company_currency_id.format(self.outstanding),
            overdue=self.company_currency_id.format(self.overdue),
        )

    def _totals_by_currency(self):
        """Return [(currency, open amount in it)] of the items in the message."""
        totals = {}
        for line in self.line_ids:
            totals[line.currency_id] = (
                totals.get(line.currency_id, 0.0) + line.amount_residual_currency
            )
        return list(totals.items())

    def _bank_accounts(self):
        """Return the company's bank accounts that fit the currencies of the items.

        An account without currency takes the company's currency; the invoice's own recipient
        bank comes first.
        """
        accounts = self.company_id.partner_id.bank_ids
        currencies = self.line_ids.currency_id
        fitting = accounts.filtered(
            lambda bank: (bank.currency_id or self.company_id.currency_id) in currencies
        )
        return fitting or accounts.filtered(lambda bank: not bank.currency_id)

    def _follow_mail(self, mail):
        """Take over the delivery state of `mail`: a level counts when the message has left."""
        states = {"sent": "sent", "exception": "failed", "cancel": "failed", "outgoing": "queued"}
        for notice in self:
            notice.write(
                {
                    "state": states.get(mail.state, notice.state),
                    "failure_reason": mail.state in ("exception", "cancel")
                    and (mail.failure_reason or mail.failure_type or mail.state),
                }
            )

    def _message_receive_bounce(self, email, partner):
        """Override of `mail` to note that the message came back: its level does not count."""
        result = super()._message_receive_bounce(email, partner)
        self.filtered(lambda notice: notice.state in ("queued", "sent")).write(
            {
                "state": "failed",
                "failure_reason": self.env._("Came back from %(email)s.", email=email),
            }
        )
        return result

    def action_open_message(self):
        """Show the message as it was sent."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.name,
            "res_model": "dunning.notice",
            "res_id": self.id,
            "view_mode": "form",
        }

    @api.model
    def _of_mails(self, mails):
        """Return the notices that `mails` carry."""
        return self.search(Domain("mail_id", "in", mails.ids))
