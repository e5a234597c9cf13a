from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from odoo.addons.dunning_exclusion.models.res_company import SETTINGS

from ..models.res_company import THRESHOLDS
from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestDunningSettings(DunningCommon):
    """Follow-up administrators set up thresholds without being administrators of Odoo."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_company = cls.setup_other_company()["company"]
        cls.manager = cls._create_user("setter", "dunning_exclusion.group_dunning_manager")
        cls.approver = cls._create_user("approver", "dunning_exclusion.group_dunning_approver")

    def _open(self, user):
        settings = self.env["dunning.settings"].with_user(user)
        return settings.browse(settings.action_open()["res_id"])

    def test_administrators_write_the_settings_of_their_companies(self):
        company = self.company.with_user(self.manager)
        for name in sorted(SETTINGS):
            kind = company._fields[name].type
            values = {"boolean": not company[name], "date": self.today}
            if kind == "selection":
                values[kind] = company._fields[name].get_values(self.env)[-1]
            if company._fields[name].relational:
                values[kind] = company[name].search([], limit=1)
            value = values.get(kind, 50)
            with self.subTest(name=name):
                company[name] = value
                self.assertEqual(self.company[name], value)

    def test_nobody_writes_more_of_a_company_than_before(self):
        for user, company, values in (
            (self.approver, self.company, {"dunning_item_minimum": 5}),
            (self.manager, self.other_company, {"dunning_item_minimum": 5}),
            (self.manager, self.company | self.other_company, {"dunning_item_minimum": 5}),
            (self.manager, self.company, {"name": "Mine"}),
            (self.manager, self.company, {"dunning_item_minimum": 5, "name": "Mine"}),
            (self.manager, self.company, {"dunning_obstacle_reported_on": self.today}),
        ):
            with self.subTest(user=user.login, values=values), self.assertRaises(AccessError):
                company.with_user(user).write(values)
        self.assertEqual((self.company | self.other_company).mapped("dunning_item_minimum"), [0, 0])

    def test_page_saves_settings(self):
        with Form(self._open(self.manager)) as page:
            page.dunning_item_minimum = 50
            self.assertEqual(self.company.dunning_item_minimum, 0)
            page.dunning_freshness_days = 3
        self.assertEqual(self.company.dunning_item_minimum, 50)
        self.assertEqual(self.company.dunning_freshness_days, 3)

    def test_threshold_and_ceiling_are_raised_together(self):
        self.company.write({"dunning_customer_minimum": 20, "dunning_customer_maximum": 100})
        for minimum, maximum in ((200, 1000), (5, 10)):
            with Form(self._open(self.manager)) as page:
                page.dunning_customer_minimum = minimum
                page.dunning_customer_maximum = maximum
            self.assertEqual(self.company.dunning_customer_minimum, minimum)
            self.assertEqual(self.company.dunning_customer_maximum, maximum)
            raised = {"dunning_customer_minimum": 2000, "dunning_customer_maximum": 3000}
            self.env["res.config.settings"].create(raised)
            self.assertEqual(self.company.dunning_customer_minimum, 2000)

    def test_page_tells_nothing_about_other_companies(self):
        self.other_company.dunning_item_minimum = 50
        settings = self.env["dunning.settings"].with_user(self.manager)
        values = {"company_id": self.other_company.id}
        self.env.invalidate_all()
        with self.assertRaises(AccessError):
            settings.create(values).read(["dunning_item_minimum"])
        with self.assertRaises(AccessError):
            settings.onchange(values, [], {"dunning_item_minimum": {}})
        elsewhere = settings.with_context(allowed_company_ids=self.other_company.ids)
        with self.assertRaises(AccessError):
            elsewhere.get_threshold_effects({"dunning_item_minimum": 50})

    def test_effects_are_for_those_who_may_change_the_settings(self):
        clerk = self._create_user("clerk", "account.group_account_user")
        for user in (self.approver, clerk):
            settings = self.env["dunning.settings"].with_user(user)
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                settings.get_threshold_effects({})

    def test_thresholds_that_cannot_be_are_refused(self):
        settings = self.env["dunning.settings"].with_user(self.manager)
        for wrong in (None, [], "x", {"dunning_item_minimum": "x"}, {"dunning_item_minimum": 1e99}):
            with self.subTest(wrong=wrong), self.assertRaises(UserError):
                settings.get_threshold_effects(wrong)

    def test_page_is_for_administrators_only(self):
        with self.assertRaises(AccessError):
            self._open(self.approver)


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
        effects = self.env["dunning.settings"].get_threshold_effects(
            {"dunning_item_minimum": 50, "dunning_customer_minimum": 80}
        )
        self.assertIn("items: 1, customers: 1", effects["dunning_item_minimum"])
        self.assertIn("60", effects["dunning_customer_minimum"])
        self.assertIn("No threshold", effects["dunning_customer_maximum"])
        self.assertEqual(self.company.dunning_item_minimum, 0)

    def test_who_sets_up_a_database_sees_them_without_accounting_rights(self):
        self._create_invoice(amount=60)
        user = self._create_user("system", "base.group_user", "base.group_system")
        settings = self.env["res.config.settings"].with_user(user)
        effects = settings.with_company(self.company).get_threshold_effects(
            {"dunning_item_minimum": 100}
        )
        self.assertIn("customers: 1", effects["dunning_item_minimum"])
