from datetime import datetime, timedelta

from freezegun import freeze_time

from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import OutcomeCommon


@tagged("post_install", "-at_install")
class TestSurvival(OutcomeCommon):
    """Blocks outlive what happens to invoices and contacts, and days end where the company is."""

    def _instalments(self, invoice):
        return self._items(invoice).sorted("date_maturity")

    def _reset_and_post(self, invoice, **values):
        invoice.button_draft()
        if values:
            invoice.write(values)
        invoice.action_post()

    def test_block_on_an_invoice_survives_reset_edit_and_repost(self):
        term = self._create_term(0, 10)
        for values in (
            {},
            {"invoice_payment_term_id": term.id},
            {"invoice_payment_term_id": term.id, "invoice_date_due": False},
            {"ref": "edited"},
        ):
            with self.subTest(**values):
                invoice = self._create_invoice(self._fresh_customer())
                invoice.action_dunning_stop()
                block = invoice.dunning_block_ids
                self._reset_and_post(invoice, **values)
                self.assertTrue(block.exists())
                self.assertTrue(invoice.dunning_stop)
                self.assertEqual(set(self._screened(invoice).values()), {"unchecked"})

    def test_block_survives_a_changed_price(self):
        invoice = self._create_invoice()
        invoice.prevent_dunning = True
        invoice.button_draft()
        invoice.invoice_line_ids.price_unit = 250
        invoice.action_post()
        self.assertOutcome(invoice, "dropped", "prevent_item")

    def _block_instalment(self, *days, which=0):
        """Return the block on one instalment of a new invoice that is paid in instalments."""
        invoice = self._create_invoice(
            self._fresh_customer(),
            invoice_date_due=False,
            invoice_payment_term_id=self._create_term(*days).id,
        )
        self._instalments(invoice)[which].action_dunning_stop()
        return invoice.dunning_block_ids

    def test_block_on_an_instalment_stays_there_when_its_invoice_is_posted_again(self):
        for values in ({}, {"ref": "edited"}):
            with self.subTest(**values):
                block = self._block_instalment(0, 10)
                item = block.move_line_id
                self._reset_and_post(block.move_id, **values)
                self.assertEqual(block.move_line_id, item)
                self.assertEqual(self._items(block.move_id).filtered("dunning_stop"), item)

    def test_block_on_an_instalment_stays_there_when_the_price_changes(self):
        block = self._block_instalment(0, 10, which=1)
        item = block.move_line_id
        block.move_id.button_draft()
        block.move_id.invoice_line_ids.price_unit = 250
        block.move_id.action_post()
        self.assertEqual((block.move_line_id, item.amount_residual), (item, 125))

    def test_block_on_an_instalment_falls_back_to_the_entry_when_it_is_rebuilt(self):
        """Odoo gives the item of an instalment to another one, in whatever order it likes."""
        for before, after in (
            ((0, 10), (5, 15)),
            ((0, 10), (5, 15, 25)),
            ((0, 10, 20), (5,)),
            ((0, 10), (0, 30)),
            ((0,), (0, 30)),
            ((0, 10), (0,)),
        ):
            for which in range(len(before)):
                with self.subTest(before=before, after=after, which=which):
                    block = self._block_instalment(*before, which=which)
                    invoice = block.move_id
                    term = self._create_term(*after)
                    self._reset_and_post(invoice, invoice_payment_term_id=term.id)
                    self.assertEqual(len(self._items(invoice)), len(after))
                    self.assertFalse(block.move_line_id)
                    self.assertEqual(block.state, "active")
                    self.assertTrue(all(self._items(invoice).mapped("dunning_stop")))
                    self.assertEqual(set(self._screened(invoice).values()), {"unchecked"})

    def test_block_on_an_instalment_falls_back_when_the_form_is_saved(self):
        block = self._block_instalment(0, 10)
        invoice, item, term = block.move_id, block.move_line_id, self._create_term(5, 15)
        invoice.button_draft()
        with Form(invoice) as form:
            form.invoice_payment_term_id = term
            self.env.flush_all()
            self.assertEqual(block.move_line_id, item, "not saved yet")
        self.assertFalse(block.move_line_id)

    def test_block_on_an_instalment_falls_back_when_users_without_its_rights_rebuild_it(self):
        user = self._create_user("biller", "account.group_account_invoice")
        block = self._block_instalment(0, 10)
        invoice, term = block.move_id, self._create_term(5, 15)
        self._reset_and_post(invoice.with_user(user), invoice_payment_term_id=term.id)
        self.assertFalse(block.move_line_id)

    def test_block_on_an_instalment_falls_back_to_the_entry_when_it_is_deleted(self):
        block = self._block_instalment(0, 10)
        invoice = block.move_id
        invoice.button_draft()
        invoice.line_ids.filtered(lambda line: line.display_type == "payment_term").with_context(
            dynamic_unlink=True, check_move_validity=False
        ).unlink()
        block.invalidate_recordset()
        self.assertEqual(block.move_id, invoice)
        self.assertFalse(block.move_line_id)
        self.assertEqual(block.state, "active")

    def test_block_goes_with_the_invoice_to_another_customer(self):
        invoice = self._create_invoice()
        invoice.action_dunning_stop()
        self._reset_and_post(invoice, partner_id=self.other_customer.id)
        self.assertOutcome(invoice, "unchecked", "stop_item")
        self.assertEqual(invoice.dunning_block_ids.partner_id, self.other_customer)

    def test_merge_of_contacts_carries_blocks_and_promises_over(self):
        invoice, of_target = self._create_invoice(), self._create_invoice(self.other_customer)
        item = self._items(invoice)
        self.customer.action_dunning_stop()
        invoice.prevent_dunning = True
        promise = self.env["dunning.promise"].create(
            {"partner_id": self.customer.id, "move_line_ids": item.ids, "date": self.today}
        )
        wizard = self.env["base.partner.merge.automatic.wizard"].create(
            {
                "partner_ids": [Command.set((self.customer | self.other_customer).ids)],
                "dst_partner_id": self.other_customer.id,
            }
        )
        wizard.action_merge()
        self.env.invalidate_all()
        self.assertFalse(self.customer.exists())
        self.assertTrue(self.other_customer.dunning_stop)
        self.assertOutcome(invoice, "dropped", "prevent_item")
        self.assertOutcome(of_target, "unchecked", "stop_customer")
        self.assertEqual(promise.partner_id, self.other_customer)

    def test_merge_into_a_contact_of_another_customer(self):
        child = self.env["res.partner"].create(
            {"name": "Child", "parent_id": self.other_customer.id}
        )
        invoice = self._create_invoice()
        self.customer.action_dunning_stop()
        self.env["base.partner.merge.automatic.wizard"]._merge(
            (self.customer | child).ids, child, extra_checks=False
        )
        self.env.invalidate_all()
        self.assertTrue(self.other_customer.dunning_stop)
        self.assertOutcome(invoice, "unchecked", "stop_customer")

    def test_archived_customer_keeps_its_blocks(self):
        invoice = self._create_invoice()
        self.customer.action_dunning_stop()
        self.customer.action_archive()
        self.assertEqual(self._reasons(invoice), ["archived", "stop_customer"])
        self.customer.action_unarchive()
        self.assertOutcome(invoice, "unchecked", "stop_customer")

    def test_customer_that_becomes_a_contact_brings_its_blocks(self):
        invoice = self._create_invoice()
        self.customer.action_dunning_stop()
        invoice.prevent_dunning = True
        self.customer.parent_id = self.other_customer
        self.assertEqual(self.customer.commercial_partner_id, self.other_customer)
        self.assertTrue(self.other_customer.dunning_stop)
        self.assertTrue(self.customer.dunning_stop)
        self.assertEqual(self._reasons(invoice), ["prevent_item", "stop_customer"])

    def test_invoice_stays_held_when_its_contact_leaves_the_customer(self):
        """The entries stay with the customer they were posted for, so the blocks do, too."""
        for values in ({"parent_id": False}, {"is_company": True}):
            with self.subTest(**values):
                child = self.env["res.partner"].create(
                    {"name": "Child", "parent_id": self.customer.id}
                )
                invoice = self._create_invoice(child)
                invoice.action_dunning_stop()
                items = self._items(invoice)
                promise = self.env["dunning.promise"].create(
                    {"partner_id": child.id, "move_line_ids": items.ids, "date": self.today}
                )
                child.write(values)
                self.assertEqual(child.commercial_partner_id, child)
                self.assertEqual(items.partner_id, self.customer)
                self.assertEqual(invoice.dunning_block_ids.partner_id, self.customer)
                self.assertEqual(promise.partner_id, self.customer)
                self.assertEqual(self._reasons(invoice), ["stop_item", "promise"])
                invoice.action_dunning_resume()
                invoice.action_dunning_stop()
                self.assertTrue(invoice.dunning_stop)

    def test_invoice_of_a_customer_that_became_a_contact_can_be_held(self):
        invoice = self._create_invoice()
        self.customer.parent_id = self.other_customer
        invoice.action_dunning_stop()
        self.assertEqual(invoice.dunning_block_ids.partner_id, self.other_customer)
        self.assertOutcome(invoice, "unchecked", "stop_item")
        self._items(invoice).prevent_dunning = True
        self.assertOutcome(invoice, "dropped", "prevent_item")

    # Days -----------------------------------------------------------------------------------

    def test_days_end_at_midnight_where_the_company_is(self):
        """UTC+13 and UTC-11: the same moment is the last day of a pause, or the day after."""
        for zone, last_moment in (
            ("Pacific/Tongatapu", datetime(2026, 6, 10, 10, 59)),
            ("Pacific/Pago_Pago", datetime(2026, 6, 11, 10, 59)),
        ):
            with self.subTest(zone=zone):
                self.company.partner_id.tz = zone
                customer = self._fresh_customer()
                with freeze_time(last_moment):
                    invoice = self._create_invoice(customer, days=-300)
                    customer.dunning_pause_until = "2026-06-10"
                    block = customer.dunning_block_ids
                    self.assertEqual(self.company._dunning_today().day, 10)
                    self.assertOutcome(invoice, "dropped", "pause_customer")
                    self.assertEqual(block.state, "active")
                    Block = self.env["dunning.block"]
                    active = [("id", "=", block.id), ("state", "=", "active")]
                    self.assertTrue(Block.search(active))
                with freeze_time(last_moment + timedelta(minutes=2)):
                    self.env.invalidate_all()
                    self.assertEqual(self.company._dunning_today().day, 11)
                    self.assertOutcome(invoice, "included")
                    self.assertFalse(customer.dunning_pause)
                    self.assertEqual(block.state, "expired")
                    self.assertFalse(Block.search(active))

    def test_companies_in_different_zones_have_different_days(self):
        self.company.partner_id.tz = "Pacific/Tongatapu"
        self.other_company.partner_id.tz = "Pacific/Pago_Pago"
        both = self.company | self.other_company
        with freeze_time("2026-06-10 11:30:00"):
            self.env.invalidate_all()
            here = self._create_invoice(days=-300)
            there = self._invoice_of_other_company(self.customer)
            for company in both:
                self.customer.with_company(company)._dunning_block(
                    "pause", date_from="2026-06-01", date_to="2026-06-10"
                )
            screening = self.env["dunning.screening"].with_context(allowed_company_ids=both.ids)
            outcomes = {
                row.move_id: row.outcome
                for row in screening.search([("partner_id", "=", self.customer.id)])
            }
            self.assertEqual(outcomes, {here: "included", there: "dropped"})
