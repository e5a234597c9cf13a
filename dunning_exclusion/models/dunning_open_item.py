from odoo import api, models
from odoo.tools import SQL


class DunningOpenItem(models.AbstractModel):
    """Says in SQL which items are open, when they fall due, and what customers owe by them.

    The fragments are over the aliases `line` (account_move_line), `account`, `move`, `contact` (the
    res_partner of the line; the customer is `contact.commercial_partner_id`) and `company`.
    """

    _name = "dunning.open.item"
    _description = "Open Receivable Items"

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
    def _chosen_customers(self, screen) -> SQL:
        """Return the restriction of open items to the customers that are read."""
        if screen.customers is None:
            return SQL()
        return SQL("AND contact.commercial_partner_id = ANY(%s)", list(screen.customers))

    @api.model
    def _balance_of_customers_query(self, screen) -> SQL:
        """Return company, customer, outstanding and overdue of the customers of `screen`."""
        return SQL(
            """SELECT company_id, partner_id, %(owed)s
                 FROM (SELECT line.company_id, contact.commercial_partner_id AS partner_id,
                              %(date_due)s AS date_due, line.amount_residual
                         %(open_items)s %(chosen)s) AS open_item
                GROUP BY company_id, partner_id""",
            owed=self._owed_sql(screen),
            date_due=self._date_due_sql(),
            open_items=self._open_items_sql(screen),
            chosen=self._chosen_customers(screen),
        )

    @api.model
    def _owed_sql(self, screen) -> SQL:
        return SQL(
            """SUM(amount_residual) AS outstanding,
               COALESCE(SUM(amount_residual) FILTER (WHERE date_due < %s), 0) AS overdue""",
            screen.today,
        )
