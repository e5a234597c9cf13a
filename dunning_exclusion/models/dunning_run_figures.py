from odoo import api, fields, models


class DunningRunFigures(models.AbstractModel):
    """How much a run is about: items, customers and amounts by outcome, and what became of them."""

    _name = "dunning.run.figures"
    _description = "Figures of a Dunning Run"

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
            for outcome in ("included", "unchecked", "dropped"):
                run[f"{outcome}_count"] = sum(n for found, _c, n, _a in mine if found == outcome)

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
