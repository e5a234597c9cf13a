import re
from datetime import timedelta
from pathlib import Path

from odoo.tests import tagged

from odoo.addons.dunning_exclusion.tests.common import DunningCommon

from ..other_engine import leave_out_excluded

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"


@tagged("post_install", "-at_install")
class TestExtending(DunningCommon):
    """The examples of docs/extending.md do what the page says."""

    def test_own_rule_holds_back_what_peppol_refused(self):
        [condition] = re.findall(r"`(\[\(\"peppol_move_state\".*?\)\])`", PAGE.read_text())
        manager = self._create_user("manager", "dunning_exclusion.group_dunning_manager")
        rule = self.env["dunning.exclusion.rule"].with_user(manager)
        values = {"name": "Refused by Peppol", "model": "account.move", "domain": condition}
        rule = rule.create({**values, "company_id": self.company.id})
        refused, other = self._create_invoice(), self._create_invoice()
        for state, excluded in (
            (False, False),
            ("ready", False),
            ("error", True),
            ("processing", False),
            ("done", False),
        ):
            with self.subTest(state=state):
                refused.peppol_move_state = state
                outcome = ("unchecked", rule.code) if excluded else ("included", None)
                self.assertOutcome(refused, *outcome)
                self.assertOutcome(other, "included")
        refused.peppol_move_state = "error"
        self.assertEqual(refused.dunning_explain()[0]["reason"], "Refused by Peppol")

    def test_what_peppol_takes_was_delivered(self):
        self.company.dunning_not_delivered_from = self.today - timedelta(days=90)
        invoice = self._create_invoice()
        for state, held in (
            (False, True),
            ("ready", True),
            ("error", True),
            ("to_send", False),
            ("processing", False),
            ("done", False),
        ):
            with self.subTest(state=state):
                invoice.peppol_move_state = state
                outcome = ("unchecked", "not_delivered") if held else ("included", None)
                self.assertOutcome(invoice, *outcome)

    def test_rule_of_another_addon_excludes_until_its_day(self):
        invoice = self._create_invoice()
        self.assertOutcome(invoice, "included")
        for days, outcome, rule in (
            (-1, "included", None),
            (0, "unchecked", "closed_office"),
            (9, "unchecked", "closed_office"),
        ):
            with self.subTest(days=days):
                self.customer.closed_until = self.today + timedelta(days=days)
                self.assertOutcome(invoice, outcome, rule)
        self.assertOutcome(self._create_invoice(self.other_customer), "included")

    def test_rule_of_another_addon_says_until_when_it_excludes(self):
        invoice = self._create_invoice()
        day = self.customer.closed_until = self.today + timedelta(days=3)
        [reason] = invoice.dunning_explain()
        self.assertEqual((reason["rule"], reason["until"]), ("closed_office", day))

    def test_rule_of_another_addon_can_be_switched_off(self):
        invoice = self._create_invoice()
        self.customer.closed_until = self.today
        rule = self.env.ref("test_dunning_exclusion.rule_closed_office")
        rule.with_company(self.company).enabled = False
        self.assertOutcome(invoice, "included")

    def test_rule_of_another_addon_unticks_lines_of_a_run(self):
        invoice = self._create_invoice()
        self.customer.closed_until = self.today
        line = self._create_run().line_ids.filtered(lambda line: line.move_id == invoice)
        self.assertEqual((line.outcome, line.checked), ("unchecked", False))
        self.assertEqual(line.rule_id.code, "closed_office")

    def test_action_of_another_addon_is_sent(self):
        self.scenario.level_ids.action = "log"
        invoice = self._create_invoice()
        run = self._create_run()
        run.action_send()
        notice = run.notice_ids
        self.assertEqual((notice.state, notice.action), ("sent", "log"))
        self.assertFalse(notice.mail_id)
        told = invoice.message_ids.filtered(lambda message: notice.name in message.body)
        self.assertEqual(len(told), 1)

    def test_bridged_engine_leaves_out_what_is_excluded(self):
        held, left = self._create_invoice(), self._create_invoice(self.other_customer)
        held.action_dunning_stop()
        reasons, lines = leave_out_excluded(self._items(held | left), self.company)
        self.assertEqual(lines, self._items(left))
        self.assertEqual(reasons, {self._items(held): ["Reminders for the item are stopped"]})
