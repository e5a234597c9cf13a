from datetime import timedelta

from odoo import fields
from odoo.tests import tagged

from .tours_common import ToursCommon


@tagged("post_install", "-at_install")
class TestTours(ToursCommon):
    """What people do most, in a real browser, as the person who does it."""

    def test_accountant_stops_a_customer_pauses_an_invoice_and_sends_the_rest(self):
        self._create_invoice(amount=700)
        reminded = self._create_invoice(self.other_customer, amount=300)
        paused = self._create_invoice(self.other_customer, amount=200)
        self._start(f"res.partner/{self.customer.id}", "dunning_main_job")
        self.assertTrue(self.customer.dunning_stop)
        self.assertEqual(self.customer.dunning_block_ids.user_id, self.accountant)
        notice = self.env["dunning.notice"].search([("company_id", "=", self.company.id)])
        self.assertEqual(notice.partner_id, self.other_customer)
        self.assertEqual(notice.line_ids.move_id, reminded)
        self.assertEqual(notice.outstanding, 500)
        self.assertNotIn(paused.name, notice.body)
        self.assertIn(reminded.name, notice.body)
        self._start(f"res.partner/{self.other_customer.id}", "dunning_history")

    def test_new_user_finds_everything_by_what_the_screens_say(self):
        self._create_invoice(amount=100)
        self._create_invoice(self.other_customer, amount=300)
        gamma = self._create_customer("Gamma")
        promised = self._create_invoice(gamma, amount=70)
        delta = self._create_customer("Delta")
        self._create_invoice(delta, amount=20)
        delta.action_dunning_stop()
        (self.customer | self.other_customer | gamma | delta).customer_rank = 1
        self._start("", "dunning_new_user")
        self.assertTrue(self.customer.dunning_stop)
        self.assertEqual(self.env["dunning.promise"].search([]).move_line_ids.move_id, promised)
        notice = self.env["dunning.notice"].search([("company_id", "=", self.company.id)])
        self.assertEqual(notice.partner_id, self.other_customer)

    def test_task_list_is_worked_without_leaving_it(self):
        self._create_invoice(self.other_customer, amount=300)
        self._create_invoice(self.other_customer, amount=100)
        stopped = self._create_invoice(amount=50)
        stopped.action_dunning_stop()
        gamma = self._create_customer("Gamma")
        self._create_invoice(gamma, amount=70)
        gamma.prevent_dunning = True
        run = self._create_run()
        self._start("action-dunning_exclusion.action_open_latest_run", "dunning_task_list")
        line = run.line_ids.filtered(lambda line: line.move_id == stopped)
        self.assertEqual(line.override_user_id, self.accountant)
        promise = self.env["dunning.promise"].search([("partner_id", "=", self.other_customer.id)])
        self.assertEqual(promise.open_amount, 300)

    def test_task_list_is_worked_with_the_keys_alone(self):
        stopped = self._create_invoice(self.other_customer, amount=300, days=-20)
        self._create_invoice(self.other_customer, amount=100)
        run = self._create_run()
        self._start("action-dunning_exclusion.action_open_latest_run", "dunning_keys")
        self.assertTrue(stopped.dunning_stop)
        ticked = run.line_ids.filtered("checked")
        self.assertEqual(ticked.mapped("amount_residual"), [100])

    def test_todays_list_is_there_at_once_and_its_link_keeps_it(self):
        self._create_invoice()
        old = self._create_run(date=self._days(-1))
        self._start("action-dunning_exclusion.action_open_latest_run", "dunning_todays_list")
        runs = self.env["dunning.run"].search([("company_id", "=", self.company.id)])
        self.assertEqual(runs.mapped("date"), [self.today] * 2)
        self.assertEqual(len(runs - old), 1, "reloading prepared no other list")

    def test_saved_link_opens_its_list_in_a_new_tab(self):
        self._create_invoice(self.other_customer, amount=40)
        run = self._create_run(date=self._days(-1))
        self._create_invoice()
        self._create_run()
        path = f"dunning.run/{run.id}/action-dunning_exclusion.dunning_run_line_action"
        self._start(path, "dunning_saved_link")

    def test_promise_dialog_that_is_left_open_leaves_no_promise_behind(self):
        self._create_invoice()
        self._create_run()
        self._start("action-dunning_exclusion.action_open_latest_run", "dunning_promise_left")
        self.assertFalse(
            self.env["dunning.promise"].search([("partner_id", "=", self.customer.id)])
        )

    def test_invoice_is_stopped_from_its_form(self):
        invoice = self._create_invoice()
        self._start(f"account.move/{invoice.id}", "dunning_stop_invoice")
        self.assertEqual(invoice.dunning_block_ids.mapped("state"), ["lifted"])
        self.assertEqual(invoice.dunning_block_ids.lifted_by_id, self.accountant)

    def test_reason_is_a_way_out(self):
        self._create_invoice()
        self._start(f"res.partner/{self.customer.id}", "dunning_way_out")
        self.assertFalse(self.customer.dunning_stop)
        self.assertEqual(self.customer.dunning_block_ids.lifted_by_id, self.accountant)

    def test_today_leads_to_the_list(self):
        self._create_invoice(amount=100)
        self._create_invoice(self.other_customer, amount=50)
        gamma = self._create_customer("Gamma")
        self._create_invoice(gamma, amount=70)
        gamma.action_dunning_stop()
        self._start("action-dunning_exclusion.action_dashboard", "dunning_today")
        run = self.env["dunning.run"].search([("company_id", "=", self.company.id)])
        self.assertEqual((len(run), run.state), (1, "prepared"))

    def test_many_invoices_are_paused_from_their_list(self):
        invoices = self._create_invoice() | self._create_invoice(self.other_customer)
        self._start("action-account.action_move_out_invoice_type", "dunning_bulk_pause")
        invoices.invalidate_recordset()
        self.assertEqual(invoices.mapped("dunning_pause"), [True, True])
        self.assertEqual(
            {str(day) for day in invoices.mapped("dunning_pause_until")}, {self._days(14)}
        )

    def test_many_invoices_are_stopped_from_their_list_and_it_is_said_why(self):
        invoices = self._create_invoice() | self._create_invoice(self.other_customer)
        self._start("action-account.action_move_out_invoice_type", "dunning_bulk_stop")
        invoices.invalidate_recordset()
        self.assertEqual(invoices.mapped("dunning_stop"), [True, True])
        self.assertEqual(invoices.dunning_block_ids.mapped("note"), ["Asked by phone"] * 2)

    def test_many_stopped_invoices_are_shown(self):
        self._create_invoice()
        self._create_invoice(self.other_customer)
        self._start("action-account.action_move_out_invoice_type", "dunning_bulk_stop_shown")

    def test_block_is_lifted_from_the_list(self):
        self.customer.action_dunning_stop()
        self._start("action-dunning_exclusion.dunning_block_action", "dunning_lift_block")
        self.assertFalse(self.customer.dunning_stop)

    def test_new_scenario_is_set_up(self):
        self._start(
            "action-dunning_exclusion.dunning_scenario_action",
            "dunning_new_scenario",
            login="dunning_manager",
        )
        scenario = self.env["dunning.scenario"].search([("name", "=", "Key accounts")])
        self.assertEqual(scenario.level_ids.mapped("delay"), [10])
        self.assertTrue(scenario.active, "somebody saw whom it reaches, and switched it on")

    def test_threshold_shows_what_it_excludes_before_it_is_saved(self):
        self._create_invoice(amount=100)
        self._create_invoice(self.other_customer, amount=200)
        # The taxes of the test company are on cash basis, which its settings must then say.
        self.company.tax_exigibility = True
        self._start("settings", "dunning_threshold", login="dunning_manager")
        self.assertEqual(self.company.dunning_item_minimum, 150)


@tagged("post_install", "-at_install")
class TestToursOnAPhone(ToursCommon):
    """What is worked on the way."""

    browser_size = "390x844"
    touch_enabled = True

    def test_task_list_is_cards(self):
        invoice = self._create_invoice()
        self._create_run()
        self._start("action-dunning_exclusion.action_open_latest_run", "dunning_phone")
        self.assertTrue(invoice.dunning_stop)

    def test_cards_say_what_holds_back_and_no_screen_is_wider_than_the_phone(self):
        self._create_invoice()
        self.customer.action_dunning_stop()
        invoices = [self._create_invoice(self.other_customer) for _n in range(3)]
        soon = fields.Date.today() + timedelta(days=5)
        invoices[0].dunning_pause_until = soon
        items = invoices[1].line_ids.filtered(lambda line: line.display_type == "payment_term")
        values = {"partner_id": self.other_customer.id, "date": soon, "move_line_ids": items.ids}
        self.env["dunning.promise"].create(values)
        self._start(
            "action-dunning_exclusion.action_dashboard", "dunning_phone_cards", self.manager.login
        )
