from datetime import timedelta
from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from ..models import waiting_money
from .common import OutcomeCommon


class WaitingMoneyCommon(OutcomeCommon):
    """Shorthands for money that waits."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bank = cls.company_data["default_journal_bank"]

    def _bank_line(self, amount, text="Transfer", partner=None, days_ago=0, **values):
        return self.env["account.bank.statement.line"].create(
            {
                "journal_id": self.bank.id,
                "date": self.today - timedelta(days=days_ago),
                "payment_ref": text,
                "partner_id": partner and partner.id,
                "amount": amount,
                **values,
            }
        )

    def _unapplied_payment(self, customer, amount, days_ago=3, **values):
        """Create a receipt that is booked on the receivable account and matched with nothing."""
        return self._bank_line(
            amount,
            partner=customer,
            days_ago=days_ago,
            counterpart_account_id=customer.property_account_receivable_id.id,
            **values,
        )

    def _payment_in_process(self, invoice, amount, days_ago=0, **values):
        """Create a payment without journal entry that is linked to the invoice."""
        payment = self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_id": invoice.partner_id.id,
                "amount": amount,
                "date": self.today - timedelta(days=days_ago),
                "journal_id": self.bank.id,
                "invoice_ids": [Command.set(invoice.ids)],
                **values,
            }
        )
        payment.outstanding_account_id = False
        payment.action_post()
        self.assertEqual((payment.state, bool(payment.move_id)), ("in_process", False))
        return payment

    def _codes(self, *invoices):
        """Return the reasons of each invoice, as one word each where there is one."""
        self.env.invalidate_all()
        # Each payment is a reason of its own.
        found = [list(dict.fromkeys(self._reasons(invoice))) for invoice in invoices]

        def screened():
            return [
                (self._screened(invoice, "rule_ids")[self._items(invoice)]).mapped("code")
                for invoice in invoices
            ]

        self.assertEqual(found, screened(), "the explanation says what the report says")
        by_words = {"FEW_CUSTOMERS": 1, "LINES_PER_CUSTOMER": 1000, "_named_by_items": None}
        with patch.multiple(waiting_money, **by_words):
            self.assertEqual(found, screened(), "the same by the words of all bank lines")
        return [" ".join(codes) for codes in found]


class BranchesCommon(WaitingMoneyCommon):
    """A company with two branches."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        branch = {"parent_id": cls.company.id}
        cls.branch = cls.env["res.company"].create({"name": "Branch", **branch})
        cls.sibling = cls.env["res.company"].create({"name": "Sibling", **branch})
        # Odoo gives new branches the accounts of their parent before the transaction ends.
        cls.env.cr.flush()
        cls.companies = cls.company | cls.branch | cls.sibling
        cls.env.user.company_ids |= cls.companies
        cls.env = cls.env(context=dict(cls.env.context, allowed_company_ids=cls.companies.ids))
        cls.customer = cls.customer.with_env(cls.env)


@tagged("post_install", "-at_install")
class TestCovered(WaitingMoneyCommon):
    """Credits of a customer are set against its due items, the oldest first."""

    def test_table_of_verdicts(self):
        for name, credits, items, expected in (
            ("no credit", [], [(100, -10)], [""]),
            ("covered exactly", [100], [(100, -10)], ["covered"]),
            ("a cent is missing", [99.99], [(100, -10)], [""]),
            ("more than one item", [150], [(100, -10), (100, -5)], ["covered", ""]),
            (
                "two credits for three items",
                [60, 90],
                [(50, -30), (100, -20), (10, -10)],
                ["covered", "covered", ""],
            ),
            ("oldest due date first", [50], [(50, -5), (50, -20)], ["", "covered"]),
            ("the older one is covered in part", [50], [(100, -20), (30, -10)], ["", ""]),
            ("same day: the first", [50], [(50, -10), (50, -10)], ["covered", ""]),
            ("due today", [50], [(50, 0)], ["covered"]),
            ("not due yet", [500], [(50, 5), (40, -1)], ["", "covered"]),
        ):
            with self.subTest(name):
                customer = self._fresh_customer()
                # More is owed than waits, so that nobody is a creditor.
                self._create_invoice(customer, 1000, days=40)
                invoices = [self._create_invoice(customer, *item) for item in items]
                for credit in credits:
                    self._refund(customer, credit)
                self.assertEqual(self._codes(*invoices), expected)

    def test_payments_and_credit_notes_of_this_company_and_customer_only(self):
        invoice = self._create_invoice(self.customer, 100)
        self._create_invoice(self.customer, 1000, days=40)
        self._refund(self.other_customer, 100)
        self._unapplied_payment(self.other_customer, 100)
        other = self.customer.with_company(self.other_company)
        self._create_invoice(other, 300, move_type="out_refund", company_id=self.other_company.id)
        self.assertEqual(self._codes(invoice), [""])
        self._unapplied_payment(self.customer, 60)
        self._refund(self.customer, 40)
        self.assertEqual(self._codes(invoice), ["covered"])
        reason = invoice.dunning_explain()[0]
        self.assertIn(self.company.currency_id.format(100), reason["reason"])
        self.assertEqual((reason["marker"], reason["outcome"]), ("amount", "unchecked"))

    def test_child_contact_pays_for_its_company(self):
        contact = self._create_customer("Child", parent_id=self.customer.id)
        invoice = self._create_invoice(contact, 100)
        self._create_invoice(self.customer, 1000, days=40)
        self._refund(self.customer, 100)
        self.assertEqual(self._codes(invoice), ["covered"])

    def test_company_currency_counts(self):
        self._create_invoice(self.customer, 1000, days=40)
        invoice = self._create_invoice(self.customer, 100)
        self._create_invoice(
            self.customer, 199, move_type="out_refund", currency_id=self.foreign.id
        )
        self.assertEqual(self._codes(invoice), [""])
        self._create_invoice(self.customer, 1, move_type="out_refund", currency_id=self.foreign.id)
        self.assertEqual(self._codes(invoice), ["covered"])

    def test_credit_note_of_a_paid_invoice_waits_and_an_applied_one_does_not(self):
        self._create_invoice(self.customer, 1000, days=40)
        paid, due = (self._create_invoice(self.customer, 100, days) for days in (-30, -10))
        receipt = self._unapplied_payment(self.customer, 100)
        self._items(paid | receipt.move_id).reconcile()
        self.assertEqual(self._codes(due), [""])
        refund = paid._reverse_moves([{"invoice_date": self.today}])
        refund.action_post()
        self.assertEqual(self._codes(due), ["covered"])
        self._items(refund | due).reconcile()
        self.assertFalse(due.amount_residual)

    def test_what_is_paid_without_entry_takes_no_credit(self):
        self._create_invoice(self.customer, 1000, days=40)
        paid, due = (self._create_invoice(self.customer, 100, days) for days in (-30, -10))
        payment = self._payment_in_process(paid, 100, days_ago=40)
        self.assertEqual((paid.payment_state, paid.amount_residual), ("paid", 100), payment)
        self._refund(self.customer, 100)
        self.assertEqual(self._codes(paid, due), ["paid", "covered"])

    def test_creditors_keep_their_rule_and_the_switch_is_off_where_it_is_off(self):
        invoice = self._create_invoice(self.customer, 100)
        self._refund(self.customer, 150)
        self.assertEqual(self._codes(invoice), ["creditor covered"])
        self.env.ref("dunning_exclusion.rule_covered").enabled = False
        self.assertEqual(self._codes(invoice), ["creditor"])

    def test_postponed_items_wait_their_turn(self):
        self._create_invoice(self.customer, 1000, days=40)
        postponed, due = (self._create_invoice(self.customer, 50, days) for days in (-30, -10))
        self._refund(self.customer, 50)
        postponed.dunning_due_date = self.today + timedelta(days=3)
        self.assertEqual(self._codes(postponed, due), ["", "covered"])

    def test_run_holds_back_and_does_not_count_what_is_covered(self):
        self.company.dunning_customer_minimum = 80
        old, new = (self._create_invoice(self.customer, 50, days) for days in (-30, -10))
        self._refund(self.customer, 50)
        run = self._create_run(scenario_ids=self.scenario.ids)
        lines = {line.move_id: line for line in run.line_ids}
        self.assertEqual(lines[old].rule_ids.mapped("code"), ["customer_minimum", "covered"])
        self.assertEqual(lines[new].rule_ids.mapped("code"), ["customer_minimum"])
        self.company.dunning_customer_minimum = 50
        self.assertEqual(self._codes(old, new), ["covered", ""])

    def test_statement_that_lists_the_credit_lists_what_it_covers(self):
        workflow = self.env["dunning.scenario"].create(
            {
                "name": "Statement",
                "company_id": self.company.id,
                "campaign_type": "customer",
                "level_ids": [Command.create({"name": "All", "type_id": self.type_overdue.id})],
            }
        )
        self._create_invoice(self.customer, 100, days=-30)
        self._create_invoice(self.customer, 50)
        self._refund(self.customer, 100)
        run = self._create_run(scenario_ids=workflow.ids)
        self.assertEqual(run.line_ids.mapped("outcome"), ["included"] * 3)
        run.action_send()
        self.assertEqual(run.notice_ids.amount, 50)

    def test_credit_that_came_in_since_is_seen_before_sending(self):
        self._create_invoice(self.customer, 1000, days=40)
        invoice, other = (
            self._create_invoice(self.customer),
            self._create_invoice(self.other_customer),
        )
        run = self._create_run(scenario_ids=self.scenario.ids)
        self.assertEqual(len(run.line_ids.filtered("checked")), 2)
        self._refund(self.customer, 100)
        run.action_send()
        lines = {line.move_id: line for line in run.line_ids}
        self.assertFalse(lines[invoice].notice_id)
        self.assertEqual(lines[invoice].rule_id.code, "covered")
        self.assertTrue(lines[other].notice_id)


@tagged("post_install", "-at_install")
class TestPaymentUnderWay(WaitingMoneyCommon):
    """Payments that somebody has only to match keep items from being reminded for some days."""

    def _age(self, days):
        return self.today - timedelta(days=days)

    def test_bank_lines_are_set_against_due_items_after_credits(self):
        for name, credit, receipts, items, expected in (
            ("nothing", 0, [], [100], [""]),
            ("exactly", 0, [100], [100], ["payment_under_way"]),
            ("in part", 0, [99.99], [100], [""]),
            ("two for two", 0, [60, 60], [50, 70, 10], ["payment_under_way"] * 2 + [""]),
            ("credits come first", 100, [100], [100, 100, 1], ["covered", "payment_under_way", ""]),
            ("both together", 50, [50], [100, 1], ["payment_under_way", ""]),
        ):
            with self.subTest(name):
                customer = self._fresh_customer()
                self._create_invoice(customer, 1000, days=40)
                invoices = [
                    self._create_invoice(customer, amount, days)
                    for days, amount in enumerate(items, start=-20)
                ]
                if credit:
                    self._refund(customer, credit)
                for receipt in receipts:
                    self._bank_line(receipt, partner=customer)
                self.assertEqual(self._codes(*invoices), expected)

    def test_bank_lines_that_do_not_count(self):
        invoice = self._create_invoice(self.customer, 100)
        self._create_invoice(self.customer, 1000, days=40)
        self._bank_line(100, partner=self.other_customer)
        self._bank_line(-100, partner=self.customer)
        self._bank_line(100, partner=self.customer, days_ago=11)
        self._bank_line(100)
        other_bank = self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.other_company.id)], limit=1
        )
        self._bank_line(
            100,
            invoice.name,
            self.customer,
            journal_id=other_bank.id,
            company_id=self.other_company.id,
        )
        self.assertEqual(self._codes(invoice), [""])
        matched = self._bank_line(100, invoice.name, self.customer)
        self.assertEqual(self._codes(invoice), ["payment_under_way"])
        line = matched.line_ids.filtered(
            lambda line: line.account_id == self.bank.suspense_account_id
        )
        line.account_id = self.company_data["default_account_revenue"]
        self.assertTrue(matched.is_reconciled)
        self.assertEqual(self._codes(invoice), [""])

    def test_few_bank_lines_are_all_read_for_many_customers(self):
        def has_few(customer_count):
            return waiting_money.has_few_lines(self.env, customer_count)

        waiting = SQL(waiting_money.UNMATCHED)
        query = SQL("SELECT COUNT(*) FROM account_bank_statement_line WHERE %s", waiting)
        [[count]] = self.env.execute_query(query)
        with patch.multiple(waiting_money, FEW_CUSTOMERS=2, LINES_PER_CUSTOMER=1):
            self.assertFalse(has_few(1))
            self.assertTrue(has_few(count + 2))
            self._bank_line(10)
            self._bank_line(20)
            self.env.flush_all()
            self.assertFalse(has_few(count + 2))
            self.assertTrue(has_few(count + 3))

    def test_days_lapse(self):
        invoice = self._create_invoice(self.customer, 100)
        self._bank_line(100, partner=self.customer, days_ago=10)
        self.assertEqual(self._codes(invoice), ["payment_under_way"])
        tomorrow = self.today + timedelta(days=1)
        self.assertEqual(self._reasons(invoice, tomorrow), [])
        reason = invoice.dunning_explain()[0]
        self.assertEqual((reason["since"], reason["until"]), (self._age(10), self.today))
        self.company.dunning_payment_days = 11
        self.assertEqual(self._reasons(invoice, tomorrow), ["payment_under_way"])
        self.company.dunning_payment_days = 0
        self.assertEqual(self._codes(invoice), [""])

    def test_text_names_the_invoice_as_a_whole_word(self):
        invoice = self._create_invoice(self.customer, 100)
        invoice.payment_reference = "+++084/4450/26456+++"
        name = invoice.name
        for text, found in (
            (name, True),
            (f"Invoice {name}, thank you.", True),
            (f"RE: ({name.lower()}).", True),
            (name.replace("/", ""), True),
            ("+++084/4450/26456+++", True),
            ("084445026456", True),
            ("0844 4502 6456", True),
            (f"{name}1", False),
            (f"X{name}", False),
            (f"{name}/2", False),
            ("1084445026456", False),
            (name[:-1], False),
            ("Thank you", False),
            ("", False),
        ):
            for field in ("payment_ref", "narration", "ref"):
                if field != "payment_ref" and text == "0844 4502 6456":
                    continue
                with self.subTest(text, field=field), self.env.cr.savepoint() as savepoint:
                    # A part of the amount is enough: who pays it must look at it.
                    self._bank_line(10, **{"text": "Transfer", field: text})
                    self.assertEqual(self._codes(invoice), ["payment_under_way"] if found else [""])
                    savepoint.rollback()

    def test_named_invoice_is_paid_first(self):
        self._create_invoice(self.customer, 1000, days=40)
        old, named, later = (self._create_invoice(self.customer, 100, days) for days in (-9, -5, 9))
        line = self._bank_line(100, named.name, self.customer)
        self.assertEqual(self._codes(old, named), ["", "payment_under_way"])
        line.amount = 200
        self.assertEqual(self._codes(old, named), ["payment_under_way"] * 2)
        line.payment_ref = later.name
        self.assertEqual(
            self._codes(old, named, later), ["payment_under_way", "", "payment_under_way"]
        )

    def test_line_without_customer_is_of_the_one_whose_invoice_it_names(self):
        old, named = (self._create_invoice(self.customer, 100, days) for days in (-9, -5))
        self._bank_line(200, named.name)
        self.assertEqual(self._codes(old, named), ["payment_under_way"] * 2)

    def test_line_without_customer_that_names_invoices_of_two(self):
        """Nobody knows who paid: it counts for both, whoever is asked about."""
        first, second = self._create_invoice(), self._create_invoice(self.other_customer)
        older = self._create_invoice(self.other_customer, days=-30)
        self._bank_line(200, f"{first.name} and {second.name}")
        self.assertEqual(self._codes(first, second, older), ["payment_under_way"] * 3)
        for invoice in (first, second, older):
            self.assertEqual(len(invoice.dunning_explain()), 1, "the line is said once")

    def test_very_long_texts_can_be_imported(self):
        self._bank_line(10, "1" * 9000, narration="é1" * 9000, ref="2" * 9000)
        self._create_invoice(self.customer, 100, payment_reference="3" * 9000)
        self.env.flush_all()

    def test_payment_in_process_counts_for_its_invoice(self):
        invoice, other = self._create_invoice(), self._create_invoice()
        payment = self._payment_in_process(invoice, 40, days_ago=10)
        # Odoo shows the invoice as paid, whatever the amount.
        self.assertEqual((invoice.payment_state, invoice.amount_residual), ("paid", 100))
        self.assertEqual(self._codes(invoice, other), ["paid payment_under_way", ""])
        words = invoice.dunning_explain()[1]["reason"]
        self.assertIn(self.company.currency_id.format(40), words)
        payment.date = self._age(11)
        self.assertEqual(self._codes(invoice), ["paid"])
        payment.date = self.today
        payment.action_validate()
        self.assertEqual(payment.state, "paid")
        self.assertEqual(self._codes(invoice), ["paid"], "it is settled")

    def test_payments_that_do_not_count(self):
        for name, values, change in (
            ("draft", {}, lambda payment: payment.action_draft()),
            ("cancelled", {}, lambda payment: payment.action_cancel()),
            ("rejected", {}, lambda payment: payment.action_reject()),
            ("sent out", {"payment_type": "outbound"}, lambda payment: payment),
        ):
            with self.subTest(name):
                invoice = self._create_invoice(self._fresh_customer(), 100)
                change(self._payment_in_process(invoice, 100, **values))
                self.assertNotIn("payment_under_way", self._codes(invoice)[0])

    def test_payment_in_another_currency_names_its_amount_in_it(self):
        invoice = self._create_invoice(self.customer, 100)
        self._payment_in_process(invoice, 200, currency_id=self.foreign.id)
        self.assertIn("payment_under_way", self._codes(invoice)[0])
        words = invoice.dunning_explain()[-1]["reason"]
        self.assertIn(self.foreign.format(200), words)

    def test_matched_payment_of_a_part_holds_nothing_back(self):
        invoice = self._create_invoice(self.customer, 100)
        payment = self._pay(invoice, 60)
        self.assertEqual((payment.state, payment.is_reconciled), ("in_process", True))
        self.assertEqual(self._codes(invoice), [""])

    def test_foreign_bank_line_counts_in_company_currency(self):
        invoice = self._create_invoice(self.customer, 100)
        line = self._bank_line(
            100, partner=self.customer, foreign_currency_id=self.foreign.id, amount_currency=200
        )
        self.assertEqual(self._codes(invoice), ["payment_under_way"])
        self.assertIn(
            self.company.currency_id.format(100), invoice.dunning_explain()[0]["reason"], line
        )

    def test_all_agree_when_everybody_is_screened(self):
        first, second, third = (self._create_invoice(self.customer, 100, d) for d in (-9, -8, -7))
        self._create_invoice(self.other_customer, 70)
        self._bank_line(50, third.name)
        self._bank_line(150, partner=self.customer)
        expected = ["payment_under_way", "", "payment_under_way"]
        self.assertEqual(self._codes(first, second, third), expected)
        run = self._create_run(scenario_ids=self.scenario.ids)
        codes = {line.move_id: line.rule_id.code or "" for line in run.line_ids}
        self.assertEqual([codes[move] for move in (first, second, third)], expected)

    def test_returned_payment_ends_the_automatic_payment(self):
        method = self.company_data["default_journal_bank"].inbound_payment_method_line_ids[:1]
        method.dunning_automatic = True
        for way in ("action_draft", "action_reject"):
            with self.subTest(way):
                invoice = self._create_invoice(self.customer, 100)
                invoice.preferred_payment_method_line_id = method
                self.assertEqual(self._codes(invoice), ["automatic_payment"])
                payment = self._payment_in_process(invoice, 100)
                self.assertFalse(invoice.dunning_collection_failed)
                getattr(payment, way)()
                self.assertTrue(invoice.dunning_collection_failed)
                self.assertEqual(self._codes(invoice), [""])
        draft = self.env["account.payment"].create({"amount": 5, "journal_id": self.bank.id})
        draft.action_draft()


@tagged("post_install", "-at_install")
class TestBankOfTheParent(BranchesCommon):
    """A branch uses the bank of its parent: what comes in there counts for it, too."""

    def _invoices(self, customer):
        """Return an invoice of the parent, of the branch and of its sibling."""
        companies = self.company, self.branch, self.sibling
        return [self._create_invoice(customer, 100, company_id=one.id) for one in companies]

    def test_line_of_the_customer_counts_for_all_branches(self):
        invoices = self._invoices(self.customer)
        self._bank_line(100, partner=self.customer)
        self.assertEqual(self._codes(*invoices), ["payment_under_way"] * 3)

    def test_line_of_a_branch_counts_for_that_branch_only(self):
        invoices = self._invoices(self.customer)
        line = self._bank_line(100, partner=self.customer, company_id=self.branch.id)
        self.assertEqual(line.company_id, self.branch)
        self.assertEqual(self._codes(*invoices), ["", "payment_under_way", ""])

    def test_text_names_an_invoice_of_a_branch(self):
        invoices = self._invoices(self.customer)
        self._bank_line(30, f"Part of {invoices[1].name}")
        self.assertEqual(self._codes(*invoices), ["", "payment_under_way", ""])

    def test_line_without_customer_pays_nothing_where_it_names_nothing(self):
        invoices = self._invoices(self.customer)
        self._bank_line(300, f"Thanks for {invoices[1].name}")
        self.assertEqual(self._codes(*invoices), ["", "payment_under_way", ""])

    def test_days_of_the_branch_count(self):
        invoices = self._invoices(self.customer)
        self._bank_line(100, partner=self.customer, days_ago=5)
        self.branch.dunning_payment_days = 3
        self.assertEqual(self._codes(*invoices), ["payment_under_way", "", "payment_under_way"])
