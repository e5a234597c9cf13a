from datetime import timedelta

from odoo.tests import tagged

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestDunningRules(DunningCommon):
    def test_item_minimum_excludes_smaller_items_only(self):
        self.company.dunning_item_minimum = 50
        for amount, outcome, rule in (
            (49.99, "unchecked", "item_minimum"),
            (50, "included", None),
            (51, "included", None),
        ):
            with self.subTest(amount=amount):
                customer = self._create_customer(f"Customer {amount}")
                self.assertOutcome(self._create_invoice(customer, amount), outcome, rule)

    def test_blocks_by_kind_and_target(self):
        for kind, outcome in (("stop", "unchecked"), ("pause", "dropped"), ("prevent", "dropped")):
            for level in ("customer", "item"):
                with self.subTest(kind=kind, level=level):
                    customer = self._create_customer(f"{kind} {level}")
                    invoice = self._create_invoice(customer)
                    target = customer if level == "customer" else invoice
                    blocks = target._dunning_block(kind)
                    self.assertOutcome(invoice, outcome, f"{kind}_{level}")
                    blocks.action_lift()
                    self.assertOutcome(invoice, "included")

    def test_pause_holds_through_its_last_day(self):
        invoice = self._create_invoice()
        self.customer.dunning_pause_until = self.today
        self.assertOutcome(invoice, "dropped", "pause_customer")
        reasons = invoice.dunning_explain(self.today + timedelta(days=1))
        self.assertEqual(reasons, [])
