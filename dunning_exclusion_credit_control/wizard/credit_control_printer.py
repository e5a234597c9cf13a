from odoo import models


class CreditControlPrinter(models.TransientModel):
    _inherit = "credit.control.printer"

    def print_lines(self):
        """Override of `account_credit_control` to say so when nothing is left to print."""
        if not self:
            return True
        report = super().print_lines()
        if report.get("context", {}).get("active_ids"):
            return report
        # Not an error, which would roll back the reasons that were just noted on the lines.
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "message": self.env._(
                    "Everything chosen is excluded by now: nothing is printed. The reasons are in "
                    "the history of the credit control lines."
                ),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }
