from datetime import datetime, timedelta
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2.errors import UniqueViolation

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from odoo.addons.mail.tests.common import MailCase

from ..models import dunning_sender
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
        self.assertIn("Two: The message to two@example.com bounced", notice.unreached)
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
        behind = self._lines_of(run, customers[0])
        behind.checked = False
        run.sudo().state = "sending"
        waiting = []
        with patch.object(dunning_sender, "BATCH_SIZE", 1):
            self.assertEqual(sender._send_next_customers(run, waiting), customers[1])
        self.assertEqual(waiting, [customers[1].id, customers[2].id])
        # A customer who was sent to in the meantime gets nothing more.
        self._tick_while_sending(behind)
        sender._send_next_customers(run, waiting)
        self.assertEqual(run.notice_ids.partner_id, customers[1] | customers[2])
        self.assertEqual(len(run.notice_ids), 2)
        self.assertEqual(sender._send_next_customers(run, []), customers[0])
        self.assertEqual(len(run.notice_ids), 3)
        self.assertFalse(sender._send_next_customers(run, []))
        self.assertEqual(run.state, "done")

    def test_line_whose_customer_was_deleted_does_not_keep_a_run_from_its_end(self):
        self._create_invoice()
        run = self._create_run()
        line = run.line_ids
        line.flush_recordset()
        query = SQL("UPDATE dunning_run_line SET partner_id = NULL WHERE id = %s", line.id)
        self.env.cr.execute(query)
        line.invalidate_recordset()
        run.action_send()
        self.assertEqual((run.state, len(run.notice_ids)), ("done", 0))

    def _tick_while_sending(self, lines):
        """Tick lines in the database, which no user can do while a run is being sent."""
        lines.flush_recordset()
        query = SQL("UPDATE dunning_run_line SET checked = TRUE WHERE id = ANY(%s)", lines.ids)
        self.env.cr.execute(query)
        lines.invalidate_recordset()

    def _lines_of(self, run, customer):
        return run.line_ids.filtered(lambda line: line.partner_id == customer)


REMINDED = "Reminded in this run already"


@tagged("post_install", "-at_install")
class TestDunningStoppedRun(DunningCommon):
    """A run that was stopped and is sent on: one message for each customer and scenario."""

    def _send_in_part(self, *days):
        """Send the first of the customer's items, as before somebody stopped the run.

        :return: the run, the line that was sent, and the lines that were not ticked
        """
        customer = self._create_customer("Gamma")
        for late in days:
            self._create_invoice(customer, days=-late)
        run = self._create_run()
        lines = run.line_ids.filtered(lambda line: line.partner_id == customer)
        first, rest = lines[:1], lines[1:]
        (run.line_ids - first).checked = False
        run.action_send()
        run.sudo().state = "prepared"
        return run, first, rest

    def test_what_belongs_to_a_message_that_left_cannot_be_ticked(self):
        for days in ((10, 9), (10, 40)):
            with self.subTest(days=days):
                run, first, rest = self._send_in_part(*days)
                self.assertEqual(len(rest), 1)
                with self.assertRaisesRegex(UserError, "Gamma was reminded in this run already"):
                    rest.checked = True
                with self.assertRaisesRegex(UserError, "Gamma was reminded in this run already"):
                    rest.action_preview()
                with self.assertRaisesRegex(UserError, "Nothing here may be selected"):
                    self.env["dunning.run.line"].tick([("id", "=", rest.id)], True)
                self.assertFalse(rest.checked)
                self.assertEqual(first.notice_id, run.notice_ids)
                run.action_cancel()

    def test_many_are_ticked_but_those_of_a_message_that_left(self):
        run, _first, rest = self._send_in_part(10, 9)
        other = rest.sudo().copy({"partner_id": self.other_customer.id, "checked": False})
        self.env["dunning.run.line"].tick([("run_id", "=", run.id)], True)
        self.assertEqual((rest.checked, other.checked), (False, True))

    def test_what_was_ticked_all_the_same_is_left_out_with_the_reason(self):
        for days in ((10, 9), (10, 40)):
            with self.subTest(days=days):
                run, first, rest = self._send_in_part(*days)
                rest._write_ticks(True)
                run.action_send()
                self.assertEqual(run.state, "done")
                self.assertEqual(run.notice_ids, first.notice_id)
                self.assertEqual((rest.checked, rest.skip_reason), (False, REMINDED))
                self.assertEqual(rest.outcome, "dropped")

    def test_message_that_did_not_leave_is_made_anew_with_all_its_items(self):
        for state in ("failed", "skipped"):
            for days in ((10, 9), (10, 40)):
                with self.subTest(state=state, days=days):
                    run, first, rest = self._send_in_part(*days)
                    notice = run.notice_ids
                    notice.sudo().write({"state": state, "failure_reason": "full"})
                    rest.checked = True
                    self.assertIn("200", rest.action_preview() and self._last_preview())
                    self.assertEqual((notice.state, first.notice_id), (state, notice))
                    run.action_send()
                    self.assertEqual((run.state, run.notice_ids), ("done", notice))
                    self.assertEqual((notice.state, notice.amount), ("queued", 200))
                    self.assertEqual(notice.line_ids, first | rest)
                    self.assertEqual(notice.level_id, (first | rest).level_id.sorted()[-1:])
                    self.assertFalse(notice.failure_reason)

    def _last_preview(self):
        return self.env["dunning.preview"].search([], order="id desc", limit=1).body

    def test_message_whose_items_were_held_is_screened_again(self):
        run, first, rest = self._send_in_part(10, 9)
        run.notice_ids.sudo().state = "failed"
        first.move_id.action_dunning_stop()
        rest.checked = True
        run.action_send()
        self.assertEqual((run.notice_ids.line_ids, run.notice_ids.amount), (rest, 100))
        self.assertEqual((first.checked, first.rule_id.code), (False, "stop_item"))

    @mute_logger("odoo.addons.dunning_exclusion.models.dunning_sender")
    def test_message_that_fails_again_is_about_all_its_items(self):
        run, first, rest = self._send_in_part(10, 9)
        run.notice_ids.sudo().state = "failed"
        rest.checked = True
        action = type(self.env["dunning.action"])
        with patch.object(action, "_send_email", side_effect=ZeroDivisionError("odd")):
            run.action_send()
        notice = run.notice_ids
        self.assertEqual((notice.state, notice.failure_reason), ("failed", "odd"))
        self.assertEqual((notice.line_ids, notice.amount), (first | rest, 200))

    def test_customer_and_item_can_be_stopped_after_a_message_left(self):
        run, first, rest = self._send_in_part(10, 9)
        rest.action_dunning_stop_customer()
        first.action_dunning_stop()
        self.assertTrue(first.partner_id.dunning_stop)
        self.assertTrue(first.move_id.dunning_stop)
        self.assertEqual(first.notice_id, run.notice_ids)
        self.assertFalse(rest.checked)

    @mute_logger("odoo.addons.dunning_exclusion.models.dunning_sender", "odoo.sql_db")
    def test_violated_constraint_of_one_customer_does_not_harm_the_others(self):
        customers = [self._create_customer(f"Customer {number}") for number in range(3)]
        for customer in customers:
            self._create_invoice(customer)
        broken = customers[1]
        run = self._create_run()
        with self._email_fails_for(broken, UniqueViolation("duplicate key")):
            run.action_send()
        self.assertEqual(run.state, "done")
        states = {notice.partner_id: notice.state for notice in run.notice_ids}
        self.assertEqual(states, {customers[0]: "queued", broken: "failed", customers[2]: "queued"})

    @mute_logger("odoo.addons.dunning_exclusion.models.dunning_sender", "odoo.sql_db")
    def test_customer_whose_failure_cannot_be_noted_is_left_out_with_the_error(self):
        self._create_invoice()
        run = self._create_run()
        with patch.object(
            type(self.env["dunning.sender"]),
            "_create_notices",
            side_effect=ZeroDivisionError("odd"),
        ):
            run.action_send()
        self.assertEqual((run.state, len(run.notice_ids)), ("done", 0))
        self.assertEqual((run.line_ids.checked, run.line_ids.skip_reason), (False, "odd"))

    def test_retry_that_was_stopped_forgets_nobody(self):
        customers = [self._create_customer(f"Customer {number}") for number in range(3)]
        for customer in customers:
            self._create_invoice(customer)
        run = self._create_run()
        run.action_send()
        run.notice_ids.sudo().write({"state": "failed", "failure_reason": "full"})
        Sender = type(self.env["dunning.sender"])
        send_customers = Sender._send_customers

        def stop_after(sender, run, customers):
            send_customers(sender, run, customers)
            run.sudo().stop_requested = True

        with (
            patch.object(Sender, "_send_customers", stop_after),
            patch.object(dunning_sender, "BATCH_SIZE", 1),
        ):
            run.action_retry_failed()
        self.assertEqual(run.state, "prepared")
        states = sorted(run.notice_ids.mapped("state"))
        self.assertEqual(states, ["failed", "failed", "queued"])
        customers[1].action_dunning_stop()
        run.action_send()
        self.assertEqual(run.state, "done")
        states = {notice.partner_id: notice.state for notice in run.notice_ids}
        self.assertEqual(
            states, {customers[0]: "queued", customers[1]: "skipped", customers[2]: "queued"}
        )
        queued = run.notice_ids.filtered(lambda notice: notice.state == "queued")
        self.assertEqual(len(queued.mail_id), 2)


@tagged("post_install", "-at_install")
class TestDunningRunSender(DunningCommon):
    """The sender of a run is who pressed Send, also when the server sends in the background."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.group = "dunning_exclusion.group_dunning_user"
        cls.clerk = cls._create_user("clerk", cls.group, "account.group_account_invoice")
        cls.colleague = cls._create_user("colleague", cls.group)
        cls._create_invoice()
        cls._create_invoice(cls.other_customer)

    def setUp(self):
        super().setUp()
        # Two customers are many, if one at a time is sent to.
        self.startPatcher(patch.object(dunning_sender, "BATCH_SIZE", 1))

    def _send_in_background(self, run):
        run.with_user(self.clerk).action_send_in_background()
        self.assertEqual((run.state, run.user_id), ("sending", self.clerk))
        self.env["dunning.run"].with_user(self.env.ref("base.user_root"))._cron_send_runs()
        self.assertEqual(run.state, "done")
        return run.notice_ids.sudo()

    def test_who_pressed_send_is_the_sender_at_once(self):
        run = self._create_run()
        self.assertFalse(run.user_id)
        run.with_user(self.clerk).action_send()
        self.assertEqual((run.user_id, run.notice_ids.user_id), (self.clerk, self.clerk))

    def test_who_pressed_send_is_the_sender_of_what_the_server_sends(self):
        notices = self._send_in_background(self._create_run())
        self.assertEqual(len(notices), 2)
        self.assertEqual(notices.user_id, self.clerk)
        self.assertEqual(notices.mail_id.author_id, self.clerk.partner_id)

    def test_to_dos_without_users_go_to_who_pressed_send(self):
        self.scenario.level_ids.action = "activity"
        notices = self._send_in_background(self._create_run())
        self.assertEqual(notices.mapped("state"), ["sent", "sent"])
        self.assertEqual(notices.activity_ids.user_id, self.clerk)

    def test_to_dos_of_somebody_who_left_go_to_the_salesperson_or_an_administrator(self):
        self.scenario.level_ids.action = "activity"
        self.customer.user_id = self.colleague
        run = self._create_run()
        run.with_user(self.clerk).action_send_in_background()
        self.clerk.active = False
        self.env["dunning.run"].with_user(self.env.ref("base.user_root"))._cron_send_runs()
        self.assertEqual(run.state, "done")
        self.assertEqual(set(run.notice_ids.mapped("state")), {"sent"})
        self.assertEqual(run.notice_ids.user_id, self.clerk)
        users = {notice.partner_id: notice.activity_ids.user_id for notice in run.notice_ids}
        self.assertEqual(users[self.customer], self.colleague)
        manager = users[self.other_customer]
        self.assertTrue(manager.has_group("dunning_exclusion.group_dunning_manager"))
        self.assertTrue(manager.active)

    def test_a_run_of_the_nightly_job_is_sent_by_the_user_of_the_job(self):
        self.scenario.automatic = True
        self.company.dunning_automatic_sending = True
        root = self.env.ref("base.user_root")
        self.env["dunning.run"].with_user(root)._cron_send_automatic()
        run = self.env["dunning.run"].search(
            [("automatic", "=", True), ("company_id", "=", self.company.id)]
        )
        self.assertEqual(run.state, "done")
        self.assertEqual((run.user_id, run.notice_ids.user_id), (root, root))

    def test_who_goes_on_with_an_interrupted_run_is_the_sender_of_the_rest(self):
        run = self._create_run()
        run.with_user(self.clerk).action_send_in_background()
        run.with_user(self.colleague).action_send()
        self.assertEqual((run.user_id, run.notice_ids.user_id), (self.colleague, self.colleague))

    def test_who_retries_is_the_sender_of_what_is_retried(self):
        run = self._create_run()
        with self._email_fails_for(self.customer, ValueError("broken")):
            run.with_user(self.clerk).action_send()
        run.with_user(self.colleague).action_retry_failed()
        users = {notice.partner_id: notice.user_id for notice in run.notice_ids}
        self.assertEqual(users, {self.customer: self.colleague, self.other_customer: self.clerk})

    def test_nobody_writes_who_sent_a_run(self):
        run = self._create_run()
        manager = self._create_user("boss", "dunning_exclusion.group_dunning_manager")
        with self.assertRaises(UserError):
            run.with_user(manager).user_id = self.colleague
        forged = self.env["dunning.run"].with_user(manager).create({"user_id": self.colleague.id})
        self.assertFalse(forged.user_id)


@tagged("post_install", "-at_install")
class TestDunningNothingOwed(DunningCommon):
    """A total of zero or less is not sent: neither of the message, nor of the customer."""

    def test_credited_to_zero_or_less_is_not_sent(self):
        # Other rules hold the customer or the item back, unless they are off.
        for rule in ("creditor", "covered"):
            self.env.ref(f"dunning_exclusion.rule_{rule}").enabled = False
        for credit in (100, 130):
            with self.subTest(credit=credit):
                customer = self._create_customer(f"Credit {credit}")
                invoice = self._create_invoice(customer)
                run = self._create_run()
                self._create_invoice(customer, credit, move_type="out_refund")
                line = run.line_ids.filtered(lambda line, own=invoice: line.move_id == own)
                self.assertTrue(line.checked)
                run.action_send()
                self.assertEqual((run.state, run.notice_ids.ids), ("done", []))
                self.assertEqual((line.checked, line.outcome), (False, "dropped"))
                self.assertEqual(line.skip_reason, "Nothing is owed in total.")
                self.assertEqual(line.outstanding, 100 - credit)

    def test_items_that_add_up_to_nothing_are_not_sent(self):
        """Only the total of the message is zero: another item, on hold, is owed."""
        workflow = self.env["dunning.scenario"].create(
            {
                "name": "Statement",
                "company_id": self.company.id,
                "campaign_type": "customer",
                "level_ids": [Command.create({"name": "Mail", "type_id": self.type_overdue.id})],
            }
        )
        self._create_invoice()
        self._create_invoice(move_type="out_refund")
        self._create_invoice(amount=50).action_dunning_stop()
        run = self._create_run(scenario_ids=[Command.set(workflow.ids)])
        self.assertEqual(len(run.line_ids.filtered("checked")), 2)
        lines = run.line_ids.filtered("checked")
        run.action_send()
        self.assertFalse(run.notice_ids)
        self.assertEqual(sum(lines.mapped("amount_residual")), 0)
        self.assertEqual(lines.mapped("outstanding"), [50, 50])
        self.assertEqual(lines.mapped("skip_reason"), ["Nothing is owed in total."] * 2)

    def test_creditor_whom_somebody_ticked_is_reminded(self):
        self.company.dunning_list_creditors = True
        invoice = self._create_invoice()
        self._create_invoice(amount=130, move_type="out_refund")
        run = self._create_run()
        line = run.line_ids.filtered(lambda line: line.move_id == invoice)
        self.assertEqual((line.outcome, line.rule_id.code), ("unchecked", "creditor"))
        line.checked = True
        run.action_send()
        self.assertEqual(line.notice_id.state, "queued")
