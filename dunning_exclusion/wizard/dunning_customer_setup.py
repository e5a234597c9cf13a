from odoo import api, fields, models

from ..models.arguments import check_one, read_selected


class DunningCustomerSetup(models.TransientModel):
    """Sets profile and scenario of one customer or of many at once."""

    _name = "dunning.customer.setup"
    _description = "Profile and Scenario of Customers"
    _inherit = ["dunning.protected.mixin"]

    partner_ids = fields.Many2many(
        "res.partner",
        string="Customers",
        required=True,
        default=lambda self: read_selected(self.env["res.partner"]),
    )
    sets_profile = fields.Boolean(string="Set the Profile", default=True)
    profile_id = fields.Many2one(
        "dunning.profile",
        compute="_compute_current",
        compute_sudo=False,
        store=True,
        readonly=False,
    )
    sets_scenario = fields.Boolean(string="Set the Scenario", default=True)
    scenario_id = fields.Many2one(
        "dunning.scenario",
        compute="_compute_current",
        compute_sudo=False,
        store=True,
        readonly=False,
        domain="[('campaign_type', '=', 'invoice')]",
    )

    @api.depends("partner_ids")
    def _compute_current(self):
        """Propose what all the customers have in common now."""
        for setup in self:
            customers = setup.partner_ids.commercial_partner_id
            profiles = set(customers.mapped(lambda customer: customer.dunning_profile_id.id))
            scenarios = set(customers.mapped(lambda customer: customer.dunning_scenario_id.id))
            setup.profile_id = profiles.pop() if len(profiles) == 1 else False
            setup.scenario_id = scenarios.pop() if len(scenarios) == 1 else False

    def action_apply(self):
        """Set what is chosen; who sets up follow-ups need not be allowed to write contacts."""
        check_one(self)
        values = {}
        if self.sets_profile:
            values["profile_id"] = self.profile_id.id
        if self.sets_scenario:
            values["scenario_id"] = self.scenario_id.id
        self.partner_ids.action_dunning_set_up(**values)
        return {"type": "ir.actions.act_window_close"}
