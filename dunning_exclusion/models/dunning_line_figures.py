from odoo import api, fields, models
from odoo.tools import SQL

# Figures of a group of lines, made by PostgreSQL where the task list asks for them.
GROUP_FIGURES = {
    "checked_count": "CASE WHEN %(line)s.checked THEN 1 ELSE 0 END",
    "included_count": "CASE WHEN %(line)s.outcome = 'included' THEN 1 ELSE 0 END",
    "listed_count": "CASE WHEN %(line)s.outcome = 'dropped' THEN 0 ELSE 1 END",
    "checked_amount": "CASE WHEN %(line)s.checked THEN %(line)s.amount_residual ELSE 0 END",
}


class DunningLineFigures(models.AbstractModel):
    """What the task list sums up of the lines in a group."""

    _name = "dunning.line.figures"
    _description = "Figures of Dunning Run Lines"

    checked_count = fields.Integer(
        compute="_compute_group_figures",
        aggregator="sum",
        help="1 when the item is ticked; summed up in groups.",
    )
    included_count = fields.Integer(
        compute="_compute_group_figures",
        aggregator="sum",
        help="1 when nothing stands against the item; summed up in groups.",
    )
    listed_count = fields.Integer(
        compute="_compute_group_figures",
        aggregator="sum",
        help="1 when the item is listed; summed up in groups.",
    )

    @api.depends("checked", "outcome", "amount_residual")
    def _compute_group_figures(self):
        for line in self:
            line.checked_count = int(line.checked)
            line.included_count = int(line.outcome == "included")
            line.listed_count = int(line.outcome != "dropped")
            line.checked_amount = line.amount_residual if line.checked else 0

    def _field_to_sql(self, alias, field_expr, query=None):
        if field_expr in GROUP_FIGURES:
            return SQL(GROUP_FIGURES[field_expr], line=SQL.identifier(alias))
        return super()._field_to_sql(alias, field_expr, query)
