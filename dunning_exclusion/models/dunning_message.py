from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import format_date

# The contacts of a customer that a letter goes to, the first one found.
POSTAL_TYPES = ("dunning", "invoice")


class DunningMessage(models.AbstractModel):
    """What a notice says to the customer, in the customer's language.

    The fields are placeholders for mail templates: each is a finished part of the message, so a
    template is ordinary text with a few placeholders and can be edited without breaking a table.
    """

    _name = "dunning.message"
    _description = "Dunning Message"

    addressee = fields.Char(
        compute="_compute_addressee", help="Who is addressed: the one contact, else the customer."
    )
    preheader = fields.Char(
        compute="_compute_preheader", help="The line that mail programs show beside the subject."
    )
    items_table = fields.Html(
        compute="_compute_items_table",
        compute_sudo=True,
        sanitize=False,
        string="Table of Items",
        help="The part of a message with the items, days overdue and totals per currency.",
    )
    account_summary = fields.Html(
        compute="_compute_account_summary",
        compute_sudo=True,
        sanitize=False,
        help="The part of a message with all that the customer owes.",
    )
    payment_information = fields.Html(
        compute="_compute_payment_information",
        compute_sudo=True,
        sanitize=False,
        help="The part of a message with the bank account that fits the currency.",
    )
    unlisted_count = fields.Integer(
        string="Items Not Listed",
        readonly=True,
        copy=False,
        help="Open items of the customer that count in the totals but are not in the message.",
    )

    kept_subject = fields.Char(
        readonly=True, copy=False, help="The title of the message, as it was written."
    )
    kept_body = fields.Html(
        string="Text as Written",
        readonly=True,
        copy=False,
        sanitize="email_outgoing",
        help="What a letter, a notification or a to-do says, as it was written.",
    )

    @api.depends("partner_id", "recipient_ids")
    def _compute_addressee(self):
        for notice in self:
            contact = notice.recipient_ids
            if len(contact) == 1 and contact.name and not contact.is_company:
                notice.addressee = contact.name
            else:
                notice.addressee = notice.partner_id.name

    @api.depends("line_ids", "lang")
    def _compute_preheader(self):
        for notice in self:
            rows = notice._customer_lang()._total_rows()
            notice.preheader = " + ".join(row["amount"] for row in rows)

    @api.depends("line_ids", "lang", "date")
    def _compute_items_table(self):
        for notice in self:
            notice.items_table = notice._render_part("notice_items")

    @api.depends("outstanding", "overdue", "unlisted_count", "lang")
    def _compute_account_summary(self):
        for notice in self:
            notice.account_summary = notice._render_part("notice_summary")

    @api.depends("line_ids", "lang")
    def _compute_payment_information(self):
        for notice in self:
            notice.payment_information = notice._render_part("notice_bank")

    # Rendering ------------------------------------------------------------------------------

    def _render_part(self, name, lang=None):
        """Return a part of the message, rendered in the language of the customer.

        :param name: xmlid without module of a QWeb view that takes `notice`
        :param lang: another language, for parts that employees read
        """
        self.ensure_one()
        notice = self.with_context(lang=lang) if lang else self._customer_lang()
        return notice.env["ir.qweb"]._render(
            f"dunning_exclusion.{name}", {"notice": notice}, minimal_qcontext=True
        )

    @api.model
    def _mail_layout(self):
        """Return the xmlid of the frame around e-mails: letterhead and address of the company."""
        return "dunning_exclusion.notice_mail_layout"

    def _render_message(self, framed=False):
        """Return {notice: {"subject", "body_html"}} as their templates say it.

        :param framed: with letterhead and address of the company around it, as in the e-mail
        :raise AccessError: when the user may not read the notices; the address of a report asks
            nobody for rights
        """
        self.check_access("read")
        result = {}
        # sudo: templates use fields of the company and its bank accounts
        for notices in self.sudo().grouped(lambda notice: notice._template()).values():
            template = self.env["dunning.action"]._check_template(notices)
            rendered = template._generate_template(notices.ids, ("subject", "body_html"))
            for notice in notices:
                values = rendered[notice.id]
                if framed:
                    values["body_html"] = notice._frame(template, values["body_html"])
                result[notice.id] = values
        return {notice: result[notice.id] for notice in self}

    def _keep_letters(self):
        """Keep what the letters say: templates change, and what was sent is history."""
        for notice, values in self._render_message().items():
            notice._keep(values["subject"], values["body_html"])

    def _keep(self, subject, body):
        """Keep what a message says that no e-mail keeps."""
        self.write({"kept_subject": subject, "kept_body": body})

    def _printed_messages(self):
        """Return {notice: {"subject", "body_html"}} to be printed: what left, as it was written."""
        left = self.filtered(lambda notice: notice.state == "sent" and notice.kept_body)
        letters = (self - left)._render_message()
        for notice in left:
            letters[notice] = {"subject": notice.kept_subject, "body_html": notice.kept_body}
        return letters

    def _frame(self, template, body):
        notice = self._customer_lang()
        return template.with_env(notice.env)._render_encapsulate(
            template.email_layout_xmlid or self._mail_layout(), body, context_record=notice
        )

    # Rows -----------------------------------------------------------------------------------

    def _customer_lang(self):
        return self.with_context(lang=self.lang or self.env.lang)

    def _format(self, amount, currency=None):
        """Return `amount` written in the language of the context."""
        currency = (currency or self.company_currency_id).with_env(self.env)
        return currency.format(amount)

    def _item_rows(self):
        """Return one dict for each item, ready to print in the language of the context."""
        return [
            {
                "name": line.move_id.name or line.move_line_id.name or "",
                "reference": line.move_id.is_invoice() and line.move_id.ref or "",
                "date": format_date(self.env, line.move_id.invoice_date or line.move_id.date),
                "date_due": format_date(self.env, line.date_due),
                "days_overdue": max((self.date - line.date_due).days, 0) if line.date_due else 0,
                "amount": self._format(line.amount_residual_currency, line.currency_id),
            }
            for line in self.line_ids.sorted(lambda line: (line.date_due or self.date, line.id))
        ]

    def _totals_by_currency(self):
        """Return [(currency, open amount in it)] of the items in the message."""
        totals = {}
        for line in self.line_ids:
            amount = totals.get(line.currency_id, 0.0) + line.amount_residual_currency
            totals[line.currency_id] = amount
        return sorted(totals.items(), key=lambda total: total[0].name)

    def _total_rows(self):
        """Return one dict for each currency of the items."""
        totals = self._totals_by_currency()
        return [
            {
                "currency": currency.name if len(totals) > 1 else "",
                "amount": self._format(amount, currency),
            }
            for currency, amount in totals
        ]

    def _company_lines(self):
        """Return address and contact data of the company, line by line."""
        company = self.company_id
        address = company.partner_id._display_address(without_company=True).splitlines()
        contact = [company.phone, company.email, company.website]
        label = company.country_id.vat_label or self.env._("Tax ID")
        vat = company.vat and f"{label}: {company.vat}"
        lines = [*address, " · ".join(filter(None, contact)), vat]
        return [line.strip() for line in lines if line and line.strip()]

    def _letter_title(self, subject):
        """Return the title of a letter: the letterhead names the company already."""
        return subject.removeprefix(self.company_id.name or "").lstrip(" :")

    def _postal_address(self):
        """Return the contact whose address a letter bears: reminder, else invoice address."""
        customer = self.partner_id
        family = customer.search(
            Domain("commercial_partner_id", "=", customer.id) & Domain("type", "in", POSTAL_TYPES),
            order="id",
        ).filtered(lambda contact: contact.street or contact.city)
        return min(family, key=lambda contact: POSTAL_TYPES.index(contact.type), default=customer)

    def _bank_accounts(self):
        """Return [(currency, bank accounts)] to which the items of each currency are paid.

        The recipient bank of the invoices comes first, then the company's account in the same
        currency, then one without currency. An account in another currency is never named.
        """
        own = self.company_id.partner_id.bank_ids.filtered(
            lambda bank: bank.company_id in (self.env["res.company"], self.company_id)
        )
        result = []
        for currency, lines in self.line_ids.grouped("currency_id").items():
            banks = lines.move_id.partner_bank_id.filtered(
                lambda bank, currency=currency: bank.currency_id in (currency.browse(), currency)
            )
            banks = banks or own.filtered(lambda bank, mine=currency: bank.currency_id == mine)[:1]
            banks = banks or own.filtered(lambda bank: not bank.currency_id)[:1]
            result.append((currency, banks))
        return [(currency, banks) for currency, banks in result if banks]

    def _bank_groups(self):
        """Return [(currencies, bank account)]: accounts for all currencies are named once."""
        groups = {}
        for currency, banks in self._bank_accounts():
            for bank in banks:
                groups[bank] = groups.get(bank, currency.browse()) | currency
        several = len(self.line_ids.currency_id) > 1
        return [
            (", ".join(currencies.mapped("name")) if several else "", bank)
            for bank, currencies in groups.items()
        ]

    def _count_unlisted(self):
        """Count the open items of the customers that their messages do not list."""
        for company, notices in self.grouped("company_id").items():
            counts = self.env["dunning.screening"]._count_open(notices.partner_id.ids, company)
            for notice in notices:
                open_count = counts.get(notice.partner_id.id, 0)
                notice.unlisted_count = max(open_count - len(notice.line_ids), 0)
