"""A ledger of any size: a few documents made by Odoo itself, multiplied by SQL.

SQL copies all rows of the documents, with other ids, names, customers and dates, and with every
amount multiplied by the same factor: what was consistent stays consistent, whatever columns a
version of Odoo has. A sample of the ledger is compared with what Odoo computes.
"""

from odoo.tools import SQL

from .documents import make_companies, make_patterns

ITEMS_PER_CUSTOMER = 10
# kind of document: how many of them a customer has
DOCUMENTS = {"single": 5, "half_paid": 1, "instalments": 1, "credit_or_single": 1, "paid": 2}
TABLES = ["account_move", "account_move_line", "account_partial_reconcile"]
# numbers that are no amounts
SAME = {"quantity", "discount", "invoice_currency_rate", "partner_latitude", "partner_longitude"}
SAMPLE = 2000
COMPUTED = {
    "account.move.line": ["amount_residual", "amount_residual_currency", "reconciled"],
    "account.move": ["amount_residual", "amount_residual_signed", "amount_total", "payment_state"],
    "res.partner": ["commercial_partner_id", "complete_name", "email_normalized"],
}
# of the customer and the number of a document: which company, currency, amounts, days
PLAN = """
CREATE TEMP TABLE plan AS
SELECT row_number() OVER () AS number, %(base)s + customer AS customer_id,
       CASE WHEN customer %% 5 = 0 THEN %(base)s + %(count)s + customer / 5
            ELSE %(base)s + customer END AS contact_id,
       company_id, kind,
       CASE WHEN chance %% 100 < 8 THEN 'EUR' WHEN chance %% 100 < 15 THEN 'GBP'
            ELSE 'USD' END AS currency,
       (1 + (chance / 7) %% 50000 / 100.0
          + CASE WHEN kind = 'credit' AND customer %% 50 = 1 THEN 9000 ELSE 0 END
       )::numeric(12, 2) AS factor,
       (CASE WHEN chance / 3 %% 20 = 0 THEN -30 ELSE 1 + chance / 11 %% 300 END)::int AS age,
       CASE WHEN chance / 13 %% 20 = 0 THEN (%(methods)s::jsonb ->> company_id::text)::int END
           AS method_id,
       chance / 17 %% 100 = 0 AS no_followup
  FROM (SELECT customer,
               CASE WHEN customer %% 20 = 7 THEN %(second)s ELSE %(first)s END AS company_id,
               CASE WHEN slot.kind <> 'credit_or_single' THEN slot.kind
                    WHEN customer %% 10 IN (1, 3, 5) THEN 'credit' ELSE 'single' END AS kind,
               hashint8(customer * 100 + slot.number - 1)::bigint + 2147483648 AS chance
          FROM generate_series(1, %(count)s) customer
         CROSS JOIN unnest(%(slots)s) WITH ORDINALITY AS slot (kind, number)
         ORDER BY slot.number, customer) document;
ANALYZE plan"""
NEW_ROWS = """
CREATE TEMP SEQUENCE new_account_move;
SELECT setval('new_account_move', MAX(id)) FROM account_move;
CREATE TEMP SEQUENCE new_account_move_line;
SELECT setval('new_account_move_line', MAX(id)) FROM account_move_line;
CREATE TEMP TABLE new_move AS
SELECT nextval('new_account_move') AS id, plan.number, pattern_move.move_id AS pattern_id
  FROM plan JOIN pattern_move USING (kind, company_id, currency)
 ORDER BY plan.number, pattern_move.move_id;
CREATE INDEX ON new_move (pattern_id);
ANALYZE new_move;
CREATE TEMP TABLE new_line AS
SELECT nextval('new_account_move_line') AS id, new_move.number, new_move.id AS move_id,
       line.id AS pattern_id
  FROM new_move JOIN account_move_line line ON line.move_id = new_move.pattern_id
 ORDER BY new_move.id, line.id;
CREATE INDEX ON new_line (number, pattern_id);
ANALYZE new_line"""
# so that only multiplied documents remain
DELETE_PATTERNS = """
CREATE TEMP TABLE pattern_line AS
SELECT id, full_reconcile_id FROM account_move_line JOIN pattern_move USING (move_id);
DELETE FROM account_full_reconcile WHERE id IN (SELECT full_reconcile_id FROM pattern_line);
DELETE FROM account_partial_reconcile WHERE debit_move_id IN (SELECT id FROM pattern_line);
DELETE FROM account_move_line WHERE id IN (SELECT id FROM pattern_line);
CREATE TEMP TABLE pattern_message AS
SELECT id FROM mail_message
 WHERE model = 'account.move' AND res_id IN (SELECT move_id FROM pattern_move);
DELETE FROM mail_tracking_value WHERE mail_message_id IN (SELECT id FROM pattern_message);
DELETE FROM mail_message WHERE id IN (SELECT id FROM pattern_message);
DELETE FROM account_move WHERE id IN (SELECT move_id FROM pattern_move)"""


def fill(env, items):
    """Fill the database with `items` open receivable items of `items` / 10 customers."""
    companies = make_companies(env)
    patterns = list(make_patterns(env, companies))
    env.flush_all()
    # Foreign keys hold by construction; checking each row would take longer than making it.
    env.cr.execute("SET session_replication_role = replica")
    count = items // ITEMS_PER_CUSTOMER
    base = multiply_customers(env, count)
    plan_documents(env, companies, patterns, base, count)
    # So do the indexes: they are made again afterwards.
    env.cr.execute(
        """SELECT indexname, indexdef FROM pg_indexes
            WHERE tablename = ANY(%s) AND indexname NOT LIKE '%%\\_pkey'""",
        [TABLES],
    )
    indexes = env.cr.fetchall()
    for name, _definition in indexes:
        env.cr.execute(f'DROP INDEX "{name}"')
    multiply_documents(env)
    env.cr.execute(DELETE_PATTERNS)
    for _name, definition in indexes:
        env.cr.execute(definition.replace("%", "%%"))
    env.cr.execute("SET session_replication_role = origin")
    env.cr.commit()
    env.cr.execute("ANALYZE")
    env.cr.commit()
    check(env, items)


def copy_rows(env, table, source, changed):
    """Insert copies of `pattern`, a row of `table`; amounts and dates follow the row `plan`.

    :param source: what follows FROM
    :param changed: {column: its expression} of what is no copy
    """
    env.cr.execute(
        """SELECT column_name, data_type FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER'""",
        [table],
    )
    columns = dict(env.cr.fetchall())
    expressions = {}
    for name, kind in columns.items():
        expressions[name] = f'pattern."{name}"'
        if kind == "numeric" and name not in SAME:
            expressions[name] += " * plan.factor"
        elif kind == "date":
            expressions[name] += " - plan.age"
    expressions.update({name: changed[name] for name in changed if name in columns})
    names = ", ".join(f'"{name}"' for name in expressions)
    values = ", ".join(expressions.values())
    env.cr.execute(f"INSERT INTO {table} ({names}) SELECT {values} FROM {source}")
    env.cr.execute(f"SELECT setval('{table}_id_seq', MAX(id)) FROM {table}")


def multiply_customers(env, count):
    """Make `count` customers, and return the number that their ids follow.

    One in ten is below another one; one in twenty has no address for e-mails, one in two hundred is
    archived; one in five has an invoice contact to whom its invoices are addressed.
    """
    country = env.ref("base.be").id
    pattern = env["res.partner"].create({"name": "Pattern customer", "is_company": True})
    values = {"name": "Pattern contact", "type": "invoice", "parent_id": pattern.id}
    contact = env["res.partner"].create(values)
    env.flush_all()
    base = contact.id
    name = "'Customer ' || number"
    email = "CASE WHEN mod(number, 20) <> 3 THEN 'customer' || number || '@example.com' END"
    customers = {
        "id": f"{base} + number",
        "commercial_partner_id": f"{base} + number",
        "parent_id": f"CASE WHEN mod(number, 10) = 0 THEN {base} + number - 9 END",
        **dict.fromkeys(("name", "complete_name", "commercial_company_name"), name),
        **dict.fromkeys(("email", "email_normalized"), email),
        "active": "mod(number, 200) > 0",
        "country_id": f"CASE WHEN mod(number, 5) = 0 THEN {country} END",
        "ref": "'C' || number",
    }
    contacts = {
        "id": f"{base} + {count} + number / 5",
        **dict.fromkeys(("commercial_partner_id", "parent_id"), f"{base} + number"),
        "name": "'Accounts payable ' || number",
        "complete_name": f"{name} || ', Accounts payable ' || number",
        "commercial_company_name": name,
        **dict.fromkeys(("email", "email_normalized"), "'payable' || number || '@example.com'"),
    }
    for row, changed, numbers in (
        (pattern, customers, f"generate_series(1, {count})"),
        (contact, contacts, f"generate_series(5, {count}, 5)"),
    ):
        source = f"res_partner pattern, {numbers} number WHERE pattern.id = {row.id}"
        copy_rows(env, "res_partner", source, changed)
    (pattern | contact).unlink()
    return base


def plan_documents(env, companies, patterns, base, count):
    """Make temporary tables: what is copied, and of each copy its customer, factor and age."""
    env.cr.execute(
        "CREATE TEMP TABLE pattern_move (kind text, company_id int, currency text, move_id int)"
    )
    env.cr.execute_values(
        "INSERT INTO pattern_move VALUES %s",
        [(kind, own.id, name, move.id) for kind, own, name, moves in patterns for move in moves],
    )
    methods = env["account.payment.method.line"].search([("payment_type", "=", "inbound")])
    own = methods.sorted("id").grouped(lambda method: method.journal_id.company_id)
    chosen = ", ".join(f'"{company.id}": {own[company][0].id}' for company in companies)
    env.cr.execute(
        SQL(
            PLAN,
            base=base,
            count=count,
            first=companies[0].id,
            second=companies[1].id,
            methods=f"{{{chosen}}}",
            slots=[kind for kind, times in DOCUMENTS.items() for _time in range(times)],
        )
    )


def multiply_documents(env):
    env.cr.execute(NEW_ROWS)
    name = "pattern.sequence_prefix || lpad(new_move.id::text, 8, '0')"
    copy_rows(
        env,
        "account_move",
        "new_move JOIN plan USING (number) JOIN account_move pattern ON pattern.id = pattern_id",
        {
            **dict.fromkeys(("id", "sequence_number"), "new_move.id"),
            **dict.fromkeys(("name", "payment_reference"), name),
            **dict.fromkeys(("partner_id", "partner_shipping_id"), "plan.contact_id"),
            "commercial_partner_id": "plan.customer_id",
            "preferred_payment_method_line_id": "plan.method_id",
            "access_token": "NULL",
        },
    )
    env.cr.execute("SELECT COALESCE(MAX(id), 0) FROM account_full_reconcile")
    number = f"{env.cr.fetchone()[0]} + plan.number"
    full = f"CASE WHEN pattern.full_reconcile_id IS NOT NULL THEN {number} END"
    copy_rows(
        env,
        "account_move_line",
        """new_line JOIN plan USING (number)
           JOIN account_move_line pattern ON pattern.id = pattern_id""",
        {
            "id": "new_line.id",
            "move_id": "new_line.move_id",
            "partner_id": "plan.customer_id",
            "full_reconcile_id": full,
            "matching_number": f"""CASE WHEN pattern.full_reconcile_id > 0 THEN ({number})::text
                WHEN pattern.matching_number IS NOT NULL THEN 'P' || plan.number END""",
            "no_followup": "pattern.no_followup OR plan.no_followup",
        },
    )
    copy_rows(
        env,
        "account_partial_reconcile",
        """account_partial_reconcile pattern
           JOIN new_line debit ON debit.pattern_id = pattern.debit_move_id
           JOIN new_line credit ON credit.pattern_id = pattern.credit_move_id
            AND credit.number = debit.number
           JOIN plan ON plan.number = debit.number""",
        {
            "id": "nextval('account_partial_reconcile_id_seq')",
            "debit_move_id": "debit.id",
            "credit_move_id": "credit.id",
            "full_reconcile_id": full,
        },
    )
    env.cr.execute(
        """INSERT INTO account_full_reconcile (id, create_uid, create_date, write_uid, write_date)
           SELECT full_reconcile_id, 1, now(), 1, now() FROM account_partial_reconcile
            WHERE full_reconcile_id > (SELECT COALESCE(MAX(id), 0) FROM account_full_reconcile);
           SELECT setval('account_full_reconcile_id_seq', MAX(id)) FROM account_full_reconcile"""
    )


def check(env, items):
    """Raise AssertionError unless the ledger is what Odoo would have made of it."""
    found = env["account.move.line"].search_count(
        [
            ("account_id.account_type", "=", "asset_receivable"),
            ("parent_state", "=", "posted"),
            ("reconciled", "=", False),
        ]
    )
    assert found == items, f"{found} open items instead of {items}"
    for model, names in COMPUTED.items():
        env.cr.execute(
            f"SELECT id FROM {env[model]._table} ORDER BY id %% 7919, id LIMIT %s", [SAMPLE]
        )
        records = env[model].browse(row[0] for row in env.cr.fetchall())
        stored = {record: [record[name] for name in names] for record in records}
        for name in names:
            env.add_to_compute(records._fields[name], records)
        for record in records:
            computed = [record[name] for name in names]
            assert computed == stored[record], f"{record}: {stored[record]}, not {computed}"
    env.cr.rollback()
