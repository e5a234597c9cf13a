from odoo import api, fields, models

from .dunning_screening import OUTCOMES

OUTCOME_CODES = [code for code, _name in OUTCOMES]


class DunningRunFigures(models.AbstractModel):
    """How much a run is about: items, customers and amounts by outcome, and what became of them."""

    _name = "dunning.run.figures"
    _description = "Figures of a Dunning Run"

    currency_id = fields.Many2one("res.currency", help="The currency of the amounts.")
    checked_amount = fields.Monetary(
        compute="_compute_figures",
        string="Ticked Amount",
        help="What the ticked items have open, in company currency.",
    )
    checked_count = fields.Integer(
        compute="_compute_figures", string="Ticked Items", help="How many items are ticked."
    )
    customer_count = fields.Integer(
        compute="_compute_figures",
        string="Ticked Customers",
        help="How many customers have ticked items.",
    )
    included_count = fields.Integer(
        compute="_compute_figures",
        string="Included Items",
        help="How many items nothing stands against.",
    )
    unchecked_count = fields.Integer(
        compute="_compute_figures",
        string="Unchecked Items",
        help="How many items are listed without a tick, for a reason.",
    )
    dropped_count = fields.Integer(
        compute="_compute_figures",
        string="Dropped Items",
        help="How many items are not listed, for a reason.",
    )
    included_amount = fields.Monetary(
        compute="_compute_figures",
        help="What the items have open that nothing stands against, in company currency.",
    )
    unchecked_amount = fields.Monetary(
        compute="_compute_figures",
        help="What the items have open that are listed without a tick, in company currency.",
    )
    dropped_amount = fields.Monetary(
        compute="_compute_figures",
        help="What the items have open that are not listed, in company currency.",
    )
    included_customer_count = fields.Integer(
        compute="_compute_customers",
        string="Included Customers",
        help="How many customers have items that nothing stands against.",
    )
    unchecked_customer_count = fields.Integer(
        compute="_compute_customers",
        string="Unchecked Customers",
        help="How many customers have items that are listed without a tick.",
    )
    dropped_customer_count = fields.Integer(
        compute="_compute_customers",
        string="Dropped Customers",
        help="How many customers have items that are not listed.",
    )
    progress = fields.Float(
        compute="_compute_progress", help="Percentage of the ticked customers dealt with."
    )
    sent_count = fields.Integer(
        compute="_compute_notice_counts",
        string="Sent",
        help="How many messages left, or are on their way: in the mail queue, or to be printed.",
    )
    failed_count = fields.Integer(
        compute="_compute_notice_counts", string="Failed", help="How many messages did not leave."
    )

    def _compute_figures(self):
        figures = self.env["dunning.run.line"]._read_group(
            [("run_id", "in", self.ids)],
            ["run_id", "outcome", "checked"],
            ["__count", "amount_residual:sum"],
        )
        customers = dict(
            self.env["dunning.run.line"]._read_group(
                [("run_id", "in", self.ids), ("checked", "=", True)],
                ["run_id"],
                ["partner_id:count_distinct"],
            )
        )
        for run in self:
            mine = [row[1:] for row in figures if row[0] == run]
            run.checked_amount = sum(amount for _o, checked, _n, amount in mine if checked)
            run.checked_count = sum(count for _o, checked, count, _a in mine if checked)
            run.customer_count = customers.get(run, 0)
            for outcome in OUTCOME_CODES:
                own = [row[2:] for row in mine if row[0] == outcome]
                run[f"{outcome}_count"] = sum(count for count, _amount in own)
                run[f"{outcome}_amount"] = sum(amount for _count, amount in own)

    def _compute_customers(self):
        # Apart: counting the customers of a million lines takes longer than all other figures.
        counts = {
            (run, outcome): count
            for run, outcome, count in self.env["dunning.run.line"]._read_group(
                [("run_id", "in", self.ids)],
                ["run_id", "outcome"],
                ["partner_id:count_distinct"],
            )
        }
        for run in self:
            for outcome in OUTCOME_CODES:
                run[f"{outcome}_customer_count"] = counts.get((run, outcome), 0)

    def _compute_notice_counts(self):
        counts = {
            (run, state): count
            for run, state, count in self.env["dunning.notice"]._read_group(
                [("run_id", "in", self.ids)], ["run_id", "state"], ["__count"]
            )
        }
        for run in self:
            run.sent_count = counts.get((run, "sent"), 0) + counts.get((run, "queued"), 0)
            run.failed_count = counts.get((run, "failed"), 0)

    @api.depends("state")
    def _compute_progress(self):
        waiting = dict(
            self.env["dunning.run.line"]._read_group(
                [("run_id", "in", self.ids), ("checked", "=", True), ("notice_id", "=", False)],
                ["run_id"],
                ["partner_id:count_distinct"],
            )
        )
        for run in self:
            total = run.customer_count
            run.progress = 100.0 * (total - waiting.get(run, 0)) / total if total else 0.0
