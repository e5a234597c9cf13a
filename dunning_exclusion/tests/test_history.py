from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import OutcomeCommon


@tagged("post_install", "-at_install")
class TestHistory(OutcomeCommon):
    """The chatter of customers and invoices: one line with a link for what is done about them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = cls._create_user("history_accountant", "account.group_account_invoice")
        cls.invoice = cls._create_invoice(amount=100)

    def _lines(self, record, do):
        """Return what `do` writes into the chatter of `record`, and who is its author."""
        before = record.message_ids
        do()
        record.invalidate_recordset(["message_ids"])
        messages = record.sudo().message_ids - before
        self.assertFalse(messages.notified_partner_ids, "nobody is written to")
        self.assertTrue(all(messages.mapped("is_internal")), "customers do not see it")
        return messages

    def _hold(self, kind, record):
        return lambda: record.with_user(self.accountant)._dunning_block(kind, date_to=self.today)

    def test_each_event_is_a_line_with_a_link(self):
        invoice = self.invoice.with_user(self.accountant)
        customer = self.customer.with_user(self.accountant)
        promise = self.env["dunning.promise"].with_user(self.accountant)

        def send():
            run = self._create_run()
            run.with_user(self.accountant).action_send()
            run.notice_ids.mail_id.write({"state": "sent"})

        both = self.customer, self.invoice
        events = (
            ("customer stopped", customer.action_dunning_stop, "dunning.block", self.customer),
            ("customer resumed", customer.action_dunning_resume, "dunning.block", self.customer),
            ("invoice stopped", invoice.action_dunning_stop, "dunning.block", *both),
            ("invoice resumed", invoice.action_dunning_resume, "dunning.block", *both),
            ("paused", self._hold("pause", self.invoice), "dunning.block", *both),
            ("resumed", invoice.action_dunning_resume, "dunning.block", *both),
            ("reminded", send, "dunning.notice", *both),
            (
                "promised",
                lambda: promise.create({"partner_id": self.customer.id}),
                "dunning.promise",
                *both,
            ),
            (
                "promise cancelled",
                lambda: promise.search([]).action_cancel(),
                "dunning.promise",
                *both,
            ),
        )
        for what, do, model, *records in events:
            others = records[1:]
            before = {record: record.message_ids for record in others}
            with self.subTest(what=what):
                messages = self._lines(records[0], do)
                self.assertEqual(len(messages), 1)
                self.assertIn(f'data-oe-model="{model}"', messages.body)
                for record in others:
                    record.invalidate_recordset(["message_ids"])
                    self.assertEqual(len(record.message_ids - before[record]), 1)
                if what != "reminded":
                    self.assertEqual(messages.author_id, self.accountant.partner_id)

    def test_notes_are_read_by_those_who_read_follow_ups_of_the_company(self):
        group, contacts = "account.group_account_readonly", "base.group_partner_manager"
        readers = self.accountant | self._create_user("history_auditor", group)
        others = self._create_user("history_employee", "base.group_user", contacts)
        others |= self._create_user("history_stranger", group, companies=self.other_company)
        customer = self.customer.with_user(self.accountant)
        before = self.customer.message_ids
        customer.action_dunning_stop()
        customer.action_dunning_toggle_type(self.type_overdue.id, False)
        self.env["dunning.promise"].with_user(self.accountant).create({"partner_id": customer.id})
        self.customer.invalidate_recordset(["message_ids"])
        notes = self.customer.message_ids - before
        self.assertEqual(len(notes), 3)
        secret, mine = (
            [("message_ids", "any", [("id", "in", notes.ids)])],
            [("id", "in", notes.ids)],
        )
        for user in readers | others:
            self.env.invalidate_all()
            allowed, theirs = user in readers, notes.with_user(user)
            with self.subTest(user=user.login):
                self.assertEqual(bool(customer.with_user(user).message_ids & notes), allowed)
                self.assertEqual(bool(theirs.search(mine)), allowed)
                self.assertEqual(bool(theirs.read_group(mine, ["__count"], ["body"])), allowed)
                self.assertEqual(bool(customer.with_user(user).search(secret)), allowed)
                for note in theirs:
                    self.assertEqual(note.has_access("read"), allowed)
        both = self._create_user("history_both", group, companies=self.company | self.other_company)
        one = notes.with_user(both).with_context(allowed_company_ids=self.other_company.ids)
        self.assertFalse(one.search(mine), "the company is not selected")

    def test_notes_are_made_where_the_audit_trail_is_restricted(self):
        invoice = self._create_invoice()
        self.company.restrictive_audit_trail = True
        invoice.action_dunning_stop()
        for target in (invoice, invoice.partner_id):
            subtypes = target.message_ids.sudo().subtype_id
            self.assertIn(self.env.ref("dunning_exclusion.mt_follow_up"), subtypes)

    def test_many_holds_of_a_customer_are_one_message(self):
        invoices = self.invoice.browse().concat(*(self._create_invoice() for _n in range(25)))
        [message] = self._lines(self.customer, invoices.action_dunning_stop)
        self.assertEqual(message.body.count("data-oe-model"), 20)
        self.assertIn("5 more", message.body)

    def test_imported_holds_are_not_told(self):
        values = {"partner_id": self.customer.id, "kind": "stop", "origin": "import"}
        self.assertFalse(
            self._lines(self.customer, lambda: self.env["dunning.block"].sudo().create(values))
        )

    def test_stop_is_undone_or_explained_from_what_tells_it(self):
        for record in (self.customer, self.invoice):
            action = record.with_user(self.accountant).action_dunning_stop()
            self.assertEqual(action["tag"], "dunning_stopped")
            self.assertIn(record.display_name, action["params"]["message"])
            blocks = self.env["dunning.block"].browse(action["params"]["block_ids"])
            self.assertEqual(blocks.mapped("kind"), ["stop"])
            again = record.with_user(self.accountant).action_dunning_stop()
            self.assertEqual(again["params"]["block_ids"], [])
            explain = blocks.with_user(self.accountant).action_explain()
            reason = self.env["dunning.block.reason"].search([], limit=1)
            dialog = self.env["dunning.block.wizard"].with_user(self.accountant)
            dialog = dialog.with_context(**explain["context"])
            dialog.create({"reason_id": reason.id, "note": "By phone"}).action_apply()
            self.assertEqual((blocks.reason_id, blocks.note), (reason, "By phone"))
            blocks.with_user(self.accountant).action_lift()
            self.assertFalse(record.dunning_stop)

    def test_stop_in_the_task_list_ticks_again_when_it_is_undone(self):
        run = self._create_run()
        line = run.line_ids
        for name in ("action_dunning_stop", "action_dunning_stop_customer"):
            blocks = self.env["dunning.block"].browse(getattr(line, name)()["params"]["block_ids"])
            self.assertFalse(line.checked)
            blocks.action_lift()
            run.read_figures(run.id)
            self.assertTrue(line.checked)

    def test_pause_needs_an_end_and_a_term_gives_it(self):
        dialog = self.env["dunning.block.wizard"].create(
            {"kind": "pause", "res_model": "account.move", "res_ids": self.invoice.ids}
        )
        with self.assertRaises(UserError):
            dialog.action_apply()
        for term in ("7", "14", "30"):
            dialog.term = term
            self.assertEqual((dialog.date_to - self.today).days, int(term))
        dialog.action_apply()
        self.assertEqual(str(self.invoice.dunning_pause_until), self._days(30))

    def test_many_are_stopped_after_a_question_that_names_their_number(self):
        other = self._create_invoice()
        moves = self.invoice | other
        action = self.env.ref("dunning_exclusion.action_account_move_dunning_stop")
        context = {"active_model": "account.move", "active_ids": moves.ids}
        asked = action.with_context(**context).run()
        self.assertEqual(asked["res_model"], "dunning.block.wizard")
        dialog = self.env["dunning.block.wizard"].with_context(**asked["context"]).create({})
        self.assertEqual((dialog.kind, dialog.target_count), ("stop", 2))
        told = dialog.action_apply()
        self.assertIn("2", told["params"]["message"])
        self.assertEqual(moves.mapped("dunning_stop"), [True, True])
        single = dict(context, active_ids=self._create_invoice().ids)
        self.assertEqual(action.with_context(**single).run()["tag"], "dunning_stopped")

    def test_many_are_resumed_after_a_question_that_names_the_number_of_holds(self):
        moves = self.invoice | self._create_invoice() | self._create_invoice()
        action = self.env.ref("dunning_exclusion.action_account_move_dunning_resume")
        action = action.with_context(active_model="account.move", active_ids=moves.ids)
        self.assertEqual(action.run()["tag"], "display_notification", "none of them is held")
        moves[:2].action_dunning_stop()
        asked = action.run()
        self.assertEqual(asked["tag"], "dunning_resume")
        self.assertEqual(asked["params"]["block_ids"], moves.dunning_block_ids.ids)
        self.assertIn("2", asked["params"]["message"])
        self.assertEqual(moves.mapped("dunning_stop"), [True, True, False], "not before the answer")
        action.with_context(active_ids=moves[0].ids).run()
        self.assertEqual(moves.mapped("dunning_stop"), [False, True, False])
