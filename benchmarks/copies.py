"""Copies of rows by SQL, whatever columns a version of Odoo has."""

from odoo.tools import SQL

AMOUNTS = {
    "account_move": """amount_untaxed amount_tax amount_total amount_residual
        amount_untaxed_signed amount_untaxed_in_currency_signed amount_tax_signed
        amount_total_signed amount_total_in_currency_signed amount_residual_signed""",
    "account_move_line": """debit credit balance amount_currency tax_base_amount amount_residual
        amount_residual_currency price_unit price_subtotal price_total discount_amount_currency
        discount_balance""",
    "account_partial_reconcile": "amount debit_amount_currency credit_amount_currency",
    "account_full_reconcile": "",
    "res_partner": "",
}
DATES = {
    "account_move": "date invoice_date invoice_date_due",
    "account_move_line": "date invoice_date date_maturity",
    "account_partial_reconcile": "max_date",
}


def copied_columns(env, table, changed):
    """Return the (column, expression) pairs of a copy of `pattern`, a row of `table`.

    :param changed: {column: its expression}; amounts and dates follow the row `plan`
    """
    env.cr.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER'",
        [table],
    )
    amounts = set(AMOUNTS.get(table, "").split())
    dates = set(DATES.get(table, "").split())
    for (name,) in env.cr.fetchall():
        column = SQL.identifier("pattern", name)
        if name in changed:
            yield SQL.identifier(name), SQL(changed[name])
        elif name in amounts:
            yield SQL.identifier(name), SQL("%s * plan.factor", column)
        elif name in dates:
            yield SQL.identifier(name), SQL("%s - plan.age", column)
        else:
            yield SQL.identifier(name), column


def copy_rows(env, table, source, changed):
    columns, expressions = zip(*copied_columns(env, table, changed), strict=True)
    env.cr.execute(
        SQL(
            "INSERT INTO %s (%s) SELECT %s FROM %s",
            SQL.identifier(table),
            SQL(", ").join(columns),
            SQL(", ").join(expressions),
            SQL(source),
        )
    )
    set_sequence = f"SELECT setval(%s, (SELECT MAX(id) FROM {table}))"
    env.cr.execute(set_sequence, [f"{table}_id_seq"])
