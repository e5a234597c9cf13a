import random
from datetime import date, timedelta

from odoo.tests import BaseCase, tagged

from ..screening.days import Rule, last_day, next_day

EARLIEST = date(1990, 1, 1)
DAYS_UNTIL_2120 = 47_846


def random_cases(count):
    """Yield (rule, day), the same ones in each run of the tests."""
    source = random.Random(1990)
    for _number in range(count):
        today, anchor = (
            EARLIEST + timedelta(days=source.randint(0, DAYS_UNTIL_2120)) for _which in range(2)
        )
        frequency = source.choice(["weekly", "biweekly", "monthly"])
        week = source.choice(["1", "2", "3", "4", "last"])
        yield Rule(frequency, source.randint(0, 6), week, anchor), today


def is_day_of(rule, day):
    """Say whether `day` is a day of `rule`, in the simplest way there is."""
    if day.weekday() != rule.weekday:
        return False
    if rule.frequency == "biweekly":
        anchor = rule.anchor - timedelta(days=rule.anchor.weekday())
        return (day - anchor).days // 7 % 2 == 0
    if rule.frequency == "monthly":
        if rule.week_of_month == "last":
            return (day + timedelta(days=7)).month != day.month
        return (day.day - 1) // 7 + 1 == int(rule.week_of_month)
    return True


@tagged("post_install", "-at_install")
class TestDunningCalendar(BaseCase):
    def test_days_of_workflows(self):
        for frequency, weekday, week, today, last, following in (
            # 1 January 2026 is a Thursday.
            ("weekly", 3, "1", date(2026, 1, 1), date(2026, 1, 1), date(2026, 1, 1)),
            ("weekly", 2, "1", date(2026, 1, 1), date(2025, 12, 31), date(2026, 1, 7)),
            ("biweekly", 0, "1", date(2026, 1, 1), date(2025, 12, 29), date(2026, 1, 12)),
            ("biweekly", 0, "1", date(2026, 1, 5), date(2025, 12, 29), date(2026, 1, 12)),
            ("biweekly", 4, "1", date(2026, 1, 2), date(2026, 1, 2), date(2026, 1, 2)),
            ("monthly", 0, "1", date(2026, 1, 4), date(2025, 12, 1), date(2026, 1, 5)),
            ("monthly", 0, "2", date(2026, 1, 12), date(2026, 1, 12), date(2026, 1, 12)),
            ("monthly", 0, "3", date(2026, 1, 31), date(2026, 1, 19), date(2026, 2, 16)),
            # January 2026 has five Thursdays, February four of every weekday.
            ("monthly", 3, "4", date(2026, 1, 25), date(2026, 1, 22), date(2026, 2, 26)),
            ("monthly", 3, "last", date(2026, 1, 25), date(2025, 12, 25), date(2026, 1, 29)),
            ("monthly", 3, "last", date(2026, 2, 1), date(2026, 1, 29), date(2026, 2, 26)),
            # February 2024 is a leap month with five Thursdays, February 2032 with five Sundays.
            ("monthly", 3, "last", date(2024, 2, 29), date(2024, 2, 29), date(2024, 2, 29)),
            ("monthly", 3, "4", date(2024, 2, 29), date(2024, 2, 22), date(2024, 3, 28)),
            ("monthly", 6, "last", date(2032, 2, 28), date(2032, 1, 25), date(2032, 2, 29)),
        ):
            rule = Rule(frequency, weekday, week, date(2026, 1, 1))
            with self.subTest(rule=rule, today=today):
                self.assertEqual(last_day(rule, today), last)
                self.assertEqual(next_day(rule, today), following)

    def test_last_day_is_the_latest_day_of_the_rule(self):
        for rule, today in random_cases(300):
            with self.subTest(rule=rule, today=today):
                found = last_day(rule, today)
                self.assertLessEqual(found, today)
                self.assertTrue(is_day_of(rule, found))
                later = (found + timedelta(days=day + 1) for day in range((today - found).days))
                self.assertFalse(any(is_day_of(rule, day) for day in later))

    def test_next_day_is_the_first_day_of_the_rule(self):
        for rule, today in random_cases(300):
            with self.subTest(rule=rule, today=today):
                found = next_day(rule, today)
                self.assertGreaterEqual(found, today)
                self.assertTrue(is_day_of(rule, found))
                earlier = (today + timedelta(days=day) for day in range((found - today).days))
                self.assertFalse(any(is_day_of(rule, day) for day in earlier))
                self.assertEqual(last_day(rule, found), found)

    def test_every_month_has_exactly_one_day(self):
        for rule, today in random_cases(300):
            if rule.frequency != "monthly":
                continue
            with self.subTest(rule=rule, today=today):
                found = next_day(rule, today.replace(day=1))
                self.assertEqual((found.year, found.month), (today.year, today.month))
                after = next_day(rule, found + timedelta(days=1))
                months = (after.year - found.year) * 12 + after.month - found.month
                self.assertEqual(months, 1)
