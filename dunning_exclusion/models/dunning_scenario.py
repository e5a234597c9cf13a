from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from ..screening import items
from ..screening.domains import find_fault, parse_domain
from ..screening.question import Question
from .arguments import Char, check_one
from .bounds import DAYS, SEQUENCES, TERM, Within

MAX_ACTIONS = 100


class DunningScenario(models.Model):
    """Who is reminded, when and of what: ordered dunning levels, or a workflow with actions."""

    _name = "dunning.scenario"
    _description = "Dunning Scenario"
    _inherit = ["dunning.protected.mixin", "dunning.schedule", "dunning.scenario.faults"]
    _order = "sequence, id"
    _company_path = "company_id"
    _check_company_auto = True

    name = Char(
        required=True, translate=True, help="What colleagues call it, for example key accounts."
    )
    sequence = fields.Integer(default=10, help="The first scenario that applies is taken.")
    active = fields.Boolean(default=True, help="Off: nobody is reminded by it.")
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self._default_company(),
        help="Empty: for every company.",
    )
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
    customer_domain = Char(
        string="Customers", default="[]", help="Only customers that match are reminded."
    )
    automatic = fields.Boolean(
        # Two alike would remind twice: a copy waits until somebody has looked at it.
        copy=False,
        help="The nightly job sends this scenario by itself.",
    )
    min_days_between = fields.Integer(
        string="Days Between Reminders",
        help="Minimum number of days between two reminders of the same item, whatever the level; "
        "it is one day at least.",
    )
    one_notice_per_level = fields.Boolean(
        string="One Message per Level",
        help="Otherwise a customer gets one message, at the highest level among its items.",
    )
    level_ids = fields.One2many(
        "dunning.level",
        "scenario_id",
        string="Levels",
        copy=True,
        help="The dunning levels in their order, or the actions of the workflow.",
    )
    condition_ids = fields.One2many(
        "dunning.condition",
        "scenario_id",
        string="Conditions",
        copy=True,
        help="The workflow is sent to a customer when every condition holds.",
    )
    description = fields.Text(
        string="In Words", compute="_compute_description", help="What the scenario does, in words."
    )

    _sequence_within = Within("sequence", *SEQUENCES)
    _min_days_between_within = Within("min_days_between", *TERM)
    _date_start_within = Within("date_start", *DAYS)
    _days_not_negative = models.Constraint(
        "CHECK (min_days_between IS NULL OR min_days_between >= 0)",
        "The field 'Days Between Reminders' cannot be negative: enter 0 for no minimum.",
    )
    _workflow_has_days = models.Constraint(
        """CHECK (campaign_type <> 'customer' OR (frequency IS NOT NULL AND weekday IS NOT NULL
                  AND (frequency <> 'monthly' OR week_of_month IS NOT NULL)))""",
        "A customer-level workflow needs its days: fill in 'Frequency' and 'Weekday', and 'Week of "
        "Month' when it runs every month.",
    )

    @api.depends(
        "active",
        "campaign_type",
        "company_id",
        "profile_ids.name",
        "customer_domain",
        "automatic",
        "date_start",
        "frequency",
        "weekday",
        "week_of_month",
        "level_ids.sequence",
        "level_ids.name",
        "level_ids.trigger",
        "level_ids.delay",
        "level_ids.type_id",
        "level_ids.action",
        "level_ids.minimum_amount",
        "level_ids.condition_domain",
        "level_ids.repeat_every",
        "level_ids.repeat_max",
        "condition_ids.metric",
        "condition_ids.operator",
        "condition_ids.value",
    )
    @api.depends_context("lang", "company")
    def _compute_description(self):
        for scenario in self:
            scenario.description = self.env["dunning.scenario.sentence"]._describe(scenario)

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

    @api.constrains("customer_domain", "company_id")
    def _check_customer_domain(self):
        Partner = self.env["res.partner"]
        self.level_ids._check_condition_domain()
        for scenario in self:
            fault = find_fault(Partner, scenario.customer_domain, scenario.company_id)
            if fault:
                raise ValidationError(scenario._customer_domain_error(fault))

    def copy_data(self, default=None):
        """Return the values of copies, named as such."""
        vals_list = super().copy_data(default)
        if "name" not in (default or {}):
            for scenario, vals in zip(self, vals_list, strict=True):
                vals["name"] = self.env._("%s (copy)", scenario.name)
        return vals_list

    def unlink(self):
        self.level_ids.unlink()
        return super().unlink()

    @api.model_create_multi
    def create(self, vals_list):
        scenarios = super().create(vals_list)
        scenarios.filtered("active")._note_activation()
        return scenarios

    def write(self, vals):
        if not vals.get("active"):
            return super().write(vals)
        if "date_start" not in vals:
            # Switching a scenario on for the first time must not remind of years of old invoices.
            for scenario in self.filtered(lambda s: not s.activated and not s.date_start):
                scenario.date_start = scenario._start(scenario.company_id or self.env.company)
        result = super().write(vals)
        self._note_activation()
        return result

    @api.model
    def _get_protected_fields(self):
        return frozenset({"activated"})

    def _note_activation(self):
        # sudo: users do not write whether a scenario was ever switched on
        self.sudo().filtered(lambda scenario: not scenario.activated).activated = True

    def action_preview(self):
        """Show which customers the scenario would reach today, or on its next day, and how much."""
        check_one(self)
        company = self.company_id or self.env.company
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Whom would it reach?"),
            "res_model": "dunning.scenario.preview",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_scenario_id": self.id,
                "default_company_id": company.id,
                "default_date": self._next_date(company) or company._dunning_today(),
            },
        }

    # Whom it is for -------------------------------------------------------------------------

    @api.model
    def _of_company(self, company, campaign_type):
        """Return the active scenarios of `company`, in the order in which they are tried."""
        # Which scenarios there are must not depend on who prepares the run.
        scenarios = self.sudo().search_fetch(
            Domain("company_id", "in", [False, company.id])
            & Domain("campaign_type", "=", campaign_type)
            & Domain("active", "=", True),
            ["sequence", "customer_domain"],
        )
        return scenarios._evaluable(company)

    @api.model
    def _choice_sql(self, company, trial=None) -> SQL:
        """Return the id of the invoice-level scenario of a customer, over the alias `customer`.

        The customer's own choice, else the first scenario that applies, else NULL.

        :param trial: scenarios that are looked at as if they were active
        """
        scenarios = self._of_company(company, "invoice")
        if trial:
            scenarios = (scenarios | trial.sudo()).sorted(lambda s: (s.sequence, s.id))
        cases = [
            SQL("WHEN %s THEN %s", scenario._applies_sql(company), scenario.id)
            for scenario in scenarios
        ]
        Partner = self.env["res.partner"].sudo().with_company(company)
        return SQL(
            "CASE WHEN %(own)s = ANY(%(active)s) THEN %(own)s %(cases)s END",
            own=Partner._field_to_sql("customer", "dunning_own_scenario_id"),
            active=scenarios.ids,
            cases=SQL(" ").join(cases),
        )

    @api.model
    def _by_email_sql(self, companies) -> SQL:
        """Return whether `customer` is reminded by e-mail in `company`, outside a run.

        It is when a level of the scenario that applies to it sends e-mails.
        """
        cases = [
            SQL("WHEN company.id = %s THEN %s", company.id, by_email)
            for company in companies
            if (by_email := self._sends_email_sql(company))
        ]
        return SQL("CASE %s ELSE FALSE END", SQL(" ").join(cases)) if cases else SQL("FALSE")

    @api.model
    def _sends_email_sql(self, company):
        """Return whether the scenario of `customer` sends e-mails, as SQL; None: none does."""
        scenarios = self._of_company(company, "invoice")
        e_mails = Domain("scenario_id", "in", scenarios.ids) & Domain("action", "=", "email")
        # What is asked of the scenarios here is not for the eyes of a user, see `_of_company`.
        levels = self.env["dunning.level"].sudo()
        with_email = levels.search_fetch(e_mails, ["scenario_id"], order="id").scenario_id
        if not with_email:
            return None
        if with_email == scenarios and not all(scenario._is_restricted() for scenario in scenarios):
            # Every customer has one of them: nothing has to be looked up.
            return SQL("TRUE")
        return SQL(
            "COALESCE(%s = ANY(%s), FALSE)",
            self._choice_sql(company),
            with_email.ids,
        )

    def _is_restricted(self):
        """Return whether the scenario is meant for some customers only."""
        self.ensure_one()
        # An archived profile still restricts, see `_applies_sql`.
        profiles = self.with_context(active_test=False).profile_ids
        return bool(profiles or parse_domain(self.customer_domain))

    @api.model
    def _without_scenario_query(self, company, due_before=None, customer_ids=None) -> SQL:
        """Return SELECT id of the customers with open items to whom no scenario applies.

        :param due_before: only items that fell due before this day count; None: all of them
        :param customer_ids: restricts the answer to some customers
        """
        overdue = due_before and SQL("AND %s < %s", items.DATE_DUE, due_before)
        asked = customer_ids is not None and SQL("AND customer.id = ANY(%s)", list(customer_ids))
        return SQL(
            """SELECT customer.id FROM res_partner customer
                WHERE customer.id IN (SELECT contact.commercial_partner_id
                                        %(open_items)s AND line.amount_residual > 0 %(overdue)s)
                  %(asked)s AND %(none_applies)s""",
            open_items=items.open_items(Question(company)),
            overdue=overdue or SQL(),
            asked=asked or SQL(),
            none_applies=self._none_applies_sql(company),
        )

    @api.model
    def _count_without(self, company, today):
        """Return how many customers with overdue items no scenario applies to."""
        scenarios = self._of_company(company, "invoice") | self._of_company(company, "customer")
        if not all(scenario._is_restricted() for scenario in scenarios):
            # One of them is for everybody: nobody has to be looked at.
            return 0
        query = self._without_scenario_query(company, today)
        self.env.flush_all()
        return self.env.execute_query(SQL("SELECT COUNT(*) FROM (%s) customers", query))[0][0]

    def _count_before_start(self, company):
        """Return how many open items of its customers fell due before the scenario starts."""
        self.ensure_one()
        meant = self._applies_sql(company)
        if self.campaign_type == "invoice":
            meant = SQL("%s = %s", self._choice_sql(company, self), self.id)
        customer = SQL("JOIN res_partner customer ON customer.id = contact.commercial_partner_id")
        self.env.flush_all()
        return self.env.execute_query(
            SQL(
                "SELECT COUNT(*) %s AND line.amount_residual > 0 AND %s < %s AND %s",
                items.open_items(Question(company), customer),
                items.DATE_DUE,
                self._start(company),
                meant,
            )
        )[0][0]

    @api.model
    def _none_applies_sql(self, company) -> SQL:
        """Return whether no scenario and no workflow is meant for a customer, over `customer`."""
        workflows = self._of_company(company, "customer")
        conditions = [SQL("(%s) IS NULL", self._choice_sql(company))]
        conditions += [SQL("NOT %s", workflow._applies_sql(company)) for workflow in workflows]
        return SQL("(%s)", SQL(" AND ").join(conditions))

    def _applies_sql(self, company) -> SQL:
        """Return whether the scenario is meant for a customer, over the alias `customer`."""
        self.ensure_one()
        conditions = [SQL("TRUE")]
        # An archived profile still restricts: without it the scenario would be for everybody.
        if profiles := self.with_context(active_test=False).profile_ids:
            Partner = self.env["res.partner"].sudo().with_company(company)
            profile = Partner._field_to_sql("customer", "dunning_own_profile_id")
            conditions.append(SQL("%s = ANY(%s)", profile, profiles.ids))
        if parse_domain(self.customer_domain):
            query = self._customers_query(company)
            conditions.append(SQL("customer.id IN %s", query.subselect()))
        return SQL("(%s)", SQL(" AND ").join(conditions))

    def _last_free_day(self, today, since):
        """Return the last day of which a message does not stand against one on `today`.

        :param since: the day of the workflow that is due, or False when a person chose it
        """
        free_until = today - timedelta(days=max(self.min_days_between, 1))
        return min(free_until, since - timedelta(days=1)) if since else free_until
