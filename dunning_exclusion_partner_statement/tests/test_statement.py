from odoo.tests import tagged

from odoo.addons.dunning_exclusion.tests.common import DunningCommon


@tagged("post_install", "-at_install")
class TestStatement(DunningCommon):
    """OCA's outstanding statement, with what is excluded from reminders."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stopped, cls.free = cls._create_invoice(), cls._create_invoice()
        cls.stopped.action_dunning_stop()

    def _statement(self, **values):
        """Return (numbers on the statement, balance, sum of the aging, the page)."""
        wizard = self.env["outstanding.statement.wizard"].with_context(active_ids=self.customer.ids)
        data = wizard.create(values)._prepare_statement()
        model = self.env["report.partner_statement.outstanding_statement"]
        shown = model._get_report_values(self.customer.ids, data)["data"][self.customer.id]
        (currency,) = shown["currencies"].values()
        report = self.env["ir.actions.report"]
        arguments = (self.customer.ids, data)
        page = report._render_qweb_html("partner_statement.outstanding_statement", *arguments)[0]
        self.assertTrue(report._render_xlsx("p_s.report_outstanding_statement_xlsx", *arguments)[0])
        numbers = [line["move_id"] for line in currency["lines"]]
        return numbers, currency["amount_due"], currency["buckets"]["balance"], page.decode()

    def test_excluded_items_are_marked(self):
        numbers, balance, aging, page = self._statement()
        self.assertEqual(sorted(numbers), sorted([f"{self.stopped.name} (x)", self.free.name]))
        self.assertEqual((balance, aging), (200, 200))
        self.assertIn("(x) We do not send reminders about these items at present.", page)
        reason = self.env.ref("dunning_exclusion.rule_stop_item").name
        self.assertNotIn(reason, page, "customers are not told why")

    def test_excluded_items_are_left_out_of_lines_balance_and_aging(self):
        numbers, balance, aging, page = self._statement(dunning_exclusions="leave_out")
        self.assertEqual(numbers, [self.free.name])
        self.assertEqual((balance, aging), (100, 100))
        self.assertIn("Items about which we do not send reminders at present are not listed", page)
        self.assertNotIn(self.stopped.name, page)

    def test_the_statement_can_stay_as_it_is(self):
        numbers, balance, aging, page = self._statement(dunning_exclusions="show")
        self.assertEqual((len(numbers), balance, aging), (2, 200, 200))
        self.assertNotIn("(x)", page)

    def test_nothing_is_said_where_nothing_is_excluded(self):
        self.stopped.action_dunning_resume()
        for choice in ("mark", "leave_out"):
            page = self._statement(dunning_exclusions=choice)[-1]
            self.assertNotIn("send reminders", page)

    def test_the_day_of_the_statement_counts(self):
        self.stopped.dunning_block_ids.date_to = self._days(2)
        numbers = self._statement(date_end=self._days(5))[0]
        self.assertEqual(sorted(numbers), sorted([self.stopped.name, self.free.name]))
