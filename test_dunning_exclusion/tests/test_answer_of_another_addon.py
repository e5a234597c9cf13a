from odoo.tests import tagged

from odoo.addons.dunning_exclusion.tests.answers_common import AnswersCommon


@tagged("post_install", "-at_install")
class TestAnswerOfAnotherAddon(AnswersCommon):
    """One record and one method of another addon are one more answer on the page."""

    def test_answer_is_offered_and_makes_a_to_do(self):
        self.assertIn("Please call me", self._text(self._open(self._url())))
        self._fill_in("call_me", text="+1 555 0100")
        answer = self._answers("call_me")
        self.assertIn("+1 555 0100", answer.activity_ids.note)
        self.assertEqual(answer.activity_ids.user_id, self.responsible)
        self.assertFalse(self.customer.dunning_block_ids)
