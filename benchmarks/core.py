"""What the addon costs Odoo's own work: the same script with it and without it.

Runs in two databases with the same ledger at once, one round here and one round there: the speed of
a machine changes from minute to minute by more than the addon may cost. The command compares the
figures.
"""

import json
import statistics

from odoo import fields
from odoo.fields import Command

from .clock import Clock
from .turn import Turn

# The shorter a work, the more rounds it takes to see what the addon costs.
ROUNDS = {"post": 60, "pay": 60, "reconcile": 40, "list 80 invoices": 100}
INVOICES = 10


def measure(env, file, place):
    """Print {work: [queries, seconds]} as JSON, the medians of the rounds; see `Turn`."""
    works = {"post": post, "pay": pay, "reconcile": reconcile, "list 80 invoices": list_invoices}
    result = {}
    for name, make in works.items():
        rounds = []
        for _round in range(ROUNDS[name]):
            with Turn(file, place):
                rounds.append(measure_once(env, make))
        # The first round fills caches of the process.
        result[name] = [statistics.median(values) for values in zip(*rounds[1:], strict=True)]
    print("--- figures", json.dumps(result))


def measure_once(env, make):
    """Return (queries, seconds) of the work that `make` prepares; it is rolled back."""
    work, queries = make(env), []
    env.flush_all()
    seconds = Clock(env).once(lambda: queries.append(counted(work, env)))
    env.cr.rollback()
    return queries[0], seconds


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
