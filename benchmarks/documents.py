"""The entries of a ledger: the documents of patterns.py multiplied, their lines and payments."""

from odoo.tools import SQL

from .copies import copy_rows

# kind of document: how many of them a customer has
DOCUMENTS = {"single": 5, "half_paid": 1, "instalments": 1, "credit_or_single": 1, "paid": 2}
TABLES = ("account_move", "account_move_line", "account_partial_reconcile")


def plan_documents(env, companies, patterns, customers):
    """Make the temporary tables of what is copied, and of each copy: customer, factor, age."""
    base, count = customers
    env.cr.execute(
        """CREATE TEMP TABLE pattern_move (kind text, company_id int, currency text, move_id int)"""
    )
    for (kind, company_id, currency), moves in patterns.items():
        for move in moves:
            env.cr.execute(
                "INSERT INTO pattern_move VALUES (%s, %s, %s, %s)",
                [kind, company_id, currency, move.id],
            )
    env.cr.execute("CREATE TEMP TABLE slot (number int, kind text)")
    slots = [kind for kind, times in DOCUMENTS.items() for _time in range(times)]
    for number, kind in enumerate(slots):
        env.cr.execute("INSERT INTO slot VALUES (%s, %s)", [number, kind])
    methods = env["account.payment.method.line"].search(
        [("payment_type", "=", "inbound")], order="id"
    )
    method_of = {
        c: methods.filtered(lambda m, c=c: m.journal_id.company_id == c)[:1] for c in companies
    }
    env.cr.execute(
        SQL(
            """CREATE TEMP TABLE plan AS
               SELECT row_number() OVER () AS number, %(base)s + customer AS customer_id,
                      CASE WHEN customer %% 5 = 0 THEN %(base)s + %(count)s + customer / 5
                           ELSE %(base)s + customer END AS contact_id,
                      company_id, kind,
                      CASE WHEN chance %% 100 < 8 THEN 'EUR' WHEN chance %% 100 < 15 THEN 'GBP'
                           ELSE 'USD' END AS currency,
                      (1 + (chance / 7) %% 50000 / 100.0
                       + CASE WHEN kind = 'credit' AND customer %% 50 = 1 THEN 9000 ELSE 0 END
                      )::numeric(12, 2) AS factor,
                      (CASE WHEN chance / 3 %% 20 = 0 THEN -30 ELSE 1 + chance / 11 %% 300 END)::int
                          AS age,
                      CASE WHEN chance / 13 %% 20 = 0
                           THEN CASE company_id WHEN %(first)s THEN %(first_method)s
                                                ELSE %(second_method)s END::int END AS method_id,
                      chance / 17 %% 100 = 0 AS no_followup
                 FROM (SELECT customer,
                              CASE WHEN customer %% 20 = 7 THEN %(second)s ELSE %(first)s END
                                  AS company_id,
                              CASE WHEN slot.kind <> 'credit_or_single' THEN slot.kind
                                   WHEN customer %% 2 = 1 THEN 'credit' ELSE 'single' END AS kind,
                              hashint8(customer * 100 + slot.number)::bigint + 2147483648
                                  AS chance
                         FROM generate_series(1, %(count)s) customer CROSS JOIN slot
                        ORDER BY slot.number, customer) document""",
            base=base,
            count=count,
            first=companies[0].id,
            second=companies[1].id,
            first_method=method_of[companies[0]].id,
            second_method=method_of[companies[1]].id,
        )
    )
    env.cr.execute("ANALYZE plan")


def drop_indexes(env):
    """Drop the indexes that would slow the copying down; return how to make them again."""
    env.cr.execute(
        """SELECT indexname, indexdef FROM pg_indexes
            WHERE tablename = ANY(%s) AND indexname NOT LIKE '%%_pkey'""",
        [list(TABLES)],
    )
    indexes = env.cr.fetchall()
    for name, _definition in indexes:
        env.cr.execute(f'DROP INDEX "{name}"')
    return [definition for _name, definition in indexes]


def multiply_documents(env):
    for table in TABLES:
        env.cr.execute(f"SELECT COALESCE(MAX(id), 0) FROM {table}")
        env.cr.execute(f"CREATE TEMP SEQUENCE new_{table} START {env.cr.fetchone()[0] + 1}")
    env.cr.execute(
        """CREATE TEMP TABLE new_move AS
           SELECT nextval('new_account_move') AS id, plan.number, pattern_move.move_id AS pattern_id
             FROM plan JOIN pattern_move USING (kind, company_id, currency)
            ORDER BY plan.number, pattern_move.move_id"""
    )
    env.cr.execute("CREATE INDEX ON new_move (pattern_id); ANALYZE new_move")
    name = "pattern.sequence_prefix || lpad(new_move.id::text, 8, '0')"
    copy_rows(
        env,
        "account_move",
        "new_move JOIN plan USING (number) JOIN account_move pattern ON pattern.id = pattern_id",
        {
            "id": "new_move.id",
            "name": name,
            "payment_reference": name,
            "sequence_number": "new_move.id",
            "partner_id": "plan.contact_id",
            "partner_shipping_id": "plan.contact_id",
            "commercial_partner_id": "plan.customer_id",
            "preferred_payment_method_line_id": "plan.method_id",
            "access_token": "NULL",
        },
    )
    env.cr.execute(
        """CREATE TEMP TABLE new_line AS
           SELECT nextval('new_account_move_line') AS id, new_move.number, new_move.id AS move_id,
                  line.id AS pattern_id
             FROM new_move JOIN account_move_line line ON line.move_id = new_move.pattern_id
            ORDER BY new_move.id, line.id"""
    )
    env.cr.execute("CREATE INDEX ON new_line (number, pattern_id); ANALYZE new_line")
    env.cr.execute("SELECT COALESCE(MAX(id), 0) FROM account_full_reconcile")
    full_base = env.cr.fetchone()[0]
    full = f"CASE WHEN pattern.full_reconcile_id IS NOT NULL THEN {full_base} + plan.number END"
    matching = f"""CASE WHEN pattern.full_reconcile_id IS NOT NULL
                        THEN ({full_base} + plan.number)::text
                        WHEN pattern.matching_number IS NOT NULL THEN 'P' || plan.number END"""
    copy_rows(
        env,
        "account_move_line",
        """new_line JOIN plan USING (number)
           JOIN account_move_line pattern ON pattern.id = pattern_id""",
        {
            "id": "new_line.id",
            "move_id": "new_line.move_id",
            "move_name": "pattern.move_name",
            "partner_id": "plan.customer_id",
            "full_reconcile_id": full,
            "matching_number": matching,
            "no_followup": "pattern.no_followup OR plan.no_followup",
        },
    )
    multiply_reconciliations(env, full)


def multiply_reconciliations(env, full):
    copy_rows(
        env,
        "account_partial_reconcile",
        """account_partial_reconcile pattern
           JOIN new_line debit ON debit.pattern_id = pattern.debit_move_id
           JOIN new_line credit ON credit.pattern_id = pattern.credit_move_id
            AND credit.number = debit.number
           JOIN plan ON plan.number = debit.number""",
        {
            "id": "nextval('new_account_partial_reconcile')",
            "debit_move_id": "debit.id",
            "credit_move_id": "credit.id",
            "full_reconcile_id": full,
        },
    )
    env.cr.execute(
        """INSERT INTO account_full_reconcile (id, create_uid, create_date, write_uid, write_date)
           SELECT full_reconcile_id, 1, now(), 1, now() FROM account_partial_reconcile
            WHERE full_reconcile_id > (SELECT COALESCE(MAX(id), 0) FROM account_full_reconcile)"""
    )
    env.cr.execute(
        "SELECT setval('account_full_reconcile_id_seq', MAX(id)) FROM account_full_reconcile"
    )


def delete_patterns(env):
    """Delete what was copied, so that only multiplied documents remain."""
    moves = "SELECT move_id FROM pattern_move"
    lines = f"SELECT id FROM account_move_line WHERE move_id IN ({moves})"
    for statement in (
        f"DELETE FROM account_full_reconcile WHERE id IN (SELECT full_reconcile_id"
        f" FROM account_partial_reconcile WHERE debit_move_id IN ({lines}))",
        f"DELETE FROM account_partial_reconcile WHERE debit_move_id IN ({lines})",
        f"DELETE FROM account_move_line WHERE move_id IN ({moves})",
        f"DELETE FROM mail_message WHERE model = 'account.move' AND res_id IN ({moves})",
        f"DELETE FROM account_move WHERE id IN ({moves})",
    ):
        env.cr.execute(statement)
