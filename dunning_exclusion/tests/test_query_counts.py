from odoo.tests import tagged
from odoo.tools import SQL

from odoo.addons.dunning_exclusion.models.dunning_statement import Screen

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestQueryCounts(DunningCommon):
    """Costs that must not grow: queries with the items, rows read with the items of a customer."""

    def _count(self, work):
        """Return the number of queries of `work`, with empty caches."""
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        work()
        self.env.flush_all()
        return self.env.cr.sql_log_count - before

    def _add_customers(self, count):
        customers = [self._create_customer(f"Customer {number}") for number in range(count)]
        return [self._create_invoice(customer) for customer in customers]

    def assertNoQueryPerRecord(self, work_on, few, many):
        # What a process needs once is not the cost of a record.
        work_on(many)
        self.assertLess(
            self._count(lambda: work_on(many)) - self._count(lambda: work_on(few)),
            len(many) - len(few),
            "the number of queries grows with the number of records",
        )

    def test_screening_of_many_items_takes_the_queries_of_one(self):
        moves = self.env["account.move"].concat(*self._add_customers(8))
        screening = self.env["dunning.screening"]

        def read(chosen):
            found = screening.search([("move_id", "in", chosen.ids)])
            found.read(["outcome", "rule_id", "outstanding"])

        self.assertNoQueryPerRecord(read, moves[:1], moves)

    def test_outcome_of_many_customers_takes_the_queries_of_one(self):
        moves = self.env["account.move"].concat(*self._add_customers(8))
        customers = self.env["res.partner"].browse(moves.partner_id.ids)
        self.assertNoQueryPerRecord(
            lambda chosen: chosen.mapped("dunning_outcome"), customers[:1], customers
        )

    def test_preparing_many_items_takes_the_queries_of_one(self):
        self._add_customers(1)
        run = self._create_run()
        run.action_prepare()
        few = self._count(run.action_prepare)
        self._add_customers(8)
        self.assertLessEqual(self._count(run.action_prepare), few)
        self.assertEqual(run.included_count, 9)

    def test_explaining_takes_the_same_queries_whoever_else_owes(self):
        invoice = self._create_invoice()
        invoice.dunning_explain()
        alone = self._count(invoice.dunning_explain)
        self._add_customers(8)
        self.assertEqual(self._count(invoice.dunning_explain), alone)

    def test_customer_rules_are_judged_once_for_all_items_of_a_customer(self):
        for _number in range(5):
            self._create_invoice()
        plan = self._plan(Screen(self.company))
        loops = [
            node["Actual Loops"]
            for node in self._nodes(plan)
            if node.get("Relation Name") == "dunning_reminder_type"
        ]
        self.assertTrue(loops)
        self.assertLessEqual(max(loops), 1, "evaluated for each item of the one customer")

    def _plan(self, screen):
        query = SQL(
            "EXPLAIN (ANALYZE, FORMAT JSON) %s", self.env["dunning.statement"]._query(screen)
        )
        self.env.cr.execute(query)
        return self.env.cr.fetchone()[0][0]["Plan"]

    def _nodes(self, plan):
        yield plan
        for part in plan.get("Plans", []):
            yield from self._nodes(part)
