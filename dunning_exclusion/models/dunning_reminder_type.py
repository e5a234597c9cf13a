from odoo import api, fields, models


class DunningReminderType(models.Model):
    """What kind of message a reminder is; customers can switch every type on or off."""

    _name = "dunning.reminder.type"
    _description = "Reminder Type"
    _order = "sequence, id"

    sequence = fields.Integer(default=10)
    code = fields.Char(required=True, help="Short stable code for imports and integrations.")
    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(
        default=True, help="Switched off: no reminder of this type is proposed for anyone."
    )
    template_id = fields.Many2one(
        "mail.template",
        domain=[("model", "=", "dunning.notice")],
        help="Used when the dunning level has no template of its own.",
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
    customer_off_ids = fields.Many2many(
        "res.partner",
        "dunning_partner_type_off_rel",
        "type_id",
        "partner_id",
        string="Switched Off For",
    )

    _code_unique = models.UniqueIndex("(code)", "Another reminder type already has this code.")

    @api.model_create_multi
    def create(self, vals_list):
        types = super().create(vals_list)
        self.env["dunning.block"]._invalidate_targets()
        return types

    def write(self, vals):
        result = super().write(vals)
        self.env["dunning.block"]._invalidate_targets()
        return result
