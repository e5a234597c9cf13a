from markupsafe import Markup

from odoo import models

# Where a run collects what its policies left out, for its report.
COLLECTOR = "dunning_left_out"


class CreditControlPolicy(models.Model):
    _inherit = "credit.control.policy"

    def _get_move_lines_to_process(self, credit_control_run):
        """Override of `account_credit_control` to leave out what the screening excludes."""
        lines = super()._get_move_lines_to_process(credit_control_run)
        if not lines:
            return lines
        exclusions = lines._credit_control_exclusions(
            credit_control_run.company_id or self.env.company, credit_control_run.date
        )
        self.env.context.get(COLLECTOR, {}).update(exclusions)
        return lines.filtered(lambda line: line not in exclusions)

    def _generate_credit_lines(self, credit_control_run, default_lines_vals=None):
        """Override of `account_credit_control` to say in the report what was left out and why."""
        left_out = {}
        collecting = self.with_context(**{COLLECTOR: left_out})
        manual_lines, generated, report = super(
            CreditControlPolicy, collecting
        )._generate_credit_lines(credit_control_run, default_lines_vals)
        if left_out:
            report += str(
                Markup("%s<br/>")
                % self.env._(
                    'Items excluded from policy "%(policy)s": %(count)s. Reasons: %(reasons)s.',
                    policy=self.name,
                    count=len(left_out),
                    reasons=self.env["account.move.line"]._credit_control_summary(left_out),
                )
            )
        return manual_lines, generated, report
