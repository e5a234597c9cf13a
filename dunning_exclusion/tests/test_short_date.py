from datetime import date

from freezegun import freeze_time

from odoo.tests import TransactionCase, tagged

from ..models.scenario_sentence import short_date


@tagged("post_install", "-at_install")
class TestShortDate(TransactionCase):
    def test_days_in_sentences_are_written_like_those_in_fields(self):
        for code in ("de_DE", "fr_FR"):
            self.env["res.lang"]._activate_lang(code)
        days = date(2026, 12, 8), date(2027, 1, 8), False
        with freeze_time("2026-11-27"):
            for code, expected in (
                ("en_US", ["Dec 8", "Jan 8, 2027", ""]),
                ("de_DE", ["8. Dez.", "8. Jan. 2027", ""]),
                ("fr_FR", ["8 déc.", "8 janv. 2027", ""]),
            ):
                with self.subTest(code=code):
                    env = self.env(context={"lang": code})
                    self.assertEqual([short_date(env, day) for day in days], expected)

    def test_runs_are_named_after_day_and_what_is_sent(self):
        with freeze_time("2026-11-27"):
            run = self.env["dunning.run"].new({"date": date(2026, 12, 8)})
            self.assertEqual(run.name, "Dec 8 All scenarios")
            run.mode = "criteria"
            self.assertEqual(run.name, "Dec 8 By criteria")
            run.type_id = self.env.ref("dunning_exclusion.type_overdue")
            self.assertEqual(run.name, f"Dec 8 {run.type_id.name}")
