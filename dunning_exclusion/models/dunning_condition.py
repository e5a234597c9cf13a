from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from .bounds import AMOUNTS, Within


class DunningCondition(models.Model):
    """What must be true of a customer before a workflow reminds it."""

    _name = "dunning.condition"
    _description = "Dunning Workflow Condition"
    _inherit = ["dunning.protected.mixin"]
    _order = "scenario_id, id"
    _company_path = "scenario_id.company_id"

    scenario_id = fields.Many2one(
        "dunning.scenario",
        required=True,
        index=True,
        ondelete="cascade",
        help="The scenario it belongs to.",
    )
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
        [(">=", "at least"), ("<", "less than")],
        required=True,
        default=">=",
        help="Whether the figure must reach the value or stay below it.",
    )
    value = fields.Float(required=True, help="In company currency, or in percent.")

    _value_within = Within("value", *AMOUNTS)

    @api.depends("metric", "operator", "value", "scenario_id.company_id")
    @api.depends_context("lang", "company")
    def _compute_display_name(self):
        for condition in self:
            condition.display_name = self.env["dunning.scenario.sentence"]._condition(
                condition, condition.scenario_id
            )

    @api.constrains("metric", "value")
    def _check_value(self):
        for condition in self:
            percent = condition.metric.endswith("_percent")
            if condition.value < 0 or (percent and condition.value > 100):
                raise ValidationError(
                    self.env._(
                        "Condition '%(metric)s' of workflow '%(workflow)s': the value %(value)s is "
                        "not possible: enter an amount from 0, or a percentage from 0 to 100.",
                        metric=dict(condition._fields["metric"]._description_selection(self.env))[
                            condition.metric
                        ],
                        workflow=condition.scenario_id.name,
                        value=condition.value,
                    )
                )

    def _holds_sql(self) -> SQL:
        """Return whether the condition holds, over the alias `figure` with one column a metric."""
        self.ensure_one()
        operator = {">=": SQL(">="), "<": SQL("<")}[self.operator]
        return SQL("%s %s %s", SQL.identifier("figure", self.metric), operator, self.value)
