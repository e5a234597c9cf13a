from datetime import timedelta

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import SQL, format_date

from .common import DunningCommon, OutcomeCommon


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

    def test_where_a_block_comes_from_is_said_by_the_system_only(self):
        for user in (self.worker, self.approver, self.manager):
            Block = self.env["dunning.block"].with_user(user)
            values = {"partner_id": self.customer.id}
            with self.subTest(user=user.login):
                forged = Block.create({**values, "origin": "reply"})
                by_context = Block.with_context(default_origin="customer").create(values)
                self.assertEqual((forged | by_context).mapped("origin"), ["user", "user"])
                with self.assertRaisesRegex(UserError, "Origin"):
                    forged.origin = "customer"
        imported = self.env["dunning.block"].with_user(self.manager).with_context(import_file=True)
        columns = ["partner_id/.id", "origin"]
        result = imported.load(columns, [[str(self.customer.id), "reply"]])
        self.assertFalse(result["messages"])
        self.assertEqual(imported.browse(result["ids"]).origin, "import")
        # Others import holds as their own: any client can say that it imports.
        by_user = self.env["dunning.block"].with_user(self.worker).with_context(import_file=True)
        self.assertEqual(by_user.create(values).origin, "user")
        by_system = self.env["dunning.block"].sudo().create({**values, "origin": "reply"})
        self.assertEqual(by_system.origin, "reply")
        self.assertEqual(by_system.copy().origin, "user")

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
            with self.subTest(wrong), self.assertRaisesRegex(ValidationError, "Ended On"):
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
                    blocks._state_sql(day, [state]),
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

    def test_pause_holds_through_its_last_day(self):
        invoice = self._create_invoice()
        self.customer.dunning_pause_until = self.today
        self.assertOutcome(invoice, "dropped", "pause_customer")
        self.assertEqual(invoice.dunning_explain(self.today + timedelta(days=1)), [])

    def test_block_can_be_lifted_whatever_became_of_its_target(self):
        block = self._create_invoice()._dunning_block("stop")
        self.env.cr.execute(
            SQL(
                "UPDATE dunning_block SET partner_id = %s WHERE id = %s",
                self.other_customer.id,
                block.id,
            )
        )
        self.env.invalidate_all()
        block.action_lift()
        self.assertEqual(block.state, "lifted")

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


@tagged("post_install", "-at_install")
class TestForgottenBlocks(OutcomeCommon):
    """Exclusions that nobody thinks of any more are found, reported and analysed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.collector = cls._create_user("collector", "account.group_account_invoice")

    def _block(self, begun, ends=None, user=None, **values):
        partner = self._fresh_customer()
        self._create_invoice(partner, 100)
        return self.env["dunning.block"].create(
            {
                "partner_id": partner.id,
                "kind": "stop",
                "date_from": self.today - timedelta(days=begun),
                "date_to": ends is not None and self.today + timedelta(days=ends),
                "user_id": (user or self.collector).id,
                **values,
            }
        )

    def test_forgotten_and_ending_blocks_are_found(self):
        table = (
            (self._block(91), True, False),
            (self._block(90), False, False),
            (self._block(200, 30), False, False),
            (self._block(200, 7), False, True),
            (self._block(1, 8), False, False),
            (self._block(1, 0), False, True),
            (self._block(200, -1), False, False),
        )
        lifted = self._block(300)
        lifted.action_lift()
        blocks = lifted.browse().concat(*(row[0] for row in table), lifted)
        mine = [("id", "in", blocks.ids)]
        for field, place in (("forgotten", 1), ("ending_soon", 2)):
            expected = blocks.filtered(
                lambda block, place=place: any(row[0] == block and row[place] for row in table)
            )
            self.assertEqual(blocks.filtered(field), expected)
            self.assertEqual(blocks.search([*mine, (field, "=", True)]), expected.sorted())
            others = blocks.search([*mine, (field, "=", False)])
            self.assertEqual(others, (blocks - expected).sorted())
        self.assertEqual(table[0][0].age_days, 91)

    def test_amount_held(self):
        customer = self._fresh_customer()
        first, second = self._create_invoice(customer, 100), self._create_invoice(customer, 40)
        on_customer = customer._dunning_block("stop")
        on_invoice = second._dunning_block("stop")
        blocks = on_customer | on_invoice
        self.assertEqual(blocks._get_amounts_held(), {on_customer: 140, on_invoice: 40})
        self._pay(first)
        self.env.invalidate_all()
        self.assertEqual(on_customer._get_amounts_held(), {on_customer: 40})
        on_customer.action_lift()
        self.assertEqual(on_customer._get_amounts_held(), {on_customer: 0})

    def test_weekly_to_do_per_person_not_per_block(self):
        other = self._create_user("other", "account.group_account_invoice")
        old = [self._block(100 + number) for number in range(3)]
        ending = self._block(5, 3)
        theirs = self._block(120, user=other)
        Block = self.env["dunning.block"]
        Block._cron_report_forgotten()
        blocks = Block.concat(*old, ending, theirs)
        to_dos = blocks.activity_ids
        self.assertEqual(to_dos.user_id, self.collector | other)
        self.assertEqual(len(to_dos), 2)
        mine = to_dos.filtered(lambda to_do: to_do.user_id == self.collector)
        for block in [*old, ending]:
            self.assertIn(block.display_name, mine.note)
        self.assertNotIn(theirs.display_name, mine.note)
        old[0].action_lift()
        Block._cron_report_forgotten()
        to_dos = blocks.activity_ids
        self.assertEqual(len(to_dos), 2, "the to-do of last week is replaced")
        self.assertNotIn(old[0].display_name, "".join(to_dos.mapped("note")))

    def test_analysis_by_reason_age_and_person(self):
        dispute = self.env.ref("dunning_exclusion.reason_dispute")
        fresh, old = self._block(3, reason_id=dispute.id), self._block(100)
        invoice = self._create_invoice(old.partner_id, 60)
        on_invoice = invoice._dunning_block("prevent")
        self.company.dunning_item_minimum = 20
        small = self._create_invoice(amount=10)
        self._create_invoice(amount=500)
        Report = self.env["dunning.exclusion.report"]
        rows = Report.search([("company_id", "=", self.company.id)])
        found = {
            (row.partner_id, row.amount_residual): (row.rule_id.code, row.block_id, row.age)
            for row in rows
        }
        empty = self.env["dunning.block"]
        self.assertEqual(
            found,
            {
                (fresh.partner_id, 100): ("stop_customer", fresh, "1"),
                (old.partner_id, 100): ("stop_customer", old, "4"),
                (old.partner_id, 60): ("prevent_item", on_invoice, "1"),
                (small.partner_id, 10): ("item_minimum", empty, False),
            },
        )
        groups = Report._read_group(
            [("company_id", "=", self.company.id)], ["user_id"], ["amount_residual:sum"]
        )
        amounts = {user: amount for user, amount in groups}
        self.assertEqual(amounts[self.collector], 200)
        by_reason = Report._read_group(
            [("reason_id", "=", dispute.id)], ["age"], ["amount_residual:sum"]
        )
        self.assertEqual(by_reason, [("1", 100)])
        seen = Report.with_user(self.collector).search([("block_id", "=", fresh.id)])
        self.assertEqual(seen.user_id, self.collector)


WORKING_GROUPS = (
    "account.group_account_invoice",
    "account.group_account_user",
    "account.group_account_manager",
    "dunning_exclusion.group_dunning_user",
)


@tagged("post_install", "-at_install")
class TestBlockRights(OutcomeCommon):
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
        dialog.reason_id = self.env.ref("dunning_exclusion.reason_sold")
        dialog.note = "Insolvency of the group"
        self.assertEqual(dialog.already_blocked, self.customer.display_name)
        for customer in customers:
            self.assertIn(customer.display_name, dialog.target_names)
        wizard = dialog.save()
        self.assertEqual(wizard.target_count, 3)
        report = wizard.action_apply()
        said = "2 new holds. Holds whose reason or note was changed: 1."
        self.assertEqual(report["params"]["message"], said)
        for customer in customers:
            self.assertTrue(customer.prevent_dunning)
            self.assertEqual(len(customer.dunning_block_ids), 1)
        blocks = customers.dunning_block_ids
        self.assertEqual(set(blocks.mapped("reason_id.code")), {"sold"})
        self.assertEqual(set(blocks.mapped("note")), {"Insolvency of the group"})
        dialog = self._open(user, customers.with_user(user).action_dunning_prevent())
        report = dialog.save().action_apply()
        for customer in customers:
            self.assertIn(customer.display_name, report["params"]["message"])

    def test_dialog_on_many_invoices_blocks_all_or_none(self):
        invoices = self._create_invoice() | self._create_invoice()
        bill = self._create_invoice(move_type="in_invoice")
        dialog = self._open(self.env.user, (invoices | bill).action_dunning_pause())
        dialog.date_to = self.today
        wizard = dialog.save()
        with self.assertRaisesRegex(UserError, "vendor bills"), self.env.cr.savepoint():
            wizard.action_apply()
        self.assertFalse(any(invoices.mapped("dunning_pause")))
        dialog = self._open(self.env.user, invoices.action_dunning_pause())
        dialog.date_to = self.today
        dialog.save().action_apply()
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
        dialog.note = "Pays by instalments"
        told = dialog.save().action_apply()["params"]["message"]
        self.assertIn(f"1 pause now ends on {format_date(self.env, until)}.", told)
        self.assertEqual(short.dunning_pause_until, until)
        notes = (long | short).dunning_block_ids.mapped("note")
        self.assertEqual(notes, ["Pays by instalments"] * 2)
        self.assertEqual(long.dunning_pause_until, self.today + timedelta(days=20))
        dialog = self._open(self.env.user, long.action_dunning_pause())
        dialog.date_to = until
        dialog.save().action_apply()
        self.assertEqual(long.dunning_pause_until, until, "one alone is changed as asked")
        self.assertEqual(len((long | short).dunning_block_ids), 2)

    def test_changed_end_is_told_and_kept_in_the_history(self):
        """By the dialog, the field, the record itself: for one and for many."""
        day, reason = self.today + timedelta(days=9), self.env.ref("dunning_exclusion.reason_other")

        def by_dialog(customers):
            dialog = self._open(self.env.user, customers.action_dunning_pause())
            dialog.reason_id, dialog.note, dialog.date_to = reason, "Asked for it", day
            return dialog.save().action_apply()["params"]["message"]

        def by_field(customers):
            customers.dunning_pause_until = day

        def by_client_without_notes(customers):
            quiet = customers.with_context(tracking_disable=True, mail_notrack=True)
            quiet.dunning_block_ids.write({"date_to": day})

        for change in (by_dialog, by_field, by_client_without_notes):
            for number in (1, 2):
                with self.subTest(change=change.__name__, customers=number):
                    customers = self.env["res.partner"].concat(
                        *(self._create_customer(f"Paused {i}") for i in range(number))
                    )
                    customers.dunning_pause_until = self.today + timedelta(days=2)
                    blocks = customers.dunning_block_ids
                    self.env.cr.flush()
                    told = change(customers)
                    self.env.cr.flush()
                    self.assertEqual(customers.dunning_block_ids, blocks)
                    self.assertEqual(set(blocks.mapped("date_to")), {day})
                    for block in blocks:
                        tracked = block.message_ids.tracking_value_ids
                        self.assertIn("date_to", tracked.field_id.mapped("name"))
                    if told:
                        words = {1: "1 pause now ends on", 2: "2 pauses now end on"}[number]
                        self.assertEqual(told, f"{words} {format_date(self.env, day)}.")
                        self.assertEqual(blocks.mapped("note"), ["Asked for it"] * number)
                        self.assertEqual(blocks.reason_id, reason)

    def test_what_is_not_said_again_is_kept(self):
        self.customer._dunning_block(
            "prevent",
            reason_id=self.env.ref("dunning_exclusion.reason_other").id,
            note="Known",
            date_to=self.today + timedelta(days=3),
        )
        both = self.customer | self._create_customer("Not stopped yet")
        dialog = self._open(self.env.user, both.action_dunning_prevent()).save()
        dialog.action_apply()
        block = self.customer.dunning_block_ids
        self.assertEqual((block.note, block.reason_id.code), ("Known", "other"))
        self.assertEqual(
            block.date_to, self.today + timedelta(days=3), "one of many is not changed"
        )
        dialog = self._open(self.env.user, self.customer.action_dunning_prevent()).save()
        told = dialog.action_apply()["params"]["message"]
        self.assertEqual(told, "1 hold now lasts until somebody resumes.")
        self.assertEqual((block.note, block.date_to), ("Known", False))

    def test_pause_needs_an_end(self):
        Block = self.env["dunning.block"]
        values = {"partner_id": self.customer.id, "kind": "pause"}
        stop = Block.create({"partner_id": self.other_customer.id})
        pause = Block.create({**values, "date_to": self.today})
        for name, change in (
            ("created", lambda: Block.create(values)),
            ("created with none", lambda: Block.create({**values, "date_to": False})),
            ("taken away", lambda: pause.write({"date_to": False})),
            ("made of a stop", lambda: stop.write({"kind": "pause"})),
        ):
            with (
                self.subTest(name),
                self.assertRaisesRegex(ValidationError, "a pause needs an end.*'Until'"),
            ):
                change()
        reason = self.env.ref("dunning_exclusion.reason_credit_note")
        proposed = Block.create({**values, "reason_id": reason.id})
        self.assertEqual(proposed.date_to, self.today + timedelta(days=14))

    def test_flag_of_a_pause_without_end_gets_one(self):
        end = self.today + timedelta(days=30)
        for values in (
            {"dunning_pause": True},
            {"dunning_pause": True, "dunning_pause_until": False},
        ):
            with self.subTest(values):
                self.customer.write(values)
                created = self.env["res.partner"].create({"name": "Imported", **values})
                for customer in (self.customer, created):
                    self.assertEqual(customer.dunning_pause_until, end)
                self.customer.dunning_pause_until = False
                self.assertFalse(self.customer.dunning_pause)

    def test_old_pause_without_end_can_still_be_lifted(self):
        self.customer.dunning_pause = True
        block = self.customer.dunning_block_ids
        self.env.cr.execute("UPDATE dunning_block SET date_to = NULL WHERE id = %s", block.ids)
        block.invalidate_recordset()
        block.action_lift()
        self.assertEqual(block.state, "lifted")

    def test_dialog_proposes_the_end_that_the_reason_has(self):
        dialog = self._open(self.env.user, self.customer.action_dunning_prevent())
        dialog.reason_id = self.env.ref("dunning_exclusion.reason_credit_note")
        self.assertEqual(dialog.date_to, self.today + timedelta(days=14))

    def test_dialog_refuses_models_that_cannot_be_blocked(self):
        Wizard = self.env["dunning.block.wizard"]
        wizard = Wizard.create({"res_model": "res.users", "res_ids": self.env.user.ids})
        with self.assertRaisesRegex(UserError, "can be held"):
            wizard.action_apply()

    def test_future_block_begins_by_itself(self):
        invoice = self._create_invoice()
        start = self.today + timedelta(days=5)
        # The dialog begins today; a later day is set in the form of holds.
        hold = Form(self.env["dunning.block"])
        hold.partner_id, hold.kind, hold.date_from = self.customer, "prevent", self.today
        block = hold.save()
        self.assertEqual(block.state, "active")
        with Form(block) as hold:
            hold.date_from = start
        self.assertEqual(block, self.customer.dunning_block_ids)
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
