"""Conditions that people type: what they may ask for, and how they are evaluated.

A condition decides who is reminded, so everybody who sees the result learns what it found. It is
evaluated with the rights of the system, so that the night job and every user get the same answer.
Three limits keep it from telling more than its author may read:

- it walks only through the models in `known`, which is {model: names of computed fields}, see
  `_get_condition_models` of `dunning.exclusion.condition`;
- each record on the way belongs to the company it is evaluated for, or to all companies; entries
  and journal items that are reached over another record are only those that follow-up users read;
- whoever saves it may read each model and field that it names, and all records of that model in
  the company.

`find_fault` checks all three when a condition is saved. `company_query`, the only way to evaluate
one, checks the first two again: the condition may come from an import or an earlier version.
"""

from ast import literal_eval
from collections.abc import Iterable

from psycopg2 import OperationalError

from odoo import SUPERUSER_ID
from odoo.fields import Domain
from odoo.tools import SQL, LazyTranslate
from odoo.tools.safe_eval import safe_eval
from odoo.tools.translate import LazyGettext

_lt = LazyTranslate(__name__)

MAX_LENGTH = 10_000
MAX_CONDITIONS = 100
MAX_HOPS = 6
# Fields whose content is stored elsewhere, or which can point to any model.
OPAQUE_TYPES = {
    *("binary", "image", "json", "many2one_reference"),
    *("properties", "properties_definition", "reference"),
}
ANY = {"any", "any!", "not any", "not any!"}
HIERARCHY = {"child_of", "parent_of"}
# What may be asked about colleagues, for instance the salesperson.
USER_FIELDS = {"id", "name", "display_name", "login", "email", "active", "partner_id"}
# Record rules that compare only these keep companies apart; the evaluation does that anyway.
COMPANY_FIELDS = {"company_id", "company_ids", "partner_share", "share"}
# The entries and items that follow-up users read: their record rules have the same domains.
OWED = {
    "account.move": Domain("journal_id.type", "=", "sale")
    | Domain("line_ids.account_id.account_type", "=", "asset_receivable"),
    "account.move.line": Domain("journal_id.type", "=", "sale")
    | Domain("account_id.account_type", "=", "asset_receivable"),
}
# From an item its own entry may always be reached: both belong to the same customer.
OWED_ALREADY = {("account.move.line", "move_id")}


def parse_domain(text):
    """Return a domain that a user wrote as a list; only literals are understood, nothing is run.

    :raise ValueError: when the text is not a list of conditions, or longer than anybody writes
    """
    text = text or "[]"
    if len(text) > MAX_LENGTH:
        raise ValueError(_lt("This is too long: write at most 10,000 characters."))
    try:
        domain = literal_eval(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        domain = None
    if not isinstance(domain, list):
        raise ValueError(_lt("This is not a list of conditions."))
    if _count(domain) > MAX_CONDITIONS:
        raise ValueError(_lt("These are too many conditions: write at most 100."))
    return domain


def company_query(Model, text, company, known):
    """Return the query of the records of `Model` that match the domain `text` in `company`.

    The answer is the same whoever asks: rights, language, time zone and companies of the user do
    not count, and archived records are found like others.

    :raise ValueError: (or what Odoo raises for it) when the domain cannot be understood, or asks
        for what conditions may not ask
    """
    # sudo: the language of a company is no secret
    context = {
        "active_test": False,
        "allowed_company_ids": company.ids,
        "lang": usable_lang(Model.env, company.sudo().partner_id.lang),
        "tz": company._dunning_timezone(),
    }
    # superuser: everybody must get the same answer, see the top of this file
    env = Model.env(user=SUPERUSER_ID, su=True, context=context)
    return env[Model._name]._search(_Limits(env, company, known).apply(Model, text))


def usable_lang(env, *codes):
    """Return the first of `codes` that Odoo can speak, or None; contacts may have any code."""
    return next(filter(None, map(env["res.lang"]._get_code, codes)), None)


def find_fault(Model, text, company, known):
    """Return why the user of `Model` cannot save the domain `text` for `company`, or False."""
    # Odoo checks constraints in sudo, whoever writes.
    author = Model.sudo(False).env

    def make_query():
        _Limits(author, company, known, check_rights=True).apply(Model, text)
        return company_query(Model, text, company, known)

    return find_faults(author, {"": make_query}).get("", False)


def find_faults(env, makers, probe=True):
    """Return {key: why its domain cannot be evaluated} of those that cannot.

    :param makers: {key: function that returns the query of its domain, or raises}
    :param probe: whether PostgreSQL, too, is asked to accept them: by one query when it does
    """
    queries, faults = {}, {}
    for key, make_query in makers.items():
        try:
            queries[key] = make_query()
        except OperationalError:
            raise
        except Exception as error:
            faults[key] = _text_of(error, env)
    if probe and queries and _refused(env, queries.values()):
        for key, query in queries.items():
            if fault := _refused(env, [query]):
                faults[key] = fault
    return faults


def _refused(env, queries):
    """Return why PostgreSQL refuses one of `queries`, or False, without reading any row."""
    probes = [SQL("(SELECT 1 FROM (%s) AS probe LIMIT 0)", query.select()) for query in queries]
    env.flush_all()
    try:
        with env.cr.savepoint(flush=False):
            env.execute_query(SQL(" UNION ALL ").join(probes))
    except OperationalError:
        raise
    except Exception as error:
        return _text_of(error, env)
    return False


def _text_of(error, env):
    text = next(filter(None, error.args), type(error).__name__)
    return env._(text) if isinstance(text, LazyGettext) else str(text)


def _count(domain):
    """Return how many conditions the list `domain` holds, those inside others included."""
    return sum(
        1 + (_count(item[2]) if item[1] in ANY and isinstance(item[2], (list, tuple)) else 0)
        for item in domain
        if isinstance(item, (list, tuple)) and len(item) == 3
    )


class _Limits:
    """What conditions may ask for in a company; with `check_rights`, only what `env.user` reads."""

    def __init__(self, env, company, known, check_rights=False):
        self.env, self.company, self.known = env, company, known
        self.check_rights = check_rights

    def apply(self, Model, text):
        """Return the domain `text` on `Model`, restricted at each hop, or raise a ValueError."""
        domain = Domain(parse_domain(text))
        Model = Model.with_env(self.env)
        self._check_model(Model, Model._description)
        return self._restrict(Model, domain, "") & self._reach(Model)

    def _restrict(self, Model, domain, path):
        return domain.map_conditions(lambda condition: self._condition(Model, condition, path))

    def _condition(self, Model, condition, path):
        """Return one condition on `Model`, restricted; `path` leads to the model."""
        name, _dot, rest = condition.field_expr.partition(".")
        here = f"{path}{condition.field_expr}"
        field = self._get_field(Model, name, here)
        operator, value = condition.operator, condition.value
        if field.inherited:
            # The record that it is inherited from is a hop like any other.
            parent = field.related.split(".")[0]
            return self._condition(Model, Domain(parent, "any", condition), path)
        if rest and field.relational:
            inner = Domain(rest, operator, value)
            return self._condition(Model, Domain(name, "any", inner), path)
        if rest and field.type not in ("date", "datetime"):
            raise self._refusal(here)
        if operator in ANY:
            if name == "id":
                inner = self._restrict(Model, Domain(value), path)
                return inner if operator in ("any", "any!") else ~inner
            condition = Domain(name, operator, Domain(value))
        if field.related and not field.store:
            return self._restrict(Model, self._related(Model, field, condition, here), path)
        if field.relational:
            return self._relation(Model, field, condition, here)
        if operator in HIERARCHY:
            return self._tree(Model, condition, self._reach(Model))
        self._check_plain(Model, field, condition, here)
        return condition

    def _related(self, Model, field, condition, here):
        """Return a condition on a related field as one on the path that the field stands for."""
        if not field.search or field.type in OPAQUE_TYPES:
            raise self._refusal(here)

        def on_path(simple):
            operator = simple.operator
            found = field.determine_domain(Model, operator, simple.value)
            if found is not NotImplemented:
                return Domain(found, internal=True)
            operator = Domain.NEGATIVE_OPERATORS[operator]
            return ~Domain(field.determine_domain(Model, operator, simple.value), internal=True)

        return _normal(Model, condition).map_conditions(on_path)

    def _relation(self, Model, field, condition, here):
        """Return a condition on a relation: only records within reach of the company count."""
        if not self._is_searchable(Model, field):
            raise self._refusal(here)
        Comodel = self.env[field.comodel_name]
        within = self._reach(Comodel, (Model._name, field.name))

        def restricted(simple):
            operator, value = simple.operator, simple.value
            compares = operator in ("in", "not in")
            if compares and field.type == "many2one" and set(value) == {False}:
                # Whether the field is empty tells nothing of the other record.
                return simple
            self._check_model(Comodel, here)
            if operator in ANY:
                inner = self._restrict(Comodel, value, f"{here}.") & within
                return Domain(field.name, operator, inner)
            if operator in HIERARCHY:
                return self._tree(Comodel, simple, within) & Domain(field.name, "any", within)
            if not compares:
                raise self._refusal(here)
            if field.type == "many2one":
                return simple
            found = Domain(field.name, "any", Domain("id", "in", [v for v in value if v]) & within)
            if False in value:
                found |= Domain(field.name, "not any", within)
            return found if operator == "in" else ~found

        return _normal(Model, condition).map_conditions(restricted)

    def _tree(self, Comodel, condition, within):
        """Return a condition on ancestors or descendants of records within reach."""
        values = condition.value
        if isinstance(values, str) or not isinstance(values, Iterable):
            values = [values]
        names = [Domain("display_name", "ilike", name) for name in values if isinstance(name, str)]
        ids = [id_ for id_ in values if isinstance(id_, int) and id_]
        wanted = Domain.OR([Domain("id", "in", ids), *names])
        # sudo: the answer must not depend on who asks; `within` says what the company may know
        roots = Comodel.sudo().with_context(active_test=False).search(wanted & within)
        return Domain(condition.field_expr, condition.operator, roots.ids)

    # What may be asked ----------------------------------------------------------------------

    def _reach(self, Model, hop=None):
        """Return the domain of the records of `Model` that a condition may look at.

        :param hop: (model, field) over which they are reached; None: the condition is about them
        """
        if Model._name == "res.company":
            return Domain("id", "in", self.company.ids)
        if Model._name == "res.users":
            return Domain("share", "=", False) | Domain("company_ids", "in", self.company.ids)
        reach = Domain.TRUE
        if "company_id" in Model._fields:
            reach = Domain(Model._check_company_domain(self.company))
        elif "company_ids" in Model._fields:
            # A branch uses what its parents share with it; sudo: only their ids are taken
            reach = Domain("company_ids", "in", self.company.sudo().parent_ids.ids)
        if hop and hop not in OWED_ALREADY:
            reach &= OWED.get(Model._name, Domain.TRUE)
        return reach

    def _is_searchable(self, Model, field):
        """Return whether a condition may search for `field`: search methods must be known ones."""
        return bool(field.store or field.name in {"display_name", *self.known[Model._name]})

    def _check_plain(self, Model, field, condition, here):
        if field.type in OPAQUE_TYPES or not self._is_searchable(Model, field):
            raise self._refusal(here)
        pattern = condition.operator.endswith(("=like", "=ilike")) and str(condition.value)
        if pattern and (len(pattern) - len(pattern.rstrip("\\"))) % 2:
            raise ValueError(
                self.env._(
                    "The pattern for '%(path)s' ends with a backslash: remove it.", path=here
                )
            )

    def _get_field(self, Model, name, path):
        """Return the field `name` of `Model`, which `path` leads to, if it may be asked for."""
        if path.count(".") > MAX_HOPS:
            raise ValueError(
                self.env._(
                    "'%(path)s' leads over too many records: at most %(count)s are possible.",
                    path=path[:100],
                    count=MAX_HOPS,
                )
            )
        field = Model._fields.get(name)
        if not field:
            raise ValueError(self.env._("There is no field '%(path)s'.", path=path))
        if Model._name == "res.users" and name not in USER_FIELDS | COMPANY_FIELDS:
            raise self._refusal(path)
        if self.check_rights and not Model._has_field_access(field, "read"):
            raise ValueError(
                self.env._(
                    "You may not read '%(path)s', so you cannot write a condition on it. Remove "
                    "it, or ask somebody who may read it.",
                    path=path,
                )
            )
        return field

    def _check_model(self, Model, here):
        """Check that conditions may be about `Model`, and that their author may read all of it."""
        if Model._name not in self.known:
            raise self._refusal(here)
        if self.check_rights and not (Model.has_access("read") and self._reads_all(Model)):
            raise ValueError(
                self.env._(
                    "'%(path)s' leads to records of '%(model)s' that you may not read. Remove it, "
                    "or ask somebody who may read all of them.",
                    path=here,
                    model=Model._description,
                )
            )

    def _reads_all(self, Model):
        """Return whether the record rules hide nothing but other companies from the user."""
        # sudo: the rules are only looked at; the answer tells whether one of them hides something
        rules = self.env["ir.rule"]._get_rules(Model._name, "read").sudo()
        mine = rules.filtered(lambda rule: rule.groups & self.env.user.all_group_ids)
        general = rules.filtered(lambda rule: not rule.groups)
        harmless = rules.filtered(self._is_harmless)
        return general <= harmless and (not mine or bool(mine & harmless))

    def _is_harmless(self, rule):
        """Return whether a record rule hides nothing that conditions look at."""
        text, model_name = rule.domain_force or "[]", rule.model_id.model
        domain = Domain(safe_eval(text, rule.with_env(self.env)._eval_context()))
        return (model_name in OWED and domain == OWED[model_name]) or all(
            condition.field_expr.rpartition(".")[2] in COMPANY_FIELDS
            or (model_name, condition.field_expr) == ("res.company", "id")
            for condition in domain.iter_conditions()
        )

    def _refusal(self, path):
        return ValueError(self.env._("Conditions cannot ask for '%(path)s'. Remove it.", path=path))


def _normal(Model, condition):
    """Return `condition` as Odoo optimizes it: by `in`, and with names by `display_name`."""
    return condition if condition.operator in ANY else condition.optimize(Model)
