from odoo import fields, models

from ..models.arguments import check_one, read_selected


class DunningTypeSwitch(models.TransientModel):
    """Switches a reminder type on or off for all selected customers at once."""

    _name = "dunning.type.switch"
    _description = "Switch Reminder Type"

    partner_ids = fields.Many2many(
        "res.partner",
        string="Customers",
        required=True,
        default=lambda self: read_selected(self.env["res.partner"]),
    )
    type_ids = fields.Many2many("dunning.reminder.type", string="Reminder Types", required=True)
    switch = fields.Selection(
        [("off", "Off"), ("on", "On")],
        required=True,
        default="off",
        help="Whether they get these kinds of reminders.",
    )

    def action_apply(self):
        """Switch the types for the customers; accounting users may, too."""
        check_one(self)
        for reminder in self.type_ids:
            self.partner_ids.action_dunning_toggle_type(reminder.id, self.switch == "on")
        return {"type": "ir.actions.act_window_close"}
