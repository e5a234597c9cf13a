import re

from odoo.tests import TransactionCase, tagged
from odoo.tools.translate import TranslationModuleReader

# What a screen must not say, and what it says instead.
GIVEN_UP = {
    r"\bdunning\b": "reminder, or follow-ups",
    r"\bnotices?\b": "reminder",
    r"\binstalments?\b": "installment",
    r"\blift(s|ed|ing)?\b": "resume, end",
    r"\b(un)?block(s|ed|ing)?\b": "hold",
    r"\bunchecked\b": "held back",
    r"\bdropped\b": "not listed",
    r"\bincluded\b": "to send",
    r"\b(un)?tick(s|ed|ing)?\b": "select",
    r"\bleft out\b|\bleaves? out\b": "excluded",
    r"\bdashboard\b": "Today",
}
# The words of others: a kind of message, a state of Odoo; placeholders and names in code.
ALLOWED = (
    r"final notice|notice period|payment is blocked"
    r"|dunning[_.]\w+|\{\{.*?\}\}|<[^>]*>|%\(\w+\)s"
)


@tagged("post_install", "-at_install")
class TestWords(TransactionCase):
    """Screens use one word for one thing."""

    def _texts(self):
        """Return all that screens of this addon can say: code, views, fields, menus and records."""
        reader = TranslationModuleReader(self.env.cr, modules=["dunning_exclusion"])
        return {(source, f"{kind} {name} {where}") for _m, kind, name, where, source, *_ in reader}

    def test_words_given_up_are_on_no_screen(self):
        texts = self._texts()
        self.assertGreater(len(texts), 1000)
        for word, instead in GIVEN_UP.items():
            with self.subTest(word=word, instead=instead):
                found = [
                    f"{where}: {text}"
                    for text, where in sorted(texts)
                    if re.search(word, re.sub(ALLOWED, "", text, flags=re.I | re.S), re.I)
                ]
                self.assertFalse(found, "\n".join(found))

    def test_no_sentence_is_glued_from_pieces(self):
        glued = [
            f"{where}: {text}"
            for text, where in sorted(self._texts())
            if re.match(r"\s*[.,:!?]\s", text) or re.search(r"%\(\w+\)s \(?s\)", text)
        ]
        self.assertFalse(glued, "\n".join(glued))

    def test_no_label_of_a_field_is_its_technical_name(self):
        leaks = re.compile(r"(Res|Move|Line|Lang|Aml|Notice|Block)( (Model|Id|Ids|Line))?")
        for model in self.registry:
            for name, field in self.env[model]._fields.items():
                if field._modules == ("dunning_exclusion",) and leaks.fullmatch(field.string or ""):
                    with self.subTest(model=model, field=name):
                        self.fail(f"{field.string} is no word of people")

    def test_outcomes_are_called_alike_everywhere(self):
        names = {"included": "To send", "unchecked": "Held back", "dropped": "Not listed"}
        for model in self.registry:
            for name, field in self.env[model]._fields.items():
                if "dunning_exclusion" in field._modules and field.type == "selection":
                    labels = dict(field._description_selection(self.env))
                    for value in labels.keys() & names.keys():
                        with self.subTest(model=model, field=name):
                            self.assertEqual(labels[value], names[value])
