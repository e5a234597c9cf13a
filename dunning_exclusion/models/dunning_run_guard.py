from functools import partial

from odoo import api, models
from odoo.exceptions import ValidationError

from ..screening.domains import company_query, find_fault, find_faults

# What only the buttons change.
SYSTEM_FIELDS = frozenset(
    {
        "state",
        "automatic",
        "user_id",
        "stop_requested",
        "last_notice",
        "screened_transaction",
        "line_ids",
        "notice_ids",
        "workflow_ids",
        "without_scenario_count",
    }
)
# What the run is about: it stays as it was when the messages went out.
SUBJECT_FIELDS = frozenset(
    {
        "company_id",
        "date",
        "mode",
        "scenario_ids",
        "type_id",
        "template_id",
        "criteria_domain",
    }
)


class DunningRunGuard(models.AbstractModel):
    """What may be written on a run: nothing that only its buttons decide, and what makes sense."""

    _name = "dunning.run.guard"
    _description = "Guard of Dunning Runs"
    _inherit = "dunning.protected.mixin"

    @api.constrains("mode", "criteria_domain", "company_id")
    def _check_criteria(self):
        Line = self.env["account.move.line"]
        for run in self.filtered(lambda run: run.mode == "criteria"):
            if fault := find_fault(Line, run.criteria_domain, run.company_id):
                raise ValidationError(run._criteria_error(fault))

    def _criteria_error(self, fault):
        return self.env._(
            "The field 'Items' of the run cannot be understood: %(error)s", error=fault
        )

    def _criteria_items_query(self):
        """Return the query of the items that match the filter of a run by criteria.

        :raise ValidationError: when the filter cannot be understood any more
        """
        self.ensure_one()
        Line = self.env["account.move.line"]
        make_query = partial(company_query, Line, self.criteria_domain, self.company_id)
        if fault := find_faults(self.env, {self: make_query}).get(self):
            raise ValidationError(self._criteria_error(fault))
        return make_query()

    @api.constrains("template_id")
    def _check_template(self):
        for run in self:
            if fault := run.template_id and run.template_id._dunning_fault():
                raise ValidationError(
                    self.env._(
                        "%(fault)s Choose another one in the field 'Template' of the run, or leave "
                        "it empty.",
                        fault=fault,
                    )
                )

    @api.model
    def _get_protected_fields(self):
        return SYSTEM_FIELDS

    def _get_fixed_fields(self):
        states = set(self.mapped("state"))
        if states - {"draft", "prepared"}:
            return SUBJECT_FIELDS
        # The lines of a prepared run are items of its company.
        return frozenset({"company_id"}) if states - {"draft"} else frozenset()
