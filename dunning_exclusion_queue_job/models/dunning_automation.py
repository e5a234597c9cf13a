from odoo import api, models

from .dunning_sender import BY_JOBS, YES


class DunningAutomation(models.AbstractModel):
    _inherit = "dunning.automation"

    @api.model
    def _send(self, run):
        """Override of `dunning_exclusion` to leave the sending to jobs."""
        by_jobs = self
        if self.env["dunning.sender"]._has_runner():
            by_jobs = self.with_context(**{BY_JOBS: YES})
        return super(DunningAutomation, by_jobs)._send(run)
