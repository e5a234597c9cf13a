"""Checks of what clients send and people type, refused in words that say what to do.

A day in the year 9999 or a delay of millions of days would let lists, forecasts and the nightly
job fail for everybody. So each number and each date that people write has bounds, declared once in
its model::

    _date_within = Within("date", *DAYS)
"""

import math
from contextlib import contextmanager
from datetime import date

from psycopg2 import DataError

from odoo import fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import OrderedSet

DAYS = FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2199, 12, 31)
# Ten years: how many days something lasts or lies back.
TERM = (0, 3650)
AMOUNTS = (0, 10**15)
SEQUENCES = (-1_000_000, 1_000_000)
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


class Within(models.Constraint):
    """Bounds of a column: a constraint of the database, checked before by `check_bounds`."""

    def __init__(self, column, low, high):
        bounds = (f"'{value}'" if isinstance(value, date) else value for value in (low, high))
        super().__init__("CHECK ({} BETWEEN {} AND {})".format(column, *bounds))
        self.column, self.low, self.high = column, low, high

    def get_error_message(self, model, diagnostics=None):
        """Return which values the field can have."""
        return model.env._(
            "%(model)s: the field '%(field)s' takes values from %(low)s to %(high)s. Correct it.",
            model=model._description,
            field=model._fields[self.column]._description_string(model.env),
            low=self.low,
            high=self.high,
        )

    def allows(self, value):
        """Return whether `value`, as clients send it, can be written."""
        if value in (None, False, ""):
            return True
        try:
            if isinstance(self.low, date):
                return self.low <= fields.Date.to_date(value) <= self.high
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            return False
        # Where 0 is the least, a constraint of the model says what 0 means.
        low = -(10**9) if self.low == 0 else self.low
        return math.isfinite(number) and low <= number <= self.high


def check_bounds(model, vals_list):
    """Check the numbers and dates of `vals_list` before anything is calculated with them.

    :raise ValidationError: when one of them is out of bounds
    """
    for bound in model._table_objects.values():
        if isinstance(bound, Within):
            for vals in vals_list:
                if not bound.allows(vals.get(bound.column)):
                    raise ValidationError(bound.get_error_message(model))


def check_day(env, day):
    """Check that `day`, a date or nothing, is within `DAYS`.

    :raise ValidationError: when it is out of bounds
    """
    if day and not FIRST_DAY <= day <= LAST_DAY:
        raise ValidationError(
            env._(
                "The day %(day)s is not possible: choose one from %(low)s to %(high)s.",
                day=day,
                low=FIRST_DAY,
                high=LAST_DAY,
            )
        )
