"""Bounds of numbers and dates.

A day in the year 9999 or a delay of millions of days is a mistake, and whatever calculates with it
fails for everybody: lists, forecasts, the nightly job. So each number and each date that people
write has bounds, declared once in its model::

    _date_within = Within("date", *DAYS)
"""

import math
from datetime import date

from odoo import fields, models
from odoo.exceptions import ValidationError

DAYS = FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2199, 12, 31)
# Ten years: how many days something lasts or lies back.
TERM = (0, 3650)
AMOUNTS = (0, 10**15)
SEQUENCES = (-1_000_000, 1_000_000)


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
