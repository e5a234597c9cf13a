from odoo import fields, models


class DunningPreview(models.TransientModel):
    """Shows a message as it would go out; nothing is sent by it.

    Users have no right to create or change previews: what a preview shows was made by the system.
    """

    _name = "dunning.preview"
    _description = "Preview of a Reminder"

    subject = fields.Char(readonly=True, help="The subject as the customer gets it.")
    body = fields.Html(
        readonly=True, sanitize="email_outgoing", help="The message as the customer gets it."
    )
