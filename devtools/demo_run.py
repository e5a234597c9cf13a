"""The first run of the demo, as its accountant does it. Runs in Odoo's shell, where `env` is."""

import os

from odoo.tools import formatLang

MAIL_SERVER = "Mail catcher of the demo"


def use_catcher(env):
    """Send every message of this database to the catcher."""
    values = {
        "name": MAIL_SERVER,
        "smtp_host": "127.0.0.1",
        "smtp_port": int(os.environ["DEMO_SMTP_PORT"]),
        "smtp_encryption": "none",
        "smtp_authentication": "login",
        "sequence": 1,
    }
    server = env["ir.mail_server"].search([("name", "=", MAIL_SERVER)], limit=1)
    if server:
        server.write(values)
    else:
        env["ir.mail_server"].create(values)
    env["ir.config_parameter"].set_param("web.base.url", os.environ["DEMO_URL"])
    env.cr.commit()


def accountant(env):
    """Return the accountant of the demo data, who has no administrator's rights."""
    user = env.ref("dunning_exclusion.demo_user_accountant", raise_if_not_found=False)
    return user or env.ref("base.user_admin")


def first_run(env):
    """Return the first run, sent; one that was interrupted goes on."""
    # The runs of the demo data are the reminders of the last weeks. sudo: for their ids only, an
    # accountant does not read what belongs to which addon.
    past = env["ir.model.data"].sudo().search([("model", "=", "dunning.run")]).mapped("res_id")
    run = env["dunning.run"].search([("id", "not in", past)], order="id", limit=1)
    run = run or env["dunning.run"].create({"mode": "scenario"})
    if run.state == "draft":
        run.action_prepare()
        check_rules(env, run)
        env.cr.commit()
    if run.state in ("prepared", "sending"):
        run.action_send()
        env.cr.commit()
    # sudo: this is the work of Odoo's scheduled action
    env["mail.mail"].sudo().process_email_queue()
    env.cr.commit()
    return run


def check_rules(env, run):
    """Every rule that is shipped must leave out something, else the demo shows too little."""
    rules = env["dunning.exclusion.rule"].search([("source", "=", "builtin")])
    missing = rules - run.line_ids.rule_ids
    if missing:
        raise ValueError(f"The demo data show nothing of: {', '.join(missing.mapped('code'))}")


def money(env, amount, currency):
    return formatLang(env, amount, currency_obj=currency).replace("\xa0", " ")


def table(title, heads, rows):
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *rows)]
    print(f"\n{title} ({len(rows)})")
    for row in (heads, *rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def tell(env, run):
    notices = run.notice_ids.sorted(lambda notice: notice.partner_id.display_name)
    sent = [
        (
            notice.partner_id.display_name,
            notice.level_id.name,
            money(env, notice.amount, notice.company_id.currency_id),
        )
        for notice in notices
        if notice.state == "sent"
    ]
    table("Sent", ("Customer", "Level", "Amount"), sent)
    failed = [
        (notice.partner_id.display_name, notice.state, notice.failure_reason or "")
        for notice in notices
        if notice.state != "sent"
    ]
    if failed:
        table("Not sent", ("Customer", "State", "Reason"), failed)
    left_out = [
        (
            line.partner_id.display_name,
            line.move_id.name,
            money(env, line.amount_residual, line.company_id.currency_id),
            line.outcome,
            ", ".join((line.rule_id | line.rule_ids).mapped("name")),
        )
        for line in run.line_ids.sorted(lambda line: line.partner_id.display_name)
        if line.outcome != "included"
    ]
    table("Left out", ("Customer", "Item", "Amount", "Outcome", "Reason"), left_out)
    reasons = []
    for rule in run.line_ids.rule_ids.sorted():
        lines = run.line_ids.filtered(lambda line, rule=rule: rule in line.rule_ids)
        deciding = lines.filtered(lambda line, rule=rule: line.rule_id == rule)
        customer = (deciding or lines).partner_id[:1].display_name
        reasons.append((rule.name, len(lines), customer))
    table("Reasons", ("Reason", "Items", "For example"), reasons)


def main(env):
    use_catcher(env)
    user = accountant(env)
    company = user.company_id
    env = env(user=user, su=False, context={"allowed_company_ids": company.ids, "lang": "en_US"})
    run = first_run(env)
    print("--- demo")
    tell(env, run)
    print(f"--- login {user.login}")


main(env)  # noqa: F821
