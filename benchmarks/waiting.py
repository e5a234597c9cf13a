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
WITH paid AS (
    SELECT nextval('payment_transaction_id_seq') AS transaction_id, item.*, company.currency_id
      FROM open_item item JOIN res_company company ON company.id = item.company_id
     WHERE number %% 200 = 13 AND amount_residual > 0),
linked AS (
    INSERT INTO account_invoice_transaction_rel (transaction_id, invoice_id)
    SELECT transaction_id, move_id FROM paid)
INSERT INTO payment_transaction
    (id, provider_id, payment_method_id, company_id, currency_id, partner_id, reference, amount,
     state, last_state_change)
SELECT transaction_id, provider.id, %(method)s, paid.company_id, paid.currency_id, paid.partner_id,
       'online-' || transaction_id, paid.amount_residual,
       CASE number / 200 %% 5 WHEN 0 THEN 'done' WHEN 1 THEN 'authorized' ELSE 'pending' END,
       now() - number / 200 %% 15 * interval '1 day'
  FROM paid JOIN payment_provider provider ON provider.company_id = paid.company_id
 WHERE provider.id = ANY(%(providers)s)"""
REMINDERS = """
INSERT INTO dunning_notice (run_id, company_id, partner_id, level_number, action, state, date)
SELECT run.id, customer.company_id, customer.partner_id, 0, 'email', 'sent',
       %(today)s::date - (number %% 15)::int
  FROM (SELECT company_id, partner_id, row_number() OVER (ORDER BY partner_id) AS number
          FROM open_item GROUP BY company_id, partner_id) customer
  JOIN dunning_run run ON run.company_id = customer.company_id AND run.id = ANY(%(runs)s)
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
    """Make what Odoo has without the addon, too: bank lines, online payments, messages.

    :param values: those of statements; `open_item` is a table of the open items
    """
    companies = env["res.company"].search([])
    provider = {"name": "Bank"}
    own = [{"company_id": company.id} for company in companies]
    values = {
        **values,
        "providers": env["payment.provider"].create([{**provider, **one} for one in own]).ids,
        "method": env["payment.method"].with_context(active_test=False).search([], limit=1).id,
    }
    env.flush_all()
    env.cr.execute("SET session_replication_role = replica")
    patterns = receive(env, companies, values)
    for statement in (TRANSACTIONS, INVOICES_SENT):
        env.cr.execute(statement, values)
    env.cr.execute("SET session_replication_role = origin")
    # only now foreign keys delete what belongs to them
    patterns.unlink()


def remind(env, values):
    """Make the reminders of the last weeks, and the addresses that messages came back from."""
    runs = [{"state": "done", "company_id": own.id} for own in env["res.company"].search([])]
    values = {**values, "runs": env["dunning.run"].create(runs).ids}
    env.flush_all()
    for statement in (REMINDERS, BOUNCED):
        env.cr.execute(statement, values)


def receive(env, companies, values):
    """Make the bank lines, with their entries; return the lines that they are copies of."""
    lines = env["account.bank.statement.line"]
    for company in companies:
        mine = lines.with_context(allowed_company_ids=company.ids)
        domain = [("type", "=", "bank"), ("company_id", "=", company.id)]
        journal = env["account.journal"].search(domain, limit=1)
        pattern = {"journal_id": journal.id, "payment_ref": "Pattern", "amount": 1.0}
        lines |= mine.create(pattern).with_env(env)
    env.flush_all()
    env.cr.execute(BANK_LINES, values)
    moved = {"move_id": "plan.move_id", "partner_id": "plan.payer_id"}
    of_line = {"statement_line_id": "plan.id", "partner_id": "plan.payer_id"}
    name = "'BANK' || plan.move_id"
    for table, joined, changed in (
        (
            "account_move",
            "pattern.id = line.move_id",
            {**of_line, "id": "plan.move_id", "name": name, "sequence_number": "plan.move_id"},
        ),
        (
            "account_move_line",
            "pattern.move_id = line.move_id",
            {**of_line, **moved, "id": "nextval('account_move_line_id_seq')", "move_name": name},
        ),
        (
            lines._table,
            "pattern.id = line.id",
            {**moved, "id": "plan.id", "payment_ref": "plan.text"},
        ),
    ):
        source = f"""plan JOIN account_bank_statement_line line
              ON line.company_id = plan.company_id AND line.id = ANY(ARRAY{lines.ids})
            JOIN {table} pattern ON {joined}"""
        copy_rows(env, table, source, changed)
    env.invalidate_all()
    return lines
