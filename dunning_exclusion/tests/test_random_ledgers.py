from datetime import timedelta
from random import Random
from typing import NamedTuple

from odoo.tests import tagged

from .test_simulation import seeds
from .test_waiting_money import BranchesCommon

RULES = {"covered", "payment_under_way"}


class Item(NamedTuple):
    """What a person knows of an installment; `due` is the day on which it counts as due."""

    customer: object
    company: object
    amount: float
    due: object
    invoice: object


class Receipt(NamedTuple):
    """A line at the bank of a company, and the invoices that its text names."""

    payer: object
    bank: object
    amount: float
    age: int
    named: list


@tagged("post_install", "-at_install")
class TestRandomLedgers(BranchesCommon):
    """On random ledgers the rules find what a person finds who goes through the open items.

    The company has a branch, that one has a branch of its own, and there is a second branch. A
    failure names its seed: `DUNNING_SEEDS=17:18 ./dev test test_random_ledgers` repeats it.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        below = cls.env["res.company"].create({"name": "Below", "parent_id": cls.branch.id})
        cls.env.cr.flush()
        cls.companies |= below
        cls.env.user.company_ids |= below
        cls.env = cls.env(context=dict(cls.env.context, allowed_company_ids=cls.companies.ids))
        cls.companies = cls.companies.with_env(cls.env)
        cls.term = cls._create_term(0, 4)

    # The ledger -------------------------------------------------------------------------------

    def _make_ledger(self, chance):
        """Create random documents; note what a person knows of them."""
        for company in self.companies:
            company.dunning_payment_days = chance.choice([10, 10, 10, 3, 0])
        self.customers = [self._fresh_customer().with_env(self.env) for _number in range(2)]
        self.payers = [*self.customers, self._create_customer("C", parent_id=self.customers[0].id)]
        self.items, self.credits, self.receipts, self.payments = {}, [], [], []
        for _number in range(chance.randint(5, 9)):
            self._make_invoice(chance)
        for _number in range(chance.randint(0, 3)):
            payer, company = chance.choice(self.payers), chance.choice(self.companies)
            amount = chance.choice([5, 10, 40, 60])
            self._create_invoice(payer, amount, move_type="out_refund", company_id=company.id)
            self.credits.append((payer.commercial_partner_id, company, amount))
        for _number in range(chance.randint(0, 4)):
            self._make_receipt(chance)
        if chance.random() < 0.4:
            self._make_payment(chance)

    def _make_invoice(self, chance):
        payer, company = chance.choice(self.payers), chance.choice(self.companies)
        days, amount = chance.randint(-6, 3), chance.choice([10, 20, 30, 50])
        term = self.term if chance.random() < 0.3 else self.term.browse()
        values = {"company_id": company.id, "invoice_payment_term_id": term.id}
        if term:
            values["invoice_date"] = self.today + timedelta(days=days)
        invoice = self._create_invoice(payer, amount, days, **values)
        postponed = None
        if chance.random() < 0.2:
            postponed = self.today + timedelta(days=chance.randint(-6, 3))
            invoice.dunning_due_date = postponed
        for line in self._items(invoice):
            due = max(line.date_maturity, postponed or line.date_maturity)
            customer, open_amount = payer.commercial_partner_id, line.amount_residual
            self.items[line] = Item(customer, company, open_amount, due, invoice)

    def _make_receipt(self, chance):
        payer, bank = chance.choice([*self.payers, None]), chance.choice(self.companies)
        amount, age = chance.choice([10, 20, 45, 80]), chance.choice([0, 2, 3, 4, 10, 11])
        invoices = list({item.invoice: None for item in self.items.values()})
        named = chance.sample(invoices, chance.choice([0, 0, 1, 1, 2]))
        ending = chance.choice(["", "", "", "7"])
        text = " and ".join(f"{invoice.name}{ending}" for invoice in named)
        self._bank_line(amount, f"paid: {text}.", payer, age, company_id=bank.id)
        customer = payer and payer.commercial_partner_id
        self.receipts.append(Receipt(customer, bank, amount, age, [] if ending else named))

    def _make_payment(self, chance):
        """Let a payment of one of the invoices be in process; Odoo then calls it paid."""
        item, age = chance.choice(list(self.items.values())), chance.choice([0, 3, 4, 10, 11])
        self._payment_in_process(item.invoice, 10, age)
        self.payments.append((item.invoice, age))

    # Reading it -------------------------------------------------------------------------------

    def _read(self):
        """Return {item: reasons}, found by paying one item after the other."""
        reasons = {line: set() for line in self.items}
        for company in self.companies:
            days = company.dunning_payment_days
            receipts = [
                receipt
                for receipt in self.receipts
                if receipt.bank in company | company.parent_ids and days and receipt.age <= days
            ]
            named = {
                invoice
                for receipt in receipts
                for invoice in receipt.named
                if invoice.company_id == company
            }
            paid = {invoice for invoice, age in self.payments if days and age <= days}
            for line, item in self.items.items():
                if item.company == company and item.invoice in named | paid:
                    reasons[line].add("payment_under_way")
            for customer in self.customers:
                self._read_queue(company, customer, receipts, named, reasons)
        return reasons

    def _read_queue(self, company, customer, receipts, named, reasons):
        settled = {invoice for invoice, _age in self.payments}
        mine = sorted(
            (item.due, line.id, line)
            for line, item in self.items.items()
            if (item.customer, item.company) == (customer, company) and item.invoice not in settled
        )
        credits = left = sum(
            amount for owner, where, amount in self.credits if (owner, where) == (customer, company)
        )
        for due, _id, line in mine:
            if due <= self.today:
                left -= self.items[line].amount
                if left >= 0:
                    reasons[line].add("covered")
        at_bank = sum(
            receipt.amount for receipt in receipts if customer in self._payers_of(receipt, company)
        )
        left = credits + at_bank
        for due, _id, line in sorted(mine, key=lambda row: row[2].move_id not in named):
            if due > self.today and line.move_id not in named:
                continue
            left -= self.items[line].amount
            if left >= 0 and due <= self.today and at_bank and "covered" not in reasons[line]:
                reasons[line].add("payment_under_way")

    def _payers_of(self, receipt, company):
        """Return who may have paid: the customer of the line, else those whose invoices it names.

        Which invoices of other companies it names is not known in this one.
        """
        if receipt.payer:
            return receipt.payer
        return {
            invoice.commercial_partner_id
            for invoice in receipt.named
            if invoice.company_id == company
        }

    # Comparing --------------------------------------------------------------------------------

    def _found(self):
        """Return {way of asking: {item: reasons}}."""
        self.env.flush_all()
        self.env.invalidate_all()
        moves = self.env["account.move"].union(*(item.invoice for item in self.items.values()))
        screening = self.env["dunning.screening"]
        everybody = screening.search([("company_id", "in", self.companies.ids)])
        ways = {
            "everybody": {line.move_line_id: line.rule_ids for line in everybody},
            "one company": {},
            "few customers": self._screened(moves, "rule_ids"),
            "explained": {},
        }
        for company in self.companies:
            alone = screening.with_context(allowed_company_ids=company.ids)
            for line in alone.search([("company_id", "=", company.id)]):
                ways["one company"][line.move_line_id] = line.rule_ids
        found = {
            way: {line: RULES.intersection(lines[line].mapped("code")) for line in self.items}
            for way, lines in ways.items()
            if lines
        }
        found["explained"] = {line: RULES.intersection(self._reasons(line)) for line in self.items}
        return found

    def test_rules_find_what_a_person_finds(self):
        kinds = set()
        for seed in seeds(6):
            with self.subTest(seed=seed), self.env.cr.savepoint() as savepoint:
                self._make_ledger(Random(seed))
                expected = self._read()
                for way, found in self._found().items():
                    self.assertEqual(found, expected, f"{way}, seed {seed}: {self._story()}")
                kinds = kinds.union(*expected.values())
                savepoint.rollback()
        self.assertTrue(kinds)

    def _story(self):
        """Return the ledger in words, for somebody who looks for what went wrong."""
        rows = [f"{one.name}: {one.dunning_payment_days} days" for one in self.companies]
        rows += [
            f"{line}: {item.invoice.name} of {item.company.name}, {item.customer.name}, "
            f"{item.amount} due {item.due}"
            for line, item in self.items.items()
        ]
        rows += [
            f"credit of {who.name} in {where.name}: {what}" for who, where, what in self.credits
        ]
        rows += [
            f"at the bank of {one.bank.name}, {one.age} days ago: {one.amount} of "
            f"{one.payer and one.payer.name}, names {[move.name for move in one.named]}"
            for one in self.receipts
        ]
        rows += [
            f"payment in process of {move.name}, {age} days ago" for move, age in self.payments
        ]
        return "\n".join(rows)
