"""The same work by the OCA's account_credit_control, on the same ledger, where it is installed."""

import json

from odoo import fields
from odoo.fields import Command

from .clock import Clock, memory_above
from .turn import Turn

LEVELS = ((1, 1), (2, 30), (3, 90))
CUSTOMERS = 1000


def measure(env, file, place):
    """Print what a run and the messages to so many customers take, as JSON.

    In the ledger with our addon (place 0) half of the customers come before the peer's e-mails and
    half after them, and so do two runs around the peer's: each of them lasts for minutes, and the
    speed of a machine changes meanwhile. Neither of both has done anything in its process before.
    """
    figures = (theirs if place else ours)(env, Turn(file, place))
    print("--- figures", json.dumps(figures))


def ours(env, turn):
    """Return {work: seconds} of ours: the mean of two runs, and the messages."""
    # Not above: it imports our addon, which the peer's database does not have.
    from . import sending

    run = env["dunning.run"].create({})
    env.cr.commit()
    clock = Clock(env)
    with turn:
        prepared = clock.once(run.action_prepare, undo=env.cr.rollback)
    with turn:
        prepared += clock.once(run.action_prepare)
        env.cr.execute("UPDATE dunning_run_line SET checked = FALSE WHERE run_id = %s", [run.id])
        sent = sending.send_some(env, run, CUSTOMERS // 2)
    with turn:
        sent += sending.send_some(env, run, CUSTOMERS // 2)
    messages = env["dunning.notice"].search_count(
        [("run_id", "=", run.id), ("mail_id", "!=", False)]
    )
    assert messages == CUSTOMERS, f"{messages} messages instead of {CUSTOMERS}"
    return {"run": prepared / 2, "emails": sent}


def theirs(env, turn):
    """Return {work: seconds} of the peer, with its queries, memory and numbers."""
    env = env(context=dict(env.context, tracking_disable=True))
    figures = {}
    with turn:
        run = make_run(env)
        with memory_above() as memory:
            start = env.cr.sql_log_count
            figures["run"] = Clock(env).once(run.generate_credit_lines)
            figures["run_queries"] = env.cr.sql_log_count - start
        figures["run_megabytes"] = memory.megabytes
        figures["run_lines"] = len(run.line_ids)
        env.cr.commit()
    with turn:
        lines = lines_to_send(run)
        emailer = env["credit.control.emailer"].create({"line_ids": [Command.set(lines.ids)]})
        figures["emails"] = Clock(env).once(emailer.email_lines)
        figures["emails_customers"] = len(lines.partner_id)
    return figures


def make_run(env):
    run = env["credit.control.run"].create(
        {"date": fields.Date.today(), "policy_ids": [Command.set(make_policy(env).ids)]}
    )
    env.cr.commit()
    return run


def lines_to_send(run):
    """Return the lines of so many customers with an e-mail to send."""
    lines = run.line_ids.filtered(lambda line: line.channel == "email")
    partners = lines.partner_id[:CUSTOMERS]
    lines = lines.filtered(lambda line: line.partner_id in partners)
    lines.write({"state": "to_be_sent"})
    run.env.cr.commit()
    return lines


def make_policy(env):
    template = env.ref("account_credit_control.email_template_credit_control_base")
    # Its letter as PDF is left out: our e-mails have none, and wkhtmltopdf takes seconds for each.
    template.report_template_ids = [Command.clear()]
    accounts = env["account.account"].search([("account_type", "=", "asset_receivable")])
    policy = env["credit.control.policy"].create(
        {
            "name": "Three levels",
            "account_ids": [Command.set(accounts.ids)],
            "level_ids": [
                Command.create(
                    {
                        "name": f"Level {level}",
                        "level": level,
                        "computation_mode": "net_days",
                        "delay_days": days,
                        "email_template_id": template.id,
                        "channel": "email",
                        "custom_text": "Please pay.",
                        "custom_mail_text": "Please pay.",
                        "custom_text_after_details": "Thank you.",
                    }
                )
                for level, days in LEVELS
            ],
        }
    )
    env["res.company"].search([]).write({"credit_policy_id": policy.id})
    return policy
