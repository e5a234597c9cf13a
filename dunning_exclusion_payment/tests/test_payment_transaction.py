from datetime import timedelta

from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.account_payment.tests.common import AccountPaymentCommon
from odoo.addons.dunning_exclusion.tests.common import DunningCommon


@tagged("post_install", "-at_install")
class TestPaymentTransaction(AccountPaymentCommon, DunningCommon):
    """Online payments hold reminders back until they are confirmed, fail or lapse."""

    def _transaction(self, state, invoice, **values):
        return self._create_transaction(
            "direct",
            state=state,
            reference=f"{invoice.name} {state} {len(invoice.transaction_ids)}",
            amount=40,
            partner_id=invoice.partner_id.id,
            currency_id=invoice.currency_id.id,
            invoice_ids=[Command.set(invoice.ids)],
            **values,
        )

    def test_pending_and_authorized_transactions_hold_the_invoice(self):
        self.provider.support_manual_capture = "partial"
        for state, held in (
            ("draft", False),
            ("pending", True),
            ("authorized", True),
            ("cancel", False),
            ("error", False),
        ):
            with self.subTest(state):
                invoice, other = self._create_invoice(), self._create_invoice()
                self._transaction(state, invoice)
                rule = "payment_under_way" if held else None
                self.assertOutcome(invoice, "unchecked" if held else "included", rule)
                self.assertOutcome(other, "included")
                if held:
                    reason = invoice.dunning_explain()[0]
                    self.assertIn(self.company.currency_id.format(40), reason["reason"])
                    self.assertEqual(reason["since"], fields.Date.today())

    def test_transaction_lapses(self):
        invoice = self._create_invoice()
        transaction = self._transaction("pending", invoice)
        for days, rule in ((10, "payment_under_way"), (11, None)):
            transaction.last_state_change = fields.Datetime.now() - timedelta(days=days)
            self.assertOutcome(invoice, "unchecked" if rule else "included", rule)

    def test_refunds_and_checks_of_cards_are_no_payments(self):
        for operation, held in (
            ("online_redirect", True),
            ("offline", True),
            ("refund", False),
            ("validation", False),
        ):
            with self.subTest(operation):
                invoice = self._create_invoice()
                self._transaction("pending", invoice, operation=operation)
                rule = "payment_under_way" if held else None
                self.assertOutcome(invoice, "unchecked" if held else "included", rule)

    def test_everybody_screened(self):
        invoice, other = self._create_invoice(), self._create_invoice()
        self._transaction("pending", invoice)
        run = self._create_run(scenario_ids=self.scenario.ids)
        codes = {line.move_id: line.rule_id.code for line in run.line_ids}
        self.assertEqual(codes, {invoice: "payment_under_way", other: False})

    def test_failed_and_cancelled_transactions_end_the_automatic_payment(self):
        method = self.company_data["default_journal_bank"].inbound_payment_method_line_ids[:1]
        method.dunning_automatic = True
        for way in ("_set_error", "_set_canceled"):
            with self.subTest(way):
                invoice = self._create_invoice(preferred_payment_method_line_id=method.id)
                self.assertOutcome(invoice, "dropped", "automatic_payment")
                transaction = self._transaction("pending", invoice)
                getattr(transaction, way)("The account is closed.")
                self.assertTrue(invoice.dunning_collection_failed)
                self.assertOutcome(invoice, "included")
