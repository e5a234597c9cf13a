import logging
from functools import partial

from psycopg2 import Error

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from ..screening.domains import find_faults, parse_domain
from .arguments import SEQUENCES, Char, Within
from .dunning_exclusion_condition import condition_fault, condition_query

_logger = logging.getLogger(__name__)

HOLDS = ("stop", "pause", "prevent")
EFFECTS = [("unchecked", "Held back"), ("dropped", "Not listed")]
# What frees the items that a rule excludes: the words on the buttons that lead there.
WAYS_OUT = [
    ("resume", "Open the hold to resume"),
    ("promise", "Open the promise"),
    ("address", "Correct the e-mail address"),
    ("approval", "Ask for approval"),
    ("customer", "Open the customer"),
    ("invoice", "Open the invoice"),
    ("payment", "Open what is not reconciled"),
    ("reminder", "Open the last reminders"),
    ("setting", "Change the setting"),
    ("rule", "Change the rule"),
]
# The way out of each shipped rule; for any other rule it is to change the rule.
WAY_OUT_OF = {
    **{f"{kind}_{level}": "resume" for kind in HOLDS for level in ("customer", "item")},
    **{"promise": "promise", "no_address": "address", "bounced": "address"},
    **{"customer_maximum": "approval", "type_off": "customer", "archived": "customer"},
    **{"no_followup": "invoice", "automatic_payment": "invoice", "paid": "invoice"},
    **{"blocked_payment": "invoice", "not_delivered": "invoice", "creditor": "payment"},
    **{"covered": "payment", "payment_under_way": "payment", "reminded_recently": "reminder"},
    **{"item_minimum": "setting", "customer_minimum": "setting"},
}
# Ways out that are open to administrators of follow-ups only.
SETUP_WAYS_OUT = frozenset({"setting", "rule"})
DOMAIN_MODELS = [
    ("res.partner", "Customer"),
    ("account.move", "Invoice"),
    ("account.move.line", "Item"),
]
# What the code of a built-in rule relies on.
BUILTIN_FIELDS = ("code", "level", "source", "needs_approval")
# What a rule does in a company, and in which order.
DECIDING_FIELDS = [
    *("code", "sequence", "level", "source", "model", "domain"),
    *("default_effect", "company_effect", "disabled"),
]


class DunningExclusionRule(models.Model):
    """A named reason to leave out a customer or an item.

    Built-in rules are records whose code names a method of `dunning.exclusion.condition`. Rules
    of source `domain` are written by users and need no code.
    """

    _name = "dunning.exclusion.rule"
    _description = "Exclusion Rule"
    _inherit = ["dunning.protected.mixin"]
    _order = "sequence, id"
    _company_path = "company_id"
    _open_fields = frozenset({"enabled", "disabled", "effect", "company_effect"})

    code = Char(
        required=True,
        copy=False,
        default=lambda self: self.env["ir.sequence"].next_by_code("dunning.exclusion.rule"),
        help="Stable code of the reason, for integrations.",
    )
    name = Char(required=True, translate=True, help="The reason as users see it.")
    sequence = fields.Integer(
        default=200, help="Among reasons of the same effect the lowest sequence decides."
    )
    level = fields.Selection(
        [("customer", "Customer"), ("item", "Item")],
        string="Excludes",
        required=True,
        compute="_compute_level",
        precompute=True,
        store=True,
        readonly=False,
    )
    marker = fields.Selection(
        [("customer", "Customer"), ("item", "Item"), ("amount", "Amount"), ("promise", "Promise")],
        required=True,
        compute="_compute_marker",
        precompute=True,
        store=True,
        readonly=False,
        string="(x) Shown Beside",
    )
    source = fields.Selection(
        [("builtin", "Built in"), ("domain", "Own condition")],
        required=True,
        default="domain",
        help="Built in, a condition typed here, or a rule of another addon.",
    )
    model = fields.Selection(DOMAIN_MODELS, string="Applies To", default="res.partner")
    domain = Char(default="[]", help="Customers or items that match are excluded.")
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self._default_company(),
        # If the company were emptied, the rule would serve all other companies.
        ondelete="restrict",
        help="Empty: the rule serves every company, each with its own switch.",
    )
    default_effect = fields.Selection(
        EFFECTS,
        required=True,
        default="unchecked",
        help="What the rule does in companies that choose nothing else.",
    )
    company_effect = fields.Selection(
        EFFECTS,
        company_dependent=True,
        help="What the rule does in the current company, where it differs from the default.",
    )
    effect = fields.Selection(
        EFFECTS,
        compute="_compute_effect",
        inverse="_inverse_effect",
        help="What happens in the current company to what the rule excludes.",
    )
    disabled = fields.Boolean(company_dependent=True)
    enabled = fields.Boolean(
        compute="_compute_enabled",
        inverse="_inverse_enabled",
        search="_search_enabled",
        default=True,
    )
    needs_approval = fields.Boolean(
        readonly=True, help="Only a follow-up approver may select what this rule has unselected."
    )
    way_out = fields.Selection(
        WAYS_OUT,
        string="Remedy",
        compute="_compute_way_out",
        store=True,
        help="What ends the exclusion of the items.",
    )
    broken = fields.Char(
        compute="_compute_broken",
        string="Fault",
        help="Why the condition can no longer be evaluated. While a rule has a fault, nothing is "
        "sent automatically in its company.",
    )

    _sequence_within = Within("sequence", *SEQUENCES)
    _code_unique = models.UniqueIndex("(code)", "Another exclusion rule already has this code.")

    @api.depends("model", "source")
    def _compute_level(self):
        for rule in self:
            if rule.source == "domain":
                rule.level = "customer" if rule.model == "res.partner" else "item"
            else:
                rule.level = rule.level or "item"

    @api.depends("level")
    def _compute_marker(self):
        for rule in self:
            rule.marker = rule.marker or rule.level

    @api.depends("code", "source")
    def _compute_way_out(self):
        for rule in self:
            rule.way_out = WAY_OUT_OF.get(rule.source == "builtin" and rule.code, "rule")

    @api.depends("company_effect", "default_effect")
    @api.depends_context("company")
    def _compute_effect(self):
        for rule in self:
            rule.effect = rule._effect_in(self.env.company)

    def _inverse_effect(self):
        for rule in self:
            rule.company_effect = rule.effect

    def _effect_in(self, company):
        """Return the effect of the rule in `company`."""
        # The settings have a switch for creditors, which comes first.
        if self.code == "creditor" and company.dunning_list_creditors:
            return "unchecked"
        return self.with_company(company).company_effect or self.default_effect

    @api.depends("disabled")
    @api.depends_context("company")
    def _compute_enabled(self):
        for rule in self:
            rule.enabled = not rule.disabled

    def _inverse_enabled(self):
        for rule in self:
            rule.disabled = not rule.enabled

    def _search_enabled(self, operator, value):
        return Domain("disabled", "not in", list(value)) if operator == "in" else NotImplemented

    @api.constrains("source", "model", "level")
    def _check_level(self):
        for rule in self:
            if rule.source == "domain" and rule.level == "customer" and rule.model != "res.partner":
                raise ValidationError(
                    self.env._(
                        "Rule '%(rule)s': a condition on invoices or items excludes items. "
                        "Choose 'Item' in the field 'Excludes', or apply the rule to customers.",
                        rule=rule.name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            if vals.get("effect"):
                vals.setdefault("default_effect", vals["effect"])
        rules = super().create(vals_list)
        # Addons create such rules in sudo, together with the method that their code names.
        if not self.env.su and "builtin" in rules.mapped("source"):
            raise UserError(self.env._("Built-in rules belong to addons: choose 'Own condition'."))
        self.env["dunning.block"]._invalidate_targets()
        return rules

    def write(self, vals):
        """Override to keep what the code of built-in rules relies on, also from administrators."""
        for rule in self.filtered(lambda rule: "builtin" in (rule.source, vals.get("source"))):
            changed = [
                f"'{self._fields[name]._description_string(self.env)}'"
                for name in BUILTIN_FIELDS
                if rule[name] != vals.get(name, rule[name])
            ]
            if changed:
                raise UserError(
                    self.env._(
                        "Rule '%(rule)s' is built in: %(fields)s cannot be changed. Switch the "
                        "rule off and make one of your own instead.",
                        rule=rule.name,
                        fields=", ".join(changed),
                    )
                )
        result = super().write(vals)
        self.env["dunning.block"]._invalidate_targets()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_builtin(self):
        if "builtin" in self.mapped("source"):
            raise UserError(
                self.env._("Built-in rules cannot be deleted: switch them off instead.")
            )

    def _active_in(self, company):
        """Return the rules that work in `company`, the deciding ones first."""
        # sudo: what a rule does must not depend on who asks
        rules = self.sudo().with_company(company)
        offered = Domain("company_id", "in", [False, company.id])
        rules = rules.search_fetch(offered, DECIDING_FIELDS).filtered("enabled")
        return rules._deciding_first(company)

    def _deciding_first(self, company):
        """Return the rules in the order in which they decide in `company`."""
        # sudo: as in `_active_in`
        return (
            self.sudo()
            .with_company(company)
            .sorted(lambda rule: (rule._effect_in(company) != "dropped", rule.sequence, rule.id))
        )

    def _prepare_reason(self, company, since=False, until=False, block_id=False, words=None):
        """Return the rule as a reason in `company`, as `dunning_explain` returns it.

        :param words: what more there is to say than the name of the rule
        """
        return {
            "outcome": self._effect_in(company),
            "rule": self.code,
            "reason": f"{self.name}: {words}" if words else self.name,
            "marker": self.marker,
            "level": self.level,
            "since": since,
            "until": until,
            "block_id": block_id,
        }

    # Conditions -----------------------------------------------------------------------------

    def _condition_sql(self, question):
        """Return when the rule excludes, as SQL, see `dunning.exclusion.condition`.

        A rule breaks when a field or an addon is removed. It then excludes nothing: None.
        """
        self.ensure_one()
        conditions = self.env["dunning.exclusion.condition"]
        if self._has_method():
            return getattr(conditions, f"_condition_{self.code}")(question)
        try:
            if self.source == "domain":
                return conditions._domain_condition(self, question)
            fault = "its addon is missing"
        except Error:
            raise
        except Exception as error:
            fault = error
        _logger.warning("Exclusion rule %s is broken: %s", self.code, fault)
        return None

    def _get_query(self, company):
        """Return the query of what the condition matches in `company`: see `company_query`."""
        return condition_query(self.env[self.model], self.domain, company)

    @api.depends("domain", "model", "source")
    @api.depends_context("company")
    def _compute_broken(self):
        # What PostgreSQL refuses is found by the job, and when a statement fails.
        faults = self._faults(self.env.company, probe=False)
        for rule in self:
            rule.broken = faults.get(rule, False)

    def _faults(self, company, probe=True):
        """Return {rule: why it is broken in `company`}; `probe`: see `find_faults`."""
        own = self.filtered(lambda rule: rule.source == "domain")
        queries = {rule: partial(rule._get_query, company) for rule in own}
        faults = find_faults(self.env, queries, probe)
        missing = (self - own).filtered(lambda rule: not rule._has_method())
        return faults | dict.fromkeys(missing, self.env._("The addon of this rule is missing."))

    def _has_method(self):
        return self.source == "builtin" and hasattr(
            self.env["dunning.exclusion.condition"], f"_condition_{self.code}"
        )

    def _broken_in(self, company):
        """Return the enabled rules that cannot be evaluated in `company`; they exclude nothing."""
        rules = self._active_in(company)
        faults = rules._faults(company)
        return rules.filtered(lambda rule: rule in faults)

    @api.constrains("source", "model", "domain", "code", "company_id")
    def _check_condition(self):
        for rule in self:
            if rule.source == "builtin":
                if not rule._has_method():
                    raise ValidationError(
                        self.env._(
                            "Rule '%(rule)s': no built-in condition has this code.", rule=rule.name
                        )
                    )
                continue
            fault = condition_fault(self.env[rule.model], rule.domain, rule.company_id)
            if not fault and not parse_domain(rule.domain):
                fault = self.env._("An empty condition would exclude everything.")
            if fault:
                raise ValidationError(
                    self.env._(
                        "Rule '%(rule)s': the condition does not work: %(fault)s Correct the "
                        "field 'Domain'.",
                        rule=rule.name,
                        fault=fault,
                    )
                )
