from odoo import api, models
from odoo.exceptions import UserError, ValidationError

from .dunning_domain import search_query

# What only the buttons change.
SYSTEM_FIELDS = {
    "state",
    "automatic",
    "stop_requested",
    "last_notice",
    "line_ids",
    "notice_ids",
    "workflow_ids",
    "without_scenario_count",
}


class DunningRunGuard(models.AbstractModel):
    """What may be written on a run: nothing that only its buttons decide, and what makes sense."""

    _name = "dunning.run.guard"
    _description = "Guard of Dunning Runs"

    @api.constrains("mode", "criteria_domain")
    def _check_criteria(self):
        for run in self.filtered(lambda run: run.mode == "criteria"):
            # Not in sudo, as Odoo checks constraints: the list of items would tell what is in
            # fields that the writer may not read.
            Line = self.env["account.move.line"].sudo(False)
            try:
                search_query(Line, run.criteria_domain)
            except Exception as error:
                raise ValidationError(
                    self.env._(
                        "The field 'Items' of the run cannot be understood: %(error)s", error=error
                    )
                ) from error

    @api.constrains("template_id")
    def _check_template(self):
        for run in self:
            if run.template_id.model not in (False, "dunning.notice"):
                raise ValidationError(
                    self.env._(
                        "The template '%(template)s' is not made for dunning notices: choose "
                        "another one in the field 'Template' of the run, or leave it empty.",
                        template=run.template_id.name,
                    )
                )

    def write(self, vals):
        if not self.env.su and (foreign := SYSTEM_FIELDS.intersection(vals)):
            raise UserError(
                self.env._(
                    "Use the buttons of the run: these fields cannot be written: %(fields)s",
                    fields=", ".join(sorted(foreign)),
                )
            )
        return super().write(vals)

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            vals_list = [
                {name: value for name, value in vals.items() if name not in SYSTEM_FIELDS}
                for vals in vals_list
            ]
        return super().create(vals_list)
