from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.dunning_exclusion.tests.common import DunningCommon


class CreditControlCommon(DunningCommon):
    """Customers and invoices, with a credit control policy for the company."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids |= cls.env.ref(
            "account_credit_control.group_account_credit_control_manager"
        )
        cls.policy = cls.env.ref("account_credit_control.credit_control_3_time").copy(
            {"account_ids": [Command.set(cls.company_data["default_account_receivable"].ids)]}
        )
        cls.company.credit_policy_id = cls.policy

    @classmethod
    def _create_invoice(cls, partner=None, amount=100.0, days=-30, post=True, **values):
        return super()._create_invoice(partner, amount, days, post, **values)

    @classmethod
    def _create_control_run(cls, days=0, generate=True):
        run = cls.env["credit.control.run"].create(
            {
                "date": fields.Date.add(cls.today, days=days),
                "company_id": cls.company.id,
                "policy_ids": [Command.set(cls.policy.ids)],
            }
        )
        if generate:
            run.generate_credit_lines()
        return run


@tagged("post_install", "-at_install")
class TestCreditControlBridge(CreditControlCommon):
    def test_a_free_item_gets_its_credit_line(self):
        invoice = self._create_invoice()
        run = self._create_control_run()
        self.assertEqual(run.line_ids.invoice_id, invoice)
        self.assertNotIn("excluded", run.report)

    def test_each_kind_of_exclusion_is_left_out(self):
        cases = {
            "stop on the customer": lambda invoice: invoice.partner_id.action_dunning_stop(),
            "stop on the invoice": lambda invoice: invoice.action_dunning_stop(),
            "prevented": lambda invoice: invoice.write({"prevent_dunning": True}),
            "no follow-up": lambda invoice: self._items(invoice).write({"no_followup": True}),
            "archived": lambda invoice: invoice.partner_id.action_archive(),
            "postponed": lambda invoice: invoice.write({"dunning_due_date": self._days(3)}),
        }
        for name, exclude in cases.items():
            with self.subTest(name):
                invoice = self._create_invoice(self._create_customer(name))
                self.assertIn(self._items(invoice), self._lines_to_process())
                exclude(invoice)
                self.assertNotIn(self._items(invoice), self._lines_to_process())

    def _lines_to_process(self):
        return self.policy._get_move_lines_to_process(self._create_control_run(generate=False))

    def test_an_item_is_free_on_its_postponed_due_date_plus_one_day(self):
        invoice = self._create_invoice(dunning_due_date=self._days(-1))
        self.assertIn(self._items(invoice), self._lines_to_process())
        invoice.dunning_due_date = self.today
        self.assertNotIn(self._items(invoice), self._lines_to_process())

    def test_the_report_says_how_many_items_were_left_out_and_why(self):
        self._create_invoice(self.other_customer)
        for _number in range(2):
            self._create_invoice().action_dunning_stop()
        self._create_invoice(prevent_dunning=True)
        run = self._create_control_run()
        self.assertEqual(run.line_ids.partner_id, self.other_customer)
        stop = self.env.ref("dunning_exclusion.rule_stop_item").name
        prevent = self.env.ref("dunning_exclusion.rule_prevent_item").name
        self.assertIn(f": 3. Reasons: {stop} (2), {prevent} (1).", run.report)

    def test_names_of_reasons_are_escaped_in_the_report(self):
        self.env.ref("dunning_exclusion.rule_stop_item").name = "<i>Stop</i>"
        self._create_invoice().action_dunning_stop()
        run = self._create_control_run()
        self.assertIn("&lt;i&gt;Stop&lt;/i&gt; (1)", run.report)

    def test_the_screening_is_asked_for_the_date_of_the_run(self):
        invoice = self._create_invoice()
        self.env["dunning.block"].create(
            {
                "partner_id": self.customer.id,
                "move_id": invoice.id,
                "company_id": self.company.id,
                "kind": "pause",
                "date_to": self._days(5),
            }
        )
        self.assertFalse(self._create_control_run().line_ids)
        later = self._create_control_run(days=6)
        self.assertEqual(later.line_ids.invoice_id, invoice)

    def test_a_customer_without_an_address_gets_its_letter(self):
        self.customer.email = False
        invoice = self._create_invoice()
        run = self._create_control_run()
        self.assertEqual(run.line_ids.invoice_id, invoice)
        self.assertEqual(run.line_ids.channel, "letter")

    def test_a_minimum_per_customer_counts_the_items_of_all_policies(self):
        self.company.dunning_customer_minimum = 150
        invoice = self._create_invoice()
        self.assertFalse(self._create_control_run().line_ids)
        self._create_invoice(
            credit_policy_id=self.env.ref("account_credit_control.credit_control_2_time").id
        )
        self.assertEqual(self._create_control_run().line_ids.invoice_id, invoice)

    def test_no_query_more_for_more_items(self):
        def count():
            items = self._items(self.env["account.move"].search([("state", "=", "posted")]))
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            items._credit_control_exclusions(self.company, self.today)
            return self.env.cr.sql_log_count - before

        self._create_invoice().action_dunning_stop()
        count()
        few = count()
        for _number in range(10):
            self._create_invoice().action_dunning_stop()
        self.assertEqual(count(), few)

    def test_an_invoice_that_is_left_out_can_be_cancelled(self):
        invoice = self._create_invoice()
        invoice.action_dunning_stop()
        self._create_control_run()
        self.assertFalse(invoice.credit_control_line_ids)
        invoice.button_cancel()
        self.assertEqual(invoice.state, "cancel")

    def test_who_works_with_credit_control_needs_no_rights_on_follow_ups(self):
        user = self._create_user(
            "controller",
            "account_credit_control.group_account_credit_control_user",
            "account.group_account_readonly",
        )
        user.group_ids -= self.env.ref("dunning_exclusion.group_dunning_user")
        invoice = self._create_invoice()
        self._create_invoice().action_dunning_stop()
        run = self._create_control_run(generate=False).with_user(user)
        run.generate_credit_lines()
        self.assertEqual(run.line_ids.sudo().invoice_id, invoice)

    # Screened again when it goes out ----------------------------------------------------------

    def _ready(self, *invoices):
        run = self._create_control_run()
        run.set_to_ready_lines()
        self.assertEqual(len(run.line_ids), len(invoices))
        return run

    def test_an_item_stopped_after_the_run_is_not_communicated(self):
        kept, stopped = self._create_invoice(self.other_customer), self._create_invoice()
        run = self._ready(kept, stopped)
        stopped.action_dunning_stop()
        communications = self.env["credit.control.communication"]._generate_comm_from_credit_lines(
            run.line_ids
        )
        self.assertEqual(communications.credit_control_line_ids.invoice_id, kept)
        line = stopped.credit_control_line_ids
        self.assertEqual(line.state, "draft")
        reason = self.env.ref("dunning_exclusion.rule_stop_item").name
        self.assertIn(reason, line.message_ids[0].body)
        self.assertIn(f"Items excluded when sending: 1. Reasons: {reason} (1).", run.report)
        stopped.button_cancel()
        self.assertEqual(stopped.state, "cancel")

    def test_the_channel_action_of_the_run_sends_to_the_others_only(self):
        kept, stopped = self._create_invoice(self.other_customer), self._create_invoice()
        run = self._ready(kept, stopped)
        self.customer.action_dunning_stop()
        run.run_channel_action()
        self.assertEqual(run.line_ids.communication_id.partner_id, self.other_customer)

    def test_nothing_is_communicated_when_all_lines_are_excluded(self):
        run = self._ready(self._create_invoice())
        self.customer.action_dunning_stop()
        run.run_channel_action()
        self.assertFalse(run.line_ids.communication_id)
        self.assertEqual(run.line_ids.state, "draft")

    def test_printing_says_so_when_everything_is_left_out(self):
        stopped, free = self._create_invoice(), self._create_invoice(self.other_customer)
        lines = self._create_control_run().line_ids
        lines.state = "to_be_sent"
        stopped.action_dunning_stop()
        line = lines.filtered(lambda line: line.invoice_id == stopped)
        printer = self.env["credit.control.printer"]
        action = printer.create({"line_ids": [Command.set(line.ids)]}).print_lines()
        self.assertEqual(action["tag"], "display_notification")
        self.assertEqual(line.state, "draft")
        self.assertIn("Reminders for the item are stopped", line.message_ids[0].body)
        action = printer.create({"line_ids": [Command.set(lines.ids)]}).print_lines()
        self.assertEqual(action["type"], "ir.actions.report")
        self.assertEqual((lines - line).invoice_id, free)
