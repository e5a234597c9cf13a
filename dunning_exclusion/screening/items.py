"""Which items are open, when they fall due, and what customers owe by them, as SQL.

The fragments use the aliases `line` (account_move_line), `move`, `contact` (the
res_partner of the line; the customer is `contact.commercial_partner_id`) and `company`.
"""

from odoo.tools import SQL

from .question import FEW_ITEMS, array

# The due date for dunning: a postponed due date counts only when it is later than the agreed one.
DATE_DUE = SQL("GREATEST(COALESCE(line.date_maturity, line.date), move.dunning_due_date)")

# When an item was issued.
ISSUED_ON = SQL("COALESCE(move.invoice_date, line.date)")


# Both read `line` and `contact`. For a handful of customers the items of each contact are looked up
# (OFFSET 0): in tables that were filled just now, PostgreSQL would read those of all customers.
ALL_ITEMS = """account_move_line line
           JOIN account_account account ON account.id = line.account_id
                AND account.account_type = 'asset_receivable'
           JOIN res_partner contact ON contact.id = line.partner_id"""
ITEMS_OF_EACH = """res_partner contact
          CROSS JOIN LATERAL (
               SELECT * FROM account_move_line
                WHERE partner_id = contact.id AND reconciled IS NOT TRUE
                  AND account_id = ANY(ARRAY(SELECT id FROM account_account
                                              WHERE account_type = 'asset_receivable'))
               OFFSET 0) line"""


def open_items(question, join=None) -> SQL:
    """Return FROM, with a further `join`, and WHERE of the open items `question` is about."""
    chosen = SQL()
    if question.few:
        chosen = SQL("AND %s", question.among(SQL("contact.commercial_partner_id")))
    elif question.customers is not None:
        chosen = SQL("AND line.partner_id = ANY(%s)", contacts(question))
    # `reconciled IS NOT TRUE` is what Odoo's own partial index on open items says.
    return SQL(
        """FROM %(lines)s
           JOIN account_move move ON move.id = line.move_id
           JOIN res_company company ON company.id = line.company_id
           %(join)s
          WHERE line.reconciled IS NOT TRUE AND line.parent_state = 'posted'
            AND line.company_id = ANY(%(companies)s) %(chosen)s""",
        lines=SQL(ITEMS_OF_EACH if question.few else ALL_ITEMS),
        join=join or SQL(),
        companies=list(question.companies.ids),
        chosen=chosen,
    )


def owes(customer) -> SQL:
    """Return whether anything is open of `customer`, an expression, looked up for each row.

    The other contacts of a customer owe nothing themselves. It is a subquery with a LIMIT, because
    PostgreSQL might read the items of all customers first to join them.
    """
    return SQL(
        "(SELECT TRUE FROM %s WHERE contact.commercial_partner_id = %s LIMIT 1)",
        SQL(ITEMS_OF_EACH),
        customer,
    )


def is_open(move) -> SQL:
    """Return whether any item of the entry `move`, an expression, is open; like `owes`."""
    return SQL(
        """(SELECT TRUE FROM account_move_line line
              JOIN account_account account ON account.id = line.account_id
                   AND account.account_type = 'asset_receivable'
             WHERE line.move_id = %s AND line.reconciled IS NOT TRUE LIMIT 1)""",
        move,
    )


def has_many(question) -> SQL:
    """Return SELECT of whether the customers of `question` have more than `FEW_ITEMS` items."""
    return SQL(
        "SELECT COUNT(*) > %s FROM (SELECT FROM %s WHERE %s LIMIT %s) item",
        FEW_ITEMS,
        SQL(ITEMS_OF_EACH),
        question.among(SQL("contact.commercial_partner_id")),
        FEW_ITEMS + 1,
    )


def contacts_of(question) -> SQL:
    """Return SELECT of the ids of all contacts of the customers of `question`."""
    customers = question.among(SQL("commercial_partner_id"))
    return SQL("SELECT id FROM res_partner WHERE %s", customers)


def contacts(question) -> SQL:
    """Return the array of all contacts of the customers of `question`.

    PostgreSQL looks up an array in an index, whatever it expects of the tables. Of many, it works
    with several processes where it sees how many they are.
    """
    if question.contacts is None:
        return SQL("ARRAY(%s)", contacts_of(question))
    return array(question.contacts)


def owed(today) -> SQL:
    """Return the columns `outstanding` and `overdue` of grouped items, in company currency."""
    return SQL(
        """SUM(amount_residual) AS outstanding,
           COALESCE(SUM(amount_residual) FILTER (WHERE date_due < %s), 0) AS overdue""",
        today,
    )


def is_owed(currency, amount, outstanding, creditor_chosen):
    """Return whether a message is about money that is owed: one over zero or less is not sent.

    :param currency: the company's, in which the amounts are
    :param amount: what the message is about
    :param outstanding: what the customer owes, credits and unapplied payments deducted
    :param creditor_chosen: whether somebody reminds the customer although it is a creditor
    """
    if currency.compare_amounts(amount, 0) <= 0:
        return False
    return creditor_chosen or currency.compare_amounts(outstanding, 0) > 0


def balances(question) -> SQL:
    """Return SELECT company_id, partner_id, outstanding, overdue: one row for each customer."""
    return SQL(
        """SELECT company_id, partner_id, %(owed)s
             FROM (SELECT line.company_id, contact.commercial_partner_id AS partner_id,
                          %(date_due)s AS date_due, line.amount_residual %(open_items)s) AS item
            GROUP BY company_id, partner_id""",
        owed=owed(question.today),
        date_due=DATE_DUE,
        open_items=open_items(question),
    )


def customers_of(owner) -> SQL:
    """Return SELECT of the ids of the customers to whom the items or entries of `owner` belong."""
    # OFFSET 0: otherwise PostgreSQL, where it has no statistics, reads all contacts to join them.
    return SQL(
        """SELECT DISTINCT contact.commercial_partner_id FROM account_move_line line
            CROSS JOIN LATERAL (SELECT commercial_partner_id FROM res_partner
                                 WHERE id = line.partner_id OFFSET 0) contact WHERE %s""",
        owner.matches("line"),
    )
