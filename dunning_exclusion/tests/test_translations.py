from odoo.tests import TransactionCase, tagged

from .translations_common import TranslationsCommon


@tagged("post_install", "-at_install")
class TestTranslations(TranslationsCommon, TransactionCase):
    module = "dunning_exclusion"
