from odoo.tests import tagged

from .accessibility import find_violations
from .answers_common import AnswersCommon
from .keyboard import real_keys

WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
ANSWERS = [
    ("promise", "undone"),
    ("paid", "waiting"),
    ("dispute", "waiting"),
    ("wrong_person", "waiting"),
]


@tagged("post_install", "-at_install")
class TestToursReminderPage(AnswersCommon):
    """The page of a reminder in a real browser, on a telephone, without login."""

    browser_size = "390x844"
    touch_enabled = True

    def _states(self, notice):
        answers = self.env["dunning.answer"].search([("notice_id", "=", notice.id)], order="id")
        return [(answer.code, answer.state) for answer in answers]

    def test_every_answer_on_a_telephone_in_two_languages(self):
        self.env["res.lang"]._activate_lang("de_DE")
        for notice, lang in ((self.notice, "en_US"), (self.other_notice, "de_DE")):
            with self.subTest(lang=lang):
                notice.sudo().lang = lang
                self.start_tour(self._url(notice), "dunning_reminder_page", timeout=240)
                self.assertEqual(self._states(notice), ANSWERS)

    def test_keyboard_alone_suffices(self):
        with real_keys():
            self.start_tour(self._url(), "dunning_reminder_page_keys", timeout=240)
        self.assertEqual(self._states(self.notice), ANSWERS)
        promise, paid, dispute, person = self._answers().sorted("id")
        self.assertEqual((str(promise.date), promise.amount), (self._days(3), 5))
        self.assertEqual((str(paid.date), paid.reference), (self._days(-1), "REF"))
        self.assertEqual((dispute.reason, dispute.text), ("quality", "No"))
        self.assertEqual(len(dispute.move_line_ids), 1)
        self.assertEqual(person.text, "Bob")

    def test_axe_finds_no_violation_on_any_page(self):
        self._fill_in("paid", items=self._items(self.first), date=self._days(-1))
        pages = {code: self._url(path=f"/answer/{code}") for code, _state in ANSWERS}
        pages |= {"overview": self._url(), "unknown": self._url(token="x")}
        for name, url in pages.items():
            with self.subTest(page=name):
                screens = [{"name": name, "shown": "#wrap"}]
                self.assertEqual(find_violations(self, url, screens, tags=WCAG), {name: []})
