from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from .dunning_exclusion_rule import parse_domain
from .dunning_statement import Screen


class DunningCandidate(models.AbstractModel):
    """Chooses which items a run is about, before anything is left out.

    Each method returns SELECT move_line_id, level_id, type_id, sends_email, message_key. Items
    with the same customer and message key are compared with minimum and maximum together: they go
    into one message.
    """

    _name = "dunning.candidate"
    _description = "Dunning Candidates"

    @api.model
    def _keep(self, query) -> SQL:
        """Keep the candidates of `query` until the transaction ends, and return SELECT of them.

        PostgreSQL cannot guess how many items reach a level, and joins large runs item by item.
        Knowing their number it joins as many at once as there are.
        """
        self.env["dunning.statement"]._switch_compiler_off()
        self.env.cr.execute("DROP TABLE IF EXISTS pg_temp.dunning_kept_candidate")
        self.env.cr.execute(
            SQL("CREATE TEMP TABLE dunning_kept_candidate ON COMMIT DROP AS %s", query)
        )
        self.env.cr.execute("ANALYZE dunning_kept_candidate")
        return SQL("SELECT * FROM dunning_kept_candidate")

    @api.model
    def _scenario_query(
        self, scenarios, company, today, due_only=False, trial=False, customers=None
    ) -> SQL:
        """Return the items that reach a level or an action of one of `scenarios` on `today`.

        :param due_only: workflows only on their days; else they are taken as due, because a
            person chose them for this day
        :param trial: whether to look at scenarios that are switched off as if they were on
        :param customers: the ids of the customers whose dunning levels are asked for; None: all
        """
        mine = scenarios.filtered(lambda s: s.company_id in (company.browse(), company))
        begun = mine.filtered(
            lambda s: (s.active or trial) and (s._start(company) or today) <= today
        )
        invoice_level = begun.filtered(lambda s: s.campaign_type == "invoice")
        parts = []
        if invoice_level.level_ids:
            screen = Screen(company, today, customers=customers)
            parts.append(self._invoice_level_query(invoice_level, screen, trial))
        workflows = begun - invoice_level
        if workflows.level_ids:
            actions = self.env["dunning.workflow.candidate"]
            parts.append(actions._workflow_query(workflows, company, today, due_only))
        return SQL(" UNION ALL ").join(parts) if parts else self._nothing_query()

    @api.model
    def _nothing_query(self) -> SQL:
        return SQL(
            """SELECT 0 AS move_line_id, 0 AS level_id, 0 AS type_id, FALSE AS sends_email,
                      0 AS message_key WHERE FALSE"""
        )

    @api.model
    def _invoice_level_query(self, scenarios, screen, trial=False) -> SQL:
        """Return the items at a level: one scenario a customer, one level an item.

        The next level of an item is the first one above its last sent level whose day has come,
        else a repetition of the last sent one. An item with a message on its way waits.
        """
        company, today = screen.companies, screen.today
        statement = self.env["dunning.statement"]
        return SQL(
            """(WITH past AS (%(past)s)
                SELECT reached.move_line_id, level.id AS level_id, level.type_id,
                       level.action = 'email' AS sends_email,
                       CASE WHEN scenario.one_notice_per_level THEN level.id
                            ELSE -level.scenario_id END AS message_key
                  FROM (SELECT line.id AS move_line_id, %(level)s AS level_id
                          %(open_items)s
                           AND line.amount_residual > 0
                           AND choice.scenario_id = ANY(%(chosen)s)
                           AND recent.pending IS NOT TRUE AND %(free)s %(asked)s) reached
                  JOIN dunning_level level ON level.id = reached.level_id
                  JOIN dunning_scenario scenario ON scenario.id = level.scenario_id)""",
            past=self._past_query(screen),
            level=self._next_level_sql(scenarios, company, today),
            open_items=statement._open_items_sql(
                screen, self._choice_and_history_join(company, scenarios if trial else None)
            ),
            chosen=scenarios.ids,
            free=self._not_postponed_sql(today),
            asked=statement._chosen_customers(screen),
        )

    @api.model
    def _not_postponed_sql(self, today) -> SQL:
        return SQL("(move.dunning_due_date IS NULL OR move.dunning_due_date < %s)", today)

    @api.model
    def _choice_and_history_join(self, company, trial) -> SQL:
        """Return the JOIN of each item's scenario and of what it was sent before."""
        # OFFSET 0 keeps PostgreSQL from working the choice out again wherever it is named.
        return SQL(
            """JOIN res_partner customer ON customer.id = contact.commercial_partner_id
               CROSS JOIN LATERAL (SELECT %(choice)s AS scenario_id OFFSET 0) choice
               LEFT JOIN (%(history)s) history ON history.move_line_id = line.id
                     AND history.scenario_id = choice.scenario_id
               LEFT JOIN (SELECT move_line_id, BOOL_OR(state = 'queued') AS pending,
                                 MAX(date) FILTER (WHERE state = 'sent') AS last_date
                            FROM past GROUP BY move_line_id) recent
                      ON recent.move_line_id = line.id""",
            choice=self.env["dunning.scenario"]._choice_sql(company, trial),
            history=self._history_query(),
        )

    @api.model
    def _past_query(self, screen) -> SQL:
        """Return the reminders of open items that left or are on their way, statements aside.

        Where Odoo has rebuilt the items of an invoice, what they were sent counts for every item
        of the same customer in it.
        """
        return SQL(
            """SELECT run_line.item_id AS move_line_id, scenario.id AS scenario_id,
                      run_line.notice_id, notice.state, notice.date, placed.place
                 FROM (%(of_items)s UNION ALL %(of_rebuilt_items)s) run_line
                 JOIN dunning_notice notice ON notice.id = run_line.notice_id
                 LEFT JOIN dunning_level level ON level.id = run_line.level_id
                 LEFT JOIN dunning_scenario scenario
                   ON scenario.id = COALESCE(level.scenario_id, run_line.scenario_id)
                CROSS JOIN LATERAL (%(place)s) placed
                WHERE notice.company_id = %(company)s AND notice.state IN ('queued', 'sent')
                  %(asked)s
                  AND scenario.campaign_type IS DISTINCT FROM 'customer'""",
            of_items=SQL(
                """SELECT item.id AS item_id, line.* FROM dunning_run_line line
                     JOIN account_move_line item ON item.id = line.move_line_id
                      AND item.reconciled IS NOT TRUE"""
            ),
            of_rebuilt_items=SQL(
                """SELECT item.id AS item_id, line.* FROM dunning_run_line line
                     JOIN account_move_line item ON item.move_id = line.move_id
                      AND item.reconciled IS NOT TRUE
                     JOIN account_account account ON account.id = item.account_id
                      AND account.account_type = 'asset_receivable'
                     JOIN res_partner contact ON contact.id = item.partner_id
                      AND contact.commercial_partner_id = line.partner_id
                    WHERE line.move_line_id IS NULL"""
            ),
            place=self._place_query(),
            company=screen.companies.id,
            asked=SQL()
            if screen.customers is None
            else SQL("AND notice.partner_id = ANY(%s)", list(screen.customers)),
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
        Line = self.env["account.move.line"].sudo().with_company(run.company_id)
        Line = Line.with_context(allowed_company_ids=run.company_id.ids)
        chosen = Line._search(Domain(parse_domain(run.criteria_domain)))
        return SQL(
            """SELECT line.id AS move_line_id, NULL::int AS level_id, %(type)s::int AS type_id,
                      TRUE AS sends_email, 0 AS message_key
                 %(open_items)s AND line.amount_residual > 0 AND %(free)s
                  AND line.id IN %(chosen)s""",
            type=run.type_id.id or None,
            open_items=self.env["dunning.statement"]._open_items_sql(
                Screen(run.company_id, run.date)
            ),
            free=self._not_postponed_sql(run.date),
            chosen=chosen.subselect(),
        )

    @api.model
    def _run_lines_query(self, run, customer_ids) -> SQL:
        """Return the unsent lines of a run for some customers, to screen them again."""
        return SQL(
            """SELECT run_line.move_line_id, run_line.level_id,
                      COALESCE(level.type_id, %(type)s) AS type_id,
                      COALESCE(level.action, 'email') = 'email' AS sends_email,
                      run_line.message_key
                 FROM dunning_run_line run_line
                 LEFT JOIN dunning_level level ON level.id = run_line.level_id
                WHERE run_line.run_id = %(run)s AND run_line.notice_id IS NULL
                  AND run_line.partner_id = ANY(%(customers)s)""",
            type=run.type_id.id or None,
            run=run.id,
            customers=list(customer_ids),
        )
