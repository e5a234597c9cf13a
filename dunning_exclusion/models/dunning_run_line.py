from odoo import api, fields, models
from odoo.exceptions import MissingError, UserError
from odoo.fields import Domain
from odoo.tools import SQL, Query

from . import customer_maximum
from .arguments import Char, check_one, read_ids, understand_domain
from .dunning_screening import OUTCOMES
from .many_lines import UncheckedMany2many, UncheckedMany2one, distinct_amount, distinct_items

# The states of a run in which its lines can be ticked.
OPEN_STATES = ("draft", "prepared")
# What the task list sums up of the lines in a group, computed by PostgreSQL.
GROUP_FIGURES = {
    "checked_count": "CASE WHEN %(line)s.checked THEN 1 ELSE 0 END",
    "included_count": "CASE WHEN %(line)s.outcome = 'included' THEN 1 ELSE 0 END",
    "listed_count": "CASE WHEN %(line)s.outcome = 'dropped' THEN 0 ELSE 1 END",
    "item_count": "1",
    "checked_amount": "CASE WHEN %(line)s.checked THEN %(line)s.amount_residual ELSE 0 END",
}
MESSAGES = ("dunning_notice_line_rel", "line_id", "notice_id")


class DunningRunLine(models.Model):
    """One item in one scenario in a run, as it was when the run was prepared, with a tick box.

    A workflow with several actions makes a message of each when it is sent. Then `action_ids` names
    them, and `held_action_ids` those of them that do not go, for a reason of their own or because
    they have gone; `level_id` is the first one. `notice_ids` are the messages that the line went
    into, and `notice_id` one of them: as long as it is empty, something is left to send.

    A run can have a million lines. So they are inserted, ticked, emptied and deleted by single SQL
    statements, and the columns have no foreign keys.
    """

    _name = "dunning.run.line"
    _description = "Run Line"
    _inherit = "dunning.reasons"
    # Not ordered by run, which would join its table each time: lists show the lines of one run.
    _order = "partner_id, date_due, id"
    _rec_name = "move_line_id"
    # Saves four columns in each of a million rows: the run says who prepared it and when.
    _log_access = False

    # The index of both is `_run_partner_index`.
    run_id = UncheckedMany2one("dunning.run", required=True)
    partner_id = UncheckedMany2one(
        "res.partner",
        string="Customer",
        help="The customer who owes the items: the company, not one of its contacts.",
    )
    company_id = UncheckedMany2one("res.company", required=True)
    run_state = fields.Selection(related="run_id.state", string="Run State")
    move_line_id = UncheckedMany2one(
        "account.move.line",
        string="Item",
        index=True,
        help="The receivable item: an invoice, or one installment of it.",
    )
    move_id = UncheckedMany2one("account.move", string="Invoice")
    level_id = UncheckedMany2one(
        "dunning.level",
        string="Reminder Level",
        help="The reminder level of the scenario, or the action of the workflow.",
    )
    level_sequence = fields.Integer(help="The place of the level when the run was prepared.")
    action_ids = fields.Json(readonly=True, help="Ids of the actions, where there are several.")
    held_action_ids = fields.Json("Held or Done Actions", readonly=True, help="Ids of the actions.")
    level_ids = fields.Many2many(
        "dunning.level",
        string="Reminder Levels",
        compute="_compute_level_ids",
        search="_search_level_ids",
        help="The reminder level, or the actions of the workflow that contain the item.",
    )
    # Another line of the run is about the same item: see `distinct_amount`.
    shared = fields.Boolean(readonly=True)
    scenario_id = UncheckedMany2one("dunning.scenario")
    message_key = fields.Integer(help="Lines with the same key go into one message.")
    company_currency_id = fields.Many2one(
        string="Company Currency", related="company_id.currency_id"
    )
    currency_id = UncheckedMany2one("res.currency")
    date_due = fields.Date(
        string="Due Date", help="The due date of the item, or the date it was postponed to."
    )
    days_overdue = fields.Integer(aggregator="max", help="Days since the due date; 0 before it.")
    amount_residual = fields.Monetary(
        string="Open Amount",
        currency_field="company_currency_id",
        help="What is still open, in company currency; negative for credits.",
    )
    amount_residual_currency = fields.Monetary(string="Open in Currency", aggregator=None)
    # Of the customer, when the line was sent.
    outstanding = fields.Monetary(
        currency_field="company_currency_id", readonly=True, aggregator=None
    )
    overdue = fields.Monetary(currency_field="company_currency_id", readonly=True, aggregator=None)
    outcome = fields.Selection(
        OUTCOMES,
        help="To send: it is reminded. Held back: listed, not selected. Not listed: in no list.",
    )
    rule_id = UncheckedMany2one(
        "dunning.exclusion.rule",
        string="Deciding Reason",
        help="The reason that decides the outcome; there may be more.",
    )
    promise_date = fields.Date(string="Promised For", compute="_compute_promise_date")
    salesperson_id = fields.Many2one(related="partner_id.user_id", string="Salesperson")
    notice_id = UncheckedMany2one(
        "dunning.notice", "Reminder", readonly=True, index="btree_not_null"
    )
    notice_ids = UncheckedMany2many("dunning.notice", *MESSAGES, "Reminders", readonly=True)
    notice_state = fields.Selection(
        related="notice_id.state", string="Message", help="What became of the message."
    )
    skip_reason = fields.Char(
        readonly=True, help="Why a line was excluded when the run was sent, if not by a rule."
    )

    # Ticks
    checked = fields.Boolean(string="Send", help="Selected lines are sent.")
    # It was unticked because of a reason, and is ticked again when the reason has gone.
    set_aside = fields.Boolean(readonly=True)
    override_user_id = UncheckedMany2one(
        "res.users",
        string="Selected by",
        readonly=True,
        index="btree_not_null",
        help="Who selected the item despite an exclusion reason.",
    )
    override_date = fields.Datetime(string="Selected on", readonly=True)
    override_reason_ids = fields.Json(
        "Overridden Reasons", readonly=True, help="The exclusion reasons when it was selected."
    )
    override_note = Char(
        string="Reason for Sending",
        readonly=True,
        help="Why somebody selected the item despite an exclusion reason.",
    )
    # An approver was asked to release it.
    approval_user_id = UncheckedMany2one("res.users", string="Approval Asked by", readonly=True)

    # Figures of groups: of a line they are 0 or 1, of a group their sum
    item_count = fields.Integer(
        string="Items",
        compute="_compute_group_figures",
        aggregator="sum",
        help="In a group: the number of distinct items of its lines.",
    )
    checked_count = fields.Integer(compute="_compute_group_figures", aggregator="sum")
    included_count = fields.Integer(
        "Items to Send", compute="_compute_group_figures", aggregator="sum"
    )
    listed_count = fields.Integer(compute="_compute_group_figures", aggregator="sum")
    # A Monetary field would round each line again.
    checked_amount = fields.Float(
        string="Selected Amount", compute="_compute_group_figures", aggregator="sum"
    )

    # The pages of the task list and the work of the sender.
    _run_partner_index = models.Index("(run_id, partner_id)")
    # For the history of an invoice, with items that Odoo has replaced. Without the lines of new
    # runs, so that these are inserted fast.
    _move_index = models.Index("(move_id) WHERE notice_id IS NOT NULL OR move_line_id IS NULL")

    @api.depends("level_id", "action_ids", "held_action_ids", "notice_ids")
    def _compute_level_ids(self):
        levels = self.env["dunning.level"]
        named = {level_id for line in self for level_id in line.action_ids or []}
        # A level can be deleted while its id is still kept as an action.
        existing = set(levels.browse(named).exists().ids)
        for line in self:
            if not line.action_ids:
                line.level_ids = line.level_id
                continue
            gone = set(line.held_action_ids or []) - set(line.notice_ids.level_id.ids)
            line.level_ids = levels.browse(
                level_id for level_id in line.action_ids if level_id in existing - gone
            )

    @api.model
    def _search_level_ids(self, operator, value):
        if operator not in ("in", "any"):
            return NotImplemented
        if operator == "any":
            value = self.env["dunning.level"].search(Domain(value)).ids
        texts = [str(level_id) for level_id in value if level_id]

        def among_actions(_model, alias, _query):
            actions = SQL.identifier(alias, "action_ids")
            return SQL("COALESCE(%s @> ANY(%s::jsonb[]), FALSE)", actions, texts)

        return Domain("level_id", "in", list(value)) | Domain.custom(to_sql=among_actions)

    @api.depends("move_line_id")
    def _compute_promise_date(self):
        promised = [
            ("state", "in", ("open", "proposed")),
            ("move_line_ids", "in", self.move_line_id.ids),
        ]
        dates = dict(
            self.env["dunning.promise"]._read_group(promised, ["move_line_ids"], ["date:max"])
        )
        for line in self:
            line.promise_date = dates.get(line.move_line_id)

    def web_read(self, specification):
        """Override of `web` for lines whose item was deleted while the run was prepared.

        The deletion could not see the lines yet, so they still name the item.
        """
        try:
            return super().web_read(specification)
        except MissingError:
            for field_name in ("move_line_id", "move_id"):
                named = self.mapped(field_name)
                self._forget(field_name, (named - named.exists()).ids)
            return super().web_read(specification)

    # Buttons --------------------------------------------------------------------------------

    @api.readonly
    def action_dunning_pause(self):
        """Ask until when to pause the items."""
        return self.move_line_id.action_dunning_pause()

    @api.readonly
    def action_dunning_pause_customer(self):
        """Ask until when to pause the customers."""
        return self.partner_id.action_dunning_pause()

    @api.readonly
    def action_open_invoice(self):
        """Open the invoice or entry of the item."""
        check_one(self)
        return self.move_id._get_records_action()

    @api.readonly
    def action_promise(self):
        """Open the form in which a promise to pay the items is noted."""
        self.check_access("read")
        Promise = self.env["dunning.promise"]
        Promise.check_access("create")
        defaults = {
            "default_company_id": self.company_id[:1].id,
            "default_partner_id": self.partner_id[:1].id,
            "default_move_line_ids": self.move_line_id.ids,
        }
        name = self.env._("Promise to Pay")
        return Promise._get_records_action(target="new", name=name, context=defaults)

    # Messages -------------------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Override to file lines that are made with a message under it."""
        lines = super().create(vals_list)
        for line in lines.filtered("notice_id"):
            line.notice_ids |= line.notice_id
        return lines

    def _get_message_keys(self):
        """Return the keys of the messages that a line goes into: one for each action that goes."""
        self.ensure_one()
        held = self.held_action_ids or []
        return [key for key in self.action_ids or [self.message_key] if key not in held]

    # Ticks ----------------------------------------------------------------------------------

    def write(self, vals):
        """Override to let users change the tick box only, and to record whose tick it is."""
        if self.env.su and "checked" not in vals:
            return super().write(vals)
        if foreign := set(vals) - {"checked"}:
            raise UserError(
                self.env._(
                    "Only the check box of a run line can be changed, not: %(fields)s",
                    fields=", ".join(sorted(foreign)),
                )
            )
        self.check_access("write")
        if not self or not vals:
            return True
        self._check_open()
        checked = bool(vals["checked"])
        if checked:
            self._check_tickable()
        self._write_ticks(checked, strict=True)
        return True

    @api.model
    def tick(self, domain, checked, note=False):
        """Tick or untick all lines that match `domain` and were not sent, however many they are.

        To tick means to tick the included lines. Only where there are none, the unchecked ones are
        ticked, against their reasons. Customers who would be sent more than the maximum are left
        out, unless an approver ticks.

        :param note: why, in words, where lines are ticked against reasons
        :raise UserError: when lines are to be ticked and none of them may be
        """
        self.browse().check_access("write")
        checked = bool(checked)
        with understand_domain(self.env):
            lines = Domain(domain) & Domain("outcome", "!=", "dropped")
            lines &= Domain("notice_id", "=", False)
            if checked:
                lines = self._get_tickable_domain(lines & ~self._get_message_left_domain())
            lines &= Domain("checked", "!=", checked)
            closed = Domain("run_id.state", "not in", OPEN_STATES)
            self.search(lines & closed, order="id", limit=1)._check_open()
            chosen = self.search(lines, order="id")
            chosen._write_ticks(checked)
        if checked and note:
            chosen._note_override(note)
        return True

    @api.model
    def _get_tickable_domain(self, lines):
        """Return the domain of the lines that `tick` ticks, among those that match `lines`.

        :raise UserError: when there is none
        """
        included = lines & Domain("outcome", "=", "included")
        if self.search_count(included, limit=1):
            return included
        if not customer_maximum.may_release(self.env):
            rules = self.env["dunning.exclusion.rule"].search([("needs_approval", "=", True)])
            lines &= ~Domain("rule_ids", "in", rules.ids)
        if not self.search_count(lines, limit=1):
            raise UserError(
                self.env._(
                    "Nothing here may be selected: it is excluded, reminded already, or above the "
                    "maximum, which only a follow-up approver may release."
                )
            )
        return lines

    def _write_ticks(self, checked, strict=False):
        """Tick or untick lines by one statement, and record who ticks against which reasons.

        The caller has checked that the user may tick them, save for the maximum: when a customer
        would be sent more than it, its lines are ticked by approvers only, and the maximum is one
        of the reasons recorded.

        :param strict: tick nothing when a customer is above the maximum; else those below it
        :raise UserError: when a customer is above the maximum and so nothing is ticked
        """
        self.env.flush_all()
        above = self._find_above_maximum() if checked else {}
        released = customer_maximum.may_release(self.env)
        if not strict or released or not above:
            self.env.cr.execute(self._get_ticks_statement(checked, above, released))
            self.invalidate_model(flush=False)
            if not above or self.env.cr.rowcount:
                return
        customer_maximum.refuse(*next(iter(above.items())))

    def _find_above_maximum(self):
        """Return {run: {customer id: amount}} of who would be above it with the lines ticked."""
        groups = self._read_group(
            [("id", "in", self.ids)], ["run_id"], ["partner_id:array_agg_distinct"]
        )
        ticked = SQL("line.id IN %s", self._get_ids_sql())
        found = {
            run: customer_maximum.find_above(run, customer_ids, ticked)
            for run, customer_ids in groups
        }
        return {run: above for run, above in found.items() if above}

    def _get_ids_sql(self) -> SQL:
        """Return the ids of the lines, to stand after IN.

        A subquery with their conditions would be slow: after many were ticked, PostgreSQL expects
        it to find none, and compares each line with each.
        """
        return SQL("(SELECT unnest(%s::int[]))", self.ids)

    def _get_ticks_statement(self, checked, above, released) -> SQL:
        """Return the statement of `_write_ticks`.

        :param above: customers by run who are above the maximum: left out, unless `released`
        """
        too_much = SQL(" OR ").join(
            SQL("run_id = %s AND partner_id = ANY(%s)", run.id, list(customers))
            for run, customers in above.items()
        )
        return SQL(
            """WITH chosen AS (
                   SELECT id, CASE WHEN (%(too_much)s) AND (reason_ids @> %(reason)s) IS NOT TRUE
                                   THEN COALESCE(reason_ids, '[]') || %(reason)s
                                   ELSE reason_ids END AS reasons
                     FROM dunning_run_line
                    WHERE id IN %(ids)s AND (%(released)s OR (%(too_much)s) IS NOT TRUE)),
               decided AS (
                   SELECT *, %(checked)s AND reasons @? '$[*]' AS override FROM chosen)
               UPDATE dunning_run_line line
                  SET checked = %(checked)s, set_aside = FALSE,
                      override_user_id = CASE WHEN override THEN %(user)s END,
                      override_date = CASE WHEN override THEN %(now)s END,
                      override_note = NULL,
                      override_reason_ids = CASE WHEN override THEN reasons END
                 FROM decided WHERE decided.id = line.id""",
            too_much=too_much if above else SQL("FALSE"),
            reason=SQL("jsonb_build_array(%s::int)", customer_maximum.get_rule(self.env).id),
            ids=self._get_ids_sql(),
            released=released,
            checked=checked,
            user=self.env.uid,
            now=fields.Datetime.now(),
        )

    def _check_open(self):
        if any(line.notice_id or line.run_id.state not in OPEN_STATES for line in self):
            raise UserError(
                self.env._("Lines of a run that is being sent or done cannot be changed.")
            )

    def _check_tickable(self):
        if dropped := self.filtered(lambda line: line.outcome == "dropped")[:1]:
            raise UserError(
                self.env._(
                    "%(item)s cannot be selected, it is excluded: %(reason)s",
                    item=dropped.move_line_id.display_name,
                    reason=dropped.rule_id.name,
                )
            )
        self._check_message_open()
        if not customer_maximum.may_release(self.env):
            if above := self.filtered(lambda line: any(line.rule_ids.mapped("needs_approval")))[:1]:
                above._refuse_above_maximum()

    def _refuse_above_maximum(self):
        """Tell how much the customer of a line would be sent, and what the maximum is.

        :raise UserError: always
        """
        rule, customer = customer_maximum.get_rule(self.env), self.partner_id
        held = SQL("line.reason_ids @> jsonb_build_array(%s::int)", rule.id)
        above = customer_maximum.find_above(
            self.run_id, customer.ids, SQL("line.partner_id = %s AND %s", customer.id, held)
        )
        customer_maximum.refuse(self.run_id, above)
        raise UserError(
            self.env._(
                "%(customer)s is above the maximum: only a follow-up approver may select it.",
                customer=customer.display_name,
            )
        )

    def _check_message_open(self):
        """Check that the messages of the lines have not left without them."""
        left = Domain("id", "in", self.ids) & self._get_message_left_domain()
        if late := self.search(left, limit=1):
            raise UserError(
                self.env._(
                    "%(customer)s was reminded in this run already: include %(item)s in the next "
                    "one.",
                    customer=late.partner_id.display_name,
                    item=late.move_line_id.display_name,
                )
            )

    @api.model
    def _get_message_left_domain(self):
        """Return the domain of the lines whose messages were sent, or are on their way."""
        self.env.flush_all()

        def message_left(_model, alias, _query):
            line = SQL.identifier(alias)
            left = SQL(
                """EXISTS (SELECT 1 FROM dunning_notice notice
                            WHERE notice.run_id = %(line)s.run_id
                              AND notice.partner_id = %(line)s.partner_id
                              AND notice.message_key = key
                              AND notice.state IN ('queued', 'sent')
                              AND notice.merged IS NOT TRUE)""",
                line=line,
            )
            # As long as one of several actions has not left, the line goes along with it.
            return SQL(
                """(SELECT BOOL_AND(%(left)s) FROM (
                        SELECT %(line)s.message_key AS key WHERE %(line)s.action_ids IS NULL
                         UNION ALL
                        SELECT action::int FROM jsonb_array_elements(%(line)s.action_ids) action
                    ) AS message)""",
                left=left,
                line=line,
            )

        return Domain.custom(to_sql=message_left)

    # Groups of the task list ----------------------------------------------------------------

    @api.depends("checked", "outcome", "amount_residual")
    def _compute_group_figures(self):
        for line in self:
            line.checked_count = int(line.checked)
            line.included_count = int(line.outcome == "included")
            line.listed_count = int(line.outcome != "dropped")
            line.checked_amount = line.amount_residual if line.checked else 0
            line.item_count = 1

    def _field_to_sql(self, alias, field_expr, query=None):
        if field_expr in GROUP_FIGURES:
            return SQL(GROUP_FIGURES[field_expr], line=SQL.identifier(alias))
        return super()._field_to_sql(alias, field_expr, query)

    def _read_group_select(self, aggregate_spec, query):
        """Override to count each item of a group once, also where it has several lines."""
        if aggregate_spec == "item_count:sum":
            return distinct_items(self._table)
        if aggregate_spec in ("amount_residual:sum", "checked_amount:sum"):
            ticked = SQL("%s.checked", SQL.identifier(self._table))
            condition = ticked if aggregate_spec == "checked_amount:sum" else None
            return distinct_amount(self._table, condition)
        return super()._read_group_select(aggregate_spec, query)

    @api.model
    @api.readonly
    def read_customer_marks(self, domain, customer_ids):
        """Return {customer id: names of the reasons that stand beside the customer}.

        :param domain: domain of the lines on the screen
        :param customer_ids: the customers of the page
        """
        customers = Domain("partner_id", "in", read_ids(self.env, customer_ids))
        with understand_domain(self.env):
            lines = self._search(Domain(domain) & customers)
            if lines.is_empty():
                return {}
            columns = (SQL.identifier(self._table, name) for name in ("partner_id", "reason_ids"))
            query = """SELECT DISTINCT line.partner_id, reason.id::int FROM %s AS line,
                              jsonb_array_elements_text(line.reason_ids) AS reason(id)"""
            rows = self.env.execute_query(SQL(query, lines.subselect(*columns)))
        marks = {}
        for rule in self.env["dunning.exclusion.rule"].search([("marker", "=", "customer")]):
            for customer_id in (owner for owner, rule_id in rows if rule_id == rule.id):
                marks.setdefault(customer_id, []).append(rule.name)
        return marks

    def _formatted_read_group_with_length(
        self, domain, groupby, aggregates, offset=0, limit=None, order=None
    ):
        """Override of `web` to sum up the customers of the page only, where Odoo sums up all."""
        directions = {"partner_id": False, "partner_id ASC": False, "partner_id DESC": True}
        if list(groupby) != ["partner_id"] or not limit or order not in directions:
            return super()._formatted_read_group_with_length(
                domain, groupby, aggregates, offset=offset, limit=limit, order=order
            )
        customer_ids, length = self._read_customer_page(domain, offset, limit, directions[order])
        mine = Domain(domain) & Domain("partner_id", "in", customer_ids)
        # Ordered by the page below: to order them by name, PostgreSQL would join all contacts.
        groups = self.formatted_read_group(mine, groupby, aggregates, order="__count")
        places = {customer_id: place for place, customer_id in enumerate(customer_ids)}
        groups.sort(key=lambda group: places[group["partner_id"] and group["partner_id"][0]])
        return groups, length

    @api.model
    def _read_customer_page(self, domain, offset, limit, reverse):
        """Return (ids of the customers on the page, number of all) of lines that match `domain`.

        They are ordered by name. Lines without a customer count as one, whose id is False.
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

    # What is deleted or merged --------------------------------------------------------------

    @api.model
    def _forget(self, field_name, ids):
        """Empty `field_name` in the lines that name one of the deleted records `ids`.

        To be called by the `unlink` of each model that an `UncheckedMany2one` names.
        """
        if not ids:
            # Odoo often calls `unlink` on no records when it posts and pays.
            return
        # Lines of a deleted entry no longer name an item, and for those there is an index.
        rest = SQL("AND move_line_id IS NULL") if field_name == "move_id" else SQL()
        field = SQL.identifier(field_name)
        self._change(
            SQL("UPDATE dunning_run_line SET %s = NULL", field),
            SQL("%s = ANY(%s) %s", field, list(ids), rest),
        )

    @api.model
    def _delete_unsent(self, run_ids):
        unsent = SQL(
            """run_id = ANY(%s) AND notice_id IS NULL AND (action_ids IS NULL OR NOT EXISTS (
                   SELECT 1 FROM dunning_notice_line_rel WHERE line_id = dunning_run_line.id))""",
            list(run_ids),
        )
        self._change(SQL("DELETE FROM dunning_run_line"), unsent)

    @api.model
    def _merge_customers(self, customer_ids, partner):
        """File the lines of customers that are merged under the customer of `partner`."""
        self._change(
            SQL("UPDATE dunning_run_line SET partner_id = %s", partner.commercial_partner_id.id),
            self._get_customers_sql(customer_ids),
        )

    @api.model
    def _get_customers_sql(self, customer_ids) -> SQL:
        # Naming all runs lets PostgreSQL use the index.
        condition = "run_id IN (SELECT id FROM dunning_run) AND partner_id = ANY(%s)"
        return SQL(condition, list(customer_ids))

    @api.model
    def _change(self, change, condition):
        self.flush_model()
        self.env.cr.execute(SQL("%s WHERE %s", change, condition))
        self.invalidate_model(flush=False)


class DunningLevel(models.Model):
    """Run lines forget a deleted level; levels themselves know nothing of runs."""

    _inherit = "dunning.level"

    def unlink(self):
        self.env["dunning.run.line"]._forget("level_id", self.ids)
        return super().unlink()


class DunningExclusionRule(models.Model):
    """Run lines forget a deleted rule; rules themselves know nothing of runs."""

    _inherit = "dunning.exclusion.rule"

    def unlink(self):
        self.env["dunning.run.line"]._forget("rule_id", self.ids)
        return super().unlink()
