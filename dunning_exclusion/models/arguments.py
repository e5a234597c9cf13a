"""Checks of what clients send and people type; the errors say what to do.

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

from ..screening.question import LAST_ID

DAYS = FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2199, 12, 31)
# How many days something lasts or lies back: ten years at most.
TERM = (0, 3650)
AMOUNTS = (0, 10**15)
SEQUENCES = (-1_000_000, 1_000_000)
NOT_UNDERSTOOD = TypeError, ValueError, AttributeError, KeyError, OverflowError, RecursionError
KEPT = ("lang", "tz", "uid", "allowed_company_ids")


def check_one(records):
    """Raise a UserError unless `records` is exactly one record that the user may read."""
    if len(records) != 1:
        raise UserError(records.env._("Choose exactly one record for this."))
    check_all(records)


def check_all(records):
    """Raise a UserError unless `records` are saved and the user may read them."""
    read_ids(records.env, records._ids)
    records.check_access("read")


def read_record(model, res_id):
    """Return the record with this id; raise a UserError unless it exists and may be read."""
    record = model.browse(read_ids(model.env, [res_id])).exists()
    if not record:
        raise UserError(model.env._("The record does not exist: reload the page."))
    record.check_access("read")
    return record


def read_ids(env, values):
    """Return `values` as a list; raise a UserError unless they are ids of records."""
    if not isinstance(values, (list, tuple)) or not all(
        isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LAST_ID
        for value in values
    ):
        raise UserError(env._("Records are named by their ids, which are whole numbers above 0."))
    return list(values)


def read_selected(model):
    """Return the records that are selected on the screen; raise a UserError for other values."""
    return model.browse(read_ids(model.env, model.env.context.get("active_ids") or []))


def read_date(env, value):
    """Return `value`, a date, text like 2026-12-31 or nothing, as a date or None.

    :raise UserError: when it is something else, or not within `DAYS`
    """
    try:
        day = fields.Date.to_date(value) if value else None
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(env._("The date must be a day written like 2026-12-31.")) from error
    if day and not FIRST_DAY <= day <= LAST_DAY:
        raise ValidationError(
            env._(
                "The day %(day)s is not possible: choose one from %(low)s to %(high)s.",
                day=day,
                low=FIRST_DAY,
                high=LAST_DAY,
            )
        )
    return day


def get_own_defaults(model, names):
    """Return the defaults that the fields `names` of `model` declare, not those of the user.

    In Odoo every employee may choose defaults, which hold also where the system creates something.
    """
    fields_by_name = {name: model._fields[name] for name in names if model._fields[name].default}
    return {
        name: field.convert_to_write(
            field.convert_to_cache(field.default(model), model, validate=False), model
        )
        for name, field in fields_by_name.items()
    }


@contextmanager
def understand_domain(env):
    """Raise a UserError where Odoo or PostgreSQL raise errors about a domain for programmers."""
    try:
        yield
    except (*NOT_UNDERSTOOD, DataError) as error:
        raise UserError(
            env._(
                "The filter cannot be understood: correct its conditions. (%(error)s)", error=error
            )
        ) from error


def without_context(records):
    """Return `records` with only language, time zone, user and companies of their context.

    Buttons act with the rights of the system: nothing else that a client puts into its context may
    decide on messages, archived contacts or commits.
    """
    context = {name: records.env.context[name] for name in KEPT if name in records.env.context}
    return records.with_env(records.env(context=context))


def tracked(records):
    """Return `records` whose changes Odoo notes, even when a client asks for no notes."""
    if records.env.su:
        return records
    return records.with_context(tracking_disable=False, mail_notrack=False)


class _Typed:
    """Text without the character NUL, which PostgreSQL cannot store: the error says so."""

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
        """Override to refuse it in what is written."""
        if validate:
            self._refuse_nul(record.env, value)
        return super().convert_to_cache(value, record, validate)

    def condition_to_sql(self, field_expr, operator, value, model, alias, query):
        """Override to refuse it in what is searched for."""
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
        """Return the message of PostgreSQL's refusal: which values the field can have."""
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
        # The constraints of the models explain better why a value must not be negative.
        low = -(10**9) if self.low == 0 else self.low
        return math.isfinite(number) and low <= number <= self.high


def check_bounds(model, vals_list):
    """Raise a ValidationError if a number or date of `vals_list` is out of its bounds."""
    for bound in model._table_objects.values():
        if isinstance(bound, Within):
            for vals in vals_list:
                if not bound.allows(vals.get(bound.column)):
                    raise ValidationError(bound.get_error_message(model))
