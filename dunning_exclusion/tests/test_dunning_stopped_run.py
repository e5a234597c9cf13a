from unittest.mock import patch

from psycopg2.errors import UniqueViolation

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import DunningCommon

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
                with self.assertRaisesRegex(UserError, "Nothing here may be ticked"):
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
        send_customers, next_customers = Sender._send_customers, Sender._next_customers

        def stop_after(sender, run, customers):
            send_customers(sender, run, customers)
            run.sudo().stop_requested = True

        with (
            patch.object(Sender, "_send_customers", stop_after),
            patch.object(Sender, "_next_customers", lambda *args: next_customers(*args, limit=1)),
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
