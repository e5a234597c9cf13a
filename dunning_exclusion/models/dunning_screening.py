from odoo import api, fields, models
from odoo.fields import Domain
from odoo.orm.domains import DomainAnd, DomainCondition
from odoo.tools import SQL, OrderedSet

from .arguments import check_one
from .screen import Screen

OUTCOMES = [("included", "Included"), ("unchecked", "Unchecked"), ("dropped", "Dropped")]
SCOPE_KEY = "dunning_screening_scope"
# The fields that name whom an answer is about, and what the statement calls them.
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


class DunningScreening(models.Model):
    """Every open receivable item with what dunning would do with it today, and why.

    Nothing is stored: reading this model runs the statement of `dunning.statement`, restricted to
    the customers that the search asks for where it names some.
    """

    _name = "dunning.screening"
    _description = "Excluded Receivables"
    _inherit = "dunning.reasons"
    _auto = False
    _order = "date_due, id"
    _rec_name = "move_line_id"

    move_line_id = fields.Many2one(
        "account.move.line",
        string="Item",
        readonly=True,
        help="The receivable item: an invoice, or one instalment of it.",
    )
    move_id = fields.Many2one(
        "account.move", string="Invoice", readonly=True, help="The invoice or entry of the item."
    )
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        readonly=True,
        help="The customer who owes the items: the company, not one of its contacts.",
    )
    company_id = fields.Many2one(
        "res.company", readonly=True, help="The company whose receivables it is about."
    )
    company_currency_id = fields.Many2one(
        related="company_id.currency_id",
        string="Company Currency",
        help="The currency in which the company keeps its books.",
    )
    currency_id = fields.Many2one(
        "res.currency", readonly=True, help="The currency of the amounts."
    )
    date_due = fields.Date(
        string="Due Date", readonly=True, help="For dunning: the postponed due date counts."
    )
    days_overdue = fields.Integer(
        readonly=True, aggregator="max", help="Days since the due date; 0 before it."
    )
    amount_residual = fields.Monetary(
        string="Open Amount",
        currency_field="company_currency_id",
        readonly=True,
        help="What is still open, in company currency; negative for credits.",
    )
    amount_residual_currency = fields.Monetary(
        string="Open in Currency",
        readonly=True,
        help="What is still open, in the currency of the item.",
    )
    outstanding = fields.Monetary(
        currency_field="company_currency_id",
        readonly=True,
        aggregator=None,
        help="All the customer owes, credits deducted, held items counted.",
    )
    overdue = fields.Monetary(
        currency_field="company_currency_id",
        readonly=True,
        aggregator=None,
        help="The part of the outstanding amount that is past its due date.",
    )
    reminded_amount = fields.Monetary(
        currency_field="company_currency_id",
        readonly=True,
        aggregator=None,
        help="What the customer would be reminded of: compared with minimum and maximum.",
    )
    outcome = fields.Selection(
        OUTCOMES,
        readonly=True,
        help="Included: it is reminded. Unchecked: listed without a tick. Dropped: not listed.",
    )
    rule_id = fields.Many2one(
        "dunning.exclusion.rule",
        string="Deciding Reason",
        readonly=True,
        help="The reason that decides the outcome; there may be more.",
    )

    def action_open_invoice(self):
        """Open the invoice or entry of the item."""
        check_one(self)
        return self.move_id._get_records_action()

    # Reading --------------------------------------------------------------------------------

    @property
    def _table_query(self):
        owner = self.env.context.get(SCOPE_KEY)
        return self.env["dunning.statement"]._query(Screen(self.env.companies, owner=owner))

    @api.model
    def _search(self, domain, *args, **kwargs):
        # The answer depends on everything, so nothing that was read before may be trusted.
        self.invalidate_model(flush=False)
        domain = Domain(domain)
        scoped = self.with_context(**{SCOPE_KEY: self._owner_in(domain)})
        return super(DunningScreening, scoped)._search(domain, *args, **kwargs)

    @api.model
    @api.readonly
    def web_search_read(
        self, domain, specification, offset=0, limit=None, order=None, count_limit=None
    ):
        """Override of `web`: see `search_page`."""
        if limit:
            return search_page(self, domain, specification, offset, limit, order, count_limit)
        return super().web_search_read(domain, specification, offset, limit, order, count_limit)

    @api.model
    def _owner_in(self, domain):
        """Return the (owner, ids) that `domain` is restricted to, or None."""
        conditions = domain.children if isinstance(domain, DomainAnd) else [domain]
        for condition in conditions:
            if isinstance(condition, DomainCondition) and condition.field_expr in OWNERS:
                ids = {"=": [condition.value], "in": condition.value}.get(condition.operator)
                if _are_ids(ids):
                    return OWNERS[condition.field_expr], tuple(ids)
        return None

    # Answers for customers, invoices and items ----------------------------------------------

    @api.model
    def _owner_query(self, owner_field, outcomes, companies, owner=None) -> SQL:
        """Return SELECT of the owners in `companies` whose best outcome is one of `outcomes`.

        :param owner: the owners that are asked about, see `Screen`; None: all of them
        """
        query = self.env["dunning.statement"]._query(Screen(companies, owner=owner))
        if owner_field == "move_line_id":
            # An item has one outcome: there is nothing to be grouped.
            return SQL(
                "(SELECT move_line_id FROM (%s) AS screening WHERE outcome = ANY(%s))",
                query,
                list(outcomes),
            )
        return SQL(
            """(SELECT owner FROM (SELECT %(owner)s AS owner, MIN(%(order)s) AS best
                                     FROM (%(query)s) AS screening GROUP BY %(owner)s) AS owners
                 WHERE best = ANY(%(wanted)s))""",
            owner=SQL.identifier(owner_field),
            order=self._outcome_order(),
            query=query,
            wanted=[
                place for place, (code, _name) in enumerate(OUTCOMES, start=1) if code in outcomes
            ],
        )

    @api.model
    def _best_outcomes(self, owner_field, owner_ids, companies):
        """Return {owner id: best outcome among its open items} for a handful of owners."""
        if not owner_ids:
            return {}
        screen = Screen(companies, owner=(OWNERS[owner_field], tuple(owner_ids)))
        rows = self.env.execute_query(
            SQL(
                "SELECT %s, MIN(%s) FROM (%s) AS screening GROUP BY 1",
                SQL.identifier(owner_field),
                self._outcome_order(),
                self.env["dunning.statement"]._query(screen),
            )
        )
        return {owner_id: OUTCOMES[place - 1][0] for owner_id, place in rows}

    @api.model
    def _balances(self, customer_ids, company):
        """Return {customer id: (outstanding, overdue)} in company currency."""
        if not customer_ids:
            return {}
        open_item = self.env["dunning.open.item"]
        screen = Screen(company, company._dunning_today(), customers=tuple(customer_ids))
        self.env.flush_all()
        rows = self.env.execute_query(open_item._balance_of_customers_query(screen))
        return {customer_id: amounts for _company, customer_id, *amounts in rows}

    @api.model
    def _forget_answers(self):
        """Forget the answers that were read, because items were posted, paid or changed.

        This costs no query, as dependencies of the fields on the items of a customer would.
        """
        for model, names in ANSWERS.items():
            self.env[model].invalidate_model(names, flush=False)

    @api.model
    def _outcome_order(self) -> SQL:
        """Return the place of the outcome: the first one is the best for the reminder."""
        return SQL("array_position(%s::text[], outcome)", [code for code, _name in OUTCOMES])


def _are_ids(value):
    return isinstance(value, (list, tuple, OrderedSet)) and all(
        isinstance(res_id, int) and res_id for res_id in value
    )


def search_page(model, domain, specification, offset, limit, order, count_limit):
    """Return what `web_search_read` returns, with page and number of records in one statement.

    Odoo asks for one after the other, and would screen everything twice.
    """
    query = model._search(domain, offset=offset, limit=limit, order=order or model._order)
    rows = model.env.execute_query(
        query.select(SQL.identifier(model._table, "id"), SQL("COUNT(*) OVER ()"))
    )
    records = model.browse(row[0] for row in rows)
    length = rows[0][1] if rows else 0
    return {
        "length": min(length, count_limit or length),
        "records": records.web_read(specification),
    }
