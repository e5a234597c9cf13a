from psycopg2.errors import UniqueViolation

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestMerge(DunningCommon):
    """Nothing that was decided about customers or sent to them is lost when they are merged."""

    def _merge(self, source, target):
        """Merge `source` into `target` as the wizard of Odoo does it."""
        wizard = self.env["base.partner.merge.automatic.wizard"].create(
            {
                "partner_ids": [Command.set((source | target).ids)],
                "dst_partner_id": target.id,
            }
        )
        wizard._merge((source | target).ids, target, extra_checks=False)
        self.env.invalidate_all()
        self.assertFalse(source.exists())

    def _send_to(self, customers, state="done"):
        """Return the notices of a run that reminded the customers at the same level."""
        for customer in customers:
            self._create_invoice(customer)
        run = self._create_run()
        run.action_send()
        run.sudo().state = state
        self.assertEqual(run.notice_ids.partner_id, customers)
        self.assertEqual(len(run.notice_ids.level_id), 1)
        # sudo: nobody writes notices by hand
        return run.notice_ids.sudo()

    def test_customers_keep_their_reminders_of_the_same_run_and_level(self):
        for state in ("done", "prepared", "sending"):
            with self.subTest(state=state):
                source, target = (self._create_customer(name) for name in ("Source", "Target"))
                notices = self._send_to(source | target, state)
                lines = {notice: notice.line_ids for notice in notices}
                self._merge(source, target)
                self.assertEqual(notices.exists(), notices)
                self.assertEqual(target.dunning_notice_ids, notices)
                self.assertEqual({notice: notice.line_ids for notice in notices}, lines)

    def test_customers_are_merged_one_after_the_other(self):
        third = self._create_customer("Gamma")
        notices = self._send_to(self.customer | self.other_customer | third)
        self._merge(self.customer, self.other_customer)
        self._merge(self.other_customer, third)
        self.assertEqual(notices.exists(), notices)
        self.assertEqual(third.dunning_notice_ids, notices)

    def test_reminders_of_the_twin_of_a_contact_are_those_of_its_customer(self):
        child = self.env["res.partner"].create(
            {"name": "Child", "parent_id": self.other_customer.id}
        )
        notices = self._send_to(self.customer | self.other_customer)
        self._merge(self.customer, child)
        self.assertEqual(notices.partner_id, self.other_customer)

    def test_run_goes_on_where_customers_are_merged_before_one_has_its_message(self):
        for late in ("customer", "other_customer"):
            with self.subTest(late=late):
                source, target = (self._create_customer(name) for name in ("Source", "Target"))
                first, second = (source, target) if late == "customer" else (target, source)
                invoices = self._create_invoice(first) | self._create_invoice(second)
                run = self._create_run()
                run.sudo().state = "sending"
                self.env["dunning.sender"]._send_customers(run, first)
                self.assertEqual(run.notice_ids.partner_id, first)
                self._merge(source, target)
                run.action_send()
                self.assertEqual(run.state, "done")
                self.assertEqual(run.notice_ids.partner_id, target)
                self.assertEqual(run.notice_ids.line_ids.move_id, invoices)
                self.assertEqual(set(run.notice_ids.mapped("state")), {"queued"})

    @mute_logger("odoo.sql_db")
    def test_database_still_refuses_a_second_reminder_of_a_merged_customer(self):
        notices = self._send_to(self.customer | self.other_customer)
        self._merge(self.customer, self.other_customer)
        kept = notices.filtered(lambda notice: not notice.merged)
        self.assertEqual(len(kept), 1)
        with self.assertRaises(UniqueViolation), self.env.cr.savepoint():
            kept.copy()
            self.env.flush_all()

    def test_failed_reminders_of_both_are_retried(self):
        notices = self._send_to(self.customer | self.other_customer)
        notices.write({"state": "failed", "failure_reason": "full"})
        lines = notices.line_ids
        self._merge(self.customer, self.other_customer)
        notices.run_id.action_retry_failed()
        self.assertEqual(sorted(notices.mapped("state")), ["queued", "skipped"])
        self.assertEqual(lines.notice_id.state, "queued")

    def test_what_was_chosen_for_both_customers_is_kept_for_the_one_that_is_left(self):
        final = self.env.ref("dunning_exclusion.type_final_notice")
        both = self.customer | self.other_customer
        profiles = self.env["dunning.profile"].create([{"name": "First"}, {"name": "Second"}])
        for customer, profile in zip(both, profiles, strict=True):
            customer.action_dunning_stop()
            invoice = self._create_invoice(customer)
            self.env["dunning.promise"].create(
                {"partner_id": customer.id, "move_line_ids": self._items(invoice).ids}
            )
            customer.dunning_profile_id = profile
        both.dunning_type_off_ids = self.type_overdue
        self.customer.dunning_type_off_ids |= final
        self.type_overdue.write({"customer_filter": "except", "customer_ids": both.ids})
        self.scenario.level_ids[0].additional_partner_ids = both
        self._merge(self.customer, self.other_customer)
        customer = self.other_customer
        self.assertEqual(len(customer.dunning_block_ids), 2)
        self.assertEqual(len(customer.dunning_promise_ids), 2)
        self.assertEqual(customer.dunning_profile_id, profiles[1])
        self.assertEqual(customer.dunning_type_off_ids, self.type_overdue | final)
        self.assertEqual(self.type_overdue.customer_ids, customer)
        self.assertEqual(self.scenario.level_ids[0].additional_partner_ids, customer)
