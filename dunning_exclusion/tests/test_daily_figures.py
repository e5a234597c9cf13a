from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from .scenario_common import ScenarioCommon

# What is owed and what is held, read from the tables of Odoo and of holds alone: nothing of
# screening, runs or messages is asked.
OWED = """
    WITH item AS (
        SELECT line.id, line.amount_residual AS amount, line.date_maturity < %(today)s AS late,
               contact.commercial_partner_id AS customer, owner.email IS NOT NULL AS has_email,
               EXISTS (SELECT 1 FROM dunning_block hold
                        WHERE hold.kind = 'stop' AND hold.move_id = line.move_id
                          AND hold.lifted_on IS NULL) AS held,
               EXISTS (SELECT 1 FROM dunning_block hold
                        WHERE hold.kind = 'prevent' AND hold.move_id IS NULL
                          AND hold.partner_id = contact.commercial_partner_id
                          AND hold.lifted_on IS NULL) AS prevented
          FROM account_move_line line
          JOIN account_move move ON move.id = line.move_id AND move.state = 'posted'
          JOIN account_account account ON account.id = line.account_id
           AND account.account_type = 'asset_receivable'
          JOIN res_partner contact ON contact.id = line.partner_id
          JOIN res_partner owner ON owner.id = contact.commercial_partner_id
         WHERE line.company_id = %(company)s AND line.amount_residual <> 0
    )
"""
# A letter of the workflow goes to everybody, about all that is open.
SELECTED = "NOT held AND NOT prevented"
# The invoice-level scenario sends e-mails about what is late.
BY_EMAIL = "late AND amount > 0"


@tagged("post_install", "-at_install")
class TestDailyFigures(ScenarioCommon):
    """Items, amounts, customers and messages on all screens, against SQL that knows no lines."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["dunning.scenario"].search([("id", "!=", cls.scenario.id)]).active = False
        cls.scenario.date_start = False
        cls.workflow = cls._create_statements("email", "letter")
        gamma = cls._create_customer("Gamma")
        delta = cls._create_customer("Delta", email=False)
        for customer, amount, days in (
            *[(cls.customer, 100, -10), (cls.customer, 50, 10), (cls.other_customer, 7, -10)],
            *[(gamma, 300, -40), (gamma, 5, 3), (delta, 40, -5), (delta, 60, 20)],
        ):
            cls._create_invoice(customer, amount, days)
        cls._create_invoice(amount=20, move_type="out_refund")
        cls._create_invoice(cls.other_customer, 70, -10).action_dunning_stop()
        gamma.prevent_dunning = True

    def _sql(self, columns, condition="TRUE", group="", order=""):
        self.env.flush_all()
        values = {"today": self.today, "company": self.company.id}
        query = f"{OWED} SELECT {columns} FROM item WHERE {condition} {group} {order}"
        rows = self.env.execute_query(SQL(query, **values))
        return [tuple(float(value) for value in row) for row in rows]

    def _items(self, condition):
        """Return (items, amount, customers) that meet a condition."""
        return self._sql("COUNT(*), COALESCE(SUM(amount), 0), COUNT(DISTINCT customer)", condition)[
            0
        ]

    def _messages(self):
        """Return how many e-mails and letters go out."""
        columns = f"COUNT(*), 0, BOOL_OR(has_email)::int, BOOL_OR(has_email AND {BY_EMAIL})::int"
        rows = self._sql(columns, SELECTED, "GROUP BY customer")
        return sum(row[2] + row[3] for row in rows), len(rows)

    def _task(self, name):
        tasks = self.env["dunning.run"].retrieve_dashboard()["tasks"]
        return next((t["count"], t["amount"]) for t in tasks if t["name"] == name)

    def test_items_amounts_customers_and_messages(self):
        items, amount, customers = self._items(SELECTED)
        self.assertEqual((items, amount, customers), (6, 237, 3), "the question is not empty")
        # Today says it before there is a list ...
        self.assertEqual(self._task("to_send"), (customers, amount))
        self.env["dunning.run"].with_company(self.company).action_open_latest()
        run = self.env["dunning.run"].search([("company_id", "=", self.company.id)], limit=1)
        self.assertGreater(len(run.line_ids), len(run.line_ids.move_line_id), "two lines an item")
        # ... and after, as the list, the run and the figures above the list do.
        self.assertEqual(self._task("to_send"), (customers, amount))
        self.assertEqual((run.checked_count, run.checked_amount), (items, amount))
        self.assertEqual(run.customer_count, customers)
        figures = run.read_figures(run.id)
        emails, letters = self._messages()
        self.assertEqual(
            {name: figures[name] for name in ("item_count", "customer_count", "message_count")},
            {
                "item_count": items,
                "customer_count": customers,
                "message_count": emails + letters,
            },
        )
        self.assertEqual(figures["amount"], amount)
        for outcome, condition in (
            ("included", SELECTED),
            # Of who has no address the e-mails are held, and the letter goes.
            ("unchecked", f"NOT prevented AND (held OR NOT has_email AND {BY_EMAIL})"),
            ("dropped", "prevented"),
        ):
            with self.subTest(outcome=outcome):
                expected = self._items(condition)
                self.assertEqual(figures[f"{outcome}_count"], expected[0])
                self.assertEqual(
                    (
                        run[f"{outcome}_count"],
                        run[f"{outcome}_amount"],
                        run[f"{outcome}_customer_count"],
                    ),
                    expected,
                )

    def test_totals_of_each_customer_in_the_list(self):
        run = self._create_run()
        groups = run.line_ids.formatted_read_group(
            [("run_id", "=", run.id)],
            ["partner_id"],
            ["item_count:sum", "amount_residual:sum", "checked_amount:sum"],
        )
        shown = [
            (
                group["partner_id"][0],
                group["item_count:sum"],
                group["amount_residual:sum"],
                group["checked_amount:sum"],
            )
            for group in groups
        ]
        expected = self._sql(
            f"customer, COUNT(*), SUM(amount), COALESCE(SUM(amount) FILTER (WHERE {SELECTED}), 0)",
            group="GROUP BY customer",
        )
        self.assertEqual(sorted(shown), sorted(expected))

    def test_what_is_excluded_by_reason(self):
        rows = self.env["dunning.run"].retrieve_screened()["by_reason"]
        shown = {row["code"]: (row["count"], row["amount"]) for row in rows}
        for code, condition in (
            ("stop_item", "late AND held"),
            ("prevent_customer", "late AND prevented"),
            ("no_address", "late AND NOT has_email"),
        ):
            self.assertEqual(shown.pop(code), self._items(condition)[:2], code)
        self.assertFalse(shown)

    def test_what_was_sent(self):
        items, amount, customers = self._items(SELECTED)
        emails, letters = self._messages()
        run = self._create_run()
        run.action_send()
        self.assertEqual((run.waiting_count, run.print_count), (emails, letters))
        self.assertEqual((self._task("letters")[0], self._task("to_send")), (letters, (0, 0)))
        run.notice_ids.sudo()._mark_sent()
        self.env.invalidate_all()
        self.assertEqual((run.sent_count, run.waiting_count), (emails + letters, 0))
        self.assertEqual(len(run.notice_ids.partner_id), customers)
        self.assertEqual(len(run.notice_ids.line_ids.move_line_id), items)
        sent = self.env["dunning.run"].retrieve_dashboard()["sent"]
        self.assertEqual(sent, {"count": emails + letters, "amount": amount})

    def test_next_morning_says_what_is_to_send_and_lists_it(self):
        """Yesterday's list is sent: today's is another one, whatever Today said before."""
        old = self._create_run(date=self._days(-1), scenario_ids=[Command.set(self.scenario.ids)])
        old.action_send()
        old.notice_ids.sudo()._mark_sent()
        items, amount, customers = self._items(SELECTED)
        self.assertEqual(self._task("to_send"), (customers, amount))
        action = self.env["dunning.run"].with_company(self.company).action_open_latest()
        run = self.env["dunning.run"].browse(action["context"]["active_id"])
        self.assertNotEqual(run, old)
        self.assertEqual((run.checked_count, run.checked_amount), (items, amount))
        self.assertEqual(self._task("to_send"), (customers, amount))
