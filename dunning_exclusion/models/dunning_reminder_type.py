from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from .arguments import Char
from .bounds import SEQUENCES, Within


class DunningReminderType(models.Model):
    """What kind of message a reminder is; customers can switch every type on or off."""

    _name = "dunning.reminder.type"
    _description = "Reminder Type"
    _inherit = ["dunning.protected.mixin"]
    _order = "sequence, id"
    _company_path = ""
    _open_fields = frozenset({"sequence"})

    sequence = fields.Integer(default=10, help="The order in which they are listed.")
    code = Char(required=True, help="Short stable code for imports and integrations.")
    name = Char(required=True, translate=True, help="The name under which it is found.")
    active = fields.Boolean(
        default=True, help="Switched off: no reminder of this type is proposed for anyone."
    )
    template_id = fields.Many2one(
        "mail.template",
        domain=[("model", "=", "dunning.notice"), ("dunning_released", "=", True)],
        help="Used when the dunning level has no template of its own.",
    )
    customer_filter = fields.Selection(
        [("all", "All customers"), ("only", "Only these"), ("except", "All but these")],
        required=True,
        default="all",
        help="Whether all customers get this kind of reminder, only some, or all but some.",
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
        for reminder in self:
            if fault := reminder.template_id and reminder.template_id._dunning_fault():
                raise ValidationError(
                    self.env._(
                        "Reminder type '%(type)s': %(fault)s Choose another one in the field "
                        "'Template'.",
                        type=reminder.name,
                        fault=fault,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        types = super().create(vals_list)
        types._name_customers(*vals_list)
        self.env["dunning.block"]._invalidate_targets()
        return types

    def write(self, vals):
        result = super().write(vals)
        self._name_customers(vals)
        self.env["dunning.block"]._invalidate_targets()
        return result

    def _name_customers(self, *vals_list):
        """Replace contacts by the customers they belong to, who are the ones that owe."""
        if any("customer_ids" in vals for vals in vals_list):
            for reminder in self.filtered(
                lambda r: r.customer_ids != r.customer_ids.commercial_partner_id
            ):
                reminder.customer_ids = reminder.customer_ids.commercial_partner_id

    def _reaches_sql(self, company) -> SQL:
        """Return whether the switches let the type reach the customer of an item, over `item`."""
        self.ensure_one()
        rules = set(self.env["dunning.exclusion.rule"]._active_in(company).mapped("code"))
        conditions = [SQL("TRUE")]
        if "type_off" in rules:
            conditions.append(
                SQL(
                    """item.partner_id NOT IN (SELECT partner_id FROM dunning_type_off
                                                WHERE type_id = %s AND company_id = %s)""",
                    self.id,
                    company.id,
                )
            )
        if "type_filter" in rules and self.customer_filter != "all":
            conditions.append(
                SQL(
                    """item.partner_id %s (SELECT partner_id FROM dunning_reminder_type_customer_rel
                                            WHERE type_id = %s)""",
                    SQL("IN") if self.customer_filter == "only" else SQL("NOT IN"),
                    self.id,
                )
            )
        return SQL("(%s)", SQL(" AND ").join(conditions))
