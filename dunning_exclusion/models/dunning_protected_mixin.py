from odoo import api, models
from odoo.exceptions import AccessError, UserError

from .arguments import check_bounds, get_own_defaults, read_ids, tracked

# Users may put only records that they may read into these fields: messages tell their names.
TARGETS = (
    *("company_id", "partner_id", "move_id", "move_line_id", "move_line_ids", "notice_id"),
    *("reason_id", "scenario_id", "scenario_ids", "type_id", "template_id"),
    *("additional_partner_ids", "customer_ids", "profile_ids", "user_ids"),
)


class DunningProtectedMixin(models.AbstractModel):
    """Keeps users from writing what is not theirs to write, also over the API.

    These are fields that only buttons and jobs write, with the rights of the system, and records
    of companies in which the user may not act.
    """

    _name = "dunning.protected.mixin"
    _description = "Protected Fields and Records"

    # The path to the company of a record; where it is empty, all companies share the record.
    # "": all records are shared. None: record rules are enough.
    _company_path = None
    # Fields of shared records that every administrator may write.
    _open_fields = frozenset()

    @api.model
    def _get_protected_fields(self):
        """Return the names of the fields that users neither write nor give to new records."""
        return frozenset()

    def _get_fixed_fields(self):
        """Return the names of the fields of `self` that users can no longer write."""
        return frozenset()

    @api.model
    def default_get(self, fields):
        """Override: neither a context nor the defaults of a user fill what the system writes."""
        protected = self._get_protected_fields()
        result = super().default_get([name for name in fields if name not in protected])
        return result | get_own_defaults(self, protected.intersection(fields))

    @api.model
    def _prepare_create_values(self, vals_list):
        result = super()._prepare_create_values(vals_list)
        check_bounds(self, result)
        if not self.env.su:
            proposed = {name: self.env.context.get(f"default_{name}") for name in TARGETS}
            self._check_targets([*result, proposed])
        return result

    def write(self, vals):
        check_bounds(self, [vals])
        if not self.env.su:
            self._check_targets([vals])
            self._check_protected(vals)
        shared = self._open_fields.issuperset(vals)
        if not shared:
            self._check_reach()
        result = super(DunningProtectedMixin, tracked(self)).write(vals)
        if not shared:
            # The new values must not move records to companies in which the user may not act.
            self._check_reach()
        return result

    @api.model_create_multi
    def create(self, vals_list):
        if self.env.su:
            return super().create(vals_list)
        protected = self._get_protected_fields()
        clean = [{name: vals[name] for name in vals if name not in protected} for vals in vals_list]
        records = super().create(clean)
        records._check_reach()
        return records

    def unlink(self):
        self._check_reach()
        return super().unlink()

    def _update_field_translations(self, field_name, translations, digest=None, source_lang=""):
        # Odoo writes translations past `write`.
        self._check_reach()
        return super()._update_field_translations(field_name, translations, digest, source_lang)

    def _check_reach(self):
        """Raise an AccessError unless the user may act in every company that the records serve."""
        if self._company_path is None or self._acts_everywhere():
            return
        # sudo: the records may serve companies that the user cannot see
        for record in self.sudo():
            company = record.mapped(self._company_path) if self._company_path else None
            if not company:
                message = self.env._(
                    "'%(record)s' is shared by all companies: only people who may act in all of "
                    "them can add, change or delete it.",
                    record=record.display_name,
                )
                advice = self.env._(
                    "Make one of your own company instead: fill in the field 'Company'."
                )
                raise AccessError(f"{message} {advice}" if self._company_path else message)
            if not company <= self.env.user.company_ids:
                raise AccessError(
                    self.env._(
                        "'%(record)s' belongs to another company: only people who may act there "
                        "can add, change or delete it.",
                        record=record.display_name,
                    )
                )

    @api.model
    def _acts_everywhere(self):
        """Return whether the user may act in every company; administrators of Odoo may."""
        if self.env.su or self.env.user.has_group("base.group_system"):
            return True
        others = [("id", "not in", self.env.user.company_ids.ids)]
        # sudo: users do not read companies that are not theirs.
        return not self.env["res.company"].sudo().search_count(others, limit=1)

    @api.model
    def _default_company(self):
        """Return the company of new records: none, so all share them, if the user may do that."""
        return self.env["res.company"] if self._acts_everywhere() else self.env.company

    def _check_protected(self, vals):
        """Raise a UserError if `vals` name a field that only buttons and jobs write."""
        protected = self._get_protected_fields() | self._get_fixed_fields()
        if refused := sorted(protected.intersection(vals)):
            names = [self._fields[name]._description_string(self.env) for name in refused]
            raise UserError(
                self.env._(
                    "%(record)s: %(fields)s cannot be changed here. Use its buttons, or create a "
                    "new record.",
                    record=self[:1].display_name,
                    fields=", ".join(f"'{name}'" for name in names),
                )
            )

    @api.model
    def _check_targets(self, vals_list):
        """Raise an AccessError unless the user may read what the values refer to."""
        for name in TARGETS:
            field = self._fields.get(name)
            values = [vals[name] for vals in vals_list if vals.get(name)]
            if not (field and values):
                continue
            Target = self.env[field.comodel_name]
            if field.type == "many2one":
                targets = Target.browse(read_ids(self.env, values))
            else:
                targets = Target.concat(*(self.new({name: x})[name]._origin for x in values))
            targets.check_access("read")
