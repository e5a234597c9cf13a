from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from .scenario_common import ScenarioCommon


@tagged("post_install", "-at_install")
class TestDunningReminderType(ScenarioCommon):
    def _line(self):
        return self._create_run().line_ids

    def test_type_goes_to_all_to_only_these_or_to_all_but_these(self):
        self._create_invoice()
        for customer_filter, customers, rule in (
            ("all", self.customer, None),
            ("all", self.other_customer, None),
            ("only", self.customer, None),
            ("only", self.other_customer, "type_filter"),
            ("except", self.customer, "type_filter"),
            ("except", self.other_customer, None),
        ):
            with self.subTest(customer_filter=customer_filter, customers=customers.name):
                self.type_overdue.write(
                    {
                        "customer_filter": customer_filter,
                        "customer_ids": [Command.set(customers.ids)],
                    }
                )
                line = self._line()
                self.assertEqual(line.rule_id.code or None, rule)
                self.assertEqual(line.outcome, "dropped" if rule else "included")

    def test_only_these_without_anybody_is_refused(self):
        archived = self._create_customer("Archived", active=False)
        only = {"customer_filter": "only"}
        for values in (only, {**only, "customer_ids": [Command.clear()]}):
            with (
                self.subTest(values),
                self.assertRaisesRegex(ValidationError, "'Only these'.*'Customers'"),
            ):
                self.type_overdue.write(values)
        self.type_overdue.write({**only, "customer_ids": [Command.set(archived.ids)]})
        with self.assertRaises(ValidationError):
            self.type_overdue.customer_ids = False
        with self.assertRaises(ValidationError):
            self.env["dunning.reminder.type"].create({"code": "new", "name": "New", **only})

    def test_named_contact_means_its_customer(self):
        self._create_invoice()
        contact = self._create_customer("Contact", parent_id=self.customer.id)
        self.type_overdue.write(
            {"customer_filter": "except", "customer_ids": [Command.set(contact.ids)]}
        )
        self.assertEqual(self.type_overdue.customer_ids, self.customer)
        self.assertEqual(self._line().rule_id.code, "type_filter")

    def test_type_switched_off_for_a_customer_is_dropped_with_its_reason(self):
        self._create_invoice()
        self.customer.dunning_type_off_ids = self.type_overdue
        line = self._line()
        self.assertEqual((line.outcome, line.rule_id.code), ("dropped", "type_off"))
        self.customer.dunning_type_off_ids = False
        self.assertEqual(self._line().outcome, "included")

    def test_inactive_type_is_proposed_to_nobody(self):
        self._create_invoice()
        self.type_overdue.active = False
        self.assertFalse(self._line())

    def test_switch_of_a_customer_outlives_that_the_type_is_off_for_a_while(self):
        final = self.env.ref("dunning_exclusion.type_final_notice")
        self.scenario.level_ids.type_id = final
        self._create_invoice()
        self._create_invoice(self.other_customer)
        self.customer.action_dunning_toggle_type(final.id)
        final.active = False
        self.customer.action_dunning_toggle_type(self.type_overdue.id)
        self.other_customer.action_dunning_toggle_type(final.id)
        final.active = True
        self.env.invalidate_all()
        for customer in (self.customer, self.other_customer):
            self.assertIn(final, customer.dunning_type_off_ids)
        self.assertFalse(self._line().filtered("checked"))

    def test_types_are_on_by_default(self):
        self.assertFalse(self.customer.dunning_type_off_ids)

    def test_accounting_user_switches_types_without_editing_contacts(self):
        user = new_test_user(
            self.env,
            login="biller",
            groups="base.group_user,account.group_account_invoice",
            company_id=self.company.id,
        )
        customers = (self.customer | self.other_customer).with_user(user)
        with self.assertRaises(AccessError):
            customers.write({"dunning_type_off_ids": [Command.link(self.type_overdue.id)]})
        self.customer.dunning_type_off_ids = self.type_overdue
        for on, expected in ((None, [1, 1]), (None, [0, 0]), (True, [1, 1]), (False, [0, 0])):
            with self.subTest(on=on):
                customers.action_dunning_toggle_type(self.type_overdue.id, on)
                switches = [
                    int(self.type_overdue not in customer.dunning_type_off_ids)
                    for customer in customers.sudo()
                ]
                self.assertEqual(switches, expected)
        self.assertIn("switched off", self.customer.message_ids[0].body)
        self.assertEqual(self.customer.message_ids[0].author_id, user.partner_id)

    def test_switching_a_contact_switches_its_customer(self):
        contact = self._create_customer("Contact", parent_id=self.customer.id)
        contact.action_dunning_toggle_type(self.type_overdue.id)
        self.assertEqual(self.customer.dunning_type_off_ids, self.type_overdue)

    def test_others_do_not_switch_types(self):
        user = new_test_user(self.env, login="someone", groups="base.group_user")
        with self.assertRaises(AccessError):
            self.customer.with_user(user).action_dunning_toggle_type(self.type_overdue.id)
        self.assertFalse(self.customer.dunning_type_off_ids)

    def test_types_are_switched_for_many_customers_in_one_dialog(self):
        customers = self.customer | self.other_customer
        dialog = self.env["dunning.type.switch"].with_context(active_ids=customers.ids)
        types = self.type_overdue | self.env.ref("dunning_exclusion.type_final_notice")
        dialog.create({"type_ids": [Command.set(types.ids)]}).action_apply()
        for customer in customers:
            self.assertEqual(customer.dunning_type_off_ids, types)
        dialog.create({"type_ids": [Command.set(types.ids)], "switch": "on"}).action_apply()
        self.assertFalse(customers.dunning_type_off_ids)
