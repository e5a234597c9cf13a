from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL
from odoo.tools.sql import column_exists, table_exists

from ..models.arguments import check_one

SOURCES = [
    ("no_followup", "No Follow-Up on the invoice"),
    ("partner_no_overdue_reminder", "No overdue reminder for the customer"),
    ("move_no_overdue_reminder", "No overdue reminder for the invoice"),
    ("partner_credit_policy", "Credit control policy of the customer: no follow-up"),
    ("move_credit_policy", "Credit control policy of the invoice: no follow-up"),
]


class DunningTakeover(models.TransientModel):
    """Turns flags of Odoo and of other addons into blocks, which are listed before.

    Only columns that exist are read, so the other addons need not be installed any more.
    """

    _name = "dunning.takeover"
    _description = "Take Over Exclusions"
    _inherit = ["dunning.protected.mixin"]

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, readonly=True
    )
    line_ids = fields.One2many(
        "dunning.takeover.line",
        "takeover_id",
        string="Holds to Be Created",
        default=lambda self: self._default_line_ids(),
        help="Remove the lines that should not be taken over.",
    )

    @api.model
    def _default_line_ids(self):
        return [fields.Command.create(vals) for vals in self._find(self.env.company)]

    @api.model
    def _find(self, company):
        """Return values of lines: what the old flags hold and no block does yet."""
        self.env["dunning.takeover.line"].check_access("create")
        self.env.flush_all()
        found = {}
        for source, _name in SOURCES:
            if query := getattr(self, f"_query_{source}")(company):
                for partner_id, move_id in self.env.execute_query(query):
                    vals = {"source": source, "partner_id": partner_id, "move_id": move_id}
                    found.setdefault((partner_id, move_id), vals)
        return self._without_blocked(list(found.values()), company)

    @api.model
    def _without_blocked(self, vals_list, company):
        """Return those of `vals_list` whose target is not prevented already."""
        prevented = self.env["dunning.block"].search(
            [
                ("company_id", "=", company.id),
                ("kind", "=", "prevent"),
                ("state", "=", "active"),
                ("partner_id", "in", [vals["partner_id"] for vals in vals_list]),
                ("move_line_id", "=", False),
            ]
        )
        held = {(block.partner_id.id, block.move_id.id or None) for block in prevented}
        return [
            vals for vals in vals_list if (vals["partner_id"], vals["move_id"] or None) not in held
        ]

    # Sources: each returns SELECT customer, entry or NULL --------------------------------------

    @api.model
    def _invoices_sql(self, company, condition) -> SQL:
        return SQL(
            """SELECT DISTINCT contact.commercial_partner_id, move.id
                 FROM account_move move
                 JOIN account_move_line line ON line.move_id = move.id
                 JOIN account_account account ON account.id = line.account_id
                  AND account.account_type = 'asset_receivable'
                 JOIN res_partner contact ON contact.id = move.commercial_partner_id
                WHERE move.company_id = %s AND move.state = 'posted'
                  AND move.move_type IN ('out_invoice', 'out_refund', 'out_receipt')
                  AND line.reconciled IS NOT TRUE AND %s
                ORDER BY 1, 2""",
            company.id,
            condition,
        )

    @api.model
    def _customers_sql(self, company, condition) -> SQL:
        # Customers of other companies cannot be blocked here, and are not named. sudo: only the
        # ids of the companies above are used.
        return SQL(
            """SELECT DISTINCT contact.commercial_partner_id, NULL::int FROM res_partner contact
                WHERE contact.id = contact.commercial_partner_id AND contact.active
                  AND (contact.company_id IS NULL OR contact.company_id = ANY(%s)) AND %s
                ORDER BY 1""",
            company.sudo().parent_ids.ids,
            condition,
        )

    @api.model
    def _query_no_followup(self, company):
        return self._invoices_sql(
            company,
            SQL(
                """line.no_followup AND NOT EXISTS (SELECT 1 FROM dunning_mirror mirror
                                                     WHERE mirror.move_line_id = line.id
                                                       AND mirror.overridden IS NOT TRUE)"""
            ),
        )

    @api.model
    def _query_partner_no_overdue_reminder(self, company):
        value = self._column("res_partner", "contact", "no_overdue_reminder", company)
        return value and self._customers_sql(company, SQL("(%s)::boolean", value))

    @api.model
    def _query_move_no_overdue_reminder(self, company):
        value = self._column("account_move", "move", "no_overdue_reminder", company)
        return value and self._invoices_sql(company, SQL("(%s)::boolean", value))

    @api.model
    def _query_partner_credit_policy(self, company):
        policy = self._no_follow_sql("res_partner", "contact", company)
        return policy and self._customers_sql(company, policy)

    @api.model
    def _query_move_credit_policy(self, company):
        policy = self._no_follow_sql("account_move", "move", company)
        return policy and self._invoices_sql(company, policy)

    @api.model
    def _no_follow_sql(self, table, alias, company):
        """Return whether the credit control policy of a record says "no follow", or None."""
        value = self._column(table, alias, "credit_policy_id", company)
        if not value or not table_exists(self.env.cr, "credit_control_policy"):
            return None
        return SQL("(%s)::int IN (SELECT id FROM credit_control_policy WHERE do_nothing)", value)

    @api.model
    def _column(self, table, alias, column, company):
        """Return the value of a column in `company` as SQL, or None when there is no such column.

        Columns of company-dependent fields hold the values of all companies.
        """
        if not column_exists(self.env.cr, table, column):
            return None
        value = SQL.identifier(alias, column)
        [(is_json,)] = self.env.execute_query(
            SQL(
                """SELECT udt_name = 'jsonb' FROM information_schema.columns
                    WHERE table_schema = current_schema AND table_name = %s AND column_name = %s""",
                table,
                column,
            )
        )
        return SQL("%s ->> %s", value, str(company.id)) if is_json else value

    def action_apply(self):
        """Create the blocks that are listed, all or none, and open them.

        :raise UserError: when nothing is listed
        """
        check_one(self)
        if not self.line_ids:
            raise UserError(self.env._("Nothing is left to take over."))
        reason = self.env.ref("dunning_exclusion.reason_taken_over")
        blocks = self.env["dunning.block"]
        for source, lines in self.line_ids.grouped("source").items():
            values = {"reason_id": reason.id, "note": lines[:1]._source_name()}
            targets = lines.move_id or lines.partner_id.with_company(self.company_id)
            blocks |= targets._dunning_block("prevent", **values)
            if source == "no_followup":
                self.env["dunning.mirror"]._adopt(lines.move_id)
        # sudo: users do not say where a block comes from
        blocks.sudo().origin = "import"
        return blocks._get_records_action(name=self.env._("Taken Over"))


class DunningTakeoverLine(models.TransientModel):
    """One block to be created."""

    _name = "dunning.takeover.line"
    _description = "Exclusion to Take Over"
    _inherit = ["dunning.protected.mixin"]

    takeover_id = fields.Many2one("dunning.takeover", required=True, index=True, ondelete="cascade")
    source = fields.Selection(
        SOURCES, required=True, readonly=True, help="Where it was held back before."
    )
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        required=True,
        index=True,
        readonly=True,
        help="The customer who owes the items: the company, not one of its contacts.",
    )
    move_id = fields.Many2one(
        "account.move", string="Invoice", index="btree_not_null", readonly=True
    )

    def _source_name(self):
        return dict(self._fields["source"]._description_selection(self.env))[self.source]
