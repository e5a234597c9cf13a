from odoo import api, models
from odoo.tools.pdf import merge_pdf

from odoo.addons.base.models.ir_actions_report import _wkhtml


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    @api.model
    def _run_wkhtmltopdf(self, bodies, report_ref=False, **options):
        """Override of `base` to print several letters where wkhtmltopdf takes one at a time.

        The wkhtmltopdf of Linux distributions is made without the patched Qt that it needs for
        several documents.
        """
        bodies = list(bodies)
        one_by_one = len(bodies) > 1 and not _wkhtml().is_patched_qt
        letters = self.env.ref("dunning_exclusion.action_report_notice", False)
        if not one_by_one or not report_ref or self._get_report(report_ref) != letters:
            return super()._run_wkhtmltopdf(bodies, report_ref=report_ref, **options)
        run = super()._run_wkhtmltopdf
        return merge_pdf([run([body], report_ref=report_ref, **options) for body in bodies])
