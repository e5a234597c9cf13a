import os
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.models import BaseModel
from odoo.tests import tagged

from odoo.addons.mail.tests.common import MailCase

from ..models import dunning_sender
from .common import DunningCommon
from .simulated_world import FIRST_DAY, World

# What is stored of a line, and differs from list to list; and from world to world.
OF_THE_LIST = {"id", "run_id", "notice_id", "create_uid", "create_date", "write_uid", "write_date"}
BY_ID = {"message_key", "reason_ids", "action_ids", "held_action_ids"}


def seeds(default):
    """Return the seeds to look at: DUNNING_SEEDS=200 are more, DUNNING_SEEDS=17:18 is that one."""
    first, _colon, last = os.environ.get("DUNNING_SEEDS", str(default)).rpartition(":")
    return range(int(first or 0), int(last))


class SimulationCommon(DunningCommon, MailCase):
    """Two companies whose days differ, one of them a day ahead at noon in UTC, and a branch."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scenario.active = False
        cls.env["dunning.scenario"].search([]).active = False
        cls.env["res.company"].search([]).dunning_automatic_sending = False
        other = cls.setup_other_company(name="Second company")
        branch = cls.env["res.company"].create({"name": "Branch", "parent_id": cls.company.id})
        cls.companies = [cls.company, other["company"], branch]
        cls.data_of = {
            cls.company.id: cls.company_data,
            other["company"].id: other,
            # A branch uses the books of its parent.
            branch.id: cls.company_data,
        }
        (cls.company | branch).dunning_timezone = "Europe/Brussels"
        other["company"].dunning_timezone = "Pacific/Auckland"
        cls.env.user.company_ids |= other["company"] | branch
        cls.env = cls.env(
            context=dict(cls.env.context, allowed_company_ids=[one.id for one in cls.companies])
        )
        cls.env["res.lang"]._activate_lang("fr_FR")
        types = cls.env["dunning.reminder.type"].search([])
        types.template_id.with_context(lang="fr_FR").subject = "Rappel"
        cls.terms = cls._create_term(14) | cls._create_term(4, 24) | cls._create_term(10, 20, 30)
        cls.profiles = cls.env["dunning.profile"].create([{"name": "Strict"}, {"name": "Other"}])

    @contextmanager
    def _clock(self):
        """Let it be the first day of the simulation; `self.clock` moves on from there."""
        automation = type(self.env["dunning.automation"])
        with (
            freeze_time(datetime.combine(FIRST_DAY, time(12))) as self.clock,
            patch.object(automation, "_report_run", lambda *_args: None),
        ):
            yield


@tagged("post_install", "-at_install")
class TestSimulation(SimulationCommon):
    """Two months of nights in three companies, compared with a plain reading of the contract.

    A failure names its seed: `DUNNING_SEEDS=17:18 ./dev test test_simulation` repeats it.
    """


def _make_test(seed):
    def test(self):
        with self._clock():
            World(self, seed).live()

    return test


for number in seeds(2):
    setattr(TestSimulation, f"test_seed_{number}", _make_test(number))


@tagged("post_install", "-at_install")
class TestMetamorphic(SimulationCommon):
    """What must not matter for a list does not matter, in worlds made at random."""

    @contextmanager
    def _world(self, seed):
        """Give a world on its 30th day, with reminders that were sent on the 15th."""
        with self._clock(), self.env.cr.savepoint() as savepoint:
            world = World(self, seed)
            for day in (14, 29):
                world.day_number = day
                self.clock.move_to(datetime.combine(FIRST_DAY + timedelta(days=day), time(12)))
                if day == 14:
                    world.job()
                    world.deliver("up")
            yield world
            savepoint.rollback()
            self.env.invalidate_all()

    def _lines(self, run):
        """Return {(item, scenario): all that is stored of the line} but what names its list."""
        names = [
            name
            for name, field in run.line_ids._fields.items()
            if field.store and field.column_type and name not in OF_THE_LIST
        ]
        return {
            (line.move_line_id, line.scenario_id): {name: line[name] for name in names}
            for line in run.line_ids
        }

    def _told(self, run):
        """Return all that is stored of lines, by names: in another world the ids are others."""
        return sorted(
            str(
                {
                    name: value.mapped("display_name") if isinstance(value, BaseModel) else value
                    for name, value in line.items()
                    if name not in BY_ID
                }
            )
            for line in self._lines(run).values()
        )

    def _sent(self, run):
        return {
            (line.move_line_id, notice.level_id if line.action_ids else line.level_id)
            for notice in run.notice_ids
            for line in notice.line_ids
        }

    def test_preparing_twice_lists_the_same(self):
        for seed in range(2):
            with self.subTest(seed=seed), self._world(seed):
                run = self._create_run()
                before = self._lines(run)
                self.assertTrue(before)
                run.action_prepare()
                self.assertEqual(self._lines(run), before)
                self.assertEqual(self._lines(self._create_run()), before)

    def test_pausing_one_item_changes_nothing_else(self):
        for seed in range(2):
            with self.subTest(seed=seed), self._world(seed) as world:
                before = self._lines(self._create_run())
                item = world.random.choice([key[0] for key in before])
                self.env["dunning.block"].create(
                    {
                        "company_id": self.company.id,
                        "partner_id": item.partner_id.id,
                        "move_id": item.move_id.id,
                        "move_line_id": item.id,
                        "kind": "pause",
                        "date_to": world.today(self.company),
                    }
                )
                after = self._lines(self._create_run())
                self.assertEqual(after.keys(), before.keys())
                for key, line in after.items():
                    expected = before[key]
                    if key[0] == item:
                        self.assertEqual((line["outcome"], line["checked"]), ("dropped", False))
                        self.assertEqual(line["rule_id"].code, "pause_item")
                        # All else of the paused line is as it was.
                        why = ("outcome", "checked", "rule_id", "reason_ids")
                        expected |= {name: line[name] for name in why}
                    self.assertEqual(line, expected)

    def test_order_of_customers_does_not_matter(self):
        Sender = type(self.env["dunning.sender"])
        get_waiting_customers = Sender._get_waiting_customers
        sent = []
        for backwards in (False, True):

            def in_order(model, run, backwards=backwards):
                customers = get_waiting_customers(model, run)
                return customers[::-1] if backwards else customers

            with (
                self._world(3),
                patch.object(Sender, "_get_waiting_customers", in_order),
                patch.object(dunning_sender, "BATCH_SIZE", 1),
            ):
                run = self._create_run()
                run.action_send()
                names = {(item.name, level.name) for item, level in self._sent(run)}
                sent.append((names, self._told(run)))
        self.assertTrue(sent[0][0])
        self.assertEqual(*sent)

    def test_messages_sum_up_to_what_is_open_on_their_items(self):
        for seed in range(2):
            with self.subTest(seed=seed), self._world(seed):
                run = self._create_run()
                ticked = run.line_ids.filtered("checked")
                open_before = sum(ticked.move_line_id.mapped("amount_residual"))
                run.action_send()
                actions = {
                    (line.move_line_id, level) for line in ticked for level in line.level_ids
                }
                self.assertEqual(self._sent(run), actions)
                for notice in run.notice_ids:
                    own = sum(notice.line_ids.move_line_id.mapped("amount_residual"))
                    self.assertAlmostEqual(notice.amount, own)
                once = {line.move_line_id: line.amount_residual for line in run.notice_ids.line_ids}
                self.assertAlmostEqual(sum(once.values()), open_before)
