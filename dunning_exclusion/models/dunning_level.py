from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from ..screening.domains import parse_domain
from .arguments import AMOUNTS, SEQUENCES, TERM, Char, Within
from .dunning_exclusion_condition import condition_fault, condition_query

ACTIONS = [
    ("email", "E-mail"),
    ("letter", "Letter"),
    ("internal", "Internal notification"),
    ("activity", "Activity"),
]
MAX_ACTIONS = 100


class DunningLevel(models.Model):
    """One step of an invoice-level scenario, or one action of a customer-level workflow."""

    _name = "dunning.level"
    _description = "Reminder Level"
    _inherit = ["dunning.protected.mixin"]
    _order = "scenario_id, sequence, id"
    _company_path = "scenario_id.company_id"

    scenario_id = fields.Many2one("dunning.scenario", required=True, index=True, ondelete="cascade")
    campaign_type = fields.Selection(related="scenario_id.campaign_type")
    company_id = fields.Many2one(related="scenario_id.company_id")
    sequence = fields.Integer(
        default=10, help="The order of the levels: an item goes from one to the next."
    )
    name = Char(
        required=True,
        translate=True,
        compute="_compute_name",
        precompute=True,
        store=True,
        readonly=False,
    )
    trigger = fields.Selection(
        [("due_date", "Due date"), ("invoice_date", "Invoice date")],
        required=True,
        default="due_date",
    )
    delay = fields.Integer(string="Days", help="Days after the trigger; negative: days before it.")
    type_id = fields.Many2one(
        "dunning.reminder.type",
        string="Reminder Type",
        required=True,
        ondelete="restrict",
        default=lambda self: self.env.ref("dunning_exclusion.type_overdue", False),
        help="The kind of reminder, which can be switched off for each customer.",
    )
    action = fields.Selection(ACTIONS, required=True, default="email")
    template_id = fields.Many2one(
        "mail.template",
        domain=[("model", "=", "dunning.notice"), ("dunning_released", "=", True)],
        help="Empty: the template of the reminder type.",
    )
    condition_domain = Char(
        string="Condition", default="[]", help="Only invoices that match reach this level."
    )
    minimum_amount = fields.Float(
        help="Only items with at least this open amount in company currency reach this level."
    )
    repeat_every = fields.Integer(string="Repeat Every (days)", help="0: the level is sent once.")
    repeat_max = fields.Integer(
        string="Repeat at Most", help="How often the level is repeated; 0: without limit."
    )
    additional_partner_ids = fields.Many2many(
        "res.partner",
        "dunning_level_additional_partner_rel",
        string="Additional Recipients",
        help="These contacts also get the message, whoever the customer is.",
    )
    user_ids = fields.Many2many(
        "res.users", string="Users", help="Who is notified, or gets the activity."
    )
    notify_salesperson = fields.Boolean(help="Also notify the salesperson of the customer.")

    _sequence_within = Within("sequence", *SEQUENCES)
    _delay_within = Within("delay", -TERM[1], TERM[1])
    _minimum_amount_within = Within("minimum_amount", *AMOUNTS)
    _repeat_every_within = Within("repeat_every", *TERM)
    _repeat_max_within = Within("repeat_max", 0, 1000)

    @api.depends("type_id")
    def _compute_name(self):
        for level in self:
            level.name = level.name or level.type_id.name

    @api.constrains("scenario_id")
    def _check_level_count(self):
        for scenario in self.scenario_id:
            if len(scenario.level_ids) > MAX_ACTIONS:
                raise ValidationError(
                    self.env._(
                        "Scenario '%(scenario)s' has %(count)s actions, at most %(limit)s are "
                        "possible: remove some, or split it into two scenarios.",
                        scenario=scenario.name,
                        count=len(scenario.level_ids),
                        limit=MAX_ACTIONS,
                    )
                )

    @api.constrains("repeat_every", "repeat_max")
    def _check_repetition(self):
        for level in self:
            if level.repeat_max and not level.repeat_every:
                raise ValidationError(
                    self.env._(
                        "Level '%(level)s' has a limit of repetitions, but the number of days "
                        "between them is missing: fill in 'Repeat Every (days)', or set "
                        "'Repeat at Most' to 0.",
                        level=level.name,
                    )
                )

    @api.constrains("template_id")
    def _check_template(self):
        self.env["mail.template"]._check_dunning_templates(self)

    @api.constrains("condition_domain", "scenario_id")
    def _check_condition_domain(self):
        for level in self:
            Move = self.env["account.move"]
            if fault := condition_fault(Move, level.condition_domain, level.company_id):
                raise ValidationError(level._condition_error(fault))

    def _condition_error(self, fault):
        return self.env._(
            "Level '%(level)s': the field 'Condition' cannot be understood: %(fault)s",
            level=self.name,
            fault=fault,
        )

    def _has_condition(self):
        """Return whether only some invoices reach the level."""
        self.ensure_one()
        return bool(parse_domain(self.condition_domain))

    def _get_template(self):
        """Return the mail template of the level, else that of its reminder type."""
        return self.template_id or self.type_id.template_id

    def _get_place(self):
        """Return the place of the level in its scenario: by sequence, then by id."""
        self.ensure_one()
        return (self.sequence << 32) + self.id

    def _reached_sql(self, company, today, moves=None) -> SQL:
        """Return whether an item meets the level's own conditions, over `item`.

        :param moves: SELECT of the entries it is asked for; None: all
        """
        base = SQL("item.date_due" if self.trigger == "due_date" else "item.invoice_date")
        conditions = [SQL("%s + %s <= %s", base, self.delay, today)]
        if self.trigger == "due_date" and self.delay < 0:
            # What has fallen due already is not announced any more.
            conditions.append(SQL("%s >= %s", base, today))
        if start := self.scenario_id._get_first_day(company):
            conditions.append(SQL("%s >= %s", base, start))
        return SQL("(%s)", SQL(" AND ").join([*conditions, self._allows_sql(company, moves)]))

    def _allows_sql(self, company, moves=None) -> SQL:
        """Return whether amount and condition let an item in, whatever the day, over `item`."""
        conditions = [SQL("TRUE")]
        if self.minimum_amount:
            conditions.append(SQL("item.amount_residual >= %s", self.minimum_amount))
        if self._has_condition():
            conditions.append(self._matches_sql(company, moves))
        return SQL(" AND ").join(conditions)

    def _matches_sql(self, company, moves=None) -> SQL:
        """Return whether `item` meets the level's condition; `moves`: see `_reached_sql`."""
        query = self._condition_query(company)
        if moves:
            query.add_where(SQL("%s IN (%s)", SQL.identifier(query.table, "id"), moves))
        return SQL("item.move_id IN %s", query.subselect())

    def _condition_query(self, company):
        """Return the query of the invoices that match; raise an error if that is not possible."""
        self.ensure_one()
        return condition_query(self.env["account.move"], self.condition_domain, company)
