from datetime import datetime, timedelta

from freezegun import freeze_time

from odoo.tests import tagged

from .stories_common import StoryCommon


@tagged("post_install", "-at_install")
class TestWorkflowStories(StoryCommon):
    """A workflow has missed only days on which it was there, was on, and had that day."""

    def _yesterday(self):
        return str((self.today.weekday() - 1) % 7)

    def test_new_workflow_has_missed_nothing(self):
        self._create_invoice()
        workflow = self._create_workflow(weekday=self._yesterday())
        self.assertFalse(self._reached(workflow, due_only=True))
        self.assertTrue(self._reached(workflow, day=6, due_only=True))

    def test_workflow_that_was_off_on_its_day_has_missed_nothing(self):
        self._create_invoice()
        with self._on(-20):
            workflow = self._create_workflow(weekday=self._yesterday())
            workflow.active = False
        workflow.active = True
        workflow.date_start = False
        self.assertFalse(self._reached(workflow, due_only=True))
        self.assertTrue(self._reached(workflow, day=6, due_only=True))

    def test_workflow_that_was_moved_to_another_weekday_has_missed_nothing(self):
        self._create_invoice()
        with self._on(-20):
            workflow = self._create_workflow(weekday=str((self.today.weekday() + 1) % 7))
        with self._on(-6):
            self._list_of(workflow).action_send()
            self._deliver()
        workflow.weekday = self._yesterday()
        self.assertFalse(self._reached(workflow, due_only=True))
        self.assertTrue(self._reached(workflow, day=6, due_only=True))

    def test_workflow_whose_rhythm_changed_has_missed_nothing(self):
        self._create_invoice()
        yesterday = self.today - timedelta(days=1)
        with self._on(-40):
            workflow = self._create_workflow(
                frequency="biweekly", weekday=self._yesterday(), date_start=self._days(-8)
            )
        self.assertFalse(self._reached(workflow, due_only=True), yesterday)
        workflow.frequency = "weekly"
        self.assertFalse(self._reached(workflow, due_only=True))

    def test_workflow_whose_day_was_missed_is_still_caught_up(self):
        self._create_invoice()
        with self._on(-20):
            workflow = self._create_workflow(weekday=self._yesterday())
        self.assertTrue(self._reached(workflow, due_only=True))

    def test_workflow_of_all_companies_is_due_where_the_day_begins_last(self):
        """It is made where it is tomorrow already, on the eve of its day."""
        self.company.dunning_timezone = "America/Los_Angeles"
        ahead = self.setup_other_company()["company"]
        ahead.dunning_timezone = "Pacific/Auckland"
        self._create_invoice()
        with freeze_time(f"{self.today} 20:00:00"):
            workflow = self._create_workflow(company_id=False).with_company(ahead)
            self.assertEqual(workflow.next_date, self.today + timedelta(days=7))
            workflow.weekday = str((self.today.weekday() + 1) % 7)
            workflow.weekday = str(self.today.weekday())
            self.assertTrue(self._reached(workflow, due_only=True))


@tagged("post_install", "-at_install")
class TestRebuiltStories(StoryCommon):
    """Odoo makes other instalments of the same items when the payment term changes."""

    def _invoice_of(self, name, days):
        """Return (its date, an invoice of a new customer) with instalments after these days."""
        start = self.today - timedelta(days=60)
        return start, self._create_invoice(
            self._create_customer(name),
            amount=300,
            invoice_date=start,
            invoice_date_due=False,
            invoice_payment_term_id=self._create_term(*days).id,
        )

    def _rebuild(self, invoice, days):
        invoice.button_draft()
        invoice.invoice_payment_term_id = self._create_term(*days)
        invoice.action_post()

    def test_rebuilt_instalment_keeps_its_level(self):
        """The level stays at its due date; and another instalment does not get it instead."""
        for number, (before, reminded, after, asked) in enumerate(
            (
                ((0, 30), 0, (0, 40), (0, 40)),
                ((0, 30), 0, (30, 0), (0, 30)),
                ((10, 40), 10, (0, 10, 40), (0, 10, 40)),
                ((0, 10, 40), 10, (10, 40), (10, 40)),
                ((0, 10), 10, (0, 5, 10), (0, 5, 10)),
                ((0, 30), 0, (30, 60), (60,)),
                ((0, 30), 0, (30, 45, 60), (45, 60)),
            )
        ):
            with self.subTest(before=before, reminded=reminded, after=after):
                start, invoice = self._invoice_of(f"Rebuilt {number}", before)

                def due(days, invoice=invoice, start=start):
                    day = start + timedelta(days=days)
                    return self._items(invoice).filtered(lambda item: item.date_maturity == day)

                self._remind(due(reminded), self.scenario.level_ids[0], day=-5)
                self._rebuild(invoice, after)
                self.assertEqual(len(self._items(invoice)), len(after))
                levels = self._candidates(day=5)
                for days in asked:
                    expected = "Level 2" if days == reminded else "Level 1"
                    self.assertEqual(levels.get(due(days)), expected, f"due after {days} days")

    def test_other_instalments_do_not_get_the_level_of_one_that_is_gone(self):
        """The nearest instalment gets it: so nothing is said twice, and the others go their way."""
        for number, (before, reminded, after, heir) in enumerate(
            (
                ((0, 10, 40), 0, (10, 40), 10),
                ((0, 10, 40), 10, (0, 40), 0),
                ((0, 30), 0, (5, 35), 5),
                ((5, 35), 35, (0, 30), 30),
                ((0, 30), 30, (10,), 10),
                ((20,), 20, (0, 30), 30),
            )
        ):
            with self.subTest(before=before, reminded=reminded, after=after):
                start, invoice = self._invoice_of(f"Gone {number}", before)
                due = start + timedelta(days=reminded)
                item = self._items(invoice).filtered(
                    lambda part, day=due: part.date_maturity == day
                )
                run = self._create_run(date=self.today - timedelta(days=15))
                run.line_ids.checked = False
                run.line_ids.filtered(
                    lambda line, item=item: line.move_line_id == item
                ).checked = True
                run.action_send()
                self.assertEqual(run.notice_ids.line_ids.move_line_id, item)
                run.notice_ids.sudo().state = "sent"
                self._rebuild(invoice, after)
                levels = self._candidates(day=5)
                found = {
                    (part.date_maturity - start).days: levels.get(part)
                    for part in self._items(invoice)
                }
                self.assertEqual(found, dict.fromkeys(after, "Level 1") | {heir: "Level 2"})


@tagged("post_install", "-at_install")
class TestTodayStories(StoryCommon):
    """Today is the day of the company, and an answer for a past day knows nothing of later ones."""

    def test_today_in_conditions_is_the_day_of_the_company(self):
        self.company.dunning_timezone = "Pacific/Auckland"
        self.env.user.tz = "America/Los_Angeles"
        with freeze_time("2026-06-10 20:00:00"):
            # In Auckland it is the 11th.
            self.addCleanup(setattr, type(self), "today", self.today)
            type(self).today = self.company._dunning_today()
            invoice = self._create_invoice(days=-10, ref="due")
            self.customer.ref = "customer"
            for field, record, condition in (
                ("condition_domain", self.scenario.level_ids, "invoice_date_due"),
                ("customer_domain", self.scenario, "invoice_ids.invoice_date_due"),
            ):
                for text, expected in (
                    ("[('%s', '=', 'today -10d')]", True),
                    ("[('%s', '=', 'today -9d')]", False),
                ):
                    with self.subTest(field=field, text=text):
                        record[field] = text % condition
                        found = self._items(invoice) in self._candidates()
                        self.assertEqual(found, expected)
                record[field] = "[]"

    def _promise(self, invoice, days):
        return self.env["dunning.promise"].create(
            {"move_line_ids": self._items(invoice).ids, "date": self._days(days)}
        )

    def _reason(self, record, day):
        """Return (since, until) of a promise or a stop that stood against reminding on `day`."""
        reasons = record.dunning_explain(self.today + timedelta(days=day))
        return [
            (reason["rule"], reason["since"], reason["until"])
            for reason in reasons
            if reason["rule"] in ("promise", "stop_item", "stop_customer", "pause_customer")
        ]

    def test_past_day_names_the_promise_that_was_open_then(self):
        invoice = self._create_invoice()
        promise = self._promise(invoice, 5)
        was_open = [("promise", self.today, promise.date)]
        self.assertEqual(self._reason(invoice, 1), was_open)
        with self._on(20):
            self.assertEqual(promise.state, "broken")
            self.assertEqual(self._reason(invoice, 1), was_open, "broken since")
            self.assertFalse(self._reason(invoice, 20))

    def test_past_day_names_the_promise_that_was_cancelled_since(self):
        invoice = self._create_invoice()
        promise = self._promise(invoice, 30)
        with self._on(6):
            promise.action_cancel()
        with self._on(10):
            self.assertEqual(
                self._reason(invoice, 1), [("promise", self.today, promise.date)], "open then"
            )
            self.assertFalse(self._reason(invoice, 7), "cancelled by then")

    def test_past_day_does_not_name_a_promise_that_was_not_given_yet(self):
        invoice = self._create_invoice()
        with self._on(8):
            promise = self._promise(invoice, 15)
            self.env.flush_all()
            self.env.cr.execute(
                "UPDATE dunning_promise SET create_date = %s WHERE id = %s",
                [datetime.now(), promise.id],
            )
            self.env.invalidate_all()
        with self._on(10):
            self.assertFalse(self._reason(invoice, 1))
            self.assertTrue(self._reason(invoice, 9))

    def test_past_day_names_the_stop_that_was_lifted_since(self):
        invoice = self._create_invoice()
        invoice.action_dunning_stop()
        with self._on(5):
            invoice.action_dunning_resume()
        with self._on(10):
            self.assertEqual(self._reason(invoice, 1), [("stop_item", self.today, False)])
            self.assertFalse(self._reason(invoice, 6))

    def test_past_day_names_the_hold_on_the_customer_that_was_there_then(self):
        invoice = self._create_invoice()
        records = (self.customer, invoice, self._items(invoice))
        self.customer.action_dunning_stop()
        with self._on(3):
            self.customer.action_dunning_resume()
        with self._on(5):
            until = self.today + timedelta(days=8)
            self.customer.dunning_pause_until = until
        stopped = [("stop_customer", self.today, False)]
        paused = [("pause_customer", self.today + timedelta(days=5), until)]
        with self._on(20):
            for record in records:
                for day, expected in (
                    *((-1, []), (0, stopped), (2, stopped), (3, []), (4, [])),
                    *((5, paused), (8, paused), (9, []), (20, [])),
                ):
                    with self.subTest(record=record, day=day):
                        self.assertEqual(self._reason(record, day), expected)
