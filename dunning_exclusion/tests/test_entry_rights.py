from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import tagged

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestEntryRights(DunningCommon):
    """Who chases customers sees what customers owe, not the whole ledger."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        accounts = cls.company_data
        receivable = accounts["default_account_receivable"]
        expense = accounts["default_account_expense"]
        cls.invoice = cls._create_invoice()
        cls.payment_entry = cls._pay(cls._create_invoice()).move_id
        cls.opening = cls._create_entry(receivable, accounts["default_account_revenue"])
        cls.salaries = cls._create_entry(expense, accounts["default_account_payable"])
        cls.bill = cls._create_invoice(move_type="in_invoice")
        cls.entries = cls.invoice | cls.payment_entry | cls.opening | cls.salaries | cls.bill

    @classmethod
    def _create_entry(cls, debit, credit):
        lines = [
            Command.create({"account_id": account.id, "balance": balance})
            for account, balance in ((debit, 100), (credit, -100))
        ]
        lines[0][2]["partner_id"] = cls.customer.id
        entry = cls.env["account.move"].create({"move_type": "entry", "line_ids": lines})
        entry.action_post()
        return entry

    def _seen(self, group):
        """Return the entries and the items that a user of a group finds."""
        self.env.invalidate_all()
        user = self._create_user(group, group)
        domain = [("id", "in", self.entries.ids)]
        lines = [("move_id", "in", self.entries.ids)]
        entries = self.env["account.move"].with_user(user).search(domain)
        return entries, self.env["account.move.line"].with_user(user).search(lines)

    def test_follow_up_users_see_what_customers_owe(self):
        for group in ("user", "approver", "manager"):
            with self.subTest(group=group):
                entries, lines = self._seen(f"dunning_exclusion.group_dunning_{group}")
                self.assertEqual(entries, self.invoice | self.payment_entry | self.opening)
                others = self.payment_entry | self.opening
                self.assertEqual(lines, self.invoice.line_ids | self._items(others))
                self.assertTrue(all(lines.move_id.mapped("display_name")))
                with self.assertRaises(AccessError):
                    self.salaries.with_env(entries.env).read(["name"])
                with self.assertRaises(AccessError):
                    self.bill.line_ids.with_env(entries.env).read(["balance"])

    def test_accounting_users_lose_nothing(self):
        for group in ("invoice", "readonly", "basic", "user", "manager"):
            with self.subTest(group=group):
                entries, lines = self._seen(f"account.group_account_{group}")
                self.assertEqual(entries, self.entries)
                self.assertEqual(lines, self.entries.line_ids)

    def test_opening_balance_is_worked_like_an_invoice(self):
        user = self._create_user("collector", "dunning_exclusion.group_dunning_user")
        item = self._items(self.opening).with_user(user)
        item.action_dunning_stop()
        self.assertTrue(item.dunning_stop)
        self.assertEqual(item.dunning_explain()[0]["rule"], "stop_item")
        panel = item.env["dunning.panel"].read_panel("res.partner", self.customer.id)
        self.assertIn(self.opening.id, [row["move_id"] for row in panel["items"]])
