from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestLineUpkeep(DunningCommon):
    """Run lines have no foreign keys: what they name may be deleted and merged all the same."""

    def _prepared_line(self, **values):
        line = self._create_run().line_ids
        self.assertEqual(len(line), 1)
        return line

    def _read(self, lines):
        specification = {
            name: {"fields": {"display_name": {}}}
            for name in ("move_line_id", "move_id", "partner_id", "level_id", "rule_id")
        }
        return lines.web_read({**specification, "outcome": {}})

    def test_new_lines_are_not_checked_one_by_one(self):
        self.env.cr.execute(
            """SELECT attname FROM pg_constraint
                 JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY(conkey)
                WHERE conrelid = 'dunning_run_line'::regclass AND contype = 'f'"""
        )
        self.assertEqual(self.env.cr.fetchall(), [])

    def test_a_deleted_item_is_forgotten_and_its_entry_is_not(self):
        invoice = self._create_invoice()
        line = self._prepared_line()
        invoice.button_draft()
        invoice.line_ids.with_context(dynamic_unlink=True, check_move_validity=False).unlink()
        self.assertFalse(line.move_line_id)
        self.assertEqual((line.move_id, line.partner_id), (invoice, self.customer))
        self.assertTrue(self._read(line))
        run = line.run_id
        run.action_send()
        self.assertFalse(run.notice_ids)
        self.assertEqual((line.outcome, line.skip_reason), ("dropped", "Item deleted since"))

    def test_a_deleted_entry_is_forgotten(self):
        invoice = self._create_invoice()
        line = self._prepared_line()
        invoice.button_draft()
        invoice.with_context(force_delete=True).unlink()
        self.assertFalse(line.move_line_id | line.move_id.line_ids)
        self.assertFalse(line.move_id)
        self.assertEqual(self._read(line)[0]["partner_id"]["id"], self.customer.id)

    def test_lines_of_a_deleted_customer_vanish(self):
        invoice, other = self._create_invoice(), self._create_invoice(self.other_customer)
        run = self._create_run()
        invoice.button_draft()
        invoice.with_context(force_delete=True).unlink()
        self.customer.unlink()
        self.assertEqual(run.line_ids.move_id, other)

    def test_lines_of_merged_customers_are_those_of_the_one_that_is_left(self):
        child = self.env["res.partner"].create(
            {"name": "Child", "parent_id": self.other_customer.id}
        )
        for target, expected in ((child, self.other_customer), (self.other_customer,) * 2):
            with self.subTest(target=target.name):
                customer = self._create_customer("Twin")
                invoice = self._create_invoice(customer)
                line = self._create_run().line_ids.filtered(
                    lambda line, i=invoice: line.move_id == i
                )
                self.env["base.partner.merge.automatic.wizard"]._merge(
                    (customer | target).ids, target, extra_checks=False
                )
                self.env.invalidate_all()
                self.assertFalse(customer.exists())
                self.assertEqual(line.partner_id, expected)

    def test_lines_of_a_deleted_run_vanish(self):
        self._create_invoice()
        line = self._prepared_line()
        kept = self._prepared_line()
        line.run_id.unlink()
        self.assertEqual((line | kept).exists(), kept)

    def test_a_line_outlives_its_notice_and_who_ticked_it(self):
        self._create_invoice()
        line = self._prepared_line()
        user = self._create_user("temp", "dunning_exclusion.group_dunning_manager")
        self.env.flush_all()
        self.env.cr.execute(
            SQL("UPDATE dunning_run_line SET override_user_id = %s WHERE id = %s", user.id, line.id)
        )
        line.run_id.action_send()
        notice = line.notice_id
        self.assertEqual((len(notice), line.override_user_id), (1, user))
        notice.sudo().unlink()
        user.unlink()
        self.assertFalse(line.notice_id or line.override_user_id)
        self.assertEqual(line.partner_id, self.customer)

    def test_deleted_scenarios_and_rules_are_forgotten(self):
        rule = self.env["dunning.exclusion.rule"].create(
            {
                "code": "alpha",
                "name": "Alpha",
                "source": "domain",
                "level": "customer",
                "model": "res.partner",
                "domain": "[('name', '=', 'Alpha')]",
                "effect": "unchecked",
            }
        )
        self._create_invoice()
        line = self._prepared_line()
        self.assertEqual((line.scenario_id, line.rule_id), (self.scenario, rule))
        (rule | self.env["dunning.exclusion.rule"]).unlink()
        self.scenario.unlink()
        self.assertFalse(line.level_id or line.scenario_id or line.rule_id)
        self.assertTrue(self._read(line))

    @mute_logger("odoo.sql_db")
    def test_what_vanished_while_the_run_was_prepared_does_not_hide_the_list(self):
        invoice, other = self._create_invoice(), self._create_invoice(self.other_customer)
        lines = self._create_run().line_ids
        self.env.flush_all()
        # As another transaction does it, which cannot see the new lines.
        for table, column in (("account_move_line", "move_id"), ("account_move", "id")):
            self.env.cr.execute(
                SQL(
                    "DELETE FROM %s WHERE %s = %s",
                    SQL.identifier(table),
                    SQL.identifier(column),
                    invoice.id,
                )
            )
        self.env.invalidate_all()
        read = {values["partner_id"]["id"]: values for values in self._read(lines)}
        gone, there = read[self.customer.id], read[self.other_customer.id]
        self.assertFalse(gone["move_line_id"] or gone["move_id"])
        self.assertEqual(there["move_id"]["id"], other.id)
        self.env.invalidate_all()
        self.assertEqual(lines.move_id, other)
