from datetime import timedelta

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged

from .common import OutcomeCommon

REFUSED = (UserError, ValidationError)


@tagged("post_install", "-at_install")
class TestBadInput(OutcomeCommon):
    """What cannot be meant is refused with a message that names the field, and nothing is kept."""

    def _assert_refused(self, message, function, *args):
        blocks = self.env["dunning.block"].search_count([])
        with self.assertRaisesRegex(REFUSED, message), self.env.cr.savepoint():
            function(*args)
        self.assertEqual(self.env["dunning.block"].search_count([]), blocks)

    def _create_block(self, **values):
        return self.env["dunning.block"].create({"kind": "stop", **values})

    def test_negative_thresholds_are_refused(self):
        for name in (
            "dunning_item_minimum",
            "dunning_customer_minimum",
            "dunning_customer_maximum",
            "dunning_promise_tolerance_days",
        ):
            with self.subTest(field=name):
                before = self.company[name]
                label = self.company._fields[name].string.replace("(", r"\(").replace(")", r"\)")
                self._assert_refused(label, self.company.write, {name: -1})
                self.company.invalidate_recordset()
                self.assertEqual(self.company[name], before)

    def test_negative_threshold_is_refused_in_the_settings(self):
        Settings = self.env["res.config.settings"]
        self._assert_refused("negative", Settings.create, {"dunning_item_minimum": -5})

    def test_minimum_above_maximum_is_refused(self):
        values = {"dunning_customer_minimum": 200, "dunning_customer_maximum": 100}
        self._assert_refused("below the threshold", self.company.write, values)
        self.company.invalidate_recordset()
        self.assertEqual(self.company.dunning_customer_minimum, 0)
        self.company.write({"dunning_customer_minimum": 200, "dunning_customer_maximum": 0})
        self.company.write({"dunning_customer_maximum": 200})
        self.assertEqual(self.company.dunning_customer_maximum, 200)

    def test_block_that_ends_before_it_starts_is_refused(self):
        self._assert_refused(
            "cannot end before it starts",
            lambda: self._create_block(
                partner_id=self.customer.id, date_from="2030-05-02", date_to="2030-05-01"
            ),
        )
        block = self._create_block(partner_id=self.customer.id)
        self._assert_refused("Until", block.write, {"date_to": self.today - timedelta(days=1)})
        block.date_to = self.today
        self.assertEqual(block.state, "active")

    def test_pause_until_a_past_day_is_refused(self):
        yesterday = self.today - timedelta(days=1)
        self._assert_refused("Until", self.customer.write, {"dunning_pause_until": yesterday})

    def test_block_without_customer_is_refused(self):
        self._assert_refused("Customer", self._create_block)
        self._assert_refused("Customer", lambda: self._create_block(partner_id=False))
        block = self._create_block(partner_id=self.customer.id)
        self._assert_refused("Customer", block.write, {"partner_id": False})

    def test_block_on_a_vendor_bill_is_refused(self):
        bill = self._create_invoice(move_type="in_invoice")
        values = {"partner_id": self.customer.id, "move_id": bill.id}
        self._assert_refused("Choose a customer invoice", lambda: self._create_block(**values))
        self._assert_refused("vendor bills", bill.action_dunning_stop)
        payable = bill.line_ids.filtered(lambda line: line.account_type == "liability_payable")
        self._assert_refused("vendor bills", payable.action_dunning_stop)
        self._assert_refused("vendor bills", lambda: bill.write({"prevent_dunning": True}))

    def test_block_on_an_invoice_of_somebody_else_is_refused(self):
        invoice = self._create_invoice()
        values = {"partner_id": self.other_customer.id, "move_id": invoice.id}
        self._assert_refused("Choose a customer invoice", lambda: self._create_block(**values))
        other = self._items(self._create_invoice())
        values = {"partner_id": self.customer.id, "move_id": invoice.id, "move_line_id": other.id}
        self._assert_refused("Choose an installment", lambda: self._create_block(**values))

    def test_block_on_an_invoice_of_another_company_is_refused(self):
        invoice = self._invoice_of_other_company(self.customer)
        values = {"partner_id": self.customer.id, "move_id": invoice.id}
        for company_values in ({}, {"company_id": self.company.id}):
            with self.subTest(**company_values):
                self._assert_refused(
                    "compan", lambda extra=company_values: self._create_block(**values, **extra)
                )
        block = self._create_block(**values, company_id=self.other_company.id)
        self.assertEqual(block.company_id, self.other_company)

    def test_block_on_a_customer_of_another_company_is_refused(self):
        customer = self._fresh_customer(company_id=self.other_company.id)
        self._assert_refused("compan", lambda: self._create_block(partner_id=customer.id))

    def test_block_needs_the_right_to_see_its_company(self):
        user = self._create_user("one company", "account.group_account_invoice")
        invoice = self._invoice_of_other_company(self.customer)
        with self.assertRaises(AccessError):
            invoice.with_user(user).with_company(self.company).action_dunning_stop()

    def test_one_bad_target_among_many_blocks_nothing(self):
        invoices = self._create_invoice() | self._create_invoice()
        bill = self._create_invoice(move_type="in_invoice")
        self._assert_refused("vendor bills", (invoices | bill).action_dunning_stop)
        self.assertFalse(any(invoices.mapped("dunning_stop")))

    def test_users_cannot_delete_blocks(self):
        block = self.customer._dunning_block("stop")
        with self.assertRaises(AccessError):
            block.unlink()
        block.action_lift()
        self.assertEqual(block.state, "lifted")

    def test_form_fills_in_the_customer_and_the_end_by_reason(self):
        reason = self.env.ref("dunning_exclusion.reason_internal")
        child = self.env["res.partner"].create({"name": "C", "parent_id": self.customer.id})
        with Form(self.env["dunning.block"]) as form:
            form.partner_id = child
            form.reason_id = reason
        block = form.save()
        self.assertEqual(block.partner_id, self.customer)
        self.assertEqual(block.date_to, self.today + timedelta(days=14))
