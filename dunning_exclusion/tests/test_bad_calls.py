from psycopg2 import Error

from odoo.exceptions import UserError
from odoo.service.model import call_kw
from odoo.tests import tagged
from odoo.tools import mute_logger

from .test_access_table import AccessTableCommon

# What an API client may send where something else is meant.
NONSENSE = (None, True, -1, 0, 2**70, 1.5, "abc", "\0", [], [None], [["x"]], {}, {"id": 1}, "[]")
NONSENSE_DOMAINS = (
    *([("no_field", "=", 1)], [("run_id", "no operator", 1)], [("days_overdue", "=", "abc")]),
    *([("skip_reason", "ilike", "a\0b")], ["&"], [("run_id",)], [("run_id", "=", {})]),
)


@tagged("post_install", "-at_install")
class TestBadCalls(AccessTableCommon):
    """Public methods answer whatever they are called with: by doing nothing, or in plain words."""

    def assertClean(self, model, name, *args):
        """Assert that a call succeeds or is refused with a message for people."""
        try:
            with self.undone():
                call_kw(model, name, args, {})
        except UserError as error:
            self.assertTrue(str(error))
        except (Exception, Error) as error:
            self.fail(f"{model._name}.{name}{args}: {type(error).__name__}: {error}")

    def _methods_with_arguments(self):
        for (model_name, name), args in self._arguments().items():
            yield self.env[model_name].with_user(self.users["administrator"]), name, args

    def test_methods_without_records(self):
        for model in self._callable_models():
            mine = model.with_user(self.users["administrator"])
            for name in self._methods(model):
                if not self._takes_no_records(model, name):
                    with self.subTest(model=model._name, method=name):
                        self.assertClean(
                            mine, name, [], *self._arguments().get((model._name, name), ())
                        )

    def test_methods_with_several_records(self):
        invoices = self.invoice | self._create_invoice()
        records = {
            "res.partner": self.customer | self.other_customer,
            "account.move": invoices,
            "account.move.line": self._items(invoices),
            "dunning.run.line": self.prepared.line_ids,
            "dunning.run": self.prepared | self.letter.run_id,
            "dunning.screening": self.env["dunning.screening"].search([], limit=2),
        }
        for model_name, several in records.items():
            mine = several.with_user(self.users["administrator"])
            for name in self._methods(several):
                if self._takes_no_records(several, name):
                    continue
                with self.subTest(model=model_name, method=name):
                    args = self._arguments().get((model_name, name), ())
                    self.assertClean(mine, name, several.ids, *args)

    def test_nonsense_instead_of_arguments(self):
        for model, name, args in self._methods_with_arguments():
            ids = [] if self._takes_no_records(model, name) else [self.kept[model._name].ids]
            for place in range(len(args)):
                for nonsense in NONSENSE:
                    wrong = [*args[:place], nonsense, *args[place + 1 :]]
                    with self.subTest(model=model._name, method=name, args=wrong):
                        self.assertClean(model, name, *ids, *wrong)

    def test_nonsense_instead_of_a_date(self):
        for model_name in ("res.partner", "account.move", "account.move.line"):
            record = self.kept[model_name].with_user(self.users["user"])
            for nonsense in (*NONSENSE, "2026-02-30", "9999-12-31", "0001-01-01"):
                with self.subTest(model=model_name, date=nonsense):
                    self.assertClean(record, "dunning_explain", record.ids, nonsense)

    def test_domains_that_cannot_be_understood(self):
        tasks = self.env["dunning.task.list"].with_user(self.users["user"])
        for domain in NONSENSE_DOMAINS:
            for name, argument in (("tick", True), ("read_customer_marks", self.customer.ids)):
                with (
                    self.subTest(method=name, domain=domain),
                    mute_logger("odoo.sql_db"),
                    self.assertRaisesRegex(UserError, "filter cannot be understood"),
                    self.undone(),
                ):
                    call_kw(tasks, name, [domain, argument], {})

    def test_writing_nothing_on_lines_changes_nothing(self):
        lines = self.prepared.line_ids.with_user(self.users["user"])
        before = lines.read(["checked"])
        lines.write({})
        lines.browse().write({"checked": False})
        self.assertEqual(lines.read(["checked"]), before)

    def test_targets_of_the_block_dialog_that_are_no_ids(self):
        Wizard = self.env["dunning.block.wizard"].with_user(self.users["user"])
        for nonsense in (["abc"], [None], {"id": 1}, [[1]], "12", [2**70], [True]):
            with self.subTest(res_ids=nonsense):
                wizard = Wizard.create({"res_model": "res.partner", "res_ids": nonsense})
                with self.assertRaisesRegex(UserError, "ids"):
                    wizard.action_apply()
