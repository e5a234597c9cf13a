from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..models.dunning_calendar import Rule, last_day, next_day

DAYS = st.dates(date(1990, 1, 1), date(2120, 12, 31))
RULES = st.builds(
    Rule,
    frequency=st.sampled_from(["weekly", "biweekly", "monthly"]),
    weekday=st.integers(0, 6),
    week_of_month=st.sampled_from(["1", "2", "3", "4", "last"]),
    anchor=DAYS,
)


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

    @settings(deadline=None, database=None, max_examples=300)
    @given(RULES, DAYS)
    def test_last_day_is_the_latest_day_of_the_rule(self, rule, today):
        found = last_day(rule, today)
        self.assertLessEqual(found, today)
        self.assertTrue(is_day_of(rule, found))
        between = (today - found).days
        self.assertFalse(
            any(is_day_of(rule, found + timedelta(days=day + 1)) for day in range(between))
        )

    @settings(deadline=None, database=None, max_examples=300)
    @given(RULES, DAYS)
    def test_next_day_is_the_first_day_of_the_rule(self, rule, today):
        found = next_day(rule, today)
        self.assertGreaterEqual(found, today)
        self.assertTrue(is_day_of(rule, found))
        self.assertFalse(
            any(is_day_of(rule, today + timedelta(days=day)) for day in range((found - today).days))
        )
        self.assertEqual(last_day(rule, found), found)

    @settings(deadline=None, database=None, max_examples=100)
    @given(RULES.filter(lambda rule: rule.frequency == "monthly"), DAYS)
    def test_every_month_has_exactly_one_day(self, rule, today):
        first = today.replace(day=1)
        found = next_day(rule, first)
        self.assertEqual((found.year, found.month), (today.year, today.month))
        after = next_day(rule, found + timedelta(days=1))
        self.assertEqual((after.year * 12 + after.month) - (found.year * 12 + found.month), 1)
