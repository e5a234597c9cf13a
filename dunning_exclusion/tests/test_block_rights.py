from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import VerdictCommon

WORKING_GROUPS = (
    "account.group_account_invoice",
    "account.group_account_user",
    "account.group_account_manager",
    "dunning_exclusion.group_dunning_user",
)


@tagged("post_install", "-at_install")
class TestBlockRights(VerdictCommon):
    """Who may hold customers and invoices, by button and dialog, one by one and in bulk."""

    def _open(self, user, action):
        return Form(self.env[action["res_model"]].with_user(user).with_context(**action["context"]))

    def test_every_group_that_works_with_receivables_can_press_the_buttons(self):
        invoice = self._create_invoice()
        for group in WORKING_GROUPS:
            user = self._create_user(group, group)
            for target in (self.customer, invoice, self._items(invoice)):
                with self.subTest(group=group, target=target):
                    mine = target.with_user(user)
                    if target == self.customer:
                        with self.assertRaises(AccessError), self.env.cr.savepoint():
                            mine.write({"comment": "accounting users cannot write customers"})
                    mine.action_dunning_stop()
                    self.assertTrue(mine.dunning_stop)
                    self.assertEqual(mine.dunning_outcome, "unchecked")
                    self.assertTrue(mine.dunning_explain())
                    dialog = self._open(user, mine.action_dunning_pause())
                    dialog.date_to = self.today + timedelta(days=3)
                    dialog.note = "Called, money comes on Friday"
                    dialog.save().action_apply()
                    self.assertEqual(mine.dunning_pause_until, self.today + timedelta(days=3))
                    dialog = self._open(user, mine.action_dunning_prevent())
                    dialog.reason_id = self.env.ref("dunning_exclusion.reason_dispute")
                    dialog.save().action_apply()
                    self.assertTrue(mine.prevent_dunning)
                    self.assertEqual(mine.dunning_block_ids[:1].user_id, user)
                    mine.action_dunning_resume()
                    self.assertEqual(mine.dunning_outcome, "included")

    def test_readers_see_but_cannot_block(self):
        user = self._create_user("reader", "account.group_account_readonly")
        invoice = self._create_invoice()
        self.customer.action_dunning_stop()
        for target in (self.customer, invoice):
            with self.subTest(target=target):
                mine = target.with_user(user)
                self.assertEqual(mine.dunning_explain()[0]["rule"], "stop_customer")
                with self.assertRaises(AccessError):
                    mine.action_dunning_prevent() and mine._dunning_block("prevent")

    def test_others_see_nothing_and_can_do_nothing(self):
        portal = self._create_user("portal", "base.group_portal")
        portal.partner_id.parent_id = self.customer
        employee = self._create_user("employee", "base.group_user")
        self._create_invoice()
        for user in (portal, employee):
            mine = self.customer.with_user(user)
            self.assertNotIn("dunning_stop", mine.fields_get())
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                mine.read(["dunning_stop"])
            for method in ("dunning_explain", "action_dunning_stop", "action_dunning_resume"):
                with self.subTest(user=user.login, method=method), self.assertRaises(AccessError):
                    getattr(mine, method)()
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                mine.search([("dunning_stop", "=", True)])

    def test_user_of_one_company_sees_no_block_of_another(self):
        self.customer.with_company(self.other_company).action_dunning_stop()
        user = self._create_user("one company", "account.group_account_invoice")
        blocks = self.env["dunning.block"].with_user(user).search([])
        self.assertNotIn(self.other_company, blocks.company_id)
        self.assertFalse(self.customer.with_user(user).dunning_stop)

    def test_dialog_blocks_many_at_once_and_reports_those_that_were_blocked(self):
        customers = self._create_customer("One") | self._create_customer("Two") | self.customer
        self.customer.prevent_dunning = True
        user = self._create_user("accountant", "account.group_account_user")
        dialog = self._open(user, customers.with_user(user).action_dunning_prevent())
        dialog.reason_id = self.env.ref("dunning_exclusion.reason_legal")
        dialog.note = "Insolvency of the group"
        self.assertEqual(dialog.already_blocked, self.customer.display_name)
        for customer in customers:
            self.assertIn(customer.display_name, dialog.target_names)
        wizard = dialog.save()
        self.assertEqual(wizard.target_count, 3)
        report = wizard.action_apply()
        self.assertIn(self.customer.display_name, report["params"]["message"])
        for customer in customers:
            self.assertTrue(customer.prevent_dunning)
            self.assertEqual(len(customer.dunning_block_ids), 1)
        new = (customers - self.customer).dunning_block_ids
        self.assertEqual(set(new.mapped("reason_id.code")), {"legal"})
        self.assertEqual(set(new.mapped("note")), {"Insolvency of the group"})

    def test_dialog_on_many_invoices_blocks_all_or_none(self):
        invoices = self._create_invoice() | self._create_invoice()
        bill = self._create_invoice(move_type="in_invoice")
        dialog = self._open(self.env.user, (invoices | bill).action_dunning_pause())
        dialog.date_to = self.today
        wizard = dialog.save()
        with self.assertRaisesRegex(UserError, "vendor bills"), self.env.cr.savepoint():
            wizard.action_apply()
        self.assertFalse(any(invoices.mapped("dunning_pause")))
        self._open(self.env.user, invoices.action_dunning_pause()).save().action_apply()
        self.assertTrue(all(invoices.mapped("dunning_pause")))
        invoices.action_dunning_resume()
        self.assertFalse(any(invoices.mapped("dunning_pause")))

    def test_pausing_again_prolongs_the_pause(self):
        long, short = self._create_customer("Long"), self._create_customer("Short")
        long.dunning_pause_until = self.today + timedelta(days=20)
        short.dunning_pause_until = self.today + timedelta(days=2)
        until = self.today + timedelta(days=10)
        dialog = self._open(self.env.user, (long | short).action_dunning_pause())
        dialog.date_to = until
        dialog.save().action_apply()
        self.assertEqual(short.dunning_pause_until, until)
        self.assertEqual(long.dunning_pause_until, self.today + timedelta(days=20))
        dialog = self._open(self.env.user, long.action_dunning_pause())
        dialog.date_to = until
        dialog.save().action_apply()
        self.assertEqual(long.dunning_pause_until, until, "one alone is changed as asked")
        self.assertEqual(len((long | short).dunning_block_ids), 2)

    def test_dialog_proposes_the_end_that_the_reason_has(self):
        dialog = self._open(self.env.user, self.customer.action_dunning_prevent())
        dialog.reason_id = self.env.ref("dunning_exclusion.reason_credit_note")
        self.assertEqual(dialog.date_to, self.today + timedelta(days=14))

    def test_dialog_refuses_models_that_cannot_be_blocked(self):
        Wizard = self.env["dunning.block.wizard"]
        wizard = Wizard.create({"res_model": "res.users", "res_ids": self.env.user.ids})
        with self.assertRaisesRegex(UserError, "can be blocked"):
            wizard.action_apply()

    def test_future_block_begins_by_itself(self):
        invoice = self._create_invoice()
        start = self.today + timedelta(days=5)
        dialog = self._open(self.env.user, self.customer.action_dunning_prevent())
        dialog.date_from = start
        dialog.save().action_apply()
        block = self.customer.with_context(active_test=False).dunning_block_ids
        self.assertEqual(block.state, "scheduled")
        self.assertFalse(self.customer.prevent_dunning)
        self.assertOutcome(invoice, "included")
        self.assertFalse(invoice.dunning_explain(start - timedelta(days=1)))
        self.assertEqual(invoice.dunning_explain(start)[0]["rule"], "prevent_customer")
        self._open(self.env.user, self.customer.action_dunning_prevent()).save().action_apply()
        self.assertTrue(self.customer.prevent_dunning, "a scheduled block is no hold today")
        states = self.env["dunning.block"].search(
            [("state", "=", "scheduled"), ("partner_id", "=", self.customer.id)]
        )
        self.assertEqual(states, block)

    def test_bulk_stop_costs_the_same_number_of_queries_for_any_number(self):
        def stop(customers):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            customers.action_dunning_stop()
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        few = self.env["res.partner"].create([{"name": f"F{n}"} for n in range(2)])
        many = self.env["res.partner"].create([{"name": f"M{n}"} for n in range(80)])
        self.customer.action_dunning_stop()
        self.assertEqual(stop(few), stop(many))
        self.assertTrue(all(many.mapped("dunning_stop")))
