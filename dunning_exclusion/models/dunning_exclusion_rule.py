from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from .arguments import Char
from .bounds import SEQUENCES, Within

EFFECTS = [("unchecked", "Listed, not ticked"), ("dropped", "Not listed")]
DOMAIN_MODELS = [
    ("res.partner", "Customer"),
    ("account.move", "Invoice"),
    ("account.move.line", "Item"),
]
# What the code of a built-in rule relies on.
BUILTIN_FIELDS = ("code", "level", "source", "needs_approval")
# What it takes to know what a rule does in a company, and in which order.
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
    _inherit = ["dunning.protected.mixin", "dunning.rule.faults"]
    _order = "sequence, id"
    _company_path = "company_id"
    _open_fields = frozenset({"enabled", "disabled", "effect", "company_effect"})

    code = Char(
        required=True,
        copy=False,
        default=lambda self: self.env["ir.sequence"].next_by_code("dunning.exclusion.rule"),
        help="Stable code of the reason, for integrations.",
    )
    name = Char(required=True, translate=True, help="The reason as people read it.")
    sequence = fields.Integer(
        default=200, help="Among reasons of the same effect the lowest sequence decides."
    )
    level = fields.Selection(
        [("customer", "Customer"), ("item", "Item")],
        required=True,
        compute="_compute_level",
        precompute=True,
        store=True,
        readonly=False,
        help="Whether the rule leaves out single items or whole customers.",
    )
    marker = fields.Selection(
        [
            ("customer", "Customer"),
            ("item", "Item"),
            ("amount", "Amount"),
            ("promise", "Promise"),
        ],
        required=True,
        compute="_compute_marker",
        precompute=True,
        store=True,
        readonly=False,
        help="Beside what the (x) stands in the task list.",
    )
    source = fields.Selection(
        [("builtin", "Built in"), ("domain", "Own condition")],
        required=True,
        default="domain",
        help="Built in, a condition typed here, or a rule of another addon.",
    )
    model = fields.Selection(
        DOMAIN_MODELS,
        string="Applies To",
        default="res.partner",
        help="The records that the condition is about.",
    )
    domain = Char(default="[]", help="Customers or items that match are left out.")
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self._default_company(),
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
    disabled = fields.Boolean(
        company_dependent=True, help="Whether the current company has switched the rule off."
    )
    enabled = fields.Boolean(
        compute="_compute_enabled",
        inverse="_inverse_enabled",
        search="_search_enabled",
        default=True,
        help="Whether the rule works in the current company.",
    )
    needs_approval = fields.Boolean(
        readonly=True, help="Only a follow-up approver may tick what this rule has unticked."
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
        # Creditors have a switch in the settings, which people look for there.
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
        if operator != "in":
            return NotImplemented
        return Domain("disabled", "not in", list(value))

    @api.constrains("source", "model", "level")
    def _check_level(self):
        for rule in self:
            if rule.source == "domain" and rule.level == "customer" and rule.model != "res.partner":
                raise ValidationError(
                    self.env._(
                        "Rule '%(rule)s': a condition on invoices or items leaves out items. "
                        "Choose 'Item' in the field 'Level', or apply the rule to customers.",
                        rule=rule.name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            if vals.get("effect"):
                vals.setdefault("default_effect", vals["effect"])
        rules = super().create(vals_list)
        # Addons bring such rules along, with the method that their code names.
        if not self.env.su and "builtin" in rules.mapped("source"):
            raise UserError(self.env._("Built-in rules belong to addons: choose 'Own condition'."))
        self.env["dunning.block"]._invalidate_targets()
        return rules

    def write(self, vals):
        self._check_builtin(vals)
        result = super().write(vals)
        self.env["dunning.block"]._invalidate_targets()
        return result

    def _check_builtin(self, vals):
        """Check that `vals` leave alone what the code of built-in rules relies on.

        :raise UserError: else, for administrators as well
        """
        for rule in self:
            builtin = "builtin" in (rule.source, vals.get("source"))
            changed = [name for name in BUILTIN_FIELDS if rule[name] != vals.get(name, rule[name])]
            if builtin and changed:
                raise UserError(
                    self.env._(
                        "Rule '%(rule)s' is built in: %(fields)s cannot be changed. Switch the "
                        "rule off and make one of your own instead.",
                        rule=rule.name,
                        fields=", ".join(
                            f"'{self._fields[name]._description_string(self.env)}'"
                            for name in changed
                        ),
                    )
                )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_builtin(self):
        if any(rule.source == "builtin" for rule in self):
            raise UserError(
                self.env._("Built-in rules cannot be deleted: switch them off instead.")
            )

    @api.model
    def _active_in(self, company):
        """Return the rules that work in `company`, the deciding ones first."""
        rules = (
            self.sudo()
            .with_company(company)
            .search_fetch(Domain("company_id", "in", [False, company.id]), DECIDING_FIELDS)
        )
        return rules.filtered(lambda rule: rule.enabled)._deciding_first(company)

    def _deciding_first(self, company):
        """Return the rules in the order in which they decide in `company`."""
        # sudo: what a rule does in a company is no secret, see `_active_in`
        return (
            self.sudo()
            .with_company(company)
            .sorted(lambda rule: (rule._effect_in(company) != "dropped", rule.sequence, rule.id))
        )

    def _names_by_marker(self):
        """Return {marker: names of the reasons} for the (x) marks of the lists."""
        return {marker: rules.mapped("name") for marker, rules in self.grouped("marker").items()}

    def _condition_sql(self, question) -> SQL:
        """Return when the rule excludes, as SQL: see `dunning.exclusion.condition`."""
        self.ensure_one()
        conditions = self.env["dunning.exclusion.condition"]
        if self.source == "builtin":
            return getattr(conditions, f"_condition_{self.code}")(question)
        return conditions._domain_condition(self, question)
