from ast import literal_eval

from psycopg2 import OperationalError

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, LazyTranslate

_lt = LazyTranslate(__name__)

EFFECTS = [("unchecked", "Listed, not ticked"), ("dropped", "Not listed")]
DOMAIN_MODELS = [
    ("res.partner", "Customer"),
    ("account.move", "Invoice"),
    ("account.move.line", "Item"),
]
# What it takes to know what a rule does in a company, and in which order.
DECIDING_FIELDS = [
    *("code", "sequence", "level", "source", "model", "domain"),
    *("default_effect", "company_effect", "disabled"),
]


def parse_domain(text):
    """Return a domain that a user wrote as a list; only literals are understood, nothing is run.

    :param text: the domain as text, or nothing
    :raise ValueError: when the text is not a list of conditions
    """
    try:
        domain = literal_eval(text or "[]")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ValueError(_lt("This is not a list of conditions.")) from error
    if not isinstance(domain, list):
        raise ValueError(_lt("This is not a list of conditions."))
    return domain


class DunningExclusionRule(models.Model):
    """A named reason to leave out a customer or an item.

    Built-in rules are records whose code names a method of `dunning.exclusion.condition`. Rules
    of source `domain` are written by users and need no code.
    """

    _name = "dunning.exclusion.rule"
    _description = "Exclusion Rule"
    _order = "sequence, id"

    code = fields.Char(
        required=True,
        copy=False,
        default=lambda self: self.env["ir.sequence"].next_by_code("dunning.exclusion.rule"),
        help="Stable code of the reason, for integrations.",
    )
    name = fields.Char(required=True, translate=True, help="The reason as people read it.")
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
    domain = fields.Char(default="[]", help="Customers or items that match are left out.")
    company_id = fields.Many2one(
        "res.company", help="Empty: the rule serves every company, each with its own switch."
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
    broken = fields.Char(
        compute="_compute_broken",
        help="Why the condition cannot be evaluated any more. While a rule is broken, nothing is "
        "sent automatically in its company.",
    )

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

    @api.depends("domain", "model", "source")
    @api.depends_context("company")
    def _compute_broken(self):
        faults = self._faults(self.env.company)
        for rule in self:
            rule.broken = faults.get(rule, False)

    def _faults(self, company):
        """Return {rule: why its condition cannot be evaluated in `company`} of the broken rules.

        Both parts matter: that Odoo understands the domain, and that PostgreSQL accepts it. As
        long as nothing is broken this takes one query, however many rules there are.
        """
        queries = {}
        faults = {
            rule: self.env._("The addon of this rule is missing.") for rule in self._orphans()
        }
        for rule in self.filtered(lambda rule: rule.source == "domain"):
            try:
                queries[rule] = rule._domain_query(company)
            except OperationalError:
                raise
            except Exception as error:
                faults[rule] = str(error) or type(error).__name__
        if queries and self._refused(queries.values()):
            for rule, query in queries.items():
                if fault := self._refused([query]):
                    faults[rule] = fault
        return faults

    def _orphans(self):
        """Return the rules whose method belongs to an addon that is not loaded."""
        conditions = self.env["dunning.exclusion.condition"]
        return self.filtered(
            lambda rule: (
                rule.source == "builtin" and not hasattr(conditions, f"_condition_{rule.code}")
            )
        )

    @api.model
    def _refused(self, queries):
        """Return why PostgreSQL refuses one of `queries`, or False; no row is read for it."""
        probes = [SQL("(SELECT 1 FROM (%s) AS probe LIMIT 0)", query.select()) for query in queries]
        self.env.flush_all()
        try:
            with self.env.cr.savepoint(flush=False):
                self.env.execute_query(SQL(" UNION ALL ").join(probes))
        except OperationalError:
            raise
        except Exception as error:
            return str(error) or type(error).__name__
        return False

    def _domain_query(self, company):
        """Return the query of what the user's condition matches in `company`.

        :raise ValueError: (or what Odoo raises for it) when the domain cannot be evaluated
        """
        # One answer for everyone: what a rule excludes must not depend on who looks.
        Model = self.env[self.model].sudo()
        Model = Model.with_context(
            active_test=False,
            allowed_company_ids=company.ids,
            lang=None,
            tz=company._dunning_timezone(),
        )
        return Model._search(Domain(self._parsed_domain()))

    @api.model
    def _broken_in(self, company):
        """Return the enabled rules that cannot be evaluated in `company`; they exclude nothing."""
        rules = self._active_in(company)
        faults = rules._faults(company)
        return rules.filtered(lambda rule: rule in faults)

    def _parsed_domain(self):
        self.ensure_one()
        return parse_domain(self.domain)

    @api.constrains("source", "model", "domain", "code")
    def _check_condition(self):
        conditions = self.env["dunning.exclusion.condition"]
        for rule in self:
            if rule.source == "builtin":
                if not hasattr(conditions, f"_condition_{rule.code}"):
                    raise ValidationError(
                        self.env._(
                            "Rule '%(rule)s': no built-in condition has this code.", rule=rule.name
                        )
                    )
                continue
            fault = rule._faults(rule.company_id or self.env.company).get(rule) or (
                not rule._parsed_domain()
                and self.env._("An empty condition would exclude everything.")
            )
            if fault:
                raise ValidationError(
                    self.env._(
                        "Rule '%(rule)s': the condition does not work: %(fault)s Mend the field "
                        "'Domain'.",
                        rule=rule.name,
                        fault=fault,
                    )
                )

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
        self.env["dunning.block"]._invalidate_targets()
        return rules

    def write(self, vals):
        result = super().write(vals)
        self.env["dunning.block"]._invalidate_targets()
        return result

    def unlink(self):
        self.env["dunning.line.upkeep"]._forget("rule_id", self.ids)
        return super().unlink()

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

    def _condition_sql(self, screen) -> SQL:
        """Return when the rule excludes, as SQL: see `dunning.exclusion.condition`."""
        self.ensure_one()
        conditions = self.env["dunning.exclusion.condition"]
        if self.source == "builtin":
            return getattr(conditions, f"_condition_{self.code}")(screen)
        return conditions._domain_condition(self, screen)
