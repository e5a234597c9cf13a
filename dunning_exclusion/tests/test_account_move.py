from datetime import timedelta

from lxml import etree

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import DunningCommon, OutcomeCommon
from .test_dunning_mixin import FLAGS


@tagged("post_install", "-at_install")
class TestEntries(DunningCommon):
    """Entries with several customers are held for each of them, and customer by customer."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tomorrow = cls.today + timedelta(days=1)

    def _entry_of_two_customers(self):
        """Return an entry without customer of its own, as opening balances are."""
        receivable = self.company_data["default_account_receivable"]
        lines = [
            {"partner_id": self.customer.id, "debit": 60, "account_id": receivable.id},
            {"partner_id": self.other_customer.id, "debit": 40, "account_id": receivable.id},
            {"credit": 100, "account_id": self.company_data["default_account_revenue"].id},
        ]
        entry = self.env["account.move"].create(
            {"move_type": "entry", "line_ids": [Command.create(line) for line in lines]}
        )
        entry.action_post()
        return entry

    def test_entry_is_held_for_each_of_its_customers(self):
        entry, neighbour = self._entry_of_two_customers(), self._create_invoice()
        self.assertFalse(entry.partner_id)
        (entry | neighbour).action_dunning_stop()
        self.assertTrue(neighbour.dunning_stop)
        self.assertEqual(entry.dunning_block_ids.partner_id, self.customer | self.other_customer)
        for name in FLAGS.values():
            with self.subTest(field=name):
                found = [("id", "=", entry.id), (name, "=", True)]
                entry[name] = True
                entry[name] = True
                active = entry.dunning_block_ids.filtered(lambda block: block.state == "active")
                self.assertEqual(len(active), 2)
                self.assertTrue(entry[name])
                self.assertEqual(entry.search(found), entry)
                self.assertTrue(all(self._items(entry).mapped(name)))
                active[0].action_lift()
                self.assertFalse(entry[name], "one of the customers is reminded")
                self.assertFalse(entry.search(found))
                entry[name] = True
                self.assertTrue(entry[name])
                self.assertEqual(active.mapped("state"), ["lifted", "active"])
                entry[name] = False
                self.assertFalse(any(self._items(entry).mapped(name)))

    def test_block_on_an_entry_needs_one_of_its_customers(self):
        entry = self._entry_of_two_customers()
        with self.assertRaisesRegex(ValidationError, "'Customer'"):
            self.env["dunning.block"].create({"move_id": entry.id})
        entry.button_draft()
        entry.line_ids.filtered("partner_id").partner_id = self.customer
        block = self.env["dunning.block"].create({"move_id": entry.id})
        self.assertEqual(block.partner_id, self.customer)

    def test_entry_is_held_by_a_customer_and_an_item(self):
        entry = self._entry_of_two_customers()
        mine, theirs = self._items(entry).sorted("debit", reverse=True)
        self.env["dunning.block"].create({"partner_id": self.customer.id, "move_id": entry.id})
        theirs.dunning_stop = True
        self.assertTrue(entry.dunning_stop)
        self.assertTrue(mine.dunning_stop)
        self.assertTrue(entry.search([("id", "=", entry.id), ("dunning_stop", "=", True)]))

    def test_dialog_pauses_an_entry_for_each_of_its_customers(self):
        entry = self._entry_of_two_customers()
        action = entry.action_dunning_pause()
        dialog = Form(self.env[action["res_model"]].with_context(**action["context"]))
        dialog.date_to = self.tomorrow
        dialog.save().action_apply()
        self.assertEqual(entry.dunning_pause_until, self.tomorrow)
        self.assertEqual(len(entry.dunning_block_ids), 2)
        entry.dunning_pause_until = self.today
        self.assertEqual(set(entry.dunning_block_ids.mapped("date_to")), {self.today})

    def test_entry_with_two_customers_is_held_customer_by_customer(self):
        entry = self._entry_of_two_customers()
        mine, theirs = self._items(entry).sorted("debit", reverse=True)
        self.env["dunning.block"].create(
            {"partner_id": self.customer.id, "move_id": entry.id, "kind": "stop"}
        )
        self.assertTrue(mine.dunning_stop)
        self.assertFalse(theirs.dunning_stop)
        self.assertEqual(self._screened(entry), {mine: "unchecked", theirs: "included"})
        theirs.dunning_stop = True
        theirs.dunning_stop = False
        self.assertTrue(mine.dunning_stop)


@tagged("post_install", "-at_install")
class TestEntryRights(OutcomeCommon):
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
        panel = self.customer.with_env(item.env).dunning_panel()
        self.assertIn(self.opening.id, [row["move_id"] for row in panel["items"]])

    def test_follow_up_users_read_no_balances_of_banks(self):
        user = self._create_user("collector", "dunning_exclusion.group_dunning_user")
        bank = self.company_data["default_journal_bank"].with_user(user)
        for name in ("kanban_dashboard", "current_statement_balance", "bank_acc_number", "name"):
            with self.subTest(field=name), self.assertRaises(AccessError):
                bank.read([name])
        self.assertNotIn(bank, bank.search([]))
        self.assertIn(self.company_data["default_journal_sale"], bank.search([]))

    def test_other_rights_on_journals_are_kept(self):
        """Somebody who may also see journals by another right sees all of them."""
        group = self.env["res.groups"].create({"name": "Another right"})
        user = self._create_user("both", "dunning_exclusion.group_dunning_user")
        self.assertTrue(user._dunning_reads_by_follow_up_only("account.journal"))
        self.env["ir.model.access"].sudo().create(
            {
                "name": "journals",
                "model_id": self.env["ir.model"]._get_id("account.journal"),
                "group_id": group.id,
                "perm_read": True,
            }
        )
        user.group_ids |= group
        accountant = self._create_user("accountant", "account.group_account_invoice")
        bank = self.company_data["default_journal_bank"]
        for somebody in (user, accountant):
            self.assertTrue(bank.with_user(somebody).name)

    def test_follow_up_users_open_what_customers_owe(self):
        """Everything that the form of an entry shows can be read, whatever journal it is in."""
        user = self._create_user("collector", "dunning_exclusion.group_dunning_user")
        for entry in (self.invoice, self.payment_entry, self.opening):
            mine = entry.with_user(user)
            view = etree.fromstring(mine.get_view(view_type="form")["arch"])
            names = {
                node.get("name")
                for node in view.iter("field")
                if not list(node.iterancestors("field"))
            }
            self.assertGreater(len(names), 50)
            for name in sorted(names):
                self.env.invalidate_all()
                with self.subTest(entry=entry.name, field=name):
                    mine.read([name])

    def test_errors_do_not_tell_the_names_of_what_may_not_be_read(self):
        """Targets are checked before they are named: salaries, and what other companies have."""
        user = self._create_user("collector", "dunning_exclusion.group_dunning_user")
        invoice = self._invoice_of_other_company(self.customer)
        invoice.name = self.salaries.name = "SECRET/1"
        item = self._items(invoice)
        foreign = self._create_customer("SECRET", company_id=self.other_company.id)
        scenario = self.scenario.copy({"name": "SECRET", "company_id": self.other_company.id})
        block = self.customer._dunning_block("stop")
        promise = self.env["dunning.promise"].create({"partner_id": self.customer.id})
        mine = {"partner_id": self.customer.id}
        run = {"date": self.today}
        attempts = [
            ("dunning.block", {**mine, "move_id": invoice.id}),
            ("dunning.block", {**mine, "move_id": self.salaries.id}),
            ("dunning.block", {**mine, "move_line_id": item.id}),
            ("dunning.block", {"partner_id": foreign.id}),
            ("dunning.promise", {**mine, "move_line_ids": item.ids}),
            ("dunning.promise", {**mine, "move_line_ids": [Command.link(item.id)]}),
            ("dunning.promise", {**mine, "move_line_ids": self.salaries.line_ids.ids}),
            ("dunning.run", {"scenario_ids": scenario.ids}),
        ]
        records = {"dunning.block": block, "dunning.promise": promise}
        for model, vals in attempts:
            Model = self.env[model].with_user(user)
            defaults = {f"default_{name}": value for name, value in vals.items()}
            ways = [
                lambda m=Model, v=vals: m.create(v),
                lambda m=Model, d=defaults: m.with_context(**d).create(
                    dict(run if m._name == "dunning.run" else mine)
                ),
            ]
            if model in records:
                ways.append(lambda m=Model, v=vals: records[m._name].with_env(m.env).write(v))
            for number, way in enumerate(ways):
                with self.subTest(model=model, vals=vals, way=number):
                    with self.assertRaises(AccessError) as caught, self.env.cr.savepoint():
                        way()
                    self.assertNotIn("SECRET", str(caught.exception))

    def test_scenario_of_another_company_is_not_named(self):
        user = self._create_user(
            "sales", "dunning_exclusion.group_dunning_user", "base.group_partner_manager"
        )
        scenario = self.scenario.copy({"name": "SECRET", "company_id": self.other_company.id})
        with self.assertRaises(AccessError) as caught, self.env.cr.savepoint():
            self.customer.with_user(user).dunning_scenario_id = scenario.id
        self.assertNotIn("SECRET", str(caught.exception))

    def test_types_are_not_switched_for_a_customer_who_may_not_be_read(self):
        """A contact that is shared may belong to a customer of another company."""
        user = self._create_user("collector", "dunning_exclusion.group_dunning_user")
        foreign = self._create_customer("Foreign", company_id=self.other_company.id)
        contact = self.env["res.partner"].create({"name": "Contact", "parent_id": foreign.id})
        self.env.flush_all()
        self.env.cr.execute("UPDATE res_partner SET company_id = NULL WHERE id = %s", [contact.id])
        contact.invalidate_recordset()
        mine = contact.with_user(user)
        self.assertTrue(mine.name)
        with self.assertRaises(AccessError):
            mine.action_dunning_toggle_type(self.type_overdue.id, False)
        self.assertFalse(foreign.dunning_type_off_ids)

    def test_targets_that_are_no_ids_are_refused(self):
        for nonsense in ("1", [1], 2**70, True, -1):
            with self.subTest(partner_id=nonsense), self.assertRaisesRegex(UserError, "ids"):
                self.env["dunning.run"].create({"type_id": nonsense})
