import logging
from dataclasses import replace

from odoo import api, models
from odoo.tools import SQL

_logger = logging.getLogger(__name__)
# What the items of one message of a run have in common.
RUN_MESSAGE = SQL("partner_id, message_key, type_id, sends_email")


class DunningStatement(models.AbstractModel):
    """The one SQL statement that decides who and what is left out of dunning.

    How it works: `item` takes the open receivable items with the ranks of all item rules that
    exclude them, the one pass over Odoo's tables; `message` sums up what each customer owes and
    would be reminded of, and adds the ranks of the customer rules; the last SELECT joins both. A
    rule's rank is its place among the rules of the company, the deciding one first (dropped
    before unchecked, then by sequence), so the lowest rank decides. Companies with the same rules
    and the same day share one branch of the statement.

    For a run two more parts stand between them: `total` is what each customer owes, and
    `candidate` takes the items that reach a level, chosen among those of `item`.
    """

    _name = "dunning.statement"
    _description = "Dunning Screening Statement"

    @api.model
    def _query(self, screen) -> SQL:
        """Return SELECT of all columns of this model for what `screen` asks about."""
        self.env.flush_all()
        screen = self._with_customers(screen)
        self.env["dunning.planner"]._set(
            few=screen.customers is not None, run=bool(screen.candidates)
        )
        branches = [self._branch_query(branch, rules) for branch, rules in self._branches(screen)]
        return SQL(" UNION ALL ").join(SQL("(%s)", branch) for branch in branches)

    @api.model
    def _with_customers(self, screen):
        """Return `screen` with the customers that its owner belongs to.

        Totals are the customer's, so its other items are needed to explain one of them. PostgreSQL
        plans the statement faster, and reads nothing else, when it is given their ids.
        """
        if not screen.owner:
            return screen
        owner, ids = screen.owner
        if owner == "partner":
            return replace(screen, customers=tuple(ids))
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT contact.commercial_partner_id FROM account_move_line line
                     JOIN res_partner contact ON contact.id = line.partner_id
                    WHERE %s = ANY(%s)""",
                SQL("line.id") if owner == "line" else SQL("line.move_id"),
                list(ids),
            )
        )
        return replace(screen, customers=tuple(row[0] for row in rows))

    @api.model
    def _branches(self, screen):
        """Yield (screen, rules) for each group of companies with the same day and rules."""
        groups = {}
        for company in screen.companies:
            day = screen.today or company._dunning_today()
            rules = self._working_rules(company)
            # Own conditions can test fields that depend on the company.
            alone = company.id if "domain" in rules.mapped("source") else 0
            # Pairs and not a recordset, which equals another one in whatever order its rules are.
            ranked = tuple((rule, rule._effect_in(company)) for rule in rules)
            groups.setdefault((day, ranked, alone), []).append(company.id)
        for (day, ranked, _alone), company_ids in groups.items():
            companies = self.env["res.company"].browse(company_ids)
            yield replace(screen, companies=companies, today=day), ranked

    @api.model
    def _working_rules(self, company):
        """Return the rules of `company`, the deciding ones first; a broken one excludes nothing."""
        rules = self.env["dunning.exclusion.rule"]._active_in(company)
        for rule, fault in rules._faults(company).items():
            _logger.warning("Exclusion rule %s is broken: %s", rule.code, fault)
            rules -= rule
        return rules

    @api.model
    def _branch_query(self, screen, rules) -> SQL:
        ranked = [(rank, rule) for rank, (rule, _effect) in enumerate(rules, start=1)]
        dropped = sum(effect == "dropped" for _rule, effect in rules)
        listed = SQL("candidate") if screen.candidates else SQL("item")
        return SQL(
            """WITH item AS MATERIALIZED (%(item)s),
                    %(candidate)s
                    message AS MATERIALIZED (%(message)s)
               SELECT listed.id, listed.id AS move_line_id, listed.move_id, listed.partner_id,
                      listed.company_id, listed.currency_id, listed.date_due,
                      GREATEST(%(today)s - listed.date_due, 0) AS days_overdue,
                      listed.amount_residual, listed.amount_residual_currency,
                      message.outstanding, message.overdue, message.reminded_amount,
                      %(candidate_columns)s,
                      CASE WHEN decision.rank IS NULL THEN 'included'
                           WHEN decision.rank <= %(dropped)s THEN 'dropped'
                           ELSE 'unchecked' END AS outcome,
                      (%(rule_ids)s::int[])[decision.rank] AS rule_id,
                      CASE cardinality(listed.ranks || message.ranks)
                      WHEN 0 THEN NULL
                      WHEN 1 THEN jsonb_build_array((%(rule_ids)s::int[])[decision.rank])
                      ELSE (SELECT jsonb_agg((%(rule_ids)s::int[])[rank] ORDER BY rank)
                             FROM unnest(listed.ranks || message.ranks) rank)
                      END AS reason_ids
                 FROM %(listed)s listed
                 JOIN message %(same_message)s
                CROSS JOIN LATERAL (
                    SELECT LEAST(listed.ranks[1], message.ranks[1]) AS rank) decision
                %(restriction)s""",
            candidate=self._candidate_parts(screen),
            candidate_columns=self._candidate_columns(screen),
            listed=listed,
            same_message=self._same_message_sql(screen),
            item=self._item_query(screen, self._ranks_sql(screen, ranked, "item")),
            message=self._message_query(screen, self._ranks_sql(screen, ranked, "customer")),
            today=screen.today,
            dropped=dropped,
            rule_ids=[rule.id for _rank, rule in ranked],
            restriction=self._restriction(screen),
        )

    @api.model
    def _candidate_parts(self, screen) -> SQL:
        """Return the parts of the statement that a run has more: `total` and `candidate`."""
        if not screen.candidates:
            return SQL()
        # PostgreSQL has no statistics of `item`: grouped by the customer alone it would expect 200
        # of them, and look each one up; by two columns it expects a tenth of the items. What its
        # level says of a candidate is joined here and not at the end, where PostgreSQL expects a
        # single row, and would look up the levels in a table of all items.
        return SQL(
            """total AS MATERIALIZED (
                   SELECT partner_id, %(owed)s FROM item GROUP BY company_id, partner_id),
               candidate AS MATERIALIZED (
                   SELECT chosen.*, COALESCE(chosen.bundle, chosen.level_id) AS message_key,
                          level.sequence AS level_sequence, level.scenario_id,
                          COALESCE(level.type_id, %(type)s) AS type_id,
                          COALESCE(level.action, 'email') = 'email' AS sends_email
                     FROM (%(candidates)s) chosen
                     LEFT JOIN dunning_level level ON level.id = chosen.level_id),""",
            owed=self.env["dunning.open.item"]._owed_sql(screen),
            type=screen.type_id,
            candidates=screen.candidates,
        )

    @api.model
    def _candidate_columns(self, screen) -> SQL:
        """Return the columns that only a run has something to say in."""
        names = ("level_id", "level_sequence", "scenario_id", "message_key")
        if screen.candidates:
            return SQL(", ").join(SQL.identifier("listed", name) for name in names)
        return SQL(", ").join(SQL("NULL::int AS %s", SQL.identifier(name)) for name in names)

    @api.model
    def _ranks_sql(self, screen, ranked, level) -> SQL:
        """Return the ranks of the rules of one level that exclude, lowest first, as int[]."""
        cases = [
            SQL("CASE WHEN %s THEN %s END", rule._condition_sql(screen), rank)
            for rank, rule in ranked
            if rule.level == level
        ]
        return SQL("array_remove(ARRAY[%s]::int[], NULL)", SQL(", ").join(cases))

    @api.model
    def _same_message_sql(self, screen) -> SQL:
        """Return the join of an item with the message it goes into."""
        if screen.candidates:
            return SQL("USING (%s)", RUN_MESSAGE)
        # As one number: PostgreSQL knows nothing of both columns, and would expect so few items
        # with the same pair that it sorts a million of them on disk to count them by reason.
        return SQL(
            """ON (listed.company_id::bigint << 32) + listed.partner_id
                = (message.company_id::bigint << 32) + message.partner_id"""
        )

    @api.model
    def _item_query(self, screen, ranks) -> SQL:
        # By customer: what sums up a million items, joins them with their customers and writes them
        # into the indexes of a run finds in the caches of the processor what it needs next.
        everything = screen.customers is None
        ordered = SQL("ORDER BY contact.commercial_partner_id") if everything else SQL()
        return SQL(
            """SELECT line.id, line.move_id, line.company_id, line.currency_id,
                      contact.commercial_partner_id AS partner_id, %(date_due)s AS date_due,
                      COALESCE(move.invoice_date, line.date) AS invoice_date,
                      move.dunning_due_date AS postponed_to,
                      line.amount_residual, line.amount_residual_currency, %(ranks)s AS ranks
                 %(open_items)s %(chosen)s %(ordered)s""",
            date_due=self.env["dunning.open.item"]._date_due_sql(),
            ranks=ranks,
            open_items=self.env["dunning.open.item"]._open_items_sql(
                screen, self.env["dunning.exclusion.condition"]._item_joins(screen)
            ),
            chosen=self.env["dunning.open.item"]._chosen_customers(screen),
            ordered=ordered,
        )

    @api.model
    def _by_email_sql(self, companies) -> SQL:
        """Return whether `customer` is reminded by e-mail in `company`, outside a run.

        It is when a level of the scenario that applies to it sends e-mails.
        """
        cases = [
            SQL("WHEN company.id = %s THEN %s", company.id, by_email)
            for company in companies
            if (by_email := self.env["dunning.scenario"]._by_email_sql(company))
        ]
        if not cases:
            return SQL("FALSE")
        return SQL("CASE %s ELSE FALSE END", SQL(" ").join(cases))

    @api.model
    def _restriction(self, screen) -> SQL:
        if not screen.owner or screen.owner[0] == "partner":
            return SQL()
        column = {"line": SQL("listed.id"), "move": SQL("listed.move_id")}[screen.owner[0]]
        return SQL("WHERE %s = ANY(%s)", column, list(screen.owner[1]))

    @api.model
    def _message_query(self, screen, ranks) -> SQL:
        """Return what each customer owes and would be reminded of, with the ranks of its rules.

        It is kept apart (MATERIALIZED): merged into the last SELECT, the conditions on a customer
        would be evaluated again for each of its items.
        """
        return SQL(
            """SELECT total.*, %(ranks)s AS ranks
                 FROM (%(totals)s) owed
                 JOIN res_partner customer ON customer.id = owed.partner_id
                 JOIN res_company company ON company.id = owed.company_id
                CROSS JOIN LATERAL (SELECT owed.* %(ordinary)s) total
                 %(joins)s""",
            ranks=ranks,
            totals=self._run_totals(screen) if screen.candidates else self._all_totals(screen),
            ordinary=SQL() if screen.candidates else self._ordinary_message_sql(screen),
            joins=self.env["dunning.exclusion.condition"]._customer_joins(screen),
        )

    @api.model
    def _ordinary_message_sql(self, screen) -> SQL:
        """Return type and way of the message that is asked about outside a run: overdue items."""
        type_id = self.env["ir.model.data"]._xmlid_to_res_id("dunning_exclusion.type_overdue")
        overdue_type = self.env["dunning.reminder.type"].search([("id", "=", type_id)], order="id")
        return SQL(
            ", %s AS type_id, %s AS sends_email",
            overdue_type.id or 0,
            self._by_email_sql(screen.companies),
        )

    @api.model
    def _all_totals(self, screen) -> SQL:
        """Return the totals where every open item is there: one message for each customer."""
        return SQL(
            """SELECT company_id, partner_id, %(owed)s,
                      COALESCE(SUM(amount_residual) FILTER (
                          WHERE cardinality(ranks) = 0 AND date_due < %(today)s
                            AND amount_residual > 0), 0) AS reminded_amount
                 FROM item
                GROUP BY company_id, partner_id""",
            owed=self.env["dunning.open.item"]._owed_sql(screen),
            today=screen.today,
        )

    @api.model
    def _run_totals(self, screen) -> SQL:
        """Return the totals of a run: all open items count in what is owed, not only candidates.

        What a customer is reminded of counts together, also where each level has its message. Each
        action of a workflow has all items, and counts for itself.
        """
        return SQL(
            """SELECT %(company)s::int AS company_id, %(keys)s, total.outstanding, total.overdue,
                      SUM(message.amount) OVER (
                          PARTITION BY partner_id, COALESCE(-level.scenario_id, message_key)
                      ) AS reminded_amount
                 FROM (SELECT %(keys)s, COALESCE(SUM(amount_residual)
                                  FILTER (WHERE cardinality(ranks) = 0), 0) AS amount
                         FROM candidate GROUP BY %(keys)s) message
                 JOIN total USING (partner_id)
                 LEFT JOIN (SELECT level.id, level.scenario_id FROM dunning_level level
                              JOIN dunning_scenario scenario ON scenario.id = level.scenario_id
                             WHERE scenario.campaign_type = 'invoice') level
                        ON level.id = message.message_key""",
            company=screen.companies.id,
            keys=RUN_MESSAGE,
        )
