import base64

from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_date
from odoo.tools.image import image_data_uri

from ..models.bank_account import bank_currency, own_bank

# The frame around e-mails whose template names none: letterhead and address of the company.
MAIL_LAYOUT = "dunning_exclusion.notice_mail_layout"
# The contacts of a customer that a letter goes to, the first one found.
POSTAL_TYPES = ("dunning", "invoice")


def check_template(notices):
    """Return the template of notices that have the same one.

    :raise UserError: when there is none, or reminders cannot use it: rendered with the rights of
        the system it would show records that merely have the same ids, or whatever an employee
        wrote into it
    """
    template = notices[:1]._get_template()
    if not template:
        raise UserError(
            notices.env._(
                "There is no template: fill in 'Template' on the reminder level or on its "
                "reminder type."
            )
        )
    if fault := template._dunning_fault():
        raise UserError(
            notices.env._(
                "%(fault)s Or choose another one in the field 'Template' of the run, the "
                "reminder level or the reminder type.",
                fault=fault,
            )
        )
    return template


def describe(lines, level):
    """Return in words what a notice is about: amounts in company currency, conditions met."""
    env, currency, count = lines.env, lines.company_id.currency_id, len(lines)
    items = env._("1 item") if count == 1 else env._("%s items", count)
    words = env._(
        "%(items)s, %(amount)s in total; outstanding %(outstanding)s, overdue %(overdue)s.",
        items=items,
        amount=currency.format(sum(lines.mapped("amount_residual"))),
        outstanding=currency.format(lines[:1].outstanding),
        overdue=currency.format(lines[:1].overdue),
    )
    conditions = level.scenario_id.condition_ids if level.campaign_type == "customer" else []
    if conditions:
        met = ", ".join(conditions.mapped("display_name"))
        words += " " + env._("Conditions met: %(conditions)s.", conditions=met)
    against = [
        env._(
            "%(item)s despite an exclusion reason (%(reasons)s): %(user)s, %(note)s",
            item=line.move_id.name or line.move_line_id.display_name,
            reasons=", ".join(line._get_override_rules().mapped("name")),
            user=line.override_user_id.name,
            note=line.override_note or "-",
        )
        for line in lines
        if line.override_user_id
    ]
    return "\n".join([words, *against])


class Message:
    """What a notice says, ready to be printed in the language of its context.

    QWeb views get it as `message`, see `dunning.notice._render_part`.
    """

    def __init__(self, notice):
        self.notice = notice
        self.company = notice.company_id

    def amount_text(self, amount, currency=None):
        """Return `amount` written as the customer's language does; None: in company currency."""
        currency = currency or self.company.currency_id
        return currency.with_env(self.notice.env).format(amount)

    def item_rows(self):
        """Return one dict of texts for each item, the oldest first."""
        notice, env = self.notice, self.notice.env
        return [
            {
                "name": line.move_id.name or line.move_line_id.name or "",
                "reference": line.move_id.is_invoice() and line.move_id.ref or "",
                "date": format_date(env, line.move_id.invoice_date or line.move_id.date),
                "date_due": format_date(env, line.date_due),
                "days_overdue": max((notice.date - line.date_due).days, 0) if line.date_due else 0,
                "amount": self.amount_text(line.amount_residual_currency, line.currency_id),
            }
            for line in notice.line_ids.sorted(lambda line: (line.date_due or notice.date, line.id))
        ]

    def total_rows(self):
        """Return one dict of texts for each currency of the items."""
        by_currency = self.notice.line_ids.grouped("currency_id")
        return [
            {
                "currency": currency.name if len(by_currency) > 1 else "",
                "amount": self.amount_text(sum(lines.mapped("amount_residual_currency")), currency),
            }
            for currency, lines in sorted(by_currency.items(), key=lambda pair: pair[0].name)
        ]

    def company_lines(self):
        """Return address and contact data of the company, line by line."""
        company = self.company
        address = company.partner_id._display_address(without_company=True).splitlines()
        contact = [company.phone, company.email, company.website]
        label = company.country_id.vat_label or self.notice.env._("Tax ID")
        vat = company.vat and f"{label}: {company.vat}"
        lines = [*address, " · ".join(filter(None, contact)), vat]
        return [line.strip() for line in lines if line and line.strip()]

    def framed(self, template, body):
        """Return `body` with letterhead and address of the company around it, as in the e-mail."""
        return template.with_env(self.notice.env)._render_encapsulate(
            template.email_layout_xmlid or MAIL_LAYOUT, body, context_record=self.notice
        )

    def internal_subject(self):
        """Return the subject of what employees read."""
        notice, env = self.notice, self.notice.env
        return env._(
            "%(what)s: %(customer)s, %(amount)s",
            what=notice.level_id.name or notice.type_id.name or env._("Reminder"),
            customer=notice.partner_id.display_name,
            amount=" + ".join(row["amount"] for row in self.total_rows()),
        )

    def summary(self):
        """Return the texts `outstanding`, `overdue` and `note` on all that the customer owes.

        The amounts are in the currency of the open items; in that of the company, and the note says
        so, where these are in several currencies.
        """
        notice, currency = self.notice, self.notice.open_currency_id
        amounts, note = (notice.outstanding, notice.overdue), ""
        if currency and currency != self.company.currency_id:
            amounts = (notice.outstanding_currency, notice.overdue_currency)
        elif not currency:
            note = notice.env._(
                "What is open in other currencies is converted into %(currency)s here.",
                currency=self.company.currency_id.name,
            )
        outstanding, overdue = (self.amount_text(amount, currency) for amount in amounts)
        return {"outstanding": outstanding, "overdue": overdue, "note": note}

    def letter_title(self, subject):
        """Return the title of a letter, whose letterhead names the company already."""
        return subject.removeprefix(self.company.name or "").lstrip(" :")

    def page_link(self):
        """Return (short address of the customer's page, QR code of it), or nothing without page.

        What an auditor prints bears none.
        """
        notice = self.notice
        if not notice._shows_token():
            return ()
        if not (notice.company_id.dunning_answers and notice.access_token):
            return ()
        url = notice._get_short_url()
        image = notice.env["ir.actions.report"].barcode("QR", url, width=240, height=240)
        return url, image_data_uri(base64.b64encode(image))

    def postal_address(self):
        """Return the contact whose address a letter bears: reminder, else invoice address."""
        customer = self.notice.partner_id
        family = customer.search(
            Domain("commercial_partner_id", "=", customer.id) & Domain("type", "in", POSTAL_TYPES),
            order="id",
        ).filtered(lambda contact: contact.street or contact.city)
        return min(family, key=lambda contact: POSTAL_TYPES.index(contact.type), default=customer)

    def bank_rows(self):
        """Return [(currencies as text, bank account)] to which the items are paid.

        An account that serves several currencies is named once; the text is empty where all items
        are in one currency.
        """
        currencies = {}
        by_currency = self.notice.line_ids.grouped("currency_id")
        for currency, lines in by_currency.items():
            for bank in self._banks_for(currency, lines):
                currencies.setdefault(bank, []).append(currency.name)
        several = len(by_currency) > 1
        return [(", ".join(names) if several else "", bank) for bank, names in currencies.items()]

    def _banks_for(self, currency, lines):
        """Return the accounts to which items in `currency` are paid.

        The recipient bank of the invoices comes first, then those of the company. An account in
        another currency is never named.
        """
        named = lines.move_id.partner_bank_id.filtered(
            lambda bank: bank_currency(bank) in (currency, currency.browse())
        )
        return named or own_bank(self.company, currency)
