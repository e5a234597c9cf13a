"""What the addon costs Odoo's own work, one round with it and one without it."""

import statistics

from odoo import fields
from odoo.fields import Command

from . import holds
from .clock import Clock, vacuum
from .table import measure

INVOICES = 10
LIMIT = 1.03


def core(env, without):
    """Queries and time of Odoo's own work, in this database and in one without the addon."""
    # The language, too: Odoo looks up the translated name of each field when it writes items.
    without = without(context=env.context)
    holds.fill_core(without, {"today": fields.Date.today()})
    # The shorter a work, the more rounds it takes to see what the addon costs.
    works = {
        "post": (post, 120),
        "pay": (pay, 60),
        "reconcile": (reconcile, 40),
        "list 80 invoices": (list_invoices, 100),
        "receive e-mails": (receive_emails, 40),
        "import bank statement lines": (import_bank_lines, 60),
    }
    for name, (make, count) in works.items():
        for side in (env, without):
            # One ledger was written to longer ago than the other, and both by the last work.
            side.cr.commit()
            vacuum(side)
            side.cr.execute("ANALYZE")
            side.cr.commit()
        rounds = [in_turns(env, without, make, swapped=n % 2) for n in range(count)]
        # The first round fills caches.
        values, floors = (zip(*side, strict=True) for side in zip(*rounds[1:], strict=True))
        for what, unit, found, floor in zip(
            ("queries", "time"), ("", "s"), values, floors, strict=True
        ):
            medians = statistics.median(found), unit, statistics.median(floor)
            yield measure(f"core: {name}, {what}", *medians, "without the addon", LIMIT)


def in_turns(env, without, make, swapped):
    """Return what `measure_once` returns for both sides; who comes first has cold caches."""
    if swapped:
        return [measure_once(side, make) for side in (without, env)][::-1]
    return [measure_once(side, make) for side in (env, without)]


def measure_once(env, make):
    """Return (queries, seconds) of the work that `make` prepares; it is rolled back."""
    work = make(env)
    env.flush_all()
    start = env.cr.sql_log_count
    seconds = Clock(env).once(work)
    queries = env.cr.sql_log_count - start
    env.cr.rollback()
    return queries, seconds


def draft_invoices(env, move_type="out_invoice"):
    customers = env["res.partner"].search([("ref", "=like", "C%")], limit=INVOICES, order="id")
    line = {"name": "Service", "price_unit": 100.0, "tax_ids": [Command.clear()]}
    values = {"invoice_date": fields.Date.today(), "invoice_line_ids": [Command.create(line)]}
    return env["account.move"].create(
        [{**values, "move_type": move_type, "partner_id": customer.id} for customer in customers]
    )


def posted(env, move_type="out_invoice"):
    moves = draft_invoices(env, move_type)
    moves.action_post()
    return moves


def post(env):
    return draft_invoices(env).action_post


def pay(env):
    context = {"active_model": "account.move", "active_ids": posted(env).ids}
    wizard = env["account.payment.register"].with_context(**context)
    return lambda: wizard.create({}).action_create_payments()


def reconcile(env):
    # The credit notes are not made as reversals: Odoo would reconcile those by itself.
    lines = (posted(env) | posted(env, "out_refund")).line_ids
    items = lines.filtered(lambda line: line.account_type == "asset_receivable")
    return lambda: [own.reconcile() for own in items.grouped("partner_id").values()]


def list_invoices(env):
    Move = env["account.move"]
    view = env.ref("account.view_out_invoice_tree")
    names = Move.get_view(view.id, "list")["models"]["account.move"]
    named = {"fields": {"display_name": {}}}
    specification = {name: named if Move._fields[name].relational else {} for name in sorted(names)}
    domain = [("move_type", "=", "out_invoice")]
    return lambda: Move.web_search_read(domain, specification, limit=80)


def receive_emails(env):
    """Answers of a stranger to an invoice, as the mail gateway hands them over."""
    said = posted(env)[0].message_post(body="Your invoice", message_type="comment")
    emails = [
        f"""From: somebody@example.net
To: office@example.com
Subject: Re: your invoice
Message-Id: <{number}@example.net>
In-Reply-To: {said.message_id}

Thank you."""
        for number in range(INVOICES)
    ]
    gateway = env["mail.thread"]
    return lambda: [gateway.message_process(None, email) for email in emails]


def import_bank_lines(env):
    # In a journal of its own: Odoo numbers an entry by looking at the others of its journal, and
    # only one of the two databases has bank lines that wait.
    values = {"name": "Second bank", "type": "bank", "code": "BNK9"}
    journal = env["account.journal"].create(values)
    line = {"journal_id": journal.id, "date": fields.Date.today(), "amount": 100.0}
    values = [{**line, "payment_ref": f"INV/{number}"} for number in range(INVOICES)]
    return lambda: env["account.bank.statement.line"].create(values)
