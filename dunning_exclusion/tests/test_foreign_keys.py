import re

from odoo.tests import TransactionCase, tagged
from odoo.tools import SQL

ADDONS = (
    *("dunning_exclusion", "dunning_exclusion_credit_control"),
    *("dunning_exclusion_payment", "dunning_exclusion_queue_job"),
)
INDEX = True
FEW = "A table of what is set up: a few records."
RUNS = "Some runs a day: reading all of them costs nothing beside the deletion."
PREVIEW = "A page of a preview, removed within the day."
MILLION = (
    "Written a million at a time, where each index costs. Only an administrator deletes what it "
    "names, once in a while, and then the table is read once."
)
RESTRICTED = "What it names cannot be deleted while there are runs of it; nothing searches by it."

# Each stored many2one of our models: what its deletion does, and whether an index begins with it.
# Without one, deleting what it names reads the whole table, so the reason is here.
RESTRICT, CASCADE, SET_NULL = "restrict", "cascade", "set null"
KEYS = {
    "dunning_answer": {
        "company_id": (RESTRICT, INDEX),
        "message_id": (SET_NULL, INDEX),
        "notice_id": (SET_NULL, INDEX),
        "partner_id": (RESTRICT, INDEX),
        "promise_id": (SET_NULL, INDEX),
        "type_id": (RESTRICT, FEW),
        "user_id": (SET_NULL, INDEX),
    },
    "dunning_block": {
        "company_id": (RESTRICT, INDEX),
        "lifted_by_id": (SET_NULL, INDEX),
        "move_id": (CASCADE, INDEX),
        "move_line_id": (SET_NULL, INDEX),
        "partner_id": (RESTRICT, INDEX),
        "reason_id": (RESTRICT, INDEX),
        "user_id": (SET_NULL, INDEX),
    },
    "dunning_block_wizard": {
        "reason_id": (SET_NULL, "A dialog, removed within the day."),
    },
    "dunning_change": {
        "company_id": (CASCADE, INDEX),
        "partner_id": (CASCADE, INDEX),
    },
    "dunning_condition": {
        "scenario_id": (CASCADE, INDEX),
    },
    "dunning_exclusion_rule": {
        "company_id": (RESTRICT, FEW),
    },
    "dunning_level": {
        "scenario_id": (CASCADE, INDEX),
        "template_id": (SET_NULL, FEW),
        "type_id": (RESTRICT, FEW),
    },
    "dunning_mirror": {
        "move_line_id": (CASCADE, INDEX),
    },
    "dunning_customer_setup": {
        "profile_id": (SET_NULL, "A dialog, removed within the day."),
        "scenario_id": (SET_NULL, "A dialog, removed within the day."),
    },
    "dunning_address": {
        "notice_id": (CASCADE, "A dialog, removed within the day."),
        "partner_id": (SET_NULL, "A dialog, removed within the day."),
    },
    "dunning_handover": {
        "reason_id": (CASCADE, "A dialog, removed within the day."),
    },
    "dunning_notice": {
        "company_id": (RESTRICT, INDEX),
        "level_id": (SET_NULL, INDEX),
        "mail_id": (SET_NULL, INDEX),
        "open_currency_id": (SET_NULL, RESTRICTED),
        "partner_id": (RESTRICT, INDEX),
        "run_id": (RESTRICT, INDEX),
        "type_id": (RESTRICT, INDEX),
        "user_id": (SET_NULL, INDEX),
    },
    "dunning_promise": {
        "company_id": (RESTRICT, INDEX),
        "partner_id": (RESTRICT, INDEX),
        "user_id": (SET_NULL, INDEX),
    },
    "dunning_reminder_type": {
        "template_id": (SET_NULL, FEW),
    },
    "dunning_run": {
        "company_id": (RESTRICT, INDEX),
        "template_id": (SET_NULL, RUNS),
        "type_id": (SET_NULL, RUNS),
        "user_id": (SET_NULL, RUNS),
    },
    "dunning_run_line": {
        "approval_user_id": (SET_NULL, MILLION),
        "company_id": (RESTRICT, RESTRICTED),
        "currency_id": (SET_NULL, RESTRICTED),
        "level_id": (SET_NULL, MILLION),
        "move_id": (SET_NULL, INDEX),
        "move_line_id": (SET_NULL, INDEX),
        "notice_id": (SET_NULL, INDEX),
        "override_user_id": (SET_NULL, INDEX),
        "partner_id": (
            SET_NULL,
            "Customers are looked up run by run: the index on run and customer serves.",
        ),
        "rule_id": (SET_NULL, MILLION),
        "run_id": (RESTRICT, INDEX),
        "scenario_id": (SET_NULL, MILLION),
    },
    "dunning_scenario": {
        "company_id": (RESTRICT, FEW),
    },
    "dunning_scenario_preview": {
        "company_id": (CASCADE, PREVIEW),
        "scenario_id": (CASCADE, PREVIEW),
    },
    "dunning_scenario_preview_line": {
        "company_currency_id": (SET_NULL, PREVIEW),
        "partner_id": (SET_NULL, PREVIEW),
        "preview_id": (CASCADE, PREVIEW),
    },
    "dunning_settings": {
        "company_id": (CASCADE, "A page of settings, removed within the day."),
    },
    "dunning_takeover": {
        "company_id": (CASCADE, PREVIEW),
    },
    "dunning_takeover_line": {
        "move_id": (SET_NULL, INDEX),
        "partner_id": (CASCADE, INDEX),
        "takeover_id": (CASCADE, INDEX),
    },
    "res_company": {
        "dunning_answer_user_id": (SET_NULL, INDEX),
    },
    "dunning_type_off": {
        "company_id": (CASCADE, INDEX),
        "partner_id": (CASCADE, INDEX),
        "type_id": (CASCADE, INDEX),
    },
}
# The other indexes of our tables, and those of our fields on others: what is searched by them.
SEARCHED = {
    "dunning_answer": {
        "(notice_id, key) WHERE ((state)::text <> 'undone'::text)": "unique",
        "(state)": "what waits for somebody",
    },
    "dunning_answer_type": {"(code)": "unique"},
    "dunning_block": {
        "(partner_id, company_id) WHERE (move_id IS NULL)": "the blocks on a customer",
    },
    "dunning_block_reason": {"(code)": "unique"},
    "dunning_exclusion_rule": {
        "(code)": "unique",
        "(((company_effect IS NOT NULL))) WHERE (company_effect IS NOT NULL)": "by Odoo",
        "(((disabled IS NOT NULL))) WHERE (disabled IS NOT NULL)": "by Odoo",
    },
    "dunning_notice": {
        "(company_id, date)": "the newest ones of a company",
        "(id) WHERE note_pending": "left, and not told yet",
        "(run_id, partner_id, level_number) WHERE (merged IS NOT TRUE)": "unique",
        "(run_id, partner_id, message_key) WHERE (merged IS NOT TRUE)": "unique",
        "(state)": "what failed or waits",
    },
    "dunning_reminder_type": {"(code)": "unique"},
    "dunning_run": {
        "(company_id) WHERE ((state)::text = 'sending'::text)": "unique: one is sent at a time",
    },
    "dunning_run_line": {
        "(move_id) WHERE ((notice_id IS NOT NULL) OR (move_line_id IS NULL))": "what was said",
        "(run_id, partner_id)": "the lines of a run, customer by customer",
    },
    "dunning_type_off": {"(partner_id, type_id, company_id)": "unique"},
    "res_partner": {
        "(commercial_partner_id) WHERE (dunning_bounced_email IS NOT NULL)": "whose mail bounced",
        **{
            f"((({field} IS NOT NULL))) WHERE ({field} IS NOT NULL)": "who has one, by Odoo"
            for field in ("dunning_own_profile_id", "dunning_own_scenario_id")
        },
    },
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

    def _what_postgresql_does(self):
        """Return {table: {column: what happens when that is deleted which it names}}."""
        rows = self.env.execute_query(
            SQL(
                """SELECT key.conrelid::regclass::text, attribute.attname,
                          CASE key.confdeltype WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade'
                                               WHEN 'n' THEN 'set null' END
                     FROM pg_constraint key
                     JOIN pg_attribute attribute ON attribute.attrelid = key.conrelid
                      AND attribute.attnum = ANY(key.conkey)
                    WHERE key.contype = 'f' AND key.conrelid = ANY(%s::regclass[])""",
                [model._table for model in self._our_models()],
            )
        )
        kept = {model._table: {} for model in self._our_models()}
        for table, column, ondelete in rows:
            kept[table][column] = ondelete
        return kept

    def _indexes(self):
        """Return {table: its indexes} of our tables, and those of our fields on other tables."""
        found = {model._table: set() for model in self._our_models()}
        for model in self.env.values():
            if not model._auto or model._abstract:
                continue
            ours = [
                name
                for name, field in model._fields.items()
                if field.store and field.column_type and field._module in ADDONS
            ]
            own = model._table in found
            for (text,) in self.env.execute_query(
                SQL(
                    """SELECT pg_get_indexdef(indexrelid) FROM pg_index
                        WHERE indrelid = to_regclass(%s) AND NOT indisprimary""",
                    model._table,
                )
            ):
                columns = text.split(" USING ")[1].partition(" ")[2]
                if own or any(re.search(rf"\b{name}\b", columns) for name in ours):
                    found.setdefault(model._table, set()).add(columns)
        return found

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
        self.maxDiff = None
        self.assertEqual(found, installed)

    def test_keys_have_the_index_that_the_table_says(self):
        for table, columns in KEYS.items():
            if table not in self._columns():
                continue
            indexed = self._indexed(table)
            for column, (_ondelete, index) in columns.items():
                with self.subTest(table=table, column=column):
                    self.assertEqual(column in indexed, index is INDEX)

    def test_deleting_does_what_the_table_says(self):
        """What a company set up is never left to all companies, and history is kept."""
        models = {model._table: model for model in self.env.values() if model._auto}
        kept = self._what_postgresql_does()
        for table, columns in KEYS.items():
            for column, (ondelete, _index) in columns.items() if table in kept else ():
                with self.subTest(table=table, column=column):
                    self.assertEqual(models[table]._fields[column].ondelete, ondelete)
                    # Lines of runs have no keys in PostgreSQL, see their model.
                    if table != "dunning_run_line":
                        self.assertEqual(kept[table][column], ondelete)

    def test_searched_fields_have_the_indexes_that_are_listed(self):
        for table, indexes in self._indexes().items():
            with self.subTest(table=table):
                keys = KEYS.get(table, {})
                single = {column for column, (_ondelete, index) in keys.items() if index is INDEX}
                listed = set(SEARCHED.get(table, ()))
                others = {text for text in indexes if text not in listed}
                self.assertLessEqual(listed, indexes)
                for text in others:
                    self.assertIn(text[1:].split(")")[0], single, "an index for nothing known")

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
