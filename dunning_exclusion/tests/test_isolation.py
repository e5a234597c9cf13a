from datetime import date, timedelta
from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from ..models.arguments import FIRST_DAY, LAST_DAY, Within
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


@tagged("post_install", "-at_install")
class TestExtremes(OutcomeCommon):
    """What one company holds, however extreme, stops neither its own work nor that of others."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.companies = cls.company | cls.other_company
        cls.env.user.company_ids |= cls.companies
        cls.scenario.automatic = True
        cls.mine = cls._create_invoice()
        cls.customers = cls.customer | cls.other_customer
        cls._fill(cls.other_company)
        cls.companies.dunning_automatic_sending = True

    @classmethod
    def _fill(cls, company):
        """Give a company the largest values that people can write, and items due in 9999."""
        there = cls.env(context={"allowed_company_ids": company.ids})
        last = LAST_DAY
        bounds = {
            bound.column: bound.high
            for bound in there["res.company"]._table_objects.values()
            if isinstance(bound, Within) and not isinstance(bound.high, date)
        }
        largest = {name: high for name, high in bounds.items() if name.endswith("_days")}
        company.write({**largest, "dunning_freshness_days": 0})
        extreme = {"repeat_every": 3650, "repeat_max": 1000, "type_id": cls.type_overdue.id}
        for number, values in enumerate(
            (
                {"min_days_between": 3650, "date_start": False},
                {"campaign_type": "customer", "frequency": "monthly", "week_of_month": "last"},
                {"date_start": last},
                {"campaign_type": "customer", "date_start": last},
            )
        ):
            levels = [
                Command.create({"name": str(delay), "delay": delay, **extreme})
                for delay in (-3650, 0, 3650)
            ]
            there["dunning.scenario"].create(
                {
                    "name": f"Extreme {number}",
                    "company_id": company.id,
                    "automatic": True,
                    "level_ids": levels,
                    **values,
                }
            )
        invoices = [
            cls._create_invoice(
                customer.with_company(company),
                company_id=company.id,
                invoice_date=cls.today,
                invoice_date_due=day,
            )
            for customer in cls.customers
            for day in ("9999-12-31", cls.today)
        ]
        items = cls._items(invoices[0].concat(*invoices)).with_env(there)
        for number, item in enumerate(items):
            item.move_id.dunning_due_date = last if number else False
            hold = {"move_id": item.move_id.id, "move_line_id": item.id, "company_id": company.id}
            for kind in ("stop", "pause", "prevent"):
                there["dunning.block"].create(
                    {
                        "partner_id": item.partner_id.id,
                        "kind": kind,
                        "date_from": last if number % 2 else cls.today,
                        "date_to": last,
                        **(hold if number else {"company_id": company.id}),
                    }
                )
            there["dunning.promise"].create(
                {
                    "company_id": company.id,
                    "partner_id": item.partner_id.id,
                    "move_line_ids": [Command.set(item.ids)],
                    "date": last,
                    "amount": 10**12,
                }
            )

    def _look(self, company, companies):
        """Do all that people do in `company`, with `companies` selected; return what is listed."""
        env = self.env(context={"allowed_company_ids": (company | companies).ids})
        customer = self.customer.with_env(env)
        items = env["dunning.screening"].search([("company_id", "in", companies.ids)])
        self.assertTrue(items.mapped("outcome"))
        for field in ("date_due", "days_overdue", "amount_residual", "rule_ids"):
            items.mapped(field)
        env["dunning.exclusion.report"].search([]).mapped("outcome")
        for record in (customer, customer.invoice_ids, customer.invoice_ids.line_ids):
            record.mapped("dunning_outcome")
        customer.dunning_explain()
        customer.dunning_explain(LAST_DAY)
        customer.dunning_next_reminders()
        customer.dunning_panel()
        env["dunning.run"].retrieve_dashboard()
        env["dunning.promise"].search([]).mapped("state")
        env["dunning.block"].search([]).mapped("state")
        for scenario in env["dunning.scenario"].search([("company_id", "in", companies.ids)]):
            scenario.mapped("next_date")
            scenario.mapped("description")
            if scenario.company_id == company:
                preview = env["dunning.scenario.preview"].create({"scenario_id": scenario.id})
                for day in (self.today, LAST_DAY, FIRST_DAY):
                    preview.date = day
                    preview.mapped("line_ids.amount")
        run = self._create_run(company_id=company.id)
        days = [self._create_run(company_id=company.id, date=day) for day in (LAST_DAY, FIRST_DAY)]
        (run.concat(*days)).mapped("line_ids.days_overdue")
        return run

    def test_people_work_in_each_company(self):
        for company in self.companies:
            for selected in (company, self.companies):
                with self.subTest(company=company.name, selected=len(selected)):
                    run = self._look(company, selected)
                    mine = run.line_ids.filtered("checked").move_id
                    self.assertEqual(mine, self.mine if company == self.company else mine.browse())

    def test_jobs_end_in_each_company(self):
        with self.assertNoLogs(LOGGER, "ERROR"):
            for job in (
                self.env["dunning.run"]._cron_send_automatic,
                self.env["dunning.run"]._cron_send_runs,
                self.env["dunning.block"]._cron_report_forgotten,
                self.env["dunning.promise"]._cron_report_broken,
                self.env["dunning.mirror"]._cron_sync,
            ):
                job()
        for company in self.companies:
            run = self.env["dunning.run"].search(
                [("automatic", "=", True), ("company_id", "=", company.id)]
            )
            self.assertEqual(run.state, "done", company.name)

    def test_days_that_nobody_can_write_stop_only_their_company(self):
        """They came from an import into the database: here the year 9999."""
        self.env.flush_all()
        for table, column in (("dunning_block", "date_to"), ("dunning_promise", "date")):
            name = f"{table}_{column}_within"
            self.env.cr.execute(
                SQL("ALTER TABLE %s DROP CONSTRAINT %s", *map(SQL.identifier, (table, name)))
            )
            self.env.cr.execute(
                SQL(
                    "UPDATE %s SET %s = '9999-12-31' WHERE company_id = %s",
                    *map(SQL.identifier, (table, column)),
                    self.other_company.id,
                )
            )
        self.env.invalidate_all()
        with mute_logger(LOGGER):
            self.test_people_work_in_this_company()

    def test_people_work_in_this_company(self):
        run = self._look(self.company, self.company)
        self.assertEqual(run.line_ids.filtered("checked").move_id, self.mine)
        with mute_logger(LOGGER):
            self.env["dunning.run"]._cron_send_automatic()
        sent = self.env["dunning.run"].search(
            [("automatic", "=", True), ("company_id", "=", self.company.id)]
        )
        self.assertEqual(
            (sent.state, sent.line_ids.filtered("notice_id").move_id), ("done", self.mine)
        )
