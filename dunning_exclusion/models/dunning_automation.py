from odoo import api, fields, models
from odoo.fields import Domain


class DunningAutomation(models.AbstractModel):
    """The nightly job: sends the automatic scenarios of every company that switched it on."""

    _name = "dunning.automation"
    _description = "Dunning Automation"

    @api.model
    def _send_all_companies(self):
        companies = self.env["res.company"].search([("dunning_automatic_sending", "=", True)])
        for company in companies:
            self.with_company(company)._send_company(company)

    @api.model
    def _send_company(self, company):
        """Send today's automatic reminders of `company`, or go on where yesterday's stopped."""
        today = company._dunning_today()
        Run = self.env["dunning.run"]
        mine = Domain("company_id", "=", company.id) & Domain("automatic", "=", True)
        unfinished = Run.search(mine & Domain("state", "=", "sending"))
        for run in unfinished:
            self.env["dunning.sender"]._send_run(run)
        if Run.search_count(mine & Domain("date", "=", today)):
            return
        scenarios = self.env["dunning.scenario"].search(
            Domain("company_id", "in", [False, company.id]) & Domain("automatic", "=", True)
        )
        if not scenarios:
            return
        run = Run.create(
            {
                "company_id": company.id,
                "date": today,
                "automatic": True,
                "scenario_ids": [fields.Command.set(scenarios.ids)],
            }
        )
        run.action_prepare()
        self.env["dunning.sender"]._send_run(run)
