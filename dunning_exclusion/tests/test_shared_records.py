from contextlib import contextmanager

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command, Domain
from odoo.tests import tagged

from .common import OutcomeCommon


@tagged("post_install", "-at_install")
class TestSharedRecords(OutcomeCommon):
    """What several companies use is changed only by who may act in all of them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        manager = "dunning_exclusion.group_dunning_manager"
        everywhere = cls.env["res.company"].sudo().search([])
        cls.foreign = cls._create_user("of another company", manager, companies=cls.other_company)
        cls.local = cls._create_user("of this company", manager)
        cls.global_manager = cls._create_user("of all", manager, companies=everywhere)
        cls.shared_scenario = cls.scenario.create(
            {
                "name": "Shared",
                "company_id": False,
                "level_ids": [
                    Command.create({"name": "One", "delay": 1, "type_id": cls.type_overdue.id})
                ],
                "condition_ids": [Command.create({"metric": "overdue", "value": 1})],
            }
        )
        cls.shared_rule = cls.env["dunning.exclusion.rule"].create(
            {"name": "Shared rule", "company_id": False, "domain": "[('id', '<', 0)]"}
        )
        cls.profile = cls.env["dunning.profile"].create({"name": "Key accounts"})

    @contextmanager
    def _refused(self):
        """Assert that something is refused because the record is shared, and undo it."""
        with self.assertRaisesRegex(AccessError, "shared by all companies"):
            with self.env.cr.savepoint():
                yield
        self.env.invalidate_all()

    def _shared(self):
        """Return (record, values) of every kind of shared record."""
        return [
            (self.type_overdue, {"active": False}),
            (self.type_overdue, {"customer_filter": "except"}),
            (self.type_overdue, {"customer_ids": [Command.link(self.customer.id)]}),
            (self.type_overdue, {"template_id": False}),
            (self.env.ref("dunning_exclusion.reason_dispute"), {"default_days": 5}),
            (self.profile, {"name": "Renamed"}),
            (self.shared_scenario, {"active": False}),
            (self.shared_scenario, {"level_ids": [Command.clear()]}),
            (self.shared_scenario, {"condition_ids": [Command.clear()]}),
            (self.shared_scenario.level_ids, {"delay": 5}),
            (self.shared_scenario.condition_ids, {"value": 5}),
            (self.shared_rule, {"domain": "[('id', '>', 0)]"}),
            (self.shared_rule, {"default_effect": "dropped"}),
            (self.env.ref("dunning_exclusion.rule_stop_customer"), {"sequence": 999}),
            (self.env.ref("dunning_exclusion.rule_stop_customer"), {"marker": "amount"}),
            (self.env.ref("dunning_exclusion.rule_stop_customer"), {"default_effect": "dropped"}),
        ]

    def test_shared_records_are_changed_by_who_may_act_everywhere(self):
        for record, values in self._shared():
            for user in (self.foreign, self.local):
                with (
                    self.subTest(record=record, values=values, user=user.login),
                    self._refused(),
                ):
                    record.with_user(user).write(values)
        for record, values in self._shared():
            with self.subTest(record=record, values=values), self.env.cr.savepoint() as savepoint:
                record.with_user(self.global_manager).write(values)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_shared_records_are_added_deleted_and_translated_likewise(self):
        level = {"name": "Two", "scenario_id": self.shared_scenario.id, "delay": 9}
        new = [
            ("dunning.reminder.type", {"code": "new", "name": "New"}),
            ("dunning.block.reason", {"code": "new", "name": "New"}),
            ("dunning.profile", {"name": "New"}),
            ("dunning.scenario", {"name": "New", "company_id": False}),
            ("dunning.level", level),
            ("dunning.condition", {"scenario_id": self.shared_scenario.id, "value": 1}),
            (
                "dunning.exclusion.rule",
                {"name": "New", "company_id": False, "domain": "[('id', '>', 0)]"},
            ),
        ]
        for model, values in new:
            Model = self.env[model]
            with self.subTest(model=model):
                with self._refused():
                    Model.with_user(self.foreign).create(values)
                record = Model.with_user(self.global_manager).create(values)
                theirs = record.with_user(self.foreign)
                with self._refused():
                    theirs.unlink()
                if "name" in record._fields:
                    with self._refused():
                        theirs.update_field_translations("name", {"en_US": "Hacked"})
                record.unlink()

    def test_giving_a_record_away_is_no_way_around(self):
        own = {"company_id": self.other_company.id, "name": "Own"}
        domain = {"dunning.exclusion.rule": {"domain": "[('id', '<', 0)]"}}
        foreign_rights = self.env(user=self.foreign.id)
        for model in ("dunning.scenario", "dunning.exclusion.rule"):
            record = foreign_rights[model].create({**own, **domain.get(model, {})})
            shared = foreign_rights[model].search(Domain("company_id", "=", False), limit=1)
            for taken, company in (
                (record, self.env["res.company"]),
                (record, self.company),
                (shared, self.other_company),
            ):
                with self.subTest(model=model, company=company.name):
                    with self.assertRaises(AccessError):
                        taken.company_id = company.id
        level = foreign_rights["dunning.level"].create(
            {
                "name": "Own",
                "scenario_id": foreign_rights["dunning.scenario"].create(own).id,
                "type_id": self.type_overdue.id,
            }
        )
        for scenario in (self.shared_scenario, self.scenario):
            with self.subTest(scenario=scenario.name), self.assertRaises(AccessError):
                level.scenario_id = scenario.id

    def test_each_company_has_its_own_switches(self):
        rule = self.env.ref("dunning_exclusion.rule_stop_customer")
        for shared in (rule, self.shared_rule):
            with self.subTest(rule=shared.code):
                shared.with_user(self.foreign).write({"enabled": False, "effect": "dropped"})
                self.assertFalse(shared.with_company(self.other_company).enabled)
                self.assertTrue(shared.with_company(self.company).enabled)
                self.assertEqual(shared.with_company(self.company).effect, "unchecked")

    def test_new_records_belong_to_the_company_of_who_may_not_act_everywhere(self):
        for model, domain in (
            ("dunning.scenario", {}),
            ("dunning.exclusion.rule", {"domain": "[('id', '<', 0)]"}),
        ):
            with self.subTest(model=model):
                Model, values = self.env[model], {"name": "New", **domain}
                own = Model.with_user(self.foreign).create(values)
                self.assertEqual(own.company_id, self.other_company)
                own.name = "Renamed"
                shared = Model.with_user(self.global_manager).create(values)
                self.assertFalse(shared.company_id)

    def test_built_in_rules_keep_what_their_code_relies_on(self):
        rule = self.env.ref("dunning_exclusion.rule_customer_maximum")
        changes = {
            "code": "other",
            "level": "item",
            "source": "domain",
            "needs_approval": False,
        }
        for name, value in changes.items():
            label = rule._fields[name]._description_string(self.env)
            for user in (self.foreign, self.global_manager):
                with self.subTest(field=name, user=user.login):
                    with self.assertRaisesRegex(UserError, f"'{label}'"):
                        rule.with_user(user).write({name: value})
        rule.with_user(self.global_manager).write({"code": rule.code, "sequence": 7})
        Rule = self.env["dunning.exclusion.rule"].with_user(self.global_manager)
        for code in ("domain_of_nobody", "stop_items"):
            with self.subTest(code=code), self.assertRaises(UserError):
                Rule.create({"name": "Forged", "code": code, "source": "builtin"})
        with self.assertRaisesRegex(UserError, "'Source'"):
            self.shared_rule.with_user(self.global_manager).source = "builtin"

    def test_type_is_switched_off_by_the_company_that_did_it(self):
        mine = self._create_invoice()
        theirs = self._invoice_of_other_company(self.customer)
        customer = self.customer.with_user(self.foreign)
        customer.action_dunning_toggle_type(self.type_overdue.id)
        self.assertEqual(customer.dunning_type_off_ids, self.type_overdue)
        self.assertFalse(self.customer.dunning_type_off_ids)
        found = ("dunning_type_off_ids", "in", self.type_overdue.ids)
        for company, expected in ((self.company, False), (self.other_company, True)):
            with self.subTest(company=company.name):
                Partner = self.env["res.partner"].with_company(company)
                self.assertEqual(self.customer in Partner.search([found]), expected)
                nothing_off = Partner.search([("dunning_type_off_ids", "=", False)])
                self.assertEqual(self.customer in nothing_off, not expected)
                by_code = Partner.search([("dunning_type_off_ids.code", "=", "overdue")])
                self.assertEqual(self.customer in by_code, expected)
        self.assertOutcome(mine, "included")
        run = self._create_run(scenario_ids=self.scenario.ids)
        self.assertEqual(
            run.line_ids.filtered(lambda line: line.move_id == mine).outcome, "included"
        )
        run = (
            self.env["dunning.run"]
            .with_company(self.other_company)
            .create({"company_id": self.other_company.id, "scenario_ids": self.shared_scenario.ids})
        )
        run.action_prepare()
        line = run.line_ids.filtered(lambda line: line.move_id == theirs)
        self.assertEqual((line.outcome, line.rule_id.code), ("dropped", "type_off"))
        self.customer.dunning_type_off_ids = self.type_overdue
        customer.action_dunning_toggle_type(self.type_overdue.id, on=True)
        self.env.invalidate_all()
        self.assertEqual(self.customer.dunning_type_off_ids, self.type_overdue)
        self.assertFalse(self.customer.with_company(self.other_company).dunning_type_off_ids)

    def test_templates_that_other_companies_send_are_theirs_as_well(self):
        template = self.type_overdue.template_id
        own = template.copy({"name": "Own"})
        of_shared_level = template.copy({"name": "Shared level"})
        of_other_company = template.copy({"name": "Other company"})
        self.shared_scenario.level_ids.template_id = of_shared_level
        self.scenario.level_ids[0].template_id = of_other_company
        self.foreign.group_ids |= self.env.ref("mail.group_mail_template_editor")
        for used in (template, of_shared_level, of_other_company):
            theirs = used.with_user(self.foreign)
            for change in (
                lambda theirs=theirs: theirs.write({"subject": "Hacked"}),
                lambda theirs=theirs: theirs.update_field_translations(
                    "subject", {"en_US": "Hacked"}
                ),
                lambda theirs=theirs: theirs.unlink(),
            ):
                with self.subTest(template=used.name), self.assertRaises(AccessError):
                    change()
        own.with_user(self.foreign).subject = "Our own"
        self.global_manager.group_ids |= self.env.ref("mail.group_mail_template_editor")
        template.with_user(self.global_manager).subject = "For all"
        invoice = self.env["mail.template"].search([("model", "=", "account.move")], limit=1)
        invoice.with_user(self.foreign).name = "Not ours"
