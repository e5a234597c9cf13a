from datetime import timedelta

from odoo.fields import Command
from odoo.tests import tagged

from .scenario_common import ScenarioCommon


@tagged("post_install", "-at_install")
class TestDunningLevelChoice(ScenarioCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first, cls.second, cls.third = cls.scenario.level_ids

    def test_first_reminder_is_level_one_however_late(self):
        for days, expected in (
            (5, None),
            (0, None),
            (-1, "Level 1"),
            (-15, "Level 1"),
            (-60, "Level 1"),
        ):
            with self.subTest(due_in=days):
                self.assertEqual(self._level_of(self._create_invoice(days=days)), expected)

    def test_next_level_by_what_was_sent_and_how_late_it_is(self):
        for late, sent, days_ago, expected in (
            (14, self.first, 13, None),
            (15, self.first, 14, "Level 2"),
            (17, self.first, 16, "Level 2"),
            (60, self.first, 45, "Level 2"),
            (60, self.first, 1, "Level 2"),
            (60, self.first, 0, None),
            (29, self.second, 10, None),
            (30, self.second, 10, "Level 3"),
            (90, self.second, 60, "Level 3"),
            (365, self.third, 300, None),
        ):
            with self.subTest(late=late, sent=sent.name, days_ago=days_ago):
                invoice = self._create_invoice(days=-late)
                self._remind(self._items(invoice), sent, -days_ago)
                self.assertEqual(self._level_of(invoice), expected)

    def test_levels_advance_only_when_the_message_left(self):
        for state, expected in (
            ("queued", None),
            ("failed", "Level 1"),
            ("skipped", "Level 1"),
            ("sent", "Level 2"),
        ):
            with self.subTest(state=state):
                invoice = self._create_invoice(days=-60)
                self._remind(self._items(invoice), self.first, -20, state)
                self.assertEqual(self._level_of(invoice), expected)

    def test_failed_message_leaves_the_level_that_left_before(self):
        invoice = self._create_invoice(days=-60)
        self._remind(self._items(invoice), self.first, -40)
        self._remind(self._items(invoice), self.second, -20, "failed")
        self.assertEqual(self._level_of(invoice), "Level 2")

    def test_held_for_a_month_and_released_keeps_its_level(self):
        invoice = self._create_invoice(days=-50)
        self._remind(self._items(invoice), self.first, -49)
        invoice.action_dunning_stop()
        line = self._create_run().line_ids
        self.assertEqual((line.level_id, line.checked), (self.second, False))
        invoice.action_dunning_resume()
        self.assertEqual(self._create_run().line_ids.level_id, self.second)
        self._remind(self._items(invoice), self.second)
        self.assertEqual(self._level_of(invoice), None, "one level at most")
        self.assertEqual(self._level_of(invoice, day=1), "Level 3")

    def test_partial_payment_keeps_the_level_and_asks_for_the_rest(self):
        invoice = self._create_invoice(days=-20)
        self._remind(self._items(invoice), self.first, -19)
        self._pay(invoice, 60)
        line = self._create_run().line_ids
        self.assertEqual((line.level_id, line.amount_residual), (self.second, 40))

    def test_paying_the_oldest_invoice_leaves_the_others_at_their_level(self):
        oldest = self._create_invoice(days=-60)
        newest = self._create_invoice(days=-5)
        self._remind(self._items(oldest), self.second, -20)
        self._pay(oldest)
        self.assertEqual(self._level_of(newest), "Level 1")

    def test_reminding_one_invoice_does_not_hold_up_the_others(self):
        self.scenario.min_days_between = 14
        reminded = self._create_invoice(days=-20)
        fresh = self._create_invoice(days=-5)
        self._remind(self._items(reminded), self.first, -3)
        self.assertEqual(self._level_of(reminded), None)
        self.assertEqual(self._level_of(fresh), "Level 1")

    def test_deleted_level_counts_as_passed(self):
        invoice = self._create_invoice(days=-60)
        self._remind(self._items(invoice), self.second, -20)
        self.second.unlink()
        self.assertEqual(self._level_of(invoice), "Level 3")

    def test_deleted_last_level_is_followed_by_nothing(self):
        invoice = self._create_invoice(days=-60)
        self._remind(self._items(invoice), self.third, -20)
        self.third.unlink()
        self.assertEqual(self._level_of(invoice), None)

    def test_inserted_level_is_taken_by_those_below_it_only(self):
        below = self._create_invoice(days=-60)
        above = self._create_invoice(days=-60)
        self._remind(self._items(below), self.first, -20)
        self._remind(self._items(above), self.second, -20)
        self.scenario.level_ids = [Command.create({"sequence": 15, "name": "Call", "delay": 8})]
        self.assertEqual(self._level_of(below), "Call")
        self.assertEqual(self._level_of(above), "Level 3")

    def test_levels_may_be_renumbered(self):
        invoice = self._create_invoice(days=-60)
        self._remind(self._items(invoice), self.second, -20)
        for sequence, level in enumerate(self.first | self.second | self.third):
            level.sequence = sequence
        self.assertEqual(self._level_of(invoice), "Level 3")

    def test_levels_of_the_same_sequence_follow_each_other(self):
        self.scenario.level_ids.write({"sequence": 10, "delay": 1})
        invoice = self._create_invoice(days=-60)
        names = []
        for day in range(3):
            names.append(self._level_of(invoice, day))
            level = self.scenario.level_ids.filtered(lambda level: level.name == names[-1])
            self._remind(self._items(invoice), level, day)
        self.assertEqual(names, ["Level 1", "Level 2", "Level 3"])

    def test_last_level_is_repeated_so_often_and_no_more(self):
        self.third.write({"repeat_every": 10, "repeat_max": 2})
        invoice = self._create_invoice(days=-120)
        item = self._items(invoice)
        for sent_ago, times, expected in (
            (9, 1, None),
            (10, 1, "Level 3"),
            (10, 2, "Level 3"),
            (10, 3, None),
        ):
            with self.subTest(sent_ago=sent_ago, times=times):
                notices = [
                    self._remind(item, self.third, -sent_ago - number * 10)
                    for number in range(times)
                ]
                self.assertEqual(self._level_of(invoice), expected)
                self.env["dunning.notice"].browse().concat(*notices).run_id.line_ids.sudo().unlink()

    def test_repetition_without_limit_ends_when_the_next_level_is_reached(self):
        self.second.write({"repeat_every": 5})
        invoice = self._create_invoice(days=-25)
        for days_ago in (10, 5):
            self._remind(self._items(invoice), self.second, -days_ago)
        self.assertEqual(self._level_of(invoice), "Level 2")
        self.assertEqual(self._level_of(invoice, day=5), "Level 3")

    def test_triggers_before_on_and_after_their_day(self):
        upcoming = self.env.ref("dunning_exclusion.type_upcoming")
        self.scenario.level_ids = [
            Command.clear(),
            Command.create({"sequence": 1, "name": "Before", "delay": -5, "type_id": upcoming.id}),
            Command.create({"sequence": 2, "name": "After", "delay": 3}),
        ]
        for due_in, expected in (
            (6, None),
            (5, "Before"),
            (1, "Before"),
            (0, "Before"),
            (-1, None),
            (-2, None),
            (-3, "After"),
            (-60, "After"),
        ):
            with self.subTest(due_in=due_in):
                self.assertEqual(self._level_of(self._create_invoice(days=due_in)), expected)

    def test_delay_may_count_from_the_invoice_date(self):
        self.first.write({"trigger": "invoice_date", "delay": 10})
        for issued_ago, expected in ((9, None), (10, "Level 1"), (40, "Level 1")):
            with self.subTest(issued_ago=issued_ago):
                invoice = self._create_invoice(
                    days=100, invoice_date=self.today - timedelta(days=issued_ago)
                )
                self.assertEqual(self._level_of(invoice), expected)

    def test_one_message_at_the_highest_level_or_one_per_level(self):
        late = self._create_invoice(days=-40)
        self._remind(self._items(late), self.second, -20)
        self._create_invoice(days=-10)
        for per_level, levels in ((False, self.third), (True, self.first | self.third)):
            with self.subTest(per_level=per_level):
                self.scenario.one_notice_per_level = per_level
                run = self._create_run()
                self.assertEqual(set(run.line_ids.level_id), {self.first, self.third})
                run.action_send()
                self.assertEqual(run.notice_ids.level_id, levels)
                run.notice_ids.sudo().state = "failed"

    def test_postponed_due_date_is_what_the_delay_counts_from(self):
        self.first.delay = 5
        invoice = self._create_invoice(days=-60)
        invoice.dunning_due_date = self.today - timedelta(days=4)
        self.assertEqual(self._level_of(invoice), None)
        self.assertEqual(self._level_of(invoice, day=1), "Level 1")

    def test_credits_and_other_accounts_are_never_at_a_level(self):
        refund = self._create_invoice(days=-60, move_type="out_refund")
        bill = self._create_invoice(days=-60, move_type="in_invoice")
        self.assertEqual(self._candidates(), {})
        self.assertTrue(refund.amount_residual and bill.amount_residual)

    def test_history_follows_an_invoice_whose_items_were_rebuilt(self):
        invoice = self._create_invoice(days=-20)
        other = self._create_invoice(days=-20)
        self._remind(self._items(invoice), self.first, -19)
        # What is left of the history when Odoo deletes the item.
        line = self.env["dunning.run.line"].search([("move_id", "=", invoice.id)])
        line.sudo().move_line_id = False
        self.assertEqual(self._level_of(invoice), "Level 2")
        self.assertEqual(self._level_of(other), "Level 1")
        line.sudo().partner_id = self.other_customer
        self.assertEqual(self._level_of(invoice), "Level 1", "the reminder was another customer's")

    def test_instalments_go_their_own_way(self):
        term = self.env["account.payment.term"].create(
            {
                "name": "Two halves",
                "line_ids": [
                    Command.create({"value": "percent", "value_amount": 50, "nb_days": days})
                    for days in (0, 30)
                ],
            }
        )
        invoice = self._create_invoice(
            invoice_date=self.today - timedelta(days=35), invoice_payment_term_id=term.id
        )
        early, late = self._items(invoice).sorted("date_maturity")
        self.assertEqual(self._candidates(), {early: "Level 1", late: "Level 1"})
        self._remind(early, self.first, -20)
        self.assertEqual(self._candidates(), {early: "Level 2", late: "Level 1"})

    def test_reminder_in_another_company_is_no_history_here(self):
        invoice = self._create_invoice(days=-60)
        notices = self._remind(self._items(invoice), self.first, -20)
        notices.company_id = self.setup_other_company()["company"]
        self.assertEqual(self._level_of(invoice), "Level 1")

    def test_queries_do_not_grow_with_the_items(self):
        scenarios = self.scenario
        counts = []
        for number in (1, 8):
            for _each in range(number):
                self._create_invoice()
            self._candidates(scenarios)
            self.env.flush_all()
            before = self.env.cr.sql_log_count
            self._candidates(scenarios)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(counts[0], counts[1])


@tagged("post_install", "-at_install")
class TestDunningLevelDeleted(ScenarioCommon):
    """Levels can be deleted whatever was prepared or sent with them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first, cls.second, cls.third = cls.scenario.level_ids

    def test_item_whose_level_was_deleted_since_the_run_was_prepared_is_not_sent(self):
        self._create_invoice(days=-10)
        run = self._create_run()
        run.line_ids.level_id.sudo().unlink()
        run.action_send()
        self.assertEqual(run.state, "done")
        self.assertFalse(run.notice_ids)
        self.assertEqual(
            (run.line_ids.checked, run.line_ids.skip_reason),
            (False, "Reminder level deleted in the meantime"),
        )

    def test_levels_that_were_sent_can_be_deleted(self):
        self._remind(self._items(self._create_invoice(days=-40)), self.second, -20)
        self._create_invoice(days=-10)
        self.scenario.one_notice_per_level = True
        run = self._create_run()
        run.action_send()
        self.assertEqual(run.notice_ids.level_id, self.first | self.third)
        numbers = run.notice_ids.mapped("level_number")
        (self.first | self.third).unlink()
        self.assertFalse(run.notice_ids.level_id)
        self.assertEqual(run.notice_ids.mapped("level_number"), numbers)


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
        self.assertEqual((line.checked, line.skip_reason), (False, "Postponed in the meantime"))
