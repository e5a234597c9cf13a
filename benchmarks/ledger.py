"""A ledger of any size: a few documents made by Odoo itself, multiplied by SQL.

Odoo makes each kind of document once per company and currency, over small amounts: an invoice, one
in three instalments, a credit note, one half paid and one paid. SQL then copies all their rows,
with other ids, names, customers and dates, and with every amount multiplied by the same factor:
what was consistent stays consistent, whatever columns a version of Odoo has.
"""

from .copies import copy_rows
from .documents import delete_patterns, drop_indexes, multiply_documents, plan_documents
from .patterns import make_companies, make_patterns

ITEMS_PER_CUSTOMER = 10


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
