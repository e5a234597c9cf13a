"""What is on its way on a generated ledger: money that nobody has matched yet, and messages.

For a million open items 20,000 bank lines, half of them of a customer and half naming an invoice,
and 5,000 online payments, one in five of them confirmed. What was issued in the last two months was
sent by e-mail; one in fifty of these bounced, and one in fifty was never sent. One in twenty
customers got a reminder in the last two weeks; the only address of one in a hundred bounced, and
another one in a hundred has a new address since.
"""

from .ledger import copy_rows

BANK_LINES = """
CREATE TEMP TABLE plan AS
SELECT nextval('account_move_id_seq') AS move_id,
       nextval('account_bank_statement_line_id_seq') AS id, line.company_id,
       CASE WHEN line.number %% 100 = 11 THEN line.partner_id END AS payer_id,
       CASE WHEN line.number %% 100 = 11 THEN 'Transfer' ELSE 'Invoice ' || move.name END AS text,
       line.amount_residual AS factor, (line.number / 50 %% 15)::int AS age
  FROM open_item line JOIN account_move move ON move.id = line.move_id
 WHERE line.number %% 50 = 11 AND line.amount_residual > 0"""
TRANSACTIONS = """
CREATE TEMP TABLE plan AS
SELECT nextval('payment_transaction_id_seq') AS id, line.company_id, line.partner_id, line.move_id,
       line.amount_residual AS factor, (line.number / 200 %% 15)::int AS age,
       CASE line.number / 200 %% 5 WHEN 0 THEN 'done' WHEN 1 THEN 'authorized'
                                   ELSE 'pending' END AS state
  FROM open_item line WHERE line.number %% 200 = 13 AND line.amount_residual > 0"""
REMINDERS = """
CREATE TEMP TABLE plan AS
SELECT nextval('dunning_notice_id_seq') AS id, company_id, partner_id,
       100.0 AS factor, (number %% 15)::int AS age
  FROM (SELECT company_id, partner_id, row_number() OVER (ORDER BY partner_id) AS number
          FROM open_item GROUP BY company_id, partner_id) customer
 WHERE number / 3 %% 20 = 7"""
INVOICES_SENT = """
WITH sent AS (
    SELECT nextval('mail_message_id_seq') AS message_id, move.id AS move_id, move.partner_id,
           move.invoice_date, move.id %% 50 = 1 AS bounced
      FROM account_move move
     WHERE move.id IN (SELECT move_id FROM open_item) AND move.move_type = 'out_invoice'
       AND move.invoice_date >= %(today)s::date - 60 AND move.id %% 50 > 0),
message AS (
    INSERT INTO mail_message (id, model, res_id, message_type, date, create_date)
    SELECT message_id, 'account.move', move_id, 'comment', invoice_date, invoice_date FROM sent)
INSERT INTO mail_notification
    (mail_message_id, res_partner_id, notification_type, notification_status, is_read)
SELECT message_id, partner_id, 'email', CASE WHEN bounced THEN 'bounce' ELSE 'sent' END, TRUE
  FROM sent"""
BOUNCED = """
UPDATE res_partner SET dunning_bounced_email = email_normalized
 WHERE ref LIKE 'C%%' AND id %% 100 = 11
    OR type = 'invoice' AND commercial_partner_id %% 100 = 11;
UPDATE res_partner SET dunning_bounced_email = 'former@example.com'
 WHERE ref LIKE 'C%%' AND id %% 100 = 12"""


def fill(env, values):
    """Make all of it; `open_item` is a table of the open items, `values` those of statements."""
    companies = env["res.company"].search([])
    env.cr.execute("SET session_replication_role = replica")
    for make in (receive, pay_online, remind):
        patterns = make(env, companies, values)
        env.cr.execute("DROP TABLE plan")
        env.invalidate_all()
        patterns.unlink()
        env.flush_all()
    for statement in (INVOICES_SENT, BOUNCED):
        env.cr.execute(statement, values)
    env.cr.execute("SET session_replication_role = origin")


def own(env, company):
    """Return `env` in a company, and its first bank journal."""
    journal = env["account.journal"].search(
        [("type", "=", "bank"), ("company_id", "=", company.id)], limit=1
    )
    return env(context=dict(env.context, allowed_company_ids=company.ids)), journal


def copy(env, table, patterns, changed, source="", alias="pattern"):
    """Copy the rows of `table` that belong to `patterns`, one of each company, by the `plan`."""
    ids = ", ".join(map(str, patterns.ids))
    source = source or f"{table} pattern"
    copy_rows(
        env,
        table,
        f"plan JOIN {source} ON {alias}.company_id = plan.company_id AND {alias}.id IN ({ids})",
        changed,
    )


def receive(env, companies, values):
    """Make the bank lines, with their entries."""
    lines = env["account.bank.statement.line"]
    for company in companies:
        mine, journal = own(env, company)
        pattern = {"journal_id": journal.id, "payment_ref": "Pattern", "amount": 1.0}
        lines |= lines.with_env(mine).create(pattern)
    env.flush_all()
    env.cr.execute(BANK_LINES, values)
    moved = {"move_id": "plan.move_id", "partner_id": "plan.payer_id"}
    name = "'BANK' || plan.move_id"
    for table, join, changed in (
        (
            "account_move",
            "pattern.id = bank.move_id",
            {"id": "plan.move_id", "statement_line_id": "plan.id", "name": name}
            | {"partner_id": "plan.payer_id", "sequence_number": "plan.move_id"},
        ),
        (
            "account_move_line",
            "pattern.move_id = bank.move_id",
            {**moved, "id": "nextval('account_move_line_id_seq')", "move_name": name}
            | {"statement_line_id": "plan.id"},
        ),
    ):
        source = f"({table} pattern JOIN account_bank_statement_line bank ON {join})"
        copy(env, table, lines, changed, source, "bank")
    changed = {**moved, "id": "plan.id", "payment_ref": "plan.text"}
    copy(env, lines._table, lines, changed)
    return lines


def pay_online(env, companies, values):
    """Make the transactions, each of them for one invoice."""
    transactions = env["payment.transaction"]
    method = env["payment.method"].with_context(active_test=False).search([], limit=1)
    for company in companies:
        mine, _journal = own(env, company)
        provider = mine["payment.provider"].create({"name": "Bank", "company_id": company.id})
        transactions |= transactions.with_env(mine).create(
            {
                "provider_id": provider.id,
                "payment_method_id": method.id,
                "reference": f"pattern-{company.id}",
                "amount": 1.0,
                "currency_id": company.currency_id.id,
                "partner_id": company.partner_id.id,
            }
        )
    env.flush_all()
    env.cr.execute(TRANSACTIONS, values)
    changed = {"id": "plan.id", "partner_id": "plan.partner_id", "state": "plan.state"}
    changed["reference"] = "'online-' || plan.id"
    changed["last_state_change"] = "pattern.last_state_change - plan.age * interval '1 day'"
    copy(env, transactions._table, transactions, changed)
    env.cr.execute(
        """INSERT INTO account_invoice_transaction_rel (transaction_id, invoice_id)
           SELECT id, move_id FROM plan"""
    )
    return transactions


def remind(env, companies, values):
    """Make reminders that were sent, by a run of each company."""
    notices = env["dunning.notice"]
    for company in companies:
        mine, _journal = own(env, company)
        run = mine["dunning.run"].create({"state": "done"})
        sent = {"run_id": run.id, "company_id": company.id, "state": "sent"}
        notices |= notices.with_env(mine).create(
            {**sent, "partner_id": company.partner_id.id, "date": values["today"]}
        )
    env.flush_all()
    env.cr.execute(REMINDERS, values)
    changed = {"id": "plan.id", "partner_id": "plan.partner_id", "access_token": "NULL"}
    copy(env, notices._table, notices, changed)
    return notices
