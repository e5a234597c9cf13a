from lxml import html

from odoo.tests import tagged

from .test_dunning_message import WITH_PAYMENT, WITHOUT_PAYMENT, MessageCommon

LANGUAGES = {
    "fr_FR": {
        "subject": "Rappel de paiement",
        "salutation": "Bonjour Alpha,",
        "heads": ["Document", "Date", "Échéance", "Jours de retard", "Montant dû"],
        "amount": "1 234,50 €",
        "held": "y compris ce qui ne figure pas ci-dessus",
        "bank": "Merci de virer",
        "closing": "Cordialement",
        "final": "Dernière relance",
    },
    "es_ES": {
        "subject": "Recordatorio de pago",
        "salutation": "Estimado/a Alpha:",
        "heads": ["Documento", "Fecha", "Vencimiento", "Días de retraso", "Importe pendiente"],
        "amount": "1.234,50 €",
        "held": "también lo que no figura arriba",
        "bank": "Le rogamos que transfiera",
        "closing": "Atentamente",
        "final": "Último requerimiento",
    },
    "de_DE": {
        "subject": "Zahlungserinnerung",
        "salutation": "Guten Tag Alpha,",
        "heads": ["Beleg", "Datum", "Fällig am", "Tage überfällig", "Offener Betrag"],
        "amount": "1.234,50 €",
        "held": "auch was oben nicht aufgeführt ist",
        "bank": "Bitte überweisen Sie",
        "closing": "Mit freundlichen Grüßen",
        "final": "Letzte Mahnung",
    },
    "nl_NL": {
        "subject": "Betalingsherinnering",
        "salutation": "Geachte Alpha,",
        "heads": ["Document", "Datum", "Vervaldatum", "Dagen te laat", "Openstaand bedrag"],
        "amount": "€ 1.234,50",
        "held": "ook wat hierboven niet is vermeld",
        "bank": "Gelieve het bedrag",
        "closing": "Met vriendelijke groet",
        "final": "Laatste aanmaning",
    },
}
ENGLISH = ("Dear", "Please", "reminder", "Kind regards", "Open amount", "Outstanding", "overdue")


@tagged("post_install", "-at_install")
class TestDunningMessageLanguages(MessageCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        module = cls.env.ref("base.module_dunning_exclusion")
        for lang in LANGUAGES:
            cls.env["res.lang"]._activate_lang(lang)
        module._update_translations(list(LANGUAGES))
        cls.euro = cls.env.ref("base.EUR")
        cls.euro.active = True
        cls._create_bank("EU1", cls.euro)

    def _send_in(self, lang, code="friendly", **values):
        customer = self._create_customer("Alpha", lang=lang)
        euro = {"currency_id": self.euro.id}
        invoice = self._create_invoice(customer, 1234.5, **euro)
        self._create_invoice(customer, 5, **euro).action_dunning_stop()
        notice = self._send(code, **values).filtered(lambda n: n.partner_id == customer)
        return invoice, notice

    def test_message_is_in_the_language_of_the_customer(self):
        """Whoever sends it, in whatever language: words, dates and amounts are the customer's."""
        for lang, words in LANGUAGES.items():
            with self.subTest(lang=lang):
                invoice, notice = self._send_in(lang)
                mail = notice.mail_id
                self.assertTrue(mail.subject.endswith(words["subject"]), mail.subject)
                tree = self._tree(notice)
                self.assertEqual(tree.xpath("/html/@lang"), [lang.replace("_", "-")])
                text = self._text(tree)
                for key in ("salutation", "held", "bank", "closing"):
                    self.assertIn(words[key], text)
                for word in ENGLISH:
                    self.assertNotIn(word, text)
                heads = [self._text(head) for head in self._part(notice, "items").xpath(".//th")]
                self.assertEqual(heads, words["heads"])
                row = self._rows(notice)[0]
                self.assertEqual(row[0], invoice.name)
                amount = " ".join(words["amount"].split())
                self.assertIn(amount.replace("€ ", "").replace(" €", ""), row[-1])

    def test_dates_are_written_as_in_the_country(self):
        for lang, pattern in (("de_DE", "%d.%m.%Y"), ("fr_FR", "%d/%m/%Y")):
            with self.subTest(lang=lang):
                invoice, notice = self._send_in(lang)
                self.assertEqual(
                    self._rows(notice)[0][2], invoice.invoice_date_due.strftime(pattern)
                )

    def test_every_template_is_translated(self):
        for lang in LANGUAGES:
            for code in WITH_PAYMENT + WITHOUT_PAYMENT:
                template = self._template(code)
                translated = template.with_context(lang=lang)
                english = template.with_context(lang="en_US")
                with self.subTest(lang=lang, template=code):
                    for name in ("name", "subject", "body_html"):
                        self.assertNotEqual(translated[name], english[name])
                    self.assertEqual(self._placeholders(translated), self._placeholders(english))

    def _placeholders(self, template):
        tree = html.fromstring(str(template.body_html))
        return tree.xpath("//t/@t-out")

    def test_letter_is_in_the_language_of_the_customer(self):
        for lang, words in LANGUAGES.items():
            with self.subTest(lang=lang):
                _invoice, notice = self._send_in(lang, "final", action="letter")
                pages, _type = self.env["ir.actions.report"]._render_qweb_html(
                    "dunning_exclusion.action_report_notice", notice.ids
                )
                text = self._text(html.fromstring(pages))
                for key in ("salutation", "held", "bank", "closing", "final"):
                    self.assertIn(words[key], text)

    def test_customer_in_an_unknown_language_gets_english(self):
        self.env["res.lang"]._activate_lang("it_IT")
        _invoice, notice = self._send_in("it_IT")
        self.assertIn("Dear Alpha,", self._text(self._tree(notice)))
