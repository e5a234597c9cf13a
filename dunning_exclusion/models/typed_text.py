from odoo import fields
from odoo.exceptions import UserError
from odoo.tools import OrderedSet


class _Typed:
    """Text that people type or clients send: the character NUL, which no text can keep, is refused.

    PostgreSQL cannot store it, and Odoo would answer with an error that is meant for programmers.
    """

    def _refuse_nul(self, env, value):
        values = value if isinstance(value, (list, tuple, set, OrderedSet)) else [value]
        if any(isinstance(text, str) and "\0" in text for text in values):
            raise UserError(
                env._(
                    "The field '%(field)s' contains a character that cannot be stored (NUL): "
                    "remove it, or type the text anew.",
                    field=self._description_string(env),
                )
            )

    def convert_to_cache(self, value, record, validate=True):
        """Override to refuse what is written; values of the database have none."""
        if validate and value:
            self._refuse_nul(record.env, value)
        return super().convert_to_cache(value, record, validate)

    def condition_to_sql(self, field_expr, operator, value, model, alias, query):
        """Override to refuse what is searched for."""
        if value:
            self._refuse_nul(model.env, value)
        return super().condition_to_sql(field_expr, operator, value, model, alias, query)


class Char(_Typed, fields.Char):
    """One line of typed text."""


class Text(_Typed, fields.Text):
    """Typed text of several lines."""
