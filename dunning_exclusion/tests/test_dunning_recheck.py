from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.dunning_recheck import screen_again
from .scenario_common import ScenarioCommon

UNFIT = "Conditions no longer met"


@tagged("post_install", "-at_install")
class TestDunningRecheck(ScenarioCommon):
    """What became of an item between preparing and sending is told as it is."""

    def _assert_left_out(self, run, invoice, reason, rule=None):
        """Send the run, and assert that `invoice` is left out for this reason."""
        lines = run.line_ids.filtered(lambda line: line.move_id == invoice)
        self.assertTrue(lines.checked)
        run.action_send()
        self.assertFalse(lines.checked)
        self.assertFalse(lines.notice_id)
        self.assertEqual(lines.outcome, "dropped")
        self.assertEqual(
            (lines.skip_reason or None, lines.rule_id.code or None), (reason, rule), lines.outcome
        )

    def test_reason_says_what_happened_to_the_invoice(self):
        def cancel(invoice):
            invoice.button_draft()
            invoice.button_cancel()

        def become_contact(invoice):
            invoice.partner_id.parent_id = self.other_customer

        for change, reason in (
            (lambda invoice: invoice.button_draft(), "Reset to draft in the meantime"),
            (cancel, "Cancelled in the meantime"),
            (become_contact, "Moved to another customer in the meantime"),
        ):
            with self.subTest(reason=reason):
                invoice = self._create_invoice(self._create_customer(reason))
                run = self._create_run()
                change(invoice)
                self._assert_left_out(run, invoice, reason)

    def test_paid_is_paid_and_deleted_is_deleted(self):
        paid, deleted = self._create_invoice(), self._create_invoice(self.other_customer)
        run = self._create_run()
        self._pay(paid)
        line = run.line_ids.filtered(lambda line: line.move_id == deleted)
        deleted.button_draft()
        deleted.line_ids.filtered(lambda line: line.display_type == "payment_term").with_context(
            dynamic_unlink=True, check_move_validity=False
        ).unlink()
        run.action_send()
        self.assertEqual((line.checked, line.skip_reason), (False, "Item deleted in the meantime"))
        self.assertEqual((run.line_ids - line).rule_id.code, "paid")
        self.assertFalse((run.line_ids - line).skip_reason)

    def test_level_whose_conditions_hold_no_more_is_not_sent(self):
        level = self.scenario.level_ids[0]
        for field, value, change in (
            ("minimum_amount", 80, lambda invoice: self._pay(invoice, 30)),
            (
                "condition_domain",
                "[('ref', '=', 'due')]",
                lambda invoice: invoice.write({"ref": "x"}),
            ),
        ):
            with self.subTest(field=field):
                level.write({"minimum_amount": 0, "condition_domain": "[]", field: value})
                still = self._create_invoice(self._create_customer("Still"), ref="due")
                invoice = self._create_invoice(self._create_customer("Changed"), ref="due")
                run = self._create_run()
                change(invoice)
                self._assert_left_out(run, invoice, UNFIT)
                self.assertIn(still, run.notice_ids.line_ids.move_id)

    def test_workflow_whose_conditions_hold_no_more_is_not_sent(self):
        self.scenario.active = False
        workflow = self._condition("overdue", ">=", 1000)
        still = self._create_invoice(self.other_customer, amount=1000)
        invoice = self._create_invoice(amount=1000)
        run = self._create_run(scenario_ids=[Command.set(workflow.ids)])
        self._pay(invoice, 1)
        self._assert_left_out(run, invoice, UNFIT)
        self.assertEqual(run.notice_ids.line_ids.move_id, still)
        self.assertIn("Conditions met", run.notice_ids.description)

    def test_condition_on_the_family_is_about_all_of_it(self):
        self.scenario.active = False
        parent = self._create_customer("Parent", is_company=True)
        daughters = [
            self._create_customer(name, parent_id=parent.id, is_company=True)
            for name in ("One", "Two")
        ]
        invoices = [self._create_invoice(daughter, amount=600) for daughter in daughters]
        workflow = self._condition("consolidated_overdue", ">=", 1000)
        run = self._create_run(scenario_ids=[Command.set(workflow.ids)])
        lines = run.line_ids.filtered(lambda line: line.partner_id == daughters[0])
        (run.line_ids - lines).checked = False
        screen_again(run, daughters[0])
        self.assertTrue(lines.checked, "what the sister owes still counts")
        self._pay(invoices[1], 300)
        self._assert_left_out(run, invoices[0], UNFIT)

    def test_action_of_a_workflow_checks_its_condition_again(self):
        self.scenario.active = False
        workflow = self._create_workflow()
        workflow.level_ids.condition_domain = "[('ref', '=', 'due')]"
        invoice = self._create_invoice(ref="due")
        run = self._create_run(scenario_ids=[Command.set(workflow.ids)])
        invoice.ref = "other"
        self._assert_left_out(run, invoice, UNFIT)

    @mute_logger("odoo.addons.dunning_exclusion.models.dunning_scenario")
    def test_scenario_that_broke_since_is_not_sent(self):
        invoice = self._create_invoice()
        run = self._create_run()
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE dunning_level SET condition_domain = %s WHERE scenario_id = %s",
            ["[('x_gone', '=', 1)]", self.scenario.id],
        )
        self.env.invalidate_all()
        self._assert_left_out(run, invoice, UNFIT)

    def test_run_for_another_day_is_sent_today(self):
        invoice = self._create_invoice(days=0)
        run = self._create_run(date=self._days(5))
        self.assertTrue(run.line_ids.checked)
        run.action_send()
        self.assertEqual(run.notice_ids.line_ids.move_id, invoice)

    def test_run_for_another_day_leaves_out_who_is_held_today(self):
        self._create_invoice(days=0)
        hold = {"kind": "stop", "partner_id": self.customer.id, "date_to": self._days(2)}
        self.env["dunning.block"].create(hold)
        run = self._create_run(date=self._days(5))
        line = run.line_ids
        self.assertTrue(line.checked, "on that day the stop is over")
        run.action_send()
        self.assertFalse(run.notice_ids)
        self.assertEqual((line.outcome, line.rule_id.code), ("unchecked", "stop_customer"))
        self.assertFalse(line.checked)
