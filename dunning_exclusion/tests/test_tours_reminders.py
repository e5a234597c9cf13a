from unittest.mock import patch

from odoo.tests import tagged

from .tours_common import ToursCommon


@tagged("post_install", "-at_install")
class TestToursReminders(ToursCommon):
    """What kinds of reminders there are, for whom and when, set up in the web client."""

    def _set_up(self, action, tour):
        self._start(f"action-dunning_exclusion.{action}", tour, login="dunning_manager")

    def test_customer_does_not_get_one_kind_of_reminder(self):
        final = self.env.ref("dunning_exclusion.type_final_notice")
        self._start(f"res.partner/{self.customer.id}", "dunning_type_off")
        self.assertEqual(self.customer.dunning_type_off_ids, final)
        self.scenario.level_ids.type_id = final
        invoice = self._create_invoice()
        self._create_invoice(self.other_customer)
        run = self._create_run()
        run.action_send()
        self.assertEqual(run.notice_ids.partner_id, self.other_customer)
        line = run.line_ids.filtered(lambda line: line.move_id == invoice)
        self.assertEqual((line.outcome, line.rule_id.code), ("dropped", "type_off"))

    def test_customers_are_left_out_of_one_kind_of_reminder(self):
        overdue = self.env.ref("dunning_exclusion.type_overdue")
        self._set_up("dunning_reminder_type_action", "dunning_type_except")
        self.assertEqual((overdue.customer_filter, overdue.customer_ids), ("except", self.customer))
        self._create_invoice()
        self._create_invoice(self.other_customer)
        run = self._create_run()
        run.action_send()
        self.assertEqual(run.notice_ids.partner_id, self.other_customer)

    def test_workflow_is_set_up_and_sends_on_its_day(self):
        self.scenario.active = False
        self._create_invoice(amount=700)
        self._create_invoice(self.other_customer, amount=300)
        self._set_up("dunning_scenario_action", "dunning_new_workflow")
        workflow = self.env["dunning.scenario"].search([("name", "=", "Statements")])
        self.assertEqual((workflow.frequency, workflow.weekday), ("biweekly", "0"))
        self.assertTrue(workflow.active)
        self.assertFalse(workflow.date_start, "old items were asked for")
        day = workflow.next_date
        self.assertEqual(day.weekday(), 0)
        Company = type(self.company)
        with patch.object(Company, "_dunning_today", lambda company: day):
            run = self._create_run(date=day, scenario_ids=[(6, 0, workflow.ids)])
            run.action_send()
        statement, internal = run.notice_ids.sorted("level_id")
        self.assertEqual(run.notice_ids.partner_id, self.customer)
        self.assertEqual(statement.recipient_ids, self.customer | self.other_customer)
        self.assertEqual((statement.date, internal.action), (day, "internal"))
        self.assertIn("Conditions met: overdue", statement.description)
        self.assertIn("700.00", statement.description)
        self.assertIn("Tell the team", internal.name)
