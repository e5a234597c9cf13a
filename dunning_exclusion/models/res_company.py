from datetime import datetime, timedelta
from functools import lru_cache

import pytz

from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Command, Domain
from odoo.tools import SQL

from odoo.addons.base.models.res_partner import _tz_get

from .arguments import AMOUNTS, DAYS, TERM, Within, check_bounds, read_record
from .dunning_mixin import EMPLOYEES, ON_REQUEST

ANSWER_LIMITS = (
    *("dunning_answer_promise_days", "dunning_answer_decide_days"),
    *("dunning_answer_paid_days", "dunning_answer_link_days"),
    *("dunning_answer_promise_amount", "dunning_answer_promise_broken"),
)
THRESHOLDS = ("dunning_item_minimum", "dunning_customer_minimum", "dunning_customer_maximum")
DAY_COUNTS = (
    *("dunning_freshness_days", "dunning_promise_tolerance_days"),
    *("dunning_catch_up_days", "dunning_cleanup_days", "dunning_payment_days"),
    *("dunning_min_days_between_messages", "dunning_no_fall_back_days"),
)
# The only fields of a company that follow-up administrators may change.
SETTINGS = {
    *(*THRESHOLDS, *DAY_COUNTS, "dunning_timezone", "dunning_automatic_sending"),
    *("dunning_list_creditors", "dunning_exclude_promises"),
    *("dunning_honour_no_followup", "dunning_mirror_no_followup", "dunning_mirror_scope"),
    "dunning_not_delivered_from",
    *(*ANSWER_LIMITS, "dunning_answers", "dunning_answer_off_ids", "dunning_answer_user_id"),
    "dunning_reply_holds",
}
# What would change the records that a setting names.
CHANGES = (Command.CREATE, Command.UPDATE, Command.DELETE)
# What most settings have in common; those that Odoo's own work needs are read with all fields.
SETTING = {"groups": EMPLOYEES, "prefetch": ON_REQUEST}


@lru_cache
def _get_zone(country_code, year):
    """Return the time zone of a country, UTC if it has several that differ."""
    # Zones with the same time in winter and in summer count as one, for example those of Germany.
    zones = pytz.country_timezones.get(country_code) or ["UTC"]
    clocks = {
        tuple(pytz.timezone(zone).utcoffset(datetime(year, month, 1)) for month in (1, 7))
        for zone in zones
    }
    return zones[0] if len(clocks) == 1 else "UTC"


class ResCompany(models.Model):
    """Companies, each with its settings of follow-ups and its own time zone."""

    _inherit = "res.company"

    dunning_item_minimum = fields.Monetary(
        string="Minimum Follow-up Threshold",
        **SETTING,
        help="Items with a smaller open amount are not selected. 0 means no threshold.",
    )
    dunning_customer_minimum = fields.Monetary(
        string="Reminder Threshold for Total Amount",
        **SETTING,
        help="Customers reminded of less than this in total are not selected. 0: no threshold.",
    )
    dunning_customer_maximum = fields.Monetary(
        string="Reminder Ceiling for Total Amount",
        **SETTING,
        help="Customers reminded of more than this in total need an approver. 0: no ceiling.",
    )
    dunning_list_creditors = fields.Boolean(
        string="List Creditor Customers",
        **SETTING,
        help="Customers with a credit balance, whom we owe, are listed without being selected "
        "instead of being excluded.",
    )
    dunning_exclude_promises = fields.Boolean(
        string="Exclude Entries with Upcoming Promises",
        default=True,
        **SETTING,
        help="Items with an open promise to pay are not selected.",
    )
    dunning_honour_no_followup = fields.Boolean(
        string="Honor No Follow-Up on Miscellaneous Entries",
        **SETTING,
        help="Odoo sets 'No Follow-Up' on miscellaneous entries by itself, so the flag counts "
        "there only when this is switched on. On invoices it always counts.",
    )
    dunning_mirror_no_followup = fields.Boolean(
        string="Mirror to No Follow-Up",
        groups=EMPLOYEES,
        help="Excluded items also get Odoo's 'No Follow-Up' flag, which other follow-up reports "
        "obey. What a person sets or clears is left alone.",
    )
    dunning_mirror_scope = fields.Selection(
        [("holds", "Holds only"), ("excluded", "Everything that is excluded")],
        # Not required: while it loads modules, Odoo makes companies that do not know this column.
        string="What Is Mirrored",
        default="holds",
        **SETTING,
        help="Holds only: stops, pauses and preventions, at once. Everything that is excluded: "
        "what rules exclude, too, once a day and before the nightly follow-up of Odoo Enterprise.",
    )
    dunning_automatic_sending = fields.Boolean(
        string="Automatic Sending",
        **SETTING,
        help="The nightly job prepares and sends the scenarios that are marked automatic.",
    )
    dunning_freshness_days = fields.Integer(
        string="Bank Transactions Not Older Than (days)",
        **SETTING,
        help="Nothing is sent automatically while the newest line of a bank statement is older. "
        "0: not checked.",
    )
    dunning_promise_tolerance_days = fields.Integer(
        string="Tolerance for Promises (days)",
        default=2,
        **SETTING,
        help="A promise is broken when this many days after the promised date have passed.",
    )
    dunning_payment_days = fields.Integer(
        string="Payments Count as on Their Way For (days)",
        default=10,
        **SETTING,
        help="For so many days a payment in process, a bank statement line that is not matched or "
        "a pending online payment holds items back. 0: not at all.",
    )
    dunning_not_delivered_from = fields.Date(
        string="Hold Back Invoices That Did Not Arrive Since",
        **SETTING,
        help="Invoices issued since this day that were never sent, or whose last sending failed, "
        "are held back. Empty: it is not checked whether they were sent.",
    )
    dunning_catch_up_days = fields.Integer(
        string="Catch Up Missed Days",
        default=3,
        **SETTING,
        help="A workflow whose day was missed is still run once within this many days.",
    )
    dunning_cleanup_days = fields.Integer(
        string="Keep Unsent Lines of Automatic Runs (days)",
        default=30,
        **SETTING,
        help="0: they are kept forever.",
    )

    dunning_min_days_between_messages = fields.Integer(
        string="At Most One Message in (days)",
        **SETTING,
        help="Customers who got a message less than this many days ago are listed, but not "
        "selected, whatever scenario it came from. What one workflow sends on one day is one "
        "message. 0: no limit.",
    )
    dunning_no_fall_back_days = fields.Integer(
        string="No Softer Reminders For (days)",
        **SETTING,
        help="For this many days after a message, overdue items whose turn it is go along at the "
        "highest level that the customer got from the scenario. 0: each item at its own level.",
    )

    dunning_timezone = fields.Selection(
        _tz_get,
        string="Time Zone of Follow-ups",
        **SETTING,
        help="The time zone in which the company's days begin and end: by it items fall due, and "
        "holds and promises end. Empty: the time zone of the company's contact, else that of its "
        "country if the same time is kept everywhere in it, else UTC.",
    )
    dunning_answers = fields.Boolean(
        string="Customers Answer on a Page",
        **SETTING,
        help="Every reminder leads to a page where the customer pays or answers, without login.",
    )
    dunning_answer_off_ids = fields.Many2many(
        "dunning.answer.type",
        "dunning_answer_off_rel",
        "company_id",
        "type_id",
        string="Answers Not Offered",
        **SETTING,
        help="The page of a reminder offers all answers but these.",
    )
    dunning_answer_user_id = fields.Many2one(
        "res.users",
        string="Responsible for Answers",
        index="btree_not_null",
        **SETTING,
        help="Gets a to-do for each answer of a customer. Empty: the person who sent the "
        "reminder, else the salesperson, else a follow-up administrator.",
    )
    dunning_answer_decide_days = fields.Integer(
        string="Answer Customers Within (days)",
        default=7,
        **SETTING,
        help="The deadline of the to-dos. A promise that has to be accepted holds its items back "
        "for so long.",
    )
    dunning_answer_promise_days = fields.Integer(
        string="Accept Promises up to (days)",
        default=14,
        **SETTING,
        help="Promises for a later day have to be accepted. 0: no limit.",
    )
    dunning_answer_promise_amount = fields.Monetary(
        string="Accept Promises up to (amount)",
        **SETTING,
        help="Promises of more have to be accepted, in company currency. 0: no limit.",
    )
    dunning_answer_promise_broken = fields.Integer(
        string="Broken Promises Tolerated",
        default=1,
        **SETTING,
        help="Promises of customers who broke more than so many within a year have to be accepted.",
    )
    dunning_answer_paid_days = fields.Integer(
        string="Wait for Payments (days)",
        default=7,
        **SETTING,
        help="Items that a customer says are paid are held back for this long; longer while the "
        "bank transactions are too old to tell.",
    )
    dunning_answer_link_days = fields.Integer(
        string="Links Work After Payment (days)",
        default=60,
        **SETTING,
        help="The page of a reminder can be opened until this many days after its last item was "
        "settled.",
    )
    dunning_reply_holds = fields.Boolean(
        string="Hold Back What Customers Wrote About",
        default=True,
        **SETTING,
        help="An e-mail of the customer on a reminder or an invoice stops reminders until an "
        "employee has answered.",
    )
    dunning_obstacle_reported_on = fields.Date(
        "Obstacle to Reminders Reported On",
        readonly=True,
        **SETTING,
        help="When the administrators were last told why nothing is sent.",
    )

    _item_minimum_within = Within("dunning_item_minimum", *AMOUNTS)
    _customer_minimum_within = Within("dunning_customer_minimum", *AMOUNTS)
    _customer_maximum_within = Within("dunning_customer_maximum", *AMOUNTS)
    _freshness_days_within = Within("dunning_freshness_days", *TERM)
    _promise_tolerance_days_within = Within("dunning_promise_tolerance_days", *TERM)
    _not_delivered_from_within = Within("dunning_not_delivered_from", *DAYS)
    _payment_days_within = Within("dunning_payment_days", *TERM)
    _catch_up_days_within = Within("dunning_catch_up_days", *TERM)
    _cleanup_days_within = Within("dunning_cleanup_days", *TERM)
    _min_days_between_messages_within = Within("dunning_min_days_between_messages", *TERM)
    _no_fall_back_days_within = Within("dunning_no_fall_back_days", *TERM)
    _answer_decide_days_within = Within("dunning_answer_decide_days", *TERM)
    _answer_promise_days_within = Within("dunning_answer_promise_days", *TERM)
    _answer_promise_amount_within = Within("dunning_answer_promise_amount", *AMOUNTS)
    _answer_promise_broken_within = Within("dunning_answer_promise_broken", *TERM)
    _answer_paid_days_within = Within("dunning_answer_paid_days", *TERM)
    _answer_link_days_within = Within("dunning_answer_link_days", 0, 60)
    _obstacle_reported_on_within = Within("dunning_obstacle_reported_on", *DAYS)

    @api.constrains(*THRESHOLDS, *DAY_COUNTS, *ANSWER_LIMITS)
    def _check_dunning_settings(self):
        for company in self:
            for name in THRESHOLDS + DAY_COUNTS + ANSWER_LIMITS:
                if company[name] < 0:
                    raise ValidationError(
                        self.env._(
                            "'%(field)s' cannot be negative: enter 0 to switch it off.",
                            field=company._fields[name]._description_string(self.env),
                        )
                    )
            minimum, maximum = company.dunning_customer_minimum, company.dunning_customer_maximum
            if 0 < maximum < minimum:
                raise ValidationError(
                    self.env._(
                        "The reminder ceiling for the total amount (%(maximum)s) is below the "
                        "threshold (%(minimum)s): raise the ceiling or lower the threshold.",
                        maximum=maximum,
                        minimum=minimum,
                    )
                )

    @api.constrains("dunning_timezone")
    def _check_dunning_timezone(self):
        # Odoo does not check such selections. An unknown zone would stop all companies.
        for zone in filter(None, self.mapped("dunning_timezone")):
            if zone not in pytz.all_timezones_set:
                raise ValidationError(
                    self.env._(
                        "'%s' is no time zone: choose one in 'Time Zone of Follow-ups'.", zone
                    )
                )

    @api.model
    def _prepare_create_values(self, vals_list):
        result = super()._prepare_create_values(vals_list)
        check_bounds(self, result)
        return result

    def write(self, vals):
        """Override of `base` to let follow-up administrators change the `SETTINGS`."""
        check_bounds(self, [vals])
        if (
            not self.env.su
            and SETTINGS.issuperset(vals)
            and self.env.user.has_group("dunning_exclusion.group_dunning_manager")
            and self <= self.env.user.company_ids
        ):
            self._check_dunning_choices(vals)
            # sudo: in Odoo only those who give rights to others may write companies
            return self.sudo().write(vals)
        result = super().write(vals)
        if any(name.startswith("dunning_") for name in vals):
            self.env["dunning.block"]._invalidate_targets()
        if not vals.keys().isdisjoint(("dunning_mirror_no_followup", "dunning_mirror_scope")):
            self.env["dunning.mirror"]._sync(self)
        return result

    def _check_dunning_choices(self, vals):
        """Check that settings choose among what the user may read, and change nothing of it."""
        if vals.get("dunning_answer_user_id"):
            read_record(self.env["res.users"], vals["dunning_answer_user_id"])
        for command in vals.get("dunning_answer_off_ids") or ():
            if isinstance(command, (list, tuple)) and command[:1] and command[0] in CHANGES:
                raise AccessError(
                    self.env._(
                        "Settings only choose among kinds of answers: they add, change or delete "
                        "none."
                    )
                )

    def _dunning_today(self):
        """Return today's date in the time zone of the company."""
        return datetime.now(pytz.timezone(self._dunning_timezone())).date()

    def _dunning_next_run_day(self):
        """Return the day of the next automatic run; tomorrow where nothing is sent by itself."""
        tomorrow = self._dunning_today() + timedelta(days=1)
        # sudo: neither the time of the job nor whether it sends is a secret
        company = self.sudo()
        cron = company.env.ref("dunning_exclusion.cron_send_automatic", False)
        if not (cron and cron.active and company.dunning_automatic_sending):
            return tomorrow
        begins = pytz.utc.localize(cron.nextcall)
        day = begins.astimezone(pytz.timezone(self._dunning_timezone())).date()
        return max(day, tomorrow)

    @api.model
    def _dunning_companies_by_day(self):
        """Return {today: companies where it is that day}, of all companies."""
        # sudo: only their days are told
        companies = self.sudo().search_fetch(Domain.TRUE, ["partner_id", "dunning_timezone"])
        companies.partner_id.fetch(["tz", "country_id"])
        return companies.grouped(lambda company: company._dunning_today())

    @api.model
    def _dunning_today_sql(self, company_id) -> SQL:
        """Return today's date in the company whose id is the SQL `company_id`."""
        cases = [
            SQL("WHEN %s = ANY(%s) THEN %s::date", company_id, companies.ids, day)
            for day, companies in self._dunning_companies_by_day().items()
        ]
        return SQL("CASE %s END", SQL(" ").join(cases))

    def _dunning_timezone(self):
        """Return the name of the company's time zone, see the help of `dunning_timezone`."""
        self.ensure_one()
        # sudo: the zone is no secret, but who asks need not be an employee.
        zone = self.sudo().dunning_timezone
        return zone if zone in pytz.all_timezones_set else self._dunning_default_timezone()

    def _dunning_default_timezone(self):
        """Return the name of the time zone of a company that has not chosen one."""
        # sudo: its address is no secret, but who asks need not have the right to read contacts.
        contact = self.sudo().partner_id
        if contact.tz in pytz.all_timezones_set:
            return contact.tz
        return _get_zone(contact.country_id.code or "", datetime.now().year)
