from odoo.exceptions import ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..hooks import uninstall_hook
from .common import DunningCommon, OutcomeCommon, refused_statement

RULES = "odoo.addons.dunning_exclusion.models.dunning_exclusion_rule"


@tagged("post_install", "-at_install")
class TestOwnRules(OutcomeCommon):
    """Rules that users write as a condition on customers, invoices or items."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._create_invoice()
        cls.neighbour = cls._create_invoice(cls.other_customer)

    def _create_rule(self, model="res.partner", domain=None, **values):
        return self.env["dunning.exclusion.rule"].create(
            {
                "name": "Ours",
                "source": "domain",
                "model": model,
                "domain": domain or "[('name', '=', 'Alpha')]",
                **values,
            }
        )

    def test_condition_on_customer_invoice_and_item(self):
        for model, domain, level in (
            ("res.partner", "[('name', '=', 'Alpha')]", "customer"),
            ("account.move", "[('partner_id.name', '=', 'Alpha')]", "item"),
            ("account.move", f"[('id', 'in', [{self.invoice.id}])]", "item"),
            ("account.move.line", "[('partner_id.name', '=', 'Alpha')]", "item"),
        ):
            with self.subTest(model=model, domain=domain):
                rule = self._create_rule(model, domain)
                self.assertEqual((rule.level, rule.marker), (level, level))
                self.assertOutcome(self.invoice, "unchecked", rule.code)
                self.assertOutcome(self.neighbour, "included")
                reason = self.invoice.dunning_explain()[0]
                self.assertEqual((reason["reason"], reason["level"]), ("Ours", level))
                rule.unlink()
                self.assertOutcome(self.invoice, "included")

    def test_condition_on_the_customer_holds_for_its_contacts(self):
        child = self.env["res.partner"].create({"name": "Child", "parent_id": self.customer.id})
        of_child = self._create_invoice(child)
        rule = self._create_rule()
        self.assertOutcome(of_child, "unchecked", rule.code)
        rule.level = "item"
        self.assertOutcome(of_child, "unchecked", rule.code)

    def test_condition_may_be_relative_to_today_and_name_archived_customers(self):
        rule = self._create_rule("account.move.line", "[('date_maturity', '<', 'today -5d')]")
        self.assertOutcome(self.invoice, "unchecked", rule.code)
        rule.domain = "[('date_maturity', '<', 'today -50d')]"
        self.assertOutcome(self.invoice, "included")

    def test_effect_and_switch_are_per_company(self):
        rule = self._create_rule(effect="dropped")
        elsewhere = self._invoice_of_other_company(self.customer)
        self.assertOutcome(self.invoice, "dropped", rule.code)
        self.assertOutcome(elsewhere, "dropped", rule.code)
        rule.with_company(self.other_company).enabled = False
        rule.effect = "unchecked"
        self.assertOutcome(self.invoice, "unchecked", rule.code)
        self.assertOutcome(elsewhere, "included")
        rule.write({"company_id": self.other_company.id})
        rule.with_company(self.other_company).enabled = True
        self.assertOutcome(self.invoice, "included")
        self.assertOutcome(elsewhere, "dropped", rule.code)

    def test_condition_is_checked_when_saved(self):
        for model, domain, message in (
            ("res.partner", "[('no_such_field', '=', 1)]", "no_such_field"),
            ("res.partner", "[('parent_id.no_such_field', '=', 1)]", "no_such_field"),
            ("account.move", "[('name', '=')]", "condition does not work"),
            ("account.move", "not a list", "not a list of conditions"),
            ("account.move", "[('id', '=', __import__('os').getpid())]", "not a list"),
            ("account.move", "[]", "would exclude everything"),
            ("account.move.line", "[('date', '<', 'yesteryear')]", "condition does not work"),
        ):
            with self.subTest(domain=domain):
                with self.assertRaisesRegex(ValidationError, message) as caught:
                    self._create_rule(model, domain)
                self.assertIn("Domain", str(caught.exception), "the message names the field")
        rule = self._create_rule()
        with self.assertRaisesRegex(ValidationError, "no_such_field"):
            rule.domain = "[('no_such_field', '=', 1)]"
        with self.assertRaisesRegex(ValidationError, "Excludes"):
            self._create_rule("account.move", "[('id', '=', 1)]", level="customer")
        with self.assertRaisesRegex(ValidationError, "no built-in condition"):
            self._create_rule(source="builtin", code="no_such_method", level="item")

    @mute_logger(RULES)
    def test_broken_rule_excludes_nothing_and_is_reported(self):
        rule = self._create_rule()
        working = self._create_rule(domain="[('name', '=', 'Beta')]")
        Rule = self.env["dunning.exclusion.rule"]
        self.assertFalse(Rule._broken_in(self.company))
        for domain in ("[('x_gone', '=', 1)]", "broken ("):
            with self.subTest(domain=domain):
                self._write_unchecked(rule, domain=domain)
                self.assertTrue(rule.broken)
                self.assertFalse(working.broken)
                self.assertOutcome(self.invoice, "included")
                self.assertOutcome(self.neighbour, "unchecked", working.code)
                self.assertEqual(Rule._broken_in(self.company), rule)
        rule.enabled = False
        self.assertFalse(Rule._broken_in(self.company), "switched off, it harms nobody")
        self.assertIn(rule, Rule._broken_in(self.other_company))
        rule.enabled = True
        rule.domain = "[('name', '=', 'Alpha')]"
        self.assertFalse(rule.broken)
        self.assertOutcome(self.invoice, "unchecked", rule.code)

    @mute_logger("odoo.sql_db")
    def test_rule_that_only_postgresql_refuses_is_named_in_the_error(self):
        rule = self._create_rule()
        self._create_rule(name="Fine")
        self._write_unchecked(rule, domain="[('id', '=', 'no number')]")
        with self.assertRaisesRegex(ValidationError, "does not work"):
            rule.domain = "[('id', '=', 'no number')]"
        self.assertEqual(self.env["dunning.exclusion.rule"]._broken_in(self.company), rule)
        screening = self.env["dunning.screening"]
        for ask in (
            self.invoice.dunning_explain,
            lambda: self.invoice.dunning_outcome,
            lambda: screening.search_count([]),
            lambda: screening.search([]).read(["outcome"]),
            self._create_run,
        ):
            with refused_statement(self, "no longer be evaluated: Ours. Correct"):
                ask()
        rule.domain = "[('name', '=', 'Alpha')]"
        self.assertOutcome(self.invoice, "unchecked", rule.code)

    def test_built_in_rules_stay(self):
        with self.assertRaisesRegex(Exception, "switch them off"):
            self.env.ref("dunning_exclusion.rule_paid").unlink()

    def test_codes_are_unique_and_given(self):
        first, second = self._create_rule(), self._create_rule()
        self.assertTrue(first.code)
        self.assertNotEqual(first.code, second.code)

    def test_number_of_rules_does_not_matter_for_the_number_of_queries(self):
        def queries():
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.env["dunning.screening"].search([]).mapped("outcome")
            return self.env.cr.sql_log_count - before

        self._create_rule(domain="[('name', '=', 'X')]")
        queries()  # what Odoo keeps from the first time on
        few = queries()
        for number in range(10):
            self._create_rule(domain=f"[('name', '=', 'X{number}')]")
        self.assertEqual(queries(), few)


@tagged("post_install", "-at_install")
class TestMissingRules(DunningCommon):
    def test_a_rule_whose_addon_is_missing_is_broken_and_excludes_nothing(self):
        rule = self.env.ref("dunning_exclusion.rule_paid")
        # what an addon that is not loaded any more leaves in the table
        self.env.cr.execute(
            "UPDATE dunning_exclusion_rule SET code = 'gone' WHERE id = %s", [rule.id]
        )
        self.env.invalidate_all()
        self.assertIn("missing", rule.broken)
        invoice = self._create_invoice()
        with self.assertLogs("odoo.addons.dunning_exclusion", "WARNING"):
            self.assertOutcome(invoice, "included")

    def test_runs_can_be_read_after_their_rule_was_deleted(self):
        rule = self.env["dunning.exclusion.rule"].create(
            {"name": "Alpha", "model": "res.partner", "domain": "[('name', '=', 'Alpha')]"}
        )
        self._create_invoice()
        line = self._create_run().line_ids
        self.assertEqual((line.rule_id, line.rule_ids), (rule, rule))
        rule.unlink()
        self.env.invalidate_all()
        self.assertFalse(line.rule_id)
        self.assertFalse(line.rule_ids.mapped("name"))

    def test_uninstalling_takes_back_only_flags_that_mirror_blocks(self):
        self.company.dunning_mirror_no_followup = True
        mirrored, by_hand, overridden = (self._items(self._create_invoice()) for _n in range(3))
        by_hand.no_followup = True
        (mirrored | overridden).move_id.action_dunning_stop()
        self.assertTrue(mirrored.no_followup)
        overridden.no_followup = False
        overridden.no_followup = True
        uninstall_hook(self.env)
        self.assertEqual(
            [line.no_followup for line in (mirrored, by_hand, overridden)], [False, True, True]
        )
