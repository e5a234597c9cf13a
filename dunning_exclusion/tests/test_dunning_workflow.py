from datetime import timedelta

from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .scenario_common import ScenarioCommon


@tagged("post_install", "-at_install")
class TestDunningWorkflow(ScenarioCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scenario.active = False
        cls.type_statement = cls.env.ref("dunning_exclusion.type_statement")

    def test_everything_open_goes_out_due_or_not_and_credits_too(self):
        overdue = self._create_invoice(days=-10)
        not_due = self._create_invoice(days=30)
        credit = self._create_invoice(amount=20, move_type="out_refund")
        postponed = self._create_invoice(days=-10)
        postponed.dunning_due_date = self.today + timedelta(days=5)
        workflow = self._create_workflow()
        self.assertEqual(
            {item.move_id for item in self._candidates(workflow)}, {overdue, not_due, credit}
        )
        run = self._create_run(scenario_ids=[Command.set(workflow.ids)])
        run.action_send()
        self.assertEqual(run.notice_ids.amount, 180)
        self.assertEqual(run.notice_ids.level_id, workflow.level_ids)

    def test_paused_invoice_is_left_out_but_still_counts_in_the_totals(self):
        self._create_invoice(days=-10)
        paused = self._create_invoice(days=-10, amount=50)
        paused.dunning_pause_until = self.today + timedelta(days=5)
        run = self._create_run(scenario_ids=[Command.set(self._create_workflow().ids)])
        run.action_send()
        notice = run.notice_ids
        self.assertEqual((notice.amount, notice.outstanding, notice.overdue), (100, 150, 150))

    def test_every_action_goes_out_with_all_items(self):
        self._create_invoice()
        self._create_invoice(days=20)
        workflow = self._create_workflow()
        workflow.level_ids = [
            Command.create(
                {
                    "name": "Notify us",
                    "action": "internal",
                    "type_id": self.type_statement.id,
                    "user_ids": [Command.set(self.env.user.ids)],
                }
            )
        ]
        run = self._create_run(scenario_ids=[Command.set(workflow.ids)])
        self.assertEqual(len(run.line_ids), 2)
        run.action_send()
        self.assertEqual(run.notice_ids.level_id, workflow.level_ids)
        self.assertEqual(run.notice_ids.mapped("amount"), [200, 200])

    def test_several_workflows_and_a_scenario_on_one_customer(self):
        self.scenario.write({"active": True, "date_start": False})
        self._create_invoice()
        workflows = self._create_workflow() | self._create_workflow(name="More")
        run = self._create_run()
        self.assertEqual(run.line_ids.level_id.scenario_id, workflows | self.scenario)
        run.action_send()
        self.assertEqual(len(run.notice_ids), 3)

    def test_metrics_with_both_operators(self):
        self._create_invoice(amount=300, days=-10)
        self._create_invoice(amount=900, days=10)
        self._create_invoice(amount=200, days=10, move_type="out_refund")
        # outstanding 1000, overdue 300, 30 %
        for metric, below, exact, above in (
            ("outstanding", 999.99, 1000, 1000.01),
            ("overdue", 299.99, 300, 300.01),
            ("overdue_percent", 29.9, 30, 30.1),
        ):
            for name in (metric, f"consolidated_{metric}"):
                for operator, value, expected in (
                    (">=", below, True),
                    (">=", exact, True),
                    (">=", above, False),
                    ("<", below, False),
                    ("<", exact, False),
                    ("<", above, True),
                ):
                    with self.subTest(metric=name, operator=operator, value=value):
                        workflow = self._condition(name, operator, value)
                        self.assertEqual(bool(self._reached(workflow)), expected)

    def test_overdue_percent_is_zero_when_nothing_is_outstanding(self):
        self._create_invoice(amount=100, days=-10)
        self._create_invoice(amount=100, days=10, move_type="out_refund")
        self.assertTrue(self._reached(self._condition("overdue_percent", "<", 0.01)))
        self._create_invoice(amount=50, days=10, move_type="out_refund")
        self.assertFalse(self._reached(self._condition("overdue_percent", ">=", 0.01)))

    def test_all_conditions_must_hold(self):
        self._create_invoice(amount=100, days=-10)
        workflow = self._condition("overdue", ">=", 50)
        self.assertTrue(self._reached(workflow))
        workflow.condition_ids = [
            Command.create({"metric": "outstanding", "operator": "<", "value": 100})
        ]
        self.assertFalse(self._reached(workflow))

    def test_conditions_count_held_and_postponed_items(self):
        held = self._create_invoice(amount=60, days=-10)
        held.action_dunning_stop()
        self._create_invoice(amount=40, days=-10)
        self.assertTrue(self._reached(self._condition("overdue", ">=", 100)))

    def test_amounts_are_in_company_currency(self):
        foreign = self.setup_other_currency("EUR", rates=[("2000-01-01", 4.0)])
        self._create_invoice(amount=400, currency_id=foreign.id)
        self.assertTrue(self._reached(self._condition("outstanding", "<", 100.01)))
        self.assertTrue(self._reached(self._condition("outstanding", ">=", 100)))

    def test_consolidated_amounts_are_those_of_the_whole_family(self):
        top = self._create_customer("Top", is_company=True)
        middle = self._create_customer("Middle", is_company=True, parent_id=top.id)
        contact = self._create_customer("Contact", parent_id=middle.id)
        deep = self._create_customer("Deep", is_company=True, parent_id=contact.id)
        stranger = self._create_customer("Stranger", is_company=True)
        self.assertEqual(deep.commercial_partner_id, deep)
        for customer, amount in ((top, 100), (contact, 200), (deep, 300), (stranger, 700)):
            self._create_invoice(customer, amount)
        family = {top, middle, deep}
        self.assertEqual(self._reached(self._condition("consolidated_overdue", "<", 601)), family)
        reached = self._reached(self._condition("consolidated_outstanding", ">=", 600))
        self.assertEqual(reached, family | {stranger})
        self.assertEqual(self._reached(self._condition("overdue", ">=", 300)), {deep, stranger})

    def test_consolidated_percentage_is_that_of_the_sums(self):
        top = self._create_customer("Top", is_company=True)
        child = self._create_customer("Child", is_company=True, parent_id=top.id)
        self._create_invoice(top, 100, days=-10)
        self._create_invoice(child, 300, days=10)
        metric = "consolidated_overdue_percent"
        self.assertEqual(self._reached(self._condition(metric, ">=", 25)), {top, child})
        self.assertEqual(self._reached(self._condition(metric, ">=", 25.1)), set())

    def test_family_counts_in_the_company_of_the_run_only(self):
        top = self._create_customer("Top", is_company=True)
        child = self._create_customer("Child", is_company=True, parent_id=top.id)
        other = self.setup_other_company()["company"]
        self._create_invoice(top, 100)
        self.env["account.move"].with_company(other).create(
            {
                "move_type": "out_invoice",
                "company_id": other.id,
                "partner_id": child.id,
                "invoice_date": self.today - timedelta(days=10),
                "invoice_line_ids": [
                    Command.create({"name": "S", "price_unit": 500, "tax_ids": [Command.clear()]})
                ],
            }
        ).action_post()
        self.assertFalse(self._reached(self._condition("consolidated_outstanding", ">=", 101)))
        self.assertEqual(
            self._reached(self._condition("consolidated_outstanding", ">=", 100)), {top}
        )

    def test_workflow_chooses_customers_by_profile_and_domain(self):
        profile = self.env["dunning.profile"].create({"name": "Public bodies"})
        self._create_invoice()
        self._create_invoice(self.other_customer)
        by_profile = self._create_workflow(profile_ids=[Command.set(profile.ids)])
        by_domain = self._create_workflow(customer_domain='[("name", "=", "Beta")]')
        self.assertEqual(self._reached(by_profile), set())
        self.customer.dunning_profile_id = profile
        self.assertEqual(self._reached(by_profile), {self.customer})
        self.assertEqual(self._reached(by_domain), {self.other_customer})

    def test_hundred_actions_and_not_one_more(self):
        values = {"name": "Action", "type_id": self.type_statement.id}
        workflow = self._create_workflow(level_ids=[Command.create(values) for _n in range(100)])
        self.assertEqual(len(workflow.level_ids), 100)
        with self.assertRaisesRegex(ValidationError, "at most 100 are possible"):
            workflow.level_ids = [Command.create(values)]
        with self.assertRaisesRegex(ValidationError, "at most 100 are possible"):
            self.env["dunning.level"].create({**values, "scenario_id": workflow.id})

    def test_condition_of_an_action_chooses_its_invoices(self):
        small = self._create_invoice(amount=10)
        self._create_invoice(amount=100)
        workflow = self._create_workflow()
        workflow.level_ids.condition_domain = '[("amount_total", "<", 50)]'
        self.assertEqual({item.move_id for item in self._candidates(workflow)}, {small})

    def test_action_of_an_inactive_type_is_not_sent(self):
        self._create_invoice()
        workflow = self._create_workflow()
        self.type_statement.active = False
        self.assertFalse(self._reached(workflow))

    def test_queries_do_not_grow_with_the_customers(self):
        workflow = self._condition("consolidated_overdue", ">=", 1)
        counts = []
        for number in (1, 6):
            for each in range(number):
                self._create_invoice(self._create_customer(f"Customer {number} {each}"))
            self._candidates(workflow)
            self.env.flush_all()
            before = self.env.cr.sql_log_count
            self._candidates(workflow)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(counts[0], counts[1])
