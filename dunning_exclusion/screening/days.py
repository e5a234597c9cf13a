"""The days of customer-level workflows: plain functions of dates.

A rule is (frequency, weekday, week_of_month, anchor): weekday 0 is Monday, week_of_month is "1"
to "4" or "last" and counts that weekday in the month, anchor is any day of a week in which a
workflow runs that runs every second week.
"""

import calendar
from datetime import date, timedelta
from typing import NamedTuple


class Rule(NamedTuple):
    frequency: str
    weekday: int
    week_of_month: str = "1"
    anchor: date = date(1, 1, 1)


def last_day(rule, day):
    """Return the latest day of `rule` that is not after `day`."""
    if rule.frequency == "monthly":
        found = _day_in_month(rule, day)
        if found > day:
            found = _day_in_month(rule, day.replace(day=1) - timedelta(days=1))
        return found
    found = day - timedelta(days=(day.weekday() - rule.weekday) % 7)
    if rule.frequency == "biweekly" and (_week(found) - _week(rule.anchor)) % 2:
        found -= timedelta(days=7)
    return found


def next_day(rule, day):
    """Return the first day of `rule` that is not before `day`."""
    # No two days of a rule are further apart than five weeks.
    found = last_day(rule, day + timedelta(days=35))
    while (earlier := last_day(rule, found - timedelta(days=1))) >= day:
        found = earlier
    return found


def _day_in_month(rule, day):
    """Return the day of `rule` in the month of `day`."""
    first_weekday, length = calendar.monthrange(day.year, day.month)
    first = 1 + (rule.weekday - first_weekday) % 7
    if rule.week_of_month == "last":
        return day.replace(day=first + (length - first) // 7 * 7)
    return day.replace(day=first + 7 * (int(rule.week_of_month) - 1))


def _week(day):
    # The first day of Python's calendar was a Monday.
    return (day.toordinal() - 1) // 7
