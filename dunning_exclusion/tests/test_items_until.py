from datetime import timedelta

from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import SQL

from ..screening import items
from ..screening.question import Question
from .common import OutcomeCommon


@tagged("post_install", "-at_install")
class TestItemsUntil(OutcomeCommon):
    """A block on a customer can be limited to the items that were issued up to a day."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.opened = cls.today - timedelta(days=20)

    def _hold(self, kind="prevent", customer=None, **values):
        return self.env["dunning.block"].create(
            {
                "partner_id": (customer or self.customer).id,
                "kind": kind,
                "items_until": self.opened,
                **values,
            }
        )

    def _issued(self, after, customer=None, **values):
        """Create an overdue invoice that was issued so many days after the opening."""
        issued_on = self.opened + timedelta(days=after)
        return self._create_invoice(customer, invoice_date=issued_on, **values)

    def test_older_items_are_held_and_newer_ones_are_reminded(self):
        for kind, outcome in (("stop", "unchecked"), ("pause", "dropped"), ("prevent", "dropped")):
            with self.subTest(kind=kind):
                customer = self._fresh_customer()
                block = self._hold(kind, customer, date_to=self.today)
                rule = f"{kind}_item"
                old, same, new = (self._issued(after, customer) for after in (-1, 0, 1))
                other = self._issued(-1, self.other_customer)
                self.assertOutcome(old, outcome, rule)
                self.assertOutcome(same, outcome, rule, "issued on the day itself")
                self.assertOutcome(new, "included")
                self.assertOutcome(other, "included", msg="another customer")
                self.assertEqual(old.dunning_explain()[0]["block_id"], block.id)
                self.assertEqual(old.dunning_explain()[0]["level"], "item")
                tomorrow = self.today + timedelta(days=1)
                self.assertNotIn(rule, self._reasons(old, tomorrow), "the block has ended")
                block.action_lift()
                self.assertOutcome(old, "included")

    def test_day_of_issue_and_not_the_due_date_counts(self):
        self._hold()
        old, new = self._issued(-1, days=-1), self._issued(1, days=-10)
        self.assertOutcome(old, "dropped", "prevent_item")
        self.assertOutcome(new, "included")
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "date": self.opened,
                "line_ids": [
                    (
                        0,
                        0,
                        {
                            "account_id": self.company_data["default_account_receivable"].id,
                            "partner_id": self.customer.id,
                            "debit": 50.0,
                            "date_maturity": self.today - timedelta(days=5),
                        },
                    ),
                    (
                        0,
                        0,
                        {
                            "account_id": self.company_data["default_account_revenue"].id,
                            "credit": 50.0,
                        },
                    ),
                ],
            }
        )
        entry.action_post()
        entry.line_ids.no_followup = False
        self.assertOutcome(entry, "dropped", "prevent_item", "entries were issued on their date")

    def test_company_counts(self):
        self._hold(company_id=self.other_company.id)
        self.assertOutcome(self._issued(-1), "included")
        self.assertEqual(
            self._invoice_of_other_company(self.customer).dunning_outcome, "included", "too new"
        )

    def test_all_agree_also_when_everybody_is_screened(self):
        self._hold("stop")
        self._hold("stop", items_until=self.opened - timedelta(days=5))
        self._hold("stop", self.other_customer, items_until=False)
        moves = [self._issued(after) for after in (-6, -5, 0, 1)]
        moves += [self._issued(5, self.other_customer)]
        run = self._create_run(scenario_ids=self.scenario.ids)
        expected = ["unchecked", "unchecked", "unchecked", "included", "unchecked"]
        lines = {line.move_id: line for line in run.line_ids}
        self.assertEqual([lines[move].outcome for move in moves], expected)
        self.assertEqual([move.dunning_outcome for move in moves], expected)
        codes = [lines[move].rule_id.code for move in moves]
        self.assertEqual(codes, ["stop_item"] * 3 + [False, "stop_customer"])

    def test_python_and_sql_agree_on_what_a_block_holds(self):
        moves = self._issued(-1) | self._issued(1) | self._issued(-1, self.other_customer)
        first = self._items(moves)[0]
        Block = self.env["dunning.block"]
        blocks = self._hold() | self._hold(items_until=False)
        blocks |= self._hold(items_until=False, move_id=moves[0].id)
        blocks |= self._hold(items_until=False, move_line_id=first.id)
        query = SQL(
            "SELECT block.id, line.id %s AND %s",
            items.open_items(Question(self.company), SQL("CROSS JOIN dunning_block block")),
            Block._holds_sql(),
        )
        by_sql = set(self.env.execute_query(query))
        by_python = {
            (block.id, item.id)
            for block in blocks
            for item in self._items(moves)
            if block._holds(item.id, item.move_id.id, item.partner_id.id, item.invoice_date)
        }
        self.assertEqual(by_sql, by_python)
        self.assertEqual(len(by_sql), 5)

    def test_amount_held_and_mirrored_flag_follow_the_day_of_issue(self):
        self.company.dunning_mirror_no_followup = True
        old, new = self._issued(-1, amount=30.0), self._issued(1, amount=70.0)
        block = self._hold()
        self.assertEqual(block._get_amounts_held(), {block: 30.0})
        self.assertEqual((old.no_followup, new.no_followup), (True, False))
        block.action_lift()
        self.assertFalse(old.no_followup)

    def test_flag_of_the_customer_says_that_everything_is_held(self):
        block = self._hold()
        self.assertFalse(self.customer.prevent_dunning)
        self.assertNotIn(self.customer, self.customer.search([("prevent_dunning", "=", True)]))
        self.customer.prevent_dunning = False
        self.assertEqual(block.state, "active", "a flag that was off is off")
        self.customer.prevent_dunning = True
        self.assertEqual(len(self.customer.dunning_block_ids), 2)
        self.customer.action_dunning_resume()
        self.assertEqual(set(self.customer.dunning_block_ids.mapped("state")), {"lifted"})

    def test_only_blocks_on_customers_have_a_cut_off(self):
        invoice = self._issued(-1)
        with self.assertRaisesRegex(ValidationError, "Items Issued Until"):
            self._hold(move_id=invoice.id)
        block = self._hold()
        block.action_lift()
        user = self._create_user("worker", "dunning_exclusion.group_dunning_user")
        with self.assertRaisesRegex(UserError, "Items Issued Until"):
            block.with_user(user).items_until = self.today

    def test_insolvency_asks_for_the_opening_date(self):
        action = self.customer.action_dunning_pause()
        dialog = Form(self.env["dunning.block.wizard"].with_context(**action["context"]))
        dialog.reason_id = self.env.ref("dunning_exclusion.reason_insolvency")
        self.assertEqual(
            dialog.explanation, "The items are not listed in any run until somebody resumes."
        )
        with self.assertRaisesRegex(AssertionError, "items_until is a required field"):
            dialog.save()
        dialog.items_until = self.opened
        dialog.save().action_apply()
        block = self.customer.dunning_block_ids
        self.assertEqual((block.kind, block.items_until), ("prevent", self.opened))

    def test_reasons_say_what_their_blocks_do(self):
        for name, kind, days in (
            ("insolvency", "prevent", None),
            ("breathing_space", "pause", 60),
            ("sold", "prevent", None),
            ("dispute", "stop", None),
        ):
            with self.subTest(reason=name):
                reason = self.env.ref(f"dunning_exclusion.reason_{name}")
                block = self.env["dunning.block"].create(
                    {"partner_id": self.customer.id, "reason_id": reason.id}
                )
                end = self.today + timedelta(days=days) if days else False
                self.assertEqual((block.kind, block.date_to), (kind, end))
                chosen = block.copy({"kind": "stop"})
                self.assertEqual(chosen.kind, "stop")
