"""Which items a run is about, before anything is left out: a part of the statement.

Each query is SELECT item.*, level_id, message_id. It chooses among the items that are in `item`,
and may ask `total` what their customers owe. The items of a customer with the same `message_id` go
into one message; where it is NULL, those at the same level do.

Invoice-level scenarios bring each item to its next level. Customer-level workflows send everything
that a customer owes on their days, once for each action. A run by criteria filters the items.
"""

from datetime import date, timedelta
from typing import NamedTuple

from odoo.tools import SQL

from . import said

NOTHING = SQL("SELECT item.*, 0 AS level_id, 0 AS message_id FROM item WHERE FALSE")
# A cent of a weak currency may be nothing in that of the company.
IS_OPEN = SQL(
    """(item.amount_residual > 0
        OR item.amount_residual = 0 AND item.amount_residual_currency > 0)"""
)


class Again(NamedTuple):
    """How to look once more for the candidates that lines of a run were made from."""

    today: date | None = None  # the day of sending; None: the day of the question
    since: date | None = None  # messages of this day or later are not sent again
    customer_ids: list | None = None  # the customers of the lines; None: all
    moves: SQL | None = None  # SELECT of the entries of the lines


FIRST_TIME = Again()


def of_scenarios(
    scenarios, company, today, due_only=False, trial=False, again=FIRST_TIME, run_id=0
) -> SQL:
    """Return the items that reach a level or an action of one of `scenarios` on `today`.

    :param due_only: take workflows only on their days; else on any day, as when a person runs them
    :param trial: take scenarios that are switched off as if they were on
    :param run_id: the run that asks; 0: none
    """
    mine = scenarios.filtered(lambda s: s.company_id in (company.browse(), company))
    begun = mine.filtered(
        lambda s: (s.active or trial) and (s._get_first_day(company) or today) <= today
    )._working(company)
    invoice_level = begun.filtered(lambda s: s.campaign_type == "invoice")
    workflows = (begun - invoice_level).filtered("level_ids")
    due = dict.fromkeys(workflows, False)
    if due_only:
        due = {workflow: workflow._due_since(company, today) for workflow in workflows}
        due = {workflow: day for workflow, day in due.items() if day}
    parts = []
    if invoice_level.level_ids:
        parts.append(_at_levels(invoice_level, company, today, trial, again, run_id))
    if due:
        parts.append(_of_workflows(due, company, again.today or today, again))
    return SQL(" UNION ALL ").join(parts) if parts else NOTHING


def of_criteria(chosen, company, today, reminder_type, again=FIRST_TIME) -> SQL:
    """Return the items of a run by criteria; `chosen` is the query of what matches its filter."""
    if not reminder_type.active:
        return NOTHING
    now = again.today or today
    return SQL(
        """(WITH said AS (%(said)s)
            SELECT item.*, NULL::int AS level_id, 0 AS message_id
              FROM item
              LEFT JOIN (SELECT move_line_id, MAX(day) AS day FROM said WHERE sense = %(sense)s
                          GROUP BY move_line_id) recent ON recent.move_line_id = item.id
             WHERE %(open)s AND %(due)s AND %(free)s AND item.id IN %(chosen)s)""",
        said=said.messages(company, few=again is not FIRST_TIME),
        sense=said.sense_of(reminder_type),
        open=IS_OPEN,
        due=_not_postponed(now),
        free=said.is_free(SQL("recent.day"), now, since=again.since),
        chosen=chosen.subselect(),
    )


def _not_postponed(today) -> SQL:
    return SQL("(item.postponed_to IS NULL OR item.postponed_to < %s)", today)


# Levels of invoices -----------------------------------------------------------------------------


def _at_levels(scenarios, company, today, trial, again, run_id) -> SQL:
    """Return the items at a level: one scenario for a customer, one level for an item.

    The next level of an item is the first one above its last sent level whose day has come, else a
    repetition of the last sent one. An item with a message on its way waits. Where the company
    never falls back, it is not below the level that was sent to the customer, see `_raised`.
    """
    # OFFSET 0 keeps PostgreSQL from evaluating the level again wherever it is named. The level of
    # an item that is no candidate is NULL: with conditions in WHERE, PostgreSQL would expect few
    # rows. The choice is made by `customer.id`, which PostgreSQL knows to be unique: otherwise it
    # expects 200 customers with so many items each that it sorts all of them on disk.
    return SQL(
        """(WITH said AS (%(said)s)
            SELECT reached.*
              FROM (SELECT item.*, %(level)s AS level_id,
                           CASE WHEN choice.scenario_id <> ALL(%(one_per_level)s)
                                THEN -choice.scenario_id END AS message_id
                      FROM item
                      JOIN (%(choice)s OFFSET 0) choice USING (partner_id)
                      LEFT JOIN (%(history)s) history ON history.move_line_id = item.id
                            AND history.scenario_id = choice.scenario_id
                      LEFT JOIN (SELECT move_line_id,
                                        MAX(day) FILTER (WHERE sense = %(reminder)s) AS reminded,
                                        MAX(day) FILTER (WHERE sense = %(inform)s) AS informed
                                   FROM said GROUP BY move_line_id) recent
                             ON recent.move_line_id = item.id
                      %(highest)s
                    OFFSET 0) reached
             WHERE reached.level_id IS NOT NULL)""",
        one_per_level=scenarios.filtered("one_notice_per_level").ids,
        reminder=said.REMINDER,
        inform=said.INFORMATION,
        said=said.messages(company, few=again is not FIRST_TIME),
        choice=_choice(scenarios, company, trial, again),
        level=_raised(scenarios, company, today, again),
        highest=_highest_join(company, today, run_id),
        history=_history(),
    )


def _choice(scenarios, company, trial, again) -> SQL:
    """Return SELECT partner_id, scenario_id: the scenario of each customer, or NULL."""
    return SQL(
        """SELECT customer.id AS partner_id, %s AS scenario_id FROM total
             JOIN res_partner customer ON customer.id = total.partner_id""",
        scenarios._choice_sql(company, scenarios if trial else None, again.customer_ids),
    )


def _history() -> SQL:
    """Return which level of each scenario was sent for each item, when last, and how often."""
    return SQL(
        """SELECT move_line_id, scenario_id, MAX(day) AS said_on, MAX(place) AS place,
                  MAX(day) FILTER (WHERE place IS NOT NULL) AS last_date,
                  COUNT(DISTINCT notice_id) FILTER (WHERE place = highest) AS times
             FROM (SELECT said.*, MAX(place) OVER (PARTITION BY move_line_id, scenario_id)
                                  AS highest FROM said) said
            GROUP BY move_line_id, scenario_id"""
    )


def _next_level(scenarios, company, today, again) -> SQL:
    """Return the id of the level an item is at today, or NULL."""
    cases = [
        SQL(
            "WHEN choice.scenario_id = %s THEN %s",
            scenario.id,
            _level_of_scenario(scenario, company, today, again),
        )
        for scenario in scenarios
        if any(level.type_id.active for level in scenario.level_ids)
    ]
    if not cases:
        return SQL("NULL::int")
    return SQL(
        "CASE WHEN %s AND %s THEN CASE %s END END",
        IS_OPEN,
        _not_postponed(again.today or today),
        SQL(" ").join(cases),
    )


def _level_of_scenario(scenario, company, today, again) -> SQL:
    levels = _working_levels(scenario)
    reached = {level: _reached(level, company, today, again) for level in levels}
    steps = [
        (level, SQL("COALESCE(history.place < %s, TRUE)", level._get_place())) for level in levels
    ]
    steps += [(level, _repeats(level, today)) for level in levels if level.repeat_every]
    steps = [(level, SQL("%s AND %s", step, reached[level])) for level, step in steps]
    cases = []
    if len(levels.type_id) > 1:
        # A customer who switched off one type of reminder still gets the other types. The item is
        # shown with that reason only when there is nothing else to remind it of.
        cases = [
            SQL("WHEN %s AND %s THEN %s", step, level.type_id._reaches_sql(company), level.id)
            for level, step in steps
        ]
    cases += [SQL("WHEN %s THEN %s", step, level.id) for level, step in steps]
    return SQL("(CASE %s END)", SQL(" ").join(cases))


def _working_levels(scenario):
    levels = scenario.level_ids.filtered("type_id.active")
    return levels.sorted(lambda level: (level.sequence, level.id))


def _highest_join(company, today, run_id) -> SQL:
    """Return the JOIN of the level below which the overdue items of a customer do not go out."""
    if not company.dunning_no_fall_back_days:
        return SQL()
    return SQL(
        """LEFT JOIN (%s) highest ON highest.partner_id = item.partner_id
                 AND highest.scenario_id = choice.scenario_id AND item.date_due < %s""",
        said.highest_levels(company, today, run_id),
        today,
    )


def _raised(scenarios, company, today, again) -> SQL:
    """Return the id of the level at which an item goes out today, or NULL.

    That is its next level, or that of `highest` instead, if it is higher, its conditions let the
    item in and its type is not switched off for the customer. Only overdue items have a `highest`;
    other messages are no step back.
    """
    level = _next_level(scenarios, company, today, again)
    if not company.dunning_no_fall_back_days:
        return level
    cases = []
    for scenario in scenarios:
        levels = _working_levels(scenario)
        levels = levels.filtered(lambda step: said.sense_of(step.type_id) == said.REMINDER)
        cases += [
            SQL(
                "WHEN highest.level_id = %s AND step.level_id = ANY(%s) AND %s AND %s THEN %s",
                high.id,
                levels[:place].ids,
                high._allows_sql(company, again.moves),
                high.type_id._reaches_sql(company),
                high.id,
            )
            for place, high in enumerate(levels)
            if place
        ]
    if not cases:
        return level
    return SQL(
        """(SELECT CASE %s ELSE step.level_id END FROM (SELECT %s AS level_id OFFSET 0) step)""",
        SQL(" ").join(cases),
        level,
    )


def _reached(level, company, today, again) -> SQL:
    """Return whether a level's day has come, and the last reminder of the item is old enough."""
    last = "reminded" if said.sense_of(level.type_id) == said.REMINDER else "informed"
    said_on = SQL("GREATEST(%s, history.said_on)", SQL.identifier("recent", last))
    gap = level.scenario_id.min_days_between
    free = said.is_free(said_on, again.today or today, gap, again.since)
    return SQL("%s AND %s", free, level._reached_sql(company, today, again.moves))


def _repeats(level, today) -> SQL:
    """Return whether the last sent level is due again; its first reminder is no repetition."""
    often_enough = SQL("TRUE")
    if level.repeat_max:
        often_enough = SQL("history.times <= %s", level.repeat_max)
    return SQL(
        "history.place = %s AND history.last_date + %s <= %s AND %s",
        level._get_place(),
        level.repeat_every,
        today,
        often_enough,
    )


# Workflows of customers -------------------------------------------------------------------------


def _of_workflows(since, company, today, again) -> SQL:
    """Return what the workflows send: everything a customer owes, once for each action.

    `figure` holds the metrics of every customer in `total`; `chosen` holds the actions of the
    workflows whose conditions a customer meets.

    :param since: {workflow: the day for which it is due, or False where a person chose it}
    """
    return SQL(
        """(WITH RECURSIVE %(figures)s, chosen AS (%(chosen)s)
            SELECT item.*, chosen.level_id, NULL::int AS message_id
              FROM item
              JOIN chosen USING (partner_id)
             WHERE %(due)s AND %(fits)s)""",
        figures=figures(since),
        chosen=SQL(" UNION ALL ").join(
            _chosen(workflow, company, today, day, again) for workflow, day in since.items()
        ),
        due=_not_postponed(today),
        fits=_fits(since, company, again),
    )


def needs_family(workflows):
    """Return whether a condition of `workflows` asks what a whole family of companies owes."""
    return any(
        condition.metric.startswith("consolidated_")
        for workflow in workflows
        for condition in workflow.condition_ids
    )


def figures(workflows) -> SQL:
    """Return the part `figure`: a row for each customer, a column for each metric.

    The figures of a family are right only when `total` holds all its members.
    """
    if not needs_family(workflows):
        return SQL(
            "figure AS (SELECT partner_id, outstanding, overdue, %s AS overdue_percent FROM total)",
            _percent(SQL("overdue"), SQL("outstanding")),
        )
    # The climb to the topmost parent is by UNION and not UNION ALL: it ends even where contacts
    # are each other's parents.
    return SQL(
        """climb AS (
               SELECT partner_id, partner_id AS ancestor_id FROM total
               UNION
               SELECT climb.partner_id, ancestor.parent_id FROM climb
                 JOIN res_partner ancestor ON ancestor.id = climb.ancestor_id
                WHERE ancestor.parent_id IS NOT NULL),
           family AS (
               SELECT climb.partner_id, top.id AS top_id FROM climb
                 JOIN res_partner top ON top.id = climb.ancestor_id
                WHERE top.parent_id IS NULL),
           figure AS (
               SELECT total.partner_id, total.outstanding, total.overdue,
                      %(percent)s AS overdue_percent,
                      whole.outstanding AS consolidated_outstanding,
                      whole.overdue AS consolidated_overdue,
                      %(consolidated)s AS consolidated_overdue_percent
                 FROM total
                 JOIN family USING (partner_id)
                 JOIN (SELECT family.top_id, SUM(outstanding) AS outstanding,
                              SUM(overdue) AS overdue
                         FROM total JOIN family USING (partner_id)
                        GROUP BY family.top_id) whole USING (top_id))""",
        percent=_percent(SQL("total.overdue"), SQL("total.outstanding")),
        consolidated=_percent(SQL("whole.overdue"), SQL("whole.outstanding")),
    )


def _percent(overdue, outstanding) -> SQL:
    return SQL(
        "CASE WHEN %(total)s > 0 THEN 100 * %(part)s / %(total)s ELSE 0 END",
        part=overdue,
        total=outstanding,
    )


def _chosen(workflow, company, today, since, again) -> SQL:
    """Return the customers of `workflow` with the actions that they have not had yet."""
    conditions = [condition._holds_sql() for condition in workflow.condition_ids]
    free_until = workflow._last_free_day(today, since)
    if again.since:
        free_until = min(free_until, again.since - timedelta(days=1))
    return SQL(
        """SELECT figure.partner_id, action.id AS level_id
             FROM figure
             JOIN res_partner customer ON customer.id = figure.partner_id
             JOIN dunning_level action ON action.scenario_id = %(workflow)s
             JOIN dunning_reminder_type type ON type.id = action.type_id AND type.active
            WHERE %(applies)s AND %(conditions)s AND NOT %(had)s""",
        workflow=workflow.id,
        applies=workflow._applies_sql(company, again.customer_ids),
        conditions=SQL(" AND ").join(conditions or [SQL("TRUE")]),
        had=said.had_action(company, free_until),
    )


def _fits(workflows, company, again) -> SQL:
    """Return whether the condition of the action lets the invoice of an item in."""
    conditions = [
        SQL("(chosen.level_id <> %s OR %s)", level.id, level._matches_sql(company, again.moves))
        for workflow in workflows
        for level in workflow.level_ids
        if level._has_condition()
    ]
    return SQL(" AND ").join(conditions or [SQL("TRUE")])
