from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import Form, HttpCase, tagged
from odoo.tools import SQL

from ..screening import question, statement
from .common import DunningCommon, OutcomeCommon

FLAGS = {"stop": "dunning_stop", "pause": "dunning_pause", "prevent": "prevent_dunning"}


@tagged("post_install", "-at_install")
class TestPlainFields(OutcomeCommon):
    """Blocks set, read and found through plain fields, as imports and API clients do."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.child = cls.env["res.partner"].create({"name": "Child", "parent_id": cls.customer.id})
        cls.invoice = cls._create_invoice()
        cls.item = cls._items(cls.invoice)
        cls.tomorrow = cls.today + timedelta(days=1)

    def _targets(self):
        return (self.customer, self.child, self.invoice, self.item)

    def test_fields_are_described_where_they_are_inherited_too(self):
        models = ("account.move", "account.move.line", "res.partner")
        for model in (*models, "res.users", "account.bank.statement.line"):
            with self.subTest(model=model):
                described = self.env[model].fields_get(["dunning_stop", "dunning_outcome"])
                for field in described.values():
                    self.assertEqual((field["sortable"], field["groupable"]), (False, False))
                self.assertEqual(len(described), 2)

    def test_setting_creates_one_block_and_clearing_lifts_it(self):
        for target in self._targets():
            for kind, name in FLAGS.items():
                with self.subTest(target=target, kind=kind):
                    before = target.dunning_block_ids
                    target[name] = True
                    target[name] = True
                    target.write({name: True})
                    block = target.dunning_block_ids - before
                    self.assertEqual(len(block), 1)
                    self.assertEqual((block.kind, block.state), (kind, "active"))
                    self.assertEqual(block.partner_id, self.customer)
                    self.assertEqual(block.user_id, self.env.user)
                    self.assertTrue(target[name])
                    target[name] = False
                    self.assertFalse(target[name])
                    self.assertEqual(block.state, "lifted")
                    self.assertEqual(block.lifted_on, self.today)
                    self.assertEqual(block.lifted_by_id, self.env.user)
                    self.assertIn(block, target.dunning_block_ids, "the history stays")

    def test_pause_until(self):
        for target in self._targets():
            with self.subTest(target=target):
                target.dunning_pause_until = self.tomorrow
                self.assertTrue(target.dunning_pause)
                block = target.dunning_block_ids.filtered(lambda b: b.state == "active")
                later = self.today + timedelta(days=9)
                target.write({"dunning_pause": True, "dunning_pause_until": later})
                self.assertEqual(target.dunning_pause_until, later)
                self.assertEqual(block.date_to, later, "the same pause, prolonged")
                target.dunning_pause_until = False
                self.assertFalse(target.dunning_pause)
                target.write({"dunning_pause_until": self.tomorrow, "dunning_pause": True})
                self.assertEqual(target.dunning_pause_until, self.tomorrow)
                target.dunning_pause = False
                self.assertFalse(target.dunning_pause_until)
                target.dunning_pause = True
                month = self.today + timedelta(days=30)
                self.assertEqual(target.dunning_pause_until, month, "every pause has an end")
                target.dunning_pause_until = self.tomorrow
                self.assertEqual(target.dunning_pause_until, self.tomorrow)
                target.action_dunning_resume()
                self.assertFalse(target.dunning_pause)

    def test_several_fields_at_once(self):
        values = {
            "dunning_stop": True,
            "prevent_dunning": True,
            "dunning_pause_until": self.tomorrow,
        }
        created = self.env["res.partner"].create({"name": "Imported", **values})
        self.other_customer.write(values)
        for partner in (created, self.other_customer):
            self.assertRecordValues(partner, [{**values, "dunning_pause": True}])
            self.assertEqual(len(partner.dunning_block_ids), 3)
        partner.write(dict.fromkeys(values, False))
        self.assertFalse(partner.dunning_block_ids.filtered(lambda b: b.state == "active"))

    def test_import_sets_fields_by_name(self):
        rows = [["Imported", "1", str(self.tomorrow)], ["Free", "", ""]]
        result = self.env["res.partner"].load(
            ["name", "prevent_dunning", "dunning_pause_until"], rows
        )
        imported, free = self.env["res.partner"].browse(result["ids"])
        self.assertTrue(imported.prevent_dunning)
        self.assertEqual(imported.dunning_pause_until, self.tomorrow)
        self.assertFalse(free.dunning_block_ids)

    def test_search_finds_customers_with_their_contacts(self):
        family = self.customer | self.child
        both = family | self.other_customer
        mine = [("id", "in", both.ids)]
        Partner = self.env["res.partner"]
        for kind, name in FLAGS.items():
            with self.subTest(field=name):
                self.child._dunning_block(kind)
                self.assertEqual(Partner.search([*mine, (name, "=", True)]), family)
                self.assertEqual(Partner.search([*mine, (name, "!=", False)]), family)
                for negative in ((name, "=", False), (name, "!=", True), (name, "in", [False])):
                    self.assertEqual(Partner.search([*mine, negative]), self.other_customer)
                self.assertEqual(Partner.search([*mine, "!", (name, "=", True)]), both - family)
                self.assertEqual(Partner.search([*mine, (name, "in", [True, False])]), both)

    def test_search_by_end_of_pause(self):
        mine = [("id", "in", (self.customer | self.other_customer).ids)]
        Partner = self.env["res.partner"]
        self.customer.dunning_pause_until = self.tomorrow
        for condition, found in (
            (("dunning_pause_until", "=", self.tomorrow), self.customer),
            (("dunning_pause_until", "=", self.today), Partner),
            (("dunning_pause_until", "<=", self.tomorrow), self.customer),
            (("dunning_pause_until", ">", self.tomorrow), Partner),
            (("dunning_pause_until", "=", False), self.other_customer),
            (("dunning_pause_until", "!=", False), self.customer),
        ):
            with self.subTest(condition=condition):
                self.assertEqual(Partner.search([*mine, condition]), found)

    def test_search_on_invoices_and_items(self):
        neighbour = self._create_invoice()
        moves, items = self.invoice | neighbour, self._items(self.invoice | neighbour)
        self.invoice.dunning_stop = True
        for records in (moves, items):
            held = records[records.mapped("dunning_stop").index(True)]
            self.assertEqual(
                records.search([("id", "in", records.ids), ("dunning_stop", "=", True)]), held
            )
            self.assertEqual(
                records.search([("id", "in", records.ids), ("dunning_stop", "=", False)]),
                records - held,
            )
        self.assertFalse(self.customer.dunning_stop)

    def test_invoice_is_held_when_all_its_instalments_are(self):
        term = self._create_term(0, 10)
        invoice = self._create_invoice(invoice_date_due=False, invoice_payment_term_id=term.id)
        first, second = self._items(invoice)
        found = [("id", "=", invoice.id), ("dunning_stop", "=", True)]
        first.dunning_stop = True
        self.assertFalse(invoice.dunning_stop)
        self.assertFalse(invoice.search(found))
        second.dunning_stop = True
        self.assertTrue(invoice.dunning_stop)
        self.assertEqual(invoice.search(found), invoice)
        invoice.dunning_stop = False
        self.assertFalse(first.dunning_stop or second.dunning_stop)
        first.dunning_stop = True
        invoice.dunning_stop = True
        self.assertTrue(second.dunning_stop)
        invoice.action_dunning_resume()
        self.assertFalse(first.dunning_stop)

    def test_flags_are_kept_company_by_company(self):
        elsewhere = self.customer.with_company(self.other_company)
        elsewhere.dunning_stop = True
        self.assertTrue(elsewhere.dunning_stop)
        self.assertFalse(self.customer.dunning_stop)
        self.assertFalse(self.customer.dunning_block_ids)
        found = [("id", "=", self.customer.id), ("dunning_stop", "=", True)]
        self.assertFalse(self.customer.search(found))
        self.assertTrue(elsewhere.search(found))
        self.customer.dunning_stop = True
        elsewhere.dunning_stop = False
        self.assertTrue(self.customer.dunning_stop)

    def test_invoice_of_another_company_keeps_its_flags_whatever_is_chosen(self):
        invoice = self._invoice_of_other_company(self.customer)
        here = invoice.with_company(self.company).with_context(
            allowed_company_ids=(self.company | self.other_company).ids
        )
        here.dunning_stop = True
        here.dunning_stop = True
        self.assertEqual(len(here.dunning_block_ids), 1)
        self.assertEqual(here.dunning_block_ids.company_id, self.other_company)
        alone = invoice.sudo().with_context(allowed_company_ids=self.company.ids)
        alone.action_dunning_stop()
        self.assertEqual(len(here.dunning_block_ids), 1)

    def test_invoice_form_sets_and_clears_blocks(self):
        view = self.env["ir.ui.view"].create(
            {
                "name": "flags",
                "model": "account.move",
                "arch": """<form><field name="dunning_stop"/><field name="dunning_pause_until"/>
                           <field name="dunning_outcome"/></form>""",
            }
        )
        with Form(self.invoice, view) as form:
            form.dunning_stop = True
            form.dunning_pause_until = self.tomorrow
        self.assertEqual(len(self.invoice.dunning_block_ids), 2)
        with Form(self.invoice, view) as form:
            form.dunning_stop = False
        self.assertFalse(self.invoice.dunning_stop)
        self.assertTrue(self.invoice.dunning_pause)

    def test_copies_and_credit_notes_inherit_nothing(self):
        self.invoice.write({"prevent_dunning": True, "dunning_due_date": self.tomorrow})
        copy = self.invoice.copy()
        refund = self.invoice._reverse_moves()
        for move in copy | refund:
            self.assertFalse(move.prevent_dunning or move.dunning_block_ids)
            self.assertFalse(move.dunning_due_date)
        self.customer.dunning_stop = True
        self.assertFalse(self.customer.copy().dunning_stop)

    def test_condition_of_a_level_can_test_the_flags(self):
        """With the rule switched off, one level honours the block and another does not."""
        self.env.ref("dunning_exclusion.rule_prevent_item").enabled = False
        self.scenario.level_ids[0].condition_domain = "[('prevent_dunning', '=', False)]"
        held, free = self._create_invoice(days=-5), self._create_invoice(days=-5)
        older = self._create_invoice(days=-20)
        (held | older).prevent_dunning = True
        run = self._create_run()
        first, second, _third = self.scenario.level_ids
        levels = {line.move_id: line.level_id for line in run.line_ids}
        self.assertNotIn(held, levels)
        self.assertEqual((levels[free], levels[older]), (first, second))


@tagged("post_install", "-at_install")
class TestExplainApi(OutcomeCommon, HttpCase):
    """The explanation over Odoo's JSON-2 API."""

    def _key(self, user):
        keys = self.env["res.users.apikeys"].with_user(user).sudo()
        return keys._generate("rpc", "test", fields.Datetime.now() + timedelta(days=1))

    def _explain(self, key, records, **arguments):
        headers = {"Authorization": f"bearer {key}"} if key else {}
        return self.url_open(
            f"/json/2/{records._name}/dunning_explain",
            json={"ids": records.ids, **arguments},
            headers=headers,
        )

    def test_accountant_gets_the_reasons_others_are_refused(self):
        invoice = self._create_invoice()
        block = self.customer._dunning_block("stop", date_to=self.today)
        accountant = self._create_user("accountant", "account.group_account_user")
        key = self._key(accountant)
        for records in (self.customer, invoice, self._items(invoice)):
            response = self._explain(key, records)
            self.assertEqual(response.status_code, 200, response.text)
            self.assertEqual(
                response.json(),
                [
                    {
                        "outcome": "unchecked",
                        "rule": "stop_customer",
                        "reason": "Reminders to the customer are stopped",
                        "marker": "customer",
                        "level": "customer",
                        "since": fields.Date.to_string(self.today),
                        "until": fields.Date.to_string(self.today),
                        "block_id": block.id,
                    }
                ],
            )
        tomorrow = fields.Date.to_string(self.today + timedelta(days=1))
        self.assertEqual(self._explain(key, self.customer, date=tomorrow).json(), [])
        portal = self._create_user("portal", "base.group_portal")
        portal.partner_id.parent_id = self.customer
        employee = self._create_user("employee", "base.group_user")
        for user in (portal, employee):
            with self.subTest(user=user.login):
                response = self._explain(self._key(user), self.customer)
                self.assertEqual(response.status_code, 403)
                self.assertNotIn("stopped", response.text)
        self.assertEqual(self._explain(None, self.customer).status_code, 401)
        self.assertEqual(self._explain("nonsense", self.customer).status_code, 401)

    def test_plain_fields_are_written_over_the_api(self):
        manager = self._create_user("manager", "account.group_account_manager")
        invoice = self._create_invoice()
        response = self.url_open(
            "/json/2/account.move/write",
            json={"ids": invoice.ids, "vals": {"dunning_stop": True}},
            headers={"Authorization": f"bearer {self._key(manager)}"},
        )
        self.assertEqual(response.status_code, 200, response.text)
        self.env.invalidate_all()
        self.assertEqual(invoice.dunning_block_ids.user_id, manager)


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

    def test_what_cannot_be_read_makes_no_other_record_look_free(self):
        unreadable, held = invoices = self._create_invoice() | self._create_invoice()
        invoices.dunning_stop = True
        self.env.invalidate_all()
        whole = type(held)._dunning_whole_blocks

        def refuse(move, blocks):
            if move == unreadable:
                raise AccessError(move.name)
            return whole(move, blocks)

        with patch.object(type(held), "_dunning_whole_blocks", refuse):
            with self.assertRaises(AccessError):
                unreadable.with_prefetch(invoices.ids).mapped("dunning_stop")
            self.assertTrue(held.with_prefetch(invoices.ids).dunning_stop)

    def test_a_hold_stays_with_an_item_that_another_customer_owes_now(self):
        item = self._create_invoice().line_ids._dunning_own_items()
        item.action_dunning_stop()
        other = self._create_customer("Owes Now")
        self.env.flush_all()
        given = "UPDATE account_move_line SET partner_id = %s WHERE id = %s"
        self.env.cr.execute(SQL(given, other.id, item.id))
        self.env.invalidate_all()
        for few, known in ((250, True), (0, True), (0, False)):
            with (
                self.subTest(few=few, known=known),
                patch.object(question, "FEW", few),
                patch.object(statement, "FEW", few),
                patch.object(statement, "_has_statistics", return_value=known),
            ):
                self.assertEqual([one["rule"] for one in item.dunning_explain()], ["stop_item"])
