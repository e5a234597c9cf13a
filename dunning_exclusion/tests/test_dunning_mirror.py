from datetime import datetime, timedelta

from freezegun import freeze_time

from odoo.fields import Command
from odoo.tests import tagged

from .common import OutcomeCommon


@tagged("post_install", "-at_install")
class TestMirror(OutcomeCommon):
    """Blocks mirrored into Odoo's 'No Follow-Up' flag, which other engines obey."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.dunning_mirror_no_followup = True
        cls.invoice = cls._create_invoice()
        cls.neighbour = cls._create_invoice()

    def _flags(self):
        self.env.invalidate_all()
        return [self._items(move).no_followup for move in self.invoice | self.neighbour]

    def test_flag_begins_and_ends_with_the_block(self):
        self.invoice.action_dunning_stop()
        self.assertEqual(self._flags(), [True, False])
        self.assertTrue(self.invoice.no_followup)
        self.assertOutcome(self.invoice, "unchecked", "stop_item")
        self.invoice.action_dunning_resume()
        self.assertEqual(self._flags(), [False, False])
        self.assertFalse(self.env["dunning.mirror"].search([]))

    def test_block_on_the_customer_covers_all_its_items_also_new_ones(self):
        self.customer.prevent_dunning = True
        self.assertEqual(self._flags(), [True, True])
        new = self._create_invoice()
        self.assertTrue(self._items(new).no_followup)
        theirs = self._create_invoice(self.other_customer)
        self.assertFalse(self._items(theirs).no_followup)
        self.invoice.action_dunning_stop()
        self.customer.prevent_dunning = False
        self.assertEqual(self._flags(), [True, False], "the invoice has a block of its own")

    def test_flag_is_restored_when_the_block_expires(self):
        self.invoice.dunning_pause_until = self.today + timedelta(days=2)
        self.neighbour._dunning_block("stop", date_from=self.today + timedelta(days=3))
        self.env["dunning.mirror"]._cron_sync()
        self.assertEqual(self._flags(), [True, False])
        with freeze_time(self.today + timedelta(days=3)):
            self.env.invalidate_all()
            self.env["dunning.mirror"]._cron_sync()
            self.assertEqual(self._flags(), [False, True])

    def test_flag_that_a_person_set_is_never_touched(self):
        self.invoice.no_followup = True
        self.invoice.action_dunning_stop()
        self.assertOutcome(self.invoice, "dropped", "no_followup")
        self.invoice.action_dunning_resume()
        self.assertEqual(self._flags(), [True, False])

    def test_flag_that_a_person_changes_meanwhile_is_the_persons(self):
        (self.invoice | self.neighbour).action_dunning_stop()
        self.invoice.no_followup = False
        self.neighbour.no_followup = True
        self.env["dunning.mirror"]._cron_sync()
        self.assertEqual(self._flags(), [False, True])
        self.assertOutcome(self.neighbour, "dropped", "no_followup")
        (self.invoice | self.neighbour).action_dunning_resume()
        self.assertEqual(self._flags(), [False, True])

    def test_switching_the_setting_sets_and_takes_back(self):
        self.company.dunning_mirror_no_followup = False
        self.invoice.action_dunning_stop()
        self.assertEqual(self._flags(), [False, False])
        self.company.dunning_mirror_no_followup = True
        self.assertEqual(self._flags(), [True, False])
        self.company.dunning_mirror_no_followup = False
        self.assertEqual(self._flags(), [False, False])

    def test_flag_survives_reset_to_draft(self):
        self.invoice.action_dunning_stop()
        self.invoice.button_draft()
        self.invoice.invoice_line_ids.price_unit = 70
        self.invoice.action_post()
        self.assertEqual(self._flags(), [True, False])
        self.invoice.action_dunning_resume()
        self.assertEqual(self._flags(), [False, False])

    def test_one_instalment_alone(self):
        invoice = self._create_invoice(
            invoice_date_due=False, invoice_payment_term_id=self._create_term(0, 10).id
        )
        first, second = self._items(invoice)
        first.action_dunning_stop()
        self.assertTrue(first.no_followup)
        self.assertFalse(second.no_followup)

    def test_accountant_needs_no_further_right(self):
        user = self._create_user("collector", "dunning_exclusion.group_dunning_user")
        self.customer.with_user(user).action_dunning_stop()
        self.assertEqual(self._flags(), [True, True])
        self.customer.with_user(user).action_dunning_resume()
        self.assertEqual(self._flags(), [False, False])


@tagged("post_install", "-at_install")
class TestMirrorScope(OutcomeCommon):
    """Companies that have everything flagged that is excluded, not holds alone."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write({"dunning_mirror_no_followup": True, "dunning_mirror_scope": "excluded"})
        cls.promised, cls.free, cls.small, cls.by_hand = (
            cls._create_invoice(amount=amount) for amount in (100, 100, 5, 100)
        )
        cls.promise = cls.env["dunning.promise"].create(
            {
                "partner_id": cls.customer.id,
                "date": cls.today + timedelta(days=5),
                "move_line_ids": [Command.set(cls._items(cls.promised).ids)],
            }
        )
        cls.by_hand.no_followup = True
        cls.company.dunning_item_minimum = 10

    def _sync(self):
        self.env["dunning.mirror"]._cron_sync()
        self.env.invalidate_all()

    def _flagged(self):
        return (self.promised | self.free | self.small | self.by_hand).filtered("no_followup")

    def test_the_job_flags_what_rules_exclude_and_takes_it_back(self):
        self._sync()
        self.assertEqual(self._flagged(), self.promised | self.small | self.by_hand)
        self.assertOutcome(self.promised, "unchecked", "promise")
        self.promise.action_cancel()
        self.company.dunning_item_minimum = 0
        self._sync()
        self.assertEqual(self._flagged(), self.by_hand)
        self.assertFalse(self.env["dunning.mirror"].search([]))

    def test_holds_alone_leave_rules_out(self):
        self._sync()
        self.company.dunning_mirror_scope = "holds"
        self.assertEqual(self._flagged(), self.by_hand)
        self.free.action_dunning_stop()
        self._sync()
        self.assertEqual(self._flagged(), self.free | self.by_hand)
        self.company.dunning_mirror_scope = "excluded"
        self.assertEqual(self._flagged(), self.promised | self.free | self.small | self.by_hand)

    def test_a_hold_counts_at_once_and_what_rules_exclude_stays(self):
        self._sync()
        (self.free | self.promised).action_dunning_stop()
        self.assertEqual(self._flagged(), self.promised | self.free | self.small | self.by_hand)
        self._sync()
        (self.free | self.promised).action_dunning_resume()
        self.assertEqual(self._flagged(), self.promised | self.small | self.by_hand)

    def test_an_end_of_a_hold_keeps_no_flag_for_a_reason_that_has_gone(self):
        self.promised.action_dunning_stop()
        self._sync()
        self.promise.action_cancel()
        self._sync()
        self.assertTrue(self.promised.no_followup)
        self.promised.action_dunning_resume()
        self.assertFalse(self.promised.no_followup)

    def test_a_flag_that_a_person_cleared_is_not_set_again(self):
        self._sync()
        self.small.no_followup = False
        self._sync()
        self.assertEqual(self._flagged(), self.promised | self.by_hand)

    def test_companies_choose_for_themselves(self):
        other = self.setup_other_company()["company"]
        other.write({"dunning_mirror_no_followup": True, "dunning_item_minimum": 10})
        invoice = self._create_invoice(amount=5, company_id=other.id)
        self._sync()
        self.assertFalse(invoice.no_followup)
        other.dunning_mirror_scope = "excluded"
        self.assertTrue(invoice.no_followup)
        self.assertEqual(self._flagged(), self.promised | self.small | self.by_hand)

    def test_no_query_more_for_more_items(self):
        def count():
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.env["dunning.mirror"]._sync(self.company)
            return self.env.cr.sql_log_count - before

        count()
        few = count()
        for _number in range(10):
            self._create_invoice(amount=5)
        self.assertEqual(count(), few)

    def test_the_job_comes_shortly_before_that_of_enterprise(self):
        begins = datetime(2026, 3, 9, 2, 0)
        job = self.env.ref("dunning_exclusion.cron_mirror")
        self.env["ir.cron"].create(
            {
                "name": "Account Report Followup; Execute followup",
                "model_id": self.env.ref("base.model_res_partner").id,
                "code": "model._cron_execute_followup()",
                "nextcall": begins,
                "interval_type": "days",
            }
        )
        cases = {
            datetime(2026, 3, 8, 12, 0): begins - timedelta(minutes=10),
            datetime(2026, 3, 9, 1, 50): begins + timedelta(days=1, minutes=-10),
            datetime(2026, 3, 11, 12, 0): begins + timedelta(days=3, minutes=-10),
        }
        for now, expected in cases.items():
            with self.subTest(now), freeze_time(now):
                triggers = self.env["ir.cron.trigger"].search([("cron_id", "=", job.id)])
                self._sync()
                new = self.env["ir.cron.trigger"].search([("cron_id", "=", job.id)]) - triggers
                self.assertEqual(new.mapped("call_at"), [expected])
