import csv
import inspect
from contextlib import contextmanager
from copy import deepcopy
from unittest.mock import patch

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, MissingError, UserError
from odoo.fields import Command
from odoo.service.model import call_kw, get_public_method
from odoo.tests import tagged
from odoo.tools import mute_logger
from odoo.tools.misc import file_open

from .common import DunningCommon

TABLE = "dunning_exclusion/tests/access_table.csv"
ADDONS = (
    *("dunning_exclusion", "dunning_exclusion_credit_control"),
    *("dunning_exclusion_payment", "dunning_exclusion_queue_job"),
    *("dunning_exclusion_financial_report", "dunning_exclusion_partner_statement"),
)
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
# The arguments of Odoo's methods, where any will do.
ARGUMENTS = {
    "create": [{}],
    "default_get": [["id"]],
    "retrieve_filters": [[], {"outcome": []}],
    "search_count": [[]],
    "web_read": [{"id": {}}],
    "web_search_read": [[], {"id": {}}],
    "search_panel_select_multi_range": ["outcome"],
    "write": [{}],
}
# The letters of the rows "records" of the table.
RIGHTS = {"r": "read", "w": "write", "c": "create", "u": "unlink"}


class _Undo(Exception):
    """Takes back what a call has changed."""


# What there is ------------------------------------------------------------------------------------


def is_ours(module):
    return module in ADDONS


def models_of(env):
    """Return the models of our addons that keep records."""
    return [
        model for model in env.values() if is_ours(model._original_module) and not model._abstract
    ]


def methods_of(model):
    """Return the names of the public methods of `model` that our addons define or override.

    Not those of our own models that the row "records" is about.
    """
    found = set()
    for definition in type(model).mro():
        found |= set(vars(definition)) if is_ours(getattr(definition, "_module", None)) else set()
    if is_ours(model._original_module):
        found -= set(RIGHTS.values())
    return sorted(name for name in found if is_public(model, name))


def is_public(model, name):
    try:
        get_public_method(model, name)
    except (AccessError, AttributeError):
        return False
    return inspect.isroutine(getattr(type(model), name))


def takes_no_records(model, name):
    return getattr(getattr(type(model), name), "_api_model", False)


def callable_models(env):
    """Return the models that can be called, without those that only others inherit from."""
    return [
        model for model in env.values() if not (model._abstract and type(model)._inherit_children)
    ]


def read_table():
    """Return {(model, what): what each role may}."""
    with file_open(TABLE) as file:
        return {(row.pop("model"), row.pop("what")): row for row in csv.DictReader(file)}


def needed_rows(env):
    """Return (model, what) of each row that the table must have."""
    rows = {(model._name, "records") for model in models_of(env)}
    return rows | {(model._name, m) for model in callable_models(env) for m in methods_of(model)}


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
        return cls._records_of_odoo(block) | {
            "account.move": cls.invoice,
            "account.move.line": item,
            "res.partner": cls.customer,
            "dunning.answer": cls._answer(),
            "dunning.change": env["dunning.change"]
            .sudo()
            .create({"company_id": cls.company.id, "partner_id": cls.customer.id})
            .sudo(False),
            "dunning.answer.type": env.ref("dunning_exclusion.answer_promise"),
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
    def _answer(cls):
        """Return an answer of a customer that waits for somebody."""
        answer = (
            cls.env["dunning.answer"]
            .sudo()
            .create(
                {
                    "company_id": cls.company.id,
                    "partner_id": cls.letter.partner_id.id,
                    "notice_id": cls.letter.id,
                    "type_id": cls.env.ref("dunning_exclusion.answer_wrong_person").id,
                }
            )
        )
        return answer.sudo(False)

    @classmethod
    def _records_of_odoo(cls, block):
        """Return {model: a record} of Odoo's models of which our addons override methods."""
        # sudo: the mail queue is for administrators of the system
        mail = cls.env["mail.mail"].sudo().create({"subject": "Due", "email_to": "a@example.com"})
        paid = cls._create_invoice(cls._create_customer("Paid"))
        cls._pay(paid, 10)
        journal = cls.company_data["default_journal_bank"]
        return {
            "account.payment": cls.env["account.payment"].create({"amount": 1.0}),
            "account.partial.reconcile": paid.line_ids.matched_credit_ids,
            "account.payment.method.line": journal.inbound_payment_method_line_ids[:1],
            "mail.mail": mail.sudo(False),
            "mail.message": block.message_post(body="Said by somebody"),
            "mail.template": cls.type_overdue.template_id,
            "res.company": cls.company,
            "res.users": cls.users["employee"],
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
            "dunning.address": {"notice_id": cls.letter.id},
            "dunning.block.wizard": {"res_model": "res.partner", "res_ids": cls.customer.ids},
            "dunning.customer.setup": {"partner_ids": cls.customer.ids},
            "dunning.handover": {"receiver": "Collectors", "move_ids": cls.invoice.ids},
            "credit.control.printer": {"line_ids": cls._credit_control_lines().ids},
            "dunning.preview": {"subject": "Subject"},
            "dunning.scenario.preview": {"scenario_id": cls.scenario.id},
            "dunning.scenario.preview.line": {"preview_id": preview.id},
            "dunning.settings": {"company_id": cls.company.id},
            "dunning.takeover": {"company_id": cls.company.id},
            "res.config.settings": {},
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

    @classmethod
    def _credit_control_lines(cls):
        """Return a line of the other engine, if that is installed, else no record."""
        if "credit.control.run" not in cls.env:
            return cls.invoice.browse()
        env = cls.env(su=True)
        policy = env.ref("account_credit_control.credit_control_3_time").copy()
        policy.account_ids = cls._items(cls.invoice).account_id
        cls.company.credit_policy_id = policy
        run = env["credit.control.run"].create(
            {"date": cls.today, "company_id": cls.company.id, "policy_ids": policy.ids}
        )
        run.generate_credit_lines()
        run.line_ids.state = "to_be_sent"
        return run.line_ids[:1]

    def _arguments(self):
        """Return {(model, method): arguments} of the methods that need some."""
        domain = [("run_id", "=", self.prepared.id)]
        return {
            ("dunning.run", "read_figures"): [self.prepared.id],
            ("dunning.run.line", "read_customer_marks"): [domain, self.customer.ids],
            ("dunning.run.line", "tick"): [domain, False],
            ("dunning.settings", "get_threshold_effects"): [{}],
            ("res.config.settings", "get_threshold_effects"): [{}],
            ("dunning.run.line", "tick_against"): ["Because"],
            ("dunning.run.line", "ask_for_approval"): ["Because"],
            ("dunning.run.line", "release"): ["Because"],
            ("dunning.run.line", "read_side"): [self.prepared.line_ids[:1].id],
            ("res.partner", "action_dunning_toggle_type"): [self.type_overdue.id],
            ("res.partner", "action_dunning_way_out"): ["stop_customer"],
            ("account.move", "action_dunning_way_out"): ["stop_customer"],
            ("account.move.line", "action_dunning_way_out"): ["stop_customer"],
        }

    def _arguments_of_odoo(self):
        """Return the same of Odoo's methods that our addons override."""
        block, said = self.kept["dunning.block"], {"body": "Said by me"}
        return {
            ("account.move", "write"): [{"ref": "Changed"}],
            ("account.move.line", "write"): [{"name": "Changed"}],
            ("account.payment", "write"): [{"memo": "Changed"}],
            ("account.payment.method.line", "write"): [{"name": "Changed"}],
            ("dunning.notice", "message_subscribe"): [self.customer.ids],
            ("dunning.run.line", "web_read"): [{"checked": {}}],
            ("mail.mail", "write"): [{"state": "cancel"}],
            ("mail.message", "create"): [{**said, "model": block._name, "res_id": block.id}],
            ("mail.message", "write"): [said],
            ("mail.template", "create"): [{"name": "New"}],
            ("mail.template", "write"): [{"subject": "Changed"}],
            ("res.company", "write"): [{"dunning_catch_up_days": 2}],
            ("res.partner", "write"): [{"comment": "Changed"}],
        }

    def _arguments_of(self, model, name):
        """Return the arguments of a method, without the ids of its records."""
        known = self._arguments() | self._arguments_of_odoo()
        return known.get((model._name, name), list(ARGUMENTS.get(name, [])))

    def _as(self, role, records):
        """Return `records` as the user of `role` has them, who finds no values read by others."""
        self.env.flush_all()
        self.env.invalidate_all()
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


@tagged("post_install", "-at_install")
class TestAccessTable(AccessTableCommon):
    """Who may do what, as `access_table.csv` says it.

    The row "records" of a model has what is done with a record of the company by those who try:
    s(earch), r(ead), w(rite), c(reate), u(nlink). The row of a public method, also of one of Odoo's
    that our addons override, has an x for who may call it on such a record (an error that tells
    what is wrong counts as allowed). A model or a public method without a row fails, and so does a
    row without its model or method.

    To add a row: add its record to `_records`, its arguments to `_arguments`, run the test, and
    check what it proposes.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.transient_vals = cls._transient_vals()
        cls.rows = read_table()

    def _record(self, model, role):
        """Return the record that `role` tries to work with: of dialogs, its own."""
        if model._transient:
            # sudo: made for the role, whatever its rights are
            return model.with_user(self.users[role]).sudo().create(self.transient_vals[model._name])
        return self.kept[model._name]

    def _rights(self, role, model):
        """Return the letters of what `role` does with the record; Odoo's answer allows no less."""
        record = self._as(role, self._record(model, role))
        try:
            found = "s" if record in record.search([("id", "=", record.id)]) else ""
            allowed = {letter for letter, right in RIGHTS.items() if record.has_access(right)}
        except (AccessError, MissingError):
            found, allowed = "", set()
        tried = self._tried(role, record)
        self.assertLessEqual(set(tried), allowed, f"{role} {model._name}")
        return found + tried

    def _attempts(self, record):
        """Return {letter: (method, arguments)} of what is tried with `record` by its letters."""
        model = self.env[record._name].browse(record.ids).sudo()
        known = ("checked", "name", "note", "active", "company_id", "create_uid", "id")
        name = next(name for name in known if name in model._fields)
        vals = self.transient_vals.get(model._name)
        if vals is None:
            vals = model.copy_data()[0] if model._auto else {}
            vals |= {"code": "another"} if "code" in vals else {}
        return {
            "r": ("read", [record.ids, [name]]),
            "w": (
                "write",
                [record.ids, {name: model._fields[name].convert_to_write(model[name], model)}],
            ),
            "c": ("create", [vals]),
            "u": ("unlink", [record.ids]),
        }

    def _tried(self, role, record):
        """Return the letters of what `role` does with `record` when it just tries."""
        model, done = self.env[record._name], ""
        for letter, (name, args) in self._attempts(record).items():
            try:
                with mute_logger("odoo.sql_db"), self.undone():
                    found = call_kw(self._as(role, model), name, deepcopy(args), {})
                    self.env.flush_all()
            except (AccessError, MissingError):
                continue
            except (UserError, IntegrityError):
                # Not now, or not these values: but it may.
                done += letter
            else:
                # Records that are not there for a user are read as nothing.
                done += letter if found else ""
        return done

    def _may_call(self, role, model, name):
        args = list(self._arguments_of(model, name))
        if not takes_no_records(model, name):
            # A run without letters would tell everybody that there is nothing to print.
            letters = name == "action_print_letters" and self.letter.run_id
            args.insert(0, (letters or self._record(model, role)).ids)
        try:
            with mute_logger("odoo.sql_db"), self.undone():
                call_kw(self._as(role, model), name, deepcopy(args), {})
        except (AccessError, MissingError):
            return ""
        except (UserError, IntegrityError):
            return "x"
        return "x"

    def _assert_row(self, model, what, actual):
        expected = self.rows.get((model, what))
        proposal = ",".join([model, what, *(actual[role] for role in ROLES)])
        with self.subTest(model=model, what=what):
            self.assertEqual(actual, expected, f"as it is now: {proposal}")

    def test_rights_on_records(self):
        for model in models_of(self.env):
            actual = {role: self._rights(role, model) for role in ROLES}
            self._assert_row(model._name, "records", actual)

    def test_public_methods(self):
        for model in callable_models(self.env):
            for name in methods_of(model):
                actual = {role: self._may_call(role, model, name) for role in ROLES}
                self._assert_row(model._name, name, actual)

    def test_every_row_is_about_something(self):
        needed = needed_rows(self.env)
        self.assertFalse(needed - set(self.rows), "rows that are missing")
        # A bridge need not be installed.
        self.assertFalse({row for row in self.rows if row[0] in self.env} - needed)

    def test_nobody_gets_through_what_others_inherit(self):
        for model in self.env.values():
            if model._abstract and is_ours(model._original_module):
                for role in ROLES:
                    mine = self._as(role, model)
                    with self.subTest(model=model._name, role=role):
                        self.assertFalse(any(map(mine.has_access, RIGHTS.values())))
