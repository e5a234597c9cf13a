import logging
from functools import partial

from odoo import api, fields, models

from ..screening.domains import company_query, find_faults

_logger = logging.getLogger(__name__)


class DunningScenarioFaults(models.AbstractModel):
    """Whether the conditions of a scenario and its levels can be evaluated, and why not.

    A condition that was fine when it was written breaks when a field or an addon is removed. It is
    not known whom such a scenario is for, so it reminds nobody.
    """

    _name = "dunning.scenario.faults"
    _description = "Faults of Scenarios"

    broken = fields.Char(
        compute="_compute_broken",
        help="Why a condition cannot be evaluated any more. While a scenario is broken it reminds "
        "nobody, and nothing is sent automatically in its company.",
    )

    @api.depends("company_id", "customer_domain", "level_ids.condition_domain")
    @api.depends_context("company")
    def _compute_broken(self):
        for company, scenarios in self.grouped(lambda s: s.company_id or self.env.company).items():
            faults = scenarios._faults(company)
            for scenario in scenarios:
                scenario.broken = faults.get(scenario, False)

    def _faults(self, company):
        """Return {scenario: why it cannot be evaluated in `company`} of the broken scenarios."""
        levels = {
            level: partial(level._invoices_query, company)
            for level in self.level_ids
            if _is_given(level.condition_domain)
        }
        faults = find_faults(self.env, {**self._customer_queries(company), **levels})
        result = {}
        for record, fault in faults.items():
            if record in levels:
                result.setdefault(record.scenario_id, record._condition_error(fault))
            else:
                result[record] = record._customer_domain_error(fault)
        return result

    def _customers_query(self, company):
        """Return the query of the customers that match the scenario's own condition.

        :raise ValueError: (or what Odoo raises for it) when it cannot be evaluated any more
        """
        self.ensure_one()
        return company_query(self.env["res.partner"], self.customer_domain, company)

    def _customer_domain_error(self, fault):
        return self.env._(
            "Scenario '%(scenario)s': the field 'Customers' cannot be understood: %(fault)s",
            scenario=self.name,
            fault=fault,
        )

    def _customer_queries(self, company):
        return {
            scenario: partial(scenario._customers_query, company)
            for scenario in self
            if _is_given(scenario.customer_domain)
        }

    def _evaluable(self, company):
        """Return the scenarios of whose customers it is known in `company` who they are."""
        faults = find_faults(self.env, self._customer_queries(company))
        return self._without(faults)

    def _working(self, company):
        """Return the scenarios that are not broken in `company`."""
        return self._without(self._faults(company))

    def _without(self, faults):
        for scenario, fault in faults.items():
            _logger.warning("Scenario %s is broken: %s", scenario.id, fault)
        return self.filtered(lambda scenario: scenario not in faults)

    @api.model
    def _broken_in(self, company):
        """Return the active scenarios that cannot be evaluated in `company`."""
        scenarios = self.search([("company_id", "in", [False, company.id]), ("active", "=", True)])
        return self.browse(scenario.id for scenario in scenarios._faults(company))


def _is_given(domain):
    return (domain or "[]").strip() != "[]"
