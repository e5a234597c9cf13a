from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.sql import column_exists, create_column

from ..screening import items
from ..screening.question import Question
from .arguments import read_record
from .dunning_mixin import READERS
from .history import log
from .outcome_pages import among

# How a customer is treated. Those who may edit contacts need not be follow-up users.
TREATMENT = {
    *("dunning_own_profile_id", "dunning_profile_id", "dunning_type_off_ids"),
    *("dunning_own_scenario_id", "dunning_scenario_id"),
}


class ResPartner(models.Model):
    """Customers who are reminded: what they owe, how they are treated, and where reminders go."""

    _name = "res.partner"
    _inherit = ["res.partner", "dunning.mixin"]
    _dunning_owner_field = "partner_id"
    _dunning_is_open = items.owes(
        SQL("(SELECT commercial_partner_id FROM res_partner WHERE id = listed.id)")
    )
    _dunning_outcome_fields = (
        *("active", "email", "parent_id", "dunning_type_off_ids"),
        "dunning_bounced_email",
    )

    type = fields.Selection(
        selection_add=[("dunning", "Reminder Address")], ondelete={"dunning": "set default"}
    )
    # Odoo searches the chatter past the record rule on notes of follow-ups.
    message_ids = fields.One2many(bypass_search_access=False)
    # Profile and scenario are stored on the customer (commercial partner) in the fields "own". On
    # its contacts the related fields show and set those of the customer.
    dunning_own_profile_id = fields.Many2one(
        "dunning.profile", string="Customer's Profile", company_dependent=True, groups=READERS
    )
    dunning_profile_id = fields.Many2one(
        related="commercial_partner_id.dunning_own_profile_id",
        string="Follow-up Profile",
        readonly=False,
        help="How this customer is treated; scenarios choose customers by it.",
        groups=READERS,
    )
    dunning_own_scenario_id = fields.Many2one(
        "dunning.scenario",
        string="Customer's Scenario",
        company_dependent=True,
        domain=[("campaign_type", "=", "invoice")],
        groups=READERS,
    )
    dunning_scenario_id = fields.Many2one(
        related="commercial_partner_id.dunning_own_scenario_id",
        string="Follow-up Scenario",
        readonly=False,
        help="The customer's own scenario. Empty: the first scenario that applies.",
        groups=READERS,
    )
    dunning_scenario_missing = fields.Boolean(
        string="No Scenario Applies",
        compute="_compute_dunning_scenario_missing",
        search="_search_dunning_scenario_missing",
        help="Something is open, and no scenario of the current company is meant for the customer.",
        groups=READERS,
    )
    dunning_scenario_message = fields.Char(
        "Why No Scenario Applies",
        compute="_compute_dunning_scenario_missing",
        help="Why no scenario reminds the customer.",
        groups=READERS,
    )
    dunning_type_off_ids = fields.Many2many(
        "dunning.reminder.type",
        string="Reminder Types Switched Off",
        compute="_compute_dunning_type_off_ids",
        inverse="_inverse_dunning_type_off_ids",
        search="_search_dunning_type_off_ids",
        # What is switched off for a customer stays so while the type is off for everybody.
        context={"active_test": False},
        groups=READERS,
        help="The kinds of reminders this customer does not get from the current company.",
    )
    dunning_bounced_email = fields.Char(
        string="Undeliverable Address",
        compute="_compute_dunning_bounced_email",
        store=True,
        help="The e-mail address from which a message came back; empty once somebody writes from "
        "it. No reminder goes there until the contact has another address.",
        groups=READERS,
    )
    dunning_outstanding = fields.Monetary(
        "Outstanding",
        compute="_compute_dunning_balance",
        help="All that the customer owes, less credits, including held items, in company currency.",
        groups=READERS,
    )
    dunning_overdue = fields.Monetary(
        "Overdue",
        compute="_compute_dunning_balance",
        help="The part of the outstanding amount that is past its due date.",
        groups=READERS,
    )
    dunning_promise_ids = fields.One2many(
        "dunning.promise", "partner_id", string="Promises to Pay", groups=READERS
    )
    dunning_notice_ids = fields.One2many(
        "dunning.notice", "partner_id", string="Reminders", groups=READERS
    )

    # Customers answer by e-mail. Odoo looks up five times who has sent it, and would read all
    # contacts each time.
    _dunning_email_index = models.Index("(email_normalized) WHERE email_normalized IS NOT NULL")
    _dunning_bounced_index = models.Index(
        "(commercial_partner_id) WHERE dunning_bounced_email IS NOT NULL"
    )

    def _auto_init(self):
        """Override of `base`: computing this in Python would read each contact of a database."""
        cr = self.env.cr
        if not column_exists(cr, "res_partner", "dunning_bounced_email"):
            create_column(cr, "res_partner", "dunning_bounced_email", "varchar")
            cr.execute(
                """UPDATE res_partner SET dunning_bounced_email = email_normalized
                    WHERE message_bounce > 0"""
            )
        return super()._auto_init()

    # Odoo counts the messages that came back from a contact, and starts at 0 again when the contact
    # writes. It does not keep the address that bounced: that is the one the contact has then.
    @api.depends("message_bounce")
    def _compute_dunning_bounced_email(self):
        for partner in self:
            partner.dunning_bounced_email = partner.message_bounce and partner.email_normalized

    # What the mixin asks of each model --------------------------------------------------------

    def _dunning_owners(self):
        return self.commercial_partner_id

    def _dunning_customers(self):
        return self.commercial_partner_id

    def _dunning_companies(self):
        return self.env.company

    def _dunning_blocks_domain(self):
        mine = Domain("partner_id", "in", self.commercial_partner_id.ids)
        return mine & Domain("company_id", "=", self.env.company.id)

    @api.model
    def _dunning_block_key(self, block):
        return block.partner_id.id

    def _dunning_block_keys(self):
        return {self.commercial_partner_id.id}

    def _dunning_whole_blocks(self, blocks):
        return blocks.filtered(lambda block: block._is_whole())

    def _dunning_fresh_blocks(self, kind=None, day=None):
        # Buttons and flags of a customer leave the blocks on single entries alone. A flag, which
        # asks for a kind, is not set by a block that is limited to old items.
        blocks = super()._dunning_fresh_blocks(kind, day)
        on_customer = blocks.filtered(lambda block: not block.move_id)
        return self._dunning_whole_blocks(on_customer) if kind else on_customer

    @api.model
    def _dunning_blocked_domain(self, blocks_query):
        blocks = self.env["dunning.block"]._search(
            Domain("id", "in", blocks_query)
            & Domain("move_id", "=", False)
            & Domain("items_until", "=", False)
            & Domain("company_id", "=", self.env.company.id)
        )
        return Domain("commercial_partner_id", "in", blocks.subselect("partner_id"))

    @api.model
    def _dunning_outcome_domain(self, outcomes, owner):
        query = self.env["dunning.screening"]._owner_query(
            "partner_id", outcomes, self.env.company, owner
        )
        return among("commercial_partner_id", query)

    def _dunning_block_targets(self):
        return [(self.env.company.id, self.commercial_partner_id.id, False, False)]

    def _field_to_sql(self, alias, field_expr, query=None):
        """Override of `base` to check the groups of related fields, too, when grouping by them.

        Odoo checks only the target, in sudo: portal users could group by their scenario.
        """
        if field_expr.startswith("dunning_") and (field := self._fields.get(field_expr)):
            self._check_field_access(field, "read")
        return super()._field_to_sql(alias, field_expr, query)

    @api.constrains("dunning_own_scenario_id")
    def _check_dunning_scenario(self):
        for partner in self:
            scenario = partner.dunning_own_scenario_id
            if scenario.company_id not in (self.env["res.company"], self.env.company):
                # Odoo checks constraints in sudo: the message must not tell names of others.
                scenario.sudo(False).check_access("read")
                raise ValidationError(
                    self.env._(
                        "%(customer)s: scenario '%(scenario)s' belongs to %(company)s: choose one "
                        "of %(current)s in the field 'Scenario'.",
                        customer=partner.display_name,
                        scenario=scenario.name,
                        company=scenario.company_id.name,
                        current=self.env.company.name,
                    )
                )
            if scenario.campaign_type == "customer":
                raise ValidationError(
                    self.env._(
                        "%(customer)s: '%(scenario)s' is a customer-level workflow, which chooses "
                        "its customers itself: choose a scenario of invoice level in the field "
                        "'Scenario'.",
                        customer=partner.display_name,
                        scenario=scenario.name,
                    )
                )

    @api.depends("commercial_partner_id")
    @api.depends_context("company")
    def _compute_dunning_type_off_ids(self):
        # sudo: who may see the customer may see the switches of the company.
        Off = self.env["dunning.type.off"].sudo()
        mine = Domain("partner_id", "in", self.commercial_partner_id.ids)
        mine &= Domain("company_id", "=", self.env.company.id)
        types = dict(Off._read_group(mine, ["partner_id"], ["type_id:recordset"]))
        for partner in self:
            off = types.get(partner.commercial_partner_id._origin, Off.type_id)
            partner.dunning_type_off_ids = off.with_env(self.env)

    def _inverse_dunning_type_off_ids(self):
        wanted = {partner: partner.dunning_type_off_ids for partner in self}
        for types, partners in self.grouped(wanted.get).items():
            self.env["dunning.type.off"]._switch(
                partners.commercial_partner_id, types._origin, self.env.company
            )
        # Contacts of the same customers have the same switches.
        self.env["res.partner"].invalidate_model(["dunning_type_off_ids"], flush=False)
        self.env["dunning.block"]._invalidate_targets()

    @api.model
    def _search_dunning_type_off_ids(self, operator, value):
        if operator not in ("in", "any"):
            return NotImplemented
        self._check_field_access(self._fields["dunning_type_off_ids"], "read")

        def switched_off(types):
            mine = Domain("company_id", "=", self.env.company.id)
            # sudo: as in `_compute_dunning_type_off_ids`
            found = self.env["dunning.type.off"].sudo()._search(mine & types)
            return Domain("commercial_partner_id", "in", found.subselect("partner_id"))

        found = switched_off(Domain("type_id", operator, value))
        if operator == "in" and False in value:
            found |= ~switched_off(Domain.TRUE)
        return found

    @api.depends("commercial_partner_id", "dunning_scenario_id", "dunning_profile_id")
    @api.depends_context("company")
    def _compute_dunning_scenario_missing(self):
        query = self.env["dunning.scenario"]._without_scenario_query(
            self.env.company, customer_ids=self.commercial_partner_id.ids
        )
        self.env.flush_all()
        missing = {row[0] for row in self.env.execute_query(query)} if self.ids else set()
        message = self.env._("None of the configured scenarios are applicable to this customer")
        for partner in self:
            partner.dunning_scenario_missing = partner.commercial_partner_id.id in missing
            partner.dunning_scenario_message = partner.dunning_scenario_missing and message

    @api.model
    def _search_dunning_scenario_missing(self, operator, value):
        if operator != "in":
            return NotImplemented
        self._check_field_access(self._fields["dunning_scenario_missing"], "read")
        self.env.flush_all()
        query = self.env["dunning.scenario"]._without_scenario_query(self.env.company)
        missing = Domain("commercial_partner_id", "in", SQL("(%s)", query))
        return missing if True in value else ~missing

    def _dunning_promised_items(self):
        overdue = self.env["dunning.screening"].search(
            Domain("partner_id", "in", self.commercial_partner_id.ids)
            & Domain("company_id", "=", self.env.company.id)
            & Domain("days_overdue", ">", 0)
            & Domain("amount_residual", ">", 0)
        )
        return overdue.move_line_id

    @api.depends_context("company", "allowed_company_ids")
    def _compute_dunning_balance(self):
        company, customers = self.env.company, tuple(self.commercial_partner_id.ids)
        question = Question(company, company._dunning_today(), customers=customers)
        self.env.flush_all()
        rows = self.env.execute_query(items.balances(question)) if customers else []
        balances = {customer_id: amounts for _company, customer_id, *amounts in rows}
        for partner in self:
            amounts = balances.get(partner.commercial_partner_id.id, (0, 0))
            partner.dunning_outstanding, partner.dunning_overdue = amounts

    def action_dunning_toggle_type(self, type_id, on=None):
        """Switch a reminder type on or off for the customers; no right to edit contacts is needed.

        :param type_id: the id of the reminder type
        :param on: True or False; None: on where it is off for one of them, else off
        :raise AccessError: for users who are no follow-up users
        """
        if not self._dunning_may_treat():
            raise AccessError(self.env._("Only follow-up users switch reminder types."))
        (self | self.commercial_partner_id).check_access("read")
        reminder = read_record(self.env["dunning.reminder.type"], type_id)
        # sudo: accounting users must switch types, but cannot write contacts in Odoo
        customers = self.commercial_partner_id.sudo()
        off = customers.filtered(lambda customer: reminder in customer.dunning_type_off_ids)
        on = bool(off) if on is None else on
        changed = off if on else customers - off
        command = fields.Command.unlink if on else fields.Command.link
        changed.write({"dunning_type_off_ids": [command(reminder.id)]})
        text = self.env._("Reminders of type '%(type)s' switched on.", type=reminder.name)
        if not on:
            text = self.env._("Reminders of type '%(type)s' switched off.", type=reminder.name)
        log(changed, dict.fromkeys(changed.ids, text), self.env.company)
        return True

    @api.model
    def _dunning_recipients_sql(self, customer) -> SQL:
        """Return SELECT of the contacts that reminders can be e-mailed to.

        The columns: id, customer_id, place, and whether the address has `bounced`. Reminder
        addresses have place 1, invoice contacts 2, the customer itself 3: the first place counts.
        Archived contacts and contacts without e-mail address are passed over; the address of the
        customer itself always counts, which `_condition_no_address` relies on.

        :param customer: the ids of the customers (commercial partners) as SQL: one id, or an array
        """
        return SQL(
            """SELECT receiver.id, receiver.commercial_partner_id AS customer_id,
                      CASE WHEN receiver.id = receiver.commercial_partner_id THEN 3
                           WHEN receiver.type = 'dunning' THEN 1 ELSE 2 END AS place,
                      (receiver.email_normalized = receiver.dunning_bounced_email) IS TRUE
                          AS bounced
                 FROM res_partner receiver
                WHERE receiver.commercial_partner_id = %s AND receiver.email LIKE '%%@%%'
                  AND (receiver.id = receiver.commercial_partner_id
                       OR receiver.active AND receiver.type IN ('dunning', 'invoice'))""",
            customer,
        )

    @api.model
    def _dunning_first_recipients_sql(self, customers) -> SQL:
        """Return SELECT customer_id, ids (who gets its reminders), bounced (all their addresses).

        :param customers: an array of ids of customers, as SQL
        """
        return SQL(
            """SELECT customer_id, ARRAY_AGG(id ORDER BY id) AS ids, BOOL_AND(bounced) AS bounced
                 FROM (SELECT *, MIN(place) OVER (PARTITION BY customer_id) AS best
                         FROM (%s) AS found) AS ranked
                WHERE place = best GROUP BY customer_id""",
            self._dunning_recipients_sql(SQL("ANY(%s)", customers)),
        )

    def _dunning_recipients_by_customer(self):
        """Return {customer: who gets its reminders}; no recipients where there is no address."""
        self.env.flush_all()
        query = self._dunning_first_recipients_sql(SQL("%s", self.ids))
        found = dict(self.env.execute_query(SQL("SELECT customer_id, ids FROM (%s) first", query)))
        return {customer: self.browse(found.get(customer.id)) for customer in self}

    @api.model
    def _prepare_create_values(self, vals_list):
        result = super()._prepare_create_values(vals_list)
        self._check_dunning_treatment(result)
        return result

    def _dunning_may_treat(self):
        return self.env.su or self.env.user.has_group("dunning_exclusion.group_dunning_user")

    def _check_dunning_treatment(self, vals_list):
        """Check that nobody but follow-up users sets how customers are treated."""
        treats = any(vals.get(name) for vals in vals_list for name in TREATMENT)
        if treats and not self._dunning_may_treat():
            raise AccessError(
                self.env._(
                    "Only follow-up users choose how customers are reminded: scenario, profile and "
                    "reminder types."
                )
            )

    def write(self, vals):
        if not vals.keys().isdisjoint(TREATMENT):
            self._check_dunning_treatment([dict.fromkeys(vals, True)])
        moves = "parent_id" in vals or "is_company" in vals
        before = self.commercial_partner_id if moves else self.browse()
        result = super().write(vals)
        if moves:
            (self | before)._dunning_follow_customer()
        return result

    def action_dunning_set_up(self, **values):
        """Set how the customers are treated; no right to edit contacts is needed.

        :param values: `profile_id` and `scenario_id`, the ids of a profile and of a scenario of
            invoice level, or False; what is not named stays as it is
        :raise AccessError: for users who are no administrators of follow-ups
        """
        if not self.env.user.has_group("dunning_exclusion.group_dunning_manager"):
            raise AccessError(
                self.env._("Only follow-up administrators set profile and scenario of customers.")
            )
        (self | self.commercial_partner_id).check_access("read")
        chosen = {}
        for name, model in (("profile_id", "dunning.profile"), ("scenario_id", "dunning.scenario")):
            if name in values:
                record = values[name] and read_record(self.env[model], values[name])
                chosen[f"dunning_own_{name}"] = record and record.id
        # sudo: who sets up follow-ups cannot write contacts in Odoo
        self.commercial_partner_id.sudo().write(chosen)
        return True

    def unlink(self):
        """Override of `base` to delete the lines, too: who got a notice cannot be deleted."""
        result = super().unlink()
        Line = self.env["dunning.run.line"]
        Line._change(SQL("DELETE FROM dunning_run_line"), Line._get_customers_sql(self.ids))
        return result

    def _dunning_follow_customer(self):
        """Move blocks and promises to the customer (commercial partner) they belong to now."""
        for model in ("dunning.block", "dunning.promise"):
            # sudo: who may change a contact need not have rights on blocks and promises
            self.env[model].sudo().search([("partner_id", "in", self.ids)])._follow_customer()
