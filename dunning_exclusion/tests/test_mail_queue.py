from datetime import timedelta
from smtplib import SMTPServerDisconnected
from unittest.mock import patch

from psycopg2 import OperationalError

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.dunning_exclusion.models import dunning_notice

from .stories_common import StoryCommon


@tagged("post_install", "-at_install")
class TestMailQueue(StoryCommon):
    """Reminders that wait in the mail queue leave only while they are right, and once."""

    def _sent(self):
        run = self._create_run()
        run.action_send()
        return run

    def test_what_was_made_today_is_not_looked_at_again(self):
        self._create_invoice()
        self._sent()
        with patch.object(dunning_notice, "find_wrong", side_effect=AssertionError):
            self.assertEqual(list(self._deliver().values()), [1])

    def test_old_email_of_a_reminder_that_was_made_anew_does_not_leave(self):
        self._create_invoice()
        run = self._failed()
        old = run.notice_ids.mail_id.sudo()
        run.action_retry_failed()
        self.assertNotEqual(run.notice_ids.mail_id, old)
        old.mark_outgoing()
        self.assertEqual((old.state, run.notice_ids.state), ("cancel", "queued"))
        self.assertEqual(list(self._deliver().values()), [1])

    def test_email_that_a_person_cancelled_is_looked_at_when_it_is_sent_after_all(self):
        invoice = self._create_invoice()
        self._create_invoice(self.other_customer)
        run = self._sent()
        mails = run.notice_ids.mail_id.sudo()
        mails.cancel()
        self._pay(invoice)
        mails.mark_outgoing()
        self.assertEqual(set(run.notice_ids.mapped("state")), {"queued"})
        self.assertEqual(set(self._deliver()), {self.other_customer.email_formatted})
        states = {notice.partner_id: notice.state for notice in run.notice_ids}
        self.assertEqual(states, {self.customer: "skipped", self.other_customer: "sent"})

    def test_withdrawn_reminder_is_cancelled_for_good_and_its_other_items_come_up_again(self):
        paid, left = self._create_invoice(), self._create_invoice()
        with self._on(-2):
            run = self._sent()
        notice, mail = run.notice_ids, run.notice_ids.mail_id.sudo()
        self._pay(paid)
        self.assertFalse(self._deliver())
        self.assertEqual((notice.state, mail.state), ("skipped", "cancel"))
        self.assertEqual(notice.failure_reason, mail.failure_reason)
        mail.mark_outgoing()
        self.assertEqual((notice.state, mail.state), ("skipped", "cancel"))
        self.assertEqual(self._sent().notice_ids.line_ids.move_id, left)

    @mute_logger("odoo.addons.dunning_exclusion.models.dunning_notice")
    def test_error_while_looking_again_keeps_no_other_email_back(self):
        self._create_invoice()
        with self._on(-1):
            run = self._sent()
        other = self.env["mail.mail"].create(
            {"email_to": "else@example.com", "email_from": "me@example.com", "body_html": "Hello"}
        )
        error = ZeroDivisionError("a condition of somebody")
        with (
            patch.object(dunning_notice, "find_wrong", side_effect=error),
            self.mock_mail_gateway(),
        ):
            (self._queued_mails() | other).send()
        self.assertEqual([mail["email_to"] for mail in self._mails], [["else@example.com"]])
        self.assertEqual(run.notice_ids.state, "failed")
        self.assertIn("a condition of somebody", run.notice_ids.failure_reason)

    def _waiting(self):
        """Return the waiting notices of two runs of yesterday, each about another customer."""
        self._create_invoice()
        other = self._create_invoice(self.other_customer)
        with self._on(-1):
            first = self._list_by_criteria(self._items(other))
            first.action_send()
            second = self._sent()
        self.assertEqual(first.notice_ids.partner_id, self.other_customer)
        self.assertEqual(second.notice_ids.partner_id, self.customer)
        return first.notice_ids, second.notice_ids

    def _find_wrong_fails_for(self, run, error):
        """Let the look at the reminders of `run` fail with `error` while the block lasts."""
        find_wrong = dunning_notice.find_wrong

        def fail(notices):
            if run in notices.run_id:
                raise error
            return find_wrong(notices)

        return patch.object(dunning_notice, "find_wrong", fail)

    @mute_logger("odoo.addons.dunning_exclusion.models.dunning_notice")
    def test_error_in_one_run_fails_only_the_reminders_of_that_run(self):
        bad, good = self._waiting()
        with self._find_wrong_fails_for(bad.run_id, ZeroDivisionError("a condition")):
            self.assertEqual(list(self._deliver()), [self.customer.email_formatted])
        self.assertEqual((bad.state, good.state), ("failed", "sent"))
        self.assertIn("a condition", bad.failure_reason)

    def test_conflict_with_another_transaction_leaves_only_those_reminders_waiting(self):
        busy, free = self._waiting()
        with self._find_wrong_fails_for(busy.run_id, OperationalError("could not serialize")):
            self.assertEqual(list(self._deliver()), [self.customer.email_formatted])
        self.assertEqual((busy.state, free.state), ("queued", "sent"))
        self.assertEqual((busy.sudo().mail_id.state, busy.failure_reason), ("outgoing", False))
        self.assertEqual(list(self._deliver()), [self.other_customer.email_formatted])
        self.assertEqual(busy.state, "sent")

    def test_waiting_reminder_without_items_says_why_it_does_not_leave(self):
        self._create_invoice()
        with self._on(-1):
            notice = self._sent().notice_ids
        notice.sudo().line_ids = False
        self.assertFalse(self._deliver())
        self.assertEqual(notice.state, "skipped")
        self.assertEqual(notice.failure_reason, "No items are left to remind.")
        self.assertEqual(notice.sudo().mail_id.failure_reason, notice.failure_reason)

    def test_reminder_that_was_sent_stays_sent_when_its_email_is_queued_once_more(self):
        self._create_invoice()
        notice = self._sent().notice_ids
        self._deliver()
        system = self._create_user("system", "base.group_system")
        mail = notice.sudo().mail_id
        mail.with_user(system).write({"state": "outgoing"})
        self.assertEqual((mail.state, notice.state), ("outgoing", "sent"))
        self.assertEqual(list(self._deliver()), [self.customer.email_formatted])
        self.assertEqual(notice.state, "sent")

    def test_given_up_reminder_stays_cancelled_but_takes_other_values(self):
        invoice = self._create_invoice()
        with self._on(-1):
            notice = self._sent().notice_ids
        mail = notice.sudo().mail_id
        self._pay(invoice)
        self._deliver()
        self.assertEqual(mail.state, "cancel")
        mail.write({"state": "outgoing", "failure_reason": "x", "failure_type": False})
        self.assertEqual((mail.state, mail.failure_reason), ("cancel", "x"))
        mail.mark_outgoing()
        self.assertEqual((notice.state, mail.state), ("skipped", "cancel"), "given up for good")

    def test_own_default_of_the_sender_keeps_no_reminder_from_leaving(self):
        clerk = self._create_user("clerk", "dunning_exclusion.group_dunning_user")
        defaults = self.env["ir.default"].with_user(clerk)
        defaults.set("mail.mail", "state", "cancel", user_id=True)
        self._create_invoice()
        run = self._create_run()
        run.with_user(clerk).action_send()
        self.assertEqual(run.notice_ids.state, "queued")
        self.assertEqual(list(self._deliver()), [self.customer.email_formatted])

    def test_contacts_who_did_not_get_it_are_not_told_after_the_customer_paid(self):
        for name in ("one", "two"):
            email = f"{name}@example.com"
            self._create_customer(name, parent_id=self.customer.id, type="dunning", email=email)
        invoice, day = self._create_invoice(), self.today - timedelta(days=3)
        with self._on(-3):
            run = self._sent()
            notice, mail = run.notice_ids.sudo(), run.notice_ids.mail_id.sudo()
            reached = notice.recipient_ids[0]
            mail.state = "exception"
            notice._note_reached(reached, "refused")
        self.assertEqual((notice.state, notice.date), ("sent", day))
        mail.mark_outgoing()
        with self._mail_server_down():
            mail.send()
        self.assertEqual((notice.state, notice.date), ("sent", day))
        self._pay(invoice)
        mail.mark_outgoing()
        self.assertFalse(self._deliver())
        self.assertEqual((notice.state, mail.state), ("sent", "cancel"))

    def test_contact_all_of_whose_addresses_others_have_gets_no_message(self):
        emails = ("a@example.com", "a@example.com, b@example.com", "B@example.com")
        for email in emails:
            self._create_customer("Desk", parent_id=self.customer.id, type="dunning", email=email)
        self._create_invoice()
        notice = self._sent().notice_ids
        self.assertEqual(notice.recipient_ids.mapped("email"), [emails[1]])
        self.assertFalse(notice.unreached)

    def test_message_of_another_sense_is_not_replaced(self):
        workflow = self._create_workflow(
            level_ids=[
                Command.create({"name": name, "type_id": self.type_overdue.id})
                for name in ("First", "Second")
            ]
        )
        self._create_invoice()
        with self._on(-1):
            failed = self._failed()
            run = self._list_of(workflow)
            run.action_send()
        self.assertEqual(failed.notice_ids.state, "failed")
        self.assertEqual(len(run.notice_ids), 2)
        one, two = run.notice_ids
        one.sudo()._fail("full")
        again = self._list_of(workflow)
        again.action_send()
        self.assertEqual(again.notice_ids.level_id, one.level_id)
        self.assertEqual((one.state, two.state), ("skipped", "queued"))
        self.assertIn("Replaced", one.failure_reason)

    def test_failed_letter_is_replaced_too(self):
        self.scenario.level_ids.action = "letter"
        self._create_invoice()
        with self._on(-1):
            old = self._sent().notice_ids
            old.sudo()._fail("no paper")
        self.assertEqual(self._sent().notice_ids.state, "queued")
        self.assertEqual(old.state, "skipped")

    def test_reminder_whose_sending_cannot_be_noted_bears_the_day_it_left(self):
        self._create_invoice()
        with self._on(-2):
            notice = self._sent().notice_ids
        follow = type(notice)._follow_mail

        def fail(notice):
            if notice.mail_id.state == "sent":
                raise ZeroDivisionError("full disk")
            follow(notice)

        with (
            patch.object(type(notice), "_follow_mail", fail),
            mute_logger("odoo.addons.dunning_exclusion.models.dunning_notice"),
        ):
            self.assertEqual(list(self._deliver().values()), [1])
        self.assertEqual((notice.state, notice.date), ("sent", self.today))

    # How far it goes at a time --------------------------------------------------------------

    def _queue(self, *customers):
        for customer in customers:
            self._create_invoice(customer)
        notices = self._sent().notice_ids
        self.env["ir.cron.trigger"].search([("cron_id", "=", self.queue.id)]).unlink()
        return notices

    def test_connection_that_breaks_while_an_email_leaves_fails_its_reminder(self):
        notices = self._queue(self.customer, self.other_customer)
        Mail = self.env["mail.mail"].sudo()
        server = type(self.env["ir.mail_server"])
        for count, error in enumerate((SMTPServerDisconnected, MemoryError), start=1):
            with (
                self.mock_mail_gateway(),
                patch.object(server, "send_email", side_effect=error),
                mute_logger("odoo.addons.mail.models.mail_mail"),
            ):
                Mail.process_email_queue()
            failed = notices.filtered(lambda notice: notice.state == "failed")
            self.assertEqual(len(failed), count, "one with each error, which ends the pass")
            self.assertTrue(all(failed.mapped("failure_reason")))
            self.assertEqual(set(failed.mail_id.mapped("state")), {"exception"})

    @property
    def queue(self):
        return self.env.ref("mail.ir_cron_mail_scheduler_action")

    def _is_called_again(self):
        return bool(self.env["ir.cron.trigger"].search_count([("cron_id", "=", self.queue.id)]))

    def test_queue_goes_on_at_once_while_reminders_wait(self):
        notices = self._queue(self.customer, self.other_customer)
        Mail = self.env["mail.mail"].sudo()
        with self.mock_mail_gateway():
            Mail.process_email_queue(batch_size=1)
        self.assertEqual(sorted(notices.mapped("state")), ["queued", "sent"])
        self.assertTrue(self._is_called_again())
        self.env["ir.cron.trigger"].search([]).unlink()
        with self.mock_mail_gateway():
            Mail.process_email_queue(batch_size=1)
        self.assertEqual(set(notices.mapped("state")), {"sent"})
        self.assertFalse(self._is_called_again(), "nothing is left")

    def test_queue_waits_where_nothing_leaves_or_somebody_has_set_its_size(self):
        notices = self._queue(self.customer, self.other_customer)
        Mail = self.env["mail.mail"].sudo()
        with patch.object(dunning_notice, "find_wrong", side_effect=OperationalError):
            notices.sudo().failure_reason = "Failed before"
            Mail.process_email_queue(batch_size=1)
        self.assertEqual(set(notices.mapped("state")), {"queued"})
        self.assertFalse(self._is_called_again())
        notices.sudo().failure_reason = False
        self.env["ir.config_parameter"].sudo().set_param("mail.mail.queue.batch.size", 1)
        with self.mock_mail_gateway():
            Mail.process_email_queue()
        self.assertEqual(sorted(notices.mapped("state")), ["queued", "sent"])
        self.assertFalse(self._is_called_again())

    def test_what_left_before_the_process_was_killed_is_told_by_the_next_one(self):
        first, second = self._queue(self.customer, self.other_customer)

        def lines():
            subtype = self.env.ref("dunning_exclusion.mt_follow_up")
            told = [("subtype_id", "=", subtype.id), ("model", "=", "res.partner")]
            return self.env["mail.message"].search_count([*told, ("body", "like", "Reminder sent")])

        before = lines()
        with (
            patch.object(type(first), "_tell_sent", lambda notices: None),
            self.mock_mail_gateway(),
        ):
            first.mail_id.sudo().send()
        self.assertEqual((first.state, lines()), ("sent", before))
        with self.mock_mail_gateway():
            second.mail_id.sudo().send()
        self.assertEqual(lines(), before + 1, "who sends one tells that one")
        Mail = self.env["mail.mail"].sudo()
        Mail.process_email_queue()
        self.assertEqual(lines(), before + 1, "another process may be about to tell it")
        first.flush_recordset()
        self.env.cr.execute(
            "UPDATE dunning_notice SET write_date = write_date - interval '2 hours' WHERE id = %s",
            [first.id],
        )
        Mail.process_email_queue()
        self.assertEqual(lines(), before + 2)
        Mail.process_email_queue()
        self.assertEqual(lines(), before + 2, "each once")
