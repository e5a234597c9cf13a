from odoo.tests import tagged

from odoo.addons.dunning_exclusion.tests.common import DunningCommon


@tagged("post_install", "-at_install")
class TestOpenItems(DunningCommon):
    """OCA's report of open items, with what is excluded from reminders."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stopped, cls.free, cls.theirs = (
            cls._create_invoice(),
            cls._create_invoice(),
            cls._create_invoice(cls.other_customer),
        )
        cls.stopped.action_dunning_stop()
        cls.theirs.partner_id.prevent_dunning = True
        cls.reason = cls.env.ref("dunning_exclusion.rule_stop_item").name

    def _report(self, **values):
        """Return (what the report shows as {entry: label}, its total, its page, its rows)."""
        wizard = self.env["open.items.report.wizard"].create(
            {"account_ids": self._items(self.free).account_id.ids, **values}
        )
        wizard.partner_ids = self.customer | self.other_customer
        data = wizard._prepare_report_data()
        shown = self.env["report.account_financial_report.open_items"]._get_report_values([], data)
        lines = [line for by in shown["Open_Items"].values() for one in by.values() for line in one]
        total = sum(account["residual"] for account in shown["total_amount"].values())
        report = self.env["ir.actions.report"]
        page = report._render_qweb_html("account_financial_report.open_items", wizard.ids, data)[0]
        self.assertTrue(report._render_xlsx("a_f_r.report_open_items_xlsx", wizard.ids, data)[0])
        return {line["move_name"]: line["ref_label"] for line in lines}, total, page.decode()

    def test_excluded_items_are_marked_with_the_reason(self):
        labels, total, page = self._report()
        self.assertEqual(len(labels), 3)
        self.assertEqual(total, 300)
        self.assertTrue(labels[self.stopped.name].startswith(f"(x) {self.reason} · "))
        self.assertNotIn("(x)", labels[self.free.name])
        self.assertIn("(x)", labels[self.theirs.name])
        self.assertIn(f"(x) {self.reason}", page)

    def test_excluded_items_are_left_out_and_counted(self):
        for grouped_by in ("partners", "salesperson"):
            with self.subTest(grouped_by):
                labels, total, page = self._report(
                    dunning_exclusions="leave_out", grouped_by=grouped_by
                )
                self.assertEqual(list(labels), [self.free.name])
                self.assertEqual(total, 100)
                self.assertIn("excluded from reminders are left out: 2", page)
                self.assertNotIn(self.theirs.partner_id.name, page)

    def test_the_report_can_stay_as_it_is(self):
        labels, total, page = self._report(dunning_exclusions="show")
        self.assertEqual((len(labels), total), (3, 300))
        self.assertNotIn("(x)", page)

    def test_the_day_of_the_report_counts(self):
        self.stopped.dunning_block_ids.date_to = self._days(2)
        labels = self._report(date_at=self._days(5))[0]
        self.assertNotIn("(x)", labels[self.stopped.name])

    def test_who_reads_reports_needs_no_rights_on_follow_ups(self):
        reader = self._create_user("reader", "account.group_account_readonly")
        reader.group_ids -= self.env.ref("dunning_exclusion.group_dunning_user")
        report = self.env["report.account_financial_report.open_items"].with_user(reader)
        items = self._items(self.stopped | self.free)
        reasons = report._dunning_reasons(items.ids, self.today)
        self.assertEqual(reasons, {self._items(self.stopped).id: self.reason})
