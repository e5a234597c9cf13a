"""The same work by the OCA's account_credit_control, on the same ledger in another database."""

from odoo import fields
from odoo.fields import Command

from .clock import Clock, Memory
from .measures import send_some
from .table import measure

CUSTOMERS = 1000


def peer(env, other):
    """A run, and the messages to so many customers, by the peer and by ours.

    Half of our customers come before the peer's e-mails and half after them, and so do two runs
    around the peer's: each of them lasts for minutes, and the speed of a machine changes meanwhile.
    """
    run = env["dunning.run"].create({})
    env.cr.commit()
    clock, other = Clock(env), other(context={"tracking_disable": True})
    prepared = clock.once(run.action_prepare, undo=env.cr.rollback)
    theirs, seconds, note = prepare(other)
    prepared += clock.once(run.action_prepare)
    yield measure("OCA: run", seconds, note=note)
    yield measure("OCA: the run by ours", prepared / 2, "s", seconds, "OCA", 1 / 40)
    env["dunning.run.line"].tick([("run_id", "=", run.id)], False)
    sent = send_some(env, run, CUSTOMERS // 2)
    seconds, count = send(theirs)
    sent += send_some(env, run, CUSTOMERS // 2)
    messages = len(run.notice_ids.filtered("mail_id"))
    assert messages == CUSTOMERS, f"{messages} messages instead of {CUSTOMERS}"
    yield measure("OCA: communications and e-mails", seconds, note=f"{count} customers")
    yield measure("OCA: the e-mails by ours", sent, "s", seconds, "OCA", 1 / 5)


def prepare(env):
    """Return (run, seconds, what else it took) of the peer."""
    values = {"date": fields.Date.today(), "policy_ids": [Command.set(make_policy(env).ids)]}
    run = env["credit.control.run"].create(values)
    env.cr.commit()
    start = env.cr.sql_log_count
    with Memory() as memory:
        seconds = Clock(env).once(run.generate_credit_lines)
    queries = env.cr.sql_log_count - start
    env.cr.commit()
    note = f"{len(run.line_ids)} lines, {queries:,} queries, {memory.megabytes:.0f} MB"
    return run, seconds, note


def send(run):
    """Return (seconds, customers) of the peer's communications and e-mails."""
    lines = run.line_ids.filtered(lambda line: line.channel == "email")
    customers = lines.partner_id[:CUSTOMERS]
    lines = lines.filtered(lambda line: line.partner_id in customers)
    lines.write({"state": "to_be_sent"})
    run.env.cr.commit()
    emailer = run.env["credit.control.emailer"].create({"line_ids": [Command.set(lines.ids)]})
    return Clock(run.env).once(emailer.email_lines), len(customers)


def make_policy(env):
    """Return the policy of all companies, with three levels."""
    template = env.ref("account_credit_control.email_template_credit_control_base")
    # Its letter as PDF is left out: our e-mails have none, and wkhtmltopdf takes seconds for each.
    template.report_template_ids = [Command.clear()]
    accounts = env["account.account"].search([("account_type", "=", "asset_receivable")])
    common = {
        "computation_mode": "net_days",
        "email_template_id": template.id,
        "channel": "email",
        "custom_text": "Please pay.",
        "custom_mail_text": "Please pay.",
        "custom_text_after_details": "Thank you.",
    }
    levels = [
        Command.create({**common, "name": f"Level {level}", "level": level, "delay_days": days})
        for level, days in ((1, 1), (2, 30), (3, 90))
    ]
    values = {"name": "Three levels", "account_ids": [Command.set(accounts.ids)]}
    policy = env["credit.control.policy"].create({**values, "level_ids": levels})
    env["res.company"].search([]).write({"credit_policy_id": policy.id})
    return policy
