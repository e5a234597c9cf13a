from odoo.tests import tagged

from ..hooks import uninstall_hook
from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestMissingRules(DunningCommon):
    def test_a_rule_whose_addon_is_missing_is_broken_and_excludes_nothing(self):
        rule = self.env.ref("dunning_exclusion.rule_paid")
        # what an addon that is not loaded any more leaves in the table
        self.env.cr.execute(
            "UPDATE dunning_exclusion_rule SET code = 'gone' WHERE id = %s", [rule.id]
        )
        self.env.invalidate_all()
        self.assertIn("missing", rule.broken)
        invoice = self._create_invoice()
        with self.assertLogs("odoo.addons.dunning_exclusion", "WARNING"):
            self.assertOutcome(invoice, "included")

    def test_runs_can_be_read_after_their_rule_was_deleted(self):
        rule = self.env["dunning.exclusion.rule"].create(
            {"name": "Alpha", "model": "res.partner", "domain": "[('name', '=', 'Alpha')]"}
        )
        self._create_invoice()
        line = self._create_run().line_ids
        self.assertEqual((line.rule_id, line.rule_ids), (rule, rule))
        rule.unlink()
        self.env.invalidate_all()
        self.assertFalse(line.rule_id)
        self.assertFalse(line.rule_ids.mapped("name"))

    def test_uninstalling_takes_back_only_flags_that_mirror_blocks(self):
        self.company.dunning_mirror_no_followup = True
        mirrored, by_hand, overridden = (self._items(self._create_invoice()) for _n in range(3))
        by_hand.no_followup = True
        (mirrored | overridden).move_id.action_dunning_stop()
        self.assertTrue(mirrored.no_followup)
        overridden.no_followup = False
        overridden.no_followup = True
        uninstall_hook(self.env)
        self.assertEqual(
            [line.no_followup for line in (mirrored, by_hand, overridden)], [False, True, True]
        )
