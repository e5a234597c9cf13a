import logging
from dataclasses import dataclass, replace
from datetime import date

from odoo import api, models
from odoo.tools import SQL

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Screen:
    """What is screened: the constants of one question to the screening.

    :param companies: the companies asked about (res.company)
    :param today: the day asked about; None: today in each company
    :param owner: restricts the answer to ("line", "move" or "partner", ids); the ids of partners
        are those of customers (commercial partners)
    :param candidates: SELECT move_line_id, level_id, type_id, sends_email, message_key of the
        items a run is about; None: every open item, for the live report and the explanation
    :param customers: the ids of the customers that are read, which follow from `owner`; None: all
    """

    companies: models.BaseModel
    today: date | None = None
    owner: tuple | None = None
    candidates: SQL | None = None
    customers: tuple | None = None


class DunningStatement(models.AbstractModel):
    """The one SQL statement that decides who and what is left out of dunning.

    How it works: `item` takes the open receivable items with the ranks of all item rules that
    exclude them; `message` sums up what each customer owes and would be reminded of, and adds the
    ranks of the customer rules; the last SELECT joins both. A
    rule's rank is its place among the rules of the company, the deciding one first (dropped
    before unchecked, then by sequence), so the lowest rank decides. Companies with the same rules
    and the same day share one branch of the statement.
    """

    _name = "dunning.statement"
    _description = "Dunning Screening Statement"

    @api.model
    def _query(self, screen) -> SQL:
        """Return SELECT of all columns of this model for what `screen` asks about."""
        self.env.flush_all()
        self._switch_compiler_off()
        screen = self._with_customers(screen)
        branches = [self._branch_query(branch, rules) for branch, rules in self._branches(screen)]
        return SQL(" UNION ALL ").join(SQL("(%s)", branch) for branch in branches)

    @api.model
    def _switch_compiler_off(self):
        """Let PostgreSQL interpret expressions until this transaction ends.

        Compiling the hundreds of expressions of the rules takes longer than screening 100,000
        items with them.
        """
        self.env.cr.execute("SET LOCAL jit = off")

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
            effects = tuple(rule._effect_in(company) for rule in rules)
            groups.setdefault((day, rules, effects, alone), []).append(company.id)
        for (day, rules, effects, _alone), company_ids in groups.items():
            companies = self.env["res.company"].browse(company_ids)
            yield (
                replace(screen, companies=companies, today=day),
                list(zip(rules, effects, strict=True)),
            )

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
        return SQL(
            """WITH %(candidate)s item AS MATERIALIZED (%(item)s),
                    message AS MATERIALIZED (%(message)s)
               SELECT item.id, item.id AS move_line_id, item.move_id, item.partner_id,
                      item.company_id, item.currency_id, item.date_due,
                      GREATEST(%(today)s - item.date_due, 0) AS days_overdue,
                      item.amount_residual, item.amount_residual_currency,
                      message.outstanding, message.overdue, message.reminded_amount,
                      %(candidate_columns)s,
                      CASE WHEN decision.rank IS NULL THEN 'included'
                           WHEN decision.rank <= %(dropped)s THEN 'dropped'
                           ELSE 'unchecked' END AS outcome,
                      (%(rule_ids)s::int[])[decision.rank] AS rule_id,
                      CASE WHEN decision.rank IS NOT NULL THEN
                          (SELECT jsonb_agg((%(rule_ids)s::int[])[rank] ORDER BY rank)
                             FROM unnest(item.ranks || message.ranks) rank)
                      END AS reason_ids
                 FROM item
                 JOIN message USING (%(keys)s)
                CROSS JOIN LATERAL (
                    SELECT LEAST(item.ranks[1], message.ranks[1]) AS rank) decision
                %(restriction)s""",
            candidate=SQL("candidate AS (%s),", screen.candidates) if screen.candidates else SQL(),
            candidate_columns=SQL("item.level_id, item.message_key")
            if screen.candidates
            else SQL("NULL::int AS level_id, 0 AS message_key"),
            keys=self._message_keys(screen),
            item=self._item_query(screen, self._ranks_sql(screen, ranked, "item")),
            message=self._message_query(screen, self._ranks_sql(screen, ranked, "customer")),
            today=screen.today,
            dropped=dropped,
            rule_ids=[rule.id for _rank, rule in ranked],
            restriction=self._restriction(screen),
        )

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
    def _open_items_sql(self, screen, join=None) -> SQL:
        """Return FROM and WHERE of the open receivable items of the companies of `screen`.

        :param join: a further JOIN of the statement
        """
        # `reconciled IS NOT TRUE` is what Odoo's own partial index on open items says.
        return SQL(
            """FROM account_move_line line
               JOIN account_account account ON account.id = line.account_id
               JOIN account_move move ON move.id = line.move_id
               JOIN res_partner contact ON contact.id = line.partner_id
               JOIN res_company company ON company.id = line.company_id
               %(join)s
              WHERE line.reconciled IS NOT TRUE AND line.parent_state = 'posted'
                AND account.account_type = 'asset_receivable'
                AND line.company_id = ANY(%(companies)s)""",
            join=join or SQL(),
            companies=list(screen.companies.ids),
        )

    @api.model
    def _date_due_sql(self) -> SQL:
        """Return the due date for dunning over `line` and `move`: never before the agreed one."""
        return SQL("GREATEST(COALESCE(line.date_maturity, line.date), move.dunning_due_date)")

    @api.model
    def _message_keys(self, screen) -> SQL:
        """Return the columns that tell which items go into one message."""
        if screen.candidates:
            return SQL("company_id, partner_id, message_key, type_id, sends_email")
        return SQL("company_id, partner_id")

    @api.model
    def _item_query(self, screen, ranks) -> SQL:
        candidate, join = SQL(), SQL()
        if screen.candidates:
            candidate = SQL(
                """candidate.level_id, COALESCE(candidate.type_id, 0) AS type_id,
                   candidate.sends_email, candidate.message_key,"""
            )
            join = SQL("JOIN candidate ON candidate.move_line_id = line.id")
        conditions = self.env["dunning.exclusion.condition"]
        return SQL(
            """SELECT line.id, line.move_id, line.company_id, line.currency_id,
                      contact.commercial_partner_id AS partner_id, %(date_due)s AS date_due,
                      line.amount_residual, line.amount_residual_currency,
                      %(candidate)s %(ranks)s AS ranks
                 %(open_items)s %(chosen)s""",
            date_due=self._date_due_sql(),
            candidate=candidate,
            ranks=ranks,
            open_items=self._open_items_sql(
                screen, SQL("%s %s", join, conditions._item_joins(screen))
            ),
            chosen=self._chosen_customers(screen),
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
    def _chosen_customers(self, screen) -> SQL:
        """Return the restriction of open items to the customers that are read."""
        if screen.customers is None:
            return SQL()
        return SQL("AND contact.commercial_partner_id = ANY(%s)", list(screen.customers))

    @api.model
    def _restriction(self, screen) -> SQL:
        if not screen.owner or screen.owner[0] == "partner":
            return SQL()
        column = {"line": SQL("item.id"), "move": SQL("item.move_id")}[screen.owner[0]]
        return SQL("WHERE %s = ANY(%s)", column, list(screen.owner[1]))

    @api.model
    def _balance_of_customers_query(self, screen, customers=None) -> SQL:
        """Return company, customer, outstanding and overdue of some customers.

        :param customers: SELECT of their ids; None: those of `screen`
        """
        chosen = self._chosen_customers(screen)
        if customers:
            chosen = SQL("AND contact.commercial_partner_id IN (%s)", customers)
        return SQL(
            """SELECT company_id, partner_id, %(owed)s
                 FROM (SELECT line.company_id, contact.commercial_partner_id AS partner_id,
                              %(date_due)s AS date_due, line.amount_residual
                         %(open_items)s %(chosen)s) AS open_item
                GROUP BY company_id, partner_id""",
            owed=self._owed_sql(screen),
            date_due=self._date_due_sql(),
            open_items=self._open_items_sql(screen),
            chosen=chosen,
        )

    @api.model
    def _owed_sql(self, screen) -> SQL:
        return SQL(
            """SUM(amount_residual) AS outstanding,
               COALESCE(SUM(amount_residual) FILTER (WHERE date_due < %s), 0) AS overdue""",
            screen.today,
        )

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
        overdue_type = self.env.ref("dunning_exclusion.type_overdue", False)
        return SQL(
            ", %s AS type_id, %s AS sends_email",
            overdue_type.id if overdue_type and overdue_type.active else 0,
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
            owed=self._owed_sql(screen),
            today=screen.today,
        )

    @api.model
    def _run_totals(self, screen) -> SQL:
        """Return the totals of a run: all open items count in what is owed, not only candidates."""
        chosen = SQL("SELECT partner_id FROM item") if screen.customers is None else None
        return SQL(
            """SELECT company_id, partner_id, message_key, type_id, sends_email,
                      balance.outstanding, balance.overdue,
                      SUM(COALESCE(SUM(amount_residual) FILTER (WHERE cardinality(ranks) = 0), 0))
                          OVER (PARTITION BY company_id, partner_id, message_key)
                          AS reminded_amount
                 FROM item JOIN (%(balance)s) balance USING (company_id, partner_id)
                GROUP BY company_id, partner_id, message_key, type_id, sends_email,
                         balance.outstanding, balance.overdue""",
            balance=self._balance_of_customers_query(screen, chosen),
        )
