from datetime import timedelta

from freezegun import freeze_time

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
