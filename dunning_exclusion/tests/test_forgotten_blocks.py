from datetime import timedelta

from odoo.tests import tagged

from .common import VerdictCommon


@tagged("post_install", "-at_install")
class TestForgottenBlocks(VerdictCommon):
    """Exclusions that nobody thinks of any more are found, reported and analysed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.collector = cls._create_user("collector", "account.group_account_invoice")

    def _block(self, begun, ends=None, user=None, **values):
        partner = self._fresh_customer()
        self._create_invoice(partner, 100)
        return self.env["dunning.block"].create(
            {
                "partner_id": partner.id,
                "kind": "stop",
                "date_from": self.today - timedelta(days=begun),
                "date_to": ends is not None and self.today + timedelta(days=ends),
                "user_id": (user or self.collector).id,
                **values,
            }
        )

    def test_forgotten_and_ending_blocks_are_found(self):
        table = (
            (self._block(91), True, False),
            (self._block(90), False, False),
            (self._block(200, 30), False, False),
            (self._block(200, 7), False, True),
            (self._block(1, 8), False, False),
            (self._block(1, 0), False, True),
            (self._block(200, -1), False, False),
        )
        lifted = self._block(300)
        lifted.action_lift()
        blocks = lifted.browse().concat(*(row[0] for row in table), lifted)
        mine = [("id", "in", blocks.ids)]
        for field, place in (("forgotten", 1), ("ending_soon", 2)):
            expected = blocks.filtered(
                lambda block, place=place: any(row[0] == block and row[place] for row in table)
            )
            self.assertEqual(blocks.filtered(field), expected)
            self.assertEqual(blocks.search([*mine, (field, "=", True)]), expected.sorted())
            others = blocks.search([*mine, (field, "=", False)])
            self.assertEqual(others, (blocks - expected).sorted())
        self.assertEqual(table[0][0].age_days, 91)

    def test_amount_held(self):
        customer = self._fresh_customer()
        first, second = self._create_invoice(customer, 100), self._create_invoice(customer, 40)
        on_customer = customer._dunning_block("stop")
        on_invoice = second._dunning_block("stop")
        self.assertEqual((on_customer.amount_held, on_invoice.amount_held), (140, 40))
        self._pay(first)
        self.env.invalidate_all()
        self.assertEqual(on_customer.amount_held, 40)
        on_customer.action_lift()
        self.assertEqual(on_customer.amount_held, 0)

    def test_weekly_to_do_per_person_not_per_block(self):
        other = self._create_user("other", "account.group_account_invoice")
        old = [self._block(100 + number) for number in range(3)]
        ending = self._block(5, 3)
        theirs = self._block(120, user=other)
        Block = self.env["dunning.block"]
        Block._cron_report_forgotten()
        blocks = Block.concat(*old, ending, theirs)
        to_dos = blocks.activity_ids
        self.assertEqual(to_dos.user_id, self.collector | other)
        self.assertEqual(len(to_dos), 2)
        mine = to_dos.filtered(lambda to_do: to_do.user_id == self.collector)
        for block in [*old, ending]:
            self.assertIn(block.display_name, mine.note)
        self.assertNotIn(theirs.display_name, mine.note)
        old[0].action_lift()
        Block._cron_report_forgotten()
        to_dos = blocks.activity_ids
        self.assertEqual(len(to_dos), 2, "the to-do of last week is replaced")
        self.assertNotIn(old[0].display_name, "".join(to_dos.mapped("note")))

    def test_analysis_by_reason_age_and_person(self):
        dispute = self.env.ref("dunning_exclusion.reason_dispute")
        fresh, old = self._block(3, reason_id=dispute.id), self._block(100)
        invoice = self._create_invoice(old.partner_id, 60)
        on_invoice = invoice._dunning_block("prevent")
        self.company.dunning_item_minimum = 20
        small = self._create_invoice(amount=10)
        self._create_invoice(amount=500)
        Report = self.env["dunning.exclusion.report"]
        rows = Report.search([("company_id", "=", self.company.id)])
        found = {
            (row.partner_id, row.amount_residual): (row.rule_id.code, row.block_id, row.age)
            for row in rows
        }
        empty = self.env["dunning.block"]
        self.assertEqual(
            found,
            {
                (fresh.partner_id, 100): ("stop_customer", fresh, "1"),
                (old.partner_id, 100): ("stop_customer", old, "4"),
                (old.partner_id, 60): ("prevent_item", on_invoice, "1"),
                (small.partner_id, 10): ("item_minimum", empty, False),
            },
        )
        groups = Report._read_group(
            [("company_id", "=", self.company.id)], ["user_id"], ["amount_residual:sum"]
        )
        amounts = {user: amount for user, amount in groups}
        self.assertEqual(amounts[self.collector], 200)
        by_reason = Report._read_group(
            [("reason_id", "=", dispute.id)], ["age"], ["amount_residual:sum"]
        )
        self.assertEqual(by_reason, [("1", 100)])
        seen = Report.with_user(self.collector).search([("block_id", "=", fresh.id)])
        self.assertEqual(seen.user_id, self.collector)
