from datetime import datetime

import pytz

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_date

from ..models.arguments import check_bounds
from ..models.res_company import SETTINGS, THRESHOLDS
from ..screening.question import Question


def setting(field_type, name):
    """Return a field for the setting `name` of the company, with the rights of the user."""
    return field_type(related=f"company_id.{name}", related_sudo=False, readonly=False)


class DunningSettingsMixin(models.AbstractModel):
    """How a company reminds, and what each threshold would exclude while it is being chosen.

    The same on Odoo's page of settings, which is for system administrators, and on the page of
    follow-up administrators.
    """

    _name = "dunning.settings.mixin"
    _description = "Follow-up Settings of a Company"

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id", related_sudo=False)
    dunning_item_minimum = setting(fields.Monetary, "dunning_item_minimum")
    dunning_customer_minimum = setting(fields.Monetary, "dunning_customer_minimum")
    dunning_customer_maximum = setting(fields.Monetary, "dunning_customer_maximum")
    dunning_list_creditors = setting(fields.Boolean, "dunning_list_creditors")
    dunning_exclude_promises = setting(fields.Boolean, "dunning_exclude_promises")
    dunning_honour_no_followup = setting(fields.Boolean, "dunning_honour_no_followup")
    dunning_mirror_no_followup = setting(fields.Boolean, "dunning_mirror_no_followup")
    dunning_mirror_scope = setting(fields.Selection, "dunning_mirror_scope")
    dunning_automatic_sending = setting(fields.Boolean, "dunning_automatic_sending")
    dunning_freshness_days = setting(fields.Integer, "dunning_freshness_days")
    dunning_promise_tolerance_days = setting(fields.Integer, "dunning_promise_tolerance_days")
    dunning_not_delivered_from = setting(fields.Date, "dunning_not_delivered_from")
    dunning_payment_days = setting(fields.Integer, "dunning_payment_days")
    dunning_catch_up_days = setting(fields.Integer, "dunning_catch_up_days")
    dunning_cleanup_days = setting(fields.Integer, "dunning_cleanup_days")
    dunning_min_days_between_messages = setting(fields.Integer, "dunning_min_days_between_messages")
    dunning_no_fall_back_days = setting(fields.Integer, "dunning_no_fall_back_days")
    dunning_answers = setting(fields.Boolean, "dunning_answers")
    dunning_answer_off_ids = setting(fields.Many2many, "dunning_answer_off_ids")
    dunning_answer_user_id = setting(fields.Many2one, "dunning_answer_user_id")
    dunning_answer_decide_days = setting(fields.Integer, "dunning_answer_decide_days")
    dunning_answer_promise_days = setting(fields.Integer, "dunning_answer_promise_days")
    dunning_answer_promise_amount = setting(fields.Monetary, "dunning_answer_promise_amount")
    dunning_answer_promise_broken = setting(fields.Integer, "dunning_answer_promise_broken")
    dunning_answer_paid_days = setting(fields.Integer, "dunning_answer_paid_days")
    dunning_answer_link_days = setting(fields.Integer, "dunning_answer_link_days")
    dunning_reply_holds = setting(fields.Boolean, "dunning_reply_holds")
    dunning_timezone = setting(fields.Selection, "dunning_timezone")
    dunning_timezone_now = fields.Char(
        "Day and Time Zone Now",
        compute="_compute_dunning_timezone_now",
        help="The time zone that counts now, and which day it is there.",
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
            zone = settings.dunning_timezone
            if zone not in pytz.all_timezones_set:
                zone = company._dunning_default_timezone()
            settings.dunning_timezone_now = self.env._(
                "Follow-ups count days in %(zone)s, where it is %(day)s now.",
                zone=zone,
                day=format_date(self.env, datetime.now(pytz.timezone(zone)).date()),
            )

    @api.model
    @api.readonly
    def get_threshold_effects(self, thresholds):
        """Say what thresholds would exclude today, all of them together, before they are saved.

        :param thresholds: {name: value in company currency} of the settings `THRESHOLDS`; those
            that are missing are 0
        :return: {name: a sentence for people} of each of them
        :raise AccessError: when the user may not change the settings
        :raise UserError: when the thresholds are no dict, or a value is out of its bounds
        """
        self.check_access("create")
        if not isinstance(thresholds, dict):
            raise UserError(self.env._("Thresholds are given as names with their values."))
        check_bounds(self.env.company, [thresholds])
        values = {name: float(thresholds.get(name) or 0) for name in THRESHOLDS}
        effects = self._get_threshold_effects(self.env.company, values)
        return {name: self._describe_effect(values[name], *effects[name]) for name in THRESHOLDS}

    @api.model
    def _get_threshold_effects(self, company, thresholds):
        """Return what `thresholds` would exclude, all of them together, before they are saved.

        Only overdue items count, and only those of which the threshold is the deciding reason.

        :param thresholds: {name on `res.company`: value in company currency}
        :return: {name: (items, customers, amount in company currency)}
        """
        found = {}
        # sudo: who sets up a database need not read scenarios; only totals are shown
        screening = self.env["dunning.screening"].sudo()
        if any(value > 0 for value in thresholds.values()):
            question = Question(company, thresholds=thresholds, all_reasons=False)
            with screening._screened(question) as query:
                rows = self.env.execute_query(self._threshold_effects_query(query))
            # A threshold is called dunning_<code of its rule>.
            found = {f"dunning_{code}": (*counts, float(amount)) for code, *counts, amount in rows}
        return {name: found.get(name, (0, 0, 0.0)) for name in thresholds}

    @api.model
    def _threshold_effects_query(self, screening) -> SQL:
        return SQL(
            """SELECT rule.code, COUNT(*), COUNT(DISTINCT screening.partner_id),
                      SUM(screening.amount_residual)
                 FROM (%s) AS screening
                 JOIN dunning_exclusion_rule rule ON rule.id = screening.rule_id
                WHERE screening.days_overdue > 0 AND screening.amount_residual > 0
                GROUP BY rule.code""",
            screening,
        )

    def _describe_effect(self, threshold, items, customers, amount):
        """Return in words what `threshold` would exclude: the numbers of items and customers."""
        if threshold <= 0:
            return self.env._("No threshold: excludes nothing.")
        if not items:
            return self.env._("Would exclude nothing today.")
        return self.env._(
            "Would exclude today: %(amount)s (overdue items: %(items)s, customers: %(customers)s).",
            items=items,
            customers=customers,
            amount=self.env.company.currency_id.format(amount),
        )


class DunningSettings(models.TransientModel):
    """The page of settings of follow-up administrators, who do not see Odoo's own."""

    _name = "dunning.settings"
    _inherit = "dunning.settings.mixin"
    _description = "Follow-up Settings"

    @api.depends("company_id")
    def _compute_display_name(self):
        for settings in self:
            settings.display_name = self.env._(
                "Follow-up settings of %(company)s", company=settings.company_id.name
            )

    @api.model
    def action_open(self):
        """Open the settings of the current company."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Follow-up Settings"),
            "res_model": "dunning.settings",
            "res_id": self.create({}).id,
            "views": [(False, "form")],
        }


class ResConfigSettings(models.TransientModel):
    """Odoo's page of settings, where system administrators find those of follow-ups."""

    _name = "res.config.settings"
    _inherit = ["res.config.settings", "dunning.settings.mixin"]
