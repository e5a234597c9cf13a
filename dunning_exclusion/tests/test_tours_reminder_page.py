from odoo.tests import tagged

from .answers_common import AnswersCommon


@tagged("post_install", "-at_install")
class TestToursReminderPage(AnswersCommon):
    """The page of a reminder in a real browser, on a telephone, without login."""

    browser_size = "390x844"
    touch_enabled = True

    def test_every_answer_on_a_telephone_in_two_languages(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        for notice, lang in ((self.notice, "en_US"), (self.other_notice, "fr_FR")):
            with self.subTest(lang=lang):
                notice.sudo().lang = lang
                self.start_tour(self._url(notice), "dunning_reminder_page", timeout=240)
                answers = self.env["dunning.answer"].search([("notice_id", "=", notice.id)])
                self.assertEqual(
                    [(answer.code, answer.state) for answer in answers.sorted("id")],
                    [
                        ("promise", "undone"),
                        ("paid", "waiting"),
                        ("dispute", "waiting"),
                        ("wrong_person", "waiting"),
                    ],
                )
