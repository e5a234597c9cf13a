from collections import namedtuple
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import tagged

from .scenario_common import ScenarioCommon

LevelCase = namedtuple("LevelCase", "sequence delay repeat_every repeat_max minimum_amount")
# level: its place among the levels that the scenario has; days_ago: when the message was made
Sent = namedtuple("Sent", "level days_ago state")
ItemCase = namedtuple("ItemCase", "late history")

LEVELS = st.lists(
    st.builds(
        LevelCase,
        sequence=st.integers(1, 4),
        delay=st.integers(-10, 40),
        repeat_every=st.sampled_from([0, 0, 1, 7]),
        repeat_max=st.integers(0, 3),
        minimum_amount=st.sampled_from([0, 0, 100, 100.01]),
    ),
    min_size=4,
    max_size=4,
)
ITEMS = st.lists(
    st.builds(
        ItemCase,
        late=st.integers(-15, 60),
        history=st.lists(
            st.builds(
                Sent,
                level=st.integers(0, 3),
                days_ago=st.integers(0, 30),
                state=st.sampled_from(["sent", "sent", "sent", "failed", "skipped", "queued"]),
            ),
            max_size=5,
        ),
    ),
    min_size=3,
    max_size=3,
)


def expected_level(levels, item, min_days, start):
    """Return the place in `levels` of the one that `item` is at, or None: the table in Python."""
    sent = [entry for entry in item.history if entry.state == "sent"]
    if any(entry.state == "queued" for entry in item.history):
        return None
    if sent and min(entry.days_ago for entry in sent) < max(min_days, 1):
        return None
    order = sorted(range(len(levels)), key=lambda number: (levels[number].sequence, number))
    last = max((order.index(entry.level) for entry in sent), default=-1)

    def reached(number):
        level = levels[number]
        on_time = level.delay >= 0 or item.late <= 0
        begun = start is None or item.late <= start
        return item.late >= level.delay and on_time and begun and level.minimum_amount <= 100

    for place, number in enumerate(order):
        if place > last and reached(number):
            return number
    if last < 0:
        return None
    number, level = order[last], levels[order[last]]
    times = sum(entry.level == number for entry in sent)
    due = level.repeat_every and min(entry.days_ago for entry in sent) >= level.repeat_every
    if due and reached(number) and (not level.repeat_max or times <= level.repeat_max):
        return number
    return None


@tagged("post_install", "-at_install")
class TestDunningLevelProperties(ScenarioCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scenario.level_ids = [
            (0, 0, {"name": "Level 4", "sequence": 40, "type_id": cls.type_overdue.id})
        ]
        cls.levels = cls.scenario.level_ids.sorted("id")
        cls.items = cls._items(
            cls._create_invoice() + cls._create_invoice() + cls._create_invoice()
        ).sorted("id")

    def _set_up(self, levels, min_days, start):
        self.scenario.write(
            {
                "min_days_between": min_days,
                "date_start": start is not None and self.today - timedelta(days=start),
            }
        )
        for level, case in zip(self.levels, levels, strict=True):
            values = case._asdict()
            values["repeat_max"] = case.repeat_every and case.repeat_max
            level.write(values)

    def _set_late(self, item, late):
        # Around the accounting, which has nothing to do with what is tested.
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move_line SET date_maturity = %s WHERE id = %s",
            (self.today - timedelta(days=late), item.id),
        )

    def _forget(self):
        self.env.flush_all()
        self.env.cr.execute("DELETE FROM dunning_run_line")
        self.env.cr.execute("DELETE FROM dunning_notice")
        self.env.invalidate_all()

    def _level_numbers(self, day=0):
        names = self._candidates(day=day)
        numbers = {level.name: number for number, level in enumerate(self.levels)}
        return [numbers.get(names.get(item)) for item in self.items]

    @settings(deadline=None, database=None, max_examples=60)
    @given(LEVELS, ITEMS, st.sampled_from([0, 0, 3]), st.sampled_from([None, None, 0, 20]))
    def test_level_choice_agrees_with_the_table(self, levels, items, min_days, start):
        levels = [
            case._replace(repeat_max=case.repeat_every and case.repeat_max) for case in levels
        ]
        self._set_up(levels, min_days, start)
        for item, case in zip(self.items, items, strict=True):
            self._set_late(item, case.late)
            for entry in case.history:
                self._remind(item, self.levels[entry.level], -entry.days_ago, entry.state)
        expected = [expected_level(levels, case, min_days, start) for case in items]
        self.assertEqual(self._level_numbers(), expected)
        self._forget()

    @settings(deadline=None, database=None, max_examples=15)
    @given(
        LEVELS,
        st.integers(0, 3),
        st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=8, max_size=8),
    )
    def test_life_of_an_item(self, levels, min_days, visits):
        """Runs on random days, some of which fail: nothing is skipped, repeated or too early."""
        levels = [case._replace(repeat_every=0, repeat_max=0) for case in levels]
        self._set_up(levels, min_days, None)
        item = self.items[0]
        self._set_late(item, -5)
        day, sent = 0, []
        for wait, arrives in visits:
            day += wait
            number = self._level_numbers(day)[0]
            if number is None:
                continue
            self.assertGreaterEqual(day - 5, levels[number].delay, "too early")
            for last_day, last_number in sent[-1:]:
                self.assertGreaterEqual(day - last_day, max(min_days, 1))
                places = [(levels[n].sequence, n) for n in (last_number, number)]
                self.assertLess(places[0], places[1], "a level came back")
            self._remind(item, self.levels[number], day, "sent" if arrives else "failed")
            if arrives:
                sent.append((day, number))
        self._forget()
