import re
import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from psycopg2 import DataError, ProgrammingError

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.orm.domains import DomainAnd, DomainCondition
from odoo.tools import SQL, OrderedSet

from ..screening import items, statement
from ..screening.question import Branch, Owner, Question, RankedRule
from . import waiting_money
from .arguments import check_one, read_date
from .dunning_exclusion_condition import LATE_RULES, ExcludedItem
from .outcome_pages import complete, read_found, read_page, read_rows, walk

OUTCOMES = [("included", "To send"), ("unchecked", "Held back"), ("dropped", "Not listed")]
# The best outcome for the reminder among grouped items.
BEST_OUTCOME = SQL(
    "(%(codes)s::text[])[MIN(array_position(%(codes)s::text[], outcome))]",
    codes=[code for code, _name in OUTCOMES],
)
SCOPE_KEY = "dunning_screening_scope"
# An order by customer, and the rest of it.
BY_CUSTOMER = re.compile(r"\s*partner_id(\s+(asc|(?P<desc>desc)))?\s*(,(?P<rest>.+))?", re.I)
# How many items of a customer are expected to match a search.
EXPECTED_ITEMS = 3
# The fields that name whom an answer is about, and the kind of `Owner` that they stand for.
OWNERS = {"id": "line", "move_line_id": "line", "move_id": "move", "partner_id": "partner"}
# The fields of other models that hold an answer which may follow from any item of a customer.
ANSWERS = {
    "res.partner": (
        *("dunning_outcome", "dunning_outstanding", "dunning_overdue"),
        *("dunning_scenario_missing", "dunning_scenario_message"),
    ),
    "account.move": ("dunning_outcome",),
    "account.move.line": ("dunning_outcome",),
}


class Scope(NamedTuple):
    """What a search needs: whose items, and whether all their reasons."""

    owner: Owner | None = None
    all_reasons: bool = True


class DunningReasons(models.AbstractModel):
    """All the reasons that stand against a reminder, in one column: ids of rules as JSON."""

    _name = "dunning.reasons"
    _description = "Exclusion Reasons"

    reason_ids = fields.Json(readonly=True, help="Ids of all reasons, the deciding one first.")
    rule_ids = fields.Many2many(
        "dunning.exclusion.rule",
        string="All Reasons",
        compute="_compute_rule_ids",
        search="_search_rule_ids",
        help="Every exclusion reason, the deciding one first.",
    )
    marks = fields.Json(
        "Reasons by Place", compute="_compute_marks", help="By where their (x) is shown."
    )

    @api.depends("reason_ids")
    def _compute_rule_ids(self):
        rules = self.env["dunning.exclusion.rule"]
        named = {rule_id for record in self for rule_id in record.reason_ids or []}
        # A rule can be deleted while its id is still kept as a reason.
        existing = rules.browse(named).exists()
        # Read all rules at once: when they are set below, Odoo would read them group by group.
        existing.mapped("name")
        found = set(existing.ids)
        for reasons, records in self._by_reasons().items():
            records.rule_ids = rules.browse(rule_id for rule_id in reasons if rule_id in found)

    @api.depends("rule_ids")
    def _compute_marks(self):
        for records in self._by_reasons().values():
            # A slice would lose the other records, whose rules are read at the same time.
            by_marker = next(iter(records)).rule_ids.grouped("marker")
            records.marks = {marker: rules.mapped("name") for marker, rules in by_marker.items()}

    def _by_reasons(self):
        """Return {ids of rules: the records that have them}; many records have the same."""
        return self.grouped(lambda record: tuple(record.reason_ids or ()))

    @api.model
    def _search_rule_ids(self, operator, value):
        if operator not in ("in", "any"):
            return NotImplemented
        rules = self.env["dunning.exclusion.rule"]
        none = operator == "in" and False in value
        if operator == "any":
            value = rules.search(Domain(value)).ids
        texts = [str(rule_id) for rule_id in rules.browse(filter(None, value)).exists().ids]

        def to_sql(_model, alias, _query):
            reasons = SQL.identifier(alias, "reason_ids")
            found = SQL("COALESCE(%s @> ANY(%s::jsonb[]), FALSE)", reasons, texts)
            return SQL("(%s OR (%s @? '$[*]') IS NOT TRUE)", found, reasons) if none else found

        return Domain.custom(to_sql=to_sql)


class DunningScreening(models.Model):
    """Every open receivable item with what dunning would do with it today, and why.

    Nothing is stored: reading this model runs the statement of the package `screening`, for the
    customers that the search names, or for all. Runs, the explanation and bridges ask for the
    statement itself: see `_screened`.
    """

    _name = "dunning.screening"
    _description = "Excluded Receivables"
    _inherit = "dunning.reasons"
    _auto = False
    _order = "partner_id, date_due, id"
    _rec_name = "move_line_id"

    move_line_id = fields.Many2one(
        "account.move.line",
        string="Item",
        help="The receivable item: an invoice, or one installment of it.",
    )
    move_id = fields.Many2one("account.move", string="Invoice")
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        help="The customer who owes the items: the company, not one of its contacts.",
    )
    company_id = fields.Many2one("res.company")
    company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Company Currency"
    )
    currency_id = fields.Many2one("res.currency")
    date_due = fields.Date(string="Due Date", help="For reminders: the postponed due date counts.")
    days_overdue = fields.Integer(
        readonly=True, aggregator="max", help="Days since the due date; 0 before it."
    )
    amount_residual = fields.Monetary(
        string="Open Amount",
        currency_field="company_currency_id",
        help="What is still open, in company currency; negative for credits.",
    )
    amount_residual_currency = fields.Monetary(string="Open in Currency")
    outstanding = fields.Monetary(
        currency_field="company_currency_id",
        aggregator=None,
        help="All that the customer owes, less credits, including held items, in company currency.",
    )
    overdue = fields.Monetary(
        currency_field="company_currency_id",
        aggregator=None,
        help="The part of the outstanding amount that is past its due date.",
    )
    reminded_amount = fields.Monetary(
        currency_field="company_currency_id",
        aggregator=None,
        help="The amount the customer would be reminded of: compared with minimum and maximum.",
    )
    outcome = fields.Selection(
        OUTCOMES,
        help="To send: it is reminded. Held back: listed, not selected. Not listed: in no list.",
    )
    rule_id = fields.Many2one("dunning.exclusion.rule", string="Deciding Reason")
    way_out = fields.Selection(related="rule_id.way_out", string="Remedy")

    @api.readonly
    def action_open_invoice(self):
        """Open the invoice or entry of the item."""
        check_one(self)
        return self.move_id._get_records_action()

    def action_way_out(self):
        """Open what removes the deciding reason of the item."""
        check_one(self)
        return self.move_line_id.action_dunning_way_out(self.rule_id.code)

    # Asking ---------------------------------------------------------------------------------

    @api.model
    def _statement(self, question) -> SQL:
        """Return the SELECT that answers `question`, with a row for each item: see `statement`."""
        self.env.flush_all()
        return statement.select(self._branches(self._with_customers(question)))

    @api.model
    @contextmanager
    def _screened(self, question):
        """Yield the SELECT that answers `question`, to be executed inside the `with` block.

        Only there PostgreSQL has the settings that it needs for it: see `statement.planned`.
        """
        question = self._with_customers(question)
        query = self._statement(question)
        chosen, some = bool(question.candidates), question.customers is not None
        with self._planned(question.few, chosen, some):
            yield query

    @api.model
    @contextmanager
    def _screened_together(self, **questions):
        """Yield WITH of the answers to these questions of a run and others, see `together`."""
        self.env.flush_all()
        branches = {name: self._branches(asked)[0] for name, asked in questions.items()}
        with self._planned(few=False, run=True):
            yield statement.together(branches)

    @api.model
    def _with_customers(self, question):
        """Return `question` with the customers that its owner belongs to, and more about them.

        Totals are the customer's, so its other items are needed to explain one of them. PostgreSQL
        plans the statement faster, and reads nothing else, when it is given their ids.
        """
        self.env.flush_all()
        if question.owner and question.customers is None:
            customers = question.owner.ids
            if question.owner.kind != "partner":
                rows = self.env.execute_query(items.customers_of(question.owner))
                customers = tuple(row[0] for row in rows)
            question = replace(question, customers=customers)
        if question.listed and not question.few:
            looked_up = statement.is_few(self.env, len(question.customers))
            question = replace(question, looked_up=looked_up)
        if question.customers and question.few_bank_lines is None:
            few = waiting_money.has_few_lines(self.env, len(question.customers))
            question = replace(question, few_bank_lines=few)
        # Where tables are read as for all customers anyway, the number of items changes nothing.
        matters = question.few or question.listed and not question.few_bank_lines
        if matters and question.many_items is None:
            [[many]] = self.env.execute_query(items.has_many(question))
            question = replace(question, many_items=many)
        if question.customers and not question.few and question.contacts is None:
            rows = self.env.execute_query(items.contacts_of(question))
            question = replace(question, contacts=tuple(row[0] for row in rows))
        return question

    @api.model
    def _branches(self, question):
        """Return a `Branch` for each group of companies with the same day and rules."""
        groups = {}
        for company in question.companies:
            day = question.today or company._dunning_today()
            rules = self.env["dunning.exclusion.rule"]._active_in(company)
            # Own conditions are restricted to one company.
            alone = company.id if "domain" in rules.mapped("source") else 0
            ranked = tuple((rule, rule._effect_in(company)) for rule in rules)
            groups.setdefault((day, ranked, alone), []).append(company.id)
        if len(groups) > 1 and question.customers is not None:
            # To plan the branch of a company takes longer than to see that nothing is open there.
            query = SQL("SELECT DISTINCT line.company_id %s", items.open_items(question))
            wanted = {row[0] for row in self.env.execute_query(query)}
            groups = {key: ids for key, ids in groups.items() if wanted.intersection(ids)} or groups
        companies = self.env["res.company"]
        return [
            self._branch(replace(question, companies=companies.browse(ids), today=day), ranked)
            for (day, ranked, _alone), ids in groups.items()
        ]

    @api.model
    def _branch(self, question, ranked):
        conditions = self.env["dunning.exclusion.condition"]
        return Branch(
            question=question,
            rules=tuple(
                RankedRule(rule.id, rule.level, effect, condition, rule.code in LATE_RULES)
                for rule, effect in ranked
                if (condition := rule._condition_sql(question))
            ),
            item_joins=conditions._item_joins(question),
            customer_joins=conditions._customer_joins(question),
            waiting=conditions._waiting(question),
            assumed=SQL() if question.candidates else self._assumed_message(question.companies),
        )

    @api.model
    def _assumed_message(self, companies) -> SQL:
        """Return the columns of the message that is assumed outside a run: an ordinary reminder."""
        type_id = self.env["ir.model.data"]._xmlid_to_res_id("dunning_exclusion.type_overdue")
        overdue = self.env["dunning.reminder.type"].search([("id", "=", type_id)], order="id")
        by_email = self.env["dunning.scenario"]._by_email_sql(companies)
        return SQL(", %s AS type_id, %s AS sends_email", overdue.id or 0, by_email)

    # Reading --------------------------------------------------------------------------------

    @property
    def _table_query(self):
        day = self._asked_day()
        owner, all_reasons = self._scope()
        question = Question(self.env.companies, day, owner=owner, all_reasons=all_reasons)
        return self._statement(question)

    @api.model
    def _asked_day(self):
        """Return the day that `dunning_day` of the context asks about, or None for today.

        It is a day, or "next_run": the day of the next automatic run of the current company.
        """
        day = self.env.context.get("dunning_day")
        if day == "next_run":
            return self.env.company._dunning_next_run_day()
        return read_date(self.env, day)

    @api.model
    def _scope(self):
        """Return the `Scope` of a search."""
        scope = self.env.context.get(SCOPE_KEY)
        # A client can give a context, but no `Scope`.
        return scope if isinstance(scope, Scope) else Scope()

    @api.model
    def _scoped(self, owner, all_reasons=True):
        """Return `self` so that it screens only `owner` (None: everybody)."""
        return self.with_context(**{SCOPE_KEY: Scope(owner, all_reasons)})

    @api.model
    def _needs_all_reasons(self, domain, order=None, specs=()):
        """Return whether more than the deciding reasons are needed to find and group records.

        :param domain: the domain of the records
        :param specs: what they are grouped by, and what is added up, as for `_read_group`
        """
        rules = self.env["ir.rule"]._compute_domain(self._name, "read")
        parts = [*Domain(domain).optimize(self), *rules]
        parts = [part for part in parts if not isinstance(part, str)]
        # What is SQL already may be about anything.
        if any(isinstance(part, Domain) or isinstance(part[2], SQL) for part in parts):
            return True
        texts = [part[0] for part in parts if isinstance(part[0], str)]
        texts += [*specs, *(term.split()[0] for term in (order or "").split(",") if term.strip())]
        names = {re.split(r"[:.]", text)[0] for text in texts} - {"__count"}
        fields_ = [self._fields.get(name) for name in names]
        columns = [field and (field.related or field.name).split(".")[0] for field in fields_]
        # What is no column may follow from any reason.
        return not all(
            column and column != "reason_ids" and self._fields[column].store for column in columns
        )

    @contextmanager
    def _planned(self, few=None, run=False, some=False):
        """Execute the block under `statement.planned`, which explains the parameters.

        :param few: None: True when the search names whom it is about
        :raise UserError: when PostgreSQL refuses a condition that people typed
        """
        few = self._scope().owner is not None if few is None else few
        try:
            with statement.planned(self.env, few, run, some):
                yield
        except (DataError, ProgrammingError) as error:
            if message := self._find_broken():
                raise UserError(message) from error
            raise

    @api.model
    def _find_broken(self):
        """Return an error that names the rules and scenarios that PostgreSQL refuses, or None.

        They worked when they were saved, and so are not tried again at each screening.
        """
        # The transaction of the statement that failed can do nothing any more.
        with self.env.registry.cursor() as cr:
            env = self.env(cr=cr)
            broken = {
                record.display_name: None
                for company in env["res.company"].browse(self.env.companies.ids).exists()
                for model in ("dunning.exclusion.rule", "dunning.scenario")
                for record in env[model]._broken_in(company)
            }
            if not broken:
                return None
            return env._(
                "Nothing can be screened, because these conditions can no longer be evaluated: "
                "%(names)s. Correct them, or switch them off.",
                names=", ".join(broken),
            )

    @api.model
    def _search(self, domain, offset=0, limit=None, order=None, **kwargs):
        # The answer may have changed with any other record, so it is not taken from the cache.
        self.invalidate_model(flush=False)
        domain = Domain(domain)
        owner = self._owner_in(domain)
        # `search_fetch` reads the records that are found from this query, so it has all reasons,
        # unless the caller (a sum, a count) has said that it reads none.
        all_reasons = self._scope().all_reasons or self._needs_all_reasons(domain, order)
        scoped = self._scoped(owner, all_reasons)
        if not limit or owner:
            return super(DunningScreening, scoped)._search(domain, offset, limit, order, **kwargs)
        order = order and complete(order)
        found = self._walk(domain, order, offset + limit, **kwargs)
        if found is None:
            scoped = self._scoped(None, self._needs_all_reasons(domain, order))
            query = super(DunningScreening, scoped)._search(domain, offset, limit, order, **kwargs)
            ids = [row[0] for row in read_rows(self, query)]
        else:
            ids = found[offset:]
        return self._scoped(Owner("line", tuple(ids))).browse(ids)._as_query()

    @api.model
    def _walk(self, domain, order, wanted, **kwargs):
        """Return the first `wanted` ids of a search in the order of customers, or None.

        None: the order is another one, the search names whom it is about, or it is faster to
        screen everybody. Without an order any customers will do.
        """
        known = BY_CUSTOMER.fullmatch(order or "partner_id")
        if not known or self._owner_in(domain):
            return None
        # Before anything is told about customers, whoever asks must be one who may read items.
        self.browse().check_access("read")
        Partner = self.env["res.partner"]
        # The search itself applies the record rules.
        customers = Partner._search(
            self._customers_in(domain), active_test=False, bypass_access=True
        )
        customers.order = self._customer_order(
            SQL.identifier(Partner._table, "complete_name"),
            SQL.identifier(Partner._table, "id"),
            SQL("DESC" if known["desc"] else "ASC"),
        )
        all_reasons = self._needs_all_reasons(domain, order)

        def matching(ids):
            scoped = self._scoped(Owner("partner", tuple(ids)), all_reasons)
            query = super(DunningScreening, scoped)._search(domain, order=known["rest"], **kwargs)
            columns = [SQL.identifier(self._table, name) for name in ("id", "partner_id")]
            with scoped._planned(few=statement.is_few(self.env, len(ids)), some=True):
                rows = self.env.execute_query(query.select(*columns))
            # Sorted here: PostgreSQL would look up the name of the customer of each item.
            place = {customer_id: place for place, customer_id in enumerate(ids)}
            return [row[0] for row in sorted(rows, key=lambda row: place[row[1]])]

        # Only customers owe something, their other contacts do not.
        is_open = items.owes(SQL("listed.id"))
        return walk(customers, is_open, matching, wanted, expected=EXPECTED_ITEMS)

    @api.model
    def _customer_order(self, name, customer_id, direction) -> SQL:
        """Return the terms of ORDER BY for customers in the order of contacts in Odoo."""
        other = SQL("ASC" if direction.code.upper() == "DESC" else "DESC")
        return SQL("%s %s, %s %s", name, direction, customer_id, other)

    def _order_field_to_sql(self, alias, field_name, direction, nulls, query):
        """Override of `base` to look up the name of the customer of each item.

        PostgreSQL expects few items, and would compare each with all contacts if they were joined.
        """
        if field_name != "partner_id":
            return super()._order_field_to_sql(alias, field_name, direction, nulls, query)
        customer = self._field_to_sql(alias, field_name, query)
        query._order_groupby.append(customer)
        name = SQL("(SELECT complete_name FROM res_partner WHERE id = %s)", customer)
        return self._customer_order(name, customer, direction)

    @api.model
    def _customers_in(self, domain):
        """Return the domain of the contacts whose customers `domain` may be about."""
        conditions = domain.children if isinstance(domain, DomainAnd) else [domain]
        named = [
            Domain(f"commercial_{part.field_expr}", part.operator, part.value)
            for part in conditions
            if isinstance(part, DomainCondition) and part.field_expr.split(".")[0] == "partner_id"
        ]
        return Domain.AND(named)

    def _fetch_query(self, query, fields):
        with self._planned(some=bool(self) or query._ids is not None):
            return super()._fetch_query(query, fields)

    @api.model
    @api.readonly
    def search_count(self, domain, limit=None):
        """Override of `base` to count under the settings of `screening.statement.planned`."""
        if limit and (found := self._walk(Domain(domain), None, limit)) is not None:
            return len(found)
        with self._planned(some=self._owner_in(Domain(domain)) is not None):
            # Not limited again: the walk has given up.
            scoped = self._scoped(None, self._needs_all_reasons(domain))
            count = super(DunningScreening, scoped).search_count(domain)
            return min(count, limit or sys.maxsize)

    @api.model
    def _read_group(
        self, domain, groupby=(), aggregates=(), having=(), offset=0, limit=None, order=None
    ):
        specs = [*groupby, *aggregates]
        scoped = self._scoped(None, bool(having) or self._needs_all_reasons(domain, order, specs))
        with self._planned(some=self._owner_in(Domain(domain)) is not None):
            rows = super(DunningScreening, scoped)._read_group(
                domain, groupby, aggregates, having, offset, limit, order
            )
        return self._with_own_env(rows)

    @api.model
    def _read_grouping_sets(self, domain, grouping_sets, aggregates=(), order=None):
        specs = [*aggregates, *(spec for groupby in grouping_sets for spec in groupby)]
        scoped = self._scoped(None, self._needs_all_reasons(domain, order, specs))
        with self._planned(some=self._owner_in(Domain(domain)) is not None):
            found = super(DunningScreening, scoped)._read_grouping_sets(
                domain, grouping_sets, aggregates, order
            )
        return [self._with_own_env(rows) for rows in found]

    def _with_own_env(self, rows):
        """Return `rows` with records of this env: asked again, these must tell all reasons."""
        return [
            tuple(
                one.with_env(self.env) if isinstance(one, models.BaseModel) else one for one in row
            )
            for row in rows
        ]

    @api.model
    @api.readonly
    def web_search_read(
        self, domain, specification, offset=0, limit=None, order=None, count_limit=None
    ):
        """Override of `web`: see `outcome_pages`."""
        if not limit:
            return super().web_search_read(domain, specification, offset, limit, order, count_limit)
        domain, order = Domain(domain), complete(order or self._order)
        wanted = max(offset + limit, count_limit or sys.maxsize)
        if (found := self._walk(domain, order, wanted)) is not None:
            return read_found(self, found, specification, offset, limit, count_limit)
        all_reasons = self._needs_all_reasons(domain, order)
        scoped = self._scoped(self._owner_in(domain), all_reasons)
        # pylint: disable-next=super-method-mismatch
        query = super(DunningScreening, scoped)._search(domain, offset, limit, order)
        return read_page(self, query, specification, count_limit)

    @api.model
    def _owner_in(self, domain):
        """Return the `Owner` that `domain` is restricted to, or None."""
        conditions = domain.children if isinstance(domain, DomainAnd) else [domain]
        for condition in conditions:
            if isinstance(condition, DomainCondition) and condition.field_expr in OWNERS:
                ids = {"=": [condition.value], "in": condition.value}.get(condition.operator)
                listed = isinstance(ids, (list, tuple, OrderedSet))
                if listed and all(isinstance(res_id, int) and res_id for res_id in ids):
                    return Owner(OWNERS[condition.field_expr], tuple(ids))
        return None

    # Answers for customers, invoices and items ----------------------------------------------

    @api.model
    def _owner_query(self, owner_field, outcomes, companies, owner=None) -> SQL:
        """Return SELECT of the owners (of `owner`, or all) whose best outcome is in `outcomes`."""
        field = SQL.identifier(owner_field)
        if owner_field == "move_line_id":
            # An item has one outcome: there is nothing to be grouped.
            best = SQL("WHERE outcome = ANY(%s)", list(outcomes))
        else:
            best = SQL("GROUP BY %s HAVING %s = ANY(%s)", field, BEST_OUTCOME, list(outcomes))
        screening = self._statement(Question(companies, owner=owner, all_reasons=False))
        return SQL("(SELECT %s FROM (%s) AS screening %s)", field, screening, best)

    @api.model
    def _best_outcomes(self, owner_field, owner_ids, companies):
        """Return {owner id: best outcome among its open items} for a handful of owners."""
        if not owner_ids:
            return {}
        owner = Owner(OWNERS[owner_field], tuple(owner_ids))
        question = Question(companies, owner=owner, all_reasons=False)
        columns = SQL("%s, %s", SQL.identifier(owner_field), BEST_OUTCOME)
        with self._screened(question) as screening:
            query = SQL("SELECT %s FROM (%s) AS screening GROUP BY 1", columns, screening)
            return dict(self.env.execute_query(query))

    @api.model
    def _explain(self, owner_field, owner_ids, companies, day=None):
        """Return the reasons against reminding a handful of owners: see `dunning_explain`."""
        found = {}
        owner = Owner(OWNERS[owner_field], tuple(owner_ids))
        for company in companies:
            today = day or company._dunning_today()
            found = {**self._reasons(Question(company, today, owner)), **found}
        return list(found.values())

    @api.model
    def _reasons(self, question):
        """Return {(rule, block id, words): reason} in one company, the deciding ones first."""
        question = self._with_customers(question)
        with self._screened(question) as screening:
            query = """SELECT move_line_id, move_id, partner_id, invoice_date, reason_ids
                         FROM (%s) AS screening WHERE reason_ids IS NOT NULL"""
            rows = [ExcludedItem(*row) for row in self.env.execute_query(SQL(query, screening))]
        customers = tuple({row.customer_id for row in rows})
        # Fewer customers may have few items.
        many = question.many_items if len(customers) == len(question.customers) else None
        question = replace(question, owner=None, contacts=None, many_items=many)
        question = self._with_customers(replace(question, customers=customers))
        rules = self.env["dunning.exclusion.rule"].browse({i for row in rows for i in row.rule_ids})
        found = {}
        for rule in rules._deciding_first(question.companies):
            mine = [row for row in rows if rule.id in row.rule_ids]
            details = self.env["dunning.exclusion.condition"]._details(rule, question, mine)
            for values in details or [{}]:
                reason = rule._prepare_reason(question.companies, **values)
                found.setdefault((rule, reason["block_id"], reason["reason"]), reason)
        return found

    @api.model
    def _count_open(self, customer_ids, company, today):
        """Return {customer id: what is open of it in `company`, in the currency of its items}.

        Each is a dict of `count`, the number of items, `currency_id`, that of all of them or None
        where they differ, `outstanding` and `overdue`.
        """
        query = SQL(
            """SELECT contact.commercial_partner_id AS partner_id, COUNT(*) AS count,
                      CASE WHEN MIN(line.currency_id) = MAX(line.currency_id)
                           THEN MIN(line.currency_id) END AS currency_id,
                      SUM(line.amount_residual_currency) AS outstanding,
                      COALESCE(SUM(line.amount_residual_currency) FILTER (WHERE %s < %s), 0)
                          AS overdue %s GROUP BY 1""",
            items.DATE_DUE,
            today,
            items.open_items(Question(company, customers=tuple(customer_ids))),
        )
        self.env.flush_all()
        self.env.cr.execute(query)
        return {row["partner_id"]: row for row in self.env.cr.dictfetchall()}

    @api.model
    def _forget_answers(self):
        """Forget the answers that were read, because items were posted, paid or changed.

        Unlike fields that depend on the items of a customer, this costs no query.
        """
        read = self.env.transaction.field_data
        for model, names in ANSWERS.items():
            fields_ = self.env.registry[model]._fields
            if kept := [name for name in names if read.get(fields_[name])]:
                self.env[model].invalidate_model(kept, flush=False)
