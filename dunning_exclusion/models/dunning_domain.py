"""Domains that users write: understood, and accepted by PostgreSQL, before they are relied on."""

from odoo.fields import Domain

from .dunning_exclusion_rule import parse_domain


def search_query(Model, text):
    """Return the query of the records of `Model` that match the domain `text`.

    :raise ValueError: (or what Odoo raises for it) when the domain cannot be understood
    """
    return Model._search(Domain(parse_domain(text)))


def find_fault(Model, text):
    """Return why the domain `text` on `Model` cannot be evaluated, or False."""
    try:
        query = Model._search(Domain(parse_domain(text)), limit=1)
        with Model.env.cr.savepoint(flush=False):
            Model.env.execute_query(query.select())
    except Exception as error:
        # not str(error): a text yet to be translated is translated with what it becomes a part of
        return error.args[0] if error.args and error.args[0] else type(error).__name__
    return False
