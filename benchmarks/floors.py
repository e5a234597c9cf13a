"""What the addon is measured against: SQL written by hand for exactly one question.

The rules are those of the addon, in the order in which they decide, without any of its
generality: no company settings that differ, no own conditions, no reasons but the deciding one.
They run under the same settings as the addon (nothing is compiled), and with MATERIALIZED where
PostgreSQL would otherwise guess one row and join a hundred thousand one by one.
"""

from odoo import fields
from odoo.tools import SQL

from odoo.addons.dunning_exclusion.screening.question import array

COUNT = """
    SELECT COUNT(*) FROM account_move_line line
      JOIN account_account account ON account.id = line.account_id
     WHERE line.reconciled IS NOT TRUE AND line.parent_state = 'posted'
       AND account.account_type = 'asset_receivable'"""

# The ranks are places in this list; `archived` is the last rule that drops.
RULES = """prevent_customer prevent_item pause_customer pause_item no_followup automatic_payment
    type_off type_filter creditor archived stop_customer stop_item item_minimum customer_minimum
    customer_maximum promise paid blocked_payment no_address reminded_recently bounced covered
    payment_under_way not_delivered"""
RANK = {code: place for place, code in enumerate(RULES.split(), start=1)}
ACTIVE = """block.date_from <= %(today)s AND (block.date_to IS NULL OR block.date_to >= %(today)s)
    AND (block.lifted_on IS NULL OR block.lifted_on > %(today)s)"""
BANK_WAITS = """bank.is_reconciled IS NOT TRUE AND bank.amount > 0 AND entry.state = 'posted'
    AND entry.date + company.dunning_payment_days >= %(today)s"""
HELD = """bool_or(kind = 'prevent') AS prevent, bool_or(kind = 'pause') AS pause,
    bool_or(kind = 'stop') AS stop"""
UNTIL = """MAX(items_until) FILTER (WHERE kind = 'prevent') AS prevent,
    MAX(items_until) FILTER (WHERE kind = 'pause') AS pause,
    MAX(items_until) FILTER (WHERE kind = 'stop') AS stop"""
ISSUED = "COALESCE(move.invoice_date, line.date)"
# What became of the last message with an invoice to somebody outside.
DELIVERED = """
    (SELECT COALESCE(bool_or(notified.notification_status
                             NOT IN ('bounce', 'exception', 'canceled')),
                     NOT EXISTS (SELECT 1 FROM mail_mail mail
                                  WHERE mail.mail_message_id = message.id
                                    AND mail.state IN ('exception', 'cancel')))
       FROM mail_message message
       LEFT JOIN (mail_notification notified
                  LEFT JOIN res_partner receiver ON receiver.id = notified.res_partner_id)
         ON notified.mail_message_id = message.id AND notified.notification_type <> 'inbox'
        AND receiver.partner_share IS NOT FALSE
      WHERE message.model = 'account.move' AND message.res_id = line.move_id
        AND (notified.id IS NOT NULL OR message.message_type = 'email_outgoing')
      GROUP BY message.id ORDER BY message.id DESC LIMIT 1)"""


CLASSIFY = f"""
WITH customer_hold AS (
    SELECT company_id, partner_id, {HELD} FROM dunning_block block
     WHERE move_id IS NULL AND items_until IS NULL AND {ACTIVE} GROUP BY 1, 2),
until_hold AS (
    SELECT company_id, partner_id, {UNTIL} FROM dunning_block block
     WHERE items_until IS NOT NULL AND {ACTIVE} GROUP BY 1, 2),
line_hold AS (
    SELECT move_line_id, {HELD} FROM dunning_block block
     WHERE move_line_id IS NOT NULL AND {ACTIVE} GROUP BY 1),
move_hold AS (
    SELECT move_id, partner_id, {HELD} FROM dunning_block block
     WHERE move_id IS NOT NULL AND move_line_id IS NULL AND {ACTIVE} GROUP BY 1, 2),
promised AS (
    SELECT DISTINCT rel.move_line_id FROM dunning_promise promise
      JOIN dunning_promise_move_line_rel rel ON rel.promise_id = promise.id
      JOIN res_company company ON company.id = promise.company_id
      JOIN account_move_line line ON line.id = rel.move_line_id
     WHERE promise.cancelled_on IS NULL AND company.dunning_exclude_promises
       AND promise.date + company.dunning_promise_tolerance_days >= %(today)s
       AND promise.open_amount - line.amount_residual < promise.open_amount),
read AS MATERIALIZED (
    SELECT line.id, line.move_id, line.company_id, line.currency_id,
           contact.commercial_partner_id AS customer_id, line.amount_residual,
           line.amount_residual_currency,
           GREATEST(COALESCE(line.date_maturity, line.date), move.dunning_due_date) AS due,
           move.payment_state IN ('paid', 'in_payment', 'reversed') AS settled,
           CASE WHEN line_hold.prevent OR move_hold.prevent OR {ISSUED} <= until_hold.prevent
                     THEN {RANK["prevent_item"]}
                WHEN line_hold.pause OR move_hold.pause OR {ISSUED} <= until_hold.pause
                     THEN {RANK["pause_item"]}
                WHEN line.no_followup AND move.move_type <> 'entry' THEN {RANK["no_followup"]}
                WHEN method.dunning_automatic AND move.dunning_collection_failed IS NOT TRUE
                     THEN {RANK["automatic_payment"]}
                WHEN line_hold.stop OR move_hold.stop OR {ISSUED} <= until_hold.stop
                     THEN {RANK["stop_item"]}
                WHEN line.amount_residual > 0
                     AND line.amount_residual < company.dunning_item_minimum
                     THEN {RANK["item_minimum"]}
                WHEN promised.move_line_id IS NOT NULL THEN {RANK["promise"]}
                WHEN move.payment_state IN ('paid', 'in_payment', 'reversed')
                     OR (line.amount_residual = 0 AND line.amount_residual_currency = 0)
                     THEN {RANK["paid"]}
                WHEN move.payment_state = 'blocked' AND line.amount_residual <> 0
                     THEN {RANK["blocked_payment"]}
                WHEN move.move_type = 'out_invoice'
                     AND {ISSUED} >= company.dunning_not_delivered_from
                     AND {DELIVERED} IS NOT TRUE THEN {RANK["not_delivered"]}
           END AS rank
      FROM account_move_line line
      JOIN account_account account ON account.id = line.account_id
      JOIN account_move move ON move.id = line.move_id
      JOIN res_partner contact ON contact.id = line.partner_id
      JOIN res_company company ON company.id = line.company_id
      LEFT JOIN account_payment_method_line method
        ON method.id = move.preferred_payment_method_line_id
      LEFT JOIN line_hold ON line_hold.move_line_id = line.id
      LEFT JOIN move_hold ON move_hold.move_id = line.move_id
            AND move_hold.partner_id = contact.commercial_partner_id
      LEFT JOIN until_hold ON until_hold.company_id = line.company_id
            AND until_hold.partner_id = contact.commercial_partner_id
      LEFT JOIN promised ON promised.move_line_id = line.id
     WHERE line.reconciled IS NOT TRUE AND line.parent_state = 'posted'
       AND account.account_type = 'asset_receivable' AND line.company_id = ANY(%(companies)s)
       %(restriction)s),
named AS MATERIALIZED (
    SELECT DISTINCT word.bank_id, invoice.id AS move_id
      FROM (SELECT bank.id AS bank_id, unnest(string_to_array(bank.payment_ref, ' ')) AS word
              FROM account_bank_statement_line bank
              JOIN account_move entry ON entry.id = bank.move_id
              JOIN res_company company ON company.id = bank.company_id
             WHERE {BANK_WAITS}) word
     CROSS JOIN LATERAL (SELECT id FROM account_move
                          WHERE name = word.word AND state = 'posted' AND name <> '/'
                         OFFSET 0) invoice),
received AS MATERIALIZED (
    SELECT bank.id AS bank_id, bank.company_id, bank.amount,
           COALESCE(bank.partner_id, owner.customer_id) AS customer_id
      FROM account_bank_statement_line bank
      JOIN account_move entry ON entry.id = bank.move_id
      JOIN res_company company ON company.id = bank.company_id
      LEFT JOIN (SELECT bank_id, MIN(customer_id) AS customer_id
                   FROM named JOIN read USING (move_id) GROUP BY bank_id) owner
        ON owner.bank_id = bank.id
     WHERE {BANK_WAITS}),
money AS MATERIALIZED (
    SELECT company_id, customer_id, SUM(credits) AS credits, SUM(bank) AS bank
      FROM (SELECT company_id, customer_id, -amount_residual AS credits, 0 AS bank FROM read
             WHERE amount_residual < 0 AND NOT settled
            UNION ALL
            SELECT company_id, customer_id, 0, amount FROM received) waits
     GROUP BY 1, 2),
waiting AS MATERIALIZED (
    SELECT id, MIN(rank) AS rank
      FROM (SELECT id, CASE WHEN is_due AND running <= credits THEN {RANK["covered"]}
                            WHEN is_named OR is_due AND bank > 0 AND paid <= credits + bank
                                 THEN {RANK["payment_under_way"]} END AS rank
              FROM (SELECT read.id, credits, bank, due <= %(today)s AS is_due,
                           invoice.move_id IS NOT NULL AS is_named,
                           SUM(amount_residual) FILTER (WHERE due <= %(today)s) OVER (
                               PARTITION BY company_id, customer_id ORDER BY due, read.id)
                               AS running,
                           SUM(amount_residual) OVER (
                               PARTITION BY company_id, customer_id
                               ORDER BY invoice.move_id IS NULL, due, read.id) AS paid
                      FROM read
                      JOIN money USING (company_id, customer_id)
                      LEFT JOIN (SELECT DISTINCT move_id FROM named) invoice USING (move_id)
                     WHERE amount_residual > 0 AND NOT settled
                       AND (due <= %(today)s OR invoice.move_id IS NOT NULL)) queue) ranked
     WHERE rank IS NOT NULL GROUP BY id
    UNION ALL
    SELECT read.id, {RANK["payment_under_way"]}
      FROM payment_transaction transaction
      JOIN account_invoice_transaction_rel linked ON linked.transaction_id = transaction.id
      JOIN read ON read.move_id = linked.invoice_id AND read.amount_residual > 0
      JOIN res_company company ON company.id = read.company_id
     WHERE transaction.state IN ('pending', 'authorized')
       AND transaction.last_state_change::date + company.dunning_payment_days >= %(today)s),
waits AS MATERIALIZED (SELECT id, MIN(rank) AS rank FROM waiting GROUP BY id),
item AS MATERIALIZED (
    SELECT read.id, move_id, company_id, currency_id, customer_id, amount_residual,
           amount_residual_currency, due, LEAST(read.rank, waits.rank) AS rank
      FROM read LEFT JOIN waits ON waits.id = read.id),
reminded AS (
    SELECT DISTINCT notice.company_id, notice.partner_id
      FROM dunning_notice notice JOIN res_company company ON company.id = notice.company_id
     WHERE notice.state IN ('queued', 'sent') AND notice.action IN ('email', 'letter')
       AND notice.date > %(today)s - company.dunning_min_days_between_messages),
address AS (
    SELECT DISTINCT ON (receiver.commercial_partner_id)
           receiver.commercial_partner_id AS partner_id,
           receiver.email_normalized = receiver.dunning_bounced_email AS bounced
      FROM res_partner receiver
     WHERE receiver.commercial_partner_id IN (SELECT commercial_partner_id FROM res_partner
                                               WHERE dunning_bounced_email IS NOT NULL)
       AND receiver.email LIKE '%%@%%' AND (receiver.id = receiver.commercial_partner_id
            OR receiver.active AND receiver.type IN ('dunning', 'invoice'))
     ORDER BY receiver.commercial_partner_id, receiver.id = receiver.commercial_partner_id),
total AS (
    SELECT company_id, customer_id, SUM(amount_residual) AS outstanding,
           SUM(amount_residual) FILTER (WHERE rank IS NULL AND due < %(today)s
                                        AND amount_residual > 0) AS reminded
      FROM item GROUP BY 1, 2),
ranked AS MATERIALIZED (
    SELECT total.company_id, total.customer_id, total.outstanding, total.reminded,
           CASE WHEN customer_hold.prevent THEN {RANK["prevent_customer"]}
                WHEN customer_hold.pause THEN {RANK["pause_customer"]}
                WHEN EXISTS (SELECT 1 FROM dunning_type_off off
                              WHERE off.partner_id = customer.id AND off.type_id = %(type)s
                                AND off.company_id = total.company_id)
                     THEN {RANK["type_off"]}
                WHEN EXISTS (SELECT 1 FROM dunning_reminder_type_customer_rel named
                              WHERE named.partner_id = customer.id AND named.type_id = %(type)s)
                     THEN {RANK["type_filter"]}
                WHEN total.outstanding < 0 THEN {RANK["creditor"]}
                WHEN customer.active IS NOT TRUE THEN {RANK["archived"]}
                WHEN customer_hold.stop THEN {RANK["stop_customer"]}
                WHEN total.reminded > 0 AND total.reminded < company.dunning_customer_minimum
                     THEN {RANK["customer_minimum"]}
                WHEN total.reminded > company.dunning_customer_maximum
                     THEN {RANK["customer_maximum"]}
                WHEN COALESCE(customer.email, '') NOT LIKE '%%@%%'
                     AND NOT EXISTS (SELECT 1 FROM res_partner receiver
                                      WHERE receiver.commercial_partner_id = customer.id
                                        AND receiver.active AND receiver.email LIKE '%%@%%'
                                        AND receiver.type IN ('dunning', 'invoice'))
                     THEN {RANK["no_address"]}
                WHEN reminded.partner_id IS NOT NULL THEN {RANK["reminded_recently"]}
                WHEN address.bounced THEN {RANK["bounced"]}
           END AS rank
      FROM total
      JOIN res_partner customer ON customer.id = total.customer_id
      JOIN res_company company ON company.id = total.company_id
      LEFT JOIN customer_hold ON customer_hold.company_id = total.company_id
            AND customer_hold.partner_id = total.customer_id
      LEFT JOIN reminded ON reminded.company_id = total.company_id
            AND reminded.partner_id = total.customer_id
      LEFT JOIN address ON address.partner_id = total.customer_id)
"""

COUNTS = (
    CLASSIFY
    + """
SELECT LEAST(item.rank, ranked.rank) AS rank, COUNT(*), SUM(item.amount_residual)
  FROM item JOIN ranked USING (company_id, customer_id) GROUP BY 1"""
)

TABLE = """
CREATE TABLE bench_floor (
    id serial PRIMARY KEY, run_id int, line_id int, move_id int, company_id int, customer_id int,
    currency_id int, due date, amount_residual numeric, amount_residual_currency numeric,
    outcome varchar, rank int, checked boolean);
CREATE INDEX ON bench_floor (run_id, customer_id);
CREATE INDEX ON bench_floor (line_id);
CREATE INDEX ON bench_floor (customer_id)"""

INSERT = (
    CLASSIFY
    + f"""
INSERT INTO bench_floor (run_id, line_id, move_id, company_id, customer_id, currency_id, due,
                         amount_residual, amount_residual_currency, outcome, rank, checked)
SELECT 1, item.id, item.move_id, company_id, customer_id, item.currency_id, item.due,
       item.amount_residual, item.amount_residual_currency,
       CASE WHEN LEAST(item.rank, ranked.rank) IS NULL THEN 'included'
            WHEN LEAST(item.rank, ranked.rank) <= {RANK["archived"]} THEN 'dropped'
            ELSE 'unchecked' END,
       LEAST(item.rank, ranked.rank), LEAST(item.rank, ranked.rank) IS NULL
  FROM item JOIN ranked USING (company_id, customer_id)
 WHERE item.due < %(today)s AND item.amount_residual > 0"""
)


def query(code, env, companies, contacts=None):
    """Return one of the statements above over the open items of `companies`, or of `contacts`."""
    restriction = SQL()
    if contacts is not None:
        restriction = SQL("AND line.partner_id = ANY(%s)", array(contacts.ids))
    return SQL(
        code,
        restriction=restriction,
        today=fields.Date.today(),
        companies=companies.ids,
        type=env.ref("dunning_exclusion.type_overdue").id,
    )
