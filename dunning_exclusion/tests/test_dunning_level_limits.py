from datetime import timedelta

from odoo.tests import tagged

from .scenario_common import ScenarioCommon


@tagged("post_install", "-at_install")
class TestDunningLevelLimits(ScenarioCommon):
    """What keeps an item from a level whose day has come."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first, cls.second, cls.third = cls.scenario.level_ids

    def test_minimum_days_between_two_reminders_of_an_item(self):
        for minimum, days_ago, expected in (
            (0, 0, None),
            (0, 1, "Level 2"),
            (7, 6, None),
            (7, 7, "Level 2"),
        ):
            with self.subTest(minimum=minimum, days_ago=days_ago):
                self.scenario.min_days_between = minimum
                invoice = self._create_invoice(days=-60)
                self._remind(self._items(invoice), self.first, -days_ago)
                self.assertEqual(self._level_of(invoice), expected)

    def test_minimum_days_count_from_reminders_of_any_kind_but_statements(self):
        self.scenario.min_days_between = 7
        other = self.scenario.copy({"name": "Other"})
        workflow = self._create_workflow()
        for level, expected in (
            (other.level_ids[0], None),
            (None, None),
            (workflow.level_ids, "Level 1"),
        ):
            with self.subTest(level=level and level.name):
                invoice = self._create_invoice(days=-60)
                self._remind(self._items(invoice), level, -3)
                self.assertEqual(self._level_of(invoice), expected)

    def test_items_from_before_the_start_are_not_caught_up(self):
        old = self._create_invoice(days=-10)
        new = self._create_invoice(days=-3)
        for start, expected in (
            (False, {old, new}),
            (-10, {old, new}),
            (-9, {new}),
            (-2, set()),
            (1, set()),
        ):
            with self.subTest(start=start):
                self.scenario.date_start = start and self.today + timedelta(days=start)
                self.assertEqual({item.move_id for item in self._candidates()}, expected)

    def test_documents_issued_before_the_start_are_not_caught_up(self):
        self.first.write({"trigger": "invoice_date", "delay": 0})
        self.scenario.date_start = self.today
        issued = self.today - timedelta(days=1)
        self.assertEqual(self._level_of(self._create_invoice(days=30, invoice_date=issued)), None)
        self.assertEqual(self._level_of(self._create_invoice(days=30)), "Level 1")

    def test_minimum_amount_of_a_level_compares_with_what_is_open(self):
        self.first.minimum_amount = 50
        for amount, expected in ((49.99, None), (50, "Level 1")):
            with self.subTest(amount=amount):
                self.assertEqual(
                    self._level_of(self._create_invoice(amount=amount, days=-10)), expected
                )
        partly = self._create_invoice(days=-10)
        self._pay(partly, 60)
        self.assertEqual(self._level_of(partly), None)

    def test_one_level_honours_the_block_and_another_does_not(self):
        rules = self.env["dunning.exclusion.rule"].search(
            [("code", "in", ["prevent_item", "prevent_customer"])]
        )
        rules.enabled = False
        self.first.condition_domain = '[("prevent_dunning", "=", False)]'
        blocked = self._create_invoice(days=-10)
        free = self._create_invoice(days=-10)
        blocked.prevent_dunning = True
        self.assertEqual(self._level_of(blocked), None)
        self.assertEqual(self._level_of(free), "Level 1")
        late = self._create_invoice(days=-20)
        late.prevent_dunning = True
        line = self._create_run().line_ids.filtered(lambda line: line.move_id == late)
        self.assertEqual((line.level_id, line.outcome), (self.second, "included"))

    def test_level_of_an_inactive_type_is_passed_over(self):
        final = self.env.ref("dunning_exclusion.type_final_notice")
        self.third.type_id = final
        invoice = self._create_invoice(days=-60)
        self.type_overdue.active = False
        self.assertEqual(self._level_of(invoice), "Level 3")
        final.active = False
        self.assertEqual(self._level_of(invoice), None)

    def test_type_switched_off_leaves_the_other_types(self):
        self.third.type_id = self.env.ref("dunning_exclusion.type_final_notice")
        self.customer.dunning_type_off_ids = self.type_overdue
        self.assertEqual(self._level_of(self._create_invoice(days=-60)), "Level 3")
        early = self._create_invoice(days=-10)
        line = self._create_run().line_ids.filtered(lambda line: line.move_id == early)
        self.assertEqual((line.outcome, line.rule_id.code), ("dropped", "type_off"))

    def test_switched_off_rule_makes_the_switches_of_types_meaningless(self):
        self.third.type_id = self.env.ref("dunning_exclusion.type_final_notice")
        self.customer.dunning_type_off_ids = self.type_overdue
        self.env.ref("dunning_exclusion.rule_type_off").enabled = False
        self.assertEqual(self._level_of(self._create_invoice(days=-60)), "Level 1")

    def test_postponed_item_is_no_candidate_until_the_day_has_passed(self):
        invoice = self._create_invoice(days=-60)
        for postponed, expected in ((1, None), (0, None), (-1, "Level 1")):
            with self.subTest(postponed=postponed):
                invoice.dunning_due_date = self.today + timedelta(days=postponed)
                self.assertEqual(self._level_of(invoice), expected)

    def test_item_that_was_postponed_since_the_run_was_prepared_is_not_sent(self):
        postponed = self._create_invoice(days=-10)
        other = self._create_invoice(days=-10)
        run = self._create_run()
        postponed.dunning_due_date = self.today
        run.action_send()
        self.assertEqual(run.notice_ids.line_ids.move_id, other)
        line = run.line_ids.filtered(lambda line: line.move_id == postponed)
        self.assertEqual((line.checked, line.skip_reason), (False, "Postponed since"))
