"""Which items a run is about, before anything is left out: a part of the statement.

Each query is SELECT item.*, level_id, message_id. It chooses among the items that are in `item`,
and may ask `total` what their customers owe. The items of a customer with the same `message_id` go
into one message; where it is NULL, those at the same level do.

Invoice-level scenarios bring each item to its next level. Customer-level workflows send everything
that a customer owes on their days, once for each action. A run by criteria filters the items.
"""

from odoo.tools import SQL

NOTHING = SQL("SELECT item.*, 0 AS level_id, 0 AS message_id FROM item WHERE FALSE")


def of_scenarios(scenarios, company, today, due_only=False, trial=False) -> SQL:
    """Return the items that reach a level or an action of one of `scenarios` on `today`.

    :param due_only: take workflows only on their days; else on any day, as when a person runs them
    :param trial: take scenarios that are switched off as if they were on
    """
    mine = scenarios.filtered(lambda s: s.company_id in (company.browse(), company))
    begun = mine.filtered(
        lambda s: (s.active or trial) and (s._get_first_day(company) or today) <= today
    )._working(company)
    invoice_level = begun.filtered(lambda s: s.campaign_type == "invoice")
    workflows = (begun - invoice_level).filtered("level_ids")
    since = {workflow: workflow._due_since(company, today) for workflow in workflows}
    due = {workflow: day for workflow, day in since.items() if day or not due_only}
    parts = []
    if invoice_level.level_ids:
        parts.append(_at_levels(invoice_level, company, today, trial))
    if due:
        parts.append(_of_workflows(due, company, today))
    return SQL(" UNION ALL ").join(parts) if parts else NOTHING


def of_criteria(chosen, today) -> SQL:
    """Return the items of a run by criteria; `chosen` is the query of what matches its filter."""
    return SQL(
        """SELECT item.*, NULL::int AS level_id, 0 AS message_id
             FROM item WHERE item.amount_residual > 0 AND %(free)s AND item.id IN %(chosen)s""",
        free=_not_postponed(today),
        chosen=chosen.subselect(),
    )


def _not_postponed(today) -> SQL:
    return SQL("(item.postponed_to IS NULL OR item.postponed_to < %s)", today)


# Levels of invoices -----------------------------------------------------------------------------


def _at_levels(scenarios, company, today, trial) -> SQL:
    """Return the items at a level: one scenario for a customer, one level for an item.

    The next level of an item is the first one above its last sent level whose day has come, else a
    repetition of the last sent one. An item with a message on its way waits.
    """
    # OFFSET 0 keeps PostgreSQL from evaluating the level again wherever it is named. The level of
    # an item that is no candidate is NULL: with conditions in WHERE, PostgreSQL would expect few
    # rows. The choice is made by `customer.id`, which PostgreSQL knows to be unique: otherwise it
    # expects 200 customers with so many items each that it sorts all of them on disk.
    return SQL(
        """(WITH past AS (%(past)s)
            SELECT reached.*
              FROM (SELECT item.*, %(level)s AS level_id,
                           CASE WHEN choice.scenario_id <> ALL(%(one_per_level)s)
                                THEN -choice.scenario_id END AS message_id
                      FROM item
                      JOIN (%(choice)s OFFSET 0) choice USING (partner_id)
                      LEFT JOIN (%(history)s) history ON history.move_line_id = item.id
                            AND history.scenario_id = choice.scenario_id
                      LEFT JOIN (SELECT move_line_id, BOOL_OR(state = 'queued') AS pending,
                                        MAX(date) FILTER (WHERE state = 'sent') AS last_date
                                   FROM past GROUP BY move_line_id) recent
                             ON recent.move_line_id = item.id
                    OFFSET 0) reached
             WHERE reached.level_id IS NOT NULL)""",
        one_per_level=scenarios.filtered("one_notice_per_level").ids,
        past=_past(company),
        choice=SQL(
            """SELECT customer.id AS partner_id, %s AS scenario_id FROM total
                 JOIN res_partner customer ON customer.id = total.partner_id""",
            scenarios._choice_sql(company, scenarios if trial else None),
        ),
        level=_next_level(scenarios, company, today),
        history=_history(),
    )


def _past(company) -> SQL:
    """Return the reminders of the items that left or are on their way, statements aside.

    Where Odoo has rebuilt the items of an invoice, a reminder of a former item counts for every
    item of the same customer in that invoice.
    """
    # OFFSET 0 has each line look up its notice. As long as PostgreSQL has no statistics of new
    # notices, it would do it the other way round and read all items again for each notice.
    # Deleted levels keep their place in the scenario, see `dunning.level._get_place`.
    return SQL(
        """SELECT run_line.item_id AS move_line_id, scenario.id AS scenario_id,
                  run_line.notice_id, notice.state, notice.date, placed.place
             FROM (SELECT item.id AS item_id, line.* FROM item
                     JOIN dunning_run_line line ON line.move_line_id = item.id
                    WHERE line.notice_id IS NOT NULL
                    UNION ALL
                   SELECT item.id AS item_id, line.* FROM item
                     JOIN dunning_run_line line ON line.move_id = item.move_id
                      AND line.partner_id = item.partner_id
                    WHERE line.notice_id IS NOT NULL AND line.move_line_id IS NULL) run_line
            CROSS JOIN LATERAL (SELECT * FROM dunning_notice
                                 WHERE id = run_line.notice_id OFFSET 0) notice
             LEFT JOIN dunning_level level ON level.id = run_line.level_id
             LEFT JOIN dunning_scenario scenario
               ON scenario.id = COALESCE(level.scenario_id, run_line.scenario_id)
            CROSS JOIN LATERAL (
                SELECT (COALESCE(level.sequence, run_line.level_sequence)::bigint << 32)
                       + COALESCE(level.id, 2147483647) AS place) placed
            WHERE notice.company_id = %(company)s AND notice.state IN ('queued', 'sent')
              AND scenario.campaign_type IS DISTINCT FROM 'customer'""",
        company=company.id,
    )


def _history() -> SQL:
    """Return how far each item got in each scenario: only messages that left count."""
    return SQL(
        """SELECT move_line_id, scenario_id, MAX(place) AS place, MAX(date) AS last_date,
                  COUNT(DISTINCT notice_id) FILTER (WHERE place = highest) AS times
             FROM (SELECT past.*, MAX(place) OVER (PARTITION BY move_line_id, scenario_id)
                                  AS highest
                     FROM past WHERE state = 'sent') sent
            GROUP BY move_line_id, scenario_id"""
    )


def _next_level(scenarios, company, today) -> SQL:
    """Return the id of the level an item is at today, or NULL: also while a message is queued."""
    # The last reminder of the item must be at least a day old.
    cases = [
        SQL(
            """WHEN choice.scenario_id = %s
                AND (recent.last_date IS NULL OR recent.last_date + %s <= %s) THEN %s""",
            scenario.id,
            max(scenario.min_days_between, 1),
            today,
            _level_of_scenario(scenario, company, today),
        )
        for scenario in scenarios
        if any(level.type_id.active for level in scenario.level_ids)
    ]
    if not cases:
        return SQL("NULL::int")
    return SQL(
        """CASE WHEN item.amount_residual > 0 AND recent.pending IS NOT TRUE AND %s
                THEN CASE %s END END""",
        _not_postponed(today),
        SQL(" ").join(cases),
    )


def _level_of_scenario(scenario, company, today) -> SQL:
    levels = scenario.level_ids.filtered("type_id.active")
    levels = levels.sorted(lambda level: (level.sequence, level.id))
    reached = {level: level._reached_sql(company, today) for level in levels}
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


def _of_workflows(since, company, today) -> SQL:
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
             WHERE %(free)s AND %(fits)s)""",
        figures=figures(since),
        chosen=SQL(" UNION ALL ").join(
            _chosen(workflow, company, today, day) for workflow, day in since.items()
        ),
        free=_not_postponed(today),
        fits=_fits(since, company),
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


def _chosen(workflow, company, today, since) -> SQL:
    """Return the customers of `workflow` with the actions that they have not had yet."""
    conditions = [condition._holds_sql() for condition in workflow.condition_ids]
    return SQL(
        """SELECT figure.partner_id, action.id AS level_id
             FROM figure
             JOIN res_partner customer ON customer.id = figure.partner_id
             JOIN dunning_level action ON action.scenario_id = %(workflow)s
             JOIN dunning_reminder_type type ON type.id = action.type_id AND type.active
            WHERE %(applies)s AND %(conditions)s
              AND NOT EXISTS (
                  SELECT 1 FROM dunning_notice notice
                   WHERE notice.partner_id = figure.partner_id
                     AND notice.level_id = action.id AND notice.company_id = %(company)s
                     AND (notice.state = 'queued' OR (
                          notice.state = 'sent' AND notice.date > %(free_until)s)))""",
        workflow=workflow.id,
        applies=workflow._applies_sql(company),
        conditions=SQL(" AND ").join(conditions or [SQL("TRUE")]),
        company=company.id,
        free_until=workflow._last_free_day(today, since),
    )


def _fits(workflows, company) -> SQL:
    """Return whether the condition of the action lets the invoice of an item in."""
    conditions = [
        SQL("(chosen.level_id <> %s OR %s)", level.id, level._matches_sql(company))
        for workflow in workflows
        for level in workflow.level_ids
        if level._has_condition()
    ]
    return SQL(" AND ").join(conditions or [SQL("TRUE")])
