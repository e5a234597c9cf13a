from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.dunning_recheck import screen_again
from .common import OutcomeCommon

MAXIMUM = 1000


@tagged("post_install", "-at_install")
class TestCustomerMaximum(OutcomeCommon):
    """Nobody but an approver has more sent to a customer on one day than the maximum."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        user = "dunning_exclusion.group_dunning_user"
        cls.clerk = cls._create_user("clerk", user, "account.group_account_invoice")
        cls.colleague = cls._create_user("colleague", user, "account.group_account_invoice")
        cls.approver = cls._create_user(
            "approver", "dunning_exclusion.group_dunning_approver", "account.group_account_invoice"
        )
        cls.company.dunning_customer_maximum = MAXIMUM

    def setUp(self):
        super().setUp()
        self.invoices = self._invoices(600, 600)

    def _invoices(self, *amounts, customer=None):
        return self.env["account.move"].concat(
            *(self._create_invoice(customer, amount) for amount in amounts)
        )

    def _criteria_run(self, invoices, user=None, **values):
        run = self.env["dunning.run"].with_user(user or self.clerk)
        run = run.create(
            {
                "company_id": self.company.id,
                "mode": "criteria",
                "type_id": self.type_overdue.id,
                "criteria_domain": str([("move_id", "in", invoices.ids)]),
                **values,
            }
        )
        run.action_prepare()
        return run

    def _stopped_run(self, user=None):
        """Return a run that lists the items unticked, because they are stopped."""
        self.invoices.action_dunning_stop()
        run = self._create_run().with_user(user or self.clerk)
        self.assertEqual(set(run.line_ids.mapped("rule_id.code")), {"stop_item"})
        return run

    def _sent(self, customer=None):
        notices = self.env["dunning.notice"].search(
            [
                ("partner_id", "=", (customer or self.customer).id),
                ("state", "in", ["queued", "sent"]),
            ]
        )
        return sum(notices.mapped("amount"))

    def assertHeld(self, lines):
        self.env.invalidate_all()
        for line in lines.sudo():
            self.assertFalse(line.checked or line.notice_id)
            self.assertEqual((line.outcome, line.rule_id.code), ("unchecked", "customer_maximum"))

    # At the tick ----------------------------------------------------------------------------

    def test_stopped_items_are_ticked_up_to_the_maximum_only(self):
        first, second = self._stopped_run().line_ids
        first.checked = True
        with self.assertRaisesRegex(UserError, r"Alpha.*1,200.*1,000.*approver"):
            second.checked = True
        self.assertEqual((first.checked, second.checked), (True, False))

    def test_many_lines_over_the_api_are_ticked_all_or_none(self):
        run = self._stopped_run()
        with self.assertRaisesRegex(UserError, r"1,200"):
            run.line_ids.write({"checked": True})
        self.assertFalse(any(run.line_ids.mapped("checked")))
        run.line_ids.write({"checked": False})

    def test_an_error_that_the_caller_swallows_has_ticked_nothing(self):
        run = self._stopped_run()
        for work in (
            lambda: run.line_ids.write({"checked": True}),
            lambda: self._tick_all(run),
        ):
            try:
                work()
            except UserError:
                self.env.invalidate_all()
            self.assertFalse(any(run.line_ids.mapped("checked")))

    def _tick_all(self, run):
        run.env["dunning.run.line"].tick([("run_id", "=", run.id)], True)

    def test_ticking_all_leaves_out_who_is_above(self):
        small = self._invoices(600, customer=self.other_customer)
        self.invoices |= small
        run = self._stopped_run()
        self._tick_all(run)
        self.env.invalidate_all()
        self.assertEqual(run.line_ids.filtered("checked").move_id, small)
        with self.assertRaisesRegex(UserError, r"Alpha.*1,200.*1,000"):
            run.env["dunning.run.line"].tick(
                [("run_id", "=", run.id), ("partner_id", "=", self.customer.id)], True
            )
        self._tick_all(run.with_user(self.approver))
        self.assertTrue(all(run.line_ids.mapped("checked")))

    def test_lines_above_the_maximum_are_refused_with_the_amount(self):
        run = self._create_run().with_user(self.clerk)
        self.assertEqual(set(run.line_ids.mapped("rule_id.code")), {"customer_maximum"})
        with self.assertRaisesRegex(UserError, r"Alpha.*1,200.*1,000.*approver"):
            run.line_ids[0].checked = True

    def test_lists_of_two_users_count_together(self):
        self.invoices.action_dunning_stop()
        first = self._criteria_run(self.invoices[0])
        second = self._criteria_run(self.invoices[1], self.colleague)
        first.line_ids.checked = True
        with self.assertRaisesRegex(UserError, r"1,200"):
            second.line_ids.checked = True
        first.action_cancel()
        second.line_ids.checked = True

    def test_rights_of_the_system_are_no_way_around(self):
        run = self._stopped_run()
        with self.assertRaises(UserError):
            run.line_ids.sudo().write({"checked": True})
        with self.assertRaises(UserError):
            self._tick_all(run.sudo())
        root = run.line_ids.with_user(self.env.ref("base.user_root"))
        root.write({"checked": True})
        self.assertTrue(all(run.line_ids.mapped("checked")))

    def test_approver_releases_and_that_is_recorded(self):
        run = self._stopped_run()
        run.line_ids.with_user(self.approver).checked = True
        rule = self.env.ref("dunning_exclusion.rule_customer_maximum")
        for line in run.line_ids:
            self.assertEqual(line.override_user_id, self.approver)
            self.assertIn(rule.id, line.override_reason_ids)
        run.action_send()
        self.assertEqual(self._sent(), 1200)

    def test_what_an_approver_released_is_no_room_for_others(self):
        third = self._invoices(100)
        self.invoices |= third
        run = self._stopped_run()
        released = run.line_ids.filtered(lambda line: line.move_id != third)
        released.with_user(self.approver).checked = True
        with self.assertRaisesRegex(UserError, r"1,300"):
            (run.line_ids - released).checked = True

    def test_what_counts(self):
        """Each case prepares something beside one item of 600, then another of 600 is ticked."""
        tomorrow = self.company._dunning_today().replace(year=self.today.year + 1)
        cases = {
            "the same item in another run": (lambda _one, two: self._criteria_run(two), True),
            "an item that is ticked in another run": (
                lambda _one, _two: self._criteria_run(self._invoices(600)),
                False,
            ),
            "a run for another day": (
                lambda _one, _two: self._criteria_run(self._invoices(600), date=tomorrow),
                True,
            ),
            "a cancelled run": (
                lambda _one, _two: self._criteria_run(self._invoices(600)).action_cancel(),
                True,
            ),
            "what was sent today": (
                lambda _one, _two: self._criteria_run(self._invoices(600)).action_send(),
                False,
            ),
            "what failed today": (lambda _one, _two: self._send_and_fail(600), True),
            "another company": (lambda _one, _two: self._run_of_other_company(), True),
            "another customer": (
                lambda _one, _two: self._criteria_run(
                    self._invoices(600, customer=self.other_customer)
                ),
                True,
            ),
            "foreign currency, in company currency": (
                lambda _one, _two: self._criteria_run(
                    self._create_invoice(self.customer, 900, currency_id=self.foreign.id)
                ),
                False,
            ),
            "a little in foreign currency": (
                lambda _one, _two: self._criteria_run(
                    self._create_invoice(self.customer, 700, currency_id=self.foreign.id)
                ),
                True,
            ),
            "what was paid since": (lambda _one, _two: self._prepare_and_pay(600), True),
        }
        for name, (prepare, allowed) in cases.items():
            with self.subTest(name), self.env.cr.savepoint() as point:
                one, two = self.invoices
                prepare(one, two)
                two.action_dunning_stop()
                line = self._criteria_run(two).line_ids
                if allowed:
                    line.checked = True
                else:
                    with self.assertRaisesRegex(UserError, "approver"):
                        line.checked = True
                point.rollback()
            self.env.invalidate_all()

    def _send_and_fail(self, amount):
        run = self._criteria_run(self._invoices(amount))
        with self._email_fails_for(self.customer, ValueError("broken")):
            run.action_send()
        self.assertEqual(run.notice_ids.state, "failed")

    def _prepare_and_pay(self, amount):
        invoice = self._invoices(amount)
        self._criteria_run(invoice)
        self._pay(invoice)

    def _run_of_other_company(self):
        invoice = self._invoice_of_other_company(self.customer, 900)
        self.env["dunning.run"].with_company(self.other_company).create(
            {
                "company_id": self.other_company.id,
                "mode": "criteria",
                "type_id": self.type_overdue.id,
                "criteria_domain": str([("move_id", "in", invoice.ids)]),
            }
        ).action_prepare()

    def test_a_credit_in_one_list_makes_no_room_in_another(self):
        credit = self._refund(self.customer, 5000)
        self._invoices(5500)
        workflow = self.env["dunning.scenario"].create(
            {
                "name": "Statement",
                "company_id": self.company.id,
                "campaign_type": "customer",
                "level_ids": [Command.create({"name": "All", "type_id": self.type_overdue.id})],
            }
        )
        (self.invoices | credit).action_dunning_stop()
        self._create_run(scenario_ids=workflow.ids)
        lines = self._criteria_run(self.invoices).line_ids
        with self.assertRaises(UserError):
            lines.checked = True

    def test_actions_of_a_workflow_count_an_item_once(self):
        workflow = self.env["dunning.scenario"].create(
            {
                "name": "Statement",
                "company_id": self.company.id,
                "campaign_type": "customer",
                "level_ids": [
                    Command.create({"name": name, "type_id": self.type_overdue.id})
                    for name in ("Statement", "Letter")
                ],
            }
        )
        self._pay(self.invoices[1])
        run = self._create_run(scenario_ids=workflow.ids)
        self.assertEqual(set(run.line_ids.mapped("checked")), {True})
        run.line_ids.checked = False
        run.line_ids.with_user(self.clerk).checked = True
        run.action_send()
        self.assertEqual(len(run.notice_ids), 2)

    # At sending -----------------------------------------------------------------------------

    def test_one_run_for_each_invoice_sends_no_more_than_the_maximum(self):
        for together in (False, True):
            with self.subTest(together=together), self.env.cr.savepoint() as point:
                runs = []
                for invoice in self.invoices | self._invoices(600, 600):
                    runs.append(self._criteria_run(invoice))
                    if not together:
                        runs[-1].action_send()
                if together:
                    for run in runs:
                        run.action_send()
                self.assertEqual(self._sent(), 600)
                self.assertHeld(self.env["dunning.run"].union(*runs[1:]).line_ids)
                point.rollback()
            self.env.invalidate_all()

    def test_what_two_users_ticked_in_the_same_moment_is_not_sent_together(self):
        first, second = (self._criteria_run(invoice) for invoice in self.invoices)
        # Neither saw the tick of the other one.
        self._tick_unseen(first, second)
        first.action_send()
        self.assertHeld(first.line_ids)
        second.action_send()
        self.assertEqual(self._sent(), 600)

    def _tick_unseen(self, *runs):
        self.env.flush_all()
        self.env.cr.execute(
            """UPDATE dunning_run_line SET checked = TRUE, outcome = 'included', rule_id = NULL,
                      reason_ids = NULL WHERE run_id = ANY(%s)""",
            [[run.id for run in runs]],
        )
        self.env.invalidate_all()

    def test_a_run_of_yesterday_that_is_sent_today_counts_today(self):
        self._criteria_run(self.invoices[0]).action_send()
        run = self._criteria_run(self.invoices[1], date=self._days(-1))
        self._tick_unseen(run)
        run.action_send()
        self.assertHeld(run.line_ids)
        run = self._criteria_run(self.invoices[1], date=self._days(1))
        self.assertTrue(run.line_ids.checked)
        run.action_send()
        self.assertHeld(run.line_ids)
        self.assertEqual(self._sent(), 600)

    def test_stopped_lines_that_were_ticked_before_the_maximum_are_held_when_sent(self):
        self.company.dunning_customer_maximum = 0
        run = self._stopped_run()
        run.line_ids.checked = True
        self.company.dunning_customer_maximum = MAXIMUM
        run.action_send()
        self.assertHeld(run.line_ids)
        codes = run.line_ids[0].rule_ids.mapped("code")
        self.assertEqual(codes, ["customer_maximum", "stop_item"])

    def test_what_a_new_list_held_back_is_ticked_by_a_person_only(self):
        first, second = (self._criteria_run(invoice) for invoice in self.invoices)
        self.assertHeld(second.line_ids)
        first.action_cancel()
        second.action_send()
        self.assertHeld(second.line_ids)

    def test_what_the_look_before_sending_held_back_is_ticked_again(self):
        first, second = (self._criteria_run(invoice) for invoice in self.invoices)
        self._tick_unseen(second)
        screen_again(second, self.customer)
        self.assertHeld(second.line_ids)
        first.action_cancel()
        second.action_send()
        self.assertEqual(second.notice_ids.amount, 600)

    def test_what_a_person_unticked_stays_unticked(self):
        first, second = (self._criteria_run(invoice) for invoice in self.invoices)
        self._tick_unseen(second)
        screen_again(second, self.customer)
        second.line_ids.checked = False
        first.action_cancel()
        second.action_send()
        self.assertFalse(second.notice_ids)

    def test_jobs_hold_back_as_well(self):
        self._criteria_run(self.invoices[0]).action_send()
        run = self._criteria_run(self.invoices[1])
        self._tick_unseen(run)
        run.action_send_in_background()
        self.env["dunning.run"].with_user(self.env.ref("base.user_root"))._cron_send_runs()
        self.assertEqual(run.state, "done")
        self.assertHeld(run.line_ids)

    def test_two_automatic_runs_of_a_day_count_together(self):
        self._criteria_run(self.invoices[0]).action_send()
        self.scenario.automatic = True
        self.company.dunning_automatic_sending = True
        self._pay(self.invoices[0])
        self.env["dunning.run"]._cron_send_automatic()
        run = self.env["dunning.run"].search(
            [("automatic", "=", True), ("company_id", "=", self.company.id)]
        )
        self.assertEqual(run.state, "done")
        self.assertHeld(run.line_ids)

    def test_what_failed_is_not_retried_above_the_maximum(self):
        failed = self._criteria_run(self.invoices[0])
        with self._email_fails_for(self.customer, ValueError("broken")):
            failed.action_send()
        self._criteria_run(self.invoices[1]).action_send()
        self.assertEqual(self._sent(), 600)
        failed.action_retry_failed()
        self.assertEqual(self._sent(), 600)
        self.assertHeld(failed.line_ids)

    def test_letters_that_waited_are_not_printed_above_the_maximum(self):
        self.scenario.level_ids.action = "letter"
        self._pay(self.invoices[1])
        run = self._create_run()
        run.action_send()
        letter = run.notice_ids.sudo()
        letter.date = self._days(-1)
        third = self._invoices(600)
        self._criteria_run(third).action_send()
        self.assertEqual(self._sent(), 1200)
        run.notice_ids.with_user(self.clerk).action_print()
        self.assertEqual(letter.state, "skipped")
        self.assertHeld(run.line_ids)

    def test_letters_of_several_days_are_not_noted_as_sent_on_one(self):
        self.scenario.level_ids.action = "letter"
        self._pay(self.invoices[1])
        run = self._create_run()
        run.action_send()
        run.notice_ids.sudo().date = self._days(-1)
        letter = run.notice_ids.with_user(self.clerk)
        with self.env.cr.savepoint() as point:
            letter.action_mark_sent()
            self.assertEqual(letter.state, "sent")
            point.rollback()
        self.env.invalidate_all()
        self._criteria_run(self._invoices(600)).action_send()
        with self.assertRaisesRegex(UserError, r"Alpha.*1,200"):
            letter.action_mark_sent()
        self.assertEqual(letter.state, "queued")
        letter.with_user(self.approver).action_mark_sent()
        self.assertEqual(letter.state, "sent")

    def test_approver_releases_what_another_list_made_too_much(self):
        self._criteria_run(self.invoices[0]).action_send()
        run = self._criteria_run(self.invoices[1])
        self.assertHeld(run.line_ids)
        with self.assertRaisesRegex(UserError, r"1,200"):
            run.line_ids.checked = True
        run.line_ids.with_user(self.approver).checked = True
        run.action_send()
        self.assertEqual(self._sent(), 1200)

    @mute_logger("odoo.sql_db")
    def test_a_maximum_that_is_switched_off_holds_nothing(self):
        self.env.ref("dunning_exclusion.rule_customer_maximum").enabled = False
        run = self._stopped_run()
        run.line_ids.checked = True
        run.action_send()
        self.assertEqual(self._sent(), 1200)

    # Costs ----------------------------------------------------------------------------------

    def test_ticking_and_sending_take_no_query_per_customer(self):
        def count(number):
            customers = [self._create_customer(f"{number} {rest}") for rest in range(number)]
            invoices = self.env["account.move"].concat(
                *(self._invoices(10, customer=customer) for customer in customers)
            )
            run = self._criteria_run(invoices)
            run.line_ids.checked = False
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self._tick_all(run)
            return self.env.cr.sql_log_count - before

        count(1)
        self.assertEqual(count(2), count(9))

    def test_preparing_the_only_run_of_a_day_compares_nothing_again(self):
        Run = type(self.env["dunning.run"])
        with patch.object(Run, "_untick_above_maximum") as untick:
            run = self._create_run()
            run.action_prepare()
            untick.assert_not_called()
            self._create_run()
            untick.assert_called_once()
