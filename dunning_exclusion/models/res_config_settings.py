from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    dunning_item_minimum = fields.Monetary(
        related="company_id.dunning_item_minimum", readonly=False
    )
    dunning_customer_minimum = fields.Monetary(
        related="company_id.dunning_customer_minimum", readonly=False
    )
    dunning_customer_maximum = fields.Monetary(
        related="company_id.dunning_customer_maximum", readonly=False
    )
    dunning_list_creditors = fields.Boolean(
        related="company_id.dunning_list_creditors", readonly=False
    )
    dunning_exclude_promises = fields.Boolean(
        related="company_id.dunning_exclude_promises", readonly=False
    )
    dunning_honour_no_followup = fields.Boolean(
        related="company_id.dunning_honour_no_followup", readonly=False
    )
    dunning_mirror_no_followup = fields.Boolean(
        related="company_id.dunning_mirror_no_followup", readonly=False
    )
    dunning_automatic_sending = fields.Boolean(
        related="company_id.dunning_automatic_sending", readonly=False
    )
    dunning_freshness_days = fields.Integer(
        related="company_id.dunning_freshness_days", readonly=False
    )
    dunning_promise_tolerance_days = fields.Integer(
        related="company_id.dunning_promise_tolerance_days", readonly=False
    )
    dunning_catch_up_days = fields.Integer(
        related="company_id.dunning_catch_up_days", readonly=False
    )
    dunning_cleanup_days = fields.Integer(related="company_id.dunning_cleanup_days", readonly=False)
