"""Checks of what clients send: arguments of public methods, and typed text.

Both may be anything, so they are understood, or refused in words that say what to do.
"""

from contextlib import contextmanager

from psycopg2 import DataError

from odoo import fields
from odoo.exceptions import UserError
from odoo.tools import OrderedSet

# The largest id that PostgreSQL keeps.
LAST_ID = 2**31 - 1
# The keys of a context that say what the user sees.
KEPT = ("lang", "tz", "uid", "allowed_company_ids")


def check_one(records):
    """Check that `records` is exactly one record, and that the user may read it.

    :raise UserError: when it is none or several, or when the user may not read it
    """
    if len(records) != 1:
        raise UserError(records.env._("Choose exactly one record for this."))
    records.check_access("read")


def read_record(model, res_id):
    """Return the record of `model` with the id `res_id`, which the user may read.

    :raise UserError: when there is no such record, or when the user may not read it
    """
    record = model.browse(read_ids(model.env, [res_id])).exists()
    if not record:
        raise UserError(model.env._("The record does not exist: reload the page."))
    record.check_access("read")
    return record


def read_ids(env, values):
    """Return `values` as a list when they are ids of records.

    :raise UserError: when they are not
    """
    if not isinstance(values, (list, tuple)) or not all(
        isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LAST_ID
        for value in values
    ):
        raise UserError(env._("Records are named by their ids, which are whole numbers above 0."))
    return list(values)


def read_date(env, value):
    """Return `value` as a date: a date already, or text like 2026-12-31; None when it is empty.

    :raise UserError: when it is neither
    """
    try:
        return fields.Date.to_date(value) if value else None
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(env._("The date must be a day written like 2026-12-31.")) from error


@contextmanager
def understand_domain(env):
    """Refuse a domain that Odoo or PostgreSQL cannot understand where it is used.

    :raise UserError: instead of the errors that are meant for programmers
    """
    try:
        yield
    except (TypeError, ValueError, AttributeError, KeyError, DataError) as error:
        raise UserError(
            env._(
                "The filter cannot be understood: correct its conditions. (%(error)s)", error=error
            )
        ) from error


def without_context(records):
    """Return `records` with what people choose in a context: language, time zone and companies.

    Everything else in the context of a client would steer what buttons do with the rights of the
    system: defaults of the messages, whether archived contacts get them, when a job commits.
    """
    context = {name: records.env.context[name] for name in KEPT if name in records.env.context}
    return records.with_env(records.env(context=context))


class _Typed:
    """Text that people type or clients send, without the character NUL.

    PostgreSQL cannot store it, and Odoo would answer with an error that is meant for programmers.
    """

    def _refuse_nul(self, env, value):
        values = value if isinstance(value, (list, tuple, set, OrderedSet)) else [value]
        if any(isinstance(text, str) and "\0" in text for text in values):
            raise UserError(
                env._(
                    "The field '%(field)s' contains a character that cannot be stored (NUL): "
                    "remove it, or type the text anew.",
                    field=self._description_string(env),
                )
            )

    def convert_to_cache(self, value, record, validate=True):
        """Override to refuse what is written; values of the database have no NUL."""
        if validate:
            self._refuse_nul(record.env, value)
        return super().convert_to_cache(value, record, validate)

    def condition_to_sql(self, field_expr, operator, value, model, alias, query):
        """Override to refuse what is searched for."""
        self._refuse_nul(model.env, value)
        return super().condition_to_sql(field_expr, operator, value, model, alias, query)


class Char(_Typed, fields.Char):
    """One line of typed text."""


class Text(_Typed, fields.Text):
    """Typed text of several lines."""
