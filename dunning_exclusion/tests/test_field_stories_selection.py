from datetime import datetime, timedelta

from freezegun import freeze_time

from odoo.fields import Command
from odoo.tests import tagged

from .common import OutcomeCommon


@tagged("post_install", "-at_install")
class TestFieldStoriesSelection(OutcomeCommon):
    """Failures that other systems really had when choosing whom to remind of what."""

    def _listed(self, run):
        """Return {invoice: outcome} of the lines of a run."""
        return {line.move_id: line.outcome for line in run.line_ids}

    def test_story_13_paid_between_list_and_send(self):
        paid, other = self._create_invoice(), self._create_invoice(amount=70)
        run = self._create_run()
        self._pay(paid)
        run.action_send()
        line = run.line_ids.filtered(lambda line: line.move_id == paid)
        self.assertEqual((line.rule_id.code, line.checked), ("paid", False))
        self.assertFalse(line.notice_id)
        self.assertEqual(run.notice_ids.line_ids.move_id, other)

    def test_story_14_paid_invoices_are_never_sent(self):
        full = self._create_invoice()
        self._pay(full)
        reversed_one = self._create_invoice()
        refund = reversed_one._reverse_moves()
        refund.invoice_date = self.today
        refund.action_post()
        self.assertEqual(reversed_one.payment_state, "reversed")
        in_payment = self._create_invoice()
        in_payment.payment_state = "in_payment"
        run = self._create_run()
        listed = self._listed(run)
        self.assertNotIn(full, listed)
        self.assertNotIn(reversed_one, listed)
        self.assertEqual(listed[in_payment], "unchecked")
        run.action_send()
        self.assertFalse(run.notice_ids)

    def test_story_15_state_and_residual_that_contradict_each_other(self):
        shown_paid = self._create_invoice()
        shown_paid.payment_state = "paid"
        self.assertOutcome(shown_paid, "unchecked", "paid")
        blocked = self._create_invoice()
        blocked.action_toggle_block_payment()
        self.assertOutcome(blocked, "unchecked", "blocked_payment")
        self._pay(blocked)
        self.assertEqual(blocked.amount_residual, 0)
        self.assertFalse(self._screened(blocked), "paid, whatever the state says")

    def test_story_16_each_invoice_decides_for_itself(self):
        first, second, last = (self._create_invoice() for _number in range(3))
        self._pay(second)
        self._pay(last)
        self.assertEqual(self._listed(self._create_run()), {first: "included"})

    def test_story_17_each_line_shows_its_own_amount(self):
        amounts = {self._create_invoice(amount=amount): amount for amount in (10, 20, 30)}
        run = self._create_run()
        self.assertEqual({line.move_id: line.amount_residual for line in run.line_ids}, amounts)
        rows = self.env["dunning.screening"].search([("partner_id", "=", self.customer.id)])
        self.assertEqual({row.move_id: row.amount_residual for row in rows}, amounts)

    def test_story_18_due_today_is_not_overdue(self):
        self.scenario.level_ids[0].delay = 0
        invoice = self._create_invoice(days=0)
        row = self.env["dunning.screening"].search([("move_id", "=", invoice.id)])
        self.assertEqual((row.days_overdue, row.overdue, row.reminded_amount), (0, 0, 0))
        self.assertEqual(self.customer.dunning_overdue, 0)
        with freeze_time(datetime.combine(self.today + timedelta(days=1), datetime.min.time())):
            self.env.invalidate_all()
            row = self.env["dunning.screening"].search([("move_id", "=", invoice.id)])
            self.assertEqual((row.days_overdue, row.overdue, row.reminded_amount), (1, 100, 100))

    def test_story_19_days_after_are_not_days_before(self):
        after, before = self.scenario.level_ids[0], self.scenario.level_ids[1]
        after.delay = 60
        self.scenario.level_ids[2].delay = 90
        late, soon = self._create_invoice(days=-61), self._create_invoice(days=60)
        before.unlink()
        self.assertEqual(self._listed(self._create_run()), {late: "included"})
        after.delay = -60
        levels = {line.move_id: line.level_id for line in self._create_run().line_ids}
        self.assertEqual(levels[soon], after)

    def test_story_20_new_invoice_is_not_past_due_the_day_after(self):
        self._create_invoice(days=30)
        with freeze_time(datetime.combine(self.today + timedelta(days=1), datetime.min.time())):
            self.env.invalidate_all()
            self.assertFalse(self._create_run().line_ids)

    def test_story_21_overdue_list_contains_overdue_items_only(self):
        due, _not_due = self._create_invoice(days=-5), self._create_invoice(days=5)
        invoice = self._create_invoice(
            days=-20,
            invoice_date_due=False,
            invoice_payment_term_id=self._create_term(0, 60).id,
        )
        run = self._create_run()
        first = self._items(invoice).sorted("date_maturity")[0]
        self.assertEqual(run.line_ids.move_line_id, self._items(due) | first)
        self.assertGreater(min(run.line_ids.mapped("days_overdue")), 0)

    def test_story_22_drafts_and_cancelled_entries_count_nowhere(self):
        posted = self._create_invoice(amount=80)
        self._create_invoice(post=False)
        cancelled = self._create_invoice()
        cancelled.button_draft()
        cancelled.button_cancel()
        refund = self._refund(self.customer, 50)
        refund.button_draft()
        refund.button_cancel()
        run = self._create_run()
        self.assertEqual(run.line_ids.move_id, posted)
        self.assertEqual(self.customer.dunning_outstanding, 80)

    def test_story_23_partly_paid_invoice_is_reminded_of_the_rest(self):
        invoice = self._create_invoice(amount=100)
        self._pay(invoice, 30)
        run = self._create_run()
        self.assertEqual((run.line_ids.move_id, run.line_ids.amount_residual), (invoice, 70))

    def test_story_24_nothing_is_sent_over_zero(self):
        receivable = self.company_data["default_account_receivable"]
        other = self.company_data["default_account_revenue"]
        for debit, credit in ((100, 0), (0, 100)):
            entry = self.env["account.move"].create(
                {
                    "move_type": "entry",
                    "date": self.today - timedelta(days=60),
                    "line_ids": [
                        Command.create(
                            {
                                "account_id": account.id,
                                "partner_id": self.customer.id,
                                "debit": own_debit,
                                "credit": own_credit,
                            }
                        )
                        for account, own_debit, own_credit in (
                            (receivable, debit, credit),
                            (other, credit, debit),
                        )
                    ],
                }
            )
            entry.action_post()
        self.assertEqual(self.customer.dunning_outstanding, 0)
        self.assertFalse(self._create_run().line_ids.filtered("checked"), "a credit covers it")
        self.env.ref("dunning_exclusion.rule_covered").enabled = False
        run = self._create_run()
        lines = run.line_ids.filtered("checked")
        self.assertTrue(lines)
        run.action_send()
        self.assertFalse(run.notice_ids)
        self.assertEqual(set(lines.mapped("skip_reason")), {"Nothing is owed in total."})

    def test_story_25_missing_due_date_and_empty_invoice(self):
        empty = self.env["account.move"].create(
            {"move_type": "out_invoice", "partner_id": self.customer.id}
        )
        self.assertFalse(empty.dunning_outcome)
        self.assertEqual(empty.dunning_explain(), [])
        invoice = self._create_invoice()
        self.env.cr.execute(
            "UPDATE account_move_line SET date_maturity = NULL WHERE id IN %s",
            [tuple(self._items(invoice).ids)],
        )
        self.env.invalidate_all()
        self.assertOutcome(invoice, "included")
        row = self.env["dunning.screening"].search([("move_id", "=", invoice.id)])
        self.assertEqual(row.date_due, self._items(invoice).date)

    def test_story_26_reminding_one_invoice_does_not_hold_the_others(self):
        self.scenario.min_days_between = 30
        first = self._create_invoice(days=-5)
        self._create_run().action_send()
        second = self._create_invoice(days=-6)
        self.assertEqual(self._listed(self._create_run()), {second: "included"})
        self.assertTrue(first.dunning_outcome)

    def test_story_27_company_currency_written_as_currency(self):
        self.company.dunning_item_minimum = 50
        currency = self.company.currency_id
        invoice = self._create_invoice(amount=60, currency_id=currency.id)
        self.assertEqual(self._items(invoice).currency_id, currency)
        self.assertOutcome(invoice, "included")

    def test_story_28_thresholds_in_company_currency_around_the_limit(self):
        self.company.dunning_item_minimum = 100
        yen = self.setup_other_currency("JPY", rounding=1.0, rates=[("1900-01-01", 150.0)])
        euro = self.foreign
        for currency, below, above in ((yen, 14900, 15000), (euro, 199, 200)):
            with self.subTest(currency=currency.name):
                customer = self._fresh_customer()
                small = self._create_invoice(customer, below, currency_id=currency.id)
                large = self._create_invoice(customer, above, currency_id=currency.id)
                self.assertOutcome(small, "unchecked", "item_minimum")
                self.assertOutcome(large, "included")
                row = self.env["dunning.screening"].search([("move_id", "=", large.id)])
                self.assertEqual((row.amount_residual, row.reminded_amount), (100, 100))
                self.assertEqual(row.amount_residual_currency, above)

    def test_story_29_each_item_keeps_its_own_currency(self):
        euro = self._create_invoice(amount=90, currency_id=self.foreign.id)
        own = self._create_invoice(amount=90)
        run = self._create_run()
        found = {
            line.move_id: (line.currency_id, line.amount_residual_currency, line.amount_residual)
            for line in run.line_ids
        }
        self.assertEqual(
            found,
            {euro: (self.foreign, 90, 45), own: (self.company.currency_id, 90, 90)},
        )

    def test_story_34_archived_customer_is_not_reminded(self):
        invoice = self._create_invoice()
        child = self.env["res.partner"].create({"name": "Child", "parent_id": self.customer.id})
        child.action_archive()
        self.assertOutcome(invoice, "included", None, "an archived contact changes nothing")
        self.customer.action_archive()
        run = self._create_run()
        self.assertEqual(self._listed(run), {invoice: "dropped"})
        run.action_send()
        self.assertFalse(run.notice_ids)

    def test_story_37_part_payment_skips_no_level(self):
        oldest, other = self._create_invoice(days=-5), self._create_invoice(days=-4)
        run = self._create_run()
        run.action_send()
        run.notice_ids.sudo().state = "sent"
        self._pay(oldest)
        with freeze_time(datetime.combine(self.today + timedelta(days=12), datetime.min.time())):
            self.env.invalidate_all()
            run = self._create_run()
            self.assertEqual(run.line_ids.move_id, other)
            self.assertEqual(run.line_ids.level_id, self.scenario.level_ids[1])

    def test_story_38_pause_ends_at_the_companys_midnight(self):
        for zone, free in (
            ("Pacific/Tongatapu", datetime(2026, 6, 10, 11, 1)),
            ("Pacific/Pago_Pago", datetime(2026, 6, 11, 11, 1)),
        ):
            with self.subTest(zone=zone):
                self.company.partner_id.tz = zone
                customer = self._fresh_customer()
                with freeze_time(free - timedelta(minutes=2)):
                    invoice = self._create_invoice(customer, days=-300)
                    customer.dunning_pause_until = "2026-06-10"
                    self.assertOutcome(invoice, "dropped", "pause_customer")
                with freeze_time(free):
                    self.env.invalidate_all()
                    self.assertOutcome(invoice, "included")

    def test_story_39_hold_survives_draft_edit_and_post(self):
        invoice = self._create_invoice()
        invoice.action_dunning_stop()
        invoice.button_draft()
        invoice.write(
            {
                "invoice_payment_term_id": self._create_term(0, 10).id,
                "invoice_line_ids": [
                    Command.update(invoice.invoice_line_ids.id, {"price_unit": 300})
                ],
            }
        )
        invoice.action_post()
        self.assertEqual(set(self._screened(invoice).values()), {"unchecked"})

    def test_story_40_hold_on_contact_or_parent_is_seen(self):
        child = self.env["res.partner"].create({"name": "Child", "parent_id": self.customer.id})
        of_child, of_parent = self._create_invoice(child), self._create_invoice()
        for flagged in (child, self.customer):
            flagged.dunning_stop = True
            self.assertOutcome(of_child, "unchecked", "stop_customer")
            self.assertOutcome(of_parent, "unchecked", "stop_customer")
            flagged.dunning_stop = False

    def test_story_41_accountant_without_contact_rights_can_stop(self):
        invoice = self._create_invoice()
        for group in ("invoice", "user", "manager"):
            with self.subTest(group=group):
                user = self._create_user(f"acc {group}", f"account.group_account_{group}")
                self.customer.with_user(user).action_dunning_stop()
                self.assertOutcome(invoice, "unchecked", "stop_customer")
                self.customer.with_user(user).action_dunning_resume()

    def test_story_42_expired_hold_returns_and_old_ones_are_listed(self):
        invoice = self._create_invoice()
        invoice.dunning_pause_until = self.today
        old = self.other_customer._dunning_block("stop", date_from=self.today - timedelta(days=120))
        listed = self.env["dunning.block"].search([("forgotten", "=", True)])
        self.assertIn(old, listed)
        self.assertNotIn(invoice.dunning_block_ids, listed)
        with freeze_time(datetime.combine(self.today + timedelta(days=1), datetime.min.time())):
            self.env.invalidate_all()
            self.assertOutcome(invoice, "included")

    def test_story_43_excluded_customers_cost_no_query(self):
        def queries():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.env["dunning.screening"].search([]).mapped("outcome")
            return self.env.cr.sql_log_count - before

        self._create_invoice()
        queries()
        few = queries()
        for _number in range(15):
            customer = self._fresh_customer()
            self._create_invoice(customer)
            customer._dunning_block("prevent")
        self.assertEqual(queries(), few)

    def test_story_44_totals_count_held_items_and_say_so(self):
        self._create_invoice(amount=100)
        held = self._create_invoice(amount=40)
        held.dunning_pause_until = self.today + timedelta(days=3)
        run = self._create_run()
        run.action_send()
        notice = run.notice_ids
        self.assertEqual((notice.amount, notice.outstanding), (100, 140))
        self.assertNotIn(held, notice.line_ids.move_id)
