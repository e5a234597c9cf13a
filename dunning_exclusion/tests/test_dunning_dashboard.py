from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestOnboarding(DunningCommon):
    """The first steps on the dashboard of who sets follow-ups up."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = new_test_user(
            cls.env,
            "dunning_manager",
            groups="base.group_user,dunning_exclusion.group_dunning_manager",
            company_id=cls.company.id,
            company_ids=[(6, 0, cls.company.ids)],
        )
        cls.env["dunning.scenario"].search([("id", "!=", cls.scenario.id)]).active = False

    def _steps(self):
        board = self.env["dunning.run"].with_user(self.manager).retrieve_dashboard()
        return {step["name"]: step["done"] for step in board["steps"]}

    def test_steps_are_ticked_as_they_are_done_and_then_gone(self):
        self.scenario.active = False
        self.assertEqual(
            self._steps(), {"scenario": False, "thresholds": False, "addresses": False}
        )
        self.scenario.active = True
        self.assertEqual(self._steps(), {"scenario": True, "thresholds": False, "addresses": True})
        self.customer.email = False
        self._create_invoice()
        self.company.dunning_item_minimum = 5
        self.assertEqual(self._steps(), {"scenario": True, "thresholds": True, "addresses": False})
        self.customer.email = "customer@example.com"
        self.assertEqual(self._steps(), {})

    def test_steps_can_be_hidden_by_administrators_only(self):
        board = self.env["dunning.run"]
        user = new_test_user(
            self.env, "worker", groups="base.group_user,dunning_exclusion.group_dunning_user"
        )
        self.assertFalse(self.env["dunning.run"].with_user(user).retrieve_dashboard()["steps"])
        with self.assertRaisesRegex(AccessError, "administrators"):
            board.with_user(user).action_hide_first_steps()
        self.assertTrue(self._steps())
        board.with_user(self.manager).action_hide_first_steps()
        self.assertEqual(self._steps(), {})

    def test_each_step_leads_to_an_action(self):
        board = self.env["dunning.run"].with_user(self.manager).retrieve_dashboard()
        self.assertEqual(len(board["steps"]), 3)
        Step = self.env["onboarding.onboarding.step"].with_user(self.manager)
        for step in board["steps"]:
            with self.subTest(step=step["name"]):
                self.assertEqual(getattr(Step, step["action"])()["type"], "ir.actions.act_window")


@tagged("post_install", "-at_install")
class TestDashboard(DunningCommon):
    """The figures of the dashboard and where they lead."""

    def test_dashboard_leads_to_what_is_left_out(self):
        self._create_invoice(amount=100)
        self.customer.action_dunning_stop()
        self._create_invoice(self.other_customer, amount=40)
        self._create_run()
        board = self.env["dunning.run"].retrieve_dashboard()
        self.assertEqual(board["to_send"], {"count": 1, "amount": 40.0})
        self.assertEqual(
            [(row["label"], row["amount"]) for row in board["by_reason"]],
            [("The customer is stopped", 100.0)],
        )
        found = self.env["dunning.screening"].search(board["by_reason"][0]["domain"])
        self.assertEqual(sum(found.mapped("amount_residual")), 100)
        self.assertEqual([row["count"] for row in board["by_age"]], [1, 0, 0])
        self.assertEqual([row["count"] for row in board["by_person"]], [1])

    def test_dashboard_is_for_those_who_may_read_blocks(self):
        outsider = new_test_user(self.env, "dunning_outsider", groups="base.group_user")
        with self.assertRaises(AccessError):
            self.env["dunning.run"].with_user(outsider).retrieve_dashboard()
