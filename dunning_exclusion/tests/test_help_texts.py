import re

from odoo.models import MAGIC_COLUMNS
from odoo.tests import TransactionCase, tagged

AUTOMATIC = {*MAGIC_COLUMNS, "display_name"}
# Models on which our fields stand among those of others.
SHARED = ("res.company", "account.move", "account.move.line", "account.payment.method.line")


@tagged("post_install", "-at_install")
class TestHelpTexts(TransactionCase):
    """A field has a help text where it says more than the label."""

    def _fields(self):
        return {
            (model, name): field
            for model in self.registry
            for name, field in self.env[model]._fields.items()
            if field._modules[:1] == ("dunning_exclusion",)
            and name not in AUTOMATIC
            and not field.inherited
        }

    def _words(self, text):
        return {word.rstrip("s") for word in re.findall(r"\w+", text.lower())}

    def test_no_help_text_only_repeats_the_label(self):
        fields = self._fields()
        self.assertGreater(len(fields), 300)
        filling = self._words("a an the of it is are this which in on for to")
        repeating = [
            key
            for key, field in fields.items()
            if field.help and self._words(field.help) <= filling | self._words(field.string)
        ]
        self.assertEqual(repeating, [])

    def test_every_field_on_a_model_of_odoo_is_explained(self):
        silent = [
            key for key, field in self._fields().items() if key[0] in SHARED and not field.help
        ]
        self.assertEqual(silent, [])
