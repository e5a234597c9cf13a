"""Says in words what a scenario does, for people who would rather read than set up."""

from babel.dates import format_skeleton, get_day_names

from odoo import fields
from odoo.tools import babel_locale_parse, format_list, get_lang

from ..screening.domains import parse_domain

# Longer scenarios are cut: the sentence is there to be read at a glance.
SHOWN_STEPS = 6


def describe(scenario):
    """Return the sentences about `scenario` in the language of the user."""
    env, workflow = scenario.env, scenario.campaign_type == "customer"
    sentences = [_workflow(scenario) if workflow else _levels(scenario), _customers(scenario)]
    if not scenario.active:
        sentences.append(env._("Switched off."))
    elif scenario.automatic:
        sentences.append(env._("The nightly job sends it."))
    else:
        sentences.append(env._("Sent by hand from a run."))
    if scenario.date_start:
        day = short_date(env, scenario.date_start)
        later = env._("Nothing is sent before %(day)s.", day=day)
        newer = env._("Items from before %(day)s are left alone.", day=day)
        sentences.append(later if workflow else newer)
    return "\n".join(sentences)


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
    env = scenario.env
    # The form used within a sentence: many languages write weekdays in lower case there.
    names = get_day_names("wide", locale=babel_locale_parse(get_lang(env).code))
    weekday = names[int(scenario.weekday)] if scenario.weekday else ""
    when = {
        "weekly": env._("Every %(weekday)s", weekday=weekday),
        "biweekly": env._("Every second %(weekday)s", weekday=weekday),
        "1": env._("On the first %(weekday)s of the month", weekday=weekday),
        "2": env._("On the second %(weekday)s of the month", weekday=weekday),
        "3": env._("On the third %(weekday)s of the month", weekday=weekday),
        "4": env._("On the fourth %(weekday)s of the month", weekday=weekday),
        "last": env._("On the last %(weekday)s of the month", weekday=weekday),
    }.get(scenario.week_of_month if scenario.frequency == "monthly" else scenario.frequency, "")
    actions = _steps(env, [_action(level) for level in scenario.level_ids])
    if not actions:
        return env._("Nothing is sent yet: add an action.")
    if not scenario.condition_ids:
        return env._("%(when)s: %(actions)s.", when=when, actions=actions)
    conditions = env._(" and ").join(map(describe_condition, scenario.condition_ids))
    words = {"when": when, "conditions": conditions, "actions": actions}
    return env._("%(when)s, if %(conditions)s: %(actions)s.", **words)


def _levels(scenario):
    env, levels = scenario.env, scenario.level_ids.sorted("sequence")
    steps = _steps(env, [_level(level, scenario) for level in levels])
    if not steps:
        return env._("Nothing is sent yet: add a reminder level.")
    return f"{steps[:1].upper()}{steps[1:]}."


def _level(level, scenario):
    env, days, every, times = level.env, abs(level.delay), level.repeat_every, level.repeat_max
    key = f"{level.trigger} {(level.delay > 0) - (level.delay < 0)}"
    a_day = {
        "invoice_date 1": env._("1 day after the invoice date"),
        "invoice_date -1": env._("1 day before the invoice date"),
        "due_date 1": env._("1 day after the due date"),
        "due_date -1": env._("1 day before the due date"),
    }
    when = (days == 1 and a_day.get(key)) or {
        "invoice_date 0": env._("on the invoice date"),
        "invoice_date 1": env._("%(days)s days after the invoice date", days=days),
        "invoice_date -1": env._("%(days)s days before the invoice date", days=days),
        "due_date 0": env._("on the due date"),
        "due_date 1": env._("%(days)s days after the due date", days=days),
        "due_date -1": env._("%(days)s days before the due date", days=days),
    }.get(key, "")
    details = [env._("%(when)s: %(action)s", when=when, action=_action(level))]
    if level.minimum_amount:
        amount = _amount(level.minimum_amount, scenario)
        details.append(env._("from %(amount)s on", amount=amount))
    if _has_conditions(level.condition_domain):
        details.append(env._("only invoices that match its condition"))
    if every:
        often = env._("repeated every %(days)s days", days=every)
        details.append(env._("repeated every day") if every == 1 else often)
    if every and times:
        most = env._("at most %(times)s times", times=times)
        details.append(env._("at most once") if times == 1 else most)
    return ", ".join(details)


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
    profiles = scenario.with_context(active_test=False).profile_ids
    names = format_list(env, profiles.mapped("name"), "or")
    filtered = _has_conditions(scenario.customer_domain)
    if profiles and filtered:
        return env._(
            "For customers whose profile is %(names)s, if they match the filter.", names=names
        )
    if profiles:
        return env._("For customers whose profile is %(names)s.", names=names)
    if filtered:
        return env._("For customers that match the filter.")
    return env._("For every customer.")


def _has_conditions(domain):
    try:
        return bool(parse_domain(domain))
    except ValueError:
        # A form has a wrong condition, which is refused when it is saved.
        return True


def _amount(value, scenario):
    return (scenario.company_id or scenario.env.company).currency_id.format(value)


def get_label(record, field_name):
    """Return what people read for the value of a selection field."""
    selection = record._fields[field_name]._description_selection(record.env)
    return dict(selection).get(record[field_name], "")


def short_date(env, day):
    """Return `day` as Odoo's lists and forms write it, such as "Dec 8", in the user's language.

    The year is written when it is not the current one. Sentences that stand beside fields say days
    this way; documents and the history, which are read years later, use `format_date`.
    """
    if not day:
        return ""
    this_year = day.year == fields.Date.context_today(env.user).year
    locale = babel_locale_parse(get_lang(env).code)
    return format_skeleton("MMMd" if this_year else "yMMMd", day, locale=locale)
