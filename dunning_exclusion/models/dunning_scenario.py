from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from .dunning_exclusion_rule import parse_domain

MAX_ACTIONS = 100


class DunningScenario(models.Model):
    """Who is reminded, when and of what: ordered dunning levels, or a workflow with actions."""

    _name = "dunning.scenario"
    _description = "Dunning Scenario"
    _order = "sequence, id"
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10, help="The first scenario that applies is taken.")
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", help="Empty: for every company.")
    campaign_type = fields.Selection(
        [("invoice", "Invoice level"), ("customer", "Customer level")],
        required=True,
        default="invoice",
        help="Invoice level: each invoice goes through the dunning levels at its own pace. "
        "Customer level: on fixed days everything the customer owes goes out in one message.",
    )
    profile_ids = fields.Many2many(
        "dunning.profile", string="Profiles", help="None: every customer without restriction."
    )
    customer_domain = fields.Char(
        string="Customers", default="[]", help="Only customers that match are reminded."
    )
    automatic = fields.Boolean(help="The nightly job sends this scenario by itself.")
    date_start = fields.Date(
        string="Starts On",
        help="Items that fell due or were issued before this day are not caught up. "
        "Empty: old items are reminded, too.",
    )
    min_days_between = fields.Integer(
        string="Days Between Reminders",
        help="Minimum number of days between two reminders of the same item.",
    )
    one_notice_per_level = fields.Boolean(
        string="One Message per Level",
        help="Otherwise a customer gets one message, at the highest level among its items.",
    )
    level_ids = fields.One2many("dunning.level", "scenario_id", string="Levels", copy=True)
    frequency = fields.Selection(
        [("weekly", "Every week"), ("biweekly", "Every second week"), ("monthly", "Every month")],
        default="weekly",
    )
    weekday = fields.Selection(
        [
            ("0", "Monday"),
            ("1", "Tuesday"),
            ("2", "Wednesday"),
            ("3", "Thursday"),
            ("4", "Friday"),
            ("5", "Saturday"),
            ("6", "Sunday"),
        ],
        default="0",
    )
    week_of_month = fields.Selection(
        [("1", "First"), ("2", "Second"), ("3", "Third"), ("4", "Fourth"), ("last", "Last")],
        default="1",
    )
    condition_ids = fields.One2many(
        "dunning.condition", "scenario_id", string="Conditions", copy=True
    )

    _days_not_negative = models.Constraint(
        "CHECK (min_days_between IS NULL OR min_days_between >= 0)",
        "The days between two reminders cannot be negative.",
    )

    @api.constrains("level_ids")
    def _check_level_count(self):
        for scenario in self:
            if len(scenario.level_ids) > MAX_ACTIONS:
                raise ValidationError(
                    self.env._(
                        "Scenario '%(scenario)s' has %(count)s actions, at most %(limit)s are "
                        "possible: remove some, or split it into two scenarios.",
                        scenario=scenario.name,
                        count=len(scenario.level_ids),
                        limit=MAX_ACTIONS,
                    )
                )

    @api.constrains("customer_domain")
    def _check_customer_domain(self):
        for scenario in self:
            try:
                self.env["res.partner"]._search(Domain(parse_domain(scenario.customer_domain)))
            except Exception as error:
                raise ValidationError(
                    self.env._(
                        "Scenario '%(scenario)s': the field 'Customers' cannot be understood: "
                        "%(error)s",
                        scenario=scenario.name,
                        error=error,
                    )
                ) from error

    def write(self, vals):
        if vals.get("active") and not vals.get("date_start"):
            # Switching a scenario on must not remind of years of old invoices.
            for scenario in self.filtered(lambda s: not s.active and not s.date_start):
                scenario.date_start = (scenario.company_id or self.env.company)._dunning_today()
        return super().write(vals)

    @api.model
    def _of_company(self, company, campaign_type):
        """Return the active scenarios of `company`, in the order in which they are tried."""
        return self.search(
            Domain("company_id", "in", [False, company.id])
            & Domain("campaign_type", "=", campaign_type)
        )

    @api.model
    def _choice_sql(self, company) -> SQL:
        """Return the id of the invoice-level scenario of a customer, over the alias `customer`.

        The customer's own choice, else the first scenario that applies, else NULL.
        """
        scenarios = self._of_company(company, "invoice")
        cases = [
            SQL("WHEN %s THEN %s", scenario._applies_sql(company), scenario.id)
            for scenario in scenarios
        ]
        own = SQL("(customer.dunning_scenario_id ->> %s)::int", str(company.id))
        return SQL(
            "CASE WHEN %(own)s = ANY(%(active)s) THEN %(own)s %(cases)s END",
            own=own,
            active=scenarios.ids,
            cases=SQL(" ").join(cases),
        )

    def _applies_sql(self, company) -> SQL:
        """Return whether the scenario is meant for a customer, over the alias `customer`."""
        self.ensure_one()
        conditions = [SQL("TRUE")]
        if self.profile_ids:
            profile = SQL("(customer.dunning_profile_id ->> %s)::int", str(company.id))
            conditions.append(SQL("%s = ANY(%s)", profile, self.profile_ids.ids))
        if domain := parse_domain(self.customer_domain):
            # What a scenario means must not depend on who prepares the run.
            Partner = self.env["res.partner"].sudo().with_company(company)
            query = Partner.with_context(active_test=False)._search(Domain(domain))
            conditions.append(SQL("customer.id IN %s", query.subselect()))
        return SQL("(%s)", SQL(" AND ").join(conditions))
