from datetime import timedelta

from odoo.fields import Command
from odoo.tests import tagged

from .scenario_common import ScenarioCommon


@tagged("post_install", "-at_install")
class TestDunningWorkflowHistory(ScenarioCommon):
    """A workflow from its set-up to the history of the customer, and pausing in between."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scenario.active = False
        cls.accountant = cls._create_customer("Accountant")
        cls.type_statement = cls.env.ref("dunning_exclusion.type_statement")
        cls.template = cls.env.ref("dunning_exclusion.mail_template_statement_no_payment")
        cls.workflow = cls._create_workflow(
            frequency="monthly",
            week_of_month=str(min((cls.today.day - 1) // 7 + 1, 4)),
            condition_ids=[
                Command.create({"metric": "overdue", "operator": ">=", "value": 100}),
                Command.create({"metric": "overdue_percent", "operator": "<", "value": 90}),
            ],
            level_ids=[
                Command.create(
                    {
                        "name": "Statement",
                        "type_id": cls.type_statement.id,
                        "template_id": cls.template.id,
                        "additional_partner_ids": [Command.set(cls.accountant.ids)],
                    }
                ),
                Command.create(
                    {
                        "name": "Tell us",
                        "action": "internal",
                        "type_id": cls.type_statement.id,
                        "user_ids": [Command.set(cls.env.user.ids)],
                    }
                ),
            ],
        )

    def _send(self):
        run = self._create_run(scenario_ids=[Command.set(self.workflow.ids)])
        run.action_send()
        return run.notice_ids

    def test_history_says_when_what_to_whom_and_why(self):
        self._create_invoice(amount=150, days=-10)
        self._create_invoice(amount=50, days=10)
        statement, internal = self._send().sorted("level_id")
        self.assertEqual(self.customer.dunning_notice_ids, statement | internal)
        self.assertEqual((statement.date, statement.action), (self.today, "email"))
        self.assertEqual((internal.date, internal.action), (self.today, "internal"))
        self.assertEqual(statement.recipient_ids, self.customer | self.accountant)
        self.assertEqual(internal.recipient_ids, self.env.user.partner_id, "who was told")
        self.assertEqual(statement._get_template(), self.template)
        amounts = [self.company.currency_id.format(amount) for amount in (200, 150, 100)]
        for notice in (statement, internal):
            for text in (
                f"2 items, {amounts[0]} in total",
                f"outstanding {amounts[0]}, overdue {amounts[1]}",
                f"overdue ≥ {amounts[2]}, overdue % < 90 %",
            ):
                self.assertIn(text, notice.description)

    def test_customer_that_does_not_meet_the_conditions_has_no_history(self):
        self._create_invoice(amount=99, days=-10)
        self._create_invoice(self.other_customer, amount=500, days=-10)
        self.assertFalse(self._send())

    def test_paused_customer_gets_nothing_of_any_workflow(self):
        self._create_invoice(amount=150, days=-10)
        self._create_invoice(amount=50, days=10)
        self.customer.dunning_pause_until = self.today + timedelta(days=30)
        self.assertFalse(self._send())
        self.customer.action_dunning_resume()
        self.assertEqual(len(self._send()), 2)

    def test_paused_invoice_is_left_out_of_the_message_and_counted_in_its_totals(self):
        paused = self._create_invoice(amount=150, days=-10)
        self._create_invoice(amount=50, days=10)
        paused.dunning_pause_until = self.today + timedelta(days=30)
        statement = self._send().filtered(lambda notice: notice.action == "email")
        self.assertNotIn(paused, statement.line_ids.move_id)
        self.assertEqual(
            (statement.amount, statement.outstanding, statement.overdue), (50, 200, 150)
        )

    def test_workflow_without_conditions_reaches_everybody_with_something_open(self):
        self.workflow.condition_ids.unlink()
        self._create_invoice(amount=1, days=10)
        self.assertEqual(len(self._send()), 2)


@tagged("post_install", "-at_install")
class TestDunningReminderSettings(ScenarioCommon):
    """What a person sets for one kind of reminder: how often, how many times, to whom."""

    def test_rhythm_repetitions_and_recipients_of_a_reminder(self):
        colleague = self._create_customer("Colleague")
        level = self.scenario.level_ids[0]
        self.scenario.level_ids[1:].unlink()
        level.write(
            {
                "repeat_every": 7,
                "repeat_max": 2,
                "additional_partner_ids": [Command.set(colleague.ids)],
            }
        )
        invoice = self._create_invoice(days=-1)
        reminded = []
        for day in range(40):
            if self._level_of(invoice, day):
                self._remind(self._items(invoice), level, day)
                reminded.append(day)
        self.assertEqual(reminded, [0, 7, 14])
        other = self._create_invoice(self.other_customer)
        run = self._create_run()
        self.assertEqual(run.line_ids.move_id, other)
        run.action_send()
        self.assertEqual(run.notice_ids.recipient_ids, self.other_customer | colleague)

    def test_customer_left_out_of_one_kind_of_reminder_still_gets_the_others(self):
        final = self.env.ref("dunning_exclusion.type_final_notice")
        self.scenario.level_ids[2].type_id = final
        for customer in (self.customer, self.other_customer):
            self._create_invoice(customer, days=-10)
            self._create_invoice(customer, days=-40)
        self.customer.action_dunning_toggle_type(self.type_overdue.id)
        names = {
            (line.partner_id.name, line.days_overdue, line.level_id.name, line.outcome)
            for line in self._create_run().line_ids
        }
        self.assertEqual(
            names,
            {
                ("Alpha", 10, "Level 1", "dropped"),
                ("Alpha", 40, "Level 3", "included"),
                ("Beta", 10, "Level 1", "included"),
                ("Beta", 40, "Level 1", "included"),
            },
        )
