from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.mail.tests.common import MailCase

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestDunningDelivery(DunningCommon, MailCase):
    """What becomes of a message in the mail queue, and what its notice says about it."""

    def _sent_run(self):
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        return run

    def _deliver(self, run):
        with self.mock_mail_gateway(mail_unlink_sent=False):
            run.notice_ids.mail_id.sudo().filtered(lambda mail: mail.state == "outgoing").send()
        return len(self._mails)

    def test_email_deleted_before_it_left_has_failed_and_is_retried(self):
        run = self._sent_run()
        run.notice_ids.mail_id.sudo().unlink()
        self.assertEqual(run.notice_ids.state, "failed")
        self.assertIn("deleted", run.notice_ids.failure_reason)
        self.assertTrue(self._create_run().line_ids.checked, "its item comes up again")
        run.action_retry_failed()
        self.assertEqual(self._deliver(run), 1)
        self.assertEqual(run.notice_ids.state, "sent")

    def test_message_deleted_before_its_email_left_has_failed(self):
        run = self._sent_run()
        mail = run.notice_ids.mail_id.sudo()
        mail.mail_message_id.unlink()
        self.assertFalse(mail.exists())
        self.assertEqual(run.notice_ids.state, "failed")
        self.assertIn("deleted", run.notice_ids.failure_reason)
        self.assertTrue(self._create_run().line_ids.checked, "its item comes up again")

    def test_email_deleted_after_it_left_stays_sent(self):
        run = self._sent_run()
        self._deliver(run)
        run.notice_ids.mail_id.sudo().unlink()
        self.assertEqual(run.notice_ids.state, "sent")
        self.assertFalse(run.notice_ids.failure_reason)

    def test_deleted_email_that_had_failed_keeps_its_reason(self):
        run = self._sent_run()
        mail = run.notice_ids.mail_id.sudo()
        mail.write({"state": "exception", "failure_reason": "Mailbox full"})
        mail.unlink()
        self.assertEqual(run.notice_ids.failure_reason, "Mailbox full")

    def test_deleting_many_emails_takes_the_queries_of_one(self):
        for number in range(6):
            self._create_invoice(self._create_customer(f"Customer {number}"))
        run = self._create_run()
        run.action_send()
        mails = run.notice_ids.mail_id.sudo()
        self.env.flush_all()
        notices = self.env["dunning.notice"].sudo()
        counts = []
        for some in (mails[:1], mails[1:]):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            notices._fail_deleted(some)
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(set(run.notice_ids.mapped("state")), {"failed"})
        self.assertLessEqual(counts[1], counts[0])

    def test_reason_is_told_in_words(self):
        run = self._sent_run()
        notice, mail = run.notice_ids, run.notice_ids.mail_id.sudo()
        for vals, words in (
            ({"state": "cancel", "failure_type": "mail_bl"}, "Blacklisted Address"),
            ({"state": "cancel", "failure_type": False}, "Cancelled"),
            ({"state": "exception", "failure_type": False}, "Delivery Failed"),
            ({"state": "exception", "failure_reason": "550 No such user"}, "550 No such user"),
        ):
            with self.subTest(**vals):
                mail.write({"failure_reason": False, **vals})
                self.assertEqual(notice.failure_reason, words)

    def test_story_12_failure_to_note_the_sending_does_not_send_again(self):
        Notice = type(self.env["dunning.notice"])
        for method in ("_follow_mail", "_note_reached"):
            with self.subTest(method=method):
                run = self._sent_run()
                follow = Notice._follow_mail

                def fail(notice, *args, follow=follow):
                    if notice.mail_id.state == "sent":
                        raise ZeroDivisionError("full disk")
                    follow(notice, *args)

                with (
                    patch.object(Notice, method, fail),
                    mute_logger("odoo.addons.dunning_exclusion.models.dunning_notice"),
                ):
                    self.assertEqual(self._deliver(run), 1)
                self.assertEqual(run.notice_ids.mail_id.state, "sent")
                self.assertEqual(run.notice_ids.state, "sent")
                self.assertFalse(run.failed_count)
                self.assertEqual(self._deliver(run), 0)
                self.env["dunning.notice"].sudo().search([]).state = "skipped"
