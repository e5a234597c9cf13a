"""A ledger of any size: a few documents made by Odoo itself, multiplied by SQL.

Odoo makes each kind of document once per company and currency, over small amounts: an invoice, one
in three instalments, a credit note, one half paid and one paid. SQL then copies all their rows,
with other ids, names, customers and dates, and with every amount multiplied by the same factor:
what was consistent stays consistent, whatever columns a version of Odoo has.
"""

from odoo import fields
from odoo.fields import Command
from odoo.tools import SQL

ITEMS_PER_CUSTOMER = 10
# kind of document: how many of them a customer has
DOCUMENTS = {"single": 5, "half_paid": 1, "instalments": 1, "credit_or_single": 1, "paid": 2}
FOREIGN = ("EUR", "GBP")
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
TABLES = ("account_move", "account_move_line", "account_partial_reconcile")


def fill(env, items):
    """Fill the database with `items` open receivable items of `items` / 10 customers."""
    companies = make_companies(env)
    patterns = make_patterns(env, companies)
    env.flush_all()
    # Foreign keys hold by construction; checking each row would take longer than making it.
    env.cr.execute("SET session_replication_role = replica")
    customers = multiply_customers(env, items // ITEMS_PER_CUSTOMER)
    plan_documents(env, companies, patterns, customers)
    indexes = drop_indexes(env)
    multiply_documents(env)
    delete_patterns(env)
    for definition in indexes:
        env.cr.execute(definition.replace("%", "%%"))
    env.cr.execute("SET session_replication_role = origin")
    env.cr.commit()
    env.cr.execute("ANALYZE")
    env.cr.commit()


# What Odoo makes ------------------------------------------------------------------------------


def make_companies(env):
    first = env.company
    second = env["res.company"].create(
        {"name": "Second Company", "currency_id": env.ref("base.USD").id}
    )
    env.user.company_ids |= second
    env["account.chart.template"].try_loading("generic_coa", second, install_demo=False)
    for name, rate in zip(FOREIGN, (0.5, 0.25), strict=True):
        # The rates are powers of two, so that every amount stays exact when it is multiplied.
        currency = env.ref(f"base.{name}")
        currency.active = True
        for company in first | second:
            values = {"name": "2000-01-01", "rate": rate, "company_id": company.id}
            env["res.currency.rate"].create({**values, "currency_id": currency.id})
    return first | second


def make_patterns(env, companies):
    """Return {(kind, company id, currency name): pattern moves}."""
    term = env["account.payment.term"].create(
        {
            "name": "Three instalments",
            "line_ids": [
                Command.create({"value": "percent", "value_amount": share, "nb_days": days})
                for share, days in ((25.0, 0), (25.0, 30), (50.0, 60))
            ],
        }
    )
    customer = env["res.partner"].create({"name": "Pattern", "is_company": True})
    patterns = {}
    for company in companies:
        for name in ("USD", *FOREIGN):
            maker = PatternMaker(env, company, env.ref(f"base.{name}"), customer, term)
            for kind in ("single", "half_paid", "instalments", "credit", "paid"):
                patterns[kind, company.id, name] = getattr(maker, kind)()
    return patterns


class PatternMaker:
    """Makes documents over amounts that stay exact when they are multiplied."""

    def __init__(self, env, company, currency, customer, term):
        self.env = env(context=dict(env.context, allowed_company_ids=company.ids))
        self.currency, self.customer, self.term = currency, customer, term
        self.company = company.with_env(self.env)

    def single(self):
        return self._invoice(1.0)

    def instalments(self):
        return self._invoice(4.0, invoice_payment_term_id=self.term.id)

    def credit(self):
        return self._invoice(1.0, move_type="out_refund")

    def half_paid(self):
        return self._paid(2.0, 1.0)

    def paid(self):
        return self._paid(1.0, 1.0)

    def _invoice(self, amount, **values):
        line = {"name": "Service", "price_unit": amount, "tax_ids": [Command.clear()]}
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.customer.id,
                "currency_id": self.currency.id,
                "invoice_date": fields.Date.today(),
                "invoice_payment_term_id": False,
                "invoice_line_ids": [Command.create(line)],
                **values,
            }
        )
        invoice.action_post()
        return invoice

    def _paid(self, amount, paid):
        invoice = self._invoice(amount)
        owed = receivable(invoice)
        company_amount = self.currency._convert(
            paid, self.company.currency_id, self.company, invoice.date
        )
        bank = self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.company.id)], limit=1
        )
        values = {
            "partner_id": self.customer.id,
            "currency_id": self.currency.id,
            "name": "Payment",
        }
        received = {"account_id": bank.default_account_id.id, "debit": company_amount}
        settled = {"account_id": owed.account_id.id, "credit": company_amount}
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "journal_id": bank.id,
                "date": invoice.date,
                "line_ids": [
                    Command.create({**values, **received, "amount_currency": paid}),
                    Command.create({**values, **settled, "amount_currency": -paid}),
                ],
            }
        )
        entry.action_post()
        (owed | receivable(entry)).reconcile()
        return invoice | entry


def receivable(move):
    return move.line_ids.filtered(lambda line: line.account_type == "asset_receivable")


# What SQL makes of it -------------------------------------------------------------------------


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


def multiply_customers(env, count):
    """Make `count` customers: companies, one in ten of them below another one, with contacts.

    One in twenty has no e-mail address, one in two hundred is archived; one in five has an invoice
    contact to whom its invoices are addressed.
    """
    country = env.ref("base.be").id
    pattern = env["res.partner"].create({"name": "Pattern customer", "is_company": True})
    contact = env["res.partner"].create(
        {"name": "Pattern contact", "type": "invoice", "parent_id": pattern.id}
    )
    env.flush_all()
    env.cr.execute("SELECT MAX(id) FROM res_partner")
    base = env.cr.fetchone()[0]
    name = "'Customer ' || number"
    email = "CASE WHEN mod(number, 20) > 0 THEN 'customer' || number || '@example.com' END"
    copy_rows(
        env,
        "res_partner",
        f"res_partner pattern, generate_series(1, {count}) number WHERE pattern.id = {pattern.id}",
        {
            "id": f"{base} + number",
            "commercial_partner_id": f"{base} + number",
            "parent_id": f"CASE WHEN mod(number, 10) = 0 THEN {base} + number - 9 END",
            "name": name,
            "complete_name": name,
            "commercial_company_name": name,
            "email": email,
            "email_normalized": email,
            "active": "mod(number, 200) > 0",
            "country_id": f"CASE WHEN mod(number, 5) = 0 THEN {country} END",
            "ref": "'C' || number",
        },
    )
    name = "'Accounts payable ' || number"
    copy_rows(
        env,
        "res_partner",
        f"res_partner pattern, generate_series(5, {count}, 5) number"
        f" WHERE pattern.id = {contact.id}",
        {
            "id": f"{base} + {count} + number / 5",
            "commercial_partner_id": f"{base} + number",
            "parent_id": f"{base} + number",
            "name": name,
            "complete_name": f"'Customer ' || number || ', ' || {name}",
            "commercial_company_name": "'Customer ' || number",
            "email": "'payable' || number || '@example.com'",
            "email_normalized": "'payable' || number || '@example.com'",
        },
    )
    (pattern | contact).unlink()
    return base, count


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
