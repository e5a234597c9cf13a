from odoo import api, models
from odoo.exceptions import AccessError
from odoo.fields import Domain

from .res_company import THRESHOLDS


class DunningOnboarding(models.AbstractModel):
    """The first steps of an administrator, shown on the dashboard until they are done or hidden."""

    _name = "dunning.onboarding"
    _description = "Follow-up Onboarding"

    @api.model
    def _steps(self, company, unreachable):
        """Return the steps with what is done, or nothing for who does not set follow-ups up.

        :param unreachable: the number of overdue items whose customers have no address
        """
        if company.dunning_onboarding_hidden or not self._is_administrator():
            return []
        scenario = bool(
            self.env["dunning.scenario"].search_count(
                Domain("company_id", "in", [False, company.id]) & Domain("active", "=", True),
                limit=1,
            )
        )
        steps = [
            {
                "name": "scenario",
                "title": self.env._("Switch on a scenario"),
                "text": self.env._("It says who is reminded, when and how. Look whom it reaches."),
                "action": "dunning_exclusion.dunning_scenario_action",
                "done": scenario,
            },
            {
                "name": "thresholds",
                "title": self.env._("Set the thresholds"),
                "text": self.env._("Nobody is reminded of 0.40; large amounts need an approver."),
                "action": "dunning_exclusion.action_open_settings",
                "done": any(company[name] for name in THRESHOLDS),
            },
            {
                "name": "addresses",
                "title": self.env._("Check the addresses"),
                "text": self._address_text(unreachable),
                "action": "dunning_exclusion.dunning_screening_action",
                "done": scenario and not unreachable,
            },
        ]
        return [] if all(step["done"] for step in steps) else steps

    @api.model
    def _address_text(self, unreachable):
        if unreachable:
            return self.env._(
                "%(count)s overdue items have nobody to write to: add contacts of the type "
                "Reminder Address.",
                count=unreachable,
            )
        return self.env._("Contacts of the type Reminder Address get the reminders of a customer.")

    @api.model
    def _is_administrator(self):
        return self.env.user.has_group("dunning_exclusion.group_dunning_manager")

    @api.model
    def hide(self):
        """Hide the first steps for everybody of the current company.

        :raise AccessError: for who is no follow-up administrator
        """
        if not self._is_administrator():
            raise AccessError(self.env._("Only follow-up administrators hide the first steps."))
        # sudo: follow-up administrators cannot write companies
        self.env.company.sudo().dunning_onboarding_hidden = True
        return True
