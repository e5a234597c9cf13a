from odoo.tests import tagged

from .stories_common import StoryCommon


@tagged("post_install", "-at_install")
class TestSetAside(StoryCommon):
    """What the system unticked is ticked again while its run is sent, and never afterwards."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scenario.one_notice_per_level = True
        cls.scenario.level_ids.action = "letter"
        # Two items at different levels: two messages of one customer.
        cls.recent = cls._create_invoice(amount=600, days=-10)
        cls.old = cls._create_invoice(amount=600, days=-40)

    def setUp(self):
        super().setUp()
        self._remind(self._items(self.old), self.scenario.level_ids[0], -20)

    def _letter_of(self, run, invoice):
        line = run.line_ids.filtered(lambda line: line.move_id == invoice)
        self.assertEqual(len(line), 1)
        return line.notice_id

    def _line_of(self, run, invoice):
        return run.line_ids.filtered(lambda line: line.move_id == invoice)

    def assertLeftAlone(self, run, invoice):
        """Assert that no message of `run` waits or has left that is about `invoice`."""
        self.env.invalidate_all()
        line = self._line_of(run, invoice)
        self.assertFalse(line.checked)
        self.assertNotIn(line.notice_id.state, ("queued", "sent"))

    def test_a_stop_that_ends_before_the_run_is_done_counts_no_more(self):
        run = self._create_run()
        self.old.action_dunning_stop()
        run.line_ids.action_preview()
        self.old.action_dunning_resume()
        run.action_send()
        self.assertEqual(run.line_ids.mapped("checked"), [True, True])
        self.assertEqual(run.notice_ids.mapped("state"), ["queued", "queued"])

    def _done_run_with_one_message(self):
        """Return a run that is done, and sent only one of two messages: the other was stopped."""
        run = self._create_run()
        self.assertEqual(run.line_ids.mapped("checked"), [True, True])
        self.old.action_dunning_stop()
        run.action_send()
        self.assertEqual((run.state, run.line_ids.notice_id), ("done", run.notice_ids))
        self.assertEqual(run.notice_ids.line_ids.move_id, self.recent)
        self.old.action_dunning_resume()
        return run

    def test_printing_a_letter_sends_nothing_that_was_stopped_while_its_run_was_sent(self):
        run = self._done_run_with_one_message()
        run.notice_ids.action_print()
        self.assertEqual(run.notice_ids.mapped("state"), ["sent"])
        self.assertLeftAlone(run, self.old)

    def test_retrying_sends_nothing_that_was_stopped_while_its_run_was_sent(self):
        run = self._done_run_with_one_message()
        run.notice_ids.sudo()._fail("no paper")
        run.action_retry_failed()
        self.assertEqual((run.state, run.notice_ids.mapped("state")), ("done", ["queued"]))
        self.assertLeftAlone(run, self.old)

    def _two_letters(self):
        run = self._create_run()
        run.action_send()
        self.assertEqual((run.state, run.notice_ids.mapped("state")), ("done", ["queued"] * 2))
        return run, self._letter_of(run, self.recent), self._letter_of(run, self.old)

    def test_printing_a_letter_sends_no_other_that_was_stopped_when_it_was_printed(self):
        run, recent, old = self._two_letters()
        self.old.action_dunning_stop()
        old.action_print()
        self.assertEqual(old.state, "skipped")
        self.old.action_dunning_resume()
        recent.action_print()
        self.assertEqual((recent.state, old.state), ("sent", "skipped"))
        self.assertLeftAlone(run, self.old)

    def test_retrying_sends_no_letter_that_was_stopped_when_it_was_printed(self):
        run, recent, old = self._two_letters()
        self.old.action_dunning_stop()
        old.action_print()
        self.old.action_dunning_resume()
        recent.sudo()._fail("no paper")
        run.action_retry_failed()
        self.assertEqual((recent.state, old.state), ("queued", "skipped"))
        self.assertLeftAlone(run, self.old)

    def test_printing_a_letter_sends_no_other_that_was_above_the_maximum(self):
        run, recent, old = self._two_letters()
        (recent | old).sudo().date = self._days(-1)
        self.company.dunning_customer_maximum = 500
        old.action_print()
        self.assertEqual(old.state, "skipped")
        self.company.dunning_customer_maximum = 5000
        recent.action_print()
        self.assertEqual((recent.state, old.state), ("sent", "skipped"))
        self.assertLeftAlone(run, self.old)
