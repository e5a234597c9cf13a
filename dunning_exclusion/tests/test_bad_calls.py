from psycopg2 import Error

from odoo.exceptions import UserError
from odoo.service.model import call_kw
from odoo.tests import tagged
from odoo.tools import mute_logger

from .test_access_table import ROLES, AccessTableCommon, is_ours

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
        lines = self.env["dunning.run.line"].with_user(self.users["user"])
        for domain in NONSENSE_DOMAINS:
            for name, argument in (("tick", True), ("read_customer_marks", self.customer.ids)):
                with (
                    self.subTest(method=name, domain=domain),
                    mute_logger("odoo.sql_db"),
                    self.assertRaisesRegex(UserError, "filter cannot be understood"),
                    self.undone(),
                ):
                    call_kw(lines, name, [domain, argument], {})

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

    def test_nul_in_typed_text_is_refused_with_the_name_of_the_field(self):
        typed = {
            "dunning.block": ["note"],
            "dunning.block.reason": ["code", "name"],
            "dunning.block.wizard": ["note"],
            "dunning.exclusion.rule": ["code", "name", "domain"],
            "dunning.level": ["name", "condition_domain"],
            "dunning.profile": ["name", "note"],
            "dunning.promise": ["note"],
            "dunning.reminder.type": ["code", "name"],
            "dunning.run": ["criteria_domain"],
            "dunning.scenario": ["name", "customer_domain"],
        }
        values = {"res_model": "res.partner", "res_ids": self.customer.ids}
        wizard = self.env["dunning.block.wizard"].create(values)
        for model_name, names in typed.items():
            record = self.kept.get(model_name, wizard)
            for name in names:
                label = record._fields[name].string
                for work in (
                    lambda r=record, n=name: r.write({n: "a\0b"}),
                    lambda r=record, n=name: r.search([(n, "ilike", "a\0b")]),
                    lambda r=record, n=name: r.search([(n, "in", ["a\0b"])]),
                    lambda r=record, n=name: (
                        r.create({n: "a\0b", "partner_id": 1})
                        if "partner_id" in r._fields
                        else r.create({n: "a\0b"})
                    ),
                ):
                    with (
                        self.subTest(model=model_name, field=name),
                        self.assertRaisesRegex(UserError, f"'{label}'.*NUL"),
                        self.undone(),
                    ):
                        work()

    def test_every_text_that_users_write_refuses_nul(self):
        for model in self._models():
            if not any(self._as(role, model).has_access("write") for role in ROLES):
                continue
            for field in model._fields.values():
                written = field.store and not field.readonly and not field.compute
                if written and field.type in ("char", "text") and is_ours(field._module):
                    with self.subTest(field=str(field)):
                        self.assertTrue(hasattr(field, "_refuse_nul"))
