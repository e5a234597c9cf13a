from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.tools.pdf import merge_pdf

from odoo.addons.base.models.ir_actions_report import _wkhtml


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    @api.constrains("model")
    def _check_dunning_templates(self):
        """Refuse that a report becomes one of another model while reminders attach it."""
        foreign = self.filtered(lambda report: report.model != "dunning.notice")
        # sudo: who changes reports need not have rights on templates
        Template = self.env["mail.template"].sudo().with_context(active_test=False)
        used = Template.search(
            [("report_template_ids", "in", foreign.ids), ("dunning_released", "=", True)], limit=1
        )
        if used:
            raise ValidationError(
                self.env._(
                    "%(fault)s Remove it from the template first.", fault=used._dunning_fault()
                )
            )

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
