from odoo import api, models
from odoo.exceptions import UserError

# What records are about: users name only what they may read, or errors would tell its name.
TARGETS = (
    *("company_id", "partner_id", "move_id", "move_line_id", "move_line_ids"),
    *("reason_id", "scenario_ids", "type_id", "template_id"),
)


class DunningGuarded(models.AbstractModel):
    """Keeps users from writing what only buttons and jobs decide.

    Guarded here, where everybody comes by: a readonly field of a form is written over the API all
    the same. Buttons check what the user may do and then write with the rights of the system.
    """

    _name = "dunning.guarded"
    _description = "Fields Written by Buttons Only"

    @api.model
    def _guarded_fields(self):
        """Return the names of the fields that users neither write nor give to new records."""
        return frozenset()

    def _fixed_fields(self):
        """Return the names of the fields of `self` that users can no longer write."""
        return frozenset()

    def write(self, vals):
        guarded = not self.env.su and self._guarded_fields().union(self._fixed_fields())
        if guarded and (foreign := guarded.intersection(vals)):
            raise UserError(
                self.env._(
                    "%(record)s: %(fields)s cannot be changed here. Use the buttons, or make a new "
                    "one.",
                    record=self[:1].display_name,
                    fields=", ".join(
                        f"'{self._fields[name]._description_string(self.env)}'"
                        for name in sorted(foreign)
                    ),
                )
            )
        if not self.env.su:
            self._check_targets([vals])
        return super().write(vals)

    @api.model_create_multi
    def create(self, vals_list):
        if self.env.su:
            return super().create(vals_list)
        self._check_targets([*vals_list, self._default_targets()])
        guarded = self._guarded_fields()
        vals_list = [
            {name: value for name, value in vals.items() if name not in guarded}
            for vals in vals_list
        ]
        foreign = {f"default_{name}" for name in guarded}
        context = {name: value for name, value in self.env.context.items() if name not in foreign}
        clean = self.with_env(self.env(context=context))
        return super(DunningGuarded, clean).create(vals_list).with_env(self.env)

    @api.model
    def _default_targets(self):
        """Return the targets that the context proposes for new records."""
        proposed = {name: self.env.context.get(f"default_{name}") for name in TARGETS}
        return {name: value for name, value in proposed.items() if value}

    @api.model
    def _check_targets(self, vals_list):
        """Check that the user may read what the values name, before anything is said about it.

        :raise AccessError: when the user may not
        """
        for name in TARGETS:
            field = self._fields.get(name)
            values = [vals[name] for vals in vals_list if vals.get(name)]
            if field and values:
                targets = self.env[field.comodel_name].concat(
                    *(self.new({name: value})[name]._origin for value in values)
                )
                targets.check_access("read")
