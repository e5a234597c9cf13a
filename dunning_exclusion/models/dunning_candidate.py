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
    def _scenario_query(self, scenarios, company, today) -> SQL:
        """Return the items that reach a level of one of `scenarios` on the day `today`."""
        parts = []
        invoice_level = scenarios.filtered(lambda s: s.campaign_type == "invoice")
        if any(invoice_level.level_ids):
            parts.append(self._invoice_level_query(invoice_level, company, today))
        return SQL(" UNION ALL ").join(parts) if parts else self._nothing_query()

    @api.model
    def _nothing_query(self) -> SQL:
        return SQL(
            """SELECT 0 AS move_line_id, 0 AS level_id, 0 AS type_id, FALSE AS sends_email,
                      0 AS message_key WHERE FALSE"""
        )

    @api.model
    def _invoice_level_query(self, scenarios, company, today) -> SQL:
        """Return the items at a level: one scenario a customer, one level an item.

        The next level of an item is the first one above its last sent level whose day has come,
        else a repetition of the last sent one.
        """
        screen = Screen(company, today)
        return SQL(
            """SELECT reached.move_line_id, level.id AS level_id, level.type_id,
                      level.action = 'email' AS sends_email,
                      CASE WHEN scenario.one_notice_per_level THEN level.id
                           ELSE -level.scenario_id END AS message_key
                 FROM (SELECT line.id AS move_line_id, %(level)s AS level_id
                         %(open_items)s
                          AND line.amount_residual > 0 AND customer.scenario_id = ANY(%(chosen)s)
                          AND history.pending IS NOT TRUE AND %(free)s) reached
                 JOIN dunning_level level ON level.id = reached.level_id
                 JOIN dunning_scenario scenario ON scenario.id = level.scenario_id
                 JOIN dunning_reminder_type type ON type.id = level.type_id AND type.active""",
            level=self._next_level_sql(scenarios, company, today),
            open_items=self.env["dunning.statement"]._open_items_sql(
                screen, self._customer_and_history_join(company)
            ),
            chosen=scenarios.ids,
            free=self._not_postponed_sql(today),
        )

    @api.model
    def _not_postponed_sql(self, today) -> SQL:
        return SQL("(move.dunning_due_date IS NULL OR move.dunning_due_date < %s)", today)

    @api.model
    def _customer_and_history_join(self, company) -> SQL:
        return SQL(
            """JOIN (SELECT customer.id, %(choice)s AS scenario_id FROM res_partner customer)
                    customer ON customer.id = contact.commercial_partner_id
               LEFT JOIN (%(history)s) history ON history.move_line_id = line.id
                     AND history.scenario_id = customer.scenario_id""",
            choice=self.env["dunning.scenario"]._choice_sql(company),
            history=self._history_query(company),
        )

    @api.model
    def _history_query(self, company) -> SQL:
        """Return what each item was sent: only messages that left count as a level.

        The place of a level is its sequence, then its id; a deleted level keeps its place.
        """
        return SQL(
            """SELECT past.move_line_id, past.scenario_id,
                      BOOL_OR(past.state = 'queued') AS pending,
                      MAX(past.place) FILTER (WHERE past.state = 'sent') AS place,
                      MAX(past.date) FILTER (WHERE past.state = 'sent') AS last_date,
                      COUNT(*) FILTER (WHERE past.state = 'sent' AND past.is_last) AS times
                 FROM (SELECT run_line.move_line_id, run_line.scenario_id, notice.state,
                              notice.date, placed.place,
                              placed.place = MAX(placed.place)
                                  FILTER (WHERE notice.state = 'sent')
                                  OVER (PARTITION BY run_line.move_line_id, run_line.scenario_id)
                                  AS is_last
                         FROM dunning_run_line run_line
                         JOIN dunning_notice notice ON notice.id = run_line.notice_id
                         LEFT JOIN dunning_level level ON level.id = run_line.level_id
                        CROSS JOIN LATERAL (
                            SELECT (COALESCE(level.sequence, run_line.level_sequence)::bigint << 32)
                                   + COALESCE(level.id, 2147483647) AS place) placed
                        WHERE notice.company_id = %s
                          AND notice.state IN ('queued', 'sent')) past
                GROUP BY past.move_line_id, past.scenario_id""",
            company.id,
        )

    @api.model
    def _next_level_sql(self, scenarios, company, today) -> SQL:
        """Return the id of the level an item is at today, or NULL."""
        cases = []
        for scenario in scenarios:
            mine = SQL(
                "customer.scenario_id = %s AND %s",
                scenario.id,
                self._waited_sql(scenario.min_days_between, today),
            )
            levels = scenario.level_ids.sorted(lambda level: (level.sequence, level.id))
            cases += [
                SQL(
                    "WHEN %s AND COALESCE(history.place < %s, TRUE) AND %s THEN %s",
                    mine,
                    level._place(),
                    level._reached_sql(company, today),
                    level.id,
                )
                for level in levels
            ]
            cases += [
                SQL(
                    "WHEN %s AND history.place = %s AND %s AND %s THEN %s",
                    mine,
                    level._place(),
                    self._repeats_sql(level, today),
                    level._reached_sql(company, today),
                    level.id,
                )
                for level in levels
                if level.repeat_every
            ]
        return SQL("CASE %s END", SQL(" ").join(cases))

    @api.model
    def _waited_sql(self, days, today) -> SQL:
        return SQL("(history.last_date IS NULL OR history.last_date + %s <= %s)", days or 0, today)

    @api.model
    def _repeats_sql(self, level, today) -> SQL:
        """Return whether the last sent level is due again; it was sent once before repeating."""
        often_enough = SQL("TRUE")
        if level.repeat_max:
            often_enough = SQL("history.times <= %s", level.repeat_max)
        return SQL("history.last_date + %s <= %s AND %s", level.repeat_every, today, often_enough)

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
