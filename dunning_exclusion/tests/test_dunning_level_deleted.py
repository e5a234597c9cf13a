from odoo.tests import tagged

from .scenario_common import ScenarioCommon


@tagged("post_install", "-at_install")
class TestDunningLevelDeleted(ScenarioCommon):
    """Levels can be deleted whatever was prepared or sent with them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first, cls.second, cls.third = cls.scenario.level_ids

    def test_item_whose_level_was_deleted_since_the_run_was_prepared_is_not_sent(self):
        self._create_invoice(days=-10)
        run = self._create_run()
        run.line_ids.level_id.sudo().unlink()
        run.action_send()
        self.assertEqual(run.state, "done")
        self.assertFalse(run.notice_ids)
        self.assertEqual(
            (run.line_ids.checked, run.line_ids.skip_reason), (False, "Dunning level deleted since")
        )

    def test_levels_that_were_sent_can_be_deleted(self):
        self._remind(self._items(self._create_invoice(days=-40)), self.second, -20)
        self._create_invoice(days=-10)
        self.scenario.one_notice_per_level = True
        run = self._create_run()
        run.action_send()
        self.assertEqual(run.notice_ids.level_id, self.first | self.third)
        numbers = run.notice_ids.mapped("level_number")
        (self.first | self.third).unlink()
        self.assertFalse(run.notice_ids.level_id)
        self.assertEqual(run.notice_ids.mapped("level_number"), numbers)
