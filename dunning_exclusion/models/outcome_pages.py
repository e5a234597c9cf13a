"""Pages of lists that show or ask for what the screening says.

A page needs no answer about everybody: customers, or records, are looked at in the order of the
list, some hundreds at a time, until the page and the number of records that the web client counts
are full. Where too few of them match, all are screened at once instead.
"""

import math
import re

from odoo.fields import Domain
from odoo.tools import SQL

from ..screening import statement

# As many are screened first as are expected to be enough; a `SAMPLE` where these are more than
# `FIRST`. Where no more than `GROWTH` match, `GROWTH` times as many as so far come next.
FIRST, SAMPLE, GROWTH = 700, 160, 8
# Which share of all is screened at most, but at least `FEWEST`, and never more than `MOST`.
SHARE, FEWEST, MOST = 0.4, 2000, 20_000


def complete(order):
    """Return `order` so that no two records are equal in it: pages have nothing twice."""
    return order if re.search(r"\bid\b", order) else f"{order}, id"


def walk(query, is_open, matching, wanted, expected, share=SHARE):
    """Return the first `wanted` ids of a list, or None where it is faster to screen everybody.

    :param query: Query of those who are looked at, in the order of the list
    :param is_open: whether anything is open of one of those, as SQL over its `listed.id`: only
        then it can have an outcome
    :param matching: returns the ids of the list that belong to some of those, in its order
    :param expected: a guess how many match for each who is looked at; it decides how many are
        screened first
    :param share: which share of all with something open are screened at most
    """
    env, found, seen = query._env, [], 0
    size = max(math.ceil(wanted / expected), 1)
    size = size if size <= FIRST else SAMPLE
    env.flush_all()
    query.limit = MOST
    while True:
        # A subquery, so that no more are asked whether they are open than are needed.
        some = "SELECT id FROM (%s) listed WHERE %s OFFSET %s LIMIT %s"
        rows = env.execute_query(SQL(some, query.select(), is_open, seen, size))
        batch = [row[0] for row in rows]
        found += matching(batch) if batch else []
        seen += len(batch)
        if len(found) >= wanted:
            return found[:wanted]
        if len(batch) < size:
            return found if _is_whole(query) else None
        limit = int(min(max(share * _count(env, query.table), FEWEST), MOST))
        missing = wanted - len(found)
        # Were three more found among those that were seen, it would still be too far.
        if seen + missing * seen / (len(found) + 3) > limit:
            return None
        # As if the rest matched as often as what was seen, with a margin for chance that is enough
        # 14 times of 15: a wider one costs more. Where it matches less often, steps are longer.
        known, rest = max(min(len(found), seen), 1), min(missing, seen)
        spread = 1.5 * math.sqrt(1 / known + 1 / rest)
        likely = math.ceil(missing * seen / max(len(found), 1) * (1 + spread))
        likely = max(likely, seen // 4)
        size = int(min(likely if len(found) > GROWTH else seen * GROWTH, limit - seen))


def _is_whole(query):
    """Return whether `query`, limited to `MOST` rows, has found all that there are."""
    [[count]] = query._env.execute_query(SQL("SELECT COUNT(*) FROM (%s) listed", query.select()))
    return count < MOST


def _count(env, table):
    """Return about how many rows `table` has, as PostgreSQL remembers it."""
    [[count]] = env.execute_query(SQL("SELECT reltuples FROM pg_class WHERE relname = %s", table))
    return count


def among(name, query):
    """Return the domain of the records whose field `name` is in the SELECT `query`.

    It is one answer that each record is looked up in. PostgreSQL, which expects a single row of it,
    would otherwise compare each record with each row.
    """

    def to_sql(model, alias, found):
        return SQL("(%s IN %s) IS TRUE", model._field_to_sql(alias, name, found), query)

    return Domain.custom(to_sql=to_sql)


def read_page(model, query, specification, count_limit, few=False):
    """Return what `web_search_read` returns, with page and number of records in one statement.

    Odoo asks for one after the other, and would screen everything twice.

    :param query: the query of the page, with offset and limit
    :param few: whether the query is about a handful of customers
    """
    rows = read_rows(model, query, few)
    length = rows[0][1] if rows else 0
    records = model.browse(row[0] for row in rows).web_read(specification)
    return {"length": min(length, count_limit or length), "records": records}


def read_rows(model, query, few=False):
    """Return (id, number of all records) of each record on the page that `query` is about.

    With the number PostgreSQL screens first and sorts then. It expects few rows, and would walk
    through an index in the order of the page, and look through the screening for each record.
    """
    columns = SQL.identifier(model._table, "id"), SQL("COUNT(*) OVER ()")
    with statement.planned(model.env, few):
        return model.env.execute_query(query.select(*columns))


def read_found(model, ids, specification, offset, limit, count_limit):
    """Return what `web_search_read` returns of the ids that `walk` has found."""
    page = ids[offset : offset + limit]
    length = min(len(ids), count_limit or len(ids)) if page else 0
    return {"length": length, "records": model.browse(page).web_read(specification)}
