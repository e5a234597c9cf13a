"""Money of customers that is there but not yet set against what they owe, as SQL.

Three kinds of it keep an item from being reminded:

- *credits*: unapplied payments and credit notes, which are open items themselves;
- *bank* lines: money on a bank statement that is not matched yet, of the customer, or naming one of
  its invoices;
- *directed* payments: those that are meant for one invoice, such as a payment in process, an online
  payment, or a bank line whose text names the invoice.

Credits are set against the items of the customer that are due, the oldest due date first (then by
id). Bank lines come after them, and first of all pay the invoices that they name. A line at the
bank of a company counts for its branches, too, which use its journals: for each of them, as nobody
knows yet for which it is. An item is held back when it is covered whole. Amounts are in company
currency. Bank lines and payments count for as many days as the company says
(`dunning_payment_days`): then somebody should have matched them.

The parts of the statement built here read `item`, see `screening.statement`.
"""

from datetime import timedelta

from odoo import models
from odoo.tools import SQL

from ..screening import items
from ..screening.statement import planned

# Marks between the words of a bank text. Marks inside words are removed, as some banks do it.
SEPARATORS = ",;:()[]{}<>\"'+*=|\\?!&#@\t\n\r"
INNER_MARKS = "/-_."
# Indexes cannot hold longer words.
LONGEST = 600


def words_sql(name) -> str:
    """Return the words of the column `name`, in an expression that indexes can hold."""
    return f"string_to_array({_spaced_sql(name)}, ' ') || {key_sql(name)}"


def _spaced_sql(name) -> str:
    """Return the words of the column `name` as a text, with spaces between them."""
    gaps = " " * len(SEPARATORS)
    marks = _quoted(SEPARATORS + INNER_MARKS)
    return f"UPPER(TRANSLATE(LEFT({name}, {LONGEST}), {marks}, '{gaps}'))"


def key_sql(name) -> str:
    """Return the column `name` as one word, as it may stand in a bank text."""
    marks = _quoted(SEPARATORS + INNER_MARKS + " ")
    return f"UPPER(TRANSLATE(LEFT({name}, {LONGEST}), {marks}, ''))"


def _quoted(text) -> str:
    escapes = {"\\": "\\\\", "'": "\\'", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
    return f"E'{text.translate(str.maketrans(escapes))}'"


IS_INVOICE = "state = 'posted' AND move_type IN ('out_invoice', 'out_receipt')"
# Where words of a bank line stand: alias and column.
TEXTS = (("bank", "payment_ref"), ("entry", "ref"), ("entry", "narration"))
# The bank lines in our indexes. The conditions are worded differently from those of Odoo's own
# indexes, which PostgreSQL might otherwise read whole. Without `fastupdate` new words go into the
# index at once: with it they wait in a list that each search has to read.
WORDS_INDEX = "USING gin (({words})) WITH (fastupdate = off) WHERE {which}"
UNMATCHED = "NOT COALESCE(is_reconciled, FALSE)"
OF_BANK = "COALESCE(statement_line_id, 0) > 0"
# From `FEW_CUSTOMERS` customers on all unmatched bank lines are read, if there are fewer than
# `LINES_PER_CUSTOMER` of them for each customer.
FEW_CUSTOMERS, LINES_PER_CUSTOMER = 50, 10
# The fields by which a bank text can name an invoice. The reference of most is their name.
NAMES = {"name": IS_INVOICE, "payment_reference": f"{IS_INVOICE} AND payment_reference <> name"}


class AccountBankStatementLine(models.Model):
    _inherit = "account.bank.statement.line"

    _dunning_words_index = models.Index(
        WORDS_INDEX.format(words=words_sql("payment_ref"), which=UNMATCHED)
    )
    _dunning_customer_index = models.Index(f"(partner_id) WHERE {UNMATCHED}")


def waiting(question, payments) -> SQL:
    """Return SELECT id, covered, under_way of the items for which money waits.

    :param payments: SELECT of the payments of single items: see `_payments_of_items` of
        `dunning.exclusion.condition`
    """
    return SQL(
        """WITH %(parts)s,
                queue AS (%(queue)s)
           SELECT id, BOOL_OR(covered) AS covered, BOOL_OR(under_way) AS under_way
             FROM (SELECT id, running <= credits AS covered, running > credits AS under_way
                     FROM queue
                    WHERE is_due AND (running <= credits
                                      OR bank > 0 AND running_after <= credits + bank)
                   UNION ALL
                   SELECT item_id, FALSE, TRUE FROM directed) money
            GROUP BY id""",
        parts=_parts(question, payments),
        queue=_queue(question),
    )


def sources(question, payments) -> SQL:
    """Return SELECT item_id, partner_id, source, day, amount, currency_id of what waits.

    For a handful of customers. What is meant for one item names it; what is of a customer has no
    item: its credits together (without a day), and each of its bank lines.
    """
    return SQL(
        """WITH item AS (
               SELECT line.id, line.move_id, line.company_id, line.amount_residual,
                      contact.commercial_partner_id AS partner_id, %(due)s AS date_due,
                      move.payment_state IN ('paid', 'in_payment', 'reversed') AS settled
               %(open_items)s),
           %(parts)s
           SELECT item_id, NULL::int AS partner_id, source, day, amount, currency_id FROM directed
           UNION ALL
           SELECT NULL, money.partner_id, 'credit', NULL, credits, company.currency_id
             FROM money JOIN res_company company ON company.id = company_id WHERE credits > 0
           UNION ALL
           SELECT NULL, partner_id, 'bank', day, amount, currency_id
             FROM (SELECT DISTINCT ON (bank_id, partner_id) * FROM bank_line) bank_line
            ORDER BY day, source, amount""",
        due=items.DATE_DUE,
        open_items=items.open_items(question),
        parts=_parts(question, payments),
    )


def items_of(question, entries) -> SQL:
    """Return `item` for a FROM, restricted to the items of `entries`, a SELECT of few ids.

    Without it PostgreSQL, which knows nothing of `item`, compares each item with each entry.
    """
    if question.few:
        return SQL("item")
    # IS TRUE keeps it from being planned as a join.
    return SQL("(SELECT * FROM item WHERE (move_id IN (%s)) IS TRUE) item", entries)


def is_recent(day, company_id, question) -> SQL:
    """Return whether a payment of `day` still counts in the company with the id `company_id`."""
    # sudo: the setting counts whoever asks
    by_days = question.companies.sudo().grouped("dunning_payment_days")
    # The days stand here as constants: joining the company costs more than all payments do.
    cases = [
        SQL(
            "%s = ANY(%s) AND %s >= %s",
            company_id,
            companies.ids,
            day,
            question.today - timedelta(days=days),
        )
        for days, companies in by_days.items()
        if days > 0
    ]
    return SQL("(%s)", SQL(" OR ").join(cases)) if cases else SQL("FALSE")


def _parts(question, payments) -> SQL:
    """Return the parts found, named, bank_line, directed and money."""
    some = question.listed and not question.many_items
    look_up = some and not question.few_bank_lines
    named = _named_by_items if look_up else _named_by_words
    return SQL(
        """found AS MATERIALIZED (%(named)s),
           named AS MATERIALIZED (
               SELECT found.bank_id, found.move_id, item.id AS item_id, item.company_id,
                      item.partner_id, item.amount_residual
                 FROM found JOIN %(items)s ON item.move_id = found.move_id),
           bank_line AS MATERIALIZED (%(bank)s),
           directed AS MATERIALIZED (
               SELECT named.item_id, 'bank' AS source, bank_line.day, bank_line.amount,
                      bank_line.currency_id
                 FROM named JOIN bank_line USING (bank_id, company_id)
                WHERE named.amount_residual > 0
                  AND (bank_line.has_payer OR bank_line.partner_id = named.partner_id)
               UNION ALL
               %(payments)s),
           money AS MATERIALIZED (
               SELECT company_id, partner_id, SUM(credits) AS credits, SUM(bank) AS bank
                 FROM (SELECT company_id, partner_id, -amount_residual AS credits, 0 AS bank
                         FROM item WHERE amount_residual < 0 AND settled IS NOT TRUE
                       UNION ALL
                       SELECT company_id, partner_id, 0, amount FROM bank_line) waits
                GROUP BY company_id, partner_id)""",
        named=named(question),
        items=items_of(question, SQL("SELECT move_id FROM found")),
        bank=_bank_lines(question),
        payments=payments,
    )


def _queue(question) -> SQL:
    """Return the items of customers with money, each with what is owed up to and with it."""
    return SQL(
        """SELECT id, is_due, credits, bank,
                  SUM(amount) FILTER (WHERE is_due) OVER (
                      PARTITION BY company_id, partner_id ORDER BY date_due, id) AS running,
                  SUM(amount) OVER (PARTITION BY company_id, partner_id
                                    ORDER BY is_named DESC, date_due, id) AS running_after
             FROM (SELECT item.id, item.company_id, item.partner_id, item.date_due,
                          item.amount_residual AS amount, money.credits, money.bank,
                          item.date_due <= %(today)s AS is_due,
                          item.move_id IN (SELECT move_id FROM named
                                             JOIN bank_line USING (bank_id, company_id)) AS is_named
                     FROM item
                     JOIN money ON money.company_id = item.company_id
                      AND money.partner_id = item.partner_id
                    WHERE item.amount_residual > 0 AND item.settled IS NOT TRUE) owed
            WHERE is_due OR is_named""",
        today=question.today,
    )


def _bank_lines(question) -> SQL:
    """Return SELECT bank_id, company_id, partner_id, has_payer, day, amount, currency_id of lines.

    A line without customer is of those whose invoices it names, company by company: so the answer
    is the same whatever companies and customers are asked about. What is left is in suspense.
    """
    return SQL(
        """SELECT bank.id AS bank_id, %(payee)s AS company_id, entry.date AS day,
                  COALESCE(payer.commercial_partner_id, invoiced.partner_id) AS partner_id,
                  payer.id IS NOT NULL AS has_payer,
                  COALESCE(open.amount, bank.amount) AS amount, company.currency_id
             FROM %(lines)s bank
             JOIN account_move entry ON entry.id = bank.move_id
             JOIN account_journal journal ON journal.id = bank.journal_id
             JOIN res_company company ON company.id = bank.company_id
             %(branches)s
             LEFT JOIN res_partner payer ON payer.id = bank.partner_id
             LEFT JOIN (SELECT DISTINCT bank_id, company_id, partner_id FROM named) invoiced
                    ON payer.id IS NULL AND invoiced.bank_id = bank.id
                   AND invoiced.company_id = %(payee)s
            CROSS JOIN LATERAL (
                SELECT -SUM(suspense.balance) AS amount FROM account_move_line suspense
                 WHERE suspense.move_id = bank.move_id
                   AND suspense.account_id + 0 = journal.suspense_account_id) open
            WHERE %(waits)s
              AND COALESCE(payer.commercial_partner_id, invoiced.partner_id) IS NOT NULL""",
        waits=_waits(question),
        branches=_branches(question),
        payee=_payee(question),
        lines=_lines(question),
    )


def _lines(question) -> SQL:
    """Return the bank lines among which the money of the customers of `question` is."""
    if question.customers is None:
        return SQL("account_bank_statement_line")
    # As arrays, which are looked up in an index whatever PostgreSQL expects.
    return SQL(
        """(SELECT * FROM account_bank_statement_line WHERE id = ANY(ARRAY(
               SELECT bank_id FROM named
               UNION ALL
               SELECT own.id FROM account_bank_statement_line own
                WHERE %s AND own.partner_id = ANY(%s))) OFFSET 0)""",
        SQL(UNMATCHED),
        items.contacts(question),
    )


def _owners(question) -> list:
    """Return the pairs of a company with a bank, and one whose items are paid there.

    A branch uses the journals of its parents, as in Odoo.
    """
    # sudo: the numbers of the parents of a company are no secret
    return [(up.id, one.id) for one in question.companies.sudo() for up in one.parent_ids]


def _branches(question) -> SQL:
    """Return the JOIN of the companies that the bank line `bank` may pay for, where not its own."""
    owners = _owners(question)
    if all(owner == payee for owner, payee in owners):
        return SQL()
    pairs = SQL(", ").join(SQL("(%s, %s)", *pair) for pair in owners)
    return SQL("JOIN (VALUES %s) paid (by_id, id) ON paid.by_id = bank.company_id", pairs)


def _payee(question) -> SQL:
    """Return the company that `bank` may pay for, beside the JOIN of `_branches`."""
    return SQL("paid.id") if _branches(question) else SQL("bank.company_id")


def _waits(question) -> SQL:
    return SQL(
        """bank.is_reconciled IS NOT TRUE AND bank.amount > 0 AND entry.state = 'posted' AND %s""",
        is_recent(SQL("entry.date"), _payee(question), question),
    )


def _named_by_words(question) -> SQL:
    """Return SELECT bank_id, move_id of the invoices that bank lines name, of everybody.

    The words of the lines are looked up in an index of the names of invoices.
    """
    invoices = SQL(" UNION ALL ").join(
        SQL(
            """SELECT id FROM account_move
                WHERE %s = word.word AND %s AND company_id = word.company_id""",
            SQL(key_sql(name)),
            SQL(which),
        )
        for name, which in NAMES.items()
    )
    texts = SQL(", ").join(SQL("(%s)", SQL.identifier(*text)) for text in TEXTS)
    # The words are those of `words_sql`; only a text with a digit can name an invoice.
    # OFFSET 0: otherwise PostgreSQL would read all invoices for a hash, and would take a text apart
    # once more for its words as one.
    return SQL(
        """SELECT DISTINCT word.bank_id, invoice.id AS move_id
             FROM (SELECT DISTINCT bank.id AS bank_id, %(payee)s AS company_id, word
                     FROM (SELECT * FROM account_bank_statement_line WHERE %(unmatched)s) bank
                    CROSS JOIN LATERAL (
                         SELECT * FROM account_move WHERE id = bank.move_id OFFSET 0) entry
                     %(branches)s
                    CROSS JOIN LATERAL (VALUES %(texts)s) said (text)
                    CROSS JOIN LATERAL (SELECT %(spaced)s AS words OFFSET 0) spaced
                    CROSS JOIN LATERAL unnest(string_to_array(spaced.words, ' ')
                                              || REPLACE(spaced.words, ' ', '')) word
                    WHERE %(waits)s AND said.text ~ '[0-9]' AND word ~ '[0-9]') word
            CROSS JOIN LATERAL (%(invoices)s OFFSET 0) invoice""",
        texts=texts,
        spaced=SQL(_spaced_sql("said.text")),
        unmatched=SQL(UNMATCHED),
        waits=_waits(question),
        branches=_branches(question),
        payee=_payee(question),
        invoices=invoices,
    )


def has_few_lines(env, customer_count):
    """Return whether all unmatched bank lines are read faster than the items of some customers.

    To read a bank line takes about as long as to look up the name of one item, and a customer is
    expected to have ten of them.
    """
    if customer_count < FEW_CUSTOMERS:
        return False
    most = customer_count * LINES_PER_CUSTOMER
    some = SQL("SELECT FROM account_bank_statement_line WHERE %s LIMIT %s", SQL(UNMATCHED), most)
    with planned(env, few=True):
        [[count]] = env.execute_query(SQL("SELECT COUNT(*) FROM (%s) bank", some))
    return count < most


def _named_by_items(question) -> SQL:
    """Return the same for some customers: the names of their invoices are looked up together.

    Where there are few bank lines, see `has_few_lines`, their words are looked up instead.
    """
    # IS TRUE keeps each invoice from being compared with each word.
    return SQL(
        """SELECT DISTINCT bank_id, move_id
             FROM (WITH invoice AS MATERIALIZED (
                       SELECT move.id AS move_id, move.company_id, named.key
                         FROM item CROSS JOIN LATERAL (
                              SELECT * FROM account_move WHERE id = item.move_id OFFSET 0) move
                        CROSS JOIN LATERAL (VALUES
                            (%(name)s),
                            (CASE WHEN move.payment_reference <> move.name
                                  THEN %(reference)s END)) named (key)
                        WHERE move.%(is_invoice)s AND named.key ~ '[0-9]'),
                         found AS MATERIALIZED (
                       SELECT bank_id, company_id, unnest(words) AS word FROM (%(found)s) bank),
                         hit AS MATERIALIZED (
                       SELECT * FROM invoice WHERE (key IN (SELECT word FROM found)) IS TRUE)
                   SELECT found.bank_id, invoice.move_id
                     FROM found
                     JOIN hit invoice ON invoice.key = found.word
                      AND (found.company_id, invoice.company_id) IN (%(owners)s)) named""",
        name=SQL(key_sql("move.name")),
        reference=SQL(key_sql("move.payment_reference")),
        owners=SQL(", ").join(SQL("(%s, %s)", *pair) for pair in _owners(question)),
        is_invoice=SQL(IS_INVOICE.replace("move_type", "move.move_type")),
        found=SQL(" UNION ALL ").join(_lines_with_names(*text) for text in TEXTS),
    )


def _lines_with_names(alias, column) -> SQL:
    """Return SELECT bank_id, company_id, words of the lines whose text has a name of `invoice`."""
    # OFFSET 0: otherwise PostgreSQL may read all lines and entries for the few that are asked for.
    of_entry = """account_move entry CROSS JOIN LATERAL (
                  SELECT * FROM account_bank_statement_line WHERE move_id = entry.id OFFSET 0) bank
                WHERE %s AND %s IS NOT NULL"""
    return SQL(
        """SELECT bank.id AS bank_id, bank.company_id, %(words)s AS words FROM %(source)s
              AND %(words)s && (SELECT ARRAY_AGG(DISTINCT key) FROM invoice)""",
        words=SQL("(%s)", SQL(words_sql(f"{alias}.{column}"))),
        source=SQL("account_bank_statement_line bank WHERE %s", SQL(UNMATCHED))
        if alias == "bank"
        else SQL(of_entry, SQL(OF_BANK), SQL.identifier(alias, column)),
    )
