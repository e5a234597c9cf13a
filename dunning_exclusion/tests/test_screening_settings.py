from contextlib import contextmanager

from odoo.tests import tagged

from ..screening import statement
from ..screening.question import Owner, Question
from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestScreeningSettings(DunningCommon):
    """What PostgreSQL is told for the statement that screens holds for that statement alone."""

    @contextmanager
    def _server_allows(self, memory):
        with self.env.cr.savepoint() as savepoint:
            self.env.cr.execute("SELECT set_config('work_mem', %s, TRUE)", [memory])
            yield
            savepoint.rollback()

    def _settings(self):
        names = ", ".join(f"current_setting('{name}')" for name in statement.SETTINGS)
        self.env.cr.execute(f"SELECT {names}")
        return dict(zip(statement.SETTINGS, self.env.cr.fetchone(), strict=True))

    def _memory_of(self, question):
        with self.env["dunning.screening"]._screened(question):
            return self._settings()["work_mem"]

    def test_a_run_may_sort_more_in_memory_than_the_report(self):
        run = self._create_run(prepare=False)
        with self._server_allows("4MB"):
            self.assertEqual(self._memory_of(Question(self.company)), "64MB")
            question = run._question()
            self.assertEqual(self._memory_of(question), "128MB")

    def test_a_server_that_allows_more_is_not_told_less(self):
        with self._server_allows("1GB"):
            self.assertEqual(self._memory_of(Question(self.company)), "1GB")

    def test_few_customers_are_planned_with_fewer_joins(self):
        question = Question(self.company, owner=Owner("partner", tuple(self.customer.ids)))
        with self.env["dunning.screening"]._screened(question):
            self.assertEqual(self._settings()["join_collapse_limit"], "4")

    def test_settings_end_with_the_statement(self):
        """Whatever asks the screening leaves PostgreSQL as it was, errors included."""
        invoice = self._create_invoice()
        run = self._create_run()
        Screening, Partner = self.env["dunning.screening"], self.env["res.partner"]
        before = self._settings()
        for name, ask in {
            "search": lambda: Screening.search([]).mapped("outcome"),
            "count": lambda: Screening.search_count([]),
            "group": lambda: Screening._read_group([], ["outcome"], ["__count"]),
            "page": lambda: Screening.web_search_read([], {"outcome": {}}, limit=2),
            "report": lambda: self.env["dunning.exclusion.report"].search([]).mapped("kind"),
            "outcome": lambda: invoice.dunning_outcome,
            "search by outcome": lambda: Partner.search([("dunning_outcome", "=", "included")]),
            "page by outcome": lambda: Partner.web_search_read(
                [("dunning_outcome", "=", "included")], {"name": {}}, limit=2
            ),
            "explanation": invoice.dunning_explain,
            "preparing": run.action_prepare,
            "sending": run.action_send,
            "dashboard": lambda: self.env["dunning.run"].retrieve_dashboard(),
            "forecast": self.customer.dunning_next_reminders,
        }.items():
            with self.subTest(question=name):
                ask()
                self.assertEqual(self._settings(), before)

    def test_settings_end_with_an_error(self):
        before = self._settings()
        with self.assertRaises(ZeroDivisionError):
            with self.env["dunning.screening"]._screened(Question(self.company)):
                raise ZeroDivisionError
        self.assertEqual(self._settings(), before)
