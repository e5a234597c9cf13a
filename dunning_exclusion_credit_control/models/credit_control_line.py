from markupsafe import Markup

from odoo import models


class CreditControlLine(models.Model):
    _inherit = "credit.control.line"

    def _leave_out_excluded(self):
        """Return the lines that the screening does not exclude today.

        The others go back to draft: the hold may end one day, but only a person lets them go out
        then, and until then their invoices can be cancelled.
        """
        kept = self
        for company, lines in self.grouped("company_id").items():
            exclusions = lines.move_line_id._credit_control_exclusions(
                company, company._dunning_today()
            )
            excluded = lines.filtered(lambda line, found=exclusions: line.move_line_id in found)
            excluded._set_back(exclusions)
            kept -= excluded
        return kept

    def _set_back(self, exclusions):
        """Set lines that were to be sent back to draft, with the reason on them and their run."""
        self.filtered(lambda line: line.state == "to_be_sent").state = "draft"
        self._message_log_batch(
            bodies={
                line.id: self.env._(
                    "Excluded when it was to be sent: %(reason)s",
                    reason=exclusions[line.move_line_id],
                )
                for line in self
            }
        )
        for run, lines in self.grouped("run_id").items():
            mine = {line.move_line_id: exclusions[line.move_line_id] for line in lines}
            if run:
                run.report = (run.report or Markup()) + Markup("%s<br/>") % self.env._(
                    "Items excluded when sending: %(count)s. Reasons: %(reasons)s.",
                    count=len(mine),
                    reasons=lines.move_line_id._credit_control_summary(mine),
                )
