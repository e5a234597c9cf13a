from datetime import datetime

import pytz

from odoo import api, fields, models
from odoo.tools import format_date

from .res_company import SETTINGS, THRESHOLDS


class DunningCompanySettings(models.AbstractModel):
    """How a company reminds, and what each threshold would exclude while it is being chosen.

    The same on Odoo's page of settings, which is for system administrators, and on the page of
    follow-up administrators.
    """

    _name = "dunning.company.settings"
    _description = "Follow-up Settings of a Company"

    company_id = fields.Many2one(
        "res.company",
        required=True,
        default=lambda self: self.env.company,
        help="The company whose receivables it is about.",
    )
    currency_id = fields.Many2one(
        related="company_id.currency_id", help="The currency of the amounts."
    )
    dunning_item_minimum = fields.Monetary(
        related="company_id.dunning_item_minimum", related_sudo=False, readonly=False
    )
    dunning_customer_minimum = fields.Monetary(
        related="company_id.dunning_customer_minimum", related_sudo=False, readonly=False
    )
    dunning_customer_maximum = fields.Monetary(
        related="company_id.dunning_customer_maximum", related_sudo=False, readonly=False
    )
    dunning_list_creditors = fields.Boolean(
        related="company_id.dunning_list_creditors", related_sudo=False, readonly=False
    )
    dunning_exclude_promises = fields.Boolean(
        related="company_id.dunning_exclude_promises", related_sudo=False, readonly=False
    )
    dunning_honour_no_followup = fields.Boolean(
        related="company_id.dunning_honour_no_followup", related_sudo=False, readonly=False
    )
    dunning_mirror_no_followup = fields.Boolean(
        related="company_id.dunning_mirror_no_followup", related_sudo=False, readonly=False
    )
    dunning_automatic_sending = fields.Boolean(
        related="company_id.dunning_automatic_sending", related_sudo=False, readonly=False
    )
    dunning_freshness_days = fields.Integer(
        related="company_id.dunning_freshness_days", related_sudo=False, readonly=False
    )
    dunning_promise_tolerance_days = fields.Integer(
        related="company_id.dunning_promise_tolerance_days", related_sudo=False, readonly=False
    )
    dunning_catch_up_days = fields.Integer(
        related="company_id.dunning_catch_up_days", related_sudo=False, readonly=False
    )
    dunning_cleanup_days = fields.Integer(
        related="company_id.dunning_cleanup_days", related_sudo=False, readonly=False
    )
    dunning_timezone = fields.Selection(
        related="company_id.dunning_timezone", related_sudo=False, readonly=False
    )
    dunning_timezone_now = fields.Char(
        compute="_compute_dunning_timezone_now",
        help="The time zone that counts now, and which day it is there.",
    )
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

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            company = self.env["res.company"].browse(vals.get("company_id")) or self.env.company
            self._write_together(company, vals)
        return super().create([self._without_settings(vals) for vals in vals_list])

    def write(self, vals):
        self._write_together(self.company_id, vals)
        return super().write(self._without_settings(vals))

    @api.model
    def _write_together(self, companies, vals):
        """Write the settings among `vals`, which Odoo would write one by one.

        A ceiling that is raised together with the threshold below it would be refused.
        """
        if settings := {name: value for name, value in vals.items() if name in SETTINGS}:
            companies.write(settings)

    @api.model
    def _without_settings(self, vals):
        return {name: value for name, value in vals.items() if name not in SETTINGS}

    @api.depends("dunning_timezone", "company_id")
    def _compute_dunning_timezone_now(self):
        for settings in self:
            company = settings.company_id._origin
            company.check_access("read")
            zone = settings.dunning_timezone or company._dunning_default_timezone()
            settings.dunning_timezone_now = self.env._(
                "Follow-ups count days in %(zone)s, where it is %(day)s now.",
                zone=zone,
                day=format_date(self.env, datetime.now(pytz.timezone(zone)).date()),
            )

    @api.depends(*THRESHOLDS, "company_id")
    def _compute_dunning_threshold_effects(self):
        for settings in self:
            company = settings.company_id._origin
            company.check_access("read")
            # sudo: who sets up a database need not read scenarios; only totals are shown
            screening = self.env["dunning.screening"].sudo()
            thresholds = {name: settings[name] for name in THRESHOLDS}
            for name, effect in screening._threshold_effects(company, thresholds).items():
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
