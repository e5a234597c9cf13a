from odoo import api, models
from odoo.tools import SQL


class DunningCandidate(models.AbstractModel):
    """Chooses which items a run is about, before anything is left out.

    Each method returns SELECT item.*, level_id, bundle, as a part of the statement of
    `dunning.statement`: it chooses among the items that are in `item`, and may ask `total` what
    their customers owe. The items of a customer with the same bundle go into one message; NULL:
    those at the same level do.
    """

    _name = "dunning.candidate"
    _description = "Dunning Candidates"

    @api.model
    def _scenario_query(self, scenarios, company, today, due_only=False, trial=False) -> SQL:
        """Return the items that reach a level or an action of one of `scenarios` on `today`.

        :param due_only: workflows only on their days; else they are taken as due, because a
            person chose them for this day
        :param trial: whether to look at scenarios that are switched off as if they were on
        """
        mine = scenarios.filtered(lambda s: s.company_id in (company.browse(), company))
        begun = mine.filtered(
            lambda s: (s.active or trial) and (s._start(company) or today) <= today
        )._working(company)
        invoice_level = begun.filtered(lambda s: s.campaign_type == "invoice")
        parts = []
        if invoice_level.level_ids:
            parts.append(self._invoice_level_query(invoice_level, company, today, trial))
        workflows = begun - invoice_level
        if workflows.level_ids:
            actions = self.env["dunning.workflow.candidate"]
            parts.append(actions._workflow_query(workflows, company, today, due_only))
        return SQL(" UNION ALL ").join(parts) if parts else self._nothing_query()

    @api.model
    def _nothing_query(self) -> SQL:
        return SQL("SELECT item.*, 0 AS level_id, 0 AS bundle FROM item WHERE FALSE")

    @api.model
    def _invoice_level_query(self, scenarios, company, today, trial=False) -> SQL:
        """Return the items at a level: one scenario a customer, one level an item.

        The next level of an item is the first one above its last sent level whose day has come,
        else a repetition of the last sent one. An item with a message on its way waits.
        """
        # OFFSET 0 keeps PostgreSQL from working the level out again wherever it is named. What is
        # no candidate has no level, rather than failing a WHERE: so PostgreSQL expects many rows.
        # The choice is of `customer.id`, which PostgreSQL knows to be unique: of 200 customers, as
        # it expects otherwise, each would have so many items that it sorted all of them on disk.
        return SQL(
            """(WITH past AS (%(past)s)
                SELECT reached.*
                  FROM (SELECT item.*, %(level)s AS level_id,
                               CASE WHEN choice.scenario_id <> ALL(%(one_per_level)s)
                                    THEN -choice.scenario_id END AS bundle
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
            past=self._past_query(company),
            choice=SQL(
                """SELECT customer.id AS partner_id, %s AS scenario_id FROM total
                     JOIN res_partner customer ON customer.id = total.partner_id""",
                self.env["dunning.scenario"]._choice_sql(company, scenarios if trial else None),
            ),
            level=SQL(
                """CASE WHEN item.amount_residual > 0 AND recent.pending IS NOT TRUE AND %s
                        THEN %s END""",
                self._not_postponed_sql(today),
                self._next_level_sql(scenarios, company, today),
            ),
            history=self._history_query(),
        )

    @api.model
    def _not_postponed_sql(self, today) -> SQL:
        return SQL("(item.postponed_to IS NULL OR item.postponed_to < %s)", today)

    @api.model
    def _past_query(self, company) -> SQL:
        """Return the reminders of the items that left or are on their way, statements aside.

        Where Odoo has rebuilt the items of an invoice, what they were sent counts for every item
        of the same customer in it.
        """
        # OFFSET 0 has each line look up its notice. Before PostgreSQL has counted new notices it
        # would do it the other way round, and read all items again for each notice.
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
                CROSS JOIN LATERAL (%(place)s) placed
                WHERE notice.company_id = %(company)s AND notice.state IN ('queued', 'sent')
                  AND scenario.campaign_type IS DISTINCT FROM 'customer'""",
            place=self._place_query(),
            company=company.id,
        )

    @api.model
    def _place_query(self) -> SQL:
        """Return the place of the level of a `run_line`, which a deleted level keeps.

        The place is the level's sequence, then its id: see `dunning.level._place`.
        """
        return SQL(
            """SELECT (COALESCE(level.sequence, run_line.level_sequence)::bigint << 32)
                      + COALESCE(level.id, 2147483647) AS place"""
        )

    @api.model
    def _history_query(self) -> SQL:
        """Return how far each item got in each scenario: only messages that left count."""
        return SQL(
            """SELECT move_line_id, scenario_id, MAX(place) AS place, MAX(date) AS last_date,
                      COUNT(DISTINCT notice_id) FILTER (WHERE place = highest) AS times
                 FROM (SELECT past.*, MAX(place) OVER (PARTITION BY move_line_id, scenario_id)
                                      AS highest
                         FROM past WHERE state = 'sent') sent
                GROUP BY move_line_id, scenario_id"""
        )

    @api.model
    def _next_level_sql(self, scenarios, company, today) -> SQL:
        """Return the id of the level an item is at today, or NULL."""
        cases = [
            SQL(
                "WHEN choice.scenario_id = %s AND %s THEN %s",
                scenario.id,
                self._waited_sql(scenario, today),
                self._level_of_scenario_sql(scenario, company, today),
            )
            for scenario in scenarios
            if any(level.type_id.active for level in scenario.level_ids)
        ]
        return SQL("CASE %s END", SQL(" ").join(cases)) if cases else SQL("NULL::int")

    @api.model
    def _level_of_scenario_sql(self, scenario, company, today) -> SQL:
        levels = scenario.level_ids.filtered("type_id.active")
        levels = levels.sorted(lambda level: (level.sequence, level.id))
        reached = {level: level._reached_sql(company, today) for level in levels}
        steps = [(level, self._next_sql(level)) for level in levels]
        steps += [
            (level, self._repeats_sql(level, today)) for level in levels if level.repeat_every
        ]
        cases = []
        if len(levels.type_id) > 1:
            # Who switched one type of reminder off still gets the other types; the item is shown
            # with that reason only when there is nothing else to remind it of.
            cases = [
                SQL(
                    "WHEN %s AND %s AND %s THEN %s",
                    step,
                    reached[level],
                    level.type_id._reaches_sql(company),
                    level.id,
                )
                for level, step in steps
            ]
        cases += [
            SQL("WHEN %s AND %s THEN %s", step, reached[level], level.id) for level, step in steps
        ]
        return SQL("(CASE %s END)", SQL(" ").join(cases))

    @api.model
    def _waited_sql(self, scenario, today) -> SQL:
        """Return whether the last reminder of the item is long enough ago: a day at least."""
        return SQL(
            "(recent.last_date IS NULL OR recent.last_date + %s <= %s)",
            max(scenario.min_days_between, 1),
            today,
        )

    @api.model
    def _next_sql(self, level) -> SQL:
        return SQL("COALESCE(history.place < %s, TRUE)", level._place())

    @api.model
    def _repeats_sql(self, level, today) -> SQL:
        """Return whether the last sent level is due again; it was sent once before repeating."""
        often_enough = SQL("TRUE")
        if level.repeat_max:
            often_enough = SQL("history.times <= %s", level.repeat_max)
        return SQL(
            "history.place = %s AND history.last_date + %s <= %s AND %s",
            level._place(),
            level.repeat_every,
            today,
            often_enough,
        )

    @api.model
    def _criteria_query(self, run) -> SQL:
        """Return the items that match the filter of a run by criteria."""
        return SQL(
            """SELECT item.*, NULL::int AS level_id, 0 AS bundle
                 FROM item WHERE item.amount_residual > 0 AND %(free)s AND item.id IN %(chosen)s""",
            free=self._not_postponed_sql(run.date),
            chosen=run._criteria_items_query().subselect(),
        )
