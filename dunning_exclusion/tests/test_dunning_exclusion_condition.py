from unittest.mock import patch

from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.dunning_exclusion.models.dunning_exclusion_condition import (
    condition_fault,
    condition_query,
)

from .common import DunningCommon, OutcomeCommon

FAULTS = "odoo.addons.dunning_exclusion.models.dunning_scenario"


class ConditionsCommon(OutcomeCommon):
    """The places where people type conditions, and who types them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._create_invoice(amount=500)
        cls.neighbour = cls._create_invoice(cls.other_customer, amount=80)
        cls.foreign_invoice = cls._create_invoice(
            cls.customer.with_company(cls.other_company), 90_000, company_id=cls.other_company.id
        )
        cls.user = cls._create_user("condition-user", "dunning_exclusion.group_dunning_user")
        cls.manager = cls._create_user("conditions", "dunning_exclusion.group_dunning_manager")
        cls.accountant = cls._create_user("accounts", "account.group_account_manager")
        cls.by_criteria = cls._create_run(
            prepare=False, mode="criteria", type_id=cls.type_overdue.id
        )

    def _writers(self, user):
        """Return [(model the condition is about, function that writes it, field it names)]."""
        level = self.scenario.level_ids[0].with_user(user)
        scenario, run = self.scenario.with_user(user), self.by_criteria.with_user(user)
        rules = self.env["dunning.exclusion.rule"].with_user(user)

        def rule_on(model):
            return lambda domain: rules.create(
                {"name": "Ours", "source": "domain", "model": model, "domain": domain}
            )

        return [
            ("res.partner", lambda d: scenario.write({"customer_domain": d}), "Customers"),
            ("account.move", lambda d: level.write({"condition_domain": d}), "Condition"),
            ("account.move.line", lambda d: run.write({"criteria_domain": d}), "Items"),
            *[
                (model, rule_on(model), "Domain")
                for model in ("res.partner", "account.move", "account.move.line")
            ],
        ]

    def _found(self, model, domain, company=None):
        query = condition_query(self.env[model], str(domain), company or self.company)
        return self.env[model].browse(query.get_result_ids())

    def _fault(self, model, domain, author=None):
        Model = self.env[model].with_user(author or self.manager).with_company(self.company)
        return condition_fault(Model, str(domain)) or ""


@tagged("post_install", "-at_install")
class TestConditions(ConditionsCommon):
    """A condition tells no more than its author may read, whoever evaluates it."""

    def test_nobody_reads_chats_through_a_condition(self):
        self.customer.message_post(body="Between us: they are about to go under.")
        for user in (self.manager, self.accountant, self.env.user):
            for model, write, field in self._writers(user):
                path = "" if model == "res.partner" else "partner_id."
                for domain in (
                    [(f"{path}message_ids.body", "ilike", "go under")],
                    [(f"{path}message_ids", "any", [("body", "ilike", "go under")])],
                    [(f"{path}message_ids", "not any", [("body", "ilike", "go under")])],
                    [(f"{path}message_ids", "ilike", "go under")],
                    [(f"{path}message_ids", "in", [1, 2])],
                    [(f"{path}message_ids", "=", False)],
                    [(f"{path}commercial_partner_id.message_ids.body", "ilike", "go")],
                    ["!", (f"{path}message_ids.body", "ilike", "go under")],
                ):
                    with self.subTest(user=user.id, model=model, domain=domain):
                        with self.assertRaises(ValidationError) as caught:
                            write(str(domain))
                        for part in ("message_ids", field, "Remove it"):
                            self.assertIn(part, str(caught.exception), "path, field and remedy")

    def test_what_conditions_do_not_ask_for(self):
        for path in (
            *("message_is_follower", "has_message", "activity_ids.summary", "activity_state"),
            *("bank_ids.acc_number", "user_ids.password", "user_id.signature", "dunning_outcome"),
            *("user_id.partner_id.bank_ids.acc_number", "duplicate_bank_partner_ids.name"),
            *("properties.secret", "user_id.group_ids.name", "create_uid.login_date"),
            *("company_id.bank_ids.acc_number", "name.nothing", "image_1920"),
            "parent_id.parent_id.parent_id.parent_id.parent_id.parent_id.parent_id.name",
        ):
            with self.subTest(path=path):
                fault = self._fault("res.partner", [(path, "!=", "x")])
                self.assertIn(path.split(".")[0], fault)
                with self.assertRaises(ValueError):
                    self._found("res.partner", [(path, "!=", "x")])

    def test_records_of_other_companies_are_not_seen_on_any_hop(self):
        foreign = self._create_customer("Foreign", company_id=self.other_company.id)
        child = self._create_customer("Child")
        self._write_unchecked(child, parent_id=foreign.id)
        big = self.foreign_invoice
        for model, domain in (
            ("res.partner", [("invoice_ids.amount_total", ">", 1000)]),
            ("res.partner", [("invoice_ids", "any", [("amount_total", ">", 1000)])]),
            ("res.partner", [("invoice_ids", "in", big.ids)]),
            ("res.partner", [("invoice_ids.line_ids.balance", ">", 1000)]),
            ("res.partner", [("invoice_ids.company_id", "=", self.other_company.id)]),
            ("res.partner", [("parent_id.name", "=", "Foreign")]),
            ("res.partner", [("parent_name", "=", "Foreign")]),
            ("res.partner", [("id", "child_of", "Foreign")]),
            ("res.partner", [("parent_id", "child_of", foreign.ids)]),
            ("res.partner", [("id", "in", foreign.ids)]),
            ("account.move", [("partner_id.invoice_ids.amount_total", ">", 1000)]),
            ("account.move", [("amount_total", ">", 1000)]),
            ("account.move", [("company_id.name", "=", self.other_company.name)]),
            ("account.move", [("company_id.parent_id.name", "=", self.other_company.name)]),
            ("account.move.line", [("partner_id.invoice_ids.amount_total", ">", 1000)]),
            (
                "account.move.line",
                [("move_id.partner_id", "any", [("invoice_ids", "in", big.ids)])],
            ),
        ):
            with self.subTest(model=model, domain=domain):
                self.assertFalse(self._fault(model, domain), "it may be asked")
                self.assertFalse(self._found(model, domain))
                away = ["!", *domain]
                self.assertTrue(self._found(model, away), "denied it is true of all others")
        theirs = self._found(
            "res.partner", [("invoice_ids.amount_total", ">", 1000)], self.other_company
        )
        self.assertEqual(theirs, self.customer)
        nothing_here = self._create_customer("Elsewhere")
        self._invoice_of_other_company(nothing_here)
        none = [("invoice_ids", "=", False)]
        self.assertIn(nothing_here, self._found("res.partner", none))
        self.assertNotIn(nothing_here, self._found("res.partner", none, self.other_company))

    def test_documents_on_the_way_are_those_of_what_customers_owe(self):
        bill = self.env["account.move"].create(
            {
                "move_type": "in_invoice",
                "partner_id": self.customer.id,
                "invoice_date": self.today,
                "invoice_line_ids": [Command.create({"name": "Rent", "price_unit": 7777})],
            }
        )
        bill.action_post()
        owed = self.env["account.move"].with_user(self.user).search([("id", "=", bill.id)])
        self.assertFalse(owed, "follow-up users do not see bills")
        for domain in (
            [("invoice_ids.amount_untaxed", "=", 7777)],
            [("invoice_ids", "in", bill.ids)],
            [("invoice_ids.invoice_line_ids.price_unit", "=", 7777)],
        ):
            with self.subTest(domain=domain):
                self.assertFalse(self._found("res.partner", domain))
        sales = self._found("res.partner", [("invoice_ids.amount_untaxed", "=", 500)])
        self.assertEqual(sales, self.customer)

    def test_who_may_not_read_all_records_writes_no_condition_about_them(self):
        domain = "[('partner_id.comment', 'ilike', 'secret')]"
        self.assertFalse(self._fault("account.move.line", domain, self.user))
        only_own = (
            self.env["ir.rule"]
            .sudo()
            .create(
                {
                    "name": "Own customers",
                    "model_id": self.env["ir.model"]._get_id("res.partner"),
                    "groups": [
                        Command.link(self.env.ref("dunning_exclusion.group_dunning_user").id)
                    ],
                    "domain_force": "[('user_id', '=', user.id)]",
                }
            )
        )
        for user in (self.user, self.manager):
            with self.subTest(user=user.id):
                self.assertIn("may not read", self._fault("account.move.line", domain, user))
        only_own.groups = False
        self.assertIn("may not read", self._fault("account.move.line", domain, self.accountant))
        only_own.domain_force = "[('company_id', 'in', company_ids + [False])]"
        self.assertFalse(self._fault("account.move.line", domain, self.accountant))
        rounding = "[('invoice_cash_rounding_id.name', '=', 'x')]"
        path = "'invoice_cash_rounding_id'"
        self.assertIn(path, self._fault("account.move", rounding, self.manager))
        self.assertFalse(self._fault("account.move", rounding, self.accountant))

    def test_rule_of_follow_up_users_that_was_narrowed_counts_as_such(self):
        domain = "[('partner_id.invoice_ids.amount_total', '>', 1)]"
        self.assertFalse(self._fault("account.move.line", domain, self.user))
        rule = self.env.ref("dunning_exclusion.rule_account_move_dunning_user").sudo()
        rule.domain_force = "[('invoice_user_id', '=', user.id)]"
        self.assertIn("may not read", self._fault("account.move.line", domain, self.user))
        self.assertFalse(self._fault("account.move.line", domain, self.accountant))

    def test_fields_that_the_author_may_not_read(self):
        for path in ("credit", "parent_id.credit"):
            with self.subTest(path=path):
                domain = [(path, ">", 1)]
                self.assertIn(f"'{path}'", self._fault("res.partner", domain, self.manager))
                self.assertFalse(self._fault("res.partner", domain, self.accountant))
        self.assertIn(self.customer, self._found("res.partner", [("credit", ">", 1)]))

    def test_the_answer_does_not_depend_on_who_asks(self):
        both = self.company | self.other_company
        admin = self._create_user("both", "account.group_account_manager", companies=both)
        admin.write({"lang": "en_US", "tz": "Asia/Tokyo"})
        self.customer.category_id = self.env["res.partner.category"].sudo().create({"name": "Key"})
        self.env["ir.rule"].sudo().create(
            {
                "name": "Nothing",
                "model_id": self.env["ir.model"]._get_id("res.partner.category"),
                "domain_force": "[(0, '=', 1)]",
            }
        )
        domain = "[('partner_id.category_id.name', '=', 'Key')]"
        for env in (
            self.env(user=self.user.id, context={"active_test": True}),
            self.env(user=self.manager.id),
            self.env(user=admin.id, context={"allowed_company_ids": both.ids, "lang": "nl_NL"}),
            self.env(user=self.env.ref("base.user_root").id, context={}),
        ):
            with self.subTest(user=env.uid):
                query = condition_query(env["account.move.line"], domain, self.company)
                lines = self.env["account.move.line"].browse(query.get_result_ids())
                self.assertEqual(lines.move_id, self.invoice)

    def test_who_prepares_and_the_nightly_job_find_the_same(self):
        """The invoice of another company that would match counts for none of them."""
        foreign = self._invoice_of_other_company(self.other_customer)
        for owner in (foreign, self.invoice):
            owner.ref = "wanted"
        both = self.company | self.other_company
        boss = self._create_user("boss", "account.group_account_manager", companies=both)
        own = self._invoice_of_other_company(self.customer)
        own.ref = "wanted"
        self.scenario.automatic = self.company.dunning_automatic_sending = True
        level = self.scenario.level_ids.sorted()[0]
        rule = self.env["dunning.exclusion.rule"].create(
            {
                "name": "Ours",
                "code": "ours",
                "source": "domain",
                "model": "res.partner",
                "domain": "[('ref', '=', 'nobody')]",
                "effect": "dropped",
                "company_id": self.company.id,
            }
        )
        criteria = {"mode": "criteria", "type_id": self.type_overdue.id}
        by_customer = "[('invoice_ids.ref', '=', 'wanted')]"
        by_invoice = "[('partner_id.invoice_ids.ref', '=', 'wanted')]"
        for name, change, values in (
            ("scenario", lambda: self.scenario.write({"customer_domain": by_customer}), {}),
            ("level", lambda: level.write({"condition_domain": by_invoice}), {}),
            (
                "rule",
                lambda: rule.write({"domain": "['!', ('invoice_ids.ref', '=', 'wanted')]"}),
                {},
            ),
            ("criteria", lambda: None, {**criteria, "criteria_domain": by_invoice}),
        ):
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                change()
                found = {
                    user.login: self._ticked(user, companies, values)
                    for user, companies in (
                        (self.manager, self.company),
                        (boss, both),
                        (self.env.ref("base.user_root"), both),
                    )
                }
                if not values:
                    self.env["dunning.run"]._cron_send_automatic()
                    run = self.env["dunning.run"].search([("automatic", "=", True)], limit=1)
                    self.assertEqual(run.company_id, self.company)
                    found["job"] = run.line_ids.filtered("notice_id").move_id
                self.assertEqual(set(found.values()), {self.invoice}, found)
                savepoint.rollback()
                self.env.invalidate_all()

    def _ticked(self, user, companies, values):
        """Return the entries that are ticked in a list which `user` prepares."""
        env = self.env(user=user.id, context={"allowed_company_ids": companies.ids})
        run = env["dunning.run"].create({"company_id": self.company.id, **values})
        run.action_prepare()
        return self.env["account.move"].browse(run.line_ids.filtered("checked").move_id.ids)

    def test_a_hook_adds_models_and_computed_fields(self):
        domain = [("user_id.group_ids.name", "=", "x")]
        computed = [("message_is_follower", "=", True)]
        self.assertTrue(self._fault("res.partner", domain, self.accountant))
        Conditions = type(self.env["dunning.exclusion.condition"])
        models = Conditions._get_condition_models

        def more(model):
            known = models(model)
            return known | {
                "res.bank": set(),
                "res.partner": known["res.partner"] | {"message_is_follower"},
            }

        bank = [("name", "=", "x")]
        self.assertTrue(self._fault("res.bank", bank, self.accountant))
        with patch.object(Conditions, "_get_condition_models", more):
            self.assertFalse(self._fault("res.bank", bank, self.accountant))
            self.assertFalse(self._fault("res.partner", computed, self.accountant))

    def test_conditions_are_bounded(self):
        for domain in (
            [("id", "in", list(range(5000)))],
            ["|"] * 100 + [("id", "=", 1)] * 101,
            [("parent_id", "any", [("id", "!=", number) for number in range(101)])],
            "[" * 5000,
            [("name", "=like", "a\\")],
            [("name", "=", "a\0b")],
            [("write_date", "<", "today -999999y")],
        ):
            with self.subTest(domain=str(domain)[:60]), mute_logger("odoo.sql_db"):
                self.assertTrue(self._fault("res.partner", domain))

    def test_what_accountants_ask_for(self):
        key = self.env["res.partner.category"].sudo().create({"name": "Key"})
        term = self._create_term(30)
        belgium = self.env.ref("base.be")
        profile = self.env["dunning.profile"].create({"name": "Gentle"})
        self.customer.write(
            {"category_id": key.ids, "country_id": belgium.id, "user_id": self.accountant.id}
        )
        self.customer.property_payment_term_id = term
        self.customer.dunning_profile_id = profile
        self.invoice.invoice_user_id = self.accountant
        self.invoice.with_context(skip_readonly_check=True).invoice_origin = "S00042"
        journal = self.invoice.journal_id
        customers = (
            [("category_id", "in", key.ids)],
            [("category_id.name", "=", "Key")],
            [("category_id", "child_of", key.ids)],
            [("category_id", "child_of", "Key")],
            [("country_id.code", "=", "BE")],
            [("country_code", "=", "BE")],
            [("country_id", "=", belgium.id)],
            [("country_id", "any", [("code", "in", ["BE", "NL"])])],
            [("user_id", "=", self.accountant.id)],
            [("user_id.name", "=", "accounts")],
            [("user_id", "ilike", "accounts")],
            [("property_payment_term_id", "=", term.id)],
            [("property_payment_term_id.name", "=", "Instalments")],
            [("dunning_profile_id", "=", profile.id)],
            [("dunning_profile_id.name", "=", "Gentle")],
            ["|", ("name", "=", "Alpha"), ("name", "=", "Nobody")],
            ["!", ("name", "=", "Beta"), ("name", "=", "Alpha")],
            [("invoice_ids.amount_total", ">", 300)],
            [("commercial_partner_id.name", "=", "Alpha")],
            [("company_id", "=", False), ("name", "=", "Alpha")],
            [("id", "child_of", self.customer.ids)],
            [("display_name", "ilike", "Alpha")],
        )
        entries = (
            [("amount_total", ">", 300)],
            [("invoice_origin", "=", "S00042")],
            [("invoice_user_id.name", "=", "accounts")],
            [("prevent_dunning", "=", False)],
            [("partner_id.category_id.name", "ilike", "key")],
            [("partner_id", "child_of", self.customer.ids)],
            [("journal_id", "=", journal.id), ("journal_id.type", "=", "sale")],
            [("invoice_date_due", "<", "today -5d"), ("amount_residual", ">=", 500)],
            [("line_ids.account_id.account_type", "=", "asset_receivable")],
            [("company_id.name", "=", self.company.name)],
            [("invoice_line_ids.product_id.categ_id", "=", False)],
        )
        items = (
            [("date_maturity", "<", "today -5d"), ("partner_id.name", "=", "Alpha")],
            [("date_maturity.year_number", ">", 2000)],
            [("move_id.invoice_origin", "ilike", "s000")],
            [("move_type", "=", "out_invoice")],
            [("account_type", "=", "asset_receivable")],
            [("account_id.code", "!=", False)],
            [("partner_id.user_id", "=", self.accountant.id)],
            [("prevent_dunning", "=", False)],
            [("product_id.categ_id.name", "=", "x")],
        )
        receivable = self._items(self.invoice)
        for model, domains, ours, expected in (
            ("res.partner", customers, ("customer_rank", ">", 0), self.customer),
            ("account.move", entries, ("amount_total", "=", 500), self.invoice),
            ("account.move.line", items, ("amount_residual", ">", 300), receivable),
        ):
            for domain in domains:
                with self.subTest(model=model, domain=domain):
                    self.assertFalse(self._fault(model, domain, self.accountant))
                    nobody = "product_id" in str(domain)
                    found = self._found(model, [ours, *domain])
                    self.assertEqual(found, expected.browse() if nobody else expected)

    @mute_logger(FAULTS)
    def test_what_was_not_checked_on_saving_is_not_evaluated_either(self):
        chat = "[('partner_id.message_ids.body', 'ilike', 'secret')]"
        rule = self.env["dunning.exclusion.rule"].create(
            {
                "name": "Ours",
                "source": "domain",
                "model": "account.move",
                "domain": "[('name', '=', 'x')]",
            }
        )
        level = self.scenario.level_ids[0]
        self._write_unchecked(rule, domain=chat)
        self._write_unchecked(level, condition_domain=chat)
        self._write_unchecked(self.by_criteria, criteria_domain=chat)
        self.assertIn("message_ids", rule.broken)
        self.assertIn(rule, self.env["dunning.exclusion.rule"]._broken_in(self.company))
        self.assertIn("message_ids", self.scenario.broken)
        with self.assertRaisesRegex(ValidationError, "'Items'.*message_ids"):
            self.by_criteria.action_prepare()

    def test_moving_a_condition_to_another_company_checks_it_again(self):
        both = self.company | self.other_company
        mover = self._create_user(
            "mover", "dunning_exclusion.group_dunning_manager", companies=both
        )
        self.scenario.level_ids[0].condition_domain = "[('partner_id.credit', '>', 1)]"
        scenario = self.scenario.with_user(mover).with_context(allowed_company_ids=both.ids)
        with self.assertRaisesRegex(ValidationError, "credit"):
            scenario.company_id = self.other_company


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
