from odoo.tests import tagged

from .test_credit_control_bridge import CreditControlCommon


@tagged("post_install", "-at_install")
class TestNoFollowPolicy(CreditControlCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.no_follow = cls.env.ref("account_credit_control.credit_control_no_follow")
        cls.rule = cls.env.ref("dunning_exclusion_credit_control.rule_credit_control_no_follow")

    def test_it_is_a_reason_with_a_name(self):
        invoice = self._create_invoice(credit_policy_id=self.no_follow.id)
        self.assertOutcome(invoice, "dropped", "credit_control_no_follow")
        self.assertEqual(invoice.dunning_explain()[0]["reason"], self.rule.name)

    def test_the_policy_of_the_invoice_goes_before_that_of_the_customer(self):
        cases = [
            # of the customer, of the invoice, excluded
            (False, False, False),
            (False, self.no_follow, True),
            (self.no_follow, False, True),
            (self.no_follow, self.policy, False),
            (self.policy, self.no_follow, True),
            (self.policy, False, False),
        ]
        for number, (of_customer, of_invoice, excluded) in enumerate(cases):
            with self.subTest(customer=of_customer, invoice=of_invoice):
                customer = self._create_customer(
                    f"Customer {number}", credit_policy_id=of_customer and of_customer.id
                )
                invoice = self._create_invoice(
                    customer, credit_policy_id=of_invoice and of_invoice.id
                )
                found = invoice.dunning_explain()
                self.assertEqual([reason["rule"] for reason in found], [self.rule.code] * excluded)

    def test_the_policy_of_the_company_is_no_reason(self):
        self.company.credit_policy_id = self.no_follow
        self.assertOutcome(self._create_invoice(), "included")

    def test_our_runs_leave_it_out_and_the_rule_can_be_switched_off(self):
        invoice = self._create_invoice(credit_policy_id=self.no_follow.id)
        line = self._create_run().line_ids.filtered(lambda line: line.move_id == invoice)
        self.assertEqual((line.outcome, line.rule_id, line.checked), ("dropped", self.rule, False))
        self.rule.enabled = False
        self.assertOutcome(invoice, "included")
