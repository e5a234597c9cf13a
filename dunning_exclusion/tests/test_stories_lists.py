from contextlib import suppress

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .stories_common import StoryCommon


@tagged("post_install", "-at_install")
class TestTwiceTheSameDay(StoryCommon):
    """Nobody gets two reminders of the same item in the same sense on one day."""

    def test_two_people_with_two_lists_by_scenario_and_by_criteria(self):
        for by_scenario_first in (True, False):
            with self.subTest(by_scenario_first=by_scenario_first):
                self._create_invoice(self._create_customer(f"Two lists {by_scenario_first}"))
                runs = [self._list_of(self.scenario), self._list_by_criteria()]
                for run in runs if by_scenario_first else runs[::-1]:
                    run.action_send()
                self.assertEqual(set(self._deliver().values()), {1})
                late = runs[by_scenario_first].line_ids
                self.assertLeftOut(late, "reminded")

    def test_list_by_criteria_made_after_the_reminders_of_the_day(self):
        self._create_invoice()
        self._list_of(self.scenario).action_send()
        self._deliver()
        run = self._list_by_criteria()
        self.assertFalse(run.line_ids.filtered("checked"))
        run.action_send()
        self.assertFalse(self._deliver())

    def test_list_by_criteria_while_yesterdays_reminder_waits_in_the_mail_queue(self):
        self._create_invoice()
        with self._on(-1):
            self._list_of(self.scenario).action_send()
        self._list_by_criteria().action_send()
        self.assertEqual(list(self._deliver().values()), [1])

    def test_two_lists_by_criteria_of_two_reminder_types(self):
        self._create_invoice()
        first = self._list_by_criteria()
        final = self.env.ref("dunning_exclusion.type_final_notice")
        second = self._create_run(mode="criteria", type_id=final.id)
        first.action_send()
        second.action_send()
        self.assertEqual(list(self._deliver().values()), [1])

    def test_retry_brings_an_older_failed_reminder_out_while_the_list_is_open(self):
        self._create_invoice()
        older = self._failed(-1)
        run = self._create_run()
        older.action_retry_failed()
        run.action_send()
        self.assertEqual(list(self._deliver().values()), [1])
        self.assertLeftOut(run.line_ids, "reminded")

    def test_retry_of_yesterdays_reminder_after_todays_was_sent(self):
        self._create_invoice()
        older = self._failed(-1)
        self._create_run().action_send()
        self.assertEqual(list(self._deliver().values()), [1])
        with suppress(UserError):  # nothing is left to be retried
            older.action_retry_failed()
        self.assertFalse(self._deliver())

    def test_list_of_a_scenario_that_is_no_longer_the_customers(self):
        self._create_invoice()
        other = self._second_scenario()
        run = self._list_of(self.scenario)
        self.customer.dunning_scenario_id = other
        self._list_of(other).action_send()
        run.action_send()
        self.assertEqual(list(self._deliver().values()), [1])
        self.assertFalse(run.notice_ids)


@tagged("post_install", "-at_install")
class TestFailuresPileUp(StoryCommon):
    """A message that did not leave is replaced by the next one, not followed by it."""

    def test_reminder_by_retry_counts_from_the_day_it_left(self):
        """A retry reuses its notice: its number says nothing about when it left."""
        self._create_invoice(days=-40)
        first = self._failed(-20)
        second = self._create_run()
        first.action_retry_failed()
        self._deliver()
        second.action_send()
        self.assertFalse(second.notice_ids)
        self.assertEqual(first.notice_ids.date, self.today)


@tagged("post_install", "-at_install")
class TestNoLongerRightWhenSent(StoryCommon):
    """All that chose a line is looked at again before it is sent, and the reason names it."""

    def test_what_chose_the_line_changed_while_the_list_was_open(self):
        profile, other_profile = self.env["dunning.profile"].create(
            [{"name": "Gentle"}, {"name": "Strict"}]
        )
        final = self.env.ref("dunning_exclusion.type_final_notice")
        scenario = self.scenario
        second = self._second_scenario()

        def for_gentle_ones(customer):
            customer.dunning_profile_id = profile
            scenario.profile_ids = profile

        def for_customers_in_town(customer):
            customer.city = "Town"
            scenario.customer_domain = "[('city', '=', 'Town')]"

        def nothing(_customer):
            pass

        cases = (
            ("scenario off", nothing, lambda c: scenario.write({"active": False}), "scenario"),
            ("type off", nothing, lambda c: final.write({"active": False}), "type"),
            (
                "profile",
                for_gentle_ones,
                lambda c: c.write({"dunning_profile_id": other_profile.id}),
                "scenario",
            ),
            (
                "profile of scenario",
                for_gentle_ones,
                lambda c: scenario.write({"profile_ids": [Command.set(other_profile.ids)]}),
                "scenario",
            ),
            (
                "own scenario",
                nothing,
                lambda c: c.write({"dunning_scenario_id": second.id}),
                "scenario",
            ),
            (
                "customer condition",
                for_customers_in_town,
                lambda c: c.write({"city": "Country"}),
                "scenario",
            ),
            ("order", nothing, lambda c: second.write({"sequence": 1}), "scenario"),
            (
                "start",
                nothing,
                lambda c: scenario.write({"date_start": self._days(3)}),
                "start|condition",
            ),
        )
        for number, (name, arrange, change, about) in enumerate(cases):
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                scenario.level_ids.type_id = final
                customer = self._create_customer(f"Changed {number}")
                arrange(customer)
                self._create_invoice(customer)
                run = self._list_of(scenario)
                self.assertTrue(run.line_ids.checked)
                change(customer)
                run.action_send()
                self.assertFalse(run.notice_ids)
                self.assertLeftOut(run.line_ids, about)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_workflow_changed_while_the_list_was_open(self):
        self.scenario.active = False
        profile, other_profile = self.env["dunning.profile"].create(
            [{"name": "Gentle"}, {"name": "Strict"}]
        )
        statement = self.env.ref("dunning_exclusion.type_statement")
        cases = (
            ("switched off", lambda c, w: w.write({"active": False})),
            ("type off", lambda c, w: statement.write({"active": False})),
            ("profile", lambda c, w: c.write({"dunning_profile_id": other_profile.id})),
        )
        for number, (name, change) in enumerate(cases):
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                workflow = self._create_workflow(profile_ids=[Command.set(profile.ids)])
                customer = self._create_customer(f"Changed {number}", dunning_profile_id=profile.id)
                self._create_invoice(customer)
                run = self._list_of(workflow)
                self.assertTrue(run.line_ids.checked)
                change(customer, workflow)
                run.action_send()
                self.assertFalse(run.notice_ids)
                self.assertLeftOut(run.line_ids, "scenario|type")
                savepoint.rollback()
                self.env.invalidate_all()

    def test_reminder_type_of_a_list_by_criteria_switched_off(self):
        self._create_invoice()
        run = self._list_by_criteria()
        self.type_overdue.active = False
        run.action_send()
        self.assertFalse(run.notice_ids)
        self.assertLeftOut(run.line_ids, "type")

    def test_item_matches_the_filter_of_a_list_by_criteria_no_more(self):
        self.customer.city = "Town"
        self._create_invoice()
        run = self._create_run(
            mode="criteria",
            type_id=self.type_overdue.id,
            criteria_domain="[('partner_id.city', '=', 'Town')]",
        )
        self.assertTrue(run.line_ids.checked)
        self.customer.city = "Country"
        run.action_send()
        self.assertFalse(run.notice_ids)
        self.assertLeftOut(run.line_ids, "filter|criteri|condition")

    def test_rest_below_the_minimum_after_another_list_sent_the_larger_part(self):
        self.company.dunning_customer_minimum = 100
        large, small = self._create_invoice(amount=150), self._create_invoice(amount=60)
        run = self._list_of(self.scenario)
        self.assertTrue(all(run.line_ids.mapped("checked")))
        self._list_by_criteria(self._items(large)).action_send()
        run.action_send()
        self.assertFalse(run.notice_ids)
        rest = run.line_ids.filtered(lambda line: line.move_id == small)
        self.assertEqual(rest.rule_id.code, "customer_minimum")

    def test_rest_below_the_minimum_after_another_list_of_the_scenario_sent_the_larger_part(self):
        self.company.dunning_customer_minimum = 100
        large, small = self._create_invoice(amount=150), self._create_invoice(amount=60)
        runs = [self._list_of(self.scenario) for _time in range(2)]
        runs[0].line_ids.filtered(lambda line: line.move_id == small).checked = False
        runs[0].action_send()
        self.assertEqual(runs[0].notice_ids.line_ids.move_id, large)
        runs[1].action_send()
        self.assertFalse(runs[1].notice_ids)
        rest = runs[1].line_ids.filtered(lambda line: line.move_id == small)
        self.assertEqual(rest.rule_id.code, "customer_minimum")

    def test_mail_that_failed_is_retried_in_the_queue_after_the_customer_paid(self):
        """Here the mail queue sends what it has; the notice made anew must not go out."""
        invoice = self._create_invoice()
        run = self._failed()
        self._pay(invoice)
        run.action_retry_failed()
        self.assertFalse(self._deliver())
        self.assertEqual(run.notice_ids.state, "skipped")

    def test_customer_changes_hands_while_the_list_is_open(self):
        invoice = self._create_invoice()
        run = self._create_run()
        self.customer.parent_id = self.other_customer
        run.action_send()
        self.assertFalse(run.notice_ids)
        self.assertLeftOut(run.line_ids, "another customer")
        again = self._create_run()
        self.assertEqual(again.line_ids.partner_id, self.other_customer)
        self.assertEqual(again.line_ids.move_id, invoice)

    def test_min_days_between_raised_while_the_list_was_open(self):
        self._create_invoice(days=-20)
        with self._on(-4):
            self._create_run().action_send()
            self._deliver()
        run = self._create_run()
        self.assertFalse(run.line_ids.filtered(lambda line: line.level_id.name == "Level 1"))
        self.assertTrue(run.line_ids.checked)
        self.scenario.min_days_between = 10
        run.action_send()
        self.assertFalse(run.notice_ids)


@tagged("post_install", "-at_install")
class TestStillRightAndLost(StoryCommon):
    """What is still to be reminded of is not lost by what came and went meanwhile."""

    def test_list_stays_open_over_lunch_while_a_stop_comes_and_goes(self):
        self._create_invoice()
        run = self._create_run()
        self.customer.action_dunning_stop()
        run.read_figures(run.id)
        self.assertFalse(run.line_ids.checked)
        self.customer.action_dunning_resume()
        run.read_figures(run.id)
        self.assertTrue(run.line_ids.checked)
        run.action_send()
        self.assertEqual(list(self._deliver().values()), [1])

    def test_stop_that_came_and_went_does_not_tick_what_a_person_unticked(self):
        self._create_invoice()
        run = self._create_run()
        run.line_ids.checked = False
        self.customer.action_dunning_stop()
        run.read_figures(run.id)
        self.customer.action_dunning_resume()
        run.read_figures(run.id)
        self.assertEqual((run.line_ids.outcome, run.line_ids.checked), ("included", False))

    def test_preview_during_a_stop_does_not_untick_for_good(self):
        self._create_invoice()
        run = self._create_run()
        self.customer.action_dunning_stop()
        run.line_ids.action_preview()
        self.customer.action_dunning_resume()
        run.action_send()
        self.assertEqual(list(self._deliver().values()), [1])

    def test_other_action_of_a_workflow_is_still_sent(self):
        self.scenario.active = False
        workflow = self._create_statements("email", "letter")
        self._create_invoice()
        run, other = (self._list_of(workflow) for _time in range(2))
        other.action_send()
        letter = other.notice_ids.filtered(lambda notice: notice.action == "letter")
        letter.sudo()._fail("no paper")
        run.action_send()
        self.assertEqual(run.notice_ids.mapped("action"), ["letter"])

    def test_other_instalment_is_still_sent(self):
        """A list by criteria that sent one item takes away that item only."""
        one, two = self._create_invoice(), self._create_invoice()
        run = self._list_of(self.scenario)
        self._list_by_criteria(self._items(one)).action_send()
        run.action_send()
        self.assertEqual(run.notice_ids.line_ids.move_id, two)

    def test_reminder_that_failed_in_another_list_takes_nothing_away(self):
        self._create_invoice()
        run = self._create_run()
        self._failed()
        run.action_send()
        self.assertEqual(list(self._deliver().values()), [1])


@tagged("post_install", "-at_install")
class TestOddInputs(StoryCommon):
    """What is odd is open, accepted or refused, and never stops the night."""

    def test_cent_of_a_weak_currency_is_open_not_paid(self):
        weak = self.setup_other_currency("HRK", rates=[("1900-01-01", 20_000.0)])
        invoice = self._create_invoice(currency_id=weak.id, amount=0.01)
        item = self._items(invoice)
        self.assertEqual((item.amount_residual, item.amount_residual_currency), (0, 0.01))
        self.assertFalse(item.reconciled)
        reasons = [reason["rule"] for reason in invoice.dunning_explain()]
        self.assertNotIn("paid", reasons)
        self.assertIn(item, self._candidates())

    def test_rest_of_a_weak_currency_is_not_called_paid_when_the_list_is_sent(self):
        weak = self.setup_other_currency("HRK", rates=[("1900-01-01", 20_000.0)])
        invoice = self._create_invoice(currency_id=weak.id, amount=20_000.01)
        run = self._create_run()
        self.assertTrue(run.line_ids.checked)
        self._pay(invoice, 20_000)
        item = self._items(invoice)
        self.assertEqual((item.amount_residual, item.amount_residual_currency), (0, 0.01))
        self.assertFalse(item.reconciled)
        run.action_send()
        self.assertNotEqual(run.line_ids.rule_id.code, "paid")

    def test_for_ever_as_999999_days_is_accepted_or_refused(self):
        """Whatever is accepted must not fail at night."""
        level = self.scenario.level_ids[0]
        reason = self.env["dunning.block.reason"].search([], limit=1)
        workflow = self._create_workflow(automatic=True)
        self.scenario.automatic = True
        self._create_invoice(days=-20)
        text = "[('%s', '<', 'today %s999999d')]"
        for record, field, value in (
            (self.scenario, "min_days_between", 999_999),
            (level, "delay", 999_999),
            (level, "delay", -999_999),
            (level, "repeat_every", 999_999),
            (level, "repeat_max", 999_999),
            (reason, "default_days", 999_999),
            (self.company, "dunning_catch_up_days", 999_999),
            (self.company, "dunning_promise_tolerance_days", 999_999),
            (self.company, "dunning_freshness_days", 999_999),
            (self.company, "dunning_cleanup_days", 999_999),
            (level, "condition_domain", text % ("invoice_date_due", "+")),
            (level, "condition_domain", text % ("invoice_date_due", "-")),
            (self.scenario, "customer_domain", text % ("create_date", "-")),
            (self.scenario, "customer_domain", text % ("create_date", "+")),
            (workflow.level_ids, "condition_domain", text % ("invoice_date_due", "-")),
        ):
            with (
                self.subTest(model=record._name, field=field, value=value),
                self.env.cr.savepoint() as savepoint,
            ):
                with suppress(ValidationError, UserError):
                    record[field] = value
                    self.env.flush_all()
                    self.env["dunning.run"].search([]).sudo().state = "cancelled"
                    self._job()
                    self._create_run()
                savepoint.rollback()
                self.env.invalidate_all()
