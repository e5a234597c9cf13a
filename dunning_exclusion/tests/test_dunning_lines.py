from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from ..models.dunning_recheck import screen_again
from .scenario_common import ScenarioCommon


@tagged("post_install", "-at_install")
class TestDunningLines(ScenarioCommon):
    """A line is one item in one scenario; the actions of a workflow are its messages."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.workflow = cls._create_workflow()
        cls.statement = cls.workflow.level_ids
        cls.second = cls.env["dunning.level"].create(
            {
                "scenario_id": cls.workflow.id,
                "name": "Second",
                "sequence": 20,
                "type_id": cls.env.ref("dunning_exclusion.type_overdue").id,
            }
        )
        cls.actions = cls.statement | cls.second

    def _run(self, scenarios=None):
        return self._create_run(scenario_ids=[Command.set((scenarios or self.workflow).ids)])

    def _notice(self, run, action):
        return run.notice_ids.filtered(lambda notice: notice.level_id == action).sudo()

    def _distinct(self, run, condition):
        """Return (number of items, what is open of them) of lines, by a query of its own."""
        self.env.flush_all()
        [row] = self.env.execute_query(
            SQL(
                """SELECT COUNT(*), COALESCE(SUM(amount_residual), 0)
                     FROM (SELECT DISTINCT item.id, item.amount_residual
                             FROM dunning_run_line line
                             JOIN account_move_line item ON item.id = line.move_line_id
                            WHERE line.run_id = %s AND %s) item""",
                run.id,
                SQL(condition),
            )
        )
        return row[0], float(row[1])

    def test_each_action_sends_the_lines(self):
        self._create_invoice()
        self._create_invoice(amount=50)
        run = self._run()
        self.assertEqual(len(run.line_ids), 2)
        for line in run.line_ids:
            self.assertEqual((line.level_ids, line.level_id), (self.actions, self.statement))
        self.assertEqual(run.read_figures(run.id)["message_count"], 2)
        run.action_send()
        self.assertEqual(run.notice_ids.level_id, self.actions)
        for notice in run.notice_ids:
            self.assertEqual((notice.line_ids, notice.amount), (run.line_ids, 150))
        for line in run.line_ids:
            self.assertEqual((line.notice_ids, line.level_ids), (run.notice_ids, self.actions))
            self.assertIn(line.notice_id, run.notice_ids)
        self.assertEqual(len(run.notice_ids.mail_id), 2)
        self.assertFalse(self._run().line_ids)
        run.notice_ids.sudo()._mark_sent()
        invoice = run.line_ids.move_id[:1]
        self.assertEqual(invoice.dunning_notice_count, 2)

    def test_items_and_amounts_count_once_and_messages_each(self):
        self.scenario.date_start = False
        self._create_invoice(days=-10)
        self._create_invoice(amount=50, days=10)
        self._create_invoice(amount=20, move_type="out_refund")
        held = self._create_invoice(self.other_customer, amount=70, days=-10)
        held.dunning_stop = True
        self._create_invoice(self.other_customer, amount=7, days=-10)
        run = self._run(self.workflow | self.scenario)
        # Three items of the first customer, two of the second; those overdue in both scenarios.
        self.assertEqual(len(run.line_ids), 8)
        figures = run.read_figures(run.id)
        for outcome in ("included", "unchecked", "dropped"):
            count, amount = self._distinct(run, f"outcome = '{outcome}'")
            self.assertEqual(run[f"{outcome}_count"], count)
            self.assertEqual(figures[f"{outcome}_count"], count)
            self.assertAlmostEqual(run[f"{outcome}_amount"], amount)
        self.assertEqual(run.unchecked_count, 1)
        ticked = self._distinct(run, "checked")
        self.assertEqual(ticked, (4, 137))
        self.assertEqual((run.checked_count, run.checked_amount), ticked)
        self.assertEqual((figures["item_count"], figures["amount"]), ticked)
        self.assertEqual(figures["message_count"], 6)
        groups = run.line_ids.formatted_read_group(
            [("run_id", "=", run.id)],
            [],
            ["amount_residual:sum", "checked_amount:sum", "item_count:sum"],
        )[0]
        everything = self._distinct(run, "TRUE")
        self.assertEqual((groups["item_count:sum"], groups["amount_residual:sum"]), everything)
        self.assertEqual(groups["checked_amount:sum"], 137)
        tasks = {task["name"]: task for task in run.retrieve_dashboard()["tasks"]}
        to_send = tasks["to_send"]
        self.assertEqual((to_send["count"], to_send["amount"]), (2, 137), "two customers")
        run.action_send()
        self.assertEqual(len(run.notice_ids), 6)
        run.notice_ids.sudo()._mark_sent()
        self.assertEqual(run.retrieve_dashboard()["sent"], {"count": 6, "amount": 137})

    def test_action_that_is_left_out_alone_leaves_the_line_to_the_other(self):
        self._create_invoice()
        self.customer.dunning_type_off_ids = self.second.type_id
        line = self._run().line_ids
        self.assertEqual((line.outcome, line.level_ids), ("included", self.statement))
        self.customer.dunning_type_off_ids |= self.statement.type_id
        line = self._run().line_ids
        self.assertEqual((line.outcome, line.level_ids), ("dropped", self.actions))
        self.assertEqual(line.rule_ids.mapped("code"), ["type_off"])

    def test_action_that_was_sent_elsewhere_does_not_take_the_other_away(self):
        self._create_invoice()
        run, other = self._run(), self._run()
        other.action_send()
        self._notice(other, self.second)._fail("Mailbox full")
        self._notice(other, self.statement)._mark_sent()
        run.action_send()
        self.assertEqual(run.notice_ids.level_id, self.second)
        self.assertEqual(run.line_ids.level_ids, self.second)
        self.assertEqual(self._held(run.line_ids), {"Statement": ["its turn has passed"]})

    def _held(self, line):
        held = line.held_actions or {}
        return {action["name"]: action["reasons"] for action in held.values()}

    def test_held_action_says_why_while_another_one_goes(self):
        self._create_invoice()
        letter = self.second.copy({"name": "Letter", "action": "letter", "sequence": 30})
        no_address = self.env.ref("dunning_exclusion.rule_no_address").name
        switched_off = self.env.ref("dunning_exclusion.rule_type_off").name
        self.assertFalse(self._run().line_ids.held_actions)
        # Of one kind when the list is made ...
        self.customer.email = False
        line = self._run().line_ids
        self.assertEqual((line.checked, line.level_ids), (True, letter))
        both = {action.name: [no_address] for action in self.actions}
        self.assertEqual(self._held(line), both)
        # ... of two kinds ...
        self.customer.dunning_type_off_ids = self.statement.type_id
        line = self._run().line_ids
        self.assertEqual(
            self._held(line),
            {**both, self.statement.name: [switched_off, no_address]},
        )
        # ... and since.
        self.customer.dunning_type_off_ids = False
        self.customer.email = "alpha@example.com"
        run = self._run()
        self.assertEqual(
            (run.line_ids.level_ids, self._held(run.line_ids)), (self.actions | letter, {})
        )
        self.customer.dunning_type_off_ids = self.statement.type_id
        screen_again(run, self.customer)
        self.assertEqual(run.line_ids.level_ids, self.second | letter)
        self.assertEqual(self._held(run.line_ids), {self.statement.name: [switched_off]})
        self.customer.dunning_type_off_ids = False
        screen_again(run, self.customer)
        self.assertEqual(
            (run.line_ids.level_ids, self._held(run.line_ids)), (self.actions | letter, {})
        )

    def test_actions_that_are_held_for_different_reasons_say_their_own(self):
        invoice = self._create_invoice()
        self.second.action = "letter"
        self.customer.email = False
        invoice.action_dunning_stop()
        run = self._run()
        stopped = self.env.ref("dunning_exclusion.rule_stop_item").name
        no_address = self.env.ref("dunning_exclusion.rule_no_address").name
        own = {self.statement.name: [stopped, no_address], self.second.name: [stopped]}
        self.assertEqual(self._held(run.line_ids), own)
        screen_again(run, self.customer)
        self.assertEqual(self._held(run.line_ids), own)
        # With an address both are held for one reason, which is that of the line.
        self.customer.email = "alpha@example.com"
        self.assertFalse(self._run().line_ids.held_actions)
        # What a person sends against its reasons is not held.
        run.line_ids.tick_against("Agreed by phone")
        screen_again(run, self.customer)
        self.assertEqual((run.line_ids.checked, self._held(run.line_ids)), (True, {}))

    def test_held_action_goes_along_once_it_is_free_again(self):
        self._create_invoice()
        run = self._run()
        self.customer.dunning_type_off_ids = self.second.type_id
        run.line_ids.action_preview()
        with self.env.cr.savepoint() as savepoint:
            run.action_send()
            self.assertEqual(run.notice_ids.level_id, self.statement)
            savepoint.rollback()
        self.env.invalidate_all()
        self.customer.dunning_type_off_ids = False
        run.action_send()
        self.assertEqual(run.notice_ids.level_id, self.actions)

    def test_retry_sends_only_the_action_that_failed(self):
        self._create_invoice()
        run = self._run()
        run.action_send()
        failed, sent = self._notice(run, self.second), self._notice(run, self.statement)
        failed._fail("Mailbox full")
        sent._mark_sent()
        mail = sent.mail_id
        run.action_retry_failed()
        self.assertEqual(run.notice_ids, failed | sent)
        self.assertEqual((failed.state, sent.state, sent.mail_id), ("queued", "sent", mail))
        self.assertEqual(run.line_ids.notice_ids, failed | sent)
        self.assertTrue(run.line_ids.notice_id)
        self.assertEqual(run.state, "done")

    def test_failed_action_of_a_paid_item_is_given_up_and_the_other_stays_history(self):
        invoice = self._create_invoice()
        run = self._run()
        run.action_send()
        failed, sent = self._notice(run, self.second), self._notice(run, self.statement)
        failed._fail("Mailbox full")
        sent._mark_sent()
        self._pay(invoice)
        run.action_retry_failed()
        self.assertEqual((failed.state, sent.state), ("skipped", "sent"))
        self.assertEqual(sent.line_ids, run.line_ids)
        self.assertEqual(self._items(invoice).dunning_outcome, False)

    def test_mail_of_one_action_is_withdrawn_when_it_is_switched_off(self):
        self._create_invoice()
        run = self._run()
        run.action_send()
        waiting, sent = self._notice(run, self.second), self._notice(run, self.statement)
        sent._mark_sent()
        self.customer.dunning_type_off_ids = self.second.type_id
        waiting.failure_reason = "Looked at again"
        waiting._withdraw_outdated()
        self.assertEqual((waiting.state, sent.state), ("skipped", "sent"))

    def test_item_below_the_condition_of_one_action_goes_with_the_other(self):
        self._create_invoice()
        small = self._create_invoice(amount=10)
        self.statement.condition_domain = '[("amount_total", ">", 50)]'
        run = self._run()
        alone = run.line_ids.filtered(lambda line: line.move_id == small)
        self.assertEqual(alone.level_ids, self.second)
        run.action_send()
        self.assertEqual(self._notice(run, self.second).line_ids, run.line_ids)
        self.assertEqual(self._notice(run, self.statement).line_ids, run.line_ids - alone)

    def test_lines_are_found_by_each_of_their_actions(self):
        self._create_invoice()
        run = self._run()
        for action in self.actions:
            mine = [("run_id", "=", run.id), ("level_ids", "in", action.ids)]
            self.assertEqual(run.line_ids.search(mine), run.line_ids)
