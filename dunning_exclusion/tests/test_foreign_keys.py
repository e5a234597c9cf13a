from odoo.tests import TransactionCase, tagged
from odoo.tools import SQL

ADDONS = ("dunning_exclusion", "dunning_exclusion_credit_control", "dunning_exclusion_queue_job")
INDEX = True
FEW = "A table of what is set up: a few records."
RUNS = "Some runs a day: reading all of them costs nothing beside the deletion."
PREVIEW = "A page of a preview, removed within the day."
MILLION = (
    "Written a million at a time, where each index costs. Only an administrator deletes what it "
    "names, once in a while, and then the table is read once."
)
RESTRICTED = "What it names cannot be deleted while there are runs of it; nothing searches by it."

# Each stored many2one of our models, and whether an index begins with it. Without one, deleting
# what it names reads the whole table, so the reason is here.
KEYS = {
    "dunning_block": {
        "company_id": INDEX,
        "lifted_by_id": INDEX,
        "move_id": INDEX,
        "move_line_id": INDEX,
        "partner_id": INDEX,
        "reason_id": INDEX,
        "user_id": INDEX,
    },
    "dunning_block_wizard": {"reason_id": "A dialog, removed within the day."},
    "dunning_condition": {"scenario_id": INDEX},
    "dunning_customer_setup": {
        "profile_id": "A dialog, removed within the day.",
        "scenario_id": "A dialog, removed within the day.",
    },
    "dunning_exclusion_rule": {"company_id": FEW},
    "dunning_level": {"scenario_id": INDEX, "template_id": FEW, "type_id": FEW},
    "dunning_mirror": {"move_line_id": INDEX},
    "dunning_notice": {
        "company_id": INDEX,
        "level_id": INDEX,
        "mail_id": INDEX,
        "open_currency_id": RESTRICTED,
        "partner_id": INDEX,
        "run_id": INDEX,
        "type_id": INDEX,
        "user_id": INDEX,
    },
    "dunning_promise": {"company_id": INDEX, "partner_id": INDEX, "user_id": INDEX},
    "dunning_reminder_type": {"template_id": FEW},
    "dunning_run": {
        "company_id": INDEX,
        "template_id": RUNS,
        "type_id": RUNS,
        "user_id": RUNS,
    },
    "dunning_run_line": {
        "company_id": RESTRICTED,
        "currency_id": RESTRICTED,
        "level_id": MILLION,
        "move_id": INDEX,
        "move_line_id": INDEX,
        "notice_id": INDEX,
        "override_user_id": INDEX,
        "partner_id": "Customers are looked up run by run: the index on run and customer serves.",
        "rule_id": MILLION,
        "run_id": INDEX,
        "scenario_id": MILLION,
    },
    "dunning_scenario": {"company_id": FEW},
    "dunning_scenario_preview": {"company_id": PREVIEW, "scenario_id": PREVIEW},
    "dunning_scenario_preview_line": {
        "company_currency_id": PREVIEW,
        "partner_id": PREVIEW,
        "preview_id": PREVIEW,
    },
    "dunning_settings": {"company_id": "A page of settings, removed within the day."},
    "dunning_takeover": {"company_id": PREVIEW},
    "dunning_takeover_line": {"move_id": INDEX, "partner_id": INDEX, "takeover_id": INDEX},
    "dunning_type_off": {"company_id": INDEX, "partner_id": INDEX, "type_id": INDEX},
}
# What Odoo adds to each table of each addon. It indexes them nowhere, and users are archived.
LOG_FIELDS = ("create_uid", "write_uid")


@tagged("post_install", "-at_install")
class TestForeignKeys(TransactionCase):
    """Deleting anything, an e-mail or a customer, does not read tables of ours from end to end."""

    def _our_models(self):
        return [
            model
            for model in self.env.values()
            if model._auto and not model._abstract and model._original_module in ADDONS
        ]

    def _columns(self):
        """Return {table: its many2one columns} of our models, and of ours on others."""
        columns = {}
        for model in self.env.values():
            if not model._auto or model._abstract:
                continue
            for name, field in model._fields.items():
                ours = model._original_module in ADDONS or field._module in ADDONS
                stored = field.type == "many2one" and field.store and field.column_type
                if ours and stored and not field.company_dependent and name not in LOG_FIELDS:
                    columns.setdefault(model._table, set()).add(name)
        return columns

    def _foreign_keys(self):
        """Return {table: columns} of the foreign keys from our tables, and to them."""
        tables = [model._table for model in self._our_models()]
        rows = self.env.execute_query(
            SQL(
                """SELECT key.conrelid::regclass::text, attribute.attname
                     FROM pg_constraint key
                     JOIN pg_attribute attribute ON attribute.attrelid = key.conrelid
                      AND attribute.attnum = ANY(key.conkey)
                    WHERE key.contype = 'f'
                      AND (key.conrelid = ANY(%(tables)s::regclass[])
                           OR key.confrelid = ANY(%(tables)s::regclass[]))""",
                tables=tables,
            )
        )
        keys = {}
        for table, column in rows:
            if column not in LOG_FIELDS:
                keys.setdefault(table, set()).add(column)
        return keys

    def _relations(self):
        """Return {table: both columns} of the many2many fields of ours, and of those to us."""
        ours = {model._name for model in self._our_models()}
        relations = {}
        for model in self.env.values():
            if not model._auto or model._abstract:
                continue
            for field in model._fields.values():
                if field.type != "many2many" or not field.store:
                    continue
                if {model._name, field.comodel_name} & ours or field._module in ADDONS:
                    relations[field.relation] = {field.column1, field.column2}
        return relations

    def _indexed(self, table):
        """Return the columns of `table` that an index begins with which has all its values.

        An index without the empty ones will do, as one on lines does that is used by our own code.
        """
        rows = self.env.execute_query(
            SQL(
                """SELECT attribute.attname, pg_get_expr(index.indpred, index.indrelid)
                     FROM pg_index index
                     JOIN pg_attribute attribute ON attribute.attrelid = index.indrelid
                      AND attribute.attnum = index.indkey[0]
                    WHERE index.indrelid = %s::regclass AND index.indisvalid""",
                table,
            )
        )
        return {
            column
            for column, condition in rows
            if condition is None
            or condition == f"({column} IS NOT NULL)"
            # The items of a deleted entry are forgotten before: see `_forget` of run lines.
            or (table, column) == ("dunning_run_line", "move_id")
        }

    def test_each_key_is_in_the_table_above(self):
        found = self._columns()
        installed = {table: set(columns) for table, columns in KEYS.items() if table in found}
        self.assertEqual(found, installed)

    def test_keys_have_the_index_that_the_table_says(self):
        for table, columns in KEYS.items():
            if table not in self._columns():
                continue
            indexed = self._indexed(table)
            for column, index in columns.items():
                with self.subTest(table=table, column=column):
                    self.assertEqual(column in indexed, index is INDEX)

    def test_both_columns_of_each_relation_are_indexed(self):
        relations = self._relations()
        self.assertIn("dunning_promise_move_line_rel", relations)
        for table, columns in relations.items():
            with self.subTest(table=table):
                self.assertLessEqual(columns, self._indexed(table))

    def test_postgresql_knows_no_other_key(self):
        relations = self._relations()
        for table, columns in self._foreign_keys().items():
            with self.subTest(table=table):
                known = relations.get(table) or set(KEYS.get(table, ()))
                self.assertLessEqual(columns, known)
