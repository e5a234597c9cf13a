"""Checks a generated ledger against what Odoo itself computes."""

SAMPLE = 2000
# what must be 0: number of rows that contradict the reconciliations or the other lines
CONTRADICTIONS = {
    "items whose residual is not their balance less what was reconciled": """
        SELECT COUNT(*) FROM account_move_line line
          JOIN account_account account ON account.id = line.account_id
          LEFT JOIN (SELECT debit_move_id AS id, SUM(amount) AS amount
                       FROM account_partial_reconcile GROUP BY 1) debit ON debit.id = line.id
          LEFT JOIN (SELECT credit_move_id AS id, SUM(amount) AS amount
                       FROM account_partial_reconcile GROUP BY 1) credit ON credit.id = line.id
         WHERE account.account_type = 'asset_receivable'
           AND (line.amount_residual <> line.balance - COALESCE(debit.amount, 0)
                                        + COALESCE(credit.amount, 0)
                OR line.reconciled IS DISTINCT FROM (line.amount_residual = 0))""",
    "entries that are not balanced": """
        SELECT COUNT(*) FROM (SELECT move_id FROM account_move_line
                               GROUP BY move_id HAVING SUM(balance) <> 0) unbalanced""",
    "invoices whose residual is not that of their items": """
        SELECT COUNT(*) FROM (
            SELECT move.id FROM account_move move
              JOIN account_move_line line ON line.move_id = move.id
              JOIN account_account account ON account.id = line.account_id
             WHERE move.move_type <> 'entry' AND account.account_type = 'asset_receivable'
             GROUP BY move.id
            HAVING SUM(line.amount_residual) <> move.amount_residual_signed) wrong""",
    "items of a customer that is not the one of the invoice": """
        SELECT COUNT(*) FROM account_move_line line
          JOIN account_move move ON move.id = line.move_id
         WHERE move.commercial_partner_id <> line.partner_id""",
}
COMPUTED = {
    "account.move.line": ("amount_residual", "amount_residual_currency", "reconciled"),
    "account.move": ("amount_residual", "amount_residual_signed", "amount_total", "payment_state"),
    "res.partner": ("commercial_partner_id", "complete_name", "email_normalized"),
}


def check(env, items):
    """Raise AssertionError unless the ledger is what Odoo would have made of it."""
    for fault, query in CONTRADICTIONS.items():
        env.cr.execute(query)
        count = env.cr.fetchone()[0]
        assert not count, f"{count} {fault}"
    found = open_items(env)
    assert found == items, f"{found} open items instead of {items}"
    for model, names in COMPUTED.items():
        compare_sample(env[model].with_context(active_test=False), names)
    env.cr.rollback()


def open_items(env):
    env.cr.execute(
        """SELECT COUNT(*) FROM account_move_line line
             JOIN account_account account ON account.id = line.account_id
            WHERE account.account_type = 'asset_receivable' AND line.parent_state = 'posted'
              AND line.reconciled IS NOT TRUE"""
    )
    return env.cr.fetchone()[0]


def compare_sample(model, names):
    """Compute stored fields of a sample again, and compare with what is stored."""
    model.env.cr.execute(
        f"SELECT id FROM {model._table} ORDER BY id %% 7919, id LIMIT %s", [SAMPLE]
    )
    records = model.browse(row[0] for row in model.env.cr.fetchall())
    stored = {record: [record[name] for name in names] for record in records}
    for name in names:
        model.env.add_to_compute(model._fields[name], records)
    records._recompute_recordset(names)
    for record in records:
        computed = [record[name] for name in names]
        assert computed == stored[record], f"{record}: {names}: {stored[record]}, not {computed}"
