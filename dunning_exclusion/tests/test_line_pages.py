import re

from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import SQL

from .common import DunningCommon

FIGURES = ["amount_residual:sum", "checked_count:sum", "days_overdue:max"]


@tagged("post_install", "-at_install")
class TestLinePages(DunningCommon):
    """Pages of the task list: what Odoo would show, without summing up what is not on the page."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The order of their names is not that of their ids.
        for place, name in enumerate(("Echo", "Alpha", "Delta", "Bravo")):
            customer = cls._create_customer(name)
            cls._create_invoice(customer, amount=100 + place)
            cls._create_invoice(customer, days=-20 - place)
        cls.run_made = cls._create_run()
        cls.lines = cls.run_made.line_ids
        cls.listed = [("run_id", "=", cls.run_made.id), ("outcome", "!=", "dropped")]

    def _page(self, domain=None, groupby="partner_id", **kwargs):
        return self.env["dunning.run.line"].web_read_group(
            self.listed if domain is None else domain, [groupby], FIGURES, **kwargs
        )

    def _names(self, page):
        return [group["partner_id"] and group["partner_id"][1] for group in page["groups"]]

    def assertSamePages(self, order=None):
        """Assert that the pages put together are what Odoo makes without pages."""
        everything = self._page(order=order)
        offsets = range(0, everything["length"], 2)
        pages = [self._page(order=order, limit=2, offset=offset) for offset in offsets]
        groups = [group for page in pages for group in page["groups"]]
        figures = ["partner_id", "__count", *FIGURES]
        self.assertEqual(
            [[group[name] for name in figures] for group in groups],
            [[group[name] for name in figures] for group in everything["groups"]],
        )
        for page in pages:
            self.assertEqual(page["length"], everything["length"])

    def test_pages_are_those_of_odoo_in_the_order_of_names(self):
        self.assertSamePages()
        self.assertEqual(self._names(self._page(limit=3)), ["Alpha", "Bravo", "Delta"])

    def test_pages_are_those_of_odoo_backwards(self):
        self.assertSamePages("partner_id DESC")
        self.assertEqual(self._names(self._page(order="partner_id DESC", limit=1)), ["Echo"])

    def test_lines_without_a_customer_are_a_group_of_their_own(self):
        self.env.cr.execute(
            SQL("UPDATE dunning_run_line SET partner_id = NULL WHERE id = %s", self.lines[:1].id)
        )
        self.env.invalidate_all()
        self.assertSamePages()
        self.assertEqual(self._names(self._page(offset=4, limit=2)), [False])

    def test_other_orders_and_groups_are_left_to_odoo(self):
        self.assertSamePages("amount_residual DESC")
        by_level = self._page(groupby="level_id", limit=1)
        self.assertEqual((by_level["length"], by_level["groups"][0]["__count"]), (1, 8))

    def test_a_page_without_lines_is_empty(self):
        nobody = [*self.listed, ("outcome", "=", "dropped")]
        self.assertEqual(self._page(domain=nobody, limit=2), {"groups": [], "length": 0})
        self.assertEqual(self._page(offset=10, limit=2)["groups"], [])

    def test_groups_of_a_page_are_unfolded_with_their_lines(self):
        page = self._page(limit=2, auto_unfold=True, unfold_read_specification={"checked": {}})
        self.assertEqual([len(group["__records"]) for group in page["groups"]], [2, 2])

    def test_only_the_customers_of_the_page_are_summed_up(self):
        sums = self._queries_with(re.compile(r"SUM\("), lambda: self._page(limit=2))
        counts = self._queries_with(re.compile(r"GROUP BY"), lambda: self._page(limit=2))
        self.assertEqual(len(sums), 1)
        self.assertIn('"dunning_run_line"."partner_id" IN %s', sums[0])
        self.assertNotIn("res_partner", sums[0], "their names are known already")
        self.assertEqual(counts, sums, "the customers are counted along with the page")

    def test_pages_need_the_right_to_read(self):
        stranger = self._create_user("stranger", "base.group_user")
        with self.assertRaises(AccessError):
            self.env["dunning.run.line"].with_user(stranger).web_read_group(
                self.listed, ["partner_id"], FIGURES, limit=2
            )

    def test_the_last_open_promise_stands_beside_an_item(self):
        line = self.lines[:1]
        for days, cancelled in ((5, False), (9, False), (20, True)):
            promise = self.env["dunning.promise"].create(
                {
                    "partner_id": line.partner_id.id,
                    "date": self._days(days),
                    "move_line_ids": line.move_line_id.ids,
                }
            )
            if cancelled:
                promise.action_cancel()
        self.lines.invalidate_recordset()
        found = {line: str(line.promise_date) for line in self.lines if line.promise_date}
        self.assertEqual(found, {line: self._days(9)})

    def test_rules_are_read_together_however_many_stand_against_items(self):
        items = self.lines.move_line_id
        items[0].action_dunning_stop()
        items[-1].partner_id.action_dunning_stop()
        lines = self.lines.search([("run_id", "=", self._create_run().id)])
        self.assertGreater(len({tuple(line.reason_ids) for line in lines if line.reason_ids}), 1)
        names = re.compile(r'"dunning_exclusion_rule"\."name"')
        read = self._queries_with(names, lambda: lines.web_read({"rule_ids": {}, "marks": {}}))
        self.assertEqual(len(read), 1)
