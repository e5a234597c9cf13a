from odoo.exceptions import ValidationError
from odoo.tests import tagged

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestDomainRights(DunningCommon):
    """A condition is evaluated for everyone alike, so whoever writes it must see what it is about.

    Otherwise an administrator could find out by trial what is in a field for others only.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls._create_user("conditions", "dunning_exclusion.group_dunning_manager")

    def _as_manager(self, record):
        return record.with_user(self.manager).with_company(self.company)

    def _rule_vals(self, model, domain):
        return {"name": "Ours", "source": "domain", "model": model, "domain": domain}

    def test_condition_on_a_field_for_others_is_refused(self):
        secret = "[('signup_type', '=', 'reset')]"
        of_entry = "[('partner_id.signup_type', '=', 'reset')]"
        rules = self.env["dunning.exclusion.rule"]
        run = self._create_run(prepare=False, mode="criteria", type_id=self.type_overdue.id)
        for record, write in (
            (self.scenario, lambda record: record.write({"customer_domain": secret})),
            (self.scenario.level_ids[0], lambda rec: rec.write({"condition_domain": of_entry})),
            (run, lambda run: run.write({"criteria_domain": of_entry})),
            (rules, lambda rules: rules.create(self._rule_vals("res.partner", secret))),
            (rules, lambda rules: rules.create(self._rule_vals("account.move.line", of_entry))),
        ):
            with self.subTest(model=record._name):
                self.manager.group_ids -= self.env.ref("base.group_erp_manager")
                with self.assertRaisesRegex(ValidationError, "signup_type"):
                    write(self._as_manager(record))
                self.manager.group_ids |= self.env.ref("base.group_erp_manager")
                write(self._as_manager(record))

    def test_conditions_on_what_administrators_see_are_saved(self):
        manager = self._as_manager
        manager(self.scenario).customer_domain = "[('category_id.name', '=', 'Key')]"
        manager(self.scenario.level_ids[0]).condition_domain = "[('prevent_dunning', '=', False)]"
        for model in ("res.partner", "account.move", "account.move.line"):
            with self.subTest(model=model):
                values = self._rule_vals(model, "[('company_id.name', '=', 'Ours')]")
                self.assertTrue(manager(self.env["dunning.exclusion.rule"]).create(values))
