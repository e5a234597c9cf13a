from odoo import api, fields, models
from odoo.exceptions import UserError

from .arguments import Char, check_one, without_context
from .bounds import DAYS, Within


class DunningRun(models.Model):
    """One task list: what would be reminded on a day, what is left out, and what was sent."""

    _name = "dunning.run"
    _description = "Dunning Run"
    _inherit = [
        "dunning.run.figures",
        "dunning.run.guard",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _order = "date desc, id desc"
    _check_company_auto = True

    name = fields.Char(compute="_compute_name", help="The day of the run and what it is about.")
    company_id = fields.Many2one(
        "res.company",
        required=True,
        index=True,
        default=lambda self: self.env.company,
        help="The company whose receivables it is about.",
    )
    currency_id = fields.Many2one(
        related="company_id.currency_id", help="The currency of the amounts."
    )
    date = fields.Date(
        required=True,
        default=lambda self: self.env.company._dunning_today(),
        help="The day for which items, levels and exclusions are determined.",
    )
    mode = fields.Selection(
        [("scenario", "By scenario"), ("criteria", "By criteria")],
        required=True,
        default="scenario",
        help="By scenarios: what they propose. By criteria: a reminder type and a "
        "filter of your own.",
    )
    scenario_ids = fields.Many2many(
        "dunning.scenario", string="Scenarios", help="None: all active scenarios."
    )
    workflow_ids = fields.Many2many(
        "dunning.scenario",
        "dunning_run_workflow_rel",
        string="Workflows on Their Day",
        readonly=True,
        copy=False,
        help="The customer-level workflows whose turn it was when the run was prepared.",
    )
    without_scenario_count = fields.Integer(
        string="Customers Without Scenario",
        readonly=True,
        copy=False,
        help="Customers with overdue items to whom none of the configured scenarios applies.",
    )
    type_id = fields.Many2one(
        "dunning.reminder.type",
        string="Reminder Type",
        help="The kind of reminder: customers can switch it off.",
    )
    template_id = fields.Many2one(
        "mail.template",
        domain=[("model", "=", "dunning.notice"), ("dunning_released", "=", True)],
        help="Empty: the template of the reminder type.",
    )
    criteria_domain = Char(
        string="Items", default="[]", help="Which open items are listed in a run by criteria."
    )
    automatic = fields.Boolean(readonly=True, help="Prepared by the nightly job.")
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("prepared", "Prepared"),
            ("sending", "Sending"),
            ("done", "Done"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        default="draft",
        readonly=True,
        tracking=True,
        copy=False,
        help="Draft: nothing listed yet. Prepared: ready to be looked over. Sending, "
        "then done; or cancelled.",
    )
    user_id = fields.Many2one(
        "res.users",
        string="Sent by",
        readonly=True,
        copy=False,
        tracking=True,
        help="Who pressed Send, also when the messages go out in the background.",
    )
    stop_requested = fields.Boolean(
        readonly=True,
        copy=False,
        help="Somebody asked the sending to stop after the customers at work.",
    )
    last_notice = fields.Integer(
        readonly=True,
        copy=False,
        help="The newest notice when the run was prepared: later ones are looked at when sending.",
    )
    screened_transaction = fields.Char(
        readonly=True,
        copy=False,
        help="The oldest transaction that was at work when the task list last caught up with "
        "changed blocks and promises.",
    )
    line_ids = fields.One2many(
        "dunning.run.line",
        "run_id",
        string="Lines",
        copy=False,
        help="The items of the run with their outcome.",
    )
    notice_ids = fields.One2many(
        "dunning.notice", "run_id", string="Notices", copy=False, help="The messages of the run."
    )

    _date_within = Within("date", *DAYS)

    # Whatever the code does: two senders in one company cannot be at work at the same time.
    _one_sending = models.UniqueIndex(
        "(company_id) WHERE state = 'sending'",
        "Another run of this company is being sent: wait for it, or resume or cancel it first.",
    )

    @api.depends("date", "mode", "scenario_ids", "type_id")
    def _compute_name(self):
        for run in self:
            about = ", ".join(run.scenario_ids.mapped("name")) or run.type_id.name
            run.name = f"{run.date or ''} {about or self.env._('All scenarios')}".strip()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sent(self):
        if self.notice_ids:
            raise UserError(
                self.env._("A run from which messages went out is history: it cannot be deleted.")
            )

    def unlink(self):
        result = super().unlink()
        self.env["dunning.line.upkeep"]._delete_of_runs(self.ids)
        return result

    # Preparing ------------------------------------------------------------------------------

    def action_prepare(self):
        """List the items of the run with their outcome and tick the included ones.

        May be repeated until the run is sent; ticks set by hand are then forgotten.

        :raise UserError: when the run was sent or cancelled already
        """
        self = without_context(self)
        for run in self:
            if run.state not in ("draft", "prepared"):
                raise UserError(
                    self.env._("%(run)s was sent or cancelled: make a new run.", run=run.name)
                )
            run.check_access("write")
            run._check_complete()
            self.env["dunning.preparation"]._replace_lines(run)
        return True

    def _check_complete(self):
        if self.notice_ids:
            raise UserError(
                self.env._(
                    "Messages of %(run)s went out already: send the rest, or make a new run.",
                    run=self.name,
                )
            )
        if self.mode == "criteria" and not self.type_id:
            raise UserError(
                self.env._("A run by criteria needs a reminder type: fill in 'Reminder Type'.")
            )

    def action_cancel(self):
        """Give the run up. What was sent stays sent; the rest is not sent."""
        self = without_context(self)
        for run in self:
            run.check_access("write")
            if run.state == "done":
                raise UserError(self.env._("%(run)s is done already.", run=run.name))
            # sudo: users do not write the state of a run
            run.sudo().write({"state": "cancelled", "stop_requested": False})
        return True

    def action_open_lines(self):
        """Open the task list of the run."""
        check_one(self)
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "dunning_exclusion.dunning_run_line_action"
        )
        action["domain"] = [("run_id", "=", self.id)]
        action["display_name"] = self.name
        action["context"] = {
            "search_default_listed": 1,
            "search_default_by_customer": 1,
            "dunning_run_id": self.id,
        }
        return action

    def action_open_notices(self):
        """Open the messages of the run."""
        check_one(self)
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "dunning_exclusion.dunning_notice_action"
        )
        action["domain"] = [("run_id", "=", self.id)]
        action["context"] = {}
        return action

    @api.model
    def action_open_latest(self):
        """Open the task list of the latest run, preparing a first one when there is none."""
        run = self.env["dunning.task.list"]._latest_run()
        if not run:
            run = self.create({})
            run.action_prepare()
        return run.action_open_lines()
