from datetime import timedelta

from freezegun import freeze_time

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import SQL

from .common import OutcomeCommon


@tagged("post_install", "-at_install")
class TestPromise(OutcomeCommon):
    """Promises to pay: their state follows from dates and payments."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.dunning_promise_tolerance_days = 2
        cls.invoice = cls._create_invoice(amount=100)
        cls.item = cls._items(cls.invoice)

    def _promise(self, days=3, **values):
        return self.env["dunning.promise"].create(
            {
                "partner_id": self.customer.id,
                "move_line_ids": self.item.ids,
                "date": self.today + timedelta(days=days),
                **values,
            }
        )

    def _assert_state(self, promise, state):
        promise.invalidate_recordset()
        self.assertEqual(promise.state, state)
        Promise = self.env["dunning.promise"]
        for code in ("open", "kept", "broken", "cancelled"):
            found = Promise.search([("id", "=", promise.id), ("state", "=", code)])
            self.assertEqual(bool(found), code == state, code)
        self.assertFalse(Promise.search([("id", "=", promise.id), ("state", "!=", state)]))

    def test_state_follows_date_and_tolerance(self):
        for days, state in ((3, "open"), (0, "open"), (-2, "open"), (-3, "broken")):
            with self.subTest(days=days):
                self._assert_state(self._promise(days), state)
        promise = self._promise()
        promise.action_cancel()
        self._assert_state(promise, "cancelled")

    def test_open_promise_of_which_no_amount_was_noted_holds_its_items(self):
        promise = self._promise()
        self.env.flush_all()
        # As promises are that were imported by SQL, or noted by a version before this field.
        self.env.cr.execute(
            SQL("UPDATE dunning_promise SET open_amount = NULL WHERE id = %s", promise.id)
        )
        self.env.invalidate_all()
        self._assert_state(promise, "open")
        self.assertOutcome(self.invoice, "unchecked", "promise")
        everything = self.env["dunning.screening"].search([("company_id", "=", self.company.id)])
        screened = everything.filtered(lambda record: record.move_id == self.invoice)
        self.assertEqual((screened.outcome, screened.rule_id.code), ("unchecked", "promise"))
        self.assertFalse(self._create_run().line_ids.filtered("checked"))
        with freeze_time(self.today + timedelta(days=6)):
            self._assert_state(promise, "broken")
            self.assertOutcome(self.invoice, "included")

    def test_kept_when_what_was_promised_is_paid(self):
        promise, half = self._promise(), self._promise(amount=50)
        self._pay(self.invoice, 49.99)
        self._assert_state(promise, "open")
        self._assert_state(half, "open")
        self._pay(self.invoice, 0.01)
        self._assert_state(half, "kept")
        self.assertEqual(half.paid_amount, 50)
        self._pay(self.invoice)
        self._assert_state(promise, "kept")

    def test_item_with_several_promises_is_held_until_the_last_is_broken(self):
        self._promise(-5)
        self.assertOutcome(self.invoice, "included")
        later = self._promise(4)
        self.assertOutcome(self.invoice, "unchecked", "promise")
        self.assertEqual(self.invoice.dunning_explain()[0]["until"], later.date)
        with freeze_time(self.today + timedelta(days=7)):
            self.env.invalidate_all()
            self.assertOutcome(self.invoice, "included")

    def test_part_that_was_kept_leaves_the_rest_to_be_reminded(self):
        self._promise(amount=40)
        self._pay(self.invoice, 40)
        self.assertOutcome(self.invoice, "included")

    def test_broken_promise_plans_one_activity_for_whoever_noted_it(self):
        user = self._create_user("collector", "account.group_account_invoice")
        promise = self._promise(-1).with_user(user).copy({"move_line_ids": self.item.ids})
        self.assertEqual(promise.user_id, user)
        kept = self._promise(-9, amount=1)
        self._pay(self.invoice, 1)
        Promise = self.env["dunning.promise"]
        with freeze_time(self.today + timedelta(days=10)):
            self.env.invalidate_all()
            Promise._cron_report_broken()
            self.assertEqual(promise.activity_ids.user_id, user)
            self.assertFalse(kept.activity_ids)
            Promise._cron_report_broken()
            self.assertEqual(len(promise.activity_ids), 1)
            promise.date = self.today + timedelta(days=20)
        with freeze_time(self.today + timedelta(days=30)):
            self.env.invalidate_all()
            Promise._cron_report_broken()
            self.assertEqual(len(promise.activity_ids), 2, "a new date can be broken again")

    def test_promise_is_noted_from_the_tab_of_customer_and_invoice(self):
        self._create_invoice(self.other_customer)
        user = self._create_user("collector", "account.group_account_invoice")
        for target in (self.customer, self.invoice):
            with self.subTest(target=target):
                panel = target.with_user(user).dunning_panel()
                Promise = (
                    self.env["dunning.promise"]
                    .with_user(user)
                    .with_context(
                        default_partner_id=self.customer.id,
                        default_move_line_ids=[item["id"] for item in panel["items"]],
                    )
                )
                form = Form(Promise)
                form.date = self.today + timedelta(days=2)
                promise = form.save()
                self.assertEqual(promise.partner_id, self.customer)
                self.assertEqual(promise.move_line_ids, self.item)
                self.assertIn(promise, self.customer.dunning_promise_ids)
                promise.action_cancel()

    def test_promise_without_items_is_about_what_is_overdue(self):
        self._create_invoice(days=5)
        promise = self.env["dunning.promise"].create(
            {"partner_id": self.customer.id, "date": self.today}
        )
        self.assertEqual(promise.move_line_ids, self.item)
        self.assertOutcome(self.invoice, "unchecked", "promise")

    def test_promise_finds_items_again_that_odoo_rebuilt(self):
        promise = self._promise()
        self.invoice.button_draft()
        self.invoice.write(
            {"invoice_date_due": False, "invoice_payment_term_id": self._create_term(0, 10).id}
        )
        self.invoice.line_ids.filtered(
            lambda line: line.display_type == "payment_term"
        ).with_context(dynamic_unlink=True, check_move_validity=False).unlink()
        promise.invalidate_recordset()
        self.assertFalse(promise.move_line_ids)
        self._assert_state(promise, "open")
        self.invoice.invoice_line_ids.price_unit = 120
        self.invoice.action_post()
        self.assertEqual(promise.move_line_ids, self._items(self.invoice))
        self.assertEqual(set(self._screened(self.invoice).values()), {"unchecked"})
        self._assert_state(promise, "open")

    def test_bad_promises_are_refused(self):
        theirs = self._items(self._create_invoice(self.other_customer))
        bill = self._create_invoice(move_type="in_invoice")
        payable = bill.line_ids.filtered(lambda line: line.account_type == "liability_payable")
        elsewhere = self._items(self._invoice_of_other_company(self.customer))
        for items in (theirs, payable, elsewhere):
            with self.subTest(items=items), self.assertRaises(UserError):
                self._promise(move_line_ids=items.ids)
        with self.assertRaisesRegex(ValidationError, "Customer"):
            self._promise(partner_id=False)

    def test_promise_of_a_contact_is_the_customers(self):
        child = self.env["res.partner"].create({"name": "Child", "parent_id": self.customer.id})
        self.assertEqual(self._promise(partner_id=child.id).partner_id, self.customer)

    def test_customer_follows_from_the_items(self):
        for value in (self.item.ids, [Command.set(self.item.ids)], [Command.link(self.item.id)]):
            with self.subTest(value=value):
                promise = self.env["dunning.promise"].create({"move_line_ids": value})
                self.assertEqual(promise.partner_id, self.customer)
                self.assertEqual(promise.move_line_ids, self.item)
                self.assertEqual(promise.open_amount, 100)

    def test_promise_for_items_of_several_customers_needs_one_of_them(self):
        items = self.item | self._items(self._create_invoice(self.other_customer))
        for values in ({"move_line_ids": items.ids}, {}):
            with self.subTest(**values), self.assertRaisesRegex(ValidationError, "'Customer'"):
                self.env["dunning.promise"].create(values)
