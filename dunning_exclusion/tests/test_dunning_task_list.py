from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from .common import OutcomeCommon


@tagged("post_install", "-at_install")
class TestTodaysList(OutcomeCommon):
    """The menu To Send: today's list, and what has overtaken a list."""

    def _open(self):
        """Open the list as the menu does, and return its run."""
        action = self.env["dunning.run"].with_company(self.company).action_open_latest()
        run = self.env["dunning.run"].browse(action["context"]["active_id"])
        self.assertEqual(action["domain"], [("run_id", "=", run.id)])
        self.assertEqual(action["context"]["dunning_run_id"], run.id)
        return run

    def _figures(self, run):
        return self.env["dunning.run"].read_figures(run.id)

    def _tomorrow(self):
        """Let it be tomorrow in all companies."""
        day = self.today + timedelta(days=1)
        return patch.object(type(self.company), "_dunning_today", lambda company: day)

    def test_list_is_prepared_at_once_and_found_again(self):
        invoice = self._create_invoice()
        run = self._open()
        self.assertEqual(
            (run.state, run.date, run.company_id), ("prepared", self.today, self.company)
        )
        self.assertEqual(run.line_ids.move_id, invoice)
        self.assertEqual(self._open(), run)
        self.assertFalse(self._figures(run)["unfinished"])

    def test_runs_that_are_not_todays_list_are_not_opened(self):
        self._create_invoice()
        sent = self._create_run()
        sent.action_send()
        others = {
            "sent already": sent,
            "of another day": self._create_run(date=self.today - timedelta(days=1)),
            "by criteria": self._create_run(mode="criteria", type_id=self.type_overdue.id),
            "for chosen scenarios": self._create_run(scenario_ids=[Command.set(self.scenario.ids)]),
            "of the nightly job": self.env["dunning.run"].sudo().create({"automatic": True}),
            "of another company": self._create_run(company_id=self.other_company.id),
            "never prepared": self._create_run(prepare=False),
        }
        run = self._open()
        for which, other in others.items():
            self.assertNotEqual(run, other, which)
        self.assertEqual(run.company_id, self.company)

    def test_list_of_the_next_morning_is_a_new_one_that_names_the_unfinished(self):
        self._create_invoice()
        old = self._open()
        with self._tomorrow():
            run = self._open()
            self.assertNotEqual(run, old)
            figures = self._figures(run)
            self.assertEqual(figures["unfinished"], {"id": old.id, "name": old.name})
            self.assertIn("as of", " ".join(self._figures(old)["overtaken"]))
            old.action_cancel()
            self.assertFalse(self._figures(run)["unfinished"])

    def test_old_list_of_which_nothing_is_left_to_send_is_not_named(self):
        self._create_invoice()
        old = self._open()
        old.line_ids.checked = False
        with self._tomorrow():
            self.assertFalse(self._figures(self._open())["unfinished"])

    def test_list_says_what_has_overtaken_it(self):
        invoice = self._create_invoice(amount=100)

        def disable_rule():
            self.env.ref("dunning_exclusion.rule_paid").with_company(self.company).enabled = False

        changes = {
            "a threshold": lambda: self.company.write({"dunning_item_minimum": 500}),
            "a rule": disable_rule,
            "a level": lambda: self.scenario.level_ids[0].write({"delay": 3}),
            "a scenario": lambda: self.scenario.write({"min_days_between": 9}),
            "a reminder type": lambda: self.type_overdue.write({"customer_filter": "except"}),
            "a payment": lambda: self._pay(invoice, 40),
        }
        for what, change in changes.items():
            with self.subTest(what=what):
                run = self._create_run()
                self.assertEqual(self._figures(run)["overtaken"], [])
                change()
                self.assertEqual(len(self._figures(run)["overtaken"]), 1)
                run.action_refresh()
                self.assertEqual(self._figures(run)["overtaken"], [])

    def test_list_is_not_overtaken_by_what_decides_on_none_of_its_lines(self):
        elsewhere = self._create_invoice(self.other_customer, amount=100)
        elsewhere.prevent_dunning = True
        self._create_invoice()
        run = self._create_run()
        self._pay(elsewhere)
        self.other_company.dunning_item_minimum = 500
        rule = self.env.ref("dunning_exclusion.rule_paid")
        rule.with_company(self.other_company).enabled = False
        self.company.dunning_obstacle_reported_on = self.today
        self.assertEqual(self._figures(run)["overtaken"], [])

    def test_refreshing_keeps_ticks_where_they_still_hold(self):
        """Unticked stays unticked; ticked against a reason stays so until there is a new one."""
        unticked, paid, minimum, stopped, held = (
            self._create_invoice(amount=amount) for amount in (1000, 900, 80, 700, 60)
        )
        self.company.dunning_item_minimum = 100
        stopped.action_dunning_stop()
        run = self._create_run()
        line = run.line_ids.grouped("move_id")
        (line[unticked] | line[paid]).checked = False
        (line[minimum] | line[stopped] | line[held]).checked = True
        held.action_dunning_stop()
        self._pay(paid)
        run.action_refresh()
        line = run.line_ids.grouped("move_id")
        self.assertNotIn(paid, line)
        ticked = {move: line[move].checked for move in (unticked, minimum, stopped, held)}
        self.assertEqual(ticked, {unticked: False, minimum: True, stopped: True, held: False})
        self.assertEqual(line[stopped].override_user_id, self.env.user)
        self.assertEqual(line[stopped].override_reason_ids, line[stopped].reason_ids)

    def test_refreshed_ticks_do_not_get_past_the_maximum(self):
        self._create_invoice(amount=100)
        stopped = self._create_invoice(amount=50)
        stopped.action_dunning_stop()
        run = self._create_run()
        run.line_ids.filtered(lambda line: line.move_id == stopped).checked = True
        self.company.dunning_customer_maximum = 120
        run.action_refresh()
        self.assertFalse(any(run.line_ids.mapped("checked")))
        self.assertIn("customer_maximum", run.line_ids.rule_id.mapped("code"))

    def test_refreshing_an_old_list_brings_it_to_today(self):
        self._create_invoice()
        run = self._create_run(date=self.today - timedelta(days=2))
        run.action_refresh()
        self.assertEqual(run.date, self.today)
        self.assertEqual(self._figures(run)["overtaken"], [])

    def test_list_that_was_sent_cannot_be_refreshed(self):
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        with self.assertRaises(UserError):
            run.action_refresh()
        self.assertFalse(self._figures(run)["can_refresh"])

    def test_auditors_look_but_prepare_and_refresh_nothing(self):
        self._create_invoice()
        run = self._create_run()
        auditor = new_test_user(
            self.env,
            "dunning_list_auditor",
            groups="account.group_account_readonly",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        Run = self.env["dunning.run"].with_user(auditor)
        self.assertFalse(Run.read_figures(run.id)["can_refresh"])
        with self.assertRaises(AccessError):
            run.with_user(auditor).action_refresh()
        run.action_cancel()
        with self.assertRaises(AccessError):
            Run.action_open_latest()
