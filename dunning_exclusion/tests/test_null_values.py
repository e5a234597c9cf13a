from datetime import timedelta

from odoo import models
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from .common import OutcomeCommon

MESSAGE = "None of the configured scenarios are applicable to this customer"
# What old or imported records can have empty in the database, although Odoo always fills it.
EMPTY = {
    "res_partner": ("active", "email", "type"),
    "account_move": ("payment_state", "preferred_payment_method_line_id", "dunning_due_date"),
    "account_move_line": ("no_followup", "amount_residual_currency", "date_maturity"),
    "res_company": (
        *("dunning_item_minimum", "dunning_customer_minimum", "dunning_customer_maximum"),
        *("dunning_exclude_promises", "dunning_honour_no_followup", "dunning_list_creditors"),
        *("dunning_promise_tolerance_days", "dunning_mirror_scope", "dunning_payment_days"),
    ),
    "dunning_scenario": ("min_days_between", "customer_domain", "date_start"),
    "dunning_level": ("minimum_amount", "repeat_every", "condition_domain"),
}
# What can be asked of each model.
SEARCHES = {
    "res.partner": (
        *("dunning_stop", "dunning_pause", "prevent_dunning", "dunning_outcome"),
        *("dunning_scenario_missing", "dunning_type_off_ids", "dunning_profile_id"),
        *("dunning_scenario_id", "dunning_pause_until"),
    ),
    "account.move": (
        *("dunning_stop", "dunning_pause", "prevent_dunning", "dunning_outcome"),
        *("dunning_pause_until", "dunning_collection_failed"),
    ),
    "account.move.line": (
        *("dunning_stop", "dunning_pause", "prevent_dunning", "dunning_outcome"),
        "dunning_pause_until",
    ),
    "dunning.block": ("state", "forgotten", "ending_soon", "target", "reason_id"),
    "dunning.promise": ("state",),
    "dunning.exclusion.rule": ("enabled",),
    "dunning.screening": ("outcome", "rule_id", "rule_ids"),
    "dunning.run.line": ("outcome", "rule_id", "rule_ids", "checked"),
}


@tagged("post_install", "-at_install")
class TestNullValues(OutcomeCommon):
    """What is empty in the database is neither equal nor unequal: no condition may fail by it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.profile = cls.env["dunning.profile"].create({"name": "Key accounts"})

    def test_no_field_of_ours_is_required_on_a_model_of_odoo(self):
        """While Odoo loads modules, it makes records of its models that do not know our columns."""
        required = [
            f"{model._name}.{name}"
            for model in self.env.values()
            if not model._name.startswith("dunning.") and model._auto and not model._abstract
            for name, field in model._fields.items()
            if field.store and field.required and not model._transient
            if all(module.startswith("dunning_exclusion") for module in field._modules)
            if field._modules
        ]
        self.assertEqual(required, [])

    def _workflow(self, **values):
        return self.env["dunning.scenario"].create(
            {
                "name": "Statements",
                "company_id": self.company.id,
                "campaign_type": "customer",
                "level_ids": [Command.create({"name": "Statement"})],
                **values,
            }
        )

    def test_customer_without_profile_has_no_scenario_of_a_profile(self):
        self._create_invoice()
        self.scenario.profile_ids = self.profile
        Partner = self.env["res.partner"]
        count = self.env["dunning.scenario"]._count_without
        for workflow in (None, self._workflow(profile_ids=[Command.set(self.profile.ids)])):
            with self.subTest(workflow=workflow):
                self.customer.invalidate_recordset()
                self.assertEqual(self.customer.dunning_scenario_message, MESSAGE)
                self.assertIn(
                    self.customer, Partner.search([("dunning_scenario_missing", "=", True)])
                )
                self.assertEqual(count(self.company, self.today), 1)
        self.customer.dunning_profile_id = self.profile
        self.assertFalse(self.customer.dunning_scenario_message)
        self.assertEqual(count(self.company, self.today), 0)

    def test_line_of_a_customer_who_lost_the_profile_says_so(self):
        self._create_invoice()
        self.customer.dunning_profile_id = self.profile
        workflow = self._workflow(profile_ids=[Command.set(self.profile.ids)])
        for scenario in (self.scenario, workflow):
            with self.subTest(scenario=scenario.name):
                self.customer.dunning_profile_id = self.profile
                scenario.profile_ids = self.profile
                run = self._create_run(scenario_ids=[Command.set(scenario.ids)])
                self.customer.dunning_profile_id = False
                run.action_send()
                self.assertEqual(
                    run.line_ids.mapped("skip_reason"),
                    ["The scenario no longer applies to this customer"],
                )

    def test_who_has_no_customer_gets_no_answer(self):
        invoice = self._create_invoice()
        self.env.flush_all()
        empty = "UPDATE res_partner SET commercial_partner_id = NULL WHERE id = %s"
        self.env.cr.execute(SQL(empty, invoice.partner_id.id))
        self.env.invalidate_all()
        self.assertEqual(invoice.dunning_explain(), [])
        self.assertFalse(invoice.dunning_outcome)
        self.assertFalse(self.env["dunning.screening"].search([("move_id", "=", invoice.id)]))

    def test_every_column_may_be_empty(self):
        invoice = self._create_invoice()
        rows = {
            "res_partner": self.customer,
            "account_move": invoice,
            "account_move_line": self._items(invoice),
            "res_company": self.company,
            "dunning_scenario": self.scenario,
            "dunning_level": self.scenario.level_ids,
        }
        answers = {"active": ("dropped", "archived"), "email": ("unchecked", "no_address")}
        for table, columns in EMPTY.items():
            for column in columns:
                with self.subTest(table=table, column=column), self.env.cr.savepoint() as undo:
                    self._empty(rows[table], column)
                    self.assertOutcome(invoice, *answers.get(column, ("included",)))
                    run = self._create_run()
                    self.assertEqual(len(run.line_ids), 1)
                    undo.rollback()

    def _empty(self, records, column):
        self.env.flush_all()
        table, column = SQL.identifier(records._table), SQL.identifier(column)
        update = SQL("UPDATE %s SET %s = NULL WHERE id = ANY(%s)", table, column, records.ids)
        self.env.cr.execute(update)
        self.env.invalidate_all()

    def test_every_search_and_its_opposite_find_everything(self):
        self._create_some_of_everything()
        for model, names in SEARCHES.items():
            records = self.env[model].search([])
            self.assertGreater(len(records), 1, model)
            for name in names:
                answers = {record[name] for record in records}
                self.assertGreater(len(answers), 1, f"{model}.{name} is always the same")
                for answer in answers:
                    value = answer.ids[:1] if isinstance(answer, models.BaseModel) else [answer]
                    with self.subTest(model=model, field=name, value=value):
                        found = self.env[model].search([(name, "in", value or [False])])
                        others = self.env[model].search([(name, "not in", value or [False])])
                        self.assertTrue(found)
                        self.assertFalse(found & others)
                        self.assertEqual(found | others, records)

    def _create_some_of_everything(self):
        """Create what has each answer, and something of which nothing is known."""
        blocks = self.env["dunning.block"]
        for kind in ("stop", "pause", "prevent"):
            customer = self._fresh_customer()
            end = self.today + timedelta(days=5) if kind == "pause" else False
            blocks |= customer._dunning_block(kind, date_to=end)
            other = self._create_invoice(self._fresh_customer())
            blocks |= other._dunning_block(kind, date_to=end)
            blocks |= self._items(self._create_invoice())._dunning_block(kind, date_to=end)
            self._create_invoice(customer)
        blocks[0].write(
            {
                "date_from": self.today - timedelta(days=200),
                "reason_id": self.env.ref("dunning_exclusion.reason_dispute").id,
            }
        )
        blocks[-1].action_lift()
        chosen = self._fresh_customer(
            dunning_profile_id=self.profile.id,
            dunning_scenario_id=self.scenario.id,
            dunning_type_off_ids=[Command.set(self.type_overdue.ids)],
        )
        self._create_invoice(chosen).dunning_collection_failed = True
        self._create_invoice(self.customer).action_toggle_block_payment()
        for day in (5, 300):
            self.env["dunning.promise"].create(
                {
                    "move_line_ids": [Command.set(self._items(self._create_invoice(chosen)).ids)],
                    "date": self.today + timedelta(days=day),
                }
            )
        self.env["dunning.promise"].search([], limit=1).action_cancel()
        self._create_run()
        self.scenario.profile_ids = self.profile
        self._workflow(profile_ids=[Command.set(self.profile.ids)])
        self.env.ref("dunning_exclusion.rule_paid").enabled = False
