"""Says in words what a scenario does, for people who would rather read than set up."""

from odoo.tools.misc import format_date

from ..screening.domains import parse_domain

# Longer scenarios are cut: the sentence is there to be read at a glance.
SHOWN_STEPS = 6


def describe(scenario):
    """Return the sentences about `scenario` in the language of the user."""
    steps = _workflow if scenario.campaign_type == "customer" else _levels
    sentences = [part(scenario) for part in (steps, _customers, _sending, _first_day)]
    return "\n".join(filter(None, sentences))


def describe_condition(condition):
    """Return the condition of a workflow in words."""
    env = condition.env
    metric = {
        "outstanding": env._("outstanding"),
        "overdue": env._("overdue"),
        "overdue_percent": env._("overdue %"),
        "consolidated_outstanding": env._("outstanding of the whole family"),
        "consolidated_overdue": env._("overdue of the whole family"),
        "consolidated_overdue_percent": env._("overdue % of the whole family"),
    }.get(condition.metric, "")
    value = f"{condition.value:g} %"
    if not (condition.metric or "").endswith("_percent"):
        value = _amount(condition.value, condition.scenario_id)
    operator = {">=": "≥", "<": "<"}.get(condition.operator, "")
    return f"{metric} {operator} {value}"


def _workflow(scenario):
    env, when = scenario.env, _days(scenario)
    actions = _steps(env, [_action(level) for level in scenario.level_ids])
    if not actions:
        return env._("Nothing is sent yet: add an action.")
    if not scenario.condition_ids:
        return env._("%(when)s: %(actions)s.", when=when, actions=actions)
    conditions = env._(" and ").join(map(describe_condition, scenario.condition_ids))
    return env._(
        "%(when)s, if %(conditions)s: %(actions)s.",
        when=when,
        conditions=conditions,
        actions=actions,
    )


def _days(scenario):
    env, weekday = scenario.env, get_label(scenario, "weekday")
    monthly = scenario.frequency == "monthly"
    return {
        "weekly": env._("Every %(weekday)s", weekday=weekday),
        "biweekly": env._("Every second %(weekday)s", weekday=weekday),
        "1": env._("On the first %(weekday)s of the month", weekday=weekday),
        "2": env._("On the second %(weekday)s of the month", weekday=weekday),
        "3": env._("On the third %(weekday)s of the month", weekday=weekday),
        "4": env._("On the fourth %(weekday)s of the month", weekday=weekday),
        "last": env._("On the last %(weekday)s of the month", weekday=weekday),
    }.get(scenario.week_of_month if monthly else scenario.frequency, "")


def _levels(scenario):
    env, levels = scenario.env, scenario.level_ids.sorted("sequence")
    steps = _steps(env, [_level(level, scenario) for level in levels])
    if not steps:
        return env._("Nothing is sent yet: add a dunning level.")
    return f"{steps[:1].upper()}{steps[1:]}."


def _level(level, scenario):
    env, every, times = level.env, level.repeat_every, level.repeat_max
    details = [env._("%(when)s: %(action)s", when=_moment(level), action=_action(level))]
    if level.minimum_amount:
        amount = _amount(level.minimum_amount, scenario)
        details.append(env._("from %(amount)s on", amount=amount))
    if _has_conditions(level.condition_domain):
        details.append(env._("only invoices that match its condition"))
    if every and times:
        details.append(
            env._("repeated every %(days)s days, at most %(times)s times", days=every, times=times)
        )
    elif every:
        details.append(env._("repeated every %(days)s days", days=every))
    return ", ".join(details)


def _moment(level):
    env, days = level.env, abs(level.delay)
    sign = (level.delay > 0) - (level.delay < 0)
    return {
        ("invoice_date", 0): env._("on the invoice date"),
        ("invoice_date", 1): env._("%(days)s days after the invoice date", days=days),
        ("invoice_date", -1): env._("%(days)s days before the invoice date", days=days),
        ("due_date", 0): env._("on the due date"),
        ("due_date", 1): env._("%(days)s days after the due date", days=days),
        ("due_date", -1): env._("%(days)s days before the due date", days=days),
    }.get((level.trigger, sign), "")


def _steps(env, steps):
    """Return the steps as one text, cut when there are many."""
    if len(steps) > SHOWN_STEPS:
        more = env._("%(count)s more", count=len(steps) - SHOWN_STEPS)
        steps = [*steps[:SHOWN_STEPS], more]
    return env._("; then ").join(steps)


def _action(level):
    env, name = level.env, level.name or level.type_id.name or ""
    return {
        "email": env._("e-mail “%(name)s”", name=name),
        "letter": env._("letter “%(name)s”", name=name),
        "internal": env._("internal notification “%(name)s”", name=name),
        "activity": env._("activity “%(name)s”", name=name),
    }.get(level.action, get_label(level, "action"))


def _customers(scenario):
    env = scenario.env
    profiles = ", ".join(scenario.with_context(active_test=False).profile_ids.mapped("name"))
    filtered = _has_conditions(scenario.customer_domain)
    if profiles and filtered:
        return env._(
            "For customers of the profiles %(profiles)s that match the filter.", profiles=profiles
        )
    if profiles:
        return env._("For customers of the profiles %(profiles)s.", profiles=profiles)
    return (
        env._("For customers that match the filter.") if filtered else env._("For every customer.")
    )


def _has_conditions(domain):
    try:
        return bool(parse_domain(domain))
    except ValueError:
        # A form has a wrong condition, which is refused when it is saved.
        return True


def _sending(scenario):
    if not scenario.active:
        return scenario.env._("Switched off.")
    by_hand = scenario.env._("Sent by hand from a run.")
    return scenario.env._("The nightly job sends it.") if scenario.automatic else by_hand


def _first_day(scenario):
    env, start = scenario.env, scenario.date_start
    day = start and format_date(env, start)
    if day and scenario.campaign_type == "customer":
        return env._("Nothing is sent before %(day)s.", day=day)
    return day and env._("Items from before %(day)s are left alone.", day=day)


def _amount(value, scenario):
    return (scenario.company_id or scenario.env.company).currency_id.format(value)


def get_label(record, field_name):
    """Return what people read for the value of a selection field."""
    selection = record._fields[field_name]._description_selection(record.env)
    return dict(selection).get(record[field_name], "")
