from odoo import fields, models


class OpenItemsReportWizard(models.TransientModel):
    _inherit = "open.items.report.wizard"

    dunning_exclusions = fields.Selection(
        [
            ("mark", "Mark them"),
            ("leave_out", "Leave them out"),
            ("show", "Show them like all others"),
        ],
        string="Excluded From Reminders",
        required=True,
        default="mark",
        help="What happens to items that are excluded from reminders on the day of the report.",
    )

    def _prepare_report_data(self):
        """Override of `account_financial_report` to hand over what was chosen."""
        return {**super()._prepare_report_data(), "dunning_exclusions": self.dunning_exclusions}
