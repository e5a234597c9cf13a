from collections import Counter
from unittest.mock import patch

from odoo import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.mail.tests.common import MailCase

from ..models import dunning_sender
from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestFieldStoriesSending(DunningCommon, MailCase):
    """Failures that really happened to others while sending; each must not happen here.

    Stories that need processes or transactions of their own are in the tests of processes.
    """

    def _deliver(self, *runs):
        """Send the queued mails of `runs`, and return who got how many."""
        with self.mock_mail_gateway():
            for run in runs:
                run.notice_ids.mail_id.sudo().filtered(lambda m: m.state == "outgoing").send()
        return Counter(address for mail in self._mails for address in mail["email_to"])

    def _deliver_with(self, run, refused):
        """Send the queued mails of `run`; addresses with `refused` in them raise an error."""
        server = type(self.env["ir.mail_server"])
        delivered = []

        def send_email(_self, message, *args, **kwargs):
            if refused in message["To"]:
                raise OSError("550 no such user")
            delivered.append(message["To"])
            return message["Message-Id"]

        with (
            mute_logger("odoo.addons.mail.models.mail_mail"),
            self.mock_mail_gateway(),
            patch.object(server, "send_email", send_email),
        ):
            run.notice_ids.mail_id.sudo().filtered(lambda m: m.state == "outgoing").send()
        return delivered

    def _create_customers(self, *names):
        customers = self.env["res.partner"]
        for name in names:
            customers |= self._create_customer(name)
            self._create_invoice(customers[-1])
        return customers

    def test_story_01_request_repeated_after_sending_sends_nothing_more(self):
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        run.sudo().state = "sending"
        run.action_send()
        self.assertEqual(len(run.notice_ids.mail_id), 1)
        self.assertEqual(list(self._deliver(run).values()), [1])

    def test_story_02_bad_mail_in_the_middle_and_the_queue_runs_again(self):
        self._create_customers("One", "Bad", "Three")
        run = self._create_run()
        run.action_send()
        delivered = self._deliver_with(run, "bad@") + self._deliver_with(run, "bad@")
        self.assertEqual(len(delivered), 2)
        self.assertEqual(Counter(run.notice_ids.mapped("state")), Counter(sent=2, failed=1))

    def test_story_03_letter_is_queued_once_though_printing_is_late(self):
        self.scenario.level_ids.action = "letter"
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        self.assertEqual(run.notice_ids.state, "queued")
        self.assertFalse(self._create_run().line_ids)

    def test_story_04_mail_error_of_one_customer_leaves_the_others_sent(self):
        customers = self._create_customers("One", "Bad", "Three")
        run = self._create_run()
        run.action_send()
        self._deliver_with(run, "bad@")
        failed = run.notice_ids.filtered(lambda notice: notice.state == "failed")
        self.assertEqual(failed.partner_id, customers[1])
        self.assertIn("550", failed.failure_reason)

    def test_story_05_missing_address_is_reported_and_the_run_goes_on(self):
        customers = self._create_customers("One", "Two")
        customers[0].email = False
        run = self._create_run()
        run.action_send()
        line = run.line_ids.filtered(lambda line: line.partner_id == customers[0])
        self.assertEqual((line.outcome, line.rule_id.code), ("unchecked", "no_address"))
        self.assertEqual(run.notice_ids.partner_id, customers[1])

    def test_story_06_job_every_15_minutes_sends_one_reminder_a_day(self):
        self.env["res.company"].search([]).dunning_automatic_sending = False
        self.company.dunning_automatic_sending = True
        self.scenario.automatic = True
        self._create_invoice(days=-60)
        for _time in range(22):
            self.env["dunning.run"]._cron_send_automatic()
        notices = self.env["dunning.notice"].search([("partner_id", "=", self.customer.id)])
        self.assertEqual(len(notices), 1)

    def test_story_07_guard_is_written_with_the_message(self):
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        mail = run.notice_ids.mail_id
        self.assertEqual(run.line_ids.notice_id.mail_id, mail)
        self.assertEqual((mail.model, mail.res_id), ("dunning.notice", run.notice_ids.id))

    def test_story_08_job_out_of_time_goes_on_where_it_stopped(self):
        self._create_customers(*"ABCDE")
        run = self._create_run()
        Sender = type(self.env["dunning.sender"])
        with (
            patch.object(dunning_sender, "BATCH_SIZE", 2),
            patch.object(Sender, "_commit", lambda *_args, **_values: 0),
        ):
            for expected, state in ((2, "sending"), (4, "sending"), (5, "sending"), (5, "done")):
                self.assertEqual(self.env["dunning.sender"]._send_run(run), state == "done")
                self.assertEqual((len(run.notice_ids.mail_id), run.state), (expected, state))
        self.assertEqual(sorted(self._deliver(run).values()), [1] * 5)

    def test_story_09_blacklisted_address_does_not_stay_queued(self):
        self._create_invoice()
        self.env["mail.blacklist"].sudo()._add(self.customer.email)
        run = self._create_run()
        run.action_send()
        self._deliver(run)
        self.assertEqual(run.notice_ids.state, "failed")
        self.assertTrue(run.notice_ids.failure_reason)

    def test_story_10_two_channels_keep_their_own_lines_and_states(self):
        self.scenario.active = False
        workflow = self.env["dunning.scenario"].create(
            {
                "name": "Statement",
                "company_id": self.company.id,
                "campaign_type": "customer",
                "frequency": "weekly",
                "weekday": str(self.today.weekday()),
                "level_ids": [
                    Command.create(
                        {
                            "name": action,
                            "action": action,
                            "type_id": self.env.ref("dunning_exclusion.type_statement").id,
                        }
                    )
                    for action in ("email", "letter")
                ],
            }
        )
        self._create_invoice()
        run = self._create_run(scenario_ids=[Command.set(workflow.ids)])
        run.action_send()
        self._deliver(run)
        states = {notice.action: notice.state for notice in run.notice_ids}
        self.assertEqual(states, {"email": "sent", "letter": "queued"})
        for notice in run.notice_ids:
            self.assertEqual(len(notice.line_ids), 1)

    def test_story_11_nothing_sent_is_neither_history_nor_level(self):
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        self._deliver_with(run, "@")
        self.assertEqual(run.notice_ids.state, "failed")
        self.assertEqual(run.sent_count, 0)
        self.assertEqual(self._create_run().line_ids.level_id.name, "Level 1")

    def test_story_12_failing_report_after_sending_does_not_send_again(self):
        self.env["res.company"].search([]).dunning_automatic_sending = False
        self.company.dunning_automatic_sending = True
        self.scenario.automatic = True
        self._create_invoice()
        automation = type(self.env["dunning.automation"])
        with (
            patch.object(automation, "_report_run", side_effect=ZeroDivisionError),
            self.assertLogs("odoo.addons.dunning_exclusion.models.isolation", "ERROR"),
        ):
            self.env["dunning.run"]._cron_send_automatic()
        self.env["dunning.run"]._cron_send_automatic()
        notice = self.env["dunning.notice"].search([("partner_id", "=", self.customer.id)])
        self.assertEqual(len(notice), 1)
        self.assertEqual(len(notice.mail_id), 1)

    def test_story_30_flag_of_one_company_does_not_count_in_another(self):
        other = self.setup_other_company()["company"]
        self.env.user.company_ids |= other
        here = self._create_invoice()
        self.customer.with_company(other).action_dunning_stop()
        run = self._create_run()
        self.assertEqual(run.line_ids.move_id, here)
        self.assertEqual(run.line_ids.outcome, "included")

    def test_story_31_only_the_customers_own_invoice_contacts_get_the_message(self):
        for customer in (self.customer, self.other_customer):
            customer.child_ids = [
                Command.create(
                    {
                        "name": f"Bookkeeper of {customer.name}",
                        "type": "invoice",
                        "email": f"bookkeeper@{customer.name.lower()}.example.com",
                    }
                )
            ]
            self._create_invoice(customer)
        run = self._create_run()
        run.action_send()
        for notice in run.notice_ids:
            self.assertEqual(notice.mail_id.recipient_ids, notice.partner_id.child_ids)

    def test_story_32_address_of_the_contact_counts(self):
        for own, contact, expected in (
            (False, "contact@example.com", "contact"),
            ("own@example.com", False, "own"),
            ("own@example.com", "contact@example.com", "contact"),
        ):
            with self.subTest(own=own, contact=contact):
                customer = self._create_customer("Gamma", email=own)
                customer.child_ids = [
                    Command.create({"name": "Contact", "type": "invoice", "email": contact})
                ]
                invoice = self._create_invoice(customer)
                run = self._create_run(
                    mode="criteria",
                    type_id=self.type_overdue.id,
                    criteria_domain=str([("move_id", "=", invoice.id)]),
                )
                self.assertEqual(run.line_ids.outcome, "included")
                run.action_send()
                self.assertIn(expected, run.notice_ids.recipient_ids.email)

    def test_story_33_followers_and_staff_get_nothing(self):
        follower = self._create_customer("Follower")
        self.customer.message_subscribe(follower.ids)
        invoice = self._create_invoice()
        invoice.message_subscribe(follower.ids)
        run = self._create_run()
        run.action_send()
        self.assertEqual(list(self._deliver(run)), [self.customer.email_formatted])

    def test_story_35_message_is_in_the_customers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.env["ir.module.module"].search(
            [("name", "=", "dunning_exclusion")]
        )._update_translations(["fr_FR"])
        self.customer.lang = "fr_FR"
        self._create_invoice()
        run = self._create_run()
        run.with_context(lang="en_US").action_send()
        self.assertEqual(run.notice_ids.lang, "fr_FR")
        self.assertIn("relance", run.notice_ids.mail_id.subject.lower())

    def test_story_36_ending_a_hold_sends_nothing_by_itself(self):
        invoice = self._create_invoice()
        invoice.action_dunning_stop()
        run = self._create_run()
        run.action_send()
        invoice.action_dunning_resume()
        self.assertFalse(run.notice_ids)
        self.assertEqual(self._create_run().line_ids.outcome, "included")
