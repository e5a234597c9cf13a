from datetime import timedelta

from odoo.tests import tagged
from odoo.tools.misc import format_date

from .stories_common import StoryCommon


@tagged("post_install", "-at_install")
class TestMailQueueSpeaksFirst(StoryCommon):
    """Whom the mail queue reminds, no list reminds on the same day."""

    def test_mail_queue_brings_an_older_failed_reminder_out_while_the_list_is_open(self):
        self._create_invoice()
        self._failed(-1)
        run = self._create_run()
        self._retry_failed_mails()
        self.assertEqual(list(self._deliver().values()), [1])
        run.action_send()
        self.assertFalse(self._deliver())
        self.assertLeftOut(run.line_ids, "reminded")

    def test_list_made_after_the_mail_queue_brought_an_old_reminder_out_today(self):
        self._create_invoice(days=-20)
        self._failed(-15)
        self._retry_failed_mails()
        self.assertEqual(list(self._deliver().values()), [1])
        self._create_run().action_send()
        self.assertFalse(self._deliver())


@tagged("post_install", "-at_install")
class TestMailServerDown(StoryCommon):
    """A message that did not leave is replaced by the next one, not followed by it."""

    def test_mail_server_down_for_three_nights(self):
        self.scenario.automatic = True
        self._create_invoice(days=-2)
        self._nights_in_vain(3)
        with self._on(3):
            self._retry_failed_mails()
            self.assertEqual(list(self._deliver().values()), [1])
            notices = self.env["dunning.notice"].search([("partner_id", "=", self.customer.id)])
            last = notices.sorted("id")[-1:]
            self.assertEqual(last.state, "sent")
            for notice in notices - last:
                self.assertNotIn(notice.state, ("queued", "sent"))
                self.assertIn("replaced", notice.failure_reason.lower())

    def test_reason_names_the_reminder_that_replaced_the_message(self):
        self._create_invoice(days=-2)
        self._failed(0)
        old = self._notices("failed")
        with self._on(3):
            new = self._create_run()
            new.action_send()
            expected = f"Replaced by the reminder of {format_date(self.env, new.notice_ids.date)}."
        self.assertEqual((old.state, old.failure_reason), ("skipped", expected))
        self.assertEqual(new.notice_ids.date, self.today + timedelta(days=3))
        self.assertEqual(old.mail_id.sudo().state, "cancel")

    def test_mail_server_down_for_three_nights_and_the_job_goes_on(self):
        self.scenario.automatic = True
        self._create_invoice(days=-2)
        self._nights_in_vain(3)
        with self._on(3):
            self._job()
            self._retry_failed_mails()
            self.assertEqual(list(self._deliver().values()), [1])

    def test_cancelled_mail_of_a_replaced_reminder_is_sent_from_its_form(self):
        self._create_invoice()
        old = self._failed(-1)
        mail = old.notice_ids.mail_id.sudo()
        self._create_run().action_send()
        self.assertEqual(list(self._deliver().values()), [1])
        self.assertEqual(mail.state, "cancel")
        mail.mark_outgoing()
        self.assertFalse(self._deliver())

    def test_retry_and_mail_queue_both_send_the_same_reminder(self):
        self._create_invoice()
        run = self._failed()
        run.action_retry_failed()
        self._retry_failed_mails()
        self.assertEqual(list(self._deliver().values()), [1])

    def test_customer_who_owes_nothing_in_total_gets_no_notice_every_night(self):
        self.scenario.automatic = True
        self._create_invoice(amount=100)
        self._create_invoice(amount=100, move_type="out_refund")
        counts = []
        for day in range(3):
            with self._on(day):
                self._job()
                counts.append(len(self._notices("skipped", "queued", "sent", "failed")))
        self.assertLessEqual(counts[-1], 1, counts)


@tagged("post_install", "-at_install")
class TestMailQueueLooksAgain(StoryCommon):
    """What waited in the mail queue is looked at again before it leaves."""

    def test_failed_mail_is_retried_in_the_queue_after_what_it_says_is_no_longer_right(self):
        for number, change in enumerate(
            (
                self._pay,
                lambda invoice: invoice.action_dunning_stop(),
                lambda invoice: invoice.button_draft(),
                lambda invoice: invoice.write({"dunning_due_date": self._days(5)}),
            )
        ):
            with self.subTest(number):
                invoice = self._create_invoice(self._create_customer(f"Changed {number}"))
                self._failed()
                change(invoice)
                self._retry_failed_mails()
                self.assertFalse(self._deliver())

    def test_scenario_type_or_profile_switched_off_before_a_failed_mail_is_sent_again(self):
        gentle, strict = self.env["dunning.profile"].create(
            [{"name": "Gentle"}, {"name": "Strict"}]
        )
        self.scenario.profile_ids = gentle
        changes = {
            "scenario": lambda _customer: self.scenario.write({"active": False}),
            "type": lambda _customer: self.type_overdue.write({"active": False}),
            "scenario no longer applies": lambda customer: customer.write(
                {"dunning_profile_id": strict.id}
            ),
            "reminder type": lambda customer: customer.write(
                {"dunning_type_off_ids": self.type_overdue.ids}
            ),
        }
        again = {
            "queue": lambda _run: self._retry_failed_mails(),
            "retry": lambda run: run.action_retry_failed(),
        }
        for about, change in changes.items():
            for way, send in again.items():
                with self.subTest(about, way=way), self.env.cr.savepoint() as savepoint:
                    customer = self._create_customer("Changed", dunning_profile_id=gentle.id)
                    self._create_invoice(customer)
                    run = self._list_of(self.scenario)
                    run.action_send()
                    self._deliver_in_vain()
                    self.assertEqual(run.notice_ids.state, "failed")
                    change(customer)
                    send(run)
                    self.assertFalse(self._deliver())
                    self.assertEqual(run.notice_ids.state, "skipped")
                    lines, reason = run.line_ids, run.notice_ids.failure_reason
                    if way == "retry":
                        reason = lines.skip_reason or lines.rule_id.name
                    self.assertIn(about, reason.lower())
                    savepoint.rollback()
                    self.env.invalidate_all()

    def test_mail_queue_stood_still_for_days_and_the_customer_paid_meanwhile(self):
        paid = self._create_invoice()
        self._create_invoice(self.other_customer)
        with self._on(-3):
            self._create_run().action_send()
        self._pay(paid)
        self.assertEqual(len(self._deliver()), 1)
        notice = self._notices("failed", "skipped")
        self.assertEqual(notice.partner_id, self.customer)
        self.assertTrue(notice.failure_reason)


@tagged("post_install", "-at_install")
class TestArchivedRecipients(StoryCommon):
    """Who is archived meanwhile is not lost."""

    def test_recipient_archived_before_the_mail_fails(self):
        bookkeeper = self._create_customer(
            "Bookkeeper", parent_id=self.customer.id, type="dunning", email="books@example.com"
        )
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        notice = run.notice_ids
        bookkeeper.active = False
        self._deliver_in_vain()
        self.assertEqual(notice.state, "failed")
        self.assertTrue(self._create_run().line_ids.checked, "its item comes up again")

    def test_history_keeps_recipients_that_are_archived_since(self):
        bookkeeper = self._create_customer(
            "Bookkeeper", parent_id=self.customer.id, type="dunning", email="books@example.com"
        )
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        self._deliver()
        bookkeeper.active = False
        self.env.invalidate_all()
        self.assertEqual(run.notice_ids.recipient_ids, bookkeeper)

    def test_archived_customer_is_sent_when_that_rule_is_off(self):
        self.env.ref("dunning_exclusion.rule_archived").enabled = False
        self._create_invoice()
        self.customer.active = False
        run = self._create_run()
        self.assertTrue(run.line_ids.checked)
        run.action_send()
        self.assertEqual(run.notice_ids.state, "queued", run.notice_ids.failure_reason)
        self.assertEqual(list(self._deliver().values()), [1])


@tagged("post_install", "-at_install")
class TestDayItLeft(StoryCommon):
    """Days count from the day a message left."""

    def test_min_days_between_counts_from_the_day_the_message_left(self):
        self.scenario.min_days_between = 5
        invoice = self._create_invoice(days=-20)
        item = self._items(invoice)
        with self._on(-13):
            self._create_run().action_send()
        with self._on(-3):
            self._deliver()
            self.assertEqual(self._notices("sent").date, self.today - timedelta(days=3))
        self.assertFalse(self._create_run().line_ids)
        self.assertNotIn(item, self._candidates(day=1))
        self.assertIn(item, self._candidates(day=2))

    def test_days_count_from_the_day_a_failed_message_was_retried_in_the_queue(self):
        self._create_invoice(days=-20)
        self._failed(-13)
        self._retry_failed_mails()
        self._deliver()
        self.assertFalse(self._create_run().line_ids)


@tagged("post_install", "-at_install")
class TestOddInputs(StoryCommon):
    """Odd inputs are understood or refused, and nobody gets more messages by them."""

    def test_contacts_that_share_one_address_get_one_message(self):
        for number, addresses in enumerate(
            (
                ("books@example.com", "books@example.com"),
                ("books@example.com", "Books <BOOKS@example.com>"),
            )
        ):
            with self.subTest(addresses=addresses):
                customer = self._create_customer(f"Shared {number}")
                for address in addresses:
                    self._create_customer(
                        "Bookkeeper", parent_id=customer.id, type="dunning", email=address
                    )
                self._create_invoice(customer)
                self._create_run().action_send()
                with self.mock_mail_gateway():
                    self._queued_mails().send()
                self.assertEqual(len(self._mails), 1)
                self.assertEqual(self._notices("sent")[:1].partner_id, customer)

    def test_additional_recipient_with_the_customers_address_gets_no_second_message(self):
        twin = self._create_customer("Twin", email=self.customer.email)
        self.scenario.level_ids.additional_partner_ids = twin
        self._create_invoice()
        self._create_run().action_send()
        with self.mock_mail_gateway():
            self._queued_mails().send()
        self.assertEqual(len(self._mails), 1)
