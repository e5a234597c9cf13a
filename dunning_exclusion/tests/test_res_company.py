from datetime import date, datetime

from freezegun import freeze_time

from odoo.exceptions import ValidationError
from odoo.tests import Form, tagged

from .common import OutcomeCommon


@tagged("post_install", "-at_install")
class TestCompanyTimezone(OutcomeCommon):
    """The day of a company is that of its own time zone, however that is found."""

    def _set_address(self, country=None, tz=False, chosen=False):
        self.company.dunning_timezone = chosen
        self.company.partner_id.write(
            {"tz": tz, "country_id": country and self.env.ref(f"base.{country}").id}
        )

    def test_the_setting_counts_first_then_the_contact_then_the_country(self):
        for country, tz, chosen, zone in (
            ("de", "Asia/Tokyo", "America/Los_Angeles", "America/Los_Angeles"),
            ("de", "Asia/Tokyo", False, "Asia/Tokyo"),
            ("de", False, False, "Europe/Berlin"),
            ("at", False, False, "Europe/Vienna"),
            ("as", False, False, "Pacific/Pago_Pago"),
            # Clocks differ there: somebody has to say where the company is.
            ("us", False, False, "UTC"),
            ("us", False, "America/Los_Angeles", "America/Los_Angeles"),
            (None, False, False, "UTC"),
        ):
            with self.subTest(country=country, tz=tz, chosen=chosen):
                self._set_address(country, tz, chosen)
                self.assertEqual(self.company._dunning_timezone(), zone)

    def test_pauses_end_at_midnight_there(self):
        for zone, free in (
            ("America/Los_Angeles", datetime(2026, 6, 11, 7, 0)),
            ("Pacific/Kiritimati", datetime(2026, 6, 10, 10, 0)),
            ("Pacific/Pago_Pago", datetime(2026, 6, 11, 11, 0)),
            ("Europe/Berlin", datetime(2026, 6, 10, 22, 0)),
        ):
            with self.subTest(zone=zone):
                self._set_address("us", chosen=zone)
                customer = self._fresh_customer()
                with freeze_time(free.replace(minute=0)) as clock:
                    clock.tick(-60)
                    invoice = self._create_invoice(customer, days=-300)
                    customer.dunning_pause_until = "2026-06-10"
                    self.assertEqual(self.company._dunning_today(), date(2026, 6, 10))
                    self.assertOutcome(invoice, "dropped", "pause_customer")
                    clock.tick(61)
                    self.env.invalidate_all()
                    self.assertEqual(self.company._dunning_today(), date(2026, 6, 11))
                    self.assertOutcome(invoice, "included")

    def test_one_moment_is_another_day_in_another_company(self):
        self._set_address(chosen="Pacific/Kiritimati")
        self.other_company.dunning_timezone = "Pacific/Pago_Pago"
        both = self.company | self.other_company
        with freeze_time("2026-06-10 10:30:00"):
            by_day = self.env["res.company"]._dunning_companies_by_day()
            days = {company: day for day, group in by_day.items() for company in group & both}
        self.assertEqual(
            days, {self.company: date(2026, 6, 11), self.other_company: date(2026, 6, 9)}
        )

    def test_the_days_of_many_companies_take_the_queries_of_one(self):
        def count():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.env["res.company"]._dunning_companies_by_day()
            return self.env.cr.sql_log_count - before

        self._set_address("de")
        few = count()
        countries = self.env["res.country"].search([], limit=5)
        self.env["res.company"].create(
            [{"name": country.name, "country_id": country.id} for country in countries]
        )
        self.assertEqual(count(), few)

    def test_the_settings_say_which_zone_counts_now(self):
        self._set_address("us")
        manager = self._create_user("setter", "dunning_exclusion.group_dunning_manager")
        settings = self.env["dunning.settings"].with_user(manager)
        settings = settings.browse(settings.action_open()["res_id"])
        with freeze_time("2026-06-11 03:00:00"), Form(settings) as page:
            self.assertIn("UTC, where it is 06/11/2026", page.dunning_timezone_now)
            page.dunning_timezone = "America/Los_Angeles"
            self.assertIn("America/Los_Angeles, where it is 06/10/2026", page.dunning_timezone_now)
        self.assertEqual(self.company.dunning_timezone, "America/Los_Angeles")
        values = self.env["res.config.settings"].create({"dunning_timezone": "Asia/Tokyo"})
        self.assertIn("Asia/Tokyo", values.dunning_timezone_now)
        self.assertEqual(self.company.dunning_timezone, "Asia/Tokyo")

    def test_unknown_zones_are_refused_and_stop_no_company(self):
        """Odoo does not check whether such a selection has the value."""
        manager = self._create_user(
            "setter", "dunning_exclusion.group_dunning_manager", companies=self.other_company
        )
        company = self.other_company.with_user(manager)
        for zone in ("Nowhere/Atlantis", "x", 2**63):
            with self.subTest(zone=zone), self.assertRaisesRegex(ValidationError, "time zone"):
                company.dunning_timezone = zone
        # One that an earlier version has written.
        self.other_company.partner_id.country_id = self.env.ref("base.de")
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE res_company SET dunning_timezone = 'Nowhere/Atlantis' WHERE id = %s",
            [self.other_company.id],
        )
        self.env.invalidate_all()
        self.assertEqual(self.other_company._dunning_timezone(), "Europe/Berlin")
        block = self.customer._dunning_block("stop")
        self.assertIn(block, block.search([("state", "=", "active")]))
        settings = self.env["dunning.settings"].with_user(manager)
        values = {"dunning_timezone": "Nowhere/Atlantis", "company_id": self.other_company.id}
        self.assertIn("Europe/Berlin", settings.new(values).dunning_timezone_now)
