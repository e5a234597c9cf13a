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
        self.assertIs(self._figures(run)["unfinished"], False)

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
            self.assertIs(self._figures(run)["unfinished"], False)

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

    def test_list_is_overtaken_by_new_invoices_and_by_payments_undone(self):
        partly, paid = self._create_invoice(amount=100), self._create_invoice(amount=50)
        draft = self._create_invoice(self.other_customer, post=False)
        self._pay(partly, 40)
        self._pay(paid)
        changes = {
            "an invoice of a listed customer": self._create_invoice,
            "an invoice of another customer": lambda: self._create_invoice(
                self._create_customer("New")
            ),
            "an invoice that was a draft": draft.action_post,
            "a payment of a part undone": lambda: self._items(partly).remove_move_reconcile(),
            "a payment undone": lambda: self._items(paid).remove_move_reconcile(),
        }
        for what, change in changes.items():
            with self.subTest(what=what):
                run = self._create_run()
                self.assertEqual(self._figures(run)["overtaken"], [])
                change()
                for _time in range(2):
                    self.assertEqual(len(self._figures(run)["overtaken"]), 1)
                run.action_refresh()
                self.assertEqual(self._figures(run)["overtaken"], [])
        self.assertLessEqual(self._items(partly | paid | draft), run.line_ids.move_line_id)

    def test_list_is_not_overtaken_by_items_it_would_not_list(self):
        self._create_invoice()
        run = self._create_run()
        self._create_invoice(days=5)
        self._create_invoice(self.other_customer, move_type="in_invoice")
        self._create_invoice(self.other_customer, company_id=self.other_company.id)
        prevented = self._create_customer("Prevented")
        prevented.prevent_dunning = True
        invoice = self._create_invoice(prevented)
        self._pay(invoice)
        self._items(invoice).remove_move_reconcile()
        self.assertEqual(self._figures(run)["overtaken"], [])
        noted = self.env["dunning.change"].search([])
        self.assertTrue(noted)
        noted._gc_changes()
        self.assertEqual(noted.exists(), noted)
        self._write_unchecked(noted, create_date=self.today - timedelta(days=3))
        noted._gc_changes()
        self.assertFalse(noted.exists())

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


@tagged("post_install", "-at_install")
class TestAgainstReasons(OutcomeCommon):
    """Ticking against a reason asks why; above the maximum an approver is asked."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = cls._create_user("against_user", "dunning_exclusion.group_dunning_user")
        cls.approver = cls._create_user(
            "against_approver", "dunning_exclusion.group_dunning_approver"
        )

    def _stopped(self):
        """Return a run with two items, and its line of the stopped one, as the user has it."""
        self._create_invoice(amount=100)
        stopped = self._create_invoice(amount=70)
        stopped.action_dunning_stop()
        run = self._create_run()
        line = run.line_ids.filtered(lambda line: line.move_id == stopped)
        return run, line.with_user(self.user)

    def test_word_stands_on_the_line_in_the_dialog_and_in_the_notice(self):
        run, line = self._stopped()
        for nothing in ("", "  ", None, 3):
            with self.assertRaises(UserError):
                line.tick_against(nothing)
        self.assertFalse(run.read_figures(run.id)["against"])
        line.tick_against("Agreed by phone")
        self.assertEqual((line.checked, line.override_user_id), (True, self.user))
        against = run.read_figures(run.id)["against"]
        self.assertEqual(against, {"count": 1, "reasons": line.rule_id.mapped("name")})
        run.action_send()
        description = run.notice_ids.description
        for text in (line.move_id.name, line.rule_id.name, self.user.name, "Agreed by phone"):
            self.assertIn(text, description)

    def test_api_ticks_without_a_word_and_a_new_tick_forgets_the_old_word(self):
        _run, line = self._stopped()
        line.tick_against("First")
        line.checked = False
        line.checked = True
        self.assertEqual((line.override_user_id, line.override_note), (self.user, False))
        line.checked = False
        line.tick([("id", "=", line.id)], True, "For all of them")
        self.assertEqual(line.override_note, "For all of them")

    def _above(self):
        """Return a run with a customer above the maximum, and one below it."""
        self.company.dunning_customer_maximum = 500
        self._create_invoice(amount=800)
        self._create_invoice(self.other_customer, amount=100)
        run = self._create_run()
        line = run.line_ids.filtered(lambda line: line.partner_id == self.customer)
        return run, line

    def test_approval_is_asked_and_given_with_one_word_each(self):
        run, line = self._above()
        figures = run.with_user(self.user).read_figures(run.id)
        self.assertEqual((figures["above"], figures["can_approve"]), (self.customer.ids, False))
        line.with_user(self.user).ask_for_approval("They know of it")
        Line = self.env["dunning.run.line"]
        asked = [("approval_user_id", "!=", False), ("checked", "=", False)]
        self.assertEqual(Line.search([*asked, ("run_id", "=", run.id)]), line)
        to_dos = run.activity_ids.filtered(lambda activity: activity.user_id == self.approver)
        self.assertIn(self.customer.name, to_dos.summary)
        self.assertIn("They know of it", to_dos.note)
        with self.assertRaises(AccessError):
            line.with_user(self.user).release("I may not")
        line.with_user(self.approver).release("All right")
        self.assertEqual((line.checked, line.override_note), (True, "All right"))
        self.assertEqual(line.override_user_id, self.approver)
        self.assertFalse(run.activity_ids, "the to-dos are done")
        self.assertFalse(Line.search([*asked, ("run_id", "=", run.id)]))
        run.action_send()
        self.assertIn("All right", run.notice_ids.filtered(lambda n: n.amount == 800).description)

    def test_asking_again_plans_no_second_to_do(self):
        run, line = self._above()
        for word in ("They know of it", "They called"):
            line.with_user(self.user).ask_for_approval(word)
        to_dos = run.activity_ids.filtered(lambda activity: activity.user_id == self.approver)
        self.assertEqual(len(to_dos), 1)
        self.assertEqual(line.override_note, "They called")

    def test_approval_is_not_asked_for_nothing(self):
        run, line = self._above()
        below = (run.line_ids - line).with_user(self.user)
        for lines, word in ((below, "Why not"), (line.with_user(self.user), "")):
            with self.assertRaises(UserError):
                lines.ask_for_approval(word)
        self.assertFalse(run.activity_ids)

    def test_approvers_of_other_companies_are_not_asked(self):
        foreign = self._create_user(
            "against_foreign",
            "dunning_exclusion.group_dunning_approver",
            companies=self.other_company,
        )
        run, line = self._above()
        line.with_user(self.user).ask_for_approval("They know of it")
        self.assertNotIn(foreign, run.activity_ids.user_id)


@tagged("post_install", "-at_install")
class TestSide(OutcomeCommon):
    """What stands beside the task list."""

    def test_message_recipient_history_notes_and_phone(self):
        self.customer.write({"phone": "+32 1 23", "comment": "<p>Calls back</p>"})
        invoice = self._create_invoice(amount=123)
        self.env["dunning.promise"].create(
            {"partner_id": self.customer.id, "date": self._days(-30)}
        )
        run = self._create_run()
        side = run.line_ids.read_side(run.line_ids.id)
        self.assertEqual((side["name"], side["phone"]), (self.customer.name, "+32 1 23"))
        self.assertEqual(side["comment"], "Calls back")
        self.assertEqual(side["recipients"], [{"name": "Alpha", "email": "alpha@example.com"}])
        self.assertIn(invoice.name, side["body"])
        self.assertIn("123", side["body"])
        self.assertEqual(len(side["promises"]), 1)
        self.assertFalse(run.notice_ids, "nothing is made by looking")
        run.action_send()
        side = run.line_ids.read_side(run.line_ids.id)
        self.assertIn(invoice.name, side["body"])
        self.assertEqual([notice["id"] for notice in side["history"]], run.notice_ids.ids)

    def test_message_that_cannot_be_made_says_why(self):
        self._create_invoice()
        run = self._create_run()
        self.type_overdue.template_id = False
        self.scenario.level_ids.template_id = False
        side = run.line_ids.read_side(run.line_ids.id)
        self.assertFalse(side["body"])
        self.assertIn("template", side["fault"])

    def test_strangers_read_nothing(self):
        self._create_invoice()
        run = self._create_run()
        stranger = self._create_user(
            "side_stranger",
            "dunning_exclusion.group_dunning_user",
            companies=self.other_company,
        )
        with self.assertRaises(AccessError):
            run.line_ids.with_user(stranger).read_side(run.line_ids.id)
        for wrong in (0, "1", None, 2**31 - 1):
            with self.assertRaises(UserError):
                run.line_ids.read_side(wrong)
