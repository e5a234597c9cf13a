"""One document of each kind, made by Odoo itself: the pattern that a ledger is multiplied from.

Their amounts, and the rates of the currencies, are powers of two: they stay exact when they are
multiplied.
"""

from odoo import fields
from odoo.fields import Command

RATES = {"EUR": 0.5, "GBP": 0.25}


def make_companies(env):
    values = {"name": "Second Company", "currency_id": env.ref("base.USD").id}
    companies = env.company | env["res.company"].create(values)
    env.user.company_ids |= companies
    env["account.chart.template"].try_loading("generic_coa", companies[1], install_demo=False)
    for name, rate in RATES.items():
        currency = env.ref(f"base.{name}")
        currency.active = True
        values = {"name": "2000-01-01", "rate": rate, "currency_id": currency.id}
        env["res.currency.rate"].create([{**values, "company_id": own.id} for own in companies])
    return companies


def make_patterns(env, companies):
    """Yield (kind, company, name of the currency, moves of the pattern)."""
    shares = ((25.0, 0), (25.0, 30), (50.0, 60))
    lines = [
        Command.create({"value": "percent", "value_amount": share, "nb_days": days})
        for share, days in shares
    ]
    term = env["account.payment.term"].create({"name": "Three instalments", "line_ids": lines})
    customer = env["res.partner"].create({"name": "Pattern", "is_company": True})
    for company in companies:
        own = env(context=dict(env.context, allowed_company_ids=company.ids))
        for name in ("USD", *RATES):
            common = {"partner_id": customer.id, "currency_id": own.ref(f"base.{name}").id}
            yield "single", company, name, invoice(own, common, 1.0)
            instalments = {**common, "invoice_payment_term_id": term.id}
            yield "instalments", company, name, invoice(own, instalments, 4.0)
            yield "credit", company, name, invoice(own, {**common, "move_type": "out_refund"}, 1.0)
            yield "half_paid", company, name, paid(invoice(own, common, 2.0))
            yield "paid", company, name, paid(invoice(own, common, 1.0))


def invoice(env, values, amount):
    line = {"name": "Service", "price_unit": amount, "tax_ids": [Command.clear()]}
    move = env["account.move"].create(
        {
            "move_type": "out_invoice",
            "invoice_date": fields.Date.today(),
            "invoice_payment_term_id": False,
            "invoice_line_ids": [Command.create(line)],
            **values,
        }
    )
    move.action_post()
    return move


def paid(move):
    """Pay 1.0 of an invoice by an entry of the bank; return both."""
    owed = receivable(move)
    company, currency = move.company_id, move.currency_id
    debit = currency._convert(1.0, company.currency_id, company, move.date)
    journal = move.env["account.journal"].search(
        [("type", "=", "bank"), ("company_id", "=", company.id)], limit=1
    )
    common = {"partner_id": owed.partner_id.id, "currency_id": currency.id, "name": "Payment"}
    received = {"account_id": journal.default_account_id.id, "debit": debit, "amount_currency": 1.0}
    settled = {"account_id": owed.account_id.id, "credit": debit, "amount_currency": -1.0}
    lines = [Command.create({**common, **values}) for values in (received, settled)]
    values = {"move_type": "entry", "journal_id": journal.id, "date": move.date, "line_ids": lines}
    entry = move.env["account.move"].create(values)
    entry.action_post()
    (owed | receivable(entry)).reconcile()
    return move | entry


def receivable(move):
    return move.line_ids.filtered(lambda line: line.account_type == "asset_receivable")
