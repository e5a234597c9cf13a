from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged
from odoo.tools.misc import format_date

from .common import DunningCommon
from .scenario_common import ScenarioCommon


@tagged("post_install", "-at_install")
class TestDunningForecast(ScenarioCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first, cls.second, cls.third = cls.scenario.level_ids

    def _next(self, customer=None):
        return (customer or self.customer).dunning_next_reminders()

    def _says(self, day, what):
        date = format_date(self.env, self.today + timedelta(days=day)) if day else "Today"
        return [f"{date}: {what}"]

    def assertNext(self, day, level):
        self.assertEqual(self._next(), self._says(day, f"{level.name} ({self.scenario.name})"))

    def test_next_level_and_its_day(self):
        self.assertEqual(self._next(), [])
        invoice = self._create_invoice(days=5)
        self.assertNext(5 + self.first.delay, self.first)
        self._create_invoice(days=-1)
        self.assertNext(0, self.first)
        self._create_invoice(self.other_customer, days=-60)
        invoice.button_draft()
        self._create_run(scenario_ids=[Command.set(self.scenario.ids)]).action_send()
        self.env["dunning.notice"].search([]).sudo().state = "sent"
        self.assertNext(self.second.delay - 1, self.second)

    def test_forecast_is_what_a_run_of_that_day_would_send(self):
        self._create_invoice(days=3)
        self._create_invoice(days=-20)
        self._remind(self._items(self._create_invoice(days=-40)), self.second, -20)
        day, words = self._next()[0].split(": ")
        self.assertEqual(day, "Today")
        run = self._create_run()
        levels = run.line_ids.filtered("checked").level_id
        self.assertEqual(levels.sorted(lambda level: level._get_place())[-1:], self.third)
        self.assertIn(self.third.name, words)

    def test_held_customer_is_reminded_when_the_hold_ends(self):
        self._create_invoice()
        pause = self.env["dunning.block"].create(
            {
                "partner_id": self.customer.id,
                "company_id": self.company.id,
                "kind": "pause",
                "reason_id": self.env["dunning.block.reason"].search([], limit=1).id,
                "date_to": self.today + timedelta(days=9),
            }
        )
        self.assertNext(10, self.first)
        pause.action_lift()
        self.customer.action_dunning_stop()
        self.assertEqual(self._next(), [])

    def test_promise_and_postponed_due_date_move_the_day(self):
        invoice = self._create_invoice()
        invoice.dunning_due_date = self.today + timedelta(days=4)
        self.assertNext(5, self.first)
        invoice.dunning_due_date = False
        promise = self.env["dunning.promise"].create(
            {
                "partner_id": self.customer.id,
                "move_line_ids": self._items(invoice).ids,
                "date": self.today + timedelta(days=3),
            }
        )
        self.assertNext(4 + self.company.dunning_promise_tolerance_days, self.first)
        self.assertEqual(promise.state, "open")

    def test_workflows_are_named_with_their_next_day(self):
        self.scenario.active = False
        tomorrow = self.today + timedelta(days=1)
        workflow = self._create_workflow(name="Statement", weekday=str(tomorrow.weekday()))
        self.assertEqual(self._next(), self._says(1, "Statement"))
        workflow.condition_ids = [
            Command.create({"metric": "overdue", "operator": ">=", "value": 500})
        ]
        self.assertEqual(self._next(), self._says(1, "Statement, if its conditions hold"))
        workflow.customer_domain = f"[('id', '!=', {self.customer.id})]"
        self.assertEqual(self._next(), [])

    def test_others_learn_nothing_from_it(self):
        self._create_invoice()
        someone = new_test_user(self.env, login="someone", groups="base.group_user")
        with self.assertRaises(AccessError):
            self.customer.with_user(someone).dunning_next_reminders()

    def test_queries_do_not_grow_with_other_customers(self):
        self._create_invoice()
        self._next()
        before = self.env.cr.sql_log_count
        self._next()
        alone = self.env.cr.sql_log_count - before
        for _number in range(5):
            self._create_invoice(self.other_customer)
        self._next()
        before = self.env.cr.sql_log_count
        self._next()
        self.assertEqual(self.env.cr.sql_log_count - before, alone)


@tagged("post_install", "-at_install")
class TestFollowUpTab(DunningCommon):
    """What the Follow-up tab of customers and invoices tells."""

    def test_tab_of_the_customer_tells_everything(self):
        invoice = self._create_invoice(amount=100)
        self.customer.action_dunning_stop()
        panel = self.customer.dunning_panel()
        self.assertEqual(panel["outstanding"], 100)
        self.assertEqual(panel["outcome"], "unchecked")
        self.assertEqual([block["kind"] for block in panel["blocks"]], ["stop"])
        self.assertEqual([item["name"] for item in panel["items"]], [invoice.display_name])
        self.assertEqual(panel["items"][0]["reasons"], ["The customer is stopped"])
        self.assertTrue(all(reminder["on"] for reminder in panel["types"]))

    def test_tab_of_a_contact_is_that_of_its_customer(self):
        self._create_invoice(amount=100)
        contact = self.env["res.partner"].create({"name": "Kid", "parent_id": self.customer.id})
        panel = contact.dunning_panel()
        self.assertEqual(panel["outstanding"], 100)
        self.assertEqual(panel["item_count"], 1)

    def test_item_is_stopped_and_resumed_from_the_tab(self):
        item = self._items(self._create_invoice())
        self.assertTrue(item.dunning_toggle_stop())
        self.assertTrue(item.dunning_stop)
        self.assertFalse(item.dunning_toggle_stop())
