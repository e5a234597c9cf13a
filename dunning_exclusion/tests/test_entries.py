from datetime import timedelta

from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import DunningCommon
from .test_plain_fields import FLAGS


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
