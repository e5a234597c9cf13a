from odoo import Command
from odoo.tests import tagged

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestDunningNothingOwed(DunningCommon):
    """A total of zero or less is not sent: neither of the message, nor of the customer."""

    def test_credited_to_zero_or_less_is_not_sent(self):
        # Below zero it is the rule for creditors that leaves the customer out, unless it is off.
        self.env.ref("dunning_exclusion.rule_creditor").enabled = False
        for credit in (100, 130):
            with self.subTest(credit=credit):
                customer = self._create_customer(f"Credit {credit}")
                invoice = self._create_invoice(customer)
                run = self._create_run()
                self._create_invoice(customer, credit, move_type="out_refund")
                line = run.line_ids.filtered(lambda line, own=invoice: line.move_id == own)
                self.assertTrue(line.checked)
                run.action_send()
                notice = line.notice_id
                self.assertEqual((notice.state, notice.mail_id.ids), ("skipped", []))
                self.assertEqual(notice.failure_reason, "Nothing is owed in total.")
                self.assertEqual(notice.outstanding, 100 - credit)

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
        run.action_send()
        notice = run.notice_ids
        self.assertEqual((notice.amount, notice.outstanding), (0, 50))
        self.assertEqual(
            (notice.state, notice.failure_reason), ("skipped", "Nothing is owed in total.")
        )

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
