from odoo import fields


class Snapshot(fields.Many2one):
    """A many2one without foreign key in the database, for tables with millions of rows.

    PostgreSQL checks each foreign key of each row that is inserted, which takes longer than
    finding out what the row says. So the model it points to has to look after its deletion itself,
    unless something else already keeps its records from being deleted: see `dunning.run.line`.
    """

    def update_db_foreign_key(self, model, column):
        """Override of `Many2one` to make none."""
