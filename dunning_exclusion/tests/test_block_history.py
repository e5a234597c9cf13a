from datetime import timedelta

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestBlockHistory(DunningCommon):
    """What happened to a block or a promise is written by the system, and stays as it was."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.worker = cls._create_user("worker", "dunning_exclusion.group_dunning_user")
        cls.approver = cls._create_user("approver", "dunning_exclusion.group_dunning_approver")
        cls.manager = cls._create_user("manager", "dunning_exclusion.group_dunning_manager")
        cls.invoice = cls._create_invoice()

    def _forged(self):
        return {
            "user_id": self.manager.id,
            "lifted_on": self.today - timedelta(days=1),
            "lifted_by_id": self.manager.id,
        }

    def _note_changes(self):
        """Let Odoo write what changed, as it does at the end of a request."""
        self.env.flush_all()
        self.env.cr.flush()

    def test_history_is_not_taken_from_users_when_they_set_a_block(self):
        forged = self._forged()
        by_context = {f"default_{name}": value for name, value in forged.items()}
        for user in (self.worker, self.approver):
            Block = self.env["dunning.block"].with_user(user)
            for model, values in ((Block, forged), (Block.with_context(**by_context), {})):
                with self.subTest(user=user.login, values=values):
                    block = model.create({"partner_id": self.customer.id, **values})
                    self.assertEqual(block.user_id, user)
                    self.assertEqual((block.state, block.lifted_on), ("active", False))
                    self.assertFalse(block.lifted_by_id)

    def test_administrators_import_old_blocks_with_their_history(self):
        forged = self._forged()
        Block = self.env["dunning.block"].with_user(self.manager)
        block = Block.create(
            {
                "partner_id": self.customer.id,
                "date_from": self.today - timedelta(days=9),
                **forged,
                "user_id": self.worker.id,
            }
        )
        self.assertEqual((block.state, block.user_id), ("lifted", self.worker))
        for name, value in {**forged, "lifted_on": False}.items():
            with self.subTest(field=name), self.assertRaises(UserError):
                block.write({name: value})
        for wrong in (
            {"lifted_on": self.today + timedelta(days=1)},
            {"lifted_by_id": self.worker.id},
        ):
            with self.subTest(wrong), self.assertRaisesRegex(ValidationError, "Lifted on"):
                Block.create({"partner_id": self.customer.id, **wrong})

    def test_lifted_block_stays_as_it_was(self):
        block = (
            self.env["dunning.block"]
            .with_user(self.worker)
            .create({"partner_id": self.customer.id, "kind": "stop", "note": "Before"})
        )
        block.note = "While it holds"
        block.action_lift()
        changes = {
            "kind": "prevent",
            "reason_id": self.env.ref("dunning_exclusion.reason_dispute").id,
            "date_from": self.today - timedelta(days=3),
            "date_to": self.today + timedelta(days=3),
            "note": "After",
            "partner_id": self.other_customer.id,
            "move_id": self.invoice.id,
            "move_line_id": self._items(self.invoice).id,
        }
        for user in (self.worker, self.manager):
            for name, value in changes.items():
                with self.subTest(user=user.login, field=name), self.assertRaises(UserError):
                    block.with_user(user).write({name: value})
        block.with_user(self.worker).message_post(body="A remark is possible.")

    def test_cancelled_promise_stays_as_it_was(self):
        promise = (
            self.env["dunning.promise"]
            .with_user(self.worker)
            .create({"partner_id": self.customer.id})
        )
        promise.amount = 5
        promise.action_cancel()
        changes = {
            "date": self.today + timedelta(days=30),
            "amount": 1,
            "note": "After",
            "move_line_ids": [Command.clear()],
        }
        for name, value in changes.items():
            with self.subTest(field=name), self.assertRaises(UserError):
                promise.write({name: value})

    def test_changes_of_a_block_are_noted_also_when_a_client_asks_not_to(self):
        block = (
            self.env["dunning.block"]
            .with_user(self.worker)
            .create({"partner_id": self.customer.id, "kind": "stop"})
        )
        self._note_changes()
        before = len(block.message_ids)
        quiet = block.with_context(tracking_disable=True, mail_notrack=True)
        quiet.date_to = self.today + timedelta(days=3)
        quiet.date_from = self.today - timedelta(days=3)
        self._note_changes()
        tracked = block.message_ids[: len(block.message_ids) - before].sudo().tracking_value_ids
        self.assertEqual(set(tracked.field_id.mapped("name")), {"date_from", "date_to"})


@tagged("post_install", "-at_install")
class TestBlockState(DunningCommon):
    """One definition of when a block holds: the field, searches and SQL statements agree."""

    # First day, last day, day of lifting, counted from today; and the state today.
    TABLE = (
        (0, None, None, "active"),
        (-5, 0, None, "active"),
        (-5, 3, None, "active"),
        (1, None, None, "scheduled"),
        (-5, -1, None, "expired"),
        (-5, None, 0, "lifted"),
        (-5, -3, -4, "lifted"),
        (2, 3, 0, "lifted"),
        # A time zone that was changed since can put lifting in the future for some hours.
        (-5, None, 1, "active"),
        (1, None, 1, "scheduled"),
    )

    def _block(self, *days):
        first, last, lifted = (
            None if day is None else self.today + timedelta(days=day) for day in days
        )
        block = self.env["dunning.block"].create(
            {"partner_id": self.customer.id, "date_from": first, "date_to": last or False}
        )
        self.env.flush_all()
        self.env.cr.execute(
            SQL("UPDATE dunning_block SET lifted_on = %s WHERE id = %s", lifted, block.id)
        )
        block.invalidate_recordset()
        return block

    def _in_state_by_sql(self, blocks, state, day=None):
        return {
            row[0]
            for row in self.env.execute_query(
                SQL(
                    "SELECT id FROM dunning_block block WHERE id = ANY(%s) AND %s",
                    blocks.ids,
                    blocks._state_sql([state], day),
                )
            )
        }

    def test_field_search_and_sql_agree(self):
        blocks = {self._block(*row[:3]): row[3] for row in self.TABLE}
        every = self.env["dunning.block"].concat(*blocks)
        for state in ("scheduled", "active", "expired", "lifted"):
            expected = {block.id for block, own in blocks.items() if own == state}
            with self.subTest(state=state):
                self.assertEqual(set(every.filtered(lambda b, s=state: b.state == s).ids), expected)
                domain = [("id", "in", every.ids), ("state", "=", state)]
                self.assertEqual(set(every.search(domain).ids), expected)
                self.assertEqual(self._in_state_by_sql(every, state), expected)
                self.assertEqual(self._in_state_by_sql(every, state, self.today), expected)

    def test_what_holds_can_be_lifted_and_what_is_lifted_holds_nothing(self):
        invoice = self._create_invoice()
        for row in self.TABLE:
            with self.subTest(row), self.env.cr.savepoint() as savepoint:
                block = self._block(*row[:3])
                self.env.invalidate_all()
                self.assertEqual(self.customer.dunning_stop, row[3] == "active")
                found = self.env["res.partner"].search([("dunning_stop", "=", True)])
                self.assertEqual(self.customer in found, row[3] == "active")
                expected = ("unchecked", "stop_customer") if row[3] == "active" else ("included",)
                self.assertOutcome(invoice, *expected)
                block.action_lift()
                self.assertEqual(block.state, "lifted")
                self.assertOutcome(invoice, "included")
                savepoint.rollback()
                self.env.invalidate_all()
