"""One document of each kind, made by Odoo itself: the pattern that a ledger is multiplied from."""

from odoo import fields
from odoo.fields import Command

FOREIGN = ("EUR", "GBP")


def make_companies(env):
    first = env.company
    second = env["res.company"].create(
        {"name": "Second Company", "currency_id": env.ref("base.USD").id}
    )
    env.user.company_ids |= second
    env["account.chart.template"].try_loading("generic_coa", second, install_demo=False)
    for name, rate in zip(FOREIGN, (0.5, 0.25), strict=True):
        # The rates are powers of two, so that every amount stays exact when it is multiplied.
        currency = env.ref(f"base.{name}")
        currency.active = True
        for company in first | second:
            values = {"name": "2000-01-01", "rate": rate, "company_id": company.id}
            env["res.currency.rate"].create({**values, "currency_id": currency.id})
    return first | second


def make_patterns(env, companies):
    """Return {(kind, company id, currency name): pattern moves}."""
    term = env["account.payment.term"].create(
        {
            "name": "Three instalments",
            "line_ids": [
                Command.create({"value": "percent", "value_amount": share, "nb_days": days})
                for share, days in ((25.0, 0), (25.0, 30), (50.0, 60))
            ],
        }
    )
    customer = env["res.partner"].create({"name": "Pattern", "is_company": True})
    patterns = {}
    for company in companies:
        for name in ("USD", *FOREIGN):
            maker = PatternMaker(env, company, env.ref(f"base.{name}"), customer, term)
            for kind in ("single", "half_paid", "instalments", "credit", "paid"):
                patterns[kind, company.id, name] = getattr(maker, kind)()
    return patterns


class PatternMaker:
    """Makes documents over amounts that stay exact when they are multiplied."""

    def __init__(self, env, company, currency, customer, term):
        self.env = env(context=dict(env.context, allowed_company_ids=company.ids))
        self.currency, self.customer, self.term = currency, customer, term
        self.company = company.with_env(self.env)

    def single(self):
        return self._invoice(1.0)

    def instalments(self):
        return self._invoice(4.0, invoice_payment_term_id=self.term.id)

    def credit(self):
        return self._invoice(1.0, move_type="out_refund")

    def half_paid(self):
        return self._paid(2.0, 1.0)

    def paid(self):
        return self._paid(1.0, 1.0)

    def _invoice(self, amount, **values):
        line = {"name": "Service", "price_unit": amount, "tax_ids": [Command.clear()]}
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.customer.id,
                "currency_id": self.currency.id,
                "invoice_date": fields.Date.today(),
                "invoice_payment_term_id": False,
                "invoice_line_ids": [Command.create(line)],
                **values,
            }
        )
        invoice.action_post()
        return invoice

    def _paid(self, amount, paid):
        invoice = self._invoice(amount)
        owed = receivable(invoice)
        company_amount = self.currency._convert(
            paid, self.company.currency_id, self.company, invoice.date
        )
        bank = self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.company.id)], limit=1
        )
        values = {
            "partner_id": self.customer.id,
            "currency_id": self.currency.id,
            "name": "Payment",
        }
        received = {"account_id": bank.default_account_id.id, "debit": company_amount}
        settled = {"account_id": owed.account_id.id, "credit": company_amount}
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "journal_id": bank.id,
                "date": invoice.date,
                "line_ids": [
                    Command.create({**values, **received, "amount_currency": paid}),
                    Command.create({**values, **settled, "amount_currency": -paid}),
                ],
            }
        )
        entry.action_post()
        (owed | receivable(entry)).reconcile()
        return invoice | entry


def receivable(move):
    return move.line_ids.filtered(lambda line: line.account_type == "asset_receivable")
