from odoo import api, models

from .dunning_sender import BY_JOBS


class DunningAutomation(models.AbstractModel):
    _inherit = "dunning.automation"

    @api.model
    def _send(self, run):
        """Override of `dunning_exclusion` to leave the sending to jobs."""
        by_jobs = self.with_context(**{BY_JOBS: self.env["dunning.sender"]._has_runner()})
        return super(DunningAutomation, by_jobs)._send(run)
