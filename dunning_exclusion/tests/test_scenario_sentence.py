from datetime import date, timedelta

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged

from .scenario_common import ScenarioCommon


@tagged("post_install", "-at_install")
class TestDunningScenarioWords(ScenarioCommon):
    def assertSentence(self, scenario, sentence):
        self.assertIn(sentence, scenario.description.split("\n"))

    def test_shipped_scenario_in_words(self):
        shipped = self.env.ref("dunning_exclusion.scenario_standard")
        self.assertEqual(
            shipped.description,
            "5 days after the due date: e-mail “Friendly reminder”; then 15 days after the due "
            "date: e-mail “Firm reminder”; then 30 days after the due date: e-mail “Final notice”."
            "\nFor every customer.\nSwitched off.",
        )

    def test_workflow_in_words(self):
        self.company.currency_id = self.env.ref("base.EUR")
        workflow = self._create_workflow(
            weekday="0",
            condition_ids=[
                Command.create({"metric": "overdue", "operator": ">=", "value": 500}),
                Command.create({"metric": "overdue_percent", "operator": "<", "value": 30}),
            ],
        )
        for values, expected in (
            ({"frequency": "weekly"}, "Every Monday"),
            ({"frequency": "biweekly"}, "Every second Monday"),
            ({"frequency": "monthly"}, "On the first Monday of the month"),
            ({"week_of_month": "last", "weekday": "4"}, "On the last Friday of the month"),
        ):
            with self.subTest(values=values):
                workflow.write(values)
                amount = workflow.company_id.currency_id.format(500)
                self.assertSentence(
                    workflow,
                    f"{expected}, if overdue ≥ {amount} and overdue % < 30 %: e-mail “Statement”.",
                )
        workflow.condition_ids.unlink()
        self.assertSentence(workflow, "On the last Friday of the month: e-mail “Statement”.")

    def test_days_of_the_week_are_written_as_the_language_writes_them(self):
        workflow = self._create_workflow(weekday="0")
        for lang, day in {"fr_FR": "lundi", "de_DE": "Montag"}.items():
            self.env["res.lang"]._activate_lang(lang)
            self.assertIn(day, workflow.with_context(lang=lang).description)

    def test_levels_in_words(self):
        level = self.scenario.level_ids[0]
        self.scenario.level_ids[1:].unlink()
        for values, expected in (
            ({"delay": 0}, "On the due date: e-mail “Level 1”."),
            ({"delay": -3}, "3 days before the due date: e-mail “Level 1”."),
            ({"delay": 1}, "1 day after the due date: e-mail “Level 1”."),
            ({"delay": -1}, "1 day before the due date: e-mail “Level 1”."),
            (
                {"delay": 4, "trigger": "invoice_date", "action": "letter"},
                "4 days after the invoice date: letter “Level 1”.",
            ),
            (
                {"delay": 1, "repeat_every": 1, "repeat_max": 1},
                "1 day after the invoice date: letter “Level 1”, repeated every day, at most once.",
            ),
            (
                {"delay": 0, "action": "activity", "repeat_every": 7, "repeat_max": 2},
                "On the invoice date: activity “Level 1”, repeated every 7 days, at most 2 times.",
            ),
            (
                {"repeat_every": 0, "repeat_max": 0, "condition_domain": "[('id', '>', 0)]"},
                "On the invoice date: activity “Level 1”, only invoices that match its condition.",
            ),
        ):
            with self.subTest(values=values):
                level.write(values)
                self.assertSentence(self.scenario, expected)

    def test_customers_sending_and_start_in_words(self):
        profile = self.env["dunning.profile"].create({"name": "Public bodies"})
        self.assertSentence(self.scenario, "Sent by hand from a run.")
        self.scenario.write(
            {"automatic": True, "profile_ids": profile.ids, "date_start": date(2020, 1, 31)}
        )
        self.assertSentence(self.scenario, "For customers whose profile is Public bodies.")
        self.assertSentence(self.scenario, "The nightly job sends it.")
        self.assertSentence(self.scenario, "Items from before Jan 31, 2020 are left alone.")
        self.scenario.customer_domain = '[("name", "=", "Alpha")]'
        self.scenario.profile_ids |= profile.create({"name": "Hospitals"})
        self.assertSentence(
            self.scenario,
            "For customers whose profile is Public bodies or Hospitals, if they match the filter.",
        )

    def test_scenario_without_levels_says_so(self):
        for campaign_type, expected in (
            ("invoice", "Nothing is sent yet: add a reminder level."),
            ("customer", "Nothing is sent yet: add an action."),
        ):
            scenario = self.env["dunning.scenario"].create(
                {"name": "Empty", "campaign_type": campaign_type}
            )
            self.assertSentence(scenario, expected)

    def test_many_actions_are_cut(self):
        type_id = self.env.ref("dunning_exclusion.type_statement").id
        workflow = self._create_workflow(
            level_ids=[Command.create({"name": f"S{n}", "type_id": type_id}) for n in range(9)]
        )
        self.assertIn("; then 3 more.", workflow.description)

    def test_sentence_follows_what_is_being_edited(self):
        edited = self.env["dunning.scenario"].new(origin=self.scenario)
        edited.automatic = True
        edited.level_ids[0].delay = 2
        self.assertSentence(edited, "The nightly job sends it.")
        self.assertIn("2 days after the due date: e-mail “Level 1”", edited.description)


@tagged("post_install", "-at_install")
class TestDunningScenarioPreview(ScenarioCommon):
    def _preview(self, scenario=None, day=0):
        return self.env["dunning.scenario.preview"].create(
            {
                "scenario_id": (scenario or self.scenario).id,
                "company_id": self.company.id,
                "date": self.today + timedelta(days=day),
            }
        )

    def _open(self, scenario):
        """Return the model of the dialog as the web client opens it."""
        action = scenario.action_preview()
        return scenario.env[action["res_model"]].with_context(**action["context"])

    def test_preview_tells_whom_and_how_much_without_a_run(self):
        self._create_invoice(amount=100)
        self._create_invoice(amount=50)
        self._create_invoice(amount=30).action_dunning_stop()
        self._create_invoice(self.other_customer, amount=400)
        self._create_invoice(self.other_customer, amount=999, days=5)
        before = self.env["dunning.run"].search_count([])
        preview = self._preview()
        self.assertEqual((preview.customer_count, preview.item_count, preview.amount), (2, 3, 550))
        self.assertEqual((preview.excluded_count, preview.excluded_amount), (1, 30))
        self.assertEqual(preview.line_ids.partner_id, self.other_customer | self.customer)
        self.assertEqual(preview.line_ids.mapped("amount"), [400, 150])
        self.assertEqual(preview.line_ids[0].level_ids.name, "Level 1")
        self.assertEqual(self.env["dunning.run"].search_count([]), before)

    def test_preview_agrees_with_the_run_on_a_day_of_choice(self):
        self._create_invoice(days=5)
        preview = self._preview(day=5)
        self.assertFalse(preview.customer_count)
        preview.date = self.today + timedelta(days=6)
        run = self._create_run(date=preview.date, scenario_ids=[Command.set(self.scenario.ids)])
        self.assertEqual(preview.amount, run.checked_amount)
        self.assertEqual(preview.amount, 100)

    def test_item_in_several_messages_of_a_workflow_counts_once(self):
        self._create_invoice()
        workflow = self._create_workflow()
        workflow.level_ids.copy()
        preview = self._preview(workflow)
        self.assertEqual((preview.item_count, preview.amount), (1, 100))
        self.assertEqual(preview.line_ids.level_ids._origin, workflow.level_ids)

    def test_preview_of_a_workflow_opens_on_its_next_day(self):
        self._create_invoice()
        tomorrow = self.today + timedelta(days=1)
        workflow = self._create_workflow(weekday=str(tomorrow.weekday()))
        preview = self._open(workflow).create({})
        self.assertEqual((preview.date, preview.customer_count), (tomorrow, 1))
        self.assertFalse(preview.note)
        preview.date = tomorrow + timedelta(days=5)
        self.assertIn("not a day of the workflow", preview.note)

    def test_scenario_that_was_never_on_is_shown_as_if_it_was_switched_on_today(self):
        self._create_invoice(days=-10)
        self._create_invoice(days=1)
        scenario = self.scenario.copy({"active": False})
        self.scenario.active = False
        self.scenario = scenario
        preview = self._preview()
        self.assertFalse(preview.customer_count)
        self.assertIn("are left alone (1 in all)", preview.note)
        self.assertEqual(self._preview(day=2).item_count, 1)
        self.scenario.date_start = self.today - timedelta(days=100)
        self.assertEqual(self._preview().item_count, 1)

    def test_preview_form_follows_the_date(self):
        self._create_invoice(days=0)
        form = Form(self._open(self.scenario))
        self.assertEqual((form.customer_count, len(form.line_ids)), (0, 0))
        form.date = self.today + timedelta(days=1)
        self.assertEqual((form.customer_count, len(form.line_ids)), (1, 1))

    def test_follow_up_users_and_auditors_see_previews_and_others_do_not(self):
        self._create_invoice()
        for group in ("account.group_account_invoice", "account.group_account_readonly"):
            user = self._create_user(group, "base.group_user", group)
            form = Form(self._open(self.scenario.with_user(user)))
            self.assertEqual((form.customer_count, len(form.line_ids)), (1, 1))
        someone = new_test_user(self.env, login="someone", groups="base.group_user")
        with self.assertRaises(AccessError):
            self.scenario.with_user(someone).action_preview()

    def test_preview_tells_nothing_about_companies_and_scenarios_of_others(self):
        other = self.setup_other_company()["company"]
        user = self._create_user(
            "stranger", "dunning_exclusion.group_dunning_user", companies=other
        )
        self._create_invoice()
        shared = self.scenario.copy({"company_id": False})
        previews = self.env["dunning.scenario.preview"].with_user(user).with_company(other)
        for scenario, company in ((shared, self.company), (self.scenario, other)):
            values = {"scenario_id": scenario.id, "company_id": company.id, "date": self.today}
            shown = {"customer_count": {}, "amount": {}, "description": {}}
            with self.subTest(scenario=scenario.name), self.assertRaises(AccessError):
                previews.create(values).read(["amount", "description"])
            with self.subTest(scenario=scenario.name, form=True), self.assertRaises(AccessError):
                previews.onchange(values, ["date"], shown)
        mine = previews.create({"scenario_id": shared.id, "date": self.today})
        self.assertEqual((mine.company_id, mine.amount), (other, 0))
