from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

from ..screening.days import Rule, last_day, next_day
from .bounds import LAST_DAY


class DunningSchedule(models.AbstractModel):
    """When a scenario begins and on which days a workflow runs, missed days included."""

    _name = "dunning.schedule"
    _description = "Dunning Schedule"

    date_start = fields.Date(
        string="Starts On",
        help="Nothing is sent before this day, and items that fell due or were issued before it "
        "are not caught up. Empty: old items are reminded, too. Weeks of a workflow that runs "
        "every second week are counted from it.",
    )
    activated = fields.Boolean(
        readonly=True,
        copy=False,
        help="The scenario is or was switched on: its start is not set by itself any more.",
    )
    frequency = fields.Selection(
        [("weekly", "Every week"), ("biweekly", "Every second week"), ("monthly", "Every month")],
        default="weekly",
        help="How often the workflow runs.",
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
        help="On which day of the week the workflow runs.",
    )
    week_of_month = fields.Selection(
        [("1", "First"), ("2", "Second"), ("3", "Third"), ("4", "Fourth"), ("last", "Last")],
        default="1",
        help="In which week of the month the workflow runs.",
    )
    next_date = fields.Date(
        compute="_compute_next_date", help="The next day on which the workflow runs by itself."
    )

    @api.depends(
        "campaign_type", "frequency", "weekday", "week_of_month", "date_start", "company_id"
    )
    @api.depends_context("company")
    def _compute_next_date(self):
        for scenario in self:
            scenario.next_date = scenario._next_date(scenario.company_id or self.env.company)

    def _start(self, company):
        """Return the first day of the scenario, or False when old items are reminded, too.

        A scenario that was never switched on starts when that is done.
        """
        self.ensure_one()
        if self.activated or self.active or self.date_start:
            return self.date_start
        return company._dunning_today()

    def _calendar_rule(self, company):
        """Return the days of the workflow; every second week counts from its start, or creation."""
        anchor = self._start(company) or (self.create_date or fields.Datetime.now()).date()
        return Rule(self.frequency, int(self.weekday), self.week_of_month or "1", anchor)

    def _next_date(self, company):
        """Return the next day of the workflow, today included until it has run."""
        if self.campaign_type != "customer" or not (self.frequency and self.weekday):
            return False
        if self.date_start and self.date_start > LAST_DAY:
            # Still typed in a form: it is refused when it is saved.
            return False
        rule = self._calendar_rule(company)
        today = company._dunning_today()
        day = next_day(rule, max(today, self._start(company) or today))
        if day == today and self._ran_since(company, today, today):
            day = next_day(rule, today + timedelta(days=1))
        return day

    def _due_since(self, company, today):
        """Return the day of the workflow that is due on `today`, or False.

        That is today itself, or a missed day that is still caught up. A day for which the workflow
        has run is not due again.
        """
        self.ensure_one()
        day = last_day(self._calendar_rule(company), today)
        start = self._start(company)
        if (today - day).days > company.dunning_catch_up_days or (start and day < start):
            return False
        return not self._ran_since(company, day, today) and day

    def _workflows_of_run(self, company, today, due_only):
        """Return the workflows among `self` that a run for `today` is about."""
        return self.filtered(
            lambda s: (
                s.campaign_type == "customer"
                and s.company_id in (company.browse(), company)
                and (s._due_since(company, today) or not due_only)
            )
        )

    def _ran_since(self, company, day, today):
        """Return whether a run with this workflow was sent for a day from `day` through `today`."""
        if not self._origin:
            return False
        # The history of the company counts, whoever asks.
        return bool(
            self.env["dunning.run"]
            .sudo()
            .search_count(
                Domain("company_id", "=", company.id)
                & Domain("workflow_ids", "in", self._origin.ids)
                & Domain("state", "in", ["sending", "done"])
                & Domain("date", ">=", day)
                & Domain("date", "<=", today),
                limit=1,
            )
        )
