import csv
import inspect
from contextlib import contextmanager
from unittest.mock import patch

from odoo.exceptions import AccessError, MissingError, UserError
from odoo.fields import Command
from odoo.service.model import call_kw, get_public_method
from odoo.tests import tagged
from odoo.tools.misc import file_open

from .common import DunningCommon

TABLE = "dunning_exclusion/tests/access_table.csv"
ADDONS = ("dunning_exclusion", "dunning_exclusion_credit_control", "dunning_exclusion_queue_job")
ROLES = {
    "portal": "base.group_portal",
    "employee": "base.group_user",
    "user": "dunning_exclusion.group_dunning_user",
    "approver": "dunning_exclusion.group_dunning_approver",
    "administrator": "dunning_exclusion.group_dunning_manager",
    "invoicing": "account.group_account_invoice",
    "accountant": "account.group_account_user",
    "auditor": "account.group_account_readonly",
    # An administrator of follow-ups of another company.
    "stranger": "dunning_exclusion.group_dunning_manager",
}
# The letters of the rows "records" of the table.
RIGHTS = {"r": "read", "w": "write", "c": "create", "u": "unlink"}


class _Undo(Exception):
    """Takes back what a call has changed."""


def is_ours(module):
    return module in ADDONS


class AccessTableCommon(DunningCommon):
    """A user of each role, a record of each model, and the public methods of our addons."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        other_company = cls.setup_other_company()["company"]
        cls.users = {
            role: cls._create_user(
                f"table {role}",
                group,
                companies=other_company if role == "stranger" else None,
            )
            for role, group in ROLES.items()
        }
        cls.invoice = cls._create_invoice()
        cls._create_invoice(cls.other_customer)
        cls.prepared = cls._create_run()
        cls.letter = cls._create_letter()
        cls.kept = cls._records_kept()

    @classmethod
    def _create_letter(cls):
        """Return a notice that waits until somebody prints it."""
        letters = cls.scenario.copy({"name": "Letters", "active": True})
        letters.level_ids.action = "letter"
        customer = cls._create_customer("Gamma", dunning_scenario_id=letters.id)
        cls._create_invoice(customer)
        run = cls._create_run(scenario_ids=[Command.set(letters.ids)])
        run.action_send()
        return run.notice_ids

    @classmethod
    def _records_kept(cls):
        """Return {model: a record of the company} of all models that keep records."""
        env = cls.env
        condition = {"scenario_id": cls.scenario.id, "metric": "overdue", "operator": ">="}
        condition["value"] = 1
        rule = {
            "name": "Own rule",
            "code": "own_rule",
            "source": "domain",
            "model": "res.partner",
            "domain": "[('comment', '=', 'x')]",
            "company_id": cls.company.id,
        }
        item = cls._items(cls.invoice)
        cls.company.dunning_mirror_no_followup = True
        block = cls._create_invoice(cls.other_customer)._dunning_block("stop")
        return {
            "account.move": cls.invoice,
            "account.move.line": item,
            "res.partner": cls.customer,
            "dunning.block": block,
            "dunning.block.reason": env["dunning.block.reason"].create(
                {"name": "Own", "code": "own"}
            ),
            "dunning.condition": env["dunning.condition"].create(condition),
            "dunning.exclusion.report": env["dunning.exclusion.report"].search(
                [("company_id", "=", cls.company.id)], limit=1
            ),
            "dunning.exclusion.rule": env["dunning.exclusion.rule"].create(rule),
            "dunning.level": cls.scenario.level_ids[0],
            "dunning.mirror": env["dunning.mirror"].sudo().search([], limit=1).sudo(False),
            "dunning.notice": cls.letter,
            "dunning.profile": env["dunning.profile"].create({"name": "Own"}),
            "dunning.promise": env["dunning.promise"].create({"partner_id": cls.customer.id}),
            "dunning.reminder.type": env["dunning.reminder.type"].create(
                {"name": "Own", "code": "own"}
            ),
            "dunning.run": cls.prepared,
            "dunning.run.line": cls.prepared.line_ids.filtered("checked")[0],
            "dunning.scenario": cls.scenario,
            "dunning.screening": env["dunning.screening"].search([("move_line_id", "=", item.id)]),
            "dunning.type.off": cls._switch_type_off(),
        }

    @classmethod
    def _switch_type_off(cls):
        """Return the record that says that the company does not send a type to a customer."""
        customer = cls._create_customer("Quiet")
        customer.dunning_type_off_ids = cls.type_overdue
        found = cls.env["dunning.type.off"].sudo().search([("partner_id", "=", customer.id)])
        return found.sudo(False)

    @classmethod
    def _transient_vals(cls):
        """Return {model: values of a record} of the dialogs."""
        takeover = cls.env["dunning.takeover"].sudo().create({"company_id": cls.company.id})
        preview = cls.env["dunning.scenario.preview"].create({"scenario_id": cls.scenario.id})
        return {
            "dunning.block.wizard": {"res_model": "res.partner", "res_ids": cls.customer.ids},
            "dunning.customer.setup": {"partner_ids": cls.customer.ids},
            "dunning.preview": {"subject": "Subject"},
            "dunning.scenario.preview": {"scenario_id": cls.scenario.id},
            "dunning.scenario.preview.line": {"preview_id": preview.id},
            "dunning.settings": {"company_id": cls.company.id},
            "dunning.takeover": {"company_id": cls.company.id},
            "dunning.takeover.line": {
                "takeover_id": takeover.id,
                "source": "no_followup",
                "partner_id": cls.customer.id,
            },
            "dunning.type.switch": {
                "partner_ids": cls.customer.ids,
                "type_ids": cls.type_overdue.ids,
            },
        }

    def _arguments(self):
        """Return {(model, method): arguments} of the methods that need some."""
        domain = [("run_id", "=", self.prepared.id)]
        arguments = {
            ("dunning.run", "read_figures"): [self.prepared.id],
            ("dunning.run.line", "read_customer_marks"): [domain, self.customer.ids],
            ("dunning.run.line", "tick"): [domain, False],
            ("res.partner", "action_dunning_toggle_type"): [self.type_overdue.id],
            ("res.partner", "action_dunning_way_out"): ["stop_customer"],
            ("account.move", "action_dunning_way_out"): ["stop_customer"],
            ("account.move.line", "action_dunning_way_out"): ["stop_customer"],
        }
        return arguments

    def _as(self, role, records):
        user = self.users[role]
        return records.with_env(self.env(user=user, su=False, context={}))

    @contextmanager
    def undone(self):
        """Take back what is done in it; only errors of it are raised."""
        try:
            with self.env.cr.savepoint(), patch("odoo.sql_db.Cursor.commit"):
                yield
                raise _Undo
        except _Undo:
            self.env.invalidate_all(flush=False)

    # What there is --------------------------------------------------------------------------

    def _models(self):
        """Return the models of our addons that keep records."""
        return [
            model
            for model in self.env.values()
            if is_ours(model._original_module) and not model._abstract
        ]

    def _methods(self, model):
        """Return the names of the public methods of `model` that only our addons define."""
        found = set()
        for definition in type(model).mro():
            module = getattr(definition, "_module", None)
            found |= {name for name in vars(definition) if is_ours(module)}
        return sorted(name for name in found if self._is_own_method(model, name))

    def _is_own_method(self, model, name):
        try:
            get_public_method(model, name)
        except (AccessError, AttributeError):
            return False
        if not inspect.isroutine(getattr(type(model), name)):
            return False
        return all(
            is_ours(getattr(definition, "_module", None))
            for definition in type(model).mro()
            if name in vars(definition) and not definition.__dict__.get("pool")
        )

    def _takes_no_records(self, model, name):
        return getattr(getattr(type(model), name), "_api_model", False)

    def _callable_models(self):
        """Return the models that can be called, without those that only others inherit from."""
        return [
            model
            for model in self.env.values()
            if not (model._abstract and type(model)._inherit_children)
        ]


@tagged("post_install", "-at_install")
class TestAccessTable(AccessTableCommon):
    """Who may do what, as `access_table.csv` says it.

    The row "records" of a model has the rights on a record of the company: s(earch), r(ead),
    w(rite), c(reate), u(nlink). The row of a public method has an x for who may call it on such a
    record (an error that tells what is wrong counts as allowed). A model or a public method without
    a row fails, and so does a row without its model or method.

    To add a row: add its record to `_records`, its arguments to `_arguments`, run the test, and
    check what it proposes.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.transient_vals = cls._transient_vals()
        with file_open(TABLE) as file:
            cls.rows = {(row.pop("model"), row.pop("what")): row for row in csv.DictReader(file)}

    def _record(self, model, role):
        """Return the record that `role` tries to work with: of dialogs, its own."""
        if model._transient:
            # sudo: made for the role, whatever its rights are
            return model.with_user(self.users[role]).sudo().create(self.transient_vals[model._name])
        return self.kept[model._name]

    def _rights(self, role, model):
        record = self._as(role, self._record(model, role))
        try:
            found = "s" if record in record.search([("id", "=", record.id)]) else ""
            allowed = [letter for letter, right in RIGHTS.items() if record.has_access(right)]
        except (AccessError, MissingError):
            return ""
        return "".join([found, *allowed])

    def _may_call(self, role, model, name):
        args = list(self.arguments.get((model._name, name), []))
        if not self._takes_no_records(model, name):
            args.insert(0, self._record(model, role).ids)
        try:
            with self.undone():
                call_kw(self._as(role, model), name, args, {})
        except (AccessError, MissingError):
            return ""
        except UserError:
            return "x"
        return "x"

    def _assert_row(self, model, what, actual):
        expected = self.rows.get((model, what))
        proposal = ",".join([model, what, *(actual[role] for role in ROLES)])
        with self.subTest(model=model, what=what):
            self.assertEqual(actual, expected, f"as it is now: {proposal}")

    def test_rights_on_records(self):
        for model in self._models():
            actual = {role: self._rights(role, model) for role in ROLES}
            self._assert_row(model._name, "records", actual)

    def test_public_methods(self):
        self.arguments = self._arguments()
        for model in self._callable_models():
            for name in self._methods(model):
                actual = {role: self._may_call(role, model, name) for role in ROLES}
                self._assert_row(model._name, name, actual)

    def test_every_row_is_about_something(self):
        for model_name, what in self.rows:
            with self.subTest(model=model_name, what=what):
                model = self.env[model_name]
                if what != "records":
                    self.assertIn(what, self._methods(model))

    def test_nobody_gets_through_what_others_inherit(self):
        for model in self.env.values():
            if model._abstract and is_ours(model._original_module):
                for role in ROLES:
                    mine = self._as(role, model)
                    with self.subTest(model=model._name, role=role):
                        self.assertFalse(any(map(mine.has_access, RIGHTS.values())))
