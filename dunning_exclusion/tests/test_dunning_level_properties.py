import random
from collections import namedtuple
from datetime import timedelta

from odoo.tests import tagged

from .scenario_common import ScenarioCommon

LevelCase = namedtuple("LevelCase", "sequence delay repeat_every repeat_max minimum_amount")
# level: its place among the levels that the scenario has; days_ago: when the message was made
Sent = namedtuple("Sent", "level days_ago state")
ItemCase = namedtuple("ItemCase", "late history")


def random_levels(source):
    return [
        LevelCase(
            sequence=source.randint(1, 4),
            delay=source.randint(-10, 40),
            repeat_every=source.choice([0, 0, 1, 7]),
            repeat_max=source.randint(0, 3),
            minimum_amount=source.choice([0, 0, 100, 100.01]),
        )
        for _number in range(4)
    ]


def random_item(source):
    states = ["sent", "sent", "sent", "failed", "skipped", "queued"]
    history = [
        Sent(source.randint(0, 3), source.randint(0, 30), source.choice(states))
        for _number in range(source.randint(0, 5))
    ]
    return ItemCase(source.randint(-15, 60), history)


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

    def test_level_choice_agrees_with_the_table(self):
        for seed in range(60):
            with self.subTest(seed=seed):
                self._forget()
                self._check_level_choice(random.Random(seed))

    def _check_level_choice(self, source):
        levels = [
            case._replace(repeat_max=case.repeat_every and case.repeat_max)
            for case in random_levels(source)
        ]
        items = [random_item(source) for _item in self.items]
        min_days, start = source.choice([0, 0, 3]), source.choice([None, None, 0, 20])
        self._set_up(levels, min_days, start)
        for item, case in zip(self.items, items, strict=True):
            self._set_late(item, case.late)
            for entry in case.history:
                self._remind(item, self.levels[entry.level], -entry.days_ago, entry.state)
        expected = [expected_level(levels, case, min_days, start) for case in items]
        self.assertEqual(self._level_numbers(), expected)

    def test_life_of_an_item(self):
        """Runs on random days, some of which fail: nothing is skipped, repeated or too early."""
        for seed in range(15):
            with self.subTest(seed=seed):
                self._forget()
                self._check_life(random.Random(seed))

    def _check_life(self, source):
        levels = [case._replace(repeat_every=0, repeat_max=0) for case in random_levels(source)]
        min_days = source.randint(0, 3)
        self._set_up(levels, min_days, None)
        item = self.items[0]
        self._set_late(item, -5)
        day, sent = 0, []
        for _visit in range(8):
            day += source.randint(0, 9)
            number = self._level_numbers(day)[0]
            if number is None:
                continue
            self.assertGreaterEqual(day - 5, levels[number].delay, "too early")
            for last_day, last_number in sent[-1:]:
                self.assertGreaterEqual(day - last_day, max(min_days, 1))
                places = [(levels[n].sequence, n) for n in (last_number, number)]
                self.assertLess(places[0], places[1], "a level came back")
            arrives = source.choice([True, False])
            self._remind(item, self.levels[number], day, "sent" if arrives else "failed")
            if arrives:
                sent.append((day, number))
