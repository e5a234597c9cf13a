from odoo.tests import tagged

from ..models.res_company import THRESHOLDS
from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestThresholds(DunningCommon):
    """The settings say what thresholds would exclude, and the screening excludes just that."""

    def _effect(self, name, value):
        """Return what the settings would say before `value` is saved."""
        thresholds = {**dict.fromkeys(THRESHOLDS, 0), name: value}
        return self.env["dunning.settings"]._get_threshold_effects(self.company, thresholds)[name]

    def _excluded(self, name, value):
        """Return what the screening says once `value` is saved."""
        self.company.write({**dict.fromkeys(THRESHOLDS, 0), name: value})
        rows = self.env["dunning.screening"].search(
            [
                ("rule_id.code", "=", name.removeprefix("dunning_")),
                ("days_overdue", ">", 0),
                ("amount_residual", ">", 0),
            ]
        )
        self.company.write(dict.fromkeys(THRESHOLDS, 0))
        return len(rows), len(rows.partner_id), sum(rows.mapped("amount_residual"))

    def assertEffect(self, name, value, expected):
        self.assertEqual(self._effect(name, value), expected)
        self.assertEqual(self._excluded(name, value), expected)

    def test_thresholds_say_what_they_would_exclude(self):
        self._create_invoice(amount=30)
        self._create_invoice(amount=100)
        self._create_invoice(self.other_customer, amount=40)
        self._create_invoice(self.other_customer, amount=10, days=5)
        for name, value, expected in (
            ("dunning_item_minimum", 0, (0, 0, 0)),
            ("dunning_item_minimum", 50, (2, 2, 70)),
            ("dunning_customer_minimum", 50, (1, 1, 40)),
            ("dunning_customer_maximum", 50, (2, 1, 130)),
        ):
            with self.subTest(name=name, value=value):
                self.assertEffect(name, value, expected)

    def test_held_items_count_neither_in_the_sum_nor_as_excluded(self):
        self._create_invoice(amount=60)
        self._create_invoice(amount=60).action_dunning_stop()
        for name, value, expected in (
            ("dunning_item_minimum", 100, (1, 1, 60)),
            ("dunning_customer_minimum", 100, (1, 1, 60)),
            ("dunning_customer_maximum", 100, (0, 0, 0)),
            ("dunning_customer_maximum", 50, (1, 1, 60)),
        ):
            with self.subTest(name=name, value=value):
                self.assertEffect(name, value, expected)

    def test_customers_who_are_left_out_anyway_are_not_counted(self):
        self._create_invoice(amount=60)
        self.customer.prevent_dunning = True
        for name, value in zip(THRESHOLDS, (100, 100, 50), strict=True):
            with self.subTest(name=name):
                self.assertEffect(name, value, (0, 0, 0))

    def test_rule_that_is_switched_off_excludes_nothing(self):
        self._create_invoice(amount=60)
        self.env.ref("dunning_exclusion.rule_item_minimum").enabled = False
        self.assertEffect("dunning_item_minimum", 100, (0, 0, 0))

    def test_values_are_tried_together_and_before_they_are_saved(self):
        self._create_invoice(amount=30)
        self._create_invoice(amount=60)
        settings = self.env["res.config.settings"].new(
            {"dunning_item_minimum": 50, "dunning_customer_minimum": 80}
        )
        self.assertIn("customers: 1", settings.dunning_item_minimum_effect)
        self.assertIn("60", settings.dunning_customer_minimum_effect)
        self.assertIn("No threshold", settings.dunning_customer_maximum_effect)
        self.assertEqual(self.company.dunning_item_minimum, 0)

    def test_who_sets_up_a_database_sees_them_without_accounting_rights(self):
        self._create_invoice(amount=60)
        user = self._create_user("system", "base.group_user", "base.group_system")
        settings = self.env["res.config.settings"].with_user(user)
        settings = settings.with_company(self.company).new({"dunning_item_minimum": 100})
        self.assertIn("customers: 1", settings.dunning_item_minimum_effect)
