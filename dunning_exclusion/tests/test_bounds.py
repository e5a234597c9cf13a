from contextlib import contextmanager
from datetime import date, timedelta

from psycopg2 import IntegrityError

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from ..models.arguments import Within
from .common import DunningCommon

BOUNDED_TYPES = ("date", "integer", "float", "monetary")
ABSURD_DAYS = ("9999-12-31", "0001-01-01", "2200-01-01", "1989-12-31", date(9999, 12, 31))
ABSURD_NUMBERS = (2**31 - 1, 2**31, -(2**31) - 1, 10**30, 1e300)
ABSURD_AMOUNTS = (10**16, 1e300, -1e300, float("inf"), float("-inf"), float("nan"))
# Written by the system only, and never taken from users, whatever their rights.
SYSTEM_FIELDS = {
    "dunning.run": {"without_scenario_count"},
    "dunning.promise": {
        *("noted_on", "open_amount", "cancelled_on", "declined_on", "proposed_until"),
    },
    "dunning.scenario": {"settled_on"},
}


@tagged("post_install", "-at_install")
class TestBounds(DunningCommon):
    """Nobody can write a number or a day with which nothing can be reckoned."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._create_invoice()
        cls.workflow = cls.env["dunning.scenario"].create(
            {
                "name": "Workflow",
                "company_id": cls.company.id,
                "campaign_type": "customer",
                "condition_ids": [Command.create({"metric": "overdue", "value": 1})],
            }
        )
        cls.records = {
            "account.move": cls.invoice,
            "dunning.block": cls.other_customer._dunning_block("stop"),
            "dunning.block.reason": cls.env.ref("dunning_exclusion.reason_dispute"),
            "dunning.block.wizard": cls.env["dunning.block.wizard"].create(
                {"res_model": "res.partner", "res_ids": cls.customer.ids}
            ),
            "dunning.condition": cls.workflow.condition_ids,
            "dunning.exclusion.rule": cls.env.ref("dunning_exclusion.rule_stop_item"),
            "dunning.level": cls.scenario.level_ids[0],
            "dunning.profile": cls.env["dunning.profile"].create({"name": "Profile"}),
            "dunning.promise": cls.env["dunning.promise"].create({"partner_id": cls.customer.id}),
            "dunning.reminder.type": cls.type_overdue,
            "dunning.run": cls._create_run(prepare=False),
            "dunning.scenario": cls.scenario,
            "dunning.scenario.preview": cls.env["dunning.scenario.preview"].create(
                {"scenario_id": cls.scenario.id}
            ),
            "res.company": cls.company,
        }

    def _written_by_users(self, model):
        """Return whether users write records of `model`; lines of runs have a tick box only."""
        allowed = (
            self.env["ir.model.access"]
            .sudo()
            .search([("model_id.model", "=", model._name), ("group_id", "!=", False)])
        )
        return model._name != "dunning.run.line" and any(
            access.perm_write or access.perm_create for access in allowed
        )

    def _fields(self):
        """Return (model, field) of all numbers and dates that users write."""
        for name, model in self.env.items():
            if model._abstract or not model._auto or not self._written_by_users(model):
                continue
            for field in model._fields.values():
                if (
                    field.type in BOUNDED_TYPES
                    and field.store
                    and field.name != "id"
                    and (field._module or "").startswith("dunning_exclusion")
                    and field.name not in SYSTEM_FIELDS.get(name, ())
                    and not (field.compute and field.readonly)
                ):
                    yield model, field

    @contextmanager
    def _refused(self, field=None):
        """Assert that something is refused with the name of the field, by Odoo or PostgreSQL."""
        error = None
        try:
            with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                yield
                self.env.flush_all()
        except (ValidationError, IntegrityError) as caught:
            error = caught
        self.env.invalidate_all()
        self.assertTrue(error, "it was not refused")
        if isinstance(error, ValidationError) and field:
            self.assertIn(field._description_string(self.env), str(error))

    def test_every_number_and_date_has_bounds(self):
        found = set()
        for model, field in self._fields():
            found.add(model._name)
            bounds = [
                bound
                for bound in model._table_objects.values()
                if isinstance(bound, Within) and bound.column == field.name
            ]
            with self.subTest(field=str(field)):
                self.assertEqual(len(bounds), 1, "declare its bounds, see models/arguments.py")
                self.env.cr.execute(
                    "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s",
                    [bounds[0].full_name(model)],
                )
                self.assertIn(field.name, (self.env.cr.fetchone() or ("missing",))[0])
        self.assertEqual(found, set(self.records), "a model without a record to try")

    def test_absurd_values_are_refused_when_they_are_written(self):
        for model, field in self._fields():
            record = self.records[model._name]
            absurd = {"date": ABSURD_DAYS, "integer": ABSURD_NUMBERS}
            for value in absurd.get(field.type, ABSURD_AMOUNTS):
                with self.subTest(field=str(field), value=value), self._refused(field):
                    record.write({field.name: value})

    def test_nothing_that_is_counted_from_zero_is_negative(self):
        """It is refused in words that name the field, as clients see them."""
        tried = set()
        answer = {
            "company_id": self.company.id,
            "partner_id": self.customer.id,
            "type_id": self.env.ref("dunning_exclusion.answer_promise").id,
        }
        # sudo: users write no answers, but their bounds hold as well
        answers = self.env["dunning.answer"].sudo()
        records = self.records | {"dunning.answer": answers.create(answer)}
        for model in self.env.values():
            for bound in model._table_objects.values():
                if not isinstance(bound, Within) or bound.low != 0:
                    continue
                tried.add((model._name, bound.column))
                record = records[model._name]
                label = model._fields[bound.column]._description_string(self.env)
                for value in (
                    (-1, -0.01) if model._fields[bound.column].type != "integer" else (-1,)
                ):
                    with self.subTest(model=model._name, field=bound.column, value=value):
                        message = self._refusal(record, {bound.column: value})
                        self.assertIn(label.lower(), message.lower())
        self.assertGreater(len(tried), 12)

    def _refusal(self, record, vals):
        """Return what a client is told that writes `vals`, as `odoo.service.model` words it."""
        error, message = None, ""
        try:
            with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                record.write(vals)
                self.env.flush_all()
        except ValidationError as caught:
            error, message = caught, str(caught)
        except IntegrityError as caught:
            error, message = caught, record._sql_error_to_message(caught)
        self.env.invalidate_all()
        self.assertTrue(error, "it was not refused")
        return message

    def test_absurd_values_are_refused_in_new_records(self):
        customer = {"partner_id": self.customer.id}
        run = {"company_id": self.company.id}
        level = {"scenario_id": self.scenario.id, "name": "New", "type_id": self.type_overdue.id}
        for model, values, name, value in (
            ("dunning.block", customer, "date_from", "9999-12-31"),
            ("dunning.block", customer, "date_to", "9999-12-31"),
            ("dunning.promise", customer, "date", "9999-12-31"),
            ("dunning.promise", customer, "amount", float("inf")),
            ("dunning.run", run, "date", "9999-12-31"),
            ("dunning.level", level, "delay", 2**31 - 1),
            ("dunning.level", level, "delay", 2**40),
        ):
            Model = self.env[model]
            field = Model._fields[name]
            with self.subTest(model=model, field=name, value=value):
                with self._refused(field):
                    Model.create({**values, name: value})
                if model == "dunning.block":
                    # Their days are filled in from the target, defaults of clients are not asked.
                    continue
                with self._refused(field):
                    Model.with_context(**{f"default_{name}": value}).create(
                        {key: given for key, given in values.items() if key != name}
                    )
        reason = self.env["dunning.block.reason"].create(
            {"code": "long", "name": "Long", "default_days": 3650}
        )
        with self._refused():
            self.env["dunning.block"].create(
                {**customer, "reason_id": reason.id, "date_from": "9999-12-31"}
            )

    def test_plain_fields_of_imports_have_bounds(self):
        for target in (self.customer, self.invoice, self._items(self.invoice)):
            with self.subTest(target=target), self._refused():
                target.dunning_pause_until = "9999-12-31"

    def test_days_asked_about_have_bounds(self):
        for day in ("9999-12-31", "0001-01-01", "tomorrow", "2026-13-01", date(9999, 1, 1)):
            for target in (self.customer, self.invoice, self._items(self.invoice)):
                with self.subTest(day=day, target=target), self.assertRaises(UserError):
                    target.dunning_explain(date=day)
        self.assertTrue(self.customer.dunning_explain(date=str(self.today)))

    def test_a_slip_in_a_form_is_refused_when_it_is_saved(self):
        reason = self.env["dunning.block.reason"].create(
            {"code": "long", "name": "Long", "default_days": 3650}
        )
        with self.assertRaises(ValidationError), Form(self.env["dunning.block"]) as form:
            form.partner_id = self.customer
            form.reason_id = reason
            form.date_to = False
            form.date_from = "9999-12-31"
        with self.assertRaises(ValidationError), Form(self.workflow) as form:
            form.date_start = "9999-12-31"
        with (
            self.assertRaises(ValidationError),
            Form(
                self.env["dunning.scenario.preview"].with_context(
                    default_scenario_id=self.scenario.id
                )
            ) as form,
        ):
            form.date = "9999-12-31"

    def test_what_people_mean_is_possible(self):
        for record, values in (
            (self.records["dunning.block"], {"date_to": "2199-12-31"}),
            (self.records["dunning.block.reason"], {"default_days": 3650}),
            (self.records["dunning.level"], {"delay": -30, "minimum_amount": 10**9}),
            (self.records["dunning.promise"], {"date": self.today + timedelta(days=365)}),
            (self.company, {"dunning_cleanup_days": 3650, "dunning_customer_maximum": 10**12}),
            (self.invoice, {"dunning_due_date": "2199-12-31"}),
        ):
            with self.subTest(record=record, values=values):
                record.write(values)
                self.env.flush_all()
        self.assertTrue(self._screened(self.invoice))
