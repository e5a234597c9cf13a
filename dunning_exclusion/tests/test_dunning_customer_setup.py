from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestCustomerSetup(DunningCommon):
    """Who sets up follow-ups chooses profile and scenario of customers, also of many at once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        group = "dunning_exclusion.group_dunning_"
        cls.manager = cls._create_user("setter", "base.group_user", f"{group}manager")
        cls.worker = cls._create_user("worker", "base.group_user", f"{group}user")
        cls.profile = cls.env["dunning.profile"].create({"name": "Key accounts"})
        cls.customers = cls.customer | cls.other_customer

    def _setup(self, customers, **values):
        dialog = self.env["dunning.customer.setup"].with_user(self.manager)
        with Form(dialog.with_context(active_ids=customers.ids)) as form:
            for name, value in values.items():
                form[name] = value
        form.record.action_apply()

    def test_administrator_who_may_not_write_contacts_sets_both(self):
        with self.assertRaises(AccessError):
            self.customer.with_user(self.manager).write({"name": "Other"})
        self._setup(self.customers, profile_id=self.profile, scenario_id=self.scenario)
        for customer in self.customers:
            self.assertEqual(customer.dunning_profile_id, self.profile)
            self.assertEqual(customer.dunning_scenario_id, self.scenario)

    def test_what_is_not_chosen_stays(self):
        self.customer.dunning_profile_id = self.profile
        self._setup(self.customers, sets_profile=False, scenario_id=self.scenario)
        self.assertEqual(self.customer.dunning_profile_id, self.profile)
        self.assertFalse(self.other_customer.dunning_profile_id)
        self.assertEqual(self.customers.dunning_scenario_id, self.scenario)

    def test_customers_that_differ_keep_what_they_have(self):
        self.customer.dunning_profile_id = self.profile
        dialog = self.env["dunning.customer.setup"].with_context(active_ids=self.customers.ids)
        form = Form(dialog)
        self.assertEqual((form.sets_profile, form.sets_scenario), (False, True))
        self._setup(self.customers)
        self.assertEqual(self.customer.dunning_profile_id, self.profile)
        self._setup(self.customers, profile_id=self.profile)
        self.assertEqual(self.other_customer.dunning_profile_id, self.profile)

    def test_dialog_proposes_what_is_set_now(self):
        self.customer.dunning_profile_id = self.profile
        dialog = self.env["dunning.customer.setup"].with_context(active_ids=self.customer.ids)
        self.assertEqual(Form(dialog).profile_id, self.profile)
        dialog = dialog.with_context(active_ids=self.customers.ids)
        self.assertFalse(Form(dialog).profile_id, "they differ")
        self._setup(self.customer, profile_id=self.env["dunning.profile"])
        self.assertFalse(self.customer.dunning_profile_id)

    def test_a_contact_sets_its_customer(self):
        contact = self.env["res.partner"].create({"name": "Kid", "parent_id": self.customer.id})
        self._setup(contact, profile_id=self.profile)
        self.assertEqual(self.customer.dunning_profile_id, self.profile)

    def test_others_do_not_set_it(self):
        for user in (self.worker, self._create_user("nobody", "base.group_user")):
            with self.subTest(user=user.login), self.assertRaisesRegex(AccessError, "administrat"):
                self.customer.with_user(user).action_dunning_set_up(profile_id=self.profile.id)
        with self.assertRaises(UserError):
            self.customer.with_user(self.manager).action_dunning_set_up(profile_id="1")
        with self.assertRaises(UserError):
            self.customer.with_user(self.manager).action_dunning_set_up(scenario_id=10**9)
        self.assertFalse(self.customer.dunning_profile_id)
