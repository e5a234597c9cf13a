"""Domains that users write: understood, and accepted by PostgreSQL, before they are relied on."""

from ast import literal_eval

from psycopg2 import OperationalError

from odoo.fields import Domain
from odoo.tools import SQL, LazyTranslate

_lt = LazyTranslate(__name__)


def parse_domain(text):
    """Return a domain that a user wrote as a list; only literals are understood, nothing is run.

    :param text: the domain as text, or nothing
    :raise ValueError: when the text is not a list of conditions
    """
    try:
        domain = literal_eval(text or "[]")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ValueError(_lt("This is not a list of conditions.")) from error
    if not isinstance(domain, list):
        raise ValueError(_lt("This is not a list of conditions."))
    return domain


def search_query(Model, text):
    """Return the query of the records of `Model` that match the domain `text`.

    :raise ValueError: (or what Odoo raises for it) when the domain cannot be understood
    """
    return Model._search(Domain(parse_domain(text)))


def find_fault(Model, text):
    """Return why the domain `text` on `Model` cannot be evaluated, or False.

    Whoever writes a domain needs the right to read what it is about: it is evaluated with the
    rights of the system, and who is reminded would tell what is in a field.
    """
    # Odoo checks constraints in sudo, whoever writes.
    Model = Model.sudo(False)
    try:
        query = search_query(Model, text)
        query.limit = 1
        with Model.env.cr.savepoint(flush=False):
            Model.env.execute_query(query.select())
    except Exception as error:
        # not str(error): a text yet to be translated is translated with what it becomes a part of
        return error.args[0] if error.args and error.args[0] else type(error).__name__
    return False


def find_faults(env, makers):
    """Return {key: why its domain cannot be evaluated} of those that cannot.

    Both parts matter: that Odoo understands the domain, and that PostgreSQL accepts it. As long as
    nothing is broken this takes one query, however many domains there are.

    :param makers: {key: function that returns the query of its domain, or raises}
    """
    queries, faults = {}, {}
    for key, make_query in makers.items():
        try:
            queries[key] = make_query()
        except OperationalError:
            raise
        except Exception as error:
            faults[key] = str(error) or type(error).__name__
    if queries and _refused(env, queries.values()):
        for key, query in queries.items():
            if fault := _refused(env, [query]):
                faults[key] = fault
    return faults


def _refused(env, queries):
    """Return why PostgreSQL refuses one of `queries`, or False; no row is read for it."""
    probes = [SQL("(SELECT 1 FROM (%s) AS probe LIMIT 0)", query.select()) for query in queries]
    env.flush_all()
    try:
        with env.cr.savepoint(flush=False):
            env.execute_query(SQL(" UNION ALL ").join(probes))
    except OperationalError:
        raise
    except Exception as error:
        return str(error) or type(error).__name__
    return False
