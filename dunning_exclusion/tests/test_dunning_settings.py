from odoo.exceptions import AccessError
from odoo.tests import Form, tagged

from odoo.addons.dunning_exclusion.models.res_company import SETTINGS

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
            value = {"boolean": not company[name], "selection": "Asia/Tokyo"}.get(kind, 50)
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

    def test_page_shows_what_a_threshold_would_exclude_before_it_is_saved(self):
        self._create_invoice(amount=30)
        with Form(self._open(self.manager)) as page:
            self.assertIn("excludes nothing", page.dunning_item_minimum_effect)
            page.dunning_item_minimum = 50
            self.assertIn("overdue items: 1, customers: 1", page.dunning_item_minimum_effect)
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
        for name in ("dunning_item_minimum", "dunning_item_minimum_effect"):
            with self.subTest(name=name), self.assertRaises(AccessError):
                settings.create(values).read([name])
            with self.subTest(name=name, form=True), self.assertRaises(AccessError):
                settings.onchange(values, [], {name: {}})

    def test_page_is_for_administrators_only(self):
        with self.assertRaises(AccessError):
            self._open(self.approver)
