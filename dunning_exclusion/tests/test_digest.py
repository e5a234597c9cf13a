from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import OutcomeCommon


@tagged("post_install", "-at_install")
class TestDigest(OutcomeCommon):
    """Once a week a digest says what was reminded, held back and forgotten."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.digest = cls.env.ref("dunning_exclusion.digest_follow_ups")
        cls.user = cls._create_user("worker", "dunning_exclusion.group_dunning_user")

    def _figures(self, user=None):
        kpis = self.digest._compute_kpis(self.company, user or self.user)
        return {kpi["kpi_name"]: kpi for kpi in kpis}

    def test_week_of_follow_ups(self):
        self._create_invoice(self.customer, 100)
        held = self._create_invoice(self.other_customer, 70)
        held.dunning_stop = True
        held.dunning_block_ids.date_from = self.today - timedelta(days=100)
        run = self._create_run(scenario_ids=self.scenario.ids)
        run.action_send()
        # The days that are over count.
        yesterday = self.today - timedelta(days=1)
        run.notice_ids.sudo().write({"state": "sent", "date": yesterday})
        figures = self._figures()
        week = {name: figure["kpi_col2"].get("value") for name, figure in figures.items()}
        self.assertIn("100", week["kpi_dunning_reminded"])
        self.assertIn("70", week["kpi_dunning_held"])
        self.assertEqual(week["kpi_dunning_forgotten"], 1)
        reason = figures["kpi_dunning_held_stop_item"]
        self.assertIn("Reminders for the item are stopped", reason["kpi_fullname"])
        self.assertIn("70", reason["kpi_col1"]["value"])
        names = list(figures)
        place = names.index("kpi_dunning_held")
        self.assertEqual(names[place + 1], "kpi_dunning_held_stop_item", "under the sum")

    def test_e_mail_is_written(self):
        self._create_invoice(self.customer, 100, dunning_collection_failed=False)
        self.customer.dunning_stop = True
        self.digest.with_company(self.company)._action_send_to_user(self.user)
        mail = self.env["mail.mail"].search([], order="id desc", limit=1)
        self.assertIn("Reminders to the customer are stopped", mail.body_html)

    def test_others_get_no_figures(self):
        employee = self._create_user("employee", "base.group_user")
        stranger = self._create_user(
            "stranger", "dunning_exclusion.group_dunning_user", companies=self.other_company
        )
        self.assertFalse([name for name in self._figures(employee) if "dunning" in name])
        self.digest.company_id = self.company
        for name in ("reminded", "held", "forgotten"):
            with self.subTest(name), self.assertRaises(AccessError):
                self.digest.with_user(stranger).read([f"kpi_dunning_{name}_value"])


@tagged("post_install", "-at_install")
class TestComingDay(OutcomeCommon):
    """Excluded receivables can be looked at as they will be."""

    def _outcomes(self, invoice, day):
        Screening = self.env["dunning.screening"].with_context(dunning_day=day)
        found = Screening.search([("move_id", "=", invoice.id)])
        return found.outcome, found.days_overdue

    def test_what_ends_until_then_holds_no_more(self):
        invoice = self._create_invoice(days=-5)
        self.customer._dunning_block("pause", date_to=self.today)
        self.assertEqual(self._outcomes(invoice, None), ("dropped", 5))
        self.assertEqual(self._outcomes(invoice, self._days(1)), ("included", 6))
        self.assertEqual(self._outcomes(invoice, "next_run"), ("included", 6))
        Report = self.env["dunning.exclusion.report"]
        self.assertEqual(Report.search([("move_id", "=", invoice.id)]).kind, "pause")
        tomorrow = Report.with_context(dunning_day=self._days(1))
        self.assertFalse(tomorrow.search([("move_id", "=", invoice.id)]))

    def test_what_begins_until_then_holds(self):
        invoice = self._create_invoice()
        self.customer._dunning_block("prevent", date_from=self.today + timedelta(days=3))
        self.assertEqual(self._outcomes(invoice, self._days(2))[0], "included")
        self.assertEqual(self._outcomes(invoice, self._days(3))[0], "dropped")
        Report = self.env["dunning.exclusion.report"].with_context(dunning_day=self._days(3))
        [group] = Report._read_group(
            [("move_id", "=", invoice.id)], ["rule_id"], ["amount_residual:sum"]
        )
        self.assertEqual((group[0].code, group[1]), ("prevent_customer", 100))

    def test_next_run_is_when_the_job_comes(self):
        cron = self.env.ref("dunning_exclusion.cron_send_automatic")
        tomorrow = self.today + timedelta(days=1)
        cron.nextcall = f"{self.today + timedelta(days=4)} 12:00:00"
        self.assertEqual(
            self.company._dunning_next_run_day(), tomorrow, "nothing is sent by itself"
        )
        self.company.dunning_automatic_sending = True
        for zone, days in (("UTC", 4), ("Pacific/Kiritimati", 5)):
            with self.subTest(zone):
                self.company.dunning_timezone = zone
                expected = self.today + timedelta(days=days)
                self.assertEqual(self.company._dunning_next_run_day(), expected)

    def test_days_of_clients_are_checked(self):
        invoice = self._create_invoice()
        for day in ("tomorrow", 5, ["2026-01-01"], "9999-01-01"):
            with self.subTest(day), self.assertRaisesRegex(Exception, "day"):
                self._outcomes(invoice, day)
