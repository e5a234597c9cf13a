from odoo import api, fields, models
from odoo.exceptions import MissingError
from odoo.fields import Domain
from odoo.tools import SQL

from .arguments import check_one
from .dunning_screening import OUTCOMES
from .snapshot import Snapshot


class DunningRunLine(models.Model):
    """One item in a run, as it was when the run was prepared, with a tick box.

    A million are inserted at once, so nothing is checked for each of them: what a line names is a
    `Snapshot`, and `dunning.line.upkeep` looks after what is deleted.
    """

    _name = "dunning.run.line"
    _description = "Dunning Run Line"
    _inherit = ["dunning.reasons", "dunning.line.figures", "dunning.line.ticks"]
    # Lines are shown by run; ordering them by it as well would join it for each question.
    _order = "partner_id, date_due, id"
    _rec_name = "move_line_id"
    # Written by the million: the run says who made its lines and when.
    _log_access = False

    # Found by the index on run and customer below, as is the customer.
    run_id = Snapshot("dunning.run", required=True, help="The run it belongs to.")
    company_id = Snapshot(
        "res.company", required=True, help="The company whose receivables it is about."
    )
    run_state = fields.Selection(
        related="run_id.state", string="Run State", help="How far the run has got."
    )
    move_line_id = Snapshot(
        "account.move.line",
        string="Item",
        index=True,
        help="The receivable item: an invoice, or one instalment of it.",
    )
    move_id = Snapshot("account.move", string="Invoice", help="The invoice or entry of the item.")
    partner_id = Snapshot(
        "res.partner",
        string="Customer",
        help="The customer who owes the items: the company, not one of its contacts.",
    )
    level_id = Snapshot(
        "dunning.level",
        string="Dunning Level",
        help="The dunning level of the scenario, or the action of the workflow.",
    )
    level_sequence = fields.Integer(help="The place of the level when the run was prepared.")
    scenario_id = Snapshot("dunning.scenario", help="The scenario it belongs to.")
    message_key = fields.Integer(help="Lines with the same key go into one message.")
    company_currency_id = fields.Many2one(
        related="company_id.currency_id",
        string="Company Currency",
        help="The currency in which the company keeps its books.",
    )
    currency_id = Snapshot("res.currency", help="The currency of the amounts.")
    date_due = fields.Date(
        string="Due Date", help="The due date of the item, or the date it was postponed to."
    )
    days_overdue = fields.Integer(aggregator="max", help="Days since the due date; 0 before it.")
    amount_residual = fields.Monetary(
        string="Open Amount",
        currency_field="company_currency_id",
        help="What is still open, in company currency; negative for credits.",
    )
    amount_residual_currency = fields.Monetary(
        string="Open in Currency",
        aggregator=None,
        help="What is still open, in the currency of the item.",
    )
    outstanding = fields.Monetary(
        currency_field="company_currency_id",
        readonly=True,
        aggregator=None,
        help="Of the customer, when the line was sent.",
    )
    overdue = fields.Monetary(
        currency_field="company_currency_id",
        readonly=True,
        aggregator=None,
        help="Of the customer, when the line was sent.",
    )
    outcome = fields.Selection(
        OUTCOMES,
        help="Included: it is reminded. Unchecked: listed without a tick. Dropped: not listed.",
    )
    rule_id = Snapshot(
        "dunning.exclusion.rule",
        string="Deciding Reason",
        help="The reason that decides the outcome; there may be more.",
    )
    # No monetary field: it would be rounded anew, line by line, to the currency it is in already.
    checked_amount = fields.Float(
        string="Ticked Amount",
        compute="_compute_group_figures",
        aggregator="sum",
        help="What the ticked items have open, in company currency.",
    )
    promise_date = fields.Date(
        string="Promised For",
        compute="_compute_promise_date",
        help="Until when the customer has promised to pay the item.",
    )
    salesperson_id = fields.Many2one(related="partner_id.user_id", string="Salesperson")
    notice_state = fields.Selection(
        related="notice_id.state", string="Message", help="What became of the message."
    )
    skip_reason = fields.Char(
        readonly=True, help="Why a line was left out when the run was sent, if not by a rule."
    )
    notice_id = Snapshot(
        "dunning.notice",
        readonly=True,
        index="btree_not_null",
        help="The message that reminds of the item.",
    )

    # The pages of the task list and the work of the sender.
    _run_partner_index = models.Index("(run_id, partner_id)")
    # The history of invoices, whose items may be others by now; new lines are not in it.
    _move_index = models.Index("(move_id) WHERE notice_id IS NOT NULL OR move_line_id IS NULL")

    @api.depends("move_line_id")
    def _compute_promise_date(self):
        promises = self.env["dunning.promise"]._search(Domain("state", "in", ["open"]))
        dates = dict(
            self.env.execute_query(
                SQL(
                    """SELECT promised.move_line_id, MAX(promise.date)
                         FROM dunning_promise_move_line_rel promised
                         JOIN dunning_promise promise ON promise.id = promised.promise_id
                        WHERE promised.move_line_id IN %s AND promise.id IN %s
                        GROUP BY promised.move_line_id""",
                    tuple(self.move_line_id.ids) or (0,),
                    promises.subselect(),
                )
            )
        )
        for date, lines in self.grouped(lambda line: dates.get(line.move_line_id.id)).items():
            lines.promise_date = date

    def web_read(self, specification):
        """Override of `web` to mend lines whose items were deleted while a run was prepared."""
        try:
            return super().web_read(specification)
        except MissingError:
            self.env["dunning.line.upkeep"]._mend(self)
            return super().web_read(specification)

    def action_dunning_stop(self):
        """Stop the items for good and untick them here."""
        self.move_line_id.action_dunning_stop()
        self.filtered(lambda line: not line.notice_id).checked = False
        return True

    def action_dunning_stop_customer(self):
        """Stop the customers for good and untick their lines in this run."""
        self.partner_id.action_dunning_stop()
        self.search(
            Domain("run_id", "in", self.run_id.ids)
            & Domain("partner_id", "in", self.partner_id.ids)
            & Domain("checked", "=", True)
            & Domain("notice_id", "=", False)
        ).checked = False
        return True

    def action_dunning_pause(self):
        """Ask until when to pause the items."""
        return self.move_line_id.action_dunning_pause()

    def action_dunning_pause_customer(self):
        """Ask until when to pause the customers."""
        return self.partner_id.action_dunning_pause()

    def action_open_invoice(self):
        """Open the invoice or entry of the item."""
        check_one(self)
        return self.move_id._get_records_action()

    def action_promise(self):
        """Note a promise to pay for the items."""
        self.check_access("read")
        self.env["dunning.promise"].check_access("create")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Promise to Pay"),
            "res_model": "dunning.promise",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_company_id": self.company_id[:1].id,
                "default_partner_id": self.partner_id[:1].id,
                "default_move_line_ids": self.move_line_id.ids,
            },
        }
