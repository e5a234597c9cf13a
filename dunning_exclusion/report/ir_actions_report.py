import io

from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.tools import split_every
from odoo.tools.pdf import merge_pdf

from odoo.addons.base.models.ir_actions_report import _wkhtml

# How many letters are made and printed together: their pages, as HTML, take memory.
LETTERS_AT_ONCE = 50


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
    def _is_letters(self, report_ref):
        """Return whether `report_ref` is the report of letters."""
        letters = self.env.ref("dunning_exclusion.action_report_notice", False)
        return bool(letters and report_ref) and self._get_report(report_ref) == letters

    @api.model
    def _render_qweb_pdf_prepare_streams(self, report_ref, data, res_ids=None):
        """Override of `base` to make many letters in little memory: some at a time, one file each.

        Where each letter is kept as an attachment, Odoo needs them one by one.
        """
        render = super()._render_qweb_pdf_prepare_streams
        many = len(set(res_ids or ())) > LETTERS_AT_ONCE and self._is_letters(report_ref)
        if not many or self._get_report(report_ref).attachment:
            return render(report_ref, data, res_ids)
        found = {}
        for ids in split_every(LETTERS_AT_ONCE, dict.fromkeys(res_ids), list):
            streams = render(report_ref, dict(data or {}), ids)
            # What Odoo cannot take apart is in one stream, in which all of them are.
            parts = [streams[False]] if False in streams else streams.values()
            printed = [part["stream"].getvalue() for part in parts if part["stream"]]
            found[ids[0]] = {"stream": io.BytesIO(merge_pdf(printed)), "attachment": None}
            # What was read and made for these letters is not needed any more.
            self.env.invalidate_all()
        return found

    @api.model
    def _run_wkhtmltopdf(self, bodies, report_ref=False, **options):
        """Override of `base` to print several letters where wkhtmltopdf takes one at a time.

        The wkhtmltopdf of Linux distributions is made without the patched Qt that it needs for
        several documents.
        """
        bodies = list(bodies)
        one_by_one = len(bodies) > 1 and not _wkhtml().is_patched_qt
        if not one_by_one or not self._is_letters(report_ref):
            return super()._run_wkhtmltopdf(bodies, report_ref=report_ref, **options)
        run = super()._run_wkhtmltopdf
        return merge_pdf([run([body], report_ref=report_ref, **options) for body in bodies])
