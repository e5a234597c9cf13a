from datetime import timedelta
from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from .common import OutcomeCommon

LOGGER = "odoo.addons.dunning_exclusion.models.isolation"


@tagged("post_install", "-at_install")
class TestIsolation(OutcomeCommon):
    """A job that serves many companies: what one of them holds never stops another."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        manager = "dunning_exclusion.group_dunning_manager"
        cls.local = cls._create_user("local manager", manager)
        cls.foreign = cls._create_user("foreign manager", manager, companies=cls.other_company)
        cls.companies = cls.company | cls.other_company
        cls.mine = cls._create_invoice()
        cls.theirs = cls._create_invoice(
            cls.other_customer.with_company(cls.other_company), company_id=cls.other_company.id
        ).with_company(cls.other_company)

    def _told(self, user):
        """Return the messages about failed jobs that `user` got."""
        return (
            self.env["mail.message"]
            .sudo()
            .search([("partner_ids", "in", user.partner_id.ids), ("subject", "like", "failed")])
        )

    def _run_with_one_bad_company(self, model, method, job):
        """Run `job` while `method` of `model` fails for this company after it has done its work."""
        Model = self.env.registry[model]
        original = getattr(Model, method)
        bad = self.company

        def fail(records, about, *args):
            result = original(records, about, *args)
            if bad == (about if about._name == "res.company" else about.company_id):
                raise ZeroDivisionError("no such day")
            return result

        with patch.object(Model, method, fail), self.assertLogs(LOGGER, "ERROR"):
            job()
        self.env.invalidate_all()
        self.assertIn("no such day", self._told(self.local).body)
        self.assertFalse(self._told(self.foreign), "their company is not affected")

    def test_broken_promises_are_reported_for_the_other_companies(self):
        Promise = self.env["dunning.promise"]
        promises = [
            Promise.with_company(company).create(
                {
                    "partner_id": customer.id,
                    "company_id": company.id,
                    "date": self.today - timedelta(days=20),
                }
            )
            for company, customer in (
                (self.company, self.customer),
                (self.other_company, self.other_customer),
            )
        ]
        self._run_with_one_bad_company(
            "dunning.promise", "_report_broken", Promise._cron_report_broken
        )
        self.assertFalse(promises[0].activity_ids, "undone")
        self.assertFalse(promises[0].broken_reported)
        self.assertTrue(promises[1].activity_ids)

    def test_forgotten_blocks_are_reported_for_the_other_companies(self):
        Block = self.env["dunning.block"]
        blocks = [
            Block.create(
                {
                    "partner_id": self.customer.id,
                    "company_id": company.id,
                    "date_from": self.today - timedelta(days=100),
                }
            )
            for company in self.companies
        ]
        self._run_with_one_bad_company(
            "dunning.block", "_report_forgotten", Block._cron_report_forgotten
        )
        self.assertFalse(blocks[0].activity_ids, "undone")
        self.assertTrue(blocks[1].activity_ids)

    def test_flags_are_mirrored_for_the_other_companies(self):
        self.companies.write({"dunning_mirror_no_followup": True})
        for invoice in (self.mine, self.theirs):
            invoice.action_dunning_stop()
            self.env.flush_all()
            self.env.cr.execute(
                SQL(
                    "UPDATE account_move_line SET no_followup = FALSE WHERE move_id = %s",
                    invoice.id,
                )
            )
        self.env.cr.execute("DELETE FROM dunning_mirror")
        self.env.invalidate_all()
        Mirror = self.env["dunning.mirror"]
        self._run_with_one_bad_company("dunning.mirror", "_sync", Mirror._cron_sync)
        self.assertFalse(any(self._items(self.mine).mapped("no_followup")), "undone")
        self.assertTrue(all(self._items(self.theirs).mapped("no_followup")))

    def _send_automatically(self):
        self.companies.write({"dunning_automatic_sending": True})
        self.scenario.write({"company_id": False, "automatic": True})
        self.env["dunning.run"]._cron_send_automatic()

    def _runs(self, company):
        return self.env["dunning.run"].search(
            [("company_id", "=", company.id), ("automatic", "=", True)]
        )

    def test_reminders_are_sent_for_the_other_companies(self):
        for model, method in (
            ("dunning.automation", "_clean_up"),
            ("dunning.automation", "_get_obstacle"),
            ("dunning.sender", "_send_run"),
        ):
            with self.subTest(method=method), self.env.cr.savepoint() as savepoint:
                self._run_with_one_bad_company(model, method, self._send_automatically)
                self.assertEqual(self._runs(self.other_company).state, "done")
                self.assertTrue(self._runs(self.other_company).notice_ids)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_started_runs_are_sent_for_the_other_companies(self):
        runs = [
            self.env["dunning.run"].with_company(company).create({"company_id": company.id})
            for company in self.companies
        ]
        self.scenario.company_id = False
        for run in runs:
            run.action_prepare()
            run.action_send_in_background()
        Run = self.env["dunning.run"]
        self._run_with_one_bad_company("dunning.sender", "_send_run", Run._cron_send_runs)
        self.assertEqual(runs[0].state, "sending", "it is tried again")
        self.assertEqual(runs[1].state, "done")

    @mute_logger(LOGGER)
    def test_bad_data_of_one_company_stops_only_that_company(self):
        self.env.flush_all()
        self.env.cr.execute(
            "ALTER TABLE res_company DROP CONSTRAINT res_company_cleanup_days_within"
        )
        self.env.cr.execute(
            SQL(
                "UPDATE res_company SET dunning_cleanup_days = 999999 WHERE id = %s",
                self.company.id,
            )
        )
        self.env.invalidate_all()
        self._send_automatically()
        self.assertTrue(self._told(self.local))
        self.assertFalse(self._told(self.foreign))
        for company in self.companies:
            self.assertEqual(self._runs(company).state, "done", company.name)
