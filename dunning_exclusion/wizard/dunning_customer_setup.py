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
    sets_profile = fields.Boolean(
        string="Set the Profile",
        compute="_compute_sets_profile",
        compute_sudo=False,
        store=True,
        readonly=False,
    )
    profile_id = fields.Many2one(
        "dunning.profile",
        compute="_compute_current",
        compute_sudo=False,
        store=True,
        readonly=False,
    )
    sets_scenario = fields.Boolean(
        string="Set the Scenario",
        compute="_compute_sets_scenario",
        compute_sudo=False,
        store=True,
        readonly=False,
    )
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
            setup.profile_id = setup._get_common("dunning_profile_id")
            setup.scenario_id = setup._get_common("dunning_scenario_id")

    @api.depends("profile_id", "partner_ids")
    def _compute_sets_profile(self):
        """Tick what is chosen; where customers differ, nobody's profile is cleared by mistake."""
        for setup in self:
            agree = setup._get_common("dunning_profile_id") is not None
            setup.sets_profile = setup.profile_id or agree

    @api.depends("scenario_id", "partner_ids")
    def _compute_sets_scenario(self):
        for setup in self:
            agree = setup._get_common("dunning_scenario_id") is not None
            setup.sets_scenario = setup.scenario_id or agree

    def _get_common(self, name):
        """Return the id that all the customers have in the field `name`, or None: they differ."""
        customers = self.partner_ids.commercial_partner_id
        found = set(customers.mapped(lambda customer: customer[name].id))
        return found.pop() if len(found) == 1 else None

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
