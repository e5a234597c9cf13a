from odoo import fields, models
from odoo.tools import SQL


class DunningCondition(models.Model):
    """What must be true of a customer before a workflow reminds it."""

    _name = "dunning.condition"
    _description = "Dunning Workflow Condition"
    _order = "scenario_id, id"

    scenario_id = fields.Many2one("dunning.scenario", required=True, index=True, ondelete="cascade")
    metric = fields.Selection(
        [
            ("outstanding", "Outstanding"),
            ("overdue", "Overdue"),
            ("overdue_percent", "Overdue %"),
            ("consolidated_outstanding", "Consolidated outstanding"),
            ("consolidated_overdue", "Consolidated overdue"),
            ("consolidated_overdue_percent", "Consolidated overdue %"),
        ],
        required=True,
        default="overdue",
        help="Consolidated: over every customer under the same topmost parent.",
    )
    operator = fields.Selection(
        [(">=", "at least"), ("<", "less than")], required=True, default=">="
    )
    value = fields.Float(required=True, help="In company currency, or in percent.")

    def _holds_sql(self) -> SQL:
        """Return whether the condition holds, over the alias `figure` with one column a metric."""
        self.ensure_one()
        operator = {">=": SQL(">="), "<": SQL("<")}[self.operator]
        return SQL("%s %s %s", SQL.identifier("figure", self.metric), operator, self.value)
