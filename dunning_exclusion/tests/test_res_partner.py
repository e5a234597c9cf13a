from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import OutcomeCommon


@tagged("post_install", "-at_install")
class TestContacts(OutcomeCommon):
    """What is asked of a contact, and chosen for it, is its customer's."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.child = cls.env["res.partner"].create({"name": "Child", "parent_id": cls.customer.id})
        cls.profile = cls.env["dunning.profile"].create({"name": "Key accounts"})
        cls.choices = {
            "dunning_profile_id": cls.profile,
            "dunning_scenario_id": cls.scenario,
            "dunning_type_off_ids": cls.type_overdue,
        }

    def test_what_is_chosen_for_a_contact_is_chosen_for_the_customer(self):
        family = self.customer | self.child
        Partner = self.env["res.partner"]
        for name, value in self.choices.items():
            for chosen, other in ((self.child, self.customer), (self.customer, self.child)):
                with self.subTest(field=name, chosen=chosen.name):
                    chosen[name] = value
                    self.assertEqual((chosen[name], other[name]), (value, value))
                    self.assertEqual(Partner.search([(name, "=", value.id)]), family)
                    chosen[name] = False
                    self.assertFalse(chosen[name] or other[name])
                    self.assertFalse(Partner.search([(name, "=", value.id)]))

    def test_contacts_are_created_and_imported_with_choices(self):
        self.env["res.partner"].create(
            {
                "name": "Created",
                "parent_id": self.customer.id,
                "dunning_profile_id": self.profile.id,
                "dunning_type_off_ids": [Command.link(self.type_overdue.id)],
            }
        )
        self.assertEqual(self.customer.dunning_profile_id, self.profile)
        self.assertEqual(self.customer.dunning_type_off_ids, self.type_overdue)
        rows = [["Imported", str(self.other_customer.id), str(self.scenario.id)]]
        names = ["name", "parent_id/.id", "dunning_scenario_id/.id"]
        self.assertTrue(self.env["res.partner"].load(names, rows)["ids"])
        self.assertEqual(self.other_customer.dunning_scenario_id, self.scenario)
        alone = self.env["res.partner"].create(
            {"name": "Alone", "dunning_profile_id": self.profile.id}
        )
        self.assertEqual(alone.dunning_profile_id, self.profile)

    def test_choices_of_a_contact_decide(self):
        invoice = self._create_invoice(self.child)
        self.child.dunning_type_off_ids = self.type_overdue
        self.assertOutcome(invoice, "dropped", "type_off")
        self.child.dunning_type_off_ids = False
        self.scenario.profile_ids = self.profile
        self.assertTrue(self.customer.dunning_scenario_missing)
        self.child.dunning_profile_id = self.profile
        self.assertFalse(self.customer.dunning_scenario_missing)

    def test_choices_are_kept_company_by_company(self):
        elsewhere = self.child.with_company(self.other_company)
        elsewhere.dunning_profile_id = self.profile
        self.assertFalse(self.child.dunning_profile_id or self.customer.dunning_profile_id)
        customer = self.customer.with_company(self.other_company)
        self.assertEqual(customer.dunning_profile_id, self.profile)
        self.assertEqual(elsewhere.dunning_profile_id, self.profile)

    def test_scenario_of_a_contact_is_checked(self):
        workflow = self.scenario.copy(
            {"campaign_type": "customer", "frequency": "weekly", "weekday": "0"}
        )
        with self.assertRaisesRegex(ValidationError, "workflow"):
            self.child.dunning_scenario_id = workflow

    def test_choices_in_the_form_of_a_contact(self):
        with Form(self.child) as form:
            form.dunning_profile_id = self.profile
        self.assertEqual(self.customer.dunning_profile_id, self.profile)
        with Form(self.env["res.partner"]) as form:
            form.name = "New"
            form.dunning_profile_id = self.profile
        self.assertEqual(form.record.dunning_profile_id, self.profile)
