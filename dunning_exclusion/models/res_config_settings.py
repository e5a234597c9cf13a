from odoo import api, fields, models

from .dunning_threshold import THRESHOLD_RULES


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
        compute="_compute_dunning_threshold_effects", help="What this value would exclude today."
    )
    dunning_customer_minimum_effect = fields.Char(
        compute="_compute_dunning_threshold_effects",
        help="What this value would exclude today.",
    )
    dunning_customer_maximum_effect = fields.Char(
        compute="_compute_dunning_threshold_effects",
        help="What this value would exclude today.",
    )

    @api.depends(*THRESHOLD_RULES, "company_id")
    def _compute_dunning_threshold_effects(self):
        for settings in self:
            # sudo: who sets up a database need not read scenarios; only totals are shown
            preview = self.env["dunning.threshold"].sudo()
            thresholds = {name: settings[name] for name in THRESHOLD_RULES}
            effects = preview._effects(settings.company_id._origin, thresholds)
            for name, effect in effects.items():
                settings[f"{name}_effect"] = settings._dunning_effect_text(name, *effect)

    def _dunning_effect_text(self, name, items, customers, amount):
        """Return in words what the threshold `name` would exclude, before it is saved."""
        if self[name] <= 0:
            return self.env._("No threshold: excludes nothing.")
        if not items:
            return self.env._("Would exclude nothing today.")
        return self.env._(
            "Would exclude today: %(amount)s (overdue items: %(items)s, customers: %(customers)s).",
            items=items,
            customers=customers,
            amount=self.company_id.currency_id.format(amount),
        )
