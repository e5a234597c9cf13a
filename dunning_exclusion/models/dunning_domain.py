"""Domains that users write: understood, and accepted by PostgreSQL, before they are relied on."""

from ast import literal_eval

from odoo.fields import Domain
from odoo.tools import LazyTranslate

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
