from odoo import api, models


class DunningAction(models.AbstractModel):
    _inherit = "dunning.action"

    @api.model
    def _send_log(self, notices):
        """Note on each invoice that it is at this level."""
        # sudo: notices are written by sending them, not by users
        for notice in notices.sudo():
            for invoice in notice.line_ids.move_id:
                invoice.message_post(body=notice.name)
            notice._mark_sent()
