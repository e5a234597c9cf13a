from functools import partial

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command, Domain
from odoo.tools import SQL

from ..screening import candidates, said
from ..screening.domains import find_faults
from ..screening.question import Question
from ..screening.statement import BY_LINE, by_line
from . import customer_maximum
from .arguments import DAYS, Char, Within, check_all, check_one, without_context
from .bank_account import find_without_account
from .dunning_changes import oldest_transaction, read_basis
from .dunning_exclusion_condition import condition_fault, condition_query
from .dunning_screening import OUTCOMES
from .scenario_sentence import get_label, short_date

# Fields that only buttons and jobs write.
SYSTEM_FIELDS = frozenset(
    ("state", "automatic", "user_id", "stop_requested", "screened_transaction", "basis")
    + ("line_ids", "notice_ids", "workflow_ids", "without_scenario_count", "without_account_ids")
)
# What the run is about: it stays as it was when the messages went out.
SUBJECT_FIELDS = frozenset(
    [*("company_id", "date", "mode", "scenario_ids", "type_id", "template_id"), "criteria_domain"]
)
# From this many new lines on, PostgreSQL is told at once to look at their values (ANALYZE).
MANY_LINES = 10_000
# The columns that the task list filters and groups by, and those that are empty in most lines.
ANALYZED = (
    *("run_id", "company_id", "partner_id", "outcome", "checked", "notice_id"),
    *("action_ids", "override_user_id"),
)
# The rule that keeps some days between two messages to a customer.
RECENTLY = "dunning_exclusion.rule_reminded_recently"
# The columns of a line that the screening fills.
SCREENED = (
    *("company_id", "move_line_id", "move_id", "partner_id", "level_id", "level_sequence"),
    *("scenario_id", "message_key", "currency_id", "date_due", "days_overdue", "amount_residual"),
    *("amount_residual_currency", "outcome", "rule_id", "reason_ids"),
)


class DunningRun(models.Model):
    """One task list: what would be reminded on a day, what is left out, and what was sent."""

    _name = "dunning.run"
    _description = "Follow-up Run"
    _rec_names_search = ["scenario_ids.name", "type_id.name"]
    _inherit = ["dunning.protected.mixin", "mail.thread", "mail.activity.mixin"]
    _order = "date desc, id desc"
    _check_company_auto = True

    name = fields.Char(compute="_compute_name")
    company_id = fields.Many2one(
        "res.company", required=True, index=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
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
        "dunning.scenario", string="Scenarios", help="Empty: all active scenarios."
    )
    workflow_ids = fields.Many2many(
        "dunning.scenario",
        "dunning_run_workflow_rel",
        string="Workflows Due",
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
    without_account_ids = fields.Many2many(
        "res.currency",
        string="Currencies Without Bank Account",
        readonly=True,
        copy=False,
        help="Messages that ask for a transfer in these currencies can name no bank account.",
    )
    type_id = fields.Many2one(
        "dunning.reminder.type",
        string="Reminder Type",
        help="The kind of reminder, which can be switched off for each customer.",
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
        help="Draft: nothing listed yet. Prepared: ready for review. Sending, "
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
    # Somebody asked the sending to stop after the customers at work.
    stop_requested = fields.Boolean(readonly=True, copy=False)
    # The oldest transaction at work when the lines were last screened, see `dunning_changes`.
    screened_transaction = fields.Char(readonly=True, copy=False)
    # The settings and payments of when the lines were listed, see `dunning_changes`.
    basis = fields.Json(readonly=True, copy=False)
    line_ids = fields.One2many("dunning.run.line", "run_id", string="Lines", copy=False)
    notice_ids = fields.One2many("dunning.notice", "run_id", string="Reminders", copy=False)

    # Figures
    checked_amount = fields.Monetary(compute="_compute_figures", string="Selected Amount")
    checked_count = fields.Integer(compute="_compute_figures", string="Selected Items")
    customer_count = fields.Integer(compute="_compute_figures", string="Selected Customers")
    included_count = fields.Integer(compute="_compute_figures", string="Items to Send")
    unchecked_count = fields.Integer(compute="_compute_figures", string="Held Back Items")
    dropped_count = fields.Integer(compute="_compute_figures", string="Not Listed Items")
    included_amount = fields.Monetary(compute="_compute_figures", string="Amount to Send")
    unchecked_amount = fields.Monetary(compute="_compute_figures", string="Held Back Amount")
    dropped_amount = fields.Monetary(compute="_compute_figures", string="Not Listed Amount")
    included_customer_count = fields.Integer(
        compute="_compute_customers", string="Customers to Remind"
    )
    unchecked_customer_count = fields.Integer(
        compute="_compute_customers", string="Held Back Customers"
    )
    dropped_customer_count = fields.Integer(
        compute="_compute_customers", string="Not Listed Customers"
    )
    progress = fields.Float(
        compute="_compute_progress", help="Percentage of the selected customers dealt with."
    )
    sent_count = fields.Integer(
        compute="_compute_notice_counts", string="Sent", help="How many messages were sent."
    )
    waiting_count = fields.Integer(
        compute="_compute_notice_counts",
        string="In the Mail Queue",
        help="How many messages wait in the mail queue.",
    )
    print_count = fields.Integer(
        compute="_compute_notice_counts",
        string="To Print",
        help="How many letters wait to be printed.",
    )
    failed_count = fields.Integer(compute="_compute_notice_counts", string="Failed")

    _date_within = Within("date", *DAYS)

    # The database, too, refuses to send two runs of a company at once.
    _one_sending = models.UniqueIndex(
        "(company_id) WHERE state = 'sending'",
        "Another run of this company is being sent: wait for it, or resume or cancel it first.",
    )

    @api.depends("date", "mode", "scenario_ids", "type_id")
    @api.depends_context("lang")
    def _compute_name(self):
        for run in self:
            about = ", ".join(run.scenario_ids.mapped("name")) or run.type_id.name
            if not about and run.mode == "criteria":
                about = get_label(run, "mode")
            about = about or self.env._("All scenarios")
            run.name = f"{short_date(self.env, run.date)} {about}".strip()

    def _compute_figures(self):
        by_outcome, by_tick = self.env["dunning.run.line"]._read_grouping_sets(
            [("run_id", "in", self.ids)],
            [["run_id", "outcome"], ["run_id", "checked"]],
            ["item_count:sum", "amount_residual:sum"],
        )
        figures = {(run, key): own for run, key, *own in by_outcome + by_tick}
        customers = self._count_customers(Domain("checked", "=", True))
        for run in self:
            run.checked_count, run.checked_amount = figures.get((run, True), (0, 0.0))
            run.customer_count = customers.get((run,), 0)
            for outcome, _name in OUTCOMES:
                count, amount = figures.get((run, outcome), (0, 0.0))
                run[f"{outcome}_count"], run[f"{outcome}_amount"] = count, amount

    def _compute_customers(self):
        # Apart from the other figures, as counting the customers of a million lines takes longer.
        counts = self._count_customers(Domain.TRUE, "outcome")
        for run in self:
            for outcome, _name in OUTCOMES:
                run[f"{outcome}_customer_count"] = counts.get((run, outcome), 0)

    @api.depends("state")
    def _compute_progress(self):
        ticked = Domain("checked", "=", True)
        waiting = self._count_customers(ticked & Domain("notice_id", "=", False))
        for run in self:
            total = run.customer_count
            run.progress = 100.0 * (total - waiting.get((run,), 0)) / total if total else 0.0

    def _count_customers(self, condition, *groupby):
        """Return {(run, *values of `groupby`): how many customers} of the lines in `condition`."""
        rows = self.env["dunning.run.line"]._read_group(
            Domain("run_id", "in", self.ids) & condition,
            ["run_id", *groupby],
            ["partner_id:count_distinct"],
        )
        return {tuple(key): count for *key, count in rows}

    def _compute_notice_counts(self):
        # sudo: everybody who may read a run is told how much of it was sent
        Notice = self.env["dunning.notice"].sudo()
        rows = Notice._read_group(
            [("run_id", "in", self.ids)], ["run_id", "state", "action"], ["__count"]
        )
        self.sent_count = self.waiting_count = self.print_count = self.failed_count = 0
        for run, state, action, count in rows:
            to_print = state == "queued" and action == "letter"
            names = {"sent": "sent_count", "queued": "waiting_count", "failed": "failed_count"}
            if name := "print_count" if to_print else names.get(state):
                # `run` was read with the rights of the system, so its cache is another one.
                self.browse(run.id)[name] += count

    # What may be written --------------------------------------------------------------------

    @api.constrains("mode", "criteria_domain", "company_id")
    def _check_criteria(self):
        Line = self.env["account.move.line"]
        # In any mode: somebody else may switch the run to its filter later.
        for run in self.filtered(lambda run: run.mode == "criteria" or run.criteria_domain):
            if fault := condition_fault(Line, run.criteria_domain, run.company_id):
                raise ValidationError(run._criteria_error(fault))

    def _criteria_error(self, fault):
        return self.env._(
            "The field 'Items' of the run cannot be understood: %(error)s", error=fault
        )

    @api.constrains("template_id")
    def _check_template(self):
        self.env["mail.template"]._check_dunning_templates(self)

    @api.model
    def _get_protected_fields(self):
        return SYSTEM_FIELDS

    def _get_fixed_fields(self):
        states = set(self.mapped("state"))
        if states - {"draft", "prepared"}:
            return SUBJECT_FIELDS
        # The lines of a prepared run are items of its company.
        return frozenset({"company_id"}) if states - {"draft"} else frozenset()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sent(self):
        if self.notice_ids:
            raise UserError(
                self.env._("A run from which messages went out is history: it cannot be deleted.")
            )

    def unlink(self):
        result = super().unlink()
        self.env["dunning.run.line"]._delete_unsent(self.ids)
        return result

    # Preparing ------------------------------------------------------------------------------

    def action_prepare(self):
        """List the items of the run with their outcome and tick the included ones.

        May be repeated until the run is sent; ticks set by hand are then forgotten.

        :raise UserError: when the run was sent or cancelled already
        """
        self = without_context(self)
        check_all(self)
        for run in self:
            run.check_access("write")
            run._check_preparable()
            run._replace_lines()
        return True

    def _check_preparable(self):
        if self.state not in ("draft", "prepared"):
            raise UserError(
                self.env._("%(run)s was sent or cancelled: make a new run.", run=self.name)
            )
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

    def _replace_lines(self):
        """Replace the lines by those of today, and note what later changes are compared with."""
        Line = self.env["dunning.run.line"]
        Line._delete_unsent(self.ids)
        self._insert_lines()
        Line.invalidate_model()
        # sudo: users do not write the state of a run
        self.sudo().write(
            {
                "state": "prepared",
                "screened_transaction": oldest_transaction(self.env),
                "basis": read_basis(self),
                "without_account_ids": [Command.set(find_without_account(self).ids)],
                **self._prepare_scenario_vals(),
            }
        )
        self.invalidate_recordset()
        # Without workflows, all that a customer is reminded of is of one scenario.
        if self.workflow_ids:
            self._untick_second_messages()
        if customer_maximum.counts_with_others(self):
            self._untick_above_maximum()

    def _insert_lines(self):
        """Insert the lines of the run.

        They are written to a table of the transaction first: while it fills that one, PostgreSQL
        shares the work among several processes. They are stored customer by customer, as the task
        list shows them.
        """
        columns, workflows = SCREENED, self._get_workflows()
        with self.env["dunning.screening"]._screened(self._get_question()) as screening:
            if workflows:
                screening = by_line(screening, SCREENED, workflows.ids)
                columns = (*SCREENED, *BY_LINE)
            columns = SQL(", ").join(map(SQL.identifier, columns))
            self.env.cr.execute(
                SQL(
                    """CREATE TEMPORARY TABLE dunning_screened ON COMMIT DROP AS
                       SELECT %s FROM (%s) AS screening""",
                    columns,
                    screening,
                )
            )
            self.env.cr.execute(
                SQL(
                    """INSERT INTO dunning_run_line (run_id, checked, %(columns)s)
                       SELECT %(run)s, outcome = 'included', %(columns)s
                         FROM dunning_screened ORDER BY partner_id""",
                    columns=columns,
                    run=self.id,
                )
            )
            if self.env.cr.rowcount > MANY_LINES:
                # Without it the task list is slow until autovacuum has run. SKIP_LOCKED: nobody
                # waits for another transaction that analyzes the table already.
                analyzed = SQL(", ").join(map(SQL.identifier, ANALYZED))
                self.env.cr.execute(SQL("ANALYZE (SKIP_LOCKED) dunning_run_line (%s)", analyzed))
            self.env.cr.execute(SQL("DROP TABLE dunning_screened"))

    def _get_question(self):
        """Return what the run asks of the screening."""
        # A run in a form that is not saved yet asks the same question.
        company, day, run_id = self.company_id._origin, self.date, self._origin.id or 0
        if self.mode == "criteria":
            query = self._get_criteria_query()
            query = candidates.of_criteria(query, company, day, self.type_id)
        else:
            scenarios, due_only = self._get_scenarios()
            query = candidates.of_scenarios(scenarios, company, day, due_only, run_id=run_id)
        type_id = self.type_id.id or 0
        return Question(company, day, candidates=query, type_id=type_id, run_id=run_id)

    def _get_criteria_query(self, probe=True):
        """Return the query of the items that match the filter of a run by criteria.

        :param probe: see `find_faults`
        :raise ValidationError: when the filter cannot be understood any more
        """
        self.ensure_one()
        Line = self.env["account.move.line"]
        make_query = partial(condition_query, Line, self.criteria_domain, self.company_id)
        if fault := find_faults(self.env, {self: make_query}, probe).get(self):
            raise ValidationError(self._criteria_error(fault))
        return make_query()

    def _get_scenarios(self):
        """Return the scenarios of the run, and whether workflows must be due: not when chosen."""
        # Archived ones, too: else a run whose chosen scenarios were archived would be for all.
        chosen = self.with_context(active_test=False).scenario_ids
        scenarios = chosen or self.env["dunning.scenario"].search(
            [("company_id", "in", [False, self.company_id.id]), ("active", "=", True)]
        )
        return scenarios, self.automatic or not chosen

    def _get_workflows(self):
        """Return the workflows of the run: they may remind of an item more than once."""
        scenarios = self._get_scenarios()[0] if self.mode == "scenario" else self.scenario_ids[:0]
        return scenarios.filtered(lambda s: s.campaign_type == "customer")

    def _prepare_scenario_vals(self):
        """Return what the run notes about scenarios, beside its lines, when it is prepared."""
        if self.mode == "criteria":
            return {"workflow_ids": [Command.clear()], "without_scenario_count": 0}
        scenarios, due_only = self._get_scenarios()
        workflows = scenarios._workflows_of_run(self.company_id, self.date, due_only)
        return {
            "workflow_ids": [Command.set(workflows.ids)],
            "without_scenario_count": scenarios._count_without(self.company_id, self.date),
        }

    def _untick_above_maximum(self, customers=None, sending=False):
        """Untick what would be sent above the maximum per customer and no approver has released.

        The maximum is then the deciding reason of these lines.

        :param customers: None: all of the run
        :param sending: the run is sent now, whatever day it was prepared for
        """
        if not customer_maximum.get_maximum(self.company_id):
            return
        if customers is None:
            ticked = [("run_id", "=", self.id), ("checked", "=", True)]
            Line = self.env["dunning.run.line"]
            customer_ids = Line._read_group(ticked, [], ["partner_id:array_agg_distinct"])[0][0]
        else:
            customer_ids = customers.ids
        above = customer_maximum.find_above(self, customer_ids, sending=sending)
        if not above:
            return
        ticked_above = SQL("line.checked AND line.partner_id = ANY(%s)", list(above))
        self._hold_back(customer_maximum.get_rule(self.env), ticked_above, customers is not None)

    def _untick_second_messages(self, customers=None):
        """Untick what would be one more message to a customer, where the company sets a limit.

        The first message is that of the scenario that comes first; what was sent already is before
        it. All actions of a workflow are one message, and so are the levels of a scenario.

        :param customers: None: all of the run
        """
        # sudo: who prepares or sends a run need not be able to read its settings and rules
        company, rule = self.company_id.sudo(), self.env.ref(RECENTLY).sudo()
        limit = company.dunning_min_days_between_messages
        if self.mode == "criteria" or not (limit and rule.with_company(company).enabled):
            return
        mine = SQL("AND line.partner_id = ANY(%s)", customers.ids) if customers else SQL()
        second = SQL(
            """line.id IN (
                SELECT id FROM (
                    SELECT line.id, line.scenario_id, FIRST_VALUE(line.scenario_id) OVER (
                               PARTITION BY line.partner_id
                               ORDER BY said.id IS NULL, scenario.sequence, scenario.id) AS first_id
                      FROM dunning_run_line line
                      JOIN dunning_scenario scenario ON scenario.id = line.scenario_id
                      LEFT JOIN LATERAL (SELECT listed.line_id AS id
                                           FROM dunning_notice_line_rel listed
                                          WHERE listed.line_id = line.id LIMIT 1) said ON TRUE
                     WHERE line.run_id = %(run)s AND line.partner_id = ANY(ARRAY(
                           SELECT partner_id FROM dunning_run_line line
                            WHERE line.run_id = %(run)s %(mine)s GROUP BY partner_id
                           HAVING MIN(scenario_id) <> MAX(scenario_id)))
                       AND (said.id IS NOT NULL OR line.checked OR line.outcome = 'included')
                       AND EXISTS (
                           SELECT 1 FROM dunning_level action
                            WHERE %(reaches)s AND (action.id = line.level_id OR
                                  line.action_ids @> to_jsonb(action.id)))) message
                 WHERE scenario_id <> first_id)""",
            run=self.id,
            mine=mine,
            reaches=said.reaches_customer("action"),
        )
        self._hold_back(rule, second, customers is not None)

    def _hold_back(self, rule, condition, again):
        """Untick the unsent lines `line` that meet `condition`, unless ticked against `rule`.

        :param rule: the deciding reason of these lines from now on
        :param again: tick them again when sending begins, if nothing stands against it by then;
            what a new list holds back was never ticked
        """
        self.env.cr.execute(
            SQL(
                """UPDATE dunning_run_line line
                      SET checked = FALSE,
                          set_aside = CASE WHEN line.checked THEN %(again)s ELSE line.set_aside END,
                          outcome = %(outcome)s, rule_id = %(rule)s,
                          reason_ids = CASE WHEN line.reason_ids @> %(reason)s THEN line.reason_ids
                              ELSE %(reason)s || COALESCE(line.reason_ids, '[]') END
                    WHERE line.run_id = %(run)s AND line.notice_id IS NULL AND %(condition)s
                      AND (line.override_reason_ids @> %(reason)s) IS NOT TRUE""",
                again=again,
                outcome=rule._effect_in(self.company_id),
                rule=rule.id,
                reason=SQL("jsonb_build_array(%s::int)", rule.id),
                run=self.id,
                condition=condition,
            )
        )
        self.env["dunning.run.line"].invalidate_model(flush=False)

    # Buttons --------------------------------------------------------------------------------

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

    @api.readonly
    def action_open_lines(self):
        """Open the task list of the run."""
        check_one(self)
        # The context of the action goes into saved links, so a link leads to this run.
        shown = {"search_default_listed": 1, "search_default_by_customer": 1}
        run = {"dunning_run_id": self.id, "active_id": self.id, "active_model": self._name}
        return {
            **self._prepare_action("dunning_exclusion.dunning_run_line_action"),
            "display_name": self.name,
            "context": {**shown, **run},
        }

    @api.readonly
    def action_open_notices(self):
        """Open the messages of the run."""
        check_one(self)
        return self._prepare_action("dunning_exclusion.dunning_notice_action")

    def _prepare_action(self, xml_id):
        action = self.env["ir.actions.act_window"]._for_xml_id(xml_id)
        return {**action, "domain": [("run_id", "=", self.id)], "context": {}}


class DunningScenario(models.Model):
    """What runs know of scenarios, which know nothing of runs themselves."""

    _inherit = "dunning.scenario"

    def _ran_since(self, company, day, today):
        """Override to look into the history of the runs."""
        sent = [
            *[("company_id", "=", company.id), ("workflow_ids", "in", self._origin.ids)],
            *[("state", "in", ["sending", "done"]), ("date", ">=", day), ("date", "<=", today)],
        ]
        # sudo: the history of the company counts, whoever asks
        return bool(self.env["dunning.run"].sudo().search_count(sent, limit=1))

    def unlink(self):
        self.env["dunning.run.line"]._forget("scenario_id", self.ids)
        return super().unlink()
