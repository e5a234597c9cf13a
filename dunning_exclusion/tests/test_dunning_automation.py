from datetime import datetime, timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.tests import tagged

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestDunningAutomation(DunningCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.company"].search([]).dunning_automatic_sending = False
        cls.company.dunning_automatic_sending = True
        cls.scenario.automatic = True
        cls.invoice = cls._create_invoice()
        cls.cron = cls.env.ref("dunning_exclusion.cron_send_automatic")

    def _nightly(self):
        self.env["dunning.run"]._cron_send_automatic()
        return self._runs()

    def _runs(self):
        return self.env["dunning.run"].search(
            [("automatic", "=", True), ("company_id", "=", self.company.id)]
        )

    def test_nothing_happens_until_switched_on(self):
        self.company.dunning_automatic_sending = False
        self.assertFalse(self._nightly())

    def test_job_started_by_the_scheduler_sends(self):
        with self.enter_registry_test_mode():
            self.cron.method_direct_trigger()
        run = self._runs()
        self.assertEqual(run.state, "done")
        self.assertEqual(run.notice_ids.partner_id, self.customer)

    def test_twice_a_day_sends_once(self):
        self._nightly()
        run = self._nightly()
        self.assertEqual(len(run), 1)
        self.assertEqual(len(run.notice_ids), 1)

    def test_included_items_only(self):
        stopped = self._create_invoice(self.other_customer)
        stopped.action_dunning_stop()
        run = self._nightly()
        self.assertEqual(run.notice_ids.partner_id, self.customer)
        self.assertIn("unchecked", run.line_ids.mapped("outcome"))

    def test_scenarios_that_are_not_automatic_are_left_to_people(self):
        self.scenario.automatic = False
        self.assertFalse(self._nightly())

    def test_three_missed_days_are_made_up_with_one_message(self):
        with freeze_time(datetime.now() + timedelta(days=3)):
            run = self._nightly()
        self.assertEqual(len(run.notice_ids), 1)

    def test_day_is_that_of_the_company(self):
        self.company.partner_id.tz = "Pacific/Tongatapu"
        with freeze_time("2030-03-01 11:30:00"):
            run = self._nightly()
            self.assertEqual(str(run.date), "2030-03-02")
        self.company.partner_id.tz = "Pacific/Pago_Pago"
        with freeze_time("2030-04-01 10:59:00"):
            run = self._nightly() - run
            self.assertEqual(str(run.date), "2030-03-31")

    def test_old_bank_data_stop_the_job_and_are_reported_once(self):
        self.company.dunning_freshness_days = 3
        journal = self.company_data["default_journal_bank"]
        line = self.env["account.bank.statement.line"].create(
            {"journal_id": journal.id, "payment_ref": "x", "amount": 1, "date": self._days(-10)}
        )
        messages = self.env["mail.message"].search_count([("body", "ilike", "bank transactions")])
        self.assertFalse(self._nightly())
        self.assertFalse(self._nightly())
        self.assertEqual(
            self.env["mail.message"].search_count([("body", "ilike", "bank transactions")]),
            messages + 1,
        )
        line.copy({"date": self.today})
        self.assertTrue(self._nightly())

    def test_broken_rule_stops_the_job(self):
        rule = self.env["dunning.exclusion.rule"].create(
            {"name": "Own", "model": "res.partner", "domain": "[('name', '=', 'Nobody')]"}
        )
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE dunning_exclusion_rule SET domain = %s WHERE id = %s",
            ["[('gone', '=', 1)]", rule.id],
        )
        rule.invalidate_recordset()
        self.assertFalse(self._nightly())
        rule.enabled = False
        self.assertTrue(self._nightly())

    def test_interrupted_run_goes_on(self):
        run = self.env["dunning.run"].create(
            {
                "company_id": self.company.id,
                "automatic": True,
                "scenario_ids": [Command.set(self.scenario.ids)],
            }
        )
        run.action_prepare()
        run.sudo().write({"state": "sending", "automatic": True})
        self.assertEqual(self._nightly(), run)
        self.assertEqual(run.state, "done")
        self.assertEqual(len(run.notice_ids), 1)

    def test_summary_goes_to_the_administrators(self):
        run = self._nightly()
        summary = (
            self.env["mail.message"]
            .sudo()
            .search([("model", "=", run._name), ("res_id", "=", run.id), ("subject", "!=", False)])
        )
        self.assertEqual(len(summary), 1)
        self.assertIn(self.env.user.partner_id, summary.notified_partner_ids)

    def test_unsent_lines_of_old_automatic_runs_are_cleaned_up(self):
        self._create_invoice(self.other_customer).action_dunning_stop()
        run = self._nightly()
        self.assertEqual(len(run.line_ids), 2)
        self.company.dunning_cleanup_days = 5
        with freeze_time(datetime.now() + timedelta(days=6)):
            self._nightly()
        self.assertEqual(run.line_ids, run.notice_ids.line_ids)
