from datetime import timedelta

from odoo.tests import tagged

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestFreshAnswers(DunningCommon):
    """What is read of customers and invoices is what is true then, also in one transaction."""

    def _read(self, partner=None):
        partner = partner or self.customer
        return (partner.dunning_outcome, partner.dunning_outstanding, partner.dunning_overdue)

    def test_customer_follows_its_invoices(self):
        child = self.env["res.partner"].create({"name": "Child", "parent_id": self.customer.id})
        for partner in (self.customer, child):
            with self.subTest(partner=partner.name):
                self.assertEqual(self._read(partner), (False, 0, 0))
                invoice = self._create_invoice(child, post=False)
                self.assertEqual(self._read(partner), (False, 0, 0))
                invoice.action_post()
                self.assertEqual(self._read(partner), ("included", 100, 100))
                self._pay(invoice, 40)
                self.assertEqual(self._read(partner), ("included", 60, 60))
                invoice.dunning_due_date = self.today + timedelta(days=5)
                self.assertEqual(self._read(partner), ("included", 60, 0))
                invoice.dunning_due_date = False
                self._items(invoice).date_maturity = self.today + timedelta(days=5)
                self.assertEqual(self._read(partner), ("included", 60, 0))
                self._pay(invoice)
                self.assertEqual(self._read(partner), (False, 0, 0))
                self._items(invoice).remove_move_reconcile()
                self.assertEqual(self._read(partner)[1], 0, "the payments are open again, too")
                invoice.button_draft()
                self.assertEqual(self._read(partner)[1], -100)
                invoice.action_post()
                payments = self._open_items(self.customer) - self._items(invoice)
                (payments | self._items(invoice)).reconcile()
                self.assertEqual(self._read(partner), (False, 0, 0))

    def _open_items(self, partner):
        return self.env["account.move.line"].search(
            [
                ("partner_id", "=", partner.id),
                ("account_type", "=", "asset_receivable"),
                ("reconciled", "=", False),
                ("parent_state", "=", "posted"),
            ]
        )

    def test_invoices_follow_the_other_invoices_of_the_customer(self):
        self.company.dunning_customer_minimum = 150
        invoice, other = self._create_invoice(), self._create_invoice(post=False)
        item = self._items(invoice)
        self.assertEqual((invoice.dunning_outcome, item.dunning_outcome), ("unchecked",) * 2)
        other.action_post()
        self.assertEqual((invoice.dunning_outcome, item.dunning_outcome), ("included",) * 2)
        self._pay(other)
        self.assertEqual((invoice.dunning_outcome, item.dunning_outcome), ("unchecked",) * 2)
