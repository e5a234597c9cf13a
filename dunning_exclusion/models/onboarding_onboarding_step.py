from odoo import api, models


class OnboardingOnboardingStep(models.Model):
    _inherit = "onboarding.onboarding.step"

    @api.model
    @api.readonly
    def action_open_dunning_scenarios(self):
        """Open the scenarios."""
        self.env["dunning.settings"].check_access("read")
        Action = self.env["ir.actions.act_window"]
        return Action._for_xml_id("dunning_exclusion.dunning_scenario_action")

    @api.model
    def action_open_dunning_settings(self):
        """Open the settings of follow-ups."""
        return self.env["dunning.settings"].action_open()

    @api.model
    @api.readonly
    def action_open_dunning_addresses(self):
        """Open the overdue items of customers who have no address to write to."""
        self.env["dunning.settings"].check_access("read")
        Action = self.env["ir.actions.act_window"]
        rule = self.env.ref("dunning_exclusion.rule_no_address")
        domain = [("rule_id", "=", rule.id), ("days_overdue", ">", 0)]
        action = Action._for_xml_id("dunning_exclusion.dunning_screening_action")
        return action | {"domain": domain, "context": {}}
