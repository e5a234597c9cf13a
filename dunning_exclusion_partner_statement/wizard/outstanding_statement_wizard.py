from odoo import fields, models


class OutstandingStatementWizard(models.TransientModel):
    _inherit = "outstanding.statement.wizard"

    dunning_exclusions = fields.Selection(
        [
            ("mark", "Mark them"),
            ("leave_out", "Leave them out"),
            ("show", "Show them like all others"),
        ],
        string="Excluded From Reminders",
        required=True,
        default="mark",
        help="What happens to items that are excluded from reminders on the day of the statement.",
    )

    def _prepare_statement(self):
        """Override of `partner_statement` to hand over what was chosen."""
        return {**super()._prepare_statement(), "dunning_exclusions": self.dunning_exclusions}
