from odoo.tests import TransactionCase, tagged

from odoo.addons.dunning_exclusion.tests.translations_common import TranslationsCommon


@tagged("post_install", "-at_install")
class TestTranslations(TranslationsCommon, TransactionCase):
    module = "dunning_exclusion_financial_report"
