from datetime import timedelta

from odoo.tests import tagged

from .common import VerdictCommon


@tagged("post_install", "-at_install")
class TestVerdictTogether(VerdictCommon):
    """How several reasons, companies and items of one customer come together."""

    def test_all_reasons_are_kept_and_dropped_ones_decide_before_unchecked_ones(self):
        self.company.dunning_item_minimum = 50
        self.company.dunning_customer_maximum = 1
        invoice = self._create_invoice(amount=10)
        self._create_invoice(amount=100)
        invoice.action_dunning_stop()
        self.customer.action_dunning_stop()
        self.assertEqual(
            self._reasons(invoice),
            ["stop_customer", "stop_item", "item_minimum", "customer_maximum"],
        )
        self.assertOutcome(invoice, "unchecked", "stop_customer")
        invoice.prevent_dunning = True
        self.assertOutcome(invoice, "dropped", "prevent_item")
        screening = self.env["dunning.screening"].search([("move_id", "=", invoice.id)])
        self.assertEqual(
            screening.rule_ids.mapped("code"),
            ["prevent_item", "stop_customer", "stop_item", "item_minimum", "customer_maximum"],
        )
        rule = self.env.ref("dunning_exclusion.rule_item_minimum")
        rule.sequence = 1
        self.assertEqual(self._reasons(invoice)[:2], ["prevent_item", "item_minimum"])
        rule.effect = "dropped"
        self.assertOutcome(invoice, "dropped", "item_minimum")
        rule.enabled = False
        self.assertNotIn("item_minimum", self._reasons(invoice))

    def test_effect_and_switch_are_per_company(self):
        rule = self.env.ref("dunning_exclusion.rule_stop_customer")
        customer = self._fresh_customer()
        invoice = self._create_invoice(customer)
        elsewhere = self._invoice_of_other_company(customer)
        customer.action_dunning_stop()
        customer.with_company(self.other_company).action_dunning_stop()
        rule.with_company(self.other_company).effect = "dropped"
        self.assertEqual(rule.effect, "unchecked")
        self.assertOutcome(invoice, "unchecked", "stop_customer")
        self.assertOutcome(elsewhere, "dropped", "stop_customer")
        rule.with_company(self.other_company).enabled = False
        self.assertOutcome(elsewhere, "included")
        self.assertOutcome(invoice, "unchecked", "stop_customer")
        both = self.env["dunning.screening"].with_context(
            allowed_company_ids=(self.company | self.other_company).ids
        )
        outcomes = {
            row.company_id: row.outcome for row in both.search([("partner_id", "=", customer.id)])
        }
        self.assertEqual(outcomes, {self.company: "unchecked", self.other_company: "included"})

    def test_companies_with_the_same_rules_in_another_order_are_not_taken_for_one(self):
        customer = self._fresh_customer()
        dropping = {self.company: "stop_customer", self.other_company: "stop_item"}
        invoices = [self._create_invoice(customer), self._invoice_of_other_company(customer)]
        for invoice, (company, code) in zip(invoices, dropping.items(), strict=True):
            rule = self.env.ref(f"dunning_exclusion.rule_{code}")
            rule.with_company(company).effect = "dropped"
            customer.with_company(company).action_dunning_stop()
            invoice.action_dunning_stop()
        both = self.env["dunning.screening"].with_context(
            allowed_company_ids=(self.company | self.other_company).ids
        )
        rows = both.search([("partner_id", "=", customer.id)])
        self.assertEqual({row.company_id: row.rule_id.code for row in rows}, dropping)
        self.assertEqual(set(rows.mapped("outcome")), {"dropped"})
        for invoice, code in zip(invoices, dropping.values(), strict=True):
            self.assertOutcome(invoice, "dropped", code)

    def test_held_items_stay_in_the_totals_of_the_customer(self):
        self._create_invoice(amount=100)
        held = self._create_invoice(amount=70)
        self._create_invoice(amount=40, days=5)
        credit = self._refund(self.customer, 30)
        held.dunning_pause_until = self.today + timedelta(days=5)
        row = self.env["dunning.screening"].search([("move_id", "=", held.id)])
        self.assertEqual(row.outstanding, 180)
        self.assertEqual(row.overdue, 140)
        self.assertEqual(row.reminded_amount, 100)
        self.assertEqual(self.customer.dunning_outstanding, 180)
        self.assertEqual(self.customer.dunning_overdue, 140)
        self.assertEqual(set(self._screened(credit).values()), {"included"})

    def test_each_instalment_has_its_own_due_date(self):
        term = self._create_term(0, 30)
        invoice = self._create_invoice(
            days=-10, invoice_date_due=False, invoice_payment_term_id=term.id
        )
        rows = self.env["dunning.screening"].search([("move_id", "=", invoice.id)])
        self.assertEqual(
            [(row.days_overdue, row.amount_residual) for row in rows], [(10, 50), (0, 50)]
        )
        self.assertEqual(set(rows.mapped("overdue")), {50})
        self.assertEqual(set(rows.mapped("reminded_amount")), {50})

    def test_postponed_due_date_counts_for_dunning_only(self):
        invoice = self._create_invoice(days=-10)
        invoice.dunning_due_date = self.today
        item = self._items(invoice)
        row = self.env["dunning.screening"].search([("move_line_id", "=", item.id)])
        self.assertEqual((row.date_due, row.days_overdue, row.overdue), (self.today, 0, 0))
        self.assertEqual(item.date_maturity, self.today - timedelta(days=10))
        self.assertFalse(self._create_run().line_ids, "today has not passed yet")
        invoice.dunning_due_date = self.today - timedelta(days=1)
        run = self._create_run()
        self.assertEqual(run.line_ids.days_overdue, 1)
