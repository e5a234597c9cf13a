from datetime import timedelta

from odoo.fields import Command
from odoo.tests import tagged

from .common import OutcomeCommon


@tagged("post_install", "-at_install")
class TestOutcomeTable(OutcomeCommon):
    """One test for each shipped rule, named after its code."""

    def test_every_shipped_rule_has_its_test(self):
        shipped = self.env["ir.model.data"].search(
            [("model", "=", "dunning.exclusion.rule"), ("module", "=", "dunning_exclusion")]
        )
        rules = self.env["dunning.exclusion.rule"].browse(shipped.mapped("res_id"))
        tests = {name.removeprefix("test_rule_") for name in dir(self) if "test_rule_" in name}
        self.assertEqual(set(rules.mapped("code")), tests)
        self.assertEqual(len(rules), 24)
        for rule in rules:
            self.assertEqual(self.env.ref(f"dunning_exclusion.rule_{rule.code}"), rule)

    # Blocks ---------------------------------------------------------------------------------

    def _check_customer_block(self, kind, outcome):
        customer, neighbour = self._fresh_customer(), self._fresh_customer()
        child = self.env["res.partner"].create({"name": "Contact", "parent_id": customer.id})
        invoice, of_child = self._create_invoice(customer), self._create_invoice(child)
        free = self._create_invoice(neighbour)
        elsewhere = self._invoice_of_other_company(customer)
        block = child._dunning_block(kind)
        self.assertEqual(block.partner_id, customer)
        rule = f"{kind}_customer"
        self.assertOutcome(invoice, outcome, rule)
        self.assertOutcome(of_child, outcome, rule)
        self.assertOutcome(free, "included")
        self.assertOutcome(elsewhere, "included")
        reason = invoice.dunning_explain()[0]
        self.assertEqual(reason["block_id"], block.id)
        end = kind == "pause" and self.today + timedelta(days=30)
        self.assertEqual((reason["since"], reason["until"]), (self.today, end))
        self.assertEqual((reason["marker"], reason["level"]), ("customer", "customer"))
        block.date_from = self.today + timedelta(days=1)
        self.assertOutcome(invoice, "included")
        self.assertEqual(self._reasons(invoice, self.today + timedelta(days=1)), [rule])
        block.write({"date_from": self.today, "date_to": self.today})
        self.assertOutcome(invoice, outcome, rule)
        self.assertEqual(self._reasons(invoice, self.today + timedelta(days=1)), [])
        block.action_lift()
        self.assertOutcome(invoice, "included")

    def _check_item_block(self, kind, outcome):
        customer = self._fresh_customer()
        term = self._create_term(0, 10)
        invoice = self._create_invoice(
            customer, invoice_date_due=False, invoice_payment_term_id=term.id
        )
        neighbour = self._create_invoice(customer)
        first, second = self._items(invoice).sorted("date_maturity")
        block = first._dunning_block(kind)
        rule = f"{kind}_item"
        self.assertEqual(self._screened(invoice), {first: outcome, second: "included"})
        self.assertEqual(self._reasons(first), [rule])
        self.assertFalse(self._reasons(second))
        self.assertEqual((first.dunning_outcome, second.dunning_outcome), (outcome, "included"))
        self.assertOutcome(neighbour, "included")
        block.action_lift()
        invoice._dunning_block(kind)
        self.assertEqual(self._screened(invoice), {first: outcome, second: outcome})
        self.assertEqual(invoice.dunning_explain()[0]["marker"], "item")

    def test_rule_stop_customer(self):
        self._check_customer_block("stop", "unchecked")

    def test_rule_pause_customer(self):
        self._check_customer_block("pause", "dropped")

    def test_rule_prevent_customer(self):
        self._check_customer_block("prevent", "dropped")

    def test_rule_stop_item(self):
        self._check_item_block("stop", "unchecked")

    def test_rule_pause_item(self):
        self._check_item_block("pause", "dropped")

    def test_rule_prevent_item(self):
        self._check_item_block("prevent", "dropped")

    # Items ----------------------------------------------------------------------------------

    def test_rule_no_followup(self):
        invoice = self._create_invoice()
        self.assertOutcome(invoice, "included")
        invoice.no_followup = True
        self.assertOutcome(invoice, "dropped", "no_followup")
        entry = self._create_entry(self.other_customer)
        self.assertTrue(entry.line_ids[:1].no_followup, "Odoo sets it on miscellaneous entries")
        self.assertOutcome(entry, "included")
        self.company.dunning_honour_no_followup = True
        self.assertOutcome(entry, "dropped", "no_followup")
        entry.line_ids.no_followup = False
        self.assertOutcome(entry, "included")

    def _create_entry(self, customer, amount=100.0):
        accounts = self.company_data
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "date": self.today - timedelta(days=20),
                "line_ids": [
                    Command.create(
                        {
                            "account_id": accounts["default_account_receivable"].id,
                            "partner_id": customer.id,
                            "date_maturity": self.today - timedelta(days=10),
                            "debit": amount,
                        }
                    ),
                    Command.create(
                        {"account_id": accounts["default_account_revenue"].id, "credit": amount}
                    ),
                ],
            }
        )
        entry.action_post()
        return entry

    def test_rule_automatic_payment(self):
        method = self.company_data["default_journal_bank"].inbound_payment_method_line_ids[:1]
        invoice = self._create_invoice(preferred_payment_method_line_id=method.id)
        without = self._create_invoice(preferred_payment_method_line_id=False)
        self.assertOutcome(invoice, "included")
        method.dunning_automatic = True
        self.assertOutcome(invoice, "dropped", "automatic_payment")
        self.assertOutcome(without, "included")
        invoice.dunning_collection_failed = True
        self.assertOutcome(invoice, "included")
        invoice.preferred_payment_method_line_id = method
        self.assertFalse(invoice.dunning_collection_failed, "a new collection was set")
        self.assertOutcome(invoice, "dropped", "automatic_payment")

    def test_rule_item_minimum(self):
        self.company.dunning_item_minimum = 50
        for amount, outcome in ((49.99, "unchecked"), (50, "included"), (50.01, "included")):
            with self.subTest(amount=amount):
                rule = "item_minimum" if outcome == "unchecked" else None
                invoice = self._create_invoice(self._fresh_customer(), amount)
                self.assertOutcome(invoice, outcome, rule)
        customer = self._fresh_customer()
        elsewhere = self._invoice_of_other_company(customer, 10)
        self.assertOutcome(elsewhere, "included")
        credit = self._refund(customer, 10)
        self._create_invoice(customer, 100)
        self.assertEqual(set(self._screened(credit).values()), {"included"})
        partly = self._create_invoice(self._fresh_customer(), 100)
        self._pay(partly, 60)
        self.assertOutcome(partly, "unchecked", "item_minimum")
        self.company.dunning_item_minimum = 0
        self.assertOutcome(partly, "included")

    def test_thresholds_compare_company_currency(self):
        """90 in a currency worth half of ours is 45, whatever the figure on the invoice says."""
        self.company.dunning_item_minimum = 50
        for amount, outcome in ((90, "unchecked"), (110, "included")):
            with self.subTest(amount=amount):
                rule = "item_minimum" if outcome == "unchecked" else None
                invoice = self._create_invoice(
                    self._fresh_customer(), amount, currency_id=self.foreign.id
                )
                self.assertEqual(self._items(invoice).amount_residual, amount / 2)
                self.assertOutcome(invoice, outcome, rule)
        self.company.dunning_item_minimum = 0
        self.company.dunning_customer_minimum = 100
        customer = self._fresh_customer()
        invoice = self._create_invoice(customer, 150, currency_id=self.foreign.id)
        self.assertOutcome(invoice, "unchecked", "customer_minimum")
        self._create_invoice(customer, 25)
        self.assertOutcome(invoice, "included")

    def test_rule_promise(self):
        self.company.dunning_promise_tolerance_days = 2
        invoice, neighbour = self._create_invoice(), self._create_invoice()
        promise = self.env["dunning.promise"].create(
            {
                "partner_id": self.customer.id,
                "move_line_ids": self._items(invoice).ids,
                "date": self.today - timedelta(days=2),
            }
        )
        self.assertOutcome(invoice, "unchecked", "promise")
        self.assertOutcome(neighbour, "included")
        self.assertEqual(invoice.dunning_explain()[0]["marker"], "promise")
        self.assertEqual(invoice.dunning_explain()[0]["until"], promise.date)
        promise.date = self.today - timedelta(days=3)
        self.assertEqual(promise.state, "broken")
        self.assertOutcome(invoice, "included")
        promise.date = self.today
        self.company.dunning_exclude_promises = False
        self.assertOutcome(invoice, "included")
        self.company.dunning_exclude_promises = True
        promise.action_cancel()
        self.assertOutcome(invoice, "included")

    def test_rule_paid(self):
        for state in ("paid", "in_payment", "reversed"):
            with self.subTest(state=state):
                invoice = self._create_invoice(self._fresh_customer())
                # What a payment without journal entry leaves: shown as paid, residual open.
                invoice.payment_state = state
                self.assertOutcome(invoice, "unchecked", "paid")
        partial = self._create_invoice(self._fresh_customer())
        self._pay(partial, 40)
        self.assertEqual(partial.payment_state, "partial")
        self.assertOutcome(partial, "included")
        nothing = self._create_invoice(self._fresh_customer())
        self._items(nothing).write({"amount_residual": 0, "amount_residual_currency": 0})
        self.assertOutcome(nothing, "unchecked", "paid")
        full = self._create_invoice(self._fresh_customer())
        self._pay(full)
        self.assertFalse(self._screened(full))
        self.assertFalse(full.dunning_outcome)
        self.assertEqual(self._reasons(full), ["paid"])
        self.assertEqual(self._reasons(self._items(full)), ["paid"])

    def test_rule_covered(self):
        customer = self._fresh_customer()
        invoice, other = self._create_invoice(customer), self._create_invoice(customer, 300, 30)
        self._refund(customer, 99.99)
        self.assertOutcome(invoice, "included")
        self._refund(customer, 0.01)
        self.assertOutcome(invoice, "unchecked", "covered")
        self.assertOutcome(other, "included")

    def test_rule_payment_under_way(self):
        invoice, other = self._create_invoice(), self._create_invoice()
        self.env["account.bank.statement.line"].create(
            {
                "journal_id": self.company_data["default_journal_bank"].id,
                "payment_ref": f"Invoice {invoice.name}",
                "date": self.today,
                "amount": 1,
            }
        )
        self.assertOutcome(invoice, "unchecked", "payment_under_way")
        self.assertOutcome(other, "included")

    def test_rule_not_delivered(self):
        invoice = self._create_invoice()
        self.assertOutcome(invoice, "included")
        self.company.dunning_not_delivered_from = self.today - timedelta(days=20)
        self.assertOutcome(invoice, "unchecked", "not_delivered")
        self.assertEqual(self._invoice_of_other_company(self.customer).dunning_outcome, "included")

    def test_rule_blocked_payment(self):
        invoice = self._create_invoice()
        invoice.action_toggle_block_payment()
        self.assertEqual(invoice.payment_state, "blocked")
        self.assertOutcome(invoice, "unchecked", "blocked_payment")
        invoice.action_toggle_block_payment()
        self.assertOutcome(invoice, "included")

    # Customers ------------------------------------------------------------------------------

    def test_rule_customer_minimum(self):
        self.company.dunning_customer_minimum = 100
        customer = self._fresh_customer()
        invoice = self._create_invoice(customer, 60)
        self.assertOutcome(invoice, "unchecked", "customer_minimum")
        not_due = self._create_invoice(customer, 500, days=5)
        self.assertOutcome(invoice, "unchecked", "customer_minimum", "only overdue items count")
        self.assertOutcome(not_due, "unchecked", "customer_minimum")
        held = self._create_invoice(customer, 500)
        held.prevent_dunning = True
        self.assertOutcome(invoice, "unchecked", "customer_minimum", "held items do not count")
        self._refund(customer, 20)
        self._create_invoice(customer, 40)
        self.assertOutcome(invoice, "included", None, "60 + 40 reach 100, credits do not count")
        elsewhere = self._invoice_of_other_company(customer, 60)
        self.assertOutcome(elsewhere, "included")
        with_child = self._fresh_customer()
        child = self.env["res.partner"].create({"name": "Child", "parent_id": with_child.id})
        of_child = self._create_invoice(child, 60)
        self._create_invoice(with_child, 60)
        self.assertOutcome(of_child, "included", None, "contacts and customer together")

    def test_rule_customer_maximum(self):
        self.company.dunning_customer_maximum = 100
        customer = self._fresh_customer()
        invoice = self._create_invoice(customer, 100)
        self.assertOutcome(invoice, "included")
        more = self._create_invoice(customer, 0.01)
        self.assertOutcome(invoice, "unchecked", "customer_maximum")
        more.action_dunning_stop()
        self.assertOutcome(invoice, "included")
        rule = self.env.ref("dunning_exclusion.rule_customer_maximum")
        self.assertTrue(rule.needs_approval)
        elsewhere = self._invoice_of_other_company(customer, 1000)
        self.assertOutcome(elsewhere, "included")

    def test_rule_creditor(self):
        customer = self._fresh_customer()
        invoice = self._create_invoice(customer, 100)
        self._refund(customer, 100)
        self.assertOutcome(
            invoice, "unchecked", "covered", "nothing is owed, but neither are we a debtor"
        )
        self._refund(customer, 0.01)
        self.assertOutcome(invoice, "dropped", "creditor")
        self.company.dunning_list_creditors = True
        self.assertOutcome(invoice, "unchecked", "creditor")
        elsewhere = self._invoice_of_other_company(customer)
        self.assertOutcome(elsewhere, "included")

    def test_rule_type_off(self):
        customer = self._fresh_customer()
        invoice = self._create_invoice(customer)
        customer.dunning_type_off_ids = self.env.ref("dunning_exclusion.type_statement")
        self.assertOutcome(invoice, "included")
        customer.dunning_type_off_ids = self.type_overdue
        self.assertOutcome(invoice, "dropped", "type_off")

    def test_rule_type_filter(self):
        customer = self._fresh_customer()
        invoice = self._create_invoice(customer)
        for customer_filter, named, outcome in (
            ("all", customer, "included"),
            ("only", customer, "included"),
            ("only", self.other_customer, "dropped"),
            ("except", customer, "dropped"),
            ("except", self.other_customer, "included"),
        ):
            with self.subTest(customer_filter=customer_filter, named=named == customer):
                self.type_overdue.write(
                    {"customer_filter": customer_filter, "customer_ids": [Command.set(named.ids)]}
                )
                rule = "type_filter" if outcome == "dropped" else None
                self.assertOutcome(invoice, outcome, rule)

    def test_rule_bounced(self):
        customer, neighbour = self._fresh_customer(), self._fresh_customer()
        invoice, free = self._create_invoice(customer), self._create_invoice(neighbour)
        elsewhere = self._invoice_of_other_company(customer)
        customer.message_bounce = 1
        self.assertOutcome(invoice, "unchecked", "bounced")
        self.assertOutcome(free, "included")
        # No scenario sends e-mails there.
        self.assertOutcome(elsewhere, "included")
        customer.email = "changed@example.com"
        self.assertOutcome(invoice, "included")

    def test_rule_reminded_recently(self):
        self.company.dunning_min_days_between_messages = 7
        customer, neighbour = self._fresh_customer(), self._fresh_customer()
        invoice, free = self._create_invoice(customer), self._create_invoice(neighbour)
        elsewhere = self._invoice_of_other_company(customer)
        run = self._create_run()
        run.line_ids.filtered(lambda line: line.partner_id == neighbour).checked = False
        run.action_send()
        run.notice_ids.sudo()._mark_sent()
        self.assertOutcome(invoice, "unchecked", "reminded_recently")
        self.assertOutcome(free, "included")
        self.assertOutcome(elsewhere, "included")
        self.assertEqual(self._reasons(invoice, self.today + timedelta(days=7)), [])

    def test_rule_no_address(self):
        customer = self._fresh_customer(email=False)
        invoice = self._create_invoice(customer)
        self.assertOutcome(invoice, "unchecked", "no_address")
        contact = self.env["res.partner"].create(
            {"name": "Books", "parent_id": customer.id, "type": "contact", "email": "b@example.com"}
        )
        self.assertOutcome(invoice, "unchecked", "no_address", "an ordinary contact gets nothing")
        contact.type = "dunning"
        self.assertOutcome(invoice, "included")
        contact.active = False
        self.assertOutcome(invoice, "unchecked", "no_address")
        customer.email = "nothing that could be an address"
        self.assertOutcome(invoice, "unchecked", "no_address")
        self.scenario.level_ids.action = "letter"
        self.assertOutcome(invoice, "included", None, "letters need no e-mail address")

    def test_rule_archived(self):
        customer = self._fresh_customer()
        contact = self.env["res.partner"].create({"name": "Contact", "parent_id": customer.id})
        invoice = self._create_invoice(contact)
        contact.active = False
        self.assertOutcome(invoice, "included")
        customer.active = False
        self.assertOutcome(invoice, "dropped", "archived")

    def test_missing_address_needs_a_level_that_sends_emails(self):
        self.scenario.active = False
        invoice = self._create_invoice(self._fresh_customer(email=False))
        self.assertOutcome(invoice, "included", None, "no scenario sends an e-mail")
        self.scenario.write({"active": True, "customer_domain": "[('name', '=', 'Nobody')]"})
        self.assertOutcome(invoice, "included", None, "the scenario is for others")

    def test_outcome_is_not_stale_after_changes_of_the_record(self):
        invoice = self._create_invoice(self._fresh_customer())
        item = self._items(invoice)
        self.assertEqual((invoice.dunning_outcome, item.dunning_outcome), ("included",) * 2)
        invoice.dunning_due_date = self._days(5)
        self.assertEqual(invoice.dunning_outcome, "included", "a date is no exclusion")
        item.no_followup = True
        self.assertEqual((invoice.dunning_outcome, item.dunning_outcome), ("dropped",) * 2)
