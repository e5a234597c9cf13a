from odoo.fields import Command
from odoo.tests import tagged

from .scenario_common import ScenarioCommon


@tagged("post_install", "-at_install")
class TestRemindedAmount(ScenarioCommon):
    """Minimum and maximum are compared with all that a customer would be reminded of."""

    def setUp(self):
        """Have one item at the first level, and one at the second."""
        super().setUp()
        self._create_invoice(amount=60)
        late = self._create_invoice(amount=60, days=-20)
        self._remind(self._items(late), self.scenario.level_ids[0], -15)

    def _rules(self, run):
        return [rule.code for rule in run.line_ids.mapped("rule_id")]

    def test_levels_of_a_scenario_count_together(self):
        for per_level in (False, True):
            for name, value, excluded in (
                ("dunning_customer_maximum", 100, True),
                ("dunning_customer_maximum", 120, False),
                ("dunning_customer_minimum", 100, False),
                ("dunning_customer_minimum", 121, True),
            ):
                with self.subTest(per_level=per_level, name=name, value=value):
                    self.scenario.one_notice_per_level = per_level
                    self.company.write(
                        {"dunning_customer_maximum": 0, "dunning_customer_minimum": 0}
                    )
                    self.company[name] = value
                    run = self._create_run()
                    self.assertEqual(len(run.line_ids.level_id), 2)
                    rules = [name.removeprefix("dunning_")] if excluded else []
                    self.assertEqual(self._rules(run), rules)
                    self.assertEqual(
                        set(run.line_ids.mapped("outcome")),
                        {"unchecked" if excluded else "included"},
                    )

    def test_other_customers_count_for_themselves(self):
        self.scenario.one_notice_per_level = True
        self.company.dunning_customer_maximum = 100
        other = self._create_invoice(self.other_customer, amount=60)
        run = self._create_run()
        outcomes = {line.move_id: line.outcome for line in run.line_ids}
        self.assertEqual(outcomes.pop(other), "included")
        self.assertEqual(set(outcomes.values()), {"unchecked"})

    def test_actions_of_a_workflow_count_each_for_itself(self):
        workflow = self._create_workflow(
            level_ids=[
                Command.create({"name": name, "type_id": self.type_overdue.id})
                for name in ("Statement", "Call")
            ]
        )
        for value, outcome in ((120, "included"), (119, "unchecked")):
            with self.subTest(maximum=value):
                self.company.dunning_customer_maximum = value
                run = self._create_run(scenario_ids=workflow.ids)
                self.assertEqual(len(run.line_ids), 2)
                self.assertEqual(set(run.line_ids.mapped("outcome")), {outcome})

    def test_what_is_screened_again_before_sending_counts_together(self):
        self.scenario.one_notice_per_level = True
        run = self._create_run()
        self.company.dunning_customer_maximum = 100
        run.action_send()
        self.assertFalse(run.notice_ids)
        self.assertEqual(self._rules(run), ["customer_maximum"])

    def test_what_was_sent_counts_when_the_rest_is_tried_again(self):
        self.scenario.one_notice_per_level = True
        self.company.dunning_customer_minimum = 100
        run = self._create_run()
        run.action_send()
        sent, failed = run.notice_ids.sudo()
        sent.state = "sent"
        failed.state = "failed"
        run.action_retry_failed()
        self.assertEqual(failed.state, "queued")
        self.assertEqual(sent.state, "sent")
        self.assertEqual(len(run.notice_ids), 2)
