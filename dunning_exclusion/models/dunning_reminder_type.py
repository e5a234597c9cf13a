from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from .arguments import SEQUENCES, Char, Within


class DunningReminderType(models.Model):
    """What kind of message a reminder is; customers can switch every type on or off."""

    _name = "dunning.reminder.type"
    _description = "Reminder Type"
    _inherit = ["dunning.protected.mixin"]
    _order = "sequence, id"
    _company_path = ""
    _open_fields = frozenset({"sequence"})

    sequence = fields.Integer(default=10)
    code = Char(required=True, help="Short stable code for imports and integrations.")
    name = Char(required=True, translate=True)
    active = fields.Boolean(
        default=True, help="Switched off: no reminder of this type is proposed for anyone."
    )
    template_id = fields.Many2one(
        "mail.template",
        domain=[("model", "=", "dunning.notice"), ("dunning_released", "=", True)],
        help="Used when the reminder level has no template of its own.",
    )
    customer_filter = fields.Selection(
        [("all", "All customers"), ("only", "Only these"), ("except", "All but these")],
        required=True,
        default="all",
    )
    customer_ids = fields.Many2many(
        "res.partner",
        "dunning_reminder_type_customer_rel",
        "type_id",
        "partner_id",
        string="Customers",
        help="The customers meant by 'Only these' or 'All but these'.",
    )

    _sequence_within = Within("sequence", *SEQUENCES)
    _code_unique = models.UniqueIndex("(code)", "Another reminder type already has this code.")

    @api.constrains("template_id")
    def _check_template(self):
        self.env["mail.template"]._check_dunning_templates(self)

    @api.constrains("customer_filter", "customer_ids")
    def _check_customers(self):
        # sudo: customers of companies that the user does not see count, too
        for reminder in self.sudo().with_context(active_test=False):
            if reminder.customer_filter == "only" and not reminder.customer_ids:
                raise ValidationError(
                    self.env._(
                        "Reminder type '%(type)s': 'Only these' without anybody would remind "
                        "nobody. Choose customers in the field 'Customers', or switch the type "
                        "off.",
                        type=reminder.name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        types = super().create(vals_list)
        types._name_customers()
        self.env["dunning.block"]._invalidate_targets()
        return types

    def write(self, vals):
        result = super().write(vals)
        if "customer_ids" in vals:
            self._name_customers()
        self.env["dunning.block"]._invalidate_targets()
        return result

    def _name_customers(self):
        """Replace contacts by the customers they belong to."""
        for reminder in self:
            customers = reminder.customer_ids.commercial_partner_id
            if reminder.customer_ids != customers:
                reminder.customer_ids = customers

    def _reaches_sql(self, company) -> SQL:
        """Return whether the switches let the type reach the customer of an item, over `item`."""
        self.ensure_one()
        rules = set(self.env["dunning.exclusion.rule"]._active_in(company).mapped("code"))
        switched_off = SQL(
            "SELECT partner_id FROM dunning_type_off WHERE type_id = %s AND company_id = %s",
            self.id,
            company.id,
        )
        chosen = SQL(
            "SELECT partner_id FROM dunning_reminder_type_customer_rel WHERE type_id = %s", self.id
        )
        conditions = [SQL("TRUE")]
        if "type_off" in rules:
            conditions.append(SQL("item.partner_id NOT IN (%s)", switched_off))
        if "type_filter" in rules and self.customer_filter == "only":
            conditions.append(SQL("item.partner_id IN (%s)", chosen))
        elif "type_filter" in rules and self.customer_filter == "except":
            conditions.append(SQL("item.partner_id NOT IN (%s)", chosen))
        return SQL("(%s)", SQL(" AND ").join(conditions))


class DunningTypeOff(models.Model):
    """A reminder type that a company has switched off for a customer."""

    _name = "dunning.type.off"
    _description = "Switched Off Reminder Type"
    _rec_name = "type_id"

    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, ondelete="cascade"
    )
    type_id = fields.Many2one(
        "dunning.reminder.type",
        string="Reminder Type",
        required=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one("res.company", required=True, index=True, ondelete="cascade")

    _once = models.UniqueIndex(
        "(partner_id, type_id, company_id)", "The type is switched off for the customer already."
    )

    def _switch(self, customers, types, company):
        """Let `types` be the reminder types that `company` has switched off for `customers`."""
        # sudo: nobody writes these records themselves; who calls this may write the customers
        self = self.sudo()
        there = self.search(
            Domain("partner_id", "in", customers.ids) & Domain("company_id", "=", company.id)
        )
        there.filtered(lambda off: off.type_id not in types).unlink()
        known = {(off.partner_id, off.type_id) for off in there.exists()}
        self.create(
            [
                {"partner_id": customer.id, "type_id": kind.id, "company_id": company.id}
                for customer in customers
                for kind in types
                if (customer, kind) not in known
            ]
        )

    def _merge_customers(self, source_ids, target):
        """Give what was switched off for the customers `source_ids` to `target`."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """WITH moved AS (
                       DELETE FROM dunning_type_off WHERE partner_id = ANY(%s)
                       RETURNING type_id, company_id, create_uid, create_date)
                   INSERT INTO dunning_type_off (partner_id, type_id, company_id, create_uid,
                                                 create_date)
                   SELECT %s, moved.* FROM moved ON CONFLICT DO NOTHING""",
                list(source_ids),
                target.id,
            )
        )
        self.invalidate_model()
