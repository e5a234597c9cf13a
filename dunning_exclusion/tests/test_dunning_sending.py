from datetime import datetime, timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.mail.tests.common import MailCase

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestDunningSending(DunningCommon, MailCase):
    def _send(self, run):
        """Send the run and its mails through the mocked gateway; return who got one."""
        with self.mock_mail_gateway():
            run.action_send()
            run.notice_ids.mail_id.sudo().send()
        return self._mails

    def _pay(self, invoice):
        self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        ).create({})._create_payments()

    def test_notice_follows_the_mail_and_the_level_counts_when_it_has_left(self):
        self._create_invoice(days=-20)
        run = self._create_run()
        run.action_send()
        self.assertEqual(run.notice_ids.state, "queued")
        self.assertFalse(self._create_run().line_ids, "the message is still on its way")
        with self.mock_mail_gateway():
            run.notice_ids.mail_id.sudo().send()
        self.assertEqual(run.notice_ids.state, "sent")
        with freeze_time(datetime.now() + timedelta(days=1)):
            self.assertEqual(self._create_run().line_ids.level_id.name, "Level 2")

    def test_failed_message_does_not_count_and_is_retried_once(self):
        self._create_invoice()
        run = self._create_run()
        with self.mock_mail_gateway(mail_unlink_sent=False):
            run.action_send()
            with (
                mute_logger("odoo.addons.mail.models.mail_mail"),
                patch.object(
                    type(self.env["ir.mail_server"]), "send_email", side_effect=OSError("refused")
                ),
            ):
                run.notice_ids.mail_id.sudo().send()
        self.assertEqual(run.notice_ids.state, "failed")
        self.assertTrue(run.notice_ids.failure_reason)
        self.assertEqual(self._create_run().line_ids.level_id.name, "Level 1")
        with self.mock_mail_gateway():
            run.action_retry_failed()
            run.notice_ids.mail_id.sudo().send()
        self.assertEqual(len(run.notice_ids), 1)
        self.assertEqual(run.notice_ids.state, "sent")
        self.assertEqual(len(self._mails), 1)

    def test_retry_is_screened_again(self):
        invoice = self._create_invoice()
        run = self._create_run()
        run.action_send()
        run.notice_ids.mail_id.sudo().write({"state": "exception", "failure_reason": "full"})
        invoice.action_dunning_stop()
        run.action_retry_failed()
        self.assertEqual(run.notice_ids.state, "skipped")
        self.assertEqual(run.line_ids.rule_id.code, "stop_item")
        self.assertFalse(run.line_ids.checked)

    def test_bounced_message_does_not_count(self):
        self._create_invoice()
        run = self._create_run()
        self._send(run)
        run.notice_ids.sudo()._message_receive_bounce(self.customer.email, self.customer)
        self.assertEqual(run.notice_ids.state, "failed")
        self.assertIn(self.customer.email, run.notice_ids.failure_reason)

    def test_message_that_came_back_from_one_of_several_still_counts(self):
        one, two = (
            self._create_customer(name, parent_id=self.customer.id, type="dunning")
            for name in ("One", "Two")
        )
        self._create_invoice()
        run = self._create_run()
        self._send(run)
        notice = run.notice_ids.sudo()
        notice._message_receive_bounce(two.email_normalized, two)
        self.assertEqual((notice.state, notice.recipient_ids), ("sent", one))
        self.assertIn("Two: Came back", notice.unreached)
        notice._message_receive_bounce(one.email_normalized, one)
        self.assertEqual(notice.state, "failed")

    def test_what_changed_since_preparing_is_left_out_with_the_reason(self):
        def pay(invoice):
            self._pay(invoice)

        def block(invoice):
            invoice.action_dunning_stop()

        def promise(invoice):
            self.env["dunning.promise"].create(
                {
                    "partner_id": invoice.partner_id.id,
                    "move_line_ids": self._items(invoice).ids,
                    "date": self._days(3),
                }
            )

        def archive(invoice):
            invoice.partner_id.active = False

        for change, rule in (
            (pay, "paid"),
            (block, "stop_item"),
            (promise, "promise"),
            (archive, "archived"),
        ):
            with self.subTest(change=change.__name__):
                customer = self._create_customer(change.__name__)
                invoice = self._create_invoice(customer)
                run = self._create_run(
                    mode="criteria",
                    type_id=self.type_overdue.id,
                    criteria_domain=str([("move_id", "=", invoice.id)]),
                )
                self.assertTrue(run.line_ids.checked)
                change(invoice)
                self.assertFalse(self._send(run))
                self.assertFalse(run.notice_ids)
                self.assertEqual(run.line_ids.rule_id.code, rule)
                self.assertFalse(run.line_ids.checked)

    def test_override_stands_against_its_reasons_not_against_new_ones(self):
        invoice = self._create_invoice()
        invoice.action_dunning_stop()
        run = self._create_run()
        run.line_ids.checked = True
        self.company.dunning_item_minimum = 500
        run.action_send()
        self.assertFalse(run.notice_ids)
        self.assertEqual(set(run.line_ids.rule_ids.mapped("code")), {"stop_item", "item_minimum"})

    def test_one_customer_that_fails_does_not_harm_the_others(self):
        customers = [self._create_customer(f"Customer {number}") for number in range(3)]
        for customer in customers:
            self._create_invoice(customer)
        broken = customers[1]
        run = self._create_run()
        with self._email_fails_for(broken, ZeroDivisionError("broken template")):
            self._send(run)
        states = {notice.partner_id: notice.state for notice in run.notice_ids}
        self.assertEqual(states, {customers[0]: "sent", broken: "failed", customers[2]: "sent"})
        failed = run.notice_ids.filtered(lambda notice: notice.state == "failed")
        self.assertIn("broken template", failed.failure_reason)
        self.assertFalse(failed.mail_id)

    def test_ending_a_block_or_breaking_a_promise_sends_nothing(self):
        invoice = self._create_invoice()
        invoice.action_dunning_stop()
        before = self.env["mail.mail"].search_count([])
        invoice.action_dunning_resume()
        self.assertEqual(self.env["mail.mail"].search_count([]), before)
        self.assertFalse(self.env["dunning.notice"].search([("partner_id", "=", self.customer.id)]))
        self.assertOutcome(invoice, "included")

    def test_preview_shows_the_message_and_leaves_nothing_behind(self):
        self._create_invoice()
        run = self._create_run()
        action = run.line_ids.action_preview()
        preview = self.env[action["res_model"]].browse(action["res_id"])
        self.assertIn(self.customer.name, preview.body)
        self.assertFalse(run.notice_ids)
        self.assertFalse(run.line_ids.notice_id)
        self.assertTrue(run.line_ids.checked)

    def test_second_run_of_a_company_waits(self):
        self._create_invoice()
        first = self._create_run()
        second = self._create_run()
        first.action_send_in_background()
        with self.assertRaisesRegex(UserError, "being sent"):
            second.action_send()
        first.action_send()
        second.action_send()
        self.assertFalse(second.notice_ids)

    def test_run_sent_in_part_is_not_prepared_again(self):
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        run.sudo().state = "prepared"
        with self.assertRaisesRegex(UserError, "went out already"):
            run.action_prepare()
        self.assertTrue(run.line_ids.notice_id)

    def test_cancelled_run_is_not_sent(self):
        self._create_invoice()
        run = self._create_run()
        run.action_cancel()
        with self.assertRaisesRegex(UserError, "prepare it first"):
            run.action_send()

    def test_conditions_met_are_told_in_the_history(self):
        workflow = self.env["dunning.scenario"].create(
            {
                "name": "Statement",
                "company_id": self.company.id,
                "campaign_type": "customer",
                "level_ids": [Command.create({"name": "Mail", "type_id": self.type_overdue.id})],
                "condition_ids": [Command.create({"metric": "overdue", "value": 50})],
            }
        )
        self._create_invoice()
        run = self._create_run(scenario_ids=[Command.set(workflow.ids)])
        run.action_send()
        self.assertRegex(run.notice_ids.description, "Conditions met: overdue ≥ .*50")

    def test_run_by_criteria(self):
        invoice = self._create_invoice(amount=70)
        self._create_invoice(amount=30)
        run = self._create_run(
            mode="criteria",
            type_id=self.type_overdue.id,
            criteria_domain=str([("amount_residual", ">", 50)]),
        )
        self.assertEqual(run.line_ids.move_id, invoice)
        self._send(run)
        self.assertEqual(run.notice_ids.type_id, self.type_overdue)
        self.assertEqual(run.notice_ids.state, "sent")

    def test_run_by_criteria_needs_a_type_and_a_filter_that_works(self):
        with self.assertRaisesRegex(UserError, "Reminder Type"):
            self._create_run(mode="criteria")
        with self.assertRaisesRegex(UserError, "Items"):
            self._create_run(
                prepare=False, mode="criteria", criteria_domain="[('nothing', '=', 1)]"
            )

    def test_customers_follow_each_other_and_none_is_left_behind(self):
        customers = [self._create_customer(f"Customer {number}") for number in range(3)]
        for customer in customers:
            self._create_invoice(customer)
        run = self._create_run()
        sender = self.env["dunning.sender"]
        self.assertEqual(sender._next_customers(run, limit=2).ids, [c.id for c in customers[:2]])
        self.assertEqual(sender._next_customers(run, customers[1].id), customers[2])
        behind = customers[0]
        self._lines_of(run, customers[1]).checked = False
        self._lines_of(run, customers[2]).checked = False
        run.sudo().state = "sending"
        self.assertEqual(sender._send_next_customers(run, customers[2].id), behind)
        self.assertEqual(run.notice_ids.partner_id, behind)
        self.assertFalse(sender._send_next_customers(run, behind.id))
        self.assertEqual(run.state, "done")

    def _lines_of(self, run, customer):
        return run.line_ids.filtered(lambda line: line.partner_id == customer)
