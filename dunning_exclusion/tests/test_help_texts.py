from odoo.models import MAGIC_COLUMNS
from odoo.tests import TransactionCase, tagged

AUTOMATIC = {*MAGIC_COLUMNS, "display_name"}


@tagged("post_install", "-at_install")
class TestHelpTexts(TransactionCase):
    def test_every_field_has_a_help_text(self):
        fields = {
            f"{model}.{name}": field.help
            for model in self.registry
            for name, field in self.env[model]._fields.items()
            if field._modules[:1] == ("dunning_exclusion",)
            and name not in AUTOMATIC
            and not field.inherited
        }
        self.assertGreater(len(fields), 300)
        self.assertEqual([name for name, text in fields.items() if not text], [])
