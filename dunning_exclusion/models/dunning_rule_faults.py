from functools import partial

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..screening.domains import company_query, find_fault, find_faults, parse_domain


class DunningRuleFaults(models.AbstractModel):
    """Whether the condition of a rule can be evaluated, and why not.

    A condition that was fine when it was written breaks when a field or an addon is removed.
    """

    _name = "dunning.rule.faults"
    _description = "Faults of Exclusion Rules"

    broken = fields.Char(
        compute="_compute_broken",
        help="Why the condition cannot be evaluated any more. While a rule is broken, nothing is "
        "sent automatically in its company.",
    )

    @api.depends("domain", "model", "source")
    @api.depends_context("company")
    def _compute_broken(self):
        faults = self._faults(self.env.company)
        for rule in self:
            rule.broken = faults.get(rule, False)

    def _faults(self, company):
        """Return {rule: why its condition cannot be evaluated in `company`} of the broken rules."""
        return find_faults(
            self.env,
            {
                rule: partial(rule._domain_query, company)
                for rule in self
                if rule.source == "domain"
            },
        ) | dict.fromkeys(self._orphans(), self.env._("The addon of this rule is missing."))

    def _orphans(self):
        """Return the rules whose method belongs to an addon that is not loaded."""
        conditions = self.env["dunning.exclusion.condition"]
        return self.filtered(
            lambda rule: (
                rule.source == "builtin" and not hasattr(conditions, f"_condition_{rule.code}")
            )
        )

    def _domain_query(self, company):
        """Return the query of what the user's condition matches in `company`.

        :raise ValueError: (or what Odoo raises for it) when the domain cannot be evaluated
        """
        return company_query(self.env[self.model], self.domain, company)

    @api.model
    def _broken_in(self, company):
        """Return the enabled rules that cannot be evaluated in `company`; they exclude nothing."""
        rules = self._active_in(company)
        faults = rules._faults(company)
        return rules.filtered(lambda rule: rule in faults)

    @api.constrains("source", "model", "domain", "code", "company_id")
    def _check_condition(self):
        conditions = self.env["dunning.exclusion.condition"]
        for rule in self:
            if rule.source == "builtin":
                if not hasattr(conditions, f"_condition_{rule.code}"):
                    raise ValidationError(
                        self.env._(
                            "Rule '%(rule)s': no built-in condition has this code.", rule=rule.name
                        )
                    )
                continue
            fault = find_fault(self.env[rule.model], rule.domain, rule.company_id)
            if not fault and not parse_domain(rule.domain):
                fault = self.env._("An empty condition would exclude everything.")
            if fault:
                raise ValidationError(
                    self.env._(
                        "Rule '%(rule)s': the condition does not work: %(fault)s Mend the field "
                        "'Domain'.",
                        rule=rule.name,
                        fault=fault,
                    )
                )
