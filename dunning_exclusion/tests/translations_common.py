import re
from io import BytesIO

import polib

from odoo.tools import file_path
from odoo.tools.translate import trans_export

# Words spelled alike are left empty in the catalogs.
ALIKE = {
    "de": {
        *("Code", "Domain", "ID", "Icon", "Import", "Name", "Operator", "PDF", "Pause", "Text"),
    },
    "es": {"ID", "PDF", "Total"},
    "fr": {
        *("Action", "Actions", "Code", "Condition", "Conditions", "Contact", "Date", "Description"),
        *(
            "Digest",
            "Document",
            "E-mail",
            "ID",
            "Import",
            "Message",
            "Messages",
            "PDF",
            "Mode",
            "Note",
            "Pause",
            "STOP",
        ),
        *("Total", "1 message", "%s messages"),
    },
    "nl": {
        *("Code", "Contact", "Dashboard", "Document", "E-mail", "Effect", "ID", "Import", "Open"),
        *("Operator", "PDF", "Records", "STOP", "Scenario", "Spreadsheet", "Stop", "over %s"),
    },
}
LANGUAGES = tuple(ALIKE)
# placeholders, the name of a file made of fields, and what every language calls alike
NO_WORDS = re.compile(r"%\([a-z_]+\)[a-z]|%s|\(object\..*\)|BIC")


class TranslationsCommon:
    """Each text of an addon is in its template, and translated. `./dev texts` updates them."""

    # Odoo runs the tests of this class in those that inherit it.
    allow_inherited_tests_method = True
    module = None

    def test_template_has_the_texts_of_the_addon(self):
        exported = BytesIO()
        trans_export(False, [self.module], exported, "po", self.env)
        current = {entry.msgid for entry in polib.pofile(exported.getvalue().decode())}
        self.assertTrue(current)
        self.assertEqual(self._texts(f"{self.module}.pot").keys(), current)

    def test_each_text_is_translated(self):
        template = self._texts(f"{self.module}.pot")
        for lang in LANGUAGES:
            with self.subTest(lang=lang):
                texts = self._texts(f"{lang}.po")
                self.assertEqual(texts.keys(), template.keys())
                missing = {text for text, words in texts.items() if not words}
                words = {text for text in missing if re.search("[a-z]", NO_WORDS.sub("", text))}
                self.assertEqual(words - ALIKE[lang], set())

    def test_each_translation_keeps_its_placeholders(self):
        for lang in LANGUAGES:
            for text, words in self._texts(f"{lang}.po").items():
                if words:
                    self.assertEqual(self._named(words), self._named(text), (lang, text))

    def _texts(self, name):
        catalog = polib.pofile(file_path(f"{self.module}/i18n/{name}"))
        return {entry.msgid: "" if entry.fuzzy else entry.msgstr for entry in catalog}

    def _named(self, text):
        return sorted(re.findall(r"%\([a-z_]+\)[a-z]|%[sd]|{{.*?}}", text))
