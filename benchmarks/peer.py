"""The same work by the OCA's account_credit_control, on the same ledger, where it is installed."""

import json

from odoo import fields
from odoo.fields import Command

from .clock import Clock, memory_above

LEVELS = ((1, 1), (2, 30), (3, 90))
CUSTOMERS = 1000


def measure(env, with_run=True):
    """Print what a run, its communications and its e-mails take, as JSON."""
    env = env(context=dict(env.context, tracking_disable=True))
    policy = make_policy(env)
    run = env["credit.control.run"].create(
        {"date": fields.Date.today(), "policy_ids": [Command.set(policy.ids)]}
    )
    env.cr.commit()
    clock = Clock(env, rounds=1)
    figures = {}
    with memory_above() as memory:
        start = env.cr.sql_log_count
        figures["run"] = clock.once(run.generate_credit_lines)
        figures["run_queries"] = env.cr.sql_log_count - start
    figures["run_megabytes"] = memory.megabytes
    figures["run_lines"] = len(run.line_ids)
    env.cr.commit()
    partners = run.line_ids.filtered(lambda line: line.channel == "email").partner_id[:CUSTOMERS]
    lines = run.line_ids.filtered(lambda line: line.partner_id in partners)
    lines = lines.filtered(lambda line: line.channel == "email")
    lines.write({"state": "to_be_sent"})
    env.cr.commit()
    emailer = env["credit.control.emailer"].create({"line_ids": [Command.set(lines.ids)]})
    with memory_above() as memory:
        figures["emails"] = clock.once(emailer.email_lines)
    figures["emails_megabytes"] = memory.megabytes
    figures["emails_customers"] = len(partners)
    print("--- figures", json.dumps(figures))


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
