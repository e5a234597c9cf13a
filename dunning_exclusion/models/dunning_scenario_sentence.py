from odoo import api, models
from odoo.tools.misc import format_date

from ..screening.domains import parse_domain

# Longer scenarios are cut: the sentence is there to be read at a glance.
SHOWN_STEPS = 6


class DunningScenarioSentence(models.AbstractModel):
    """Says in words what a scenario does, for people who would rather read than set up."""

    _name = "dunning.scenario.sentence"
    _description = "Dunning Scenario in Words"

    @api.model
    def _describe(self, scenario):
        """Return the sentences of `scenario` in the language of the user."""
        customer_level = scenario.campaign_type == "customer"
        sentences = [
            self._workflow(scenario) if customer_level else self._levels(scenario),
            self._customers(scenario),
            self._sending(scenario),
            self._start(scenario),
        ]
        return "\n".join(sentence for sentence in sentences if sentence)

    # Workflows ------------------------------------------------------------------------------

    @api.model
    def _workflow(self, scenario):
        actions = self._steps([self._action(level) for level in scenario.level_ids])
        if not actions:
            return self.env._("Nothing is sent yet: add an action.")
        values = {"when": self._days(scenario), "actions": actions}
        if not scenario.condition_ids:
            return self.env._("%(when)s: %(actions)s.", **values)
        conditions = self.env._(" and ").join(
            self._condition(condition, scenario) for condition in scenario.condition_ids
        )
        return self.env._(
            "%(when)s, if %(conditions)s: %(actions)s.", conditions=conditions, **values
        )

    @api.model
    def _days(self, scenario):
        weekday = self._label(scenario, "weekday")
        if scenario.frequency == "weekly":
            return self.env._("Every %(weekday)s", weekday=weekday)
        if scenario.frequency == "biweekly":
            return self.env._("Every second %(weekday)s", weekday=weekday)
        texts = {
            "1": self.env._("On the first %(weekday)s of the month", weekday=weekday),
            "2": self.env._("On the second %(weekday)s of the month", weekday=weekday),
            "3": self.env._("On the third %(weekday)s of the month", weekday=weekday),
            "4": self.env._("On the fourth %(weekday)s of the month", weekday=weekday),
            "last": self.env._("On the last %(weekday)s of the month", weekday=weekday),
        }
        return texts.get(scenario.week_of_month, "")

    @api.model
    def _condition(self, condition, scenario):
        metrics = {
            "outstanding": self.env._("outstanding"),
            "overdue": self.env._("overdue"),
            "overdue_percent": self.env._("overdue %"),
            "consolidated_outstanding": self.env._("outstanding of the whole family"),
            "consolidated_overdue": self.env._("overdue of the whole family"),
            "consolidated_overdue_percent": self.env._("overdue % of the whole family"),
        }
        value = f"{condition.value:g} %"
        if not (condition.metric or "").endswith("_percent"):
            value = self._amount(condition.value, scenario)
        operator = {">=": "≥", "<": "<"}.get(condition.operator, "")
        return f"{metrics.get(condition.metric, '')} {operator} {value}"

    # Levels ---------------------------------------------------------------------------------

    @api.model
    def _levels(self, scenario):
        levels = scenario.level_ids.sorted("sequence")
        steps = self._steps([self._level(level, scenario) for level in levels])
        if not steps:
            return self.env._("Nothing is sent yet: add a dunning level.")
        return f"{steps[:1].upper()}{steps[1:]}."

    @api.model
    def _level(self, level, scenario):
        details = [
            self.env._("%(when)s: %(action)s", when=self._moment(level), action=self._action(level))
        ]
        if level.minimum_amount:
            amount = self._amount(level.minimum_amount, scenario)
            details.append(self.env._("from %(amount)s on", amount=amount))
        if self._has_conditions(level.condition_domain):
            details.append(self.env._("only invoices that match its condition"))
        if level.repeat_every and level.repeat_max:
            details.append(
                self.env._(
                    "repeated every %(days)s days, at most %(times)s times",
                    days=level.repeat_every,
                    times=level.repeat_max,
                )
            )
        elif level.repeat_every:
            details.append(self.env._("repeated every %(days)s days", days=level.repeat_every))
        return ", ".join(details)

    @api.model
    def _moment(self, level):
        days = abs(level.delay)
        invoice_date = level.trigger == "invoice_date"
        if not days:
            return (
                self.env._("on the invoice date") if invoice_date else self.env._("on the due date")
            )
        if level.delay < 0:
            if invoice_date:
                return self.env._("%(days)s days before the invoice date", days=days)
            return self.env._("%(days)s days before the due date", days=days)
        if invoice_date:
            return self.env._("%(days)s days after the invoice date", days=days)
        return self.env._("%(days)s days after the due date", days=days)

    # Common ---------------------------------------------------------------------------------

    @api.model
    def _steps(self, steps):
        """Return the steps one after the other, cut when there are many."""
        if len(steps) > SHOWN_STEPS:
            more = self.env._("%(count)s more", count=len(steps) - SHOWN_STEPS)
            steps = [*steps[:SHOWN_STEPS], more]
        return self.env._("; then ").join(steps)

    @api.model
    def _action(self, level):
        name = level.name or level.type_id.name or ""
        texts = {
            "email": self.env._("e-mail “%(name)s”", name=name),
            "letter": self.env._("letter “%(name)s”", name=name),
            "internal": self.env._("internal notification “%(name)s”", name=name),
            "activity": self.env._("activity “%(name)s”", name=name),
        }
        return texts.get(level.action, self._label(level, "action"))

    @api.model
    def _customers(self, scenario):
        all_profiles = scenario.with_context(active_test=False).profile_ids
        profiles = ", ".join(all_profiles.mapped("name"))
        filtered = self._has_conditions(scenario.customer_domain)
        if profiles and filtered:
            return self.env._(
                "For customers of the profiles %(profiles)s that match the filter.",
                profiles=profiles,
            )
        if profiles:
            return self.env._("For customers of the profiles %(profiles)s.", profiles=profiles)
        if filtered:
            return self.env._("For customers that match the filter.")
        return self.env._("For every customer.")

    @api.model
    def _has_conditions(self, domain):
        try:
            return bool(parse_domain(domain))
        except ValueError:
            # Said when the record is saved; until then there is a condition, though a wrong one.
            return True

    @api.model
    def _sending(self, scenario):
        if not scenario.active:
            return self.env._("Switched off.")
        if scenario.automatic:
            return self.env._("The nightly job sends it.")
        return self.env._("Sent by hand from a run.")

    @api.model
    def _start(self, scenario):
        if not scenario.date_start:
            return ""
        day = format_date(self.env, scenario.date_start)
        if scenario.campaign_type == "customer":
            return self.env._("Nothing is sent before %(day)s.", day=day)
        return self.env._("Items from before %(day)s are left alone.", day=day)

    @api.model
    def _amount(self, value, scenario):
        return (scenario.company_id or self.env.company).currency_id.format(value)

    @api.model
    def _label(self, record, field_name):
        selection = record._fields[field_name]._description_selection(self.env)
        return dict(selection).get(record[field_name], "")
