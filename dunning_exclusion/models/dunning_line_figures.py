from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, Query

# Figures of a group of lines, made by PostgreSQL where the task list asks for them.
GROUP_FIGURES = {
    "checked_count": "CASE WHEN %(line)s.checked THEN 1 ELSE 0 END",
    "included_count": "CASE WHEN %(line)s.outcome = 'included' THEN 1 ELSE 0 END",
    "listed_count": "CASE WHEN %(line)s.outcome = 'dropped' THEN 0 ELSE 1 END",
    "checked_amount": "CASE WHEN %(line)s.checked THEN %(line)s.amount_residual ELSE 0 END",
}


class DunningLineFigures(models.AbstractModel):
    """What the task list sums up of the lines in a group."""

    _name = "dunning.line.figures"
    _description = "Figures of Dunning Run Lines"

    checked_count = fields.Integer(
        compute="_compute_group_figures",
        aggregator="sum",
        help="1 when the item is ticked; summed up in groups.",
    )
    included_count = fields.Integer(
        compute="_compute_group_figures",
        aggregator="sum",
        help="1 when nothing stands against the item; summed up in groups.",
    )
    listed_count = fields.Integer(
        compute="_compute_group_figures",
        aggregator="sum",
        help="1 when the item is listed; summed up in groups.",
    )

    @api.depends("checked", "outcome", "amount_residual")
    def _compute_group_figures(self):
        for outcome, lines in self.grouped("outcome").items():
            lines.included_count = int(outcome == "included")
            lines.listed_count = int(outcome != "dropped")
        ticked = self.filtered("checked")
        ticked.checked_count = 1
        for line in ticked:
            line.checked_amount = line.amount_residual
        unticked = self - ticked
        unticked.checked_count = unticked.checked_amount = 0

    def _field_to_sql(self, alias, field_expr, query=None):
        if field_expr in GROUP_FIGURES:
            return SQL(GROUP_FIGURES[field_expr], line=SQL.identifier(alias))
        return super()._field_to_sql(alias, field_expr, query)

    def _formatted_read_group_with_length(
        self, domain, groupby, aggregates, offset=0, limit=None, order=None
    ):
        """Override of `web` to sum up the customers of the page only.

        Odoo sums up all customers to show some of them by name, and then asks for their number.
        """
        directions = {"partner_id": False, "partner_id ASC": False, "partner_id DESC": True}
        if list(groupby) != ["partner_id"] or not limit or order not in directions:
            return super()._formatted_read_group_with_length(
                domain, groupby, aggregates, offset=offset, limit=limit, order=order
            )
        customer_ids, length = self._page_of_customers(domain, offset, limit, directions[order])
        mine = Domain(domain) & Domain("partner_id", "in", customer_ids)
        # In an order that needs no names: for theirs, the table of all contacts would be joined.
        groups = self.formatted_read_group(mine, groupby, aggregates, order="__count")
        places = {customer_id: place for place, customer_id in enumerate(customer_ids)}
        groups.sort(key=lambda group: places[group["partner_id"] and group["partner_id"][0]])
        return groups, length

    @api.model
    def _page_of_customers(self, domain, offset, limit, reverse):
        """Return (ids of the customers on the page, number of all) of lines that match `domain`.

        In the order of their names. Lines without a customer count as one, whose id is False.
        """
        self.browse().check_access("read")
        lines = self._search(domain)
        if lines.is_empty():
            return [], 0
        listed = lines.subselect(SQL("DISTINCT %s", SQL.identifier(self._table, "partner_id")))
        customers = self.env["res.partner"]
        page = Query(self.env, "listed", listed)
        alias = page.left_join("listed", "partner_id", customers._table, "id", "partner_id")
        page.order = customers._order_to_sql(customers._order, page, alias, reverse)
        page.offset, page.limit = offset, limit
        rows = self.env.execute_query(
            page.select(SQL.identifier("listed", "partner_id"), SQL("COUNT(*) OVER ()"))
        )
        return [row[0] or False for row in rows], rows[0][1] if rows else 0
