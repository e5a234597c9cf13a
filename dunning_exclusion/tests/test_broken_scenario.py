from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from .common import refused_statement
from .scenario_common import ScenarioCommon

LOGGER = "odoo.addons.dunning_exclusion.models.dunning_scenario"
BROKEN = ("[('x_gone', '=', 1)]", "broken (")
# Odoo understands it, PostgreSQL does not.
REFUSED = "[('id', '=', 'no number')]"


@tagged("post_install", "-at_install")
class TestBrokenScenario(ScenarioCommon):
    """A condition that names a field that is gone reminds nobody, and harms nobody else."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.company"].search([]).dunning_automatic_sending = False
        cls.broken = cls.scenario.copy({"name": "Broken", "sequence": 1})
        cls.workflow = cls._create_workflow()
        cls.invoice = cls._create_invoice()

    def _break(self, record, field, domain):
        """Write what nobody can write: a domain that was fine once."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                "UPDATE %s SET %s = %s WHERE id = %s",
                SQL.identifier(record._table),
                SQL.identifier(field),
                domain,
                record.id,
            )
        )
        self.env.invalidate_all()

    @mute_logger(LOGGER)
    def test_scenario_with_a_broken_filter_is_passed_over_everywhere(self):
        self.assertFalse(self.broken.broken)
        for domain in BROKEN:
            for scenario in (self.broken, self.workflow):
                with self.subTest(domain=domain, scenario=scenario.name):
                    self._break(scenario, "customer_domain", domain)
                    self.assertIn("'Customers' cannot be understood", scenario.broken)
                    self.assertFalse(self.scenario.broken)
                    broken = self.env["dunning.scenario"]._broken_in(self.company)
                    self.assertEqual(broken, scenario)
                    self.assertOutcome(self.invoice, "included")
                    self.assertTrue(self.customer.dunning_next_reminders())
                    self.assertTrue(self.env["dunning.run"].retrieve_dashboard())
                    self.assertFalse(self.customer.dunning_scenario_missing)
                    self.assertFalse(self._candidates(scenario))
                    reached = self._create_run().line_ids.scenario_id
                    self.assertNotIn(scenario, reached)
                    self.assertTrue(reached & (self.scenario | self.broken))
                    preview = self.env["dunning.scenario.preview"].create(
                        {"scenario_id": scenario.id, "company_id": self.company.id}
                    )
                    self.assertIn("cannot be understood", preview.note)
                    self._break(scenario, "customer_domain", "[]")

    @mute_logger("odoo.sql_db")
    def test_condition_that_only_postgresql_refuses_is_named_in_the_error(self):
        for record, field in (
            (self.broken, "customer_domain"),
            (self.broken.level_ids[0], "condition_domain"),
        ):
            with self.subTest(field=field):
                self._break(record, field, REFUSED)
                self.assertTrue(self.broken.broken)
                broken = self.env["dunning.scenario"]._broken_in(self.company)
                self.assertEqual(broken, self.broken)
                with refused_statement(self, "any more: Broken. Correct"):
                    self._create_run()
                self._break(record, field, "[]")

    @mute_logger(LOGGER)
    def test_level_with_a_broken_condition_keeps_its_customers_and_reminds_nobody(self):
        for domain in BROKEN:
            with self.subTest(domain=domain):
                self._break(self.broken.level_ids[0], "condition_domain", domain)
                self.assertIn("'Condition' cannot be understood", self.broken.broken)
                self.assertIn("Level 1", self.broken.broken)
                self.assertFalse(self._candidates(self.broken | self.scenario))
                run = self._create_run(scenario_ids=[Command.set(self.workflow.ids)])
                self.assertTrue(run.line_ids)
        self._break(self.broken.level_ids[0], "condition_domain", "[]")
        self._break(self.workflow.level_ids, "condition_domain", BROKEN[0])
        self.assertFalse(self._candidates(self.workflow))

    @mute_logger("odoo.sql_db")
    def test_nightly_job_of_the_company_stops_and_others_go_on(self):
        other = self.setup_other_company()["company"]
        (self.company | other).dunning_automatic_sending = True
        self.scenario.copy({"company_id": other.id, "automatic": True})
        self.scenario.automatic = True
        self._create_invoice(self.customer.with_company(other), company_id=other.id)
        self._break(self.broken, "customer_domain", REFUSED)
        self._assert_only(other)
        message = self.env["mail.message"].search([("body", "ilike", "scenarios are broken")])
        self.assertIn("Broken", message.body)
        self.broken.active = False
        self.assertFalse(self.env["dunning.scenario"]._broken_in(self.company))
        self.env["dunning.run"]._cron_send_automatic()
        self.assertTrue(self._automatic_runs(self.company))

    @mute_logger("odoo.addons.dunning_exclusion.models.dunning_automation")
    def test_run_that_cannot_be_prepared_keeps_no_other_company_back(self):
        other = self.setup_other_company()["company"]
        (self.company | other).dunning_automatic_sending = True
        self.scenario.copy({"company_id": other.id, "automatic": True})
        self.scenario.automatic = True
        self._create_invoice(self.customer.with_company(other), company_id=other.id)
        Run = type(self.env["dunning.run"])
        replace = Run._replace_lines

        def fail(run):
            if run.company_id == self.company:
                raise ZeroDivisionError("odd")
            replace(run)

        with patch.object(Run, "_replace_lines", fail):
            self._assert_only(other)
        message = self.env["mail.message"].search([("body", "ilike", "cannot be prepared")])
        self.assertIn("odd", message.body)

    def _assert_only(self, company):
        """Assert that the nightly job sends in `company`, and not in ours."""
        self.env["dunning.run"]._cron_send_automatic()
        self.assertFalse(self._automatic_runs(self.company))
        self.assertEqual(self._automatic_runs(company).notice_ids.partner_id, self.customer)

    def _automatic_runs(self, company):
        return self.env["dunning.run"].search(
            [("automatic", "=", True), ("company_id", "=", company.id)]
        )
