from odoo import api, fields, models


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
    dunning_item_minimum_effect = fields.Char(
        compute="_compute_dunning_item_minimum_effect", help="What this value would exclude today."
    )
    dunning_customer_minimum_effect = fields.Char(
        compute="_compute_dunning_customer_minimum_effect",
        help="What this value would exclude today.",
    )
    dunning_customer_maximum_effect = fields.Char(
        compute="_compute_dunning_customer_maximum_effect",
        help="What this value would exclude today.",
    )

    @api.depends("dunning_item_minimum", "company_id")
    def _compute_dunning_item_minimum_effect(self):
        self._dunning_set_effect("dunning_item_minimum")

    @api.depends("dunning_customer_minimum", "company_id")
    def _compute_dunning_customer_minimum_effect(self):
        self._dunning_set_effect("dunning_customer_minimum")

    @api.depends("dunning_customer_maximum", "company_id")
    def _compute_dunning_customer_maximum_effect(self):
        self._dunning_set_effect("dunning_customer_maximum")

    def _dunning_set_effect(self, name):
        """Say in words what the threshold `name` would exclude today, before it is saved."""
        for settings in self:
            settings[f"{name}_effect"] = settings._dunning_effect_text(name)

    def _dunning_effect_text(self, name):
        company = self.company_id._origin
        if self[name] <= 0:
            return self.env._("No threshold: excludes nothing.")
        items, customers, amount = self.env["dunning.threshold"]._effect(company, name, self[name])
        if not items:
            return self.env._("Would exclude nothing today.")
        return self.env._(
            "Would exclude today: %(amount)s (overdue items: %(items)s, customers: %(customers)s).",
            items=items,
            customers=customers,
            amount=company.currency_id.format(amount),
        )
