"""The first run of the demo, as its accountant does it. Runs in Odoo's shell."""

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
    servers = env["ir.mail_server"]
    server = servers.search([("name", "=", MAIL_SERVER)], limit=1) or servers.create(values)
    server.write(values)
    env["ir.config_parameter"].set_param("web.base.url", os.environ["DEMO_URL"])
    env.cr.commit()


def as_accountant(env):
    """Return an environment of the demo data's accountant, who has no administrator's rights."""
    user = env.ref("dunning_exclusion.demo_user_accountant")
    context = {"allowed_company_ids": user.company_id.ids, "lang": "en_US"}
    return env(user=user, su=False, context=context)


def first_run(env):
    """Return the first run, sent; one that was interrupted goes on."""
    # The runs of the demo data are the reminders of the last weeks. sudo: for their ids only, an
    # accountant does not read what belongs to which addon.
    past = env["ir.model.data"].sudo().search([("model", "=", "dunning.run")]).mapped("res_id")
    run = env["dunning.run"].search([("id", "not in", past)], order="id", limit=1)
    run = run or env["dunning.run"].create({"mode": "scenario"})
    if run.state == "draft":
        run.action_prepare()
        env.cr.commit()
    if run.state in ("prepared", "sending"):
        run.action_send()
        env.cr.commit()
    # sudo: this is the work of Odoo's scheduled action
    env["mail.mail"].sudo().process_email_queue()
    env.cr.commit()
    return run


def table(title, heads, rows):
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *rows)]
    print(f"\n{title} ({len(rows)})")
    for row in (heads, *rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def tell(run):
    """Print what was sent, what was not, and what was left out and why."""

    def money(record, amount):
        text = formatLang(record.env, amount, currency_obj=record.company_id.currency_id)
        return text.replace("\xa0", " ")

    notices = run.notice_ids.sorted(lambda notice: notice.partner_id.display_name)
    sent = notices.filtered(lambda notice: notice.state == "sent")
    rows = [(n.partner_id.display_name, n.level_id.name, money(n, n.amount)) for n in sent]
    table("Sent", ("Customer", "Level", "Amount"), rows)
    if failed := notices - sent:
        rows = [(n.partner_id.display_name, n.state, n.failure_reason or "") for n in failed]
        table("Not sent", ("Customer", "State", "Reason"), rows)
    lines = run.line_ids.filtered(lambda line: line.outcome != "included")
    outcomes = dict(lines._fields["outcome"]._description_selection(run.env))
    rows = [
        (
            line.partner_id.display_name,
            line.move_id.name,
            money(line, line.amount_residual),
            outcomes[line.outcome],
            ", ".join((line.rule_id | line.rule_ids).mapped("name")),
        )
        for line in lines.sorted(lambda line: line.partner_id.display_name)
    ]
    table("Excluded", ("Customer", "Item", "Amount", "Outcome", "Reason"), rows)


def main(env):
    use_catcher(env)
    env = as_accountant(env)
    tell(first_run(env))
    print(f"\nWeb client: {os.environ['DEMO_URL']}")
    print(f"Log in as:  {env.user.login} (password {env.user.login}), ", end="")
    print("administrator: admin (password admin)")


def prepare_pictures(env):
    """Prepare a run; print the ids of customer and invoice, and the page of a reminder."""
    env = as_accountant(env)
    env["dunning.run"].create({}).action_prepare()
    partners = env["res.partner"]
    customer = partners.search([("name", "=like", "Cedar Bakery%")], limit=1)
    paused = partners.search([("name", "=like", "Riverside Hotel%")], limit=1)
    domain = [("partner_id", "=", paused.id), ("dunning_pause", "=", True)]
    invoice = env["account.move"].search(domain, limit=1)
    domain = [("state", "=", "sent"), ("action", "=", "email")]
    # sudo: the token of the page is for the customer only
    page = env["dunning.notice"].search(domain, limit=1).sudo()
    env.cr.commit()
    print(customer.id, invoice.id, f"{page.access_url}?access_token={page.access_token}")
