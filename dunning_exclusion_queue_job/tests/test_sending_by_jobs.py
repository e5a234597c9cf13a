from unittest.mock import patch

from psycopg2 import OperationalError
from psycopg2.errors import UniqueViolation

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.dunning_exclusion.tests.common import DunningCommon
from odoo.addons.mail.tests.common import MockEmail
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.addons.queue_job.tests.common import trap_jobs

from ..hooks import uninstall_hook
from ..models import dunning_run, dunning_sender
from ..models.dunning_run import DELIVERY


@tagged("post_install", "-at_install")
class TestSendingByJobs(DunningCommon, MockEmail):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customers = cls.env["res.partner"]
        for number in range(5):
            cls.customers |= cls._create_customer(f"Customer {number}")
        for customer in cls.customers:
            cls._create_invoice(customer)
        cls.sender = cls.env["dunning.sender"]

    def setUp(self):
        super().setUp()
        self.runner = self.startPatcher(
            patch.object(type(self.sender), "_has_runner", return_value=True)
        )
        self.startPatcher(patch.object(dunning_run, "BATCH_SIZE", 2))
        self.run_record = self._create_run()

    def _jobs(self, *states):
        domain = [("identity_key", "=like", f"dunning-run-{self.run_record.id}-%")]
        if states:
            domain.append(("state", "in", states))
        return self.env["queue.job"].sudo().search(domain)

    def _assert_all_sent_once(self):
        self.assertEqual(self.run_record.state, "done")
        self.assertEqual(
            sorted(self.run_record.notice_ids.partner_id.ids), sorted(self.customers.ids)
        )
        self.assertEqual(len(self.run_record.notice_ids), len(self.customers))
        self.assertEqual(len(self.run_record.notice_ids.mail_id), len(self.customers))

    def test_sending_in_the_background_enqueues_a_job_for_each_part_and_one_that_finishes(self):
        with trap_jobs() as trap:
            self.run_record.action_send_in_background()
            trap.assert_jobs_count(3, only=self.run_record._job_send)
            trap.assert_jobs_count(1, only=self.run_record._job_finish)
            self.assertEqual(self.run_record.state, "sending")
            self.assertFalse(self.run_record.notice_ids)
            trap.perform_enqueued_jobs()
        self._assert_all_sent_once()

    def _make_by_jobs(self):
        """Send the run by jobs as far as the mail queue; return those that wait to deliver."""
        self.run_record.action_send_in_background()
        with trap_jobs() as trap:
            self.run_record._job_send(self.customers[:3].ids)
            self.run_record._job_send(self.customers[3:].ids)
            return trap.enqueued_jobs

    def _deliver_by_jobs(self):
        return self.env["queue.job"].sudo().search([("identity_key", "=like", f"{DELIVERY}%")])

    def _notice_states(self):
        self.env.invalidate_all()
        return sorted(self.run_record.notice_ids.mapped("state"))

    def test_emails_leave_by_jobs_each_with_those_that_were_made_together(self):
        first, second = self._make_by_jobs()
        self.assertEqual((first.channel, first.method_name), ("root.dunning", "_job_deliver"))
        # Each opens a cursor of its own.
        self.enterContext(self.enter_registry_test_mode())
        with self.mock_mail_gateway():
            first.perform()
            self.assertEqual((len(self._mails), self._notice_states().count("sent")), (3, 3))
            second.perform()
            self.assertEqual((len(self._mails), self._notice_states()), (5, 5 * ["sent"]))
            second.perform()
            self.assertEqual(len(self._mails), 5, "each once")

    def test_job_is_tried_again_while_emails_are_left_unless_somebody_stops_them(self):
        first, _second = self._make_by_jobs()
        self.enterContext(self.enter_registry_test_mode())
        Mail = type(self.env["mail.mail"])
        with (
            patch.object(Mail, "_send", side_effect=OperationalError),
            mute_logger("odoo.addons.mail.models.mail_mail"),
            self.assertRaisesRegex(RetryableJobError, self.run_record.name),
        ):
            first.perform()
        self.env.ref("mail.ir_cron_mail_scheduler_action").sudo().active = False
        with self.mock_mail_gateway():
            first.perform()
        self.assertEqual(self._notice_states(), 5 * ["queued"])

    def test_mail_queue_waits_for_no_job_for_ever(self):
        self._make_by_jobs()
        self.run_record._delay_delivery(self.customers)
        self.env.cr.execute("UPDATE queue_job SET date_created = date_created - interval '1 day'")
        self.env.invalidate_all()
        with self.mock_mail_gateway():
            self.env["mail.mail"].sudo().process_email_queue()
        self.assertEqual(self._notice_states(), 5 * ["sent"])

    def test_mail_queue_sends_what_has_its_own_time(self):
        self.run_record.action_send_in_background()
        self.run_record._job_send(self.customers.ids)
        mails = self.run_record.notice_ids.mail_id.sudo()
        mails[0].scheduled_date = fields.Datetime.now()
        with self.mock_mail_gateway():
            mails.process_email_queue()
        self.assertEqual(self._notice_states(), 4 * ["queued"] + ["sent"])

    def test_mail_queue_leaves_to_jobs_only_what_these_deliver(self):
        with self.mock_mail_gateway():
            self.run_record.action_send_in_background()
            self.run_record._job_send(self.customers.ids)
            other = self.env["mail.mail"].sudo().create({"email_to": "other@example.com"})
            other.process_email_queue()
            self.assertEqual((other.state, self._notice_states()), ("sent", 5 * ["queued"]))
            delivering = self._deliver_by_jobs()
            self.assertEqual(len(delivering), 1)
            delivering.button_cancelled()
            other.process_email_queue()
        self.assertEqual(self._notice_states(), 5 * ["sent"])

    def test_emails_stay_with_a_mail_queue_that_somebody_stopped_or_slowed_down(self):
        parameters = self.env["ir.config_parameter"].sudo()
        queue = self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()
        for stop, go_on in (
            (
                lambda: parameters.set_param("mail.mail.queue.batch.size", 10),
                lambda: parameters.set_param("mail.mail.queue.batch.size", False),
            ),
            (lambda: queue.write({"active": False}), lambda: queue.write({"active": True})),
        ):
            stop()
            customer, self.customers = self.customers[0], self.customers[1:]
            self.run_record.action_send_in_background()
            self.run_record._job_send(customer.ids)
            self.assertFalse(self._deliver_by_jobs())
            go_on()
        self.run_record._job_send(self.customers.ids)
        self.assertEqual(len(self._deliver_by_jobs()), 1)

    def test_jobs_have_their_channel_pattern_and_identity(self):
        self.run_record.action_send_in_background()
        jobs = self._jobs()
        self.assertEqual(set(jobs.mapped("channel")), {"root.dunning"})
        self.assertEqual(len(set(jobs.mapped("identity_key"))), 4)
        for function in jobs.job_function_id:
            self.assertEqual(function._parse_retry_pattern(), {1: 10, 2: 60, 3: 300})
        finish = jobs.filtered(lambda job: job.method_name == "_job_finish")
        self.assertGreater(finish.priority, max((jobs - finish).mapped("priority")))

    def test_nothing_is_enqueued_twice(self):
        self.run_record.action_send_in_background()
        jobs = self._jobs()
        self.run_record.action_send_in_background()
        self.env["dunning.run"]._cron_send_runs()
        self.assertEqual(self._jobs(), jobs)

    def test_lost_jobs_are_enqueued_again_by_the_cron(self):
        self.run_record.action_send_in_background()
        self._jobs().unlink()
        self.env["dunning.run"]._cron_send_runs()
        self.assertEqual(len(self._jobs()), 4)
        self.assertFalse(self.run_record.notice_ids)

    def test_the_nightly_job_sends_by_jobs_and_the_last_one_reports(self):
        self.scenario.automatic = True
        self.company.dunning_automatic_sending = True
        self.run_record.action_cancel()
        with trap_jobs() as trap:
            self.env["dunning.run"]._cron_send_automatic()
            self.run_record = self.env["dunning.run"].search(
                [("automatic", "=", True), ("company_id", "=", self.company.id)]
            )
            self.assertEqual(self.run_record.state, "sending")
            with patch.object(type(self.env["dunning.automation"]), "_report_run") as report:
                trap.perform_enqueued_jobs()
                report.assert_called_once()
        self._assert_all_sent_once()

    def test_a_person_who_waits_sends_without_jobs(self):
        with trap_jobs() as trap:
            self.run_record.action_send()
            trap.assert_jobs_count(0)
        self._assert_all_sent_once()

    def test_a_job_done_twice_sends_once(self):
        self.run_record.sudo().state = "sending"
        for _time in range(2):
            self.run_record._job_send(self.customers.ids)
        self.assertEqual(len(self.run_record.notice_ids), len(self.customers))

    def test_a_job_screens_again(self):
        with trap_jobs() as trap:
            self.run_record.action_send_in_background()
            self.customers[0].action_dunning_stop()
            trap.perform_enqueued_jobs()
        self.assertEqual(self.run_record.state, "done")
        self.assertEqual(self.run_record.notice_ids.partner_id, self.customers[1:])

    def test_jobs_hold_back_what_another_run_made_too_much(self):
        self.company.dunning_customer_maximum = 150
        bad = self.customers[0]
        invoice = self._create_invoice(bad)
        with trap_jobs() as trap:
            self.run_record.action_send_in_background()
            # Another run of the same day, that others have prepared and ticked meanwhile.
            other = self._create_run(
                mode="criteria",
                type_id=self.type_overdue.id,
                criteria_domain=str([("move_id", "=", invoice.id)]),
            )
            other.line_ids.sudo().with_user(self.env.ref("base.user_root")).checked = True
            trap.perform_enqueued_jobs()
        self.assertEqual(self.run_record.notice_ids.partner_id, self.customers - bad)
        line = self.run_record.line_ids.filtered(lambda line: line.partner_id == bad)
        self.assertEqual((line.checked, line.rule_id.code), (False, "customer_maximum"))

    def test_jobs_of_a_stopped_or_cancelled_run_send_nothing(self):
        for action, state in (("action_stop", "prepared"), ("action_cancel", "cancelled")):
            with self.subTest(action), trap_jobs() as trap:
                run = self._create_run()
                run.action_send_in_background()
                getattr(run, action)()
                trap.perform_enqueued_jobs()
                self.assertEqual(run.state, state)
                self.assertFalse(run.notice_ids)

    def test_a_stopped_run_goes_on_where_it_was(self):
        with trap_jobs() as trap:
            self.run_record.action_send_in_background()
            trap.enqueued_jobs[0].perform()
            self.run_record.action_stop()
            trap.perform_enqueued_jobs()
        self.assertEqual(self.run_record.state, "prepared")
        self.assertEqual(len(self.run_record.notice_ids), 2)
        with trap_jobs() as trap:
            self.run_record.action_send_in_background()
            trap.perform_enqueued_jobs()
        self._assert_all_sent_once()

    def test_the_last_job_waits_for_the_others(self):
        self.run_record.action_send_in_background()
        with self.assertRaises(RetryableJobError) as waiting:
            self.run_record._job_finish()
        self.assertTrue(waiting.exception.ignore_retry)

    def test_the_last_job_sends_what_failed_jobs_left_behind(self):
        with trap_jobs() as trap:
            self.run_record.action_send_in_background()
            lost = trap.enqueued_jobs.pop(0)
            self.assertEqual(lost.method_name, "_job_send")
            trap.perform_enqueued_jobs()
            self.assertEqual(self.run_record.state, "sending")
            trap.perform_enqueued_jobs()
        self._assert_all_sent_once()

    def test_what_the_last_job_sends_is_delivered_by_jobs_too_a_few_at_a_time(self):
        self.run_record.sudo().state = "sending"
        with patch.object(dunning_run, "DELIVERED_AT_ONCE", 2):
            self.run_record._job_finish()
        jobs = self._deliver_by_jobs()
        parts = [job.args[0] for job in jobs]
        self.assertEqual(sorted(map(len, parts)), [1, 2, 2])
        self.assertEqual(sorted(sum(parts, [])), sorted(self.run_record.notice_ids.ids))

    def test_a_job_waits_while_somebody_sends_the_whole_run(self):
        self.run_record.sudo().state = "sending"
        with self.registry.cursor() as other:
            other.execute(
                "SELECT pg_advisory_xact_lock(%s, %s)",
                [dunning_sender.LOCK_SPACE, self.run_record.id],
            )
            with self.assertRaises(RetryableJobError) as waiting:
                self.run_record._job_send(self.customers.ids)
            self.assertTrue(waiting.exception.ignore_retry)

    def test_nobody_sends_the_whole_run_while_a_job_is_at_work(self):
        with self.registry.cursor() as other:
            other.execute(
                "SELECT pg_advisory_xact_lock_shared(%s, %s)",
                [dunning_sender.LOCK_SPACE, self.run_record.id],
            )
            with self.assertRaises(UserError):
                self.run_record.action_send()
        self.assertFalse(self.run_record.notice_ids)

    def test_a_conflict_on_a_notice_is_tried_again(self):
        self.run_record.sudo().state = "sending"
        conflict = patch.object(
            type(self.sender), "_send_customers", side_effect=UniqueViolation("twice")
        )
        with conflict, self.assertRaises(RetryableJobError) as retry:
            self.run_record._job_send(self.customers.ids)
        self.assertFalse(retry.exception.ignore_retry)

    def test_a_customer_that_fails_does_not_fail_the_job(self):
        bad = self.customers[0]
        send_email = type(self.env["dunning.action"])._send_email

        def refuse(self, notices):
            if bad in notices.partner_id:
                raise ValueError("broken template")
            return send_email(self, notices)

        with (
            trap_jobs() as trap,
            patch.object(type(self.env["dunning.action"]), "_send_email", refuse),
        ):
            self.run_record.action_send_in_background()
            trap.perform_enqueued_jobs()
        self.assertEqual(self.run_record.state, "done")
        failed = self.run_record.notice_ids.filtered(lambda notice: notice.state == "failed")
        self.assertEqual(failed.partner_id, bad)
        self.assertIn("broken template", failed.failure_reason)

    def test_a_follow_up_user_needs_no_rights_on_the_job_queue(self):
        user = self._create_user(
            "clerk", "dunning_exclusion.group_dunning_user", "account.group_account_invoice"
        )
        self.run_record.with_user(user).action_send_in_background()
        self.assertEqual(self._jobs().user_id, user)
        self.assertEqual(len(self._jobs()), 4)

    def test_what_jobs_of_the_server_send_is_sent_by_who_pressed_send(self):
        user = self._create_user(
            "clerk", "dunning_exclusion.group_dunning_user", "account.group_account_invoice"
        )
        self.run_record.with_user(user).action_send_in_background()
        # Lost jobs are enqueued again by a job of the server.
        self._jobs().unlink()
        with trap_jobs() as trap:
            self.env["dunning.run"].with_user(self.env.ref("base.user_root"))._cron_send_runs()
            trap.perform_enqueued_jobs()
        self._assert_all_sent_once()
        self.assertEqual(self.run_record.notice_ids.user_id, user)

    def test_uninstalling_cancels_waiting_jobs(self):
        self.run_record.action_send_in_background()
        self.run_record._job_send(self.customers.ids)
        delayed = self.run_record.with_delay(identity_key="dunning-of-another-addon")
        other = delayed._job_finish().db_record()
        uninstall_hook(self.env(su=True))
        self.assertEqual(other.state, "pending", "not ours")
        jobs = self._jobs() | self._deliver_by_jobs()
        self.assertEqual((set(jobs.mapped("state")), len(jobs)), ({"cancelled"}, 5))

    def test_without_the_runner_nothing_waits_for_jobs(self):
        self.runner.return_value = False
        self.run_record.action_send_in_background()
        self.assertFalse(self._jobs())
        self.env["dunning.run"]._cron_send_runs()
        self._assert_all_sent_once()
