from datetime import timedelta

from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from ..models.scenario_sentence import short_date
from .stories_common import StoryCommon


@tagged("post_install", "-at_install")
class TestAtMostOneMessage(StoryCommon):
    """At most one message to a customer in so many days, over all scenarios."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.dunning_min_days_between_messages = 7
        cls.rule = cls.env.ref("dunning_exclusion.rule_reminded_recently")

    def _reminded(self, days_ago, level=None, **values):
        """Let a new customer be reminded of one item; return another item that is due."""
        customer = self._create_customer(f"Reminded {days_ago} {values}")
        first, second = self._create_invoice(customer), self._create_invoice(customer)
        level = level or self.scenario.level_ids[0]
        self._remind(self._items(first), level, -days_ago).write(values)
        return second

    def test_days_since_the_last_message(self):
        for days_ago, outcome in ((0, "unchecked"), (6, "unchecked"), (7, "included")):
            with self.subTest(days_ago=days_ago):
                other = self._reminded(days_ago)
                rule = "reminded_recently" if outcome == "unchecked" else None
                self.assertOutcome(other, outcome, rule)
                line = self._create_run().line_ids.filtered(lambda line, i=other: line.move_id == i)
                self.assertEqual((line.outcome, line.checked), (outcome, outcome == "included"))

    def test_what_is_a_message_to_the_customer(self):
        for values, outcome in (
            ({"state": "failed"}, "included"),
            ({"state": "skipped"}, "included"),
            ({"action": "internal"}, "included"),
            ({"action": "activity"}, "included"),
            ({"action": "letter"}, "unchecked"),
        ):
            with self.subTest(values):
                other = self._reminded(3, **values)
                rule = "reminded_recently" if outcome == "unchecked" else None
                self.assertOutcome(other, outcome, rule)

    def test_message_on_its_way_counts_however_old_it_is(self):
        other = self._reminded(90, state="queued", action="letter")
        self.assertOutcome(other, "unchecked", "reminded_recently")
        reason = other.dunning_explain()[0]
        self.assertEqual(reason["reason"], "Got a message recently: a message is on its way")
        self.assertFalse(reason["until"])

    def test_reason_names_the_day_of_the_last_message(self):
        other = self._reminded(3)
        for record in (other, other.partner_id, self._items(other)):
            [reason] = record.dunning_explain()
            day = self.today - timedelta(days=3)
            self.assertEqual(reason["rule"], "reminded_recently")
            self.assertEqual((reason["since"], reason["until"]), (day, day + timedelta(days=6)))
            self.assertIn(short_date(self.env, day), reason["reason"])
            self.assertEqual((reason["marker"], reason["level"]), ("customer", "customer"))
        self.assertFalse(other.dunning_explain(self._days(4)))
        self.assertTrue(other.dunning_explain(self._days(3)))
        # What is asked of a day before it was sent
        self.assertFalse(other.dunning_explain(self._days(-4)))

    def test_found_by_search_report_and_outcome(self):
        other = self._reminded(3)
        screening = self.env["dunning.screening"].search([("rule_ids", "in", self.rule.ids)])
        self.assertIn(self._items(other), screening.move_line_id)
        report = self.env["dunning.exclusion.report"].search([("rule_id", "=", self.rule.id)])
        self.assertIn(self._items(other), report.move_line_id)
        unchecked = self.env["res.partner"].search([("dunning_outcome", "=", "unchecked")])
        self.assertIn(other.partner_id, unchecked)

    def test_zero_is_no_limit_and_other_companies_do_not_count(self):
        other = self._reminded(0)
        self.company.dunning_min_days_between_messages = 0
        self.assertOutcome(other, "included")
        self.company.dunning_min_days_between_messages = 7
        second = self.setup_other_company(name="Second")["company"]
        second.dunning_min_days_between_messages = 7
        elsewhere = self._create_invoice(other.partner_id, company_id=second.id)
        self.assertOutcome(elsewhere.with_company(second), "included")

    def test_settings_are_days_from_zero(self):
        for name in ("dunning_min_days_between_messages", "dunning_no_fall_back_days"):
            with self.subTest(name), self.assertRaises(ValidationError):
                self.company[name] = -1

    def _both(self, **values):
        """Return a run in which a customer has a line of a scenario, and one of a workflow."""
        self.scenario.sequence = 1
        workflow = self._create_workflow(sequence=2, **values)
        self._create_invoice()
        run = self._create_run(scenario_ids=(self.scenario | workflow).ids)
        return run, *self._lines_of(run)

    def _lines_of(self, run):
        """Return the line of the scenario, and that of the workflow."""
        first = run.line_ids.filtered(lambda line: line.scenario_id == self.scenario)
        return first, run.line_ids - first

    def test_one_list_has_one_message_to_a_customer(self):
        run, first, second = self._both()
        self.assertEqual((first.checked, first.rule_id.id), (True, False))
        self.assertEqual(
            (second.checked, second.outcome, second.rule_id), (False, "unchecked", self.rule)
        )
        run.action_send()
        self.assertEqual(run.notice_ids.line_ids, first)
        self.assertEqual(list(self._deliver().values()), [1])
        self.assertEqual((second.outcome, second.rule_id), ("unchecked", self.rule), "it says why")

    def test_the_scenario_that_comes_first_has_the_message(self):
        run, _first, _second = self._both()
        self.scenario.sequence = 3
        run.action_prepare()
        first, second = self._lines_of(run)
        self.assertEqual((first.checked, second.checked), (False, True))

    def test_what_is_not_sent_keeps_nothing_else_from_being_sent(self):
        run, _first, _second = self._both()
        self.customer.dunning_type_off_ids = self.type_overdue
        run.action_prepare()
        first, second = self._lines_of(run)
        self.assertEqual((first.outcome, second.checked), ("dropped", True))

    def test_first_message_that_is_stopped_since_makes_way_for_no_other(self):
        run, first, second = self._both()
        self.customer.dunning_type_off_ids = self.type_overdue
        run.action_send()
        self.assertFalse(run.notice_ids, "nobody has selected the other one")
        self.assertFalse(first.checked or second.checked)

    def test_a_person_sends_both_against_the_reason(self):
        run, first, second = self._both()
        second.checked = True
        run.action_send()
        self.assertEqual(run.notice_ids.line_ids, first | second)
        self.assertEqual(len(run.notice_ids), 2)

    def test_what_employees_are_told_is_no_message(self):
        for action in ("internal", "activity"):
            with self.subTest(action=action):
                run, _first, second = self._both()
                workflow = second.scenario_id
                workflow.level_ids.write({"action": action, "user_ids": self.env.user.ids})
                run.action_prepare()
                self.assertEqual(set(run.line_ids.mapped("checked")), {True})
                run.action_cancel()
                workflow.active = False

    def test_without_a_limit_each_scenario_sends(self):
        for off in ("setting", "rule"):
            with self.subTest(off=off):
                if off == "setting":
                    self.company.dunning_min_days_between_messages = 0
                else:
                    self.company.dunning_min_days_between_messages = 7
                    self.rule.enabled = False
                run, _first, second = self._both()
                self.assertEqual(set(run.line_ids.mapped("checked")), {True})
                run.action_cancel()
                second.scenario_id.active = False

    def test_night_sends_one_message_to_a_customer(self):
        self.scenario.write({"sequence": 1, "automatic": True})
        self._create_workflow(sequence=2, automatic=True)
        self._create_invoice()
        self.company.dunning_automatic_sending = True
        self.env["dunning.run"]._cron_send_automatic()
        self.assertEqual(list(self._deliver().values()), [1])

    def test_run_prepared_before_another_one_sent(self):
        self._create_invoice()
        early = self._list_of(self._second_scenario())
        self.scenario.sequence = 1
        self._create_invoice(days=-2)
        workflow = self._create_workflow()
        late = self._list_of(workflow)
        self._list_of(self.scenario).action_send()
        self._deliver()
        for run in (early, late):
            run.action_send()
        self.assertFalse(self._deliver())
        self.assertFalse((early | late).notice_ids)
        self.assertEqual(late.line_ids.rule_id, self.rule)

    def test_person_sends_against_the_reason(self):
        other = self._reminded(3)
        run = self._create_run()
        line = run.line_ids.filtered(lambda line: line.move_id == other)
        line.checked = True
        run.action_send()
        self.assertIn(1, self._deliver().values())

    def test_actions_of_a_workflow_on_one_day_are_one_message(self):
        self._create_invoice()
        kind = self.env.ref("dunning_exclusion.type_statement").id
        workflow = self._create_workflow(
            level_ids=[
                Command.create({"name": "Statement", "type_id": kind}),
                Command.create({"name": "Letter", "type_id": kind, "action": "letter"}),
            ]
        )
        run = self._list_of(workflow)
        self.assertEqual(set(run.line_ids.mapped("outcome")), {"included"})
        run.action_send()
        self.assertEqual(run.notice_ids.mapped("state"), ["queued", "queued"])
        self._deliver()
        self.assertEqual(set(run.notice_ids.mapped("action")), {"email", "letter"})
        # A third action that is added on the same day goes out, too; next day it does not.
        workflow.level_ids = [
            Command.create({"name": "Second letter", "type_id": kind, "action": "letter"})
        ]
        again = self._list_of(workflow)
        self.assertEqual(again.line_ids.mapped("outcome"), ["included"])
        with self._on(1):
            tomorrow = self._list_of(workflow)
            self.assertEqual(set(tomorrow.line_ids.mapped("outcome")), {"unchecked"})

    def test_messages_of_one_run_do_not_stop_each_other(self):
        self._create_invoice()
        older = self._create_invoice(days=-20)
        self._remind(self._items(older), self.scenario.level_ids[0], -10)
        self.scenario.one_notice_per_level = True
        run = self._create_run()
        self.assertEqual(len(run.line_ids.level_id), 2)
        sender = self.env["dunning.sender"]
        first = run.line_ids[0]
        (run.line_ids - first).checked = False
        sender._send_batch(run, self.customer)
        self._deliver()
        (run.line_ids - first).checked = True
        run.action_send()
        self.assertEqual(len(run.notice_ids), 2)

    def test_failed_message_of_a_run_is_retried(self):
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        self._deliver_in_vain()
        run.action_retry_failed()
        self.assertEqual(list(self._deliver().values()), [1])

    def test_mail_that_waited_is_withdrawn_when_another_message_left(self):
        self._create_invoice()
        with self._on(-1):
            self._create_run().action_send()
            self._deliver_in_vain()
        workflow = self._create_workflow()
        self._list_of(workflow).action_send()
        self.assertEqual(list(self._deliver().values()), [1])
        self._retry_failed_mails()
        self.assertFalse(self._deliver())

    def test_job_leaves_it_out_and_sends_when_the_days_are_over(self):
        other = self._reminded(3)
        self.scenario.automatic = True
        mine = [("partner_id", "=", other.partner_id.id), ("run_id.automatic", "=", True)]
        for day, number in ((0, 0), (3, 0), (4, 1)):
            with self.subTest(day=day), self._on(day):
                self._job()
                self._deliver()
                self.assertEqual(self.env["dunning.notice"].search_count(mine), number)


@tagged("post_install", "-at_install")
class TestNeverFallBack(StoryCommon):
    """For so many days after a message nothing goes out below its level."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.dunning_no_fall_back_days = 14
        cls.first, cls.second, cls.final = cls.scenario.level_ids
        cls.warned = cls._create_invoice(days=-45)

    def _reached(self, invoice, day=0):
        return self._level_of(invoice, day)

    def test_item_goes_along_at_the_highest_level_sent(self):
        other = self._create_invoice(days=-2)
        for days_ago, level in ((0, "Level 3"), (14, "Level 3"), (15, "Level 1")):
            with self.subTest(days_ago=days_ago), self.env.cr.savepoint() as undo:
                self._remind(self._items(self.warned), self.final, -days_ago)
                self.assertEqual(self._reached(other), level)
                undo.rollback()
        self.assertEqual(self._reached(other), "Level 1", "nothing was sent yet")

    def test_what_does_not_raise_an_item(self):
        other = self._create_invoice(days=-2)
        second = self._second_scenario()
        stranger = self._items(self._create_invoice(self.other_customer, days=-45))
        for name, items, level, values in (
            ("failed", self._items(self.warned), self.final, {"state": "failed"}),
            ("told to an employee", self._items(self.warned), self.final, {"action": "internal"}),
            ("another customer", stranger, self.final, {}),
            ("another scenario", self._items(self.warned), second.level_ids, {}),
        ):
            with self.subTest(name), self.env.cr.savepoint() as undo:
                self._remind(items, level, -3).write(values)
                self.assertEqual(self._reached(other), "Level 1")
                undo.rollback()

    def test_whose_turn_it_is_not_stays_where_it_is(self):
        early, due_today = self._create_invoice(days=5), self._create_invoice(days=0)
        self._remind(self._items(self.warned), self.final, -3)
        for invoice in (early, due_today, self.warned):
            self.assertIsNone(self._reached(invoice))

    def test_announcement_stays_an_announcement(self):
        self.scenario.level_ids = [
            Command.create(
                {
                    "name": "Announced",
                    "sequence": 5,
                    "delay": -5,
                    "type_id": self.env.ref("dunning_exclusion.type_upcoming").id,
                }
            ),
            Command.create(
                {
                    "name": "New",
                    "sequence": 6,
                    "trigger": "invoice_date",
                    "type_id": self.env.ref("dunning_exclusion.type_new_document").id,
                }
            ),
        ]
        self._remind(self._items(self.warned), self.final, -3)
        self.assertEqual(self._reached(self._create_invoice(days=4)), "Announced")
        self.assertEqual(self._reached(self._create_invoice(days=20)), "New")

    def test_conditions_of_the_level_and_switches_of_the_customer_hold(self):
        other = self._create_invoice(days=-2)
        self._remind(self._items(self.warned), self.final, -3)
        self.final.minimum_amount = 500
        self.assertEqual(self._reached(other), "Level 1")
        self.final.minimum_amount = 0
        self.final.condition_domain = "[('amount_total', '>', 500)]"
        self.assertEqual(self._reached(other), "Level 1")
        self.final.condition_domain = "[]"
        self.final.type_id = self.env.ref("dunning_exclusion.type_final_notice")
        self.assertEqual(self._reached(other), "Level 3")
        self.customer.dunning_type_off_ids = self.final.type_id
        self.assertEqual(self._reached(other), "Level 1")

    def test_the_list_is_sent_at_that_level(self):
        other = self._create_invoice(days=-2)
        self._remind(self._items(self.warned), self.final, -3)
        run = self._create_run()
        line = run.line_ids.filtered(lambda line: line.move_id == other)
        self.assertEqual((line.level_id, line.outcome), (self.final, "included"))
        run.action_send()
        self._deliver()
        notice = run.notice_ids
        self.assertEqual((notice.level_id, notice.line_ids.move_id), (self.final, other))
        # From there on the item is at that level, and does not begin anew.
        self.company.dunning_no_fall_back_days = 0
        self.assertIsNone(self._reached(other, 30))

    def test_list_made_before_the_final_notice_left_is_not_sent_below_it(self):
        other = self._create_invoice(days=-2)
        self._remind(self._items(self.warned), self.second, -20)
        mine, final = self._list_of(self.scenario), self._list_of(self.scenario)
        mine.line_ids.filtered(lambda line: line.move_id == self.warned).checked = False
        final.line_ids.filtered(lambda line: line.move_id == other).checked = False
        final.action_send()
        self._deliver()
        mine.action_send()
        self.assertLeftOut(mine.line_ids.filtered(lambda line: line.move_id == other), "higher")
        self.assertEqual(self._reached(other), "Level 3")
