from datetime import timedelta

from freezegun import freeze_time

from odoo.fields import Command
from odoo.tests import tagged

from .scenario_common import ScenarioCommon


@tagged("post_install", "-at_install")
class TestDunningWorkflowDays(ScenarioCommon):
    """On which days a workflow runs, and what is caught up of days that were missed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scenario.active = False

    def _create_old_workflow(self, **values):
        """Create a workflow that was there already a month ago."""
        with freeze_time(self.today - timedelta(days=30)):
            return self._create_workflow(**values)

    def test_workflow_runs_on_its_days_unless_a_person_chose_it(self):
        self.company.dunning_catch_up_days = 0
        self._create_invoice()
        workflow = self._create_old_workflow()
        for day in range(-7, 8):
            with self.subTest(day=day):
                self.assertEqual(
                    bool(self._reached(workflow, day=day, due_only=True)), day % 7 == 0
                )
                self.assertTrue(self._reached(workflow, day=day))

    def test_chosen_run_run_over_all_and_automatic_run(self):
        self._create_invoice()
        workflow = self._create_workflow(
            automatic=True, weekday=str((self.today.weekday() + 1) % 7)
        )
        chosen = [Command.set(workflow.ids)]
        self.assertTrue(self._create_run(scenario_ids=chosen).line_ids)
        self.assertFalse(self._create_run().line_ids)
        automatic = (
            self.env["dunning.run"]
            .sudo()
            .create({"company_id": self.company.id, "automatic": True, "scenario_ids": chosen})
        )
        automatic.action_prepare()
        self.assertFalse(automatic.line_ids)
        tomorrow = self.today + timedelta(days=1)
        self.assertTrue(self._create_run(date=tomorrow).line_ids)

    def test_missed_day_is_caught_up_within_the_set_days_only(self):
        self._create_invoice()
        for late, catch_up, expected in (
            (0, 0, True),
            (1, 0, False),
            (3, 3, True),
            (4, 3, False),
            (6, 30, True),
        ):
            with self.subTest(late=late, catch_up=catch_up):
                self.company.dunning_catch_up_days = catch_up
                missed = self.today - timedelta(days=late)
                workflow = self._create_old_workflow(weekday=str(missed.weekday()))
                self.assertEqual(bool(self._reached(workflow, due_only=True)), expected)

    def test_missed_day_is_caught_up_once(self):
        self._create_invoice()
        missed = self.today - timedelta(days=1)
        workflow = self._create_old_workflow(weekday=str(missed.weekday()))
        run = self._create_run()
        self.assertEqual(run.workflow_ids, workflow)
        self.assertTrue(self._reached(workflow, due_only=True), "preparing sends nothing")
        run.action_send()
        for day in (0, 1, 2):
            self.assertFalse(self._reached(workflow, day=day, due_only=True))
        run.notice_ids.sudo().state = "sent"
        self.assertTrue(self._reached(workflow, day=6, due_only=True))

    def test_day_that_nobody_met_the_conditions_is_not_missed(self):
        self._create_invoice(amount=100)
        workflow = self._condition("overdue", ">=", 150)
        self._create_run().action_send()
        self._create_invoice(amount=100)
        self.assertFalse(self._reached(workflow, day=1, due_only=True))
        self.assertTrue(self._reached(workflow, day=7, due_only=True))

    def test_cancelled_run_is_caught_up_for_those_who_got_nothing(self):
        self._create_invoice()
        other = self._create_invoice(self.other_customer)
        workflow = self._create_workflow()
        self._remind(self._items(other), workflow.level_ids)
        self.assertEqual(self._reached(workflow, due_only=True), {self.customer})
        self.assertEqual(self._reached(workflow, day=2, due_only=True), {self.customer})

    def test_day_before_the_start_is_not_missed(self):
        self._create_invoice()
        missed = self.today - timedelta(days=1)
        workflow = self._create_old_workflow(weekday=str(missed.weekday()), date_start=self.today)
        self.assertFalse(self._reached(workflow, due_only=True))
        workflow.date_start = missed
        self.assertTrue(self._reached(workflow, due_only=True))

    def test_nothing_goes_out_before_the_start(self):
        self._create_invoice()
        workflow = self._create_workflow(date_start=self.today + timedelta(days=1))
        self.assertFalse(self._reached(workflow))
        self.assertTrue(self._reached(workflow, day=1))

    def test_nobody_gets_the_same_action_twice_a_day(self):
        self._create_invoice()
        workflow = self._create_workflow()
        for state, expected in (("queued", False), ("sent", False), ("failed", True)):
            with self.subTest(state=state):
                notices = self._remind(
                    self._items(self.env["account.move"].search([("state", "=", "posted")])),
                    workflow.level_ids,
                    state=state,
                )
                self.assertEqual(bool(self._reached(workflow)), expected)
                notices.state = "failed"

    def test_next_date(self):
        tomorrow = self.today + timedelta(days=1)
        workflow = self._create_workflow(weekday=str(tomorrow.weekday()))
        self.assertEqual(workflow.next_date, tomorrow)
        workflow.weekday = str(self.today.weekday())
        self.assertEqual(workflow.next_date, self.today)
        workflow.date_start = tomorrow
        self.assertEqual(workflow.next_date, self.today + timedelta(days=7))
        workflow.frequency = "biweekly"
        # The week of the start counts, so the day is in the next week but one, or in that week.
        self.assertEqual((workflow.next_date - self.today).days, self._biweekly_distance(tomorrow))
        self.assertFalse(self.scenario.next_date)

    def _biweekly_distance(self, start):
        monday = start - timedelta(days=start.weekday())
        day = monday + timedelta(days=self.today.weekday())
        return ((day if day >= start else day + timedelta(days=14)) - self.today).days

    def test_next_date_is_the_following_one_when_todays_has_run(self):
        self._create_invoice()
        workflow = self._create_workflow()
        self._create_run().action_send()
        workflow.invalidate_recordset()
        self.assertEqual(workflow.next_date, self.today + timedelta(days=7))

    def test_every_second_week_counts_from_the_start(self):
        self._create_invoice()
        self.company.dunning_catch_up_days = 0
        workflow = self._create_workflow(frequency="biweekly", date_start=self.today)
        due = [day for day in range(30) if self._reached(workflow, day=day, due_only=True)]
        self.assertEqual(due, [0, 14, 28])
