from odoo import fields, models


class AccountMove(models.Model):
    _inherit = "account.move"

    # As in Odoo's addon `account_peppol`, which needs a package that is not installed everywhere.
    peppol_move_state = fields.Selection(
        [
            ("ready", "Ready to send"),
            ("to_send", "Queued"),
            ("processing", "Pending Reception"),
            ("done", "Done"),
            ("error", "Error"),
        ]
    )
