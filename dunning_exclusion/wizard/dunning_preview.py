from odoo import fields, models


class DunningPreview(models.TransientModel):
    """Shows a message as it would go out; nothing is sent by it."""

    _name = "dunning.preview"
    _description = "Preview of a Reminder"

    subject = fields.Char(readonly=True, help="The subject as the customer gets it.")
    # The message was made by the mail template engine, which has cleaned it already.
    body = fields.Html(readonly=True, sanitize=False, help="The message as the customer gets it.")
