import logging
from datetime import timedelta
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from ..screening import items
from ..screening.days import Rule, last_day, next_day
from ..screening.domains import find_faults, parse_domain
from ..screening.question import Question
from .arguments import AMOUNTS, DAYS, LAST_DAY, SEQUENCES, TERM, Char, Text, Within, check_one
from .dunning_exclusion_condition import condition_fault, condition_query
from .scenario_sentence import describe, describe_condition, get_label

_logger = logging.getLogger(__name__)

NO_CONDITION = (False, "", "[]")


class DunningScenario(models.Model):
    """Who is reminded, when and of what: ordered dunning levels, or a workflow with actions."""

    _name = "dunning.scenario"
    _description = "Scenario"
    _inherit = ["dunning.protected.mixin"]
    _order = "sequence, id"
    _company_path = "company_id"
    _check_company_auto = True

    name = Char(required=True, translate=True)
    sequence = fields.Integer(default=10, help="The first scenario that applies is taken.")
    active = fields.Boolean(
        # On screens a new one begins switched off, until somebody has seen whom it reaches.
        default=lambda self: not self.env.context.get("dunning_begin_off"),
        help="Off: nobody is reminded by it.",
    )
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self._default_company(),
        # If the company were emptied, the scenario would serve all other companies.
        ondelete="restrict",
        help="Empty: for every company.",
    )
    campaign_type = fields.Selection(
        [("invoice", "Invoice level"), ("customer", "Customer level")],
        required=True,
        default="invoice",
        help="Invoice level: each invoice goes through the reminder levels at its own pace. "
        "Customer level: on fixed days everything the customer owes goes out in one message.",
    )
    profile_ids = fields.Many2many(
        "dunning.profile", string="Profiles", help="Empty: customers of all profiles, or of none."
    )
    customer_domain = Char(
        string="Customers", default="[]", help="Only customers that match are reminded."
    )
    automatic = fields.Boolean(
        # Copies begin switched off, as two scenarios that are alike would remind twice.
        copy=False,
        help="The nightly job sends this scenario by itself.",
    )
    min_days_between = fields.Integer(
        string="Days Between Reminders",
        help="Minimum number of days between two reminders for the same item, whatever the level; "
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
        help="The reminder levels in their order, or the actions of the workflow.",
    )
    condition_ids = fields.One2many(
        "dunning.condition",
        "scenario_id",
        string="Conditions",
        copy=True,
        help="The actions of the workflow go out to a customer when all conditions are met.",
    )
    date_start = fields.Date(
        string="Starts On",
        help="Nothing is sent before this day, and items that fell due or were issued before it "
        "are not caught up. Empty: old items are reminded, too. Weeks of a workflow that runs "
        "every second week are counted from it.",
    )
    activated = fields.Boolean(
        readonly=True,
        copy=False,
        help="The scenario is or was switched on: its start is no longer set by itself.",
    )
    # The day since which the workflow has run on its present days: it has missed no earlier one.
    settled_on = fields.Date(string="Current Schedule Since", readonly=True, copy=False)
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
    next_date = fields.Date(
        compute="_compute_next_date", help="The next day on which the workflow runs by itself."
    )
    broken = fields.Char(
        compute="_compute_broken",
        string="Fault",
        help="Why a condition can no longer be evaluated. While a scenario has a fault, it reminds "
        "nobody, and nothing is sent automatically in its company.",
    )
    description = fields.Text(compute="_compute_description")

    _sequence_within = Within("sequence", *SEQUENCES)
    _min_days_between_within = Within("min_days_between", *TERM)
    _date_start_within = Within("date_start", *DAYS)
    _workflow_has_days = models.Constraint(
        """CHECK (campaign_type <> 'customer' OR (frequency IS NOT NULL AND weekday IS NOT NULL
                  AND (frequency <> 'monthly' OR week_of_month IS NOT NULL)))""",
        "A customer-level workflow needs its days: fill in 'Frequency' and 'Weekday', and 'Week of "
        "Month' when it runs every month.",
    )

    @api.depends(
        *("active", "campaign_type", "company_id", "profile_ids.name", "customer_domain"),
        *("automatic", "date_start", "frequency", "weekday", "week_of_month"),
        *("level_ids.sequence", "level_ids.name", "level_ids.trigger", "level_ids.delay"),
        *("level_ids.type_id", "level_ids.action", "level_ids.minimum_amount"),
        *("level_ids.condition_domain", "level_ids.repeat_every", "level_ids.repeat_max"),
        *("condition_ids.metric", "condition_ids.operator", "condition_ids.value"),
    )
    @api.depends_context("lang", "company")
    def _compute_description(self):
        for scenario in self:
            scenario.description = describe(scenario)

    @api.constrains("customer_domain", "company_id")
    def _check_customer_domain(self):
        Partner = self.env["res.partner"]
        self.level_ids._check_condition_domain()
        for scenario in self:
            if fault := condition_fault(Partner, scenario.customer_domain, scenario.company_id):
                raise ValidationError(scenario._condition_error(fault))

    def copy_data(self, default=None):
        """Return the values of copies, named as such."""
        vals_list = super().copy_data(default)
        if "name" not in (default or {}):
            for scenario, vals in zip(self, vals_list, strict=True):
                vals["name"] = self.env._("%s (copy)", scenario.name)
        if self.env.context.get("dunning_begin_off"):
            vals_list = [{**vals, "active": False} for vals in vals_list]
        return vals_list

    def unlink(self):
        self.level_ids.unlink()
        return super().unlink()

    @api.model_create_multi
    def create(self, vals_list):
        scenarios = super().create(vals_list)
        scenarios._note_activation({})
        return scenarios

    def write(self, vals):
        # sudo: who may not write must be told so, not that something cannot be read
        before = {scenario: scenario._get_last_day() for scenario in self.sudo()}
        if vals.get("active") and "date_start" not in vals:
            # What is switched on for the first time must not remind of years of old invoices.
            for scenario in self.filtered(lambda s: not s.activated and not s.date_start):
                company = scenario.company_id or self.env.company
                scenario.date_start = scenario._get_first_day(company)
        result = super().write(vals)
        self._note_activation(before)
        return result

    @api.model
    def _get_protected_fields(self):
        return frozenset({"activated", "settled_on"})

    def _note_activation(self, before):
        """Note which scenarios are on, and which workflows run on other days than `before`."""
        # sudo: users do not write since when a scenario is switched on, or runs on its days
        active = self.sudo().filtered("active")
        active.filtered(lambda scenario: not scenario.activated).activated = True
        for scenario in active.filtered(lambda s: s._get_last_day() != before.get(s, False)):
            companies = scenario.company_id or scenario.company_id.search(Domain.TRUE)
            scenario.settled_on = min(company._dunning_today() for company in companies)

    def action_preview(self):
        """Show which customers the scenario would reach today, or on its next day, and how much."""
        check_one(self)
        company = self.company_id or self.env.company
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "dunning_exclusion.dunning_scenario_preview_action"
        )
        action["context"] = {
            "default_scenario_id": self.id,
            "default_company_id": company.id,
            "default_date": self._next_date(company) or company._dunning_today(),
        }
        return action

    # Whom it is for -------------------------------------------------------------------------

    def _of_company(self, company, campaign_type):
        """Return the active scenarios of `company`, in the order in which they are tried."""
        # sudo: which scenarios there are must not depend on who prepares the run
        scenarios = self.sudo().search_fetch(
            Domain("company_id", "in", [False, company.id])
            & Domain("campaign_type", "=", campaign_type)
            & Domain("active", "=", True),
            ["sequence", "customer_domain"],
        )
        # Whom a broken scenario is for is not known, so it reminds nobody.
        return scenarios._working(company, with_levels=False)

    def _choice_sql(self, company, trial=None, customer_ids=None) -> SQL:
        """Return the id of the invoice-level scenario of a customer, over the alias `customer`.

        The customer's own choice, else the first scenario that applies, else NULL.

        :param trial: scenarios that are looked at as if they were active
        :param customer_ids: the customers it is asked of; None: all
        """
        scenarios = self._of_company(company, "invoice")
        if trial:
            # sudo: `_of_company` returns its scenarios with sudo, too; all become SQL only
            scenarios = (scenarios | trial.sudo()).sorted(lambda s: (s.sequence, s.id))
        cases = [
            SQL("WHEN %s THEN %s", scenario._applies_sql(company, customer_ids), scenario.id)
            for scenario in scenarios
        ]
        # sudo: the field is for follow-up users, and the answer is the same for everybody
        Partner = self.env["res.partner"].sudo().with_company(company)
        return SQL(
            "CASE WHEN %(own)s = ANY(%(active)s) THEN %(own)s %(cases)s END",
            own=Partner._field_to_sql("customer", "dunning_own_scenario_id"),
            active=scenarios.ids,
            cases=SQL(" ").join(cases),
        )

    def _by_email_sql(self, companies) -> SQL:
        """Return whether `customer` is reminded by e-mail in `company`, outside a run.

        It is when a level of the scenario that applies to it sends e-mails.
        """
        cases = []
        for company in companies:
            scenarios = self._of_company(company, "invoice")
            e_mails = Domain("scenario_id", "in", scenarios.ids) & Domain("action", "=", "email")
            # sudo: as in `_of_company`
            levels = self.env["dunning.level"].sudo()
            with_email = levels.search_fetch(e_mails, ["scenario_id"], order="id").scenario_id
            if not with_email:
                continue
            if with_email == scenarios and not all(s._is_restricted() for s in scenarios):
                # Every customer has one of them, so nothing has to be looked up.
                by_email = SQL("TRUE")
            else:
                by_email = SQL("%s = ANY(%s)", self._choice_sql(company), with_email.ids)
            cases.append(SQL("WHEN company.id = %s THEN COALESCE(%s, FALSE)", company.id, by_email))
        return SQL("CASE %s ELSE FALSE END", SQL(" ").join(cases)) if cases else SQL("FALSE")

    def _is_restricted(self):
        """Return whether the scenario is meant for some customers only."""
        self.ensure_one()
        # An archived profile still restricts, see `_applies_sql`.
        profiles = self.with_context(active_test=False).profile_ids
        return bool(profiles or parse_domain(self.customer_domain))

    def _without_scenario_query(self, company, due_before=None, customer_ids=None) -> SQL:
        """Return SELECT id of the customers with open items for whom no scenario is meant.

        :param due_before: only items that fell due before this day count; None: all of them
        :param customer_ids: restricts the answer to some customers
        """
        conditions = [SQL("(%s) IS NULL", self._choice_sql(company))]
        for workflow in self._of_company(company, "customer"):
            conditions.append(SQL("%s IS NOT TRUE", workflow._applies_sql(company)))
        if customer_ids is not None:
            conditions.append(SQL("customer.id = ANY(%s)", list(customer_ids)))
        return SQL(
            """SELECT customer.id FROM res_partner customer
                WHERE customer.id IN (SELECT contact.commercial_partner_id
                                        %(open_items)s AND line.amount_residual > 0 %(overdue)s)
                  AND %(conditions)s""",
            open_items=items.open_items(Question(company)),
            overdue=SQL("AND %s < %s", items.DATE_DUE, due_before) if due_before else SQL(),
            conditions=SQL(" AND ").join(conditions),
        )

    def _count_without(self, company, today):
        """Return how many customers with overdue items no scenario applies to."""
        scenarios = self._of_company(company, "invoice") | self._of_company(company, "customer")
        if not all(scenario._is_restricted() for scenario in scenarios):
            # One of them is for every customer, so none is without.
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
        query = SQL(
            "SELECT COUNT(*) %s AND line.amount_residual > 0 AND %s < %s AND %s",
            items.open_items(Question(company), customer),
            items.DATE_DUE,
            self._get_first_day(company),
            meant,
        )
        self.env.flush_all()
        return self.env.execute_query(query)[0][0]

    def _applies_sql(self, company, customer_ids=None) -> SQL:
        """Return whether the scenario is meant for a `customer`, one of some or of all of them.

        It is never NULL: a customer without profile is not among those of any profile.
        """
        self.ensure_one()
        conditions = [SQL("TRUE")]
        # An archived profile still restricts: without it the scenario would be for everybody.
        if profiles := self.with_context(active_test=False).profile_ids:
            # sudo: as in `_choice_sql`
            Partner = self.env["res.partner"].sudo().with_company(company)
            profile = Partner._field_to_sql("customer", "dunning_own_profile_id")
            conditions.append(SQL("(%s = ANY(%s)) IS TRUE", profile, profiles.ids))
        if parse_domain(self.customer_domain):
            query = self._condition_query(company)
            if customer_ids is not None:
                ids = list(customer_ids)
                query.add_where(SQL("%s = ANY(%s)", SQL.identifier(query.table, "id"), ids))
            conditions.append(SQL("customer.id IN %s", query.subselect()))
        return SQL("(%s)", SQL(" AND ").join(conditions))

    def _last_free_day(self, today, since):
        """Return the last day of an earlier reminder that allows another one on `today`."""
        # `since` is the day for which the workflow is due; False: a person chose today.
        free_until = today - timedelta(days=max(self.min_days_between, 1))
        return min(free_until, since - timedelta(days=1)) if since else free_until

    # When it is due -------------------------------------------------------------------------

    @api.depends(
        "campaign_type", "frequency", "weekday", "week_of_month", "date_start", "company_id"
    )
    @api.depends_context("company")
    def _compute_next_date(self):
        for scenario in self:
            scenario.next_date = scenario._next_date(scenario.company_id or self.env.company)

    def _get_first_day(self, company):
        """Return the first day of the scenario, or False when old items are reminded, too.

        A scenario that was never switched on starts when that is done, unless the context says
        that somebody asks for old items.
        """
        self.ensure_one()
        old_items = self.env.context.get("dunning_old_items")
        if self.activated or self.active or self.date_start or old_items:
            return self.date_start
        return company._dunning_today()

    def _calendar_rule(self, company):
        """Return the days of the workflow; every second week counts from its start, or creation."""
        anchor = self._get_first_day(company) or (self.create_date or fields.Datetime.now()).date()
        return Rule(self.frequency, int(self.weekday), self.week_of_month or "1", anchor)

    def _on_day(self, company, day):
        """Return those of `self` that send on `day`: levels on any day, workflows on their own."""
        return self.filtered(
            lambda scenario: (
                scenario.campaign_type != "customer"
                or last_day(scenario._calendar_rule(company), day) == day
            )
        )

    def _get_last_day(self):
        """Return the last day until today of a workflow that is switched on, else False."""
        if not self.active or self.campaign_type != "customer":
            return False
        company = self.company_id or self.env.company
        return last_day(self._calendar_rule(company), company._dunning_today())

    def _next_date(self, company):
        """Return the next day of the workflow, today included until it has run."""
        if self.campaign_type != "customer" or not (self.frequency and self.weekday):
            return False
        if self.date_start and self.date_start > LAST_DAY:
            # A form may hold an invalid rule until it is saved, when it is refused.
            return False
        rule = self._calendar_rule(company)
        today = company._dunning_today()
        day = next_day(rule, max(today, self._get_first_day(company) or today))
        if day == today and self._ran_since(company, today, today):
            day = next_day(rule, today + timedelta(days=1))
        return day

    def _due_since(self, company, today):
        """Return the day, today or a missed one, for which it must still run, or False."""
        self.ensure_one()
        day = last_day(self._calendar_rule(company), today)
        start = max(filter(None, (self._get_first_day(company), self.settled_on)), default=day)
        if (today - day).days > company.dunning_catch_up_days or day < start:
            return False
        return not self._ran_since(company, day, today) and day

    def _workflows_of_run(self, company, today, due_only):
        """Return the workflows among `self` that a run for `today` is about."""
        workflows = self.filtered(
            lambda s: s.campaign_type == "customer" and s.company_id in (company.browse(), company)
        )
        return workflows.filtered(lambda s: not due_only or s._due_since(company, today))

    def _ran_since(self, company, day, today):
        """Return whether a run of these days sent the workflow; the model of runs overrides it."""
        return False

    # Whether its conditions work ------------------------------------------------------------

    @api.depends("company_id", "customer_domain", "level_ids.condition_domain")
    @api.depends_context("company")
    def _compute_broken(self):
        for company, scenarios in self.grouped(lambda s: s.company_id or self.env.company).items():
            # What PostgreSQL refuses is found by the job, and when a statement fails.
            faults = scenarios._get_faults(company, probe=False)
            for scenario in scenarios:
                scenario.broken = faults.get(scenario, False)

    def _get_faults(self, company, probe=True, with_levels=True):
        """Return {scenario: why it is broken in `company`}; `probe`: see `find_faults`."""
        records = [record for record in self if record.customer_domain not in NO_CONDITION]
        if with_levels:
            levels = self.level_ids
            records += [level for level in levels if level.condition_domain not in NO_CONDITION]
        queries = {record: partial(record._condition_query, company) for record in records}
        result = {}
        for record, fault in find_faults(self.env, queries, probe).items():
            scenario = record.scenario_id if "scenario_id" in record._fields else record
            result.setdefault(scenario, record._condition_error(fault))
        return result

    def _condition_error(self, fault):
        return self.env._(
            "Scenario '%(scenario)s': the field 'Customers' cannot be understood: %(fault)s",
            scenario=self.name,
            fault=fault,
        )

    def _condition_query(self, company):
        """Return the query of the customers that match; raise an error if that is not possible."""
        return condition_query(self.env["res.partner"], self.customer_domain, company)

    def _working(self, company, with_levels=True):
        """Return the scenarios whose conditions Odoo still understands in `company`."""
        faults = self._get_faults(company, probe=False, with_levels=with_levels)
        for scenario, fault in faults.items():
            _logger.warning("Scenario %s is broken: %s", scenario.id, fault)
        return self.filtered(lambda scenario: scenario not in faults)

    def _broken_in(self, company):
        """Return the active scenarios that cannot be evaluated in `company`."""
        scenarios = self.search([("company_id", "in", [False, company.id]), ("active", "=", True)])
        return self.browse(scenario.id for scenario in scenarios._get_faults(company))


class DunningCondition(models.Model):
    """What must be true of a customer before a workflow reminds it."""

    _name = "dunning.condition"
    _description = "Workflow Condition"
    _inherit = ["dunning.protected.mixin"]
    _order = "scenario_id, id"
    _company_path = "scenario_id.company_id"

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

    _value_within = Within("value", *AMOUNTS)

    @api.depends("metric", "operator", "value", "scenario_id.company_id")
    @api.depends_context("lang", "company")
    def _compute_display_name(self):
        for condition in self:
            condition.display_name = describe_condition(condition)

    @api.constrains("metric", "value")
    def _check_value(self):
        for condition in self:
            percent = condition.metric.endswith("_percent")
            if condition.value < 0 or (percent and condition.value > 100):
                raise ValidationError(
                    self.env._(
                        "Condition '%(metric)s' of workflow '%(workflow)s': the value %(value)s is "
                        "not possible: enter an amount from 0, or a percentage from 0 to 100.",
                        metric=get_label(condition, "metric"),
                        workflow=condition.scenario_id.name,
                        value=condition.value,
                    )
                )

    def _holds_sql(self) -> SQL:
        """Return whether the condition holds, over the alias `figure` with one column a metric."""
        self.ensure_one()
        operator = {">=": SQL(">="), "<": SQL("<")}[self.operator]
        return SQL("%s %s %s", SQL.identifier("figure", self.metric), operator, self.value)


class DunningProfile(models.Model):
    """A name for how a group of customers is treated; scenarios choose customers by it."""

    _name = "dunning.profile"
    _description = "Profile"
    _inherit = ["dunning.protected.mixin"]
    _order = "sequence, name, id"
    _company_path = ""
    _open_fields = frozenset({"sequence"})

    sequence = fields.Integer(default=10)
    name = Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    note = Text()

    _sequence_within = Within("sequence", *SEQUENCES)
