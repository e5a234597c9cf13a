import random
from datetime import date, timedelta
from unittest.mock import patch

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Command
from odoo.tests import BaseCase, Form, new_test_user, tagged
from odoo.tools import mute_logger

from ..screening.days import Rule, last_day, next_day
from .common import refused_statement
from .scenario_common import ScenarioCommon

NONE_APPLIES = "None of the configured scenarios are applicable to this customer"


@tagged("post_install", "-at_install")
class TestDunningScenario(ScenarioCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.profile = cls.env["dunning.profile"].create({"name": "Public bodies"})
        cls.other_company = cls.setup_other_company()["company"]

    def _scenario_of(self, customer):
        """Return the name of the scenario that reminds `customer`, or None."""
        run = self._create_run()
        lines = run.line_ids.filtered(lambda line: line.partner_id == customer)
        return lines.level_id.scenario_id.name or None

    def test_first_scenario_that_applies_is_taken(self):
        self._create_invoice()
        self._create_invoice(self.other_customer)
        special = self.scenario.copy(
            {"name": "Special", "sequence": 1, "profile_ids": [Command.set(self.profile.ids)]}
        )
        by_domain = self.scenario.copy(
            {"name": "By domain", "sequence": 2, "customer_domain": '[("name", "=", "Beta")]'}
        )
        self.assertEqual(self._scenario_of(self.customer), "Reminders")
        self.assertEqual(self._scenario_of(self.other_customer), "By domain")
        self.other_customer.dunning_profile_id = self.profile
        self.assertEqual(self._scenario_of(self.other_customer), "Special")
        special.sequence = 3
        self.assertEqual(self._scenario_of(self.other_customer), "By domain")
        by_domain.active = False
        self.scenario.sequence = 20
        self.assertEqual(self._scenario_of(self.other_customer), "Special")

    def test_own_choice_comes_before_what_applies(self):
        self._create_invoice()
        own = self.scenario.copy(
            {"name": "Own", "sequence": 99, "customer_domain": '[("name", "=", "Nobody")]'}
        )
        self.customer.dunning_scenario_id = own
        self.assertEqual(self._scenario_of(self.customer), "Own")
        own.active = False
        self.assertEqual(self._scenario_of(self.customer), "Reminders")

    def test_own_choice_and_profile_are_those_of_the_company(self):
        self._create_invoice()
        elsewhere = self.customer.with_company(self.other_company)
        elsewhere.dunning_profile_id = self.profile
        elsewhere.dunning_scenario_id = self.scenario.copy(
            {"name": "Elsewhere", "company_id": self.other_company.id}
        )
        self.scenario.profile_ids = self.profile
        self.assertEqual(self._scenario_of(self.customer), None)
        self.customer.dunning_profile_id = self.profile
        self.assertEqual(self._scenario_of(self.customer), "Reminders")

    def test_archived_profile_still_restricts(self):
        self._create_invoice()
        self.scenario.profile_ids = self.profile
        self.profile.active = False
        self.assertEqual(self._scenario_of(self.customer), None)

    def test_archived_scenario_is_not_taken_whatever_the_list_shows(self):
        self._create_invoice()
        self.scenario.copy({"name": "Archived", "sequence": 1, "active": False})
        run = self.env["dunning.run"].with_context(active_test=False)
        run = run.create({"company_id": self.company.id})
        run.action_prepare()
        self.assertEqual(run.line_ids.level_id.scenario_id, self.scenario)

    def test_history_in_another_scenario_is_no_level_in_this_one(self):
        invoice = self._create_invoice(days=-60)
        self._remind(self._items(invoice), self.scenario.level_ids[1], -20)
        own = self.scenario.copy({"name": "Own"})
        self.customer.dunning_scenario_id = own
        self.assertEqual(self._level_of(invoice, scenario=own), "Level 1")

    def test_customer_to_whom_no_scenario_applies_is_said_and_found(self):
        self._create_invoice()
        contact = self._create_customer("Contact", parent_id=self.customer.id)
        self.scenario.profile_ids = self.profile
        missing = self.env["res.partner"].search([("dunning_scenario_missing", "=", True)])
        self.assertEqual(missing & self.customer, self.customer)
        self.assertNotIn(self.other_customer, missing, "it owes nothing")
        for partner in (self.customer, contact):
            self.assertTrue(partner.dunning_scenario_missing)
            self.assertEqual(partner.dunning_scenario_message, NONE_APPLIES)
        self.assertEqual(self._create_run().without_scenario_count, 1)
        self.customer.dunning_profile_id = self.profile
        self.assertFalse(self.customer.dunning_scenario_missing)
        self.assertFalse(self.customer.dunning_scenario_message)
        found = self.env["res.partner"].search([("dunning_scenario_missing", "=", False)])
        self.assertIn(self.customer, found)
        self.assertEqual(self._create_run().without_scenario_count, 0)

    def test_customer_of_a_workflow_has_a_scenario(self):
        self._create_invoice()
        self.scenario.active = False
        self.assertTrue(self.customer.dunning_scenario_missing)
        self._create_workflow()
        self.customer.invalidate_recordset()
        self.assertFalse(self.customer.dunning_scenario_missing)

    def test_switching_the_shipped_scenario_on_reminds_of_nothing_old(self):
        self.scenario.active = False
        shipped = self.env.ref("dunning_exclusion.scenario_standard")
        self.assertFalse(shipped.active)
        old = [self._create_invoice(days=-days) for days in (1, 30, 400, 2000)]
        shipped.active = True
        self.assertEqual(shipped.date_start, self.today)
        for day in (0, 1, 30, 400):
            self.assertFalse(self._candidates(shipped, day))
        due_today = self._create_invoice(days=0)
        self.assertEqual(self._level_of(due_today, 5, shipped), "Friendly reminder")
        shipped.date_start = False
        self.assertEqual({item.move_id for item in self._candidates(shipped)}, set(old[1:]))

    def test_start_that_was_asked_for_stays(self):
        for asked in (False, self.today - timedelta(days=100)):
            with self.subTest(asked=asked):
                self.scenario.write({"active": False, "date_start": False})
                self.scenario.write({"active": True, "date_start": asked})
                self.assertEqual(self.scenario.date_start, asked)
        self.scenario.active = False
        self.scenario.active = True
        self.assertEqual(self.scenario.date_start, self.today - timedelta(days=100))

    def test_start_that_was_emptied_stays_empty_when_switched_on_again(self):
        shipped = self.env.ref("dunning_exclusion.scenario_standard")
        shipped.active = True
        shipped.date_start = False
        made_active = self.scenario.copy({"date_start": self.today})
        made_active.date_start = False
        for scenario in (shipped, made_active):
            with self.subTest(scenario=scenario.name):
                scenario.active = False
                self.assertFalse(scenario._get_first_day(self.company))
                scenario.active = True
                self.assertFalse(scenario.date_start)

    def test_copy_sends_nothing_by_itself_until_somebody_looked_at_it(self):
        self.scenario.automatic = True
        copy = self.scenario.copy()
        self.assertEqual(copy.name, f"{self.scenario.name} (copy)")
        self.assertFalse(copy.automatic)
        self.assertEqual(copy.level_ids.mapped("name"), self.scenario.level_ids.mapped("name"))

    def test_scenario_made_in_the_client_reminds_of_nothing_old_unless_asked(self):
        action = self.env.ref("dunning_exclusion.dunning_scenario_action")
        self.assertIn("'default_date_start': context_today()", action.context)
        Scenario = self.env["dunning.scenario"].with_context(default_date_start=str(self.today))
        with Form(Scenario) as form:
            form.name = "New"
        self.assertEqual(form.record.date_start, self.today)

    def test_scenario_made_in_the_client_begins_switched_off(self):
        action = self.env.ref("dunning_exclusion.dunning_scenario_action")
        self.assertIn("'dunning_begin_off': True", action.context)
        Scenario = self.env["dunning.scenario"].with_context(dunning_begin_off=True)
        with Form(Scenario) as form:
            form.name = "New"
        self.assertFalse(form.record.active)
        self.assertFalse(self.scenario.with_env(Scenario.env).copy().active)
        self.assertTrue(self.env["dunning.scenario"].create({"name": "Over the API"}).active)
        self.assertTrue(self.scenario.copy().active)

    def test_preview_shows_whom_it_reaches_and_activates(self):
        self._create_invoice(amount=150)
        for old_items, count, start in ((False, 0, self.today), (True, 1, False)):
            with self.subTest(old_items=old_items):
                scenario = self.scenario.copy({"active": False, "sequence": 1})
                action = scenario.action_preview()
                Preview = self.env[action["res_model"]].with_context(**action["context"])
                with Form(Preview) as form:
                    form.old_items = old_items
                    self.assertEqual(form.customer_count, count)
                    self.assertEqual("Old Items Too" in (form.note or ""), not old_items)
                preview = form.record
                self.assertFalse(scenario.active)
                preview.action_activate()
                self.assertTrue(scenario.active)
                self.assertEqual(scenario.date_start, start)
                scenario.active = False

    def test_only_who_sets_up_follow_ups_activates(self):
        self.scenario.active = False
        preview = self.env["dunning.scenario.preview"].create({"scenario_id": self.scenario.id})
        user = self._create_user("worker", "dunning_exclusion.group_dunning_user")
        preview.invalidate_recordset()
        mine = self.env["dunning.scenario.preview"].with_user(user)
        mine = mine.create({"scenario_id": self.scenario.id})
        with self.assertRaises(AccessError):
            mine.action_activate()
        self.assertFalse(self.scenario.active)

    def test_scenario_of_another_company_or_archived_reaches_nobody(self):
        self._create_invoice()
        other = self.scenario.copy({"name": "Other", "company_id": self.other_company.id})
        self.assertFalse(self._candidates(other))
        self.scenario.active = False
        run = self._create_run(scenario_ids=[Command.set(self.scenario.ids)])
        self.assertFalse(run.line_ids)

    def test_scenario_without_company_serves_every_company(self):
        self._create_invoice()
        self.scenario.company_id = False
        self.assertEqual(self._scenario_of(self.customer), "Reminders")

    def test_wrong_settings_are_refused_with_the_field_and_the_fix(self):
        level = self.scenario.level_ids[0]
        template = self.env["mail.template"].create(
            {"name": "Invoice", "model_id": self.env["ir.model"]._get_id("account.move")}
        )
        workflow = self._create_workflow(
            condition_ids=[Command.create({"metric": "overdue", "value": 1})]
        )
        for record, values, text in (
            (self.scenario, {"customer_domain": "[('nothing', '=', 1)]"}, "'Customers'"),
            (self.scenario, {"customer_domain": "__import__('os')"}, "'Customers'"),
            (self.scenario, {"customer_domain": "[('id', '=', 'x')]"}, "'Customers'"),
            (level, {"condition_domain": "[('nothing', '=', 1)]"}, "'Condition'"),
            (level, {"condition_domain": "{}"}, "'Condition'"),
            (level, {"repeat_max": 2}, "'Repeat Every"),
            (level, {"template_id": template.id}, "'Template'"),
            (self.type_overdue, {"template_id": template.id}, "'Template'"),
            (workflow.condition_ids, {"value": -1}, "from 0"),
            (workflow.condition_ids, {"metric": "overdue_percent", "value": 101}, "0 to 100"),
        ):
            with (
                self.subTest(values=values),
                self.assertRaisesRegex(ValidationError, text),
                self.cr.savepoint(),
                mute_logger("odoo.sql_db"),
            ):
                record.write(values)

    def test_impossible_settings_are_refused_by_the_database(self):
        level = self.scenario.level_ids[0]
        workflow = self._create_workflow()
        for record, values in (
            (self.scenario, {"min_days_between": -1}),
            (level, {"minimum_amount": -1}),
            (level, {"repeat_every": -1}),
            (workflow, {"weekday": False}),
            (workflow, {"frequency": False}),
            (workflow, {"frequency": "monthly", "week_of_month": False}),
        ):
            with (
                self.subTest(values=values),
                mute_logger("odoo.sql_db"),
                self.assertRaises(IntegrityError),
                self.cr.savepoint(),
            ):
                record.write(values)
                self.env.flush_all()

    def test_customer_cannot_choose_a_workflow_or_a_foreign_scenario(self):
        foreign = self.scenario.copy({"name": "Foreign", "company_id": self.other_company.id})
        for scenario, text in (
            (foreign, "belongs to"),
            (self._create_workflow(), "customer-level workflow"),
        ):
            with (
                self.subTest(scenario=scenario.name),
                self.assertRaisesRegex(ValidationError, text),
            ):
                self.customer.dunning_scenario_id = scenario

    def test_only_administrators_set_up_scenarios_types_and_workflows(self):
        level = self.scenario.level_ids[0]
        condition = self.env["dunning.condition"].create(
            {"scenario_id": self._create_workflow().id, "value": 1}
        )
        records = (self.scenario, level, condition, self.type_overdue, self.profile)
        values = (
            {"sequence": 5},
            {"sequence": 5},
            {"value": 5},
            {"sequence": 5},
            {"sequence": 5},
        )
        for group, allowed in (
            ("dunning_exclusion.group_dunning_user", False),
            ("dunning_exclusion.group_dunning_approver", False),
            ("account.group_account_invoice", False),
            ("account.group_account_user", False),
            ("dunning_exclusion.group_dunning_manager", True),
            ("account.group_account_manager", True),
        ):
            user = new_test_user(
                self.env,
                login=group,
                groups=f"base.group_user,{group}",
                company_id=self.company.id,
            )
            for record, change in zip(records, values, strict=True):
                with self.subTest(group=group, model=record._name):
                    own = record.with_user(user)
                    self.assertTrue(own.read(list(change)))
                    for operation in ("create", "write", "unlink"):
                        self.assertEqual(own.has_access(operation), allowed, operation)
                    if allowed:
                        own.write(change)
                    else:
                        with self.assertRaises(AccessError):
                            own.write(change)


EARLIEST = date(1990, 1, 1)
DAYS_UNTIL_2120 = 47_846


def random_cases(count):
    """Yield (rule, day), the same ones in each run of the tests."""
    source = random.Random(1990)
    for _number in range(count):
        today, anchor = (
            EARLIEST + timedelta(days=source.randint(0, DAYS_UNTIL_2120)) for _which in range(2)
        )
        frequency = source.choice(["weekly", "biweekly", "monthly"])
        week = source.choice(["1", "2", "3", "4", "last"])
        yield Rule(frequency, source.randint(0, 6), week, anchor), today


def is_day_of(rule, day):
    """Say whether `day` is a day of `rule`, in the simplest way there is."""
    if day.weekday() != rule.weekday:
        return False
    if rule.frequency == "biweekly":
        anchor = rule.anchor - timedelta(days=rule.anchor.weekday())
        return (day - anchor).days // 7 % 2 == 0
    if rule.frequency == "monthly":
        if rule.week_of_month == "last":
            return (day + timedelta(days=7)).month != day.month
        return (day.day - 1) // 7 + 1 == int(rule.week_of_month)
    return True


@tagged("post_install", "-at_install")
class TestDunningCalendar(BaseCase):
    def test_days_of_workflows(self):
        for frequency, weekday, week, today, last, following in (
            # 1 January 2026 is a Thursday.
            ("weekly", 3, "1", date(2026, 1, 1), date(2026, 1, 1), date(2026, 1, 1)),
            ("weekly", 2, "1", date(2026, 1, 1), date(2025, 12, 31), date(2026, 1, 7)),
            ("biweekly", 0, "1", date(2026, 1, 1), date(2025, 12, 29), date(2026, 1, 12)),
            ("biweekly", 0, "1", date(2026, 1, 5), date(2025, 12, 29), date(2026, 1, 12)),
            ("biweekly", 4, "1", date(2026, 1, 2), date(2026, 1, 2), date(2026, 1, 2)),
            ("monthly", 0, "1", date(2026, 1, 4), date(2025, 12, 1), date(2026, 1, 5)),
            ("monthly", 0, "2", date(2026, 1, 12), date(2026, 1, 12), date(2026, 1, 12)),
            ("monthly", 0, "3", date(2026, 1, 31), date(2026, 1, 19), date(2026, 2, 16)),
            # January 2026 has five Thursdays, February four of every weekday.
            ("monthly", 3, "4", date(2026, 1, 25), date(2026, 1, 22), date(2026, 2, 26)),
            ("monthly", 3, "last", date(2026, 1, 25), date(2025, 12, 25), date(2026, 1, 29)),
            ("monthly", 3, "last", date(2026, 2, 1), date(2026, 1, 29), date(2026, 2, 26)),
            # February 2024 is a leap month with five Thursdays, February 2032 with five Sundays.
            ("monthly", 3, "last", date(2024, 2, 29), date(2024, 2, 29), date(2024, 2, 29)),
            ("monthly", 3, "4", date(2024, 2, 29), date(2024, 2, 22), date(2024, 3, 28)),
            ("monthly", 6, "last", date(2032, 2, 28), date(2032, 1, 25), date(2032, 2, 29)),
        ):
            rule = Rule(frequency, weekday, week, date(2026, 1, 1))
            with self.subTest(rule=rule, today=today):
                self.assertEqual(last_day(rule, today), last)
                self.assertEqual(next_day(rule, today), following)

    def test_last_day_is_the_latest_day_of_the_rule(self):
        for rule, today in random_cases(300):
            with self.subTest(rule=rule, today=today):
                found = last_day(rule, today)
                self.assertLessEqual(found, today)
                self.assertTrue(is_day_of(rule, found))
                later = (found + timedelta(days=day + 1) for day in range((today - found).days))
                self.assertFalse(any(is_day_of(rule, day) for day in later))

    def test_next_day_is_the_first_day_of_the_rule(self):
        for rule, today in random_cases(300):
            with self.subTest(rule=rule, today=today):
                found = next_day(rule, today)
                self.assertGreaterEqual(found, today)
                self.assertTrue(is_day_of(rule, found))
                earlier = (today + timedelta(days=day) for day in range((found - today).days))
                self.assertFalse(any(is_day_of(rule, day) for day in earlier))
                self.assertEqual(last_day(rule, found), found)

    def test_every_month_has_exactly_one_day(self):
        for rule, today in random_cases(300):
            if rule.frequency != "monthly":
                continue
            with self.subTest(rule=rule, today=today):
                found = next_day(rule, today.replace(day=1))
                self.assertEqual((found.year, found.month), (today.year, today.month))
                after = next_day(rule, found + timedelta(days=1))
                months = (after.year - found.year) * 12 + after.month - found.month
                self.assertEqual(months, 1)


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

    @mute_logger(LOGGER)
    def test_scenario_with_a_broken_filter_is_passed_over_everywhere(self):
        self.assertFalse(self.broken.broken)
        for domain in BROKEN:
            for scenario in (self.broken, self.workflow):
                with self.subTest(domain=domain, scenario=scenario.name):
                    self._write_unchecked(scenario, customer_domain=domain)
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
                    self._write_unchecked(scenario, customer_domain="[]")

    @mute_logger("odoo.sql_db")
    def test_condition_that_only_postgresql_refuses_is_named_in_the_error(self):
        for record, field in (
            (self.broken, "customer_domain"),
            (self.broken.level_ids[0], "condition_domain"),
        ):
            with self.subTest(field=field):
                self._write_unchecked(record, **{field: REFUSED})
                with self.assertRaisesRegex(ValidationError, "cannot be understood"):
                    record[field] = REFUSED
                broken = self.env["dunning.scenario"]._broken_in(self.company)
                self.assertEqual(broken, self.broken)
                with refused_statement(self, "no longer be evaluated: Broken. Correct"):
                    self._create_run()
                self._write_unchecked(record, **{field: "[]"})

    @mute_logger(LOGGER)
    def test_level_with_a_broken_condition_keeps_its_customers_and_reminds_nobody(self):
        for domain in BROKEN:
            with self.subTest(domain=domain):
                self._write_unchecked(self.broken.level_ids[0], condition_domain=domain)
                self.assertIn("'Condition' cannot be understood", self.broken.broken)
                self.assertIn("Level 1", self.broken.broken)
                self.assertFalse(self._candidates(self.broken | self.scenario))
                run = self._create_run(scenario_ids=[Command.set(self.workflow.ids)])
                self.assertTrue(run.line_ids)
        self._write_unchecked(self.broken.level_ids[0], condition_domain="[]")
        self._write_unchecked(self.workflow.level_ids, condition_domain=BROKEN[0])
        self.assertFalse(self._candidates(self.workflow))

    @mute_logger("odoo.sql_db")
    def test_nightly_job_of_the_company_stops_and_others_go_on(self):
        other = self._with_another_company()
        self._write_unchecked(self.broken, customer_domain=REFUSED)
        self._assert_only(other)
        message = self.env["mail.message"].search([("body", "ilike", "scenarios have a fault")])
        self.assertIn("Broken", message.body)
        self.broken.active = False
        self.assertFalse(self.env["dunning.scenario"]._broken_in(self.company))
        self.env["dunning.run"]._cron_send_automatic()
        self.assertTrue(self._automatic_runs(self.company))

    @mute_logger("odoo.addons.dunning_exclusion.models.isolation")
    def test_run_that_cannot_be_prepared_keeps_no_other_company_back(self):
        other = self._with_another_company()
        Run = type(self.env["dunning.run"])
        replace = Run._replace_lines

        def fail(run):
            if run.company_id == self.company:
                raise ZeroDivisionError("odd")
            replace(run)

        with patch.object(Run, "_replace_lines", fail):
            self._assert_only(other)
            # The server calls the job many times a day.
            self.env["dunning.run"]._cron_send_automatic()
        message = self.env["mail.message"].search([("subject", "ilike", "sending failed")])
        self.assertEqual(len(message), 1)
        self.assertIn("odd", message.body)

    def _with_another_company(self):
        """Return a company that sends at night as ours does, to the same customer."""
        other = self.setup_other_company()["company"]
        (self.company | other).dunning_automatic_sending = True
        self.scenario.copy({"company_id": other.id, "automatic": True})
        self.scenario.automatic = True
        self._create_invoice(self.customer.with_company(other), company_id=other.id)
        return other

    def _assert_only(self, company):
        """Assert that the nightly job sends in `company`, and not in ours."""
        self.env["dunning.run"]._cron_send_automatic()
        self.assertFalse(self._automatic_runs(self.company))
        self.assertEqual(self._automatic_runs(company).notice_ids.partner_id, self.customer)

    def _automatic_runs(self, company):
        return self.env["dunning.run"].search(
            [("automatic", "=", True), ("company_id", "=", company.id)]
        )
