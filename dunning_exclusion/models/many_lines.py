"""What a table of a million lines needs: fields without foreign keys, sums of distinct items."""

from odoo import fields
from odoo.tools import SQL


class UncheckedMany2one(fields.Many2one):
    """A many2one without foreign key in the database, for tables with millions of rows.

    PostgreSQL checks each foreign key of each new row, which takes longer than screening the item.
    So the field is emptied by `_forget` when a record that it names is deleted.
    """

    def update_db_foreign_key(self, model, column):
        """Override of `Many2one` to make none."""


class UncheckedMany2many(fields.Many2many):
    """A many2many with run lines, whose ids have no foreign key: see `UncheckedMany2one`."""

    def update_db_foreign_keys(self, model):
        """Override of `Many2many`: only the other side is checked."""
        if model._name != "dunning.run.line":
            own = (self.relation, self.column1, model._table, "id", "cascade")
            model.pool.add_foreign_key(*own, model, self._module, force=False)


def distinct_items(line) -> SQL:
    """Return how many items the lines `line` of a group are about: each counts once."""
    # Only those that have several lines are compared. COUNT(DISTINCT) would sort all lines.
    return SQL(
        """COUNT(*) FILTER (WHERE %(line)s.shared IS NOT TRUE) + (
               SELECT COUNT(DISTINCT item) FROM unnest(
                   ARRAY_AGG(%(line)s.move_line_id) FILTER (WHERE %(line)s.shared)) item)""",
        line=SQL.identifier(line),
    )


def distinct_amount(line, condition=None) -> SQL:
    """Return what is open of the items of the lines `line` of a group that meet `condition`."""
    # The object keeps one amount for each item, whatever amounts its lines have.
    return SQL(
        """COALESCE(SUM(%(line)s.amount_residual)
                    FILTER (WHERE %(line)s.shared IS NOT TRUE AND %(condition)s), 0)
           + COALESCE((SELECT SUM(value::numeric) FROM jsonb_each_text(
                 jsonb_object_agg(%(line)s.move_line_id, %(line)s.amount_residual) FILTER (
                     WHERE %(line)s.shared AND %(line)s.move_line_id IS NOT NULL
                       AND %(condition)s))), 0)""",
        line=SQL.identifier(line),
        condition=condition or SQL("TRUE"),
    )
