"""What the addon costs Odoo's own work: the same script with it and without it.

Runs in two databases with the same ledger, in turns; the command compares the figures.
"""

import json
import statistics

from odoo import fields
from odoo.fields import Command

from .clock import Clock

ROUNDS = 12
INVOICES = 10


def measure(env):
    """Print {work: [queries, seconds]} as JSON."""
    works = {"post": post, "pay": pay, "reconcile": reconcile, "list 80 invoices": list_invoices}
    result = {}
    for name, make in works.items():
        queries, seconds = [], []
        for _round in range(ROUNDS):
            work = make(env)
            env.flush_all()
            clock = Clock(env)
            seconds.append(
                clock.once(lambda work=work, queries=queries: queries.append(counted(work, env)))
            )
            env.cr.rollback()
        # The first round fills caches of the process. What else runs on the machine only makes
        # a round slower, by more than the addon may: the fastest one shows what the work takes.
        result[name] = [statistics.median(queries[1:]), min(seconds[1:])]
    print("--- figures", json.dumps(result))


def counted(work, env):
    start = env.cr.sql_log_count
    work()
    env.flush_all()
    return env.cr.sql_log_count - start


def draft_invoices(env, move_type="out_invoice"):
    customers = env["res.partner"].search([("ref", "=like", "C%")], limit=INVOICES, order="id")
    line = {"name": "Service", "price_unit": 100.0, "tax_ids": [Command.clear()]}
    return env["account.move"].create(
        [
            {
                "move_type": move_type,
                "partner_id": customer.id,
                "invoice_date": fields.Date.today(),
                "invoice_line_ids": [Command.create(line)],
            }
            for customer in customers
        ]
    )


def post(env):
    return draft_invoices(env).action_post


def pay(env):
    invoices = draft_invoices(env)
    invoices.action_post()
    wizard = env["account.payment.register"].with_context(
        active_model="account.move", active_ids=invoices.ids
    )
    return lambda: wizard.create({})._create_payments()


def reconcile(env):
    invoices = draft_invoices(env)
    invoices.action_post()
    # Not made as reversals: Odoo would reconcile those by itself.
    refunds = draft_invoices(env, "out_refund")
    refunds.action_post()
    items = (invoices | refunds).line_ids.filtered(
        lambda line: line.account_type == "asset_receivable"
    )

    def reconcile_each():
        for own in items.grouped("partner_id").values():
            own.reconcile()

    return reconcile_each


def list_invoices(env):
    Move = env["account.move"]
    view = env.ref("account.view_out_invoice_tree")
    names = Move.get_view(view.id, "list")["models"]["account.move"]
    specification = {
        name: {"fields": {"display_name": {}}} if Move._fields[name].relational else {}
        for name in sorted(names)
    }
    domain = [("move_type", "=", "out_invoice")]
    return lambda: Move.web_search_read(domain, specification, limit=80)
