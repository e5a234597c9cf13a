import re

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import SQL, mute_logger

from .common import DunningCommon

FIGURES = ["amount_residual:sum", "checked_count:sum", "days_overdue:max"]


@tagged("post_install", "-at_install")
class TestTaskList(DunningCommon):
    """What the screen of the task list asks beyond the lines: figures, ticks and marks."""

    def _figures(self, run):
        return self.env["dunning.run"].read_figures(run.id)

    def _tick(self, run, checked, *domain):
        self.env["dunning.run.line"].tick([("run_id", "=", run.id), *domain], checked)

    def test_figures_say_what_would_be_sent(self):
        self._create_invoice(amount=100)
        self._create_invoice(amount=200)
        self._create_invoice(self.other_customer, amount=50)
        self._create_invoice(self.other_customer, amount=70).action_dunning_stop()
        figures = self._figures(self._create_run())
        expected = {
            "item_count": 3,
            "customer_count": 2,
            "message_count": 2,
            "amount": 350.0,
            "unchecked_count": 1,
            "state": "prepared",
        }
        self.assertEqual({name: figures[name] for name in expected}, expected)

    def test_run_that_was_only_begun_does_not_hide_the_one_to_work_on(self):
        self._create_invoice(amount=100)
        run = self._create_run()
        self.env["dunning.run"].create({})
        action = self.env["dunning.run"].action_open_latest()
        self.assertEqual(action["context"]["dunning_run_id"], run.id)
        self.assertEqual(self._figures(self.env["dunning.run"])["id"], run.id)

    def test_block_set_elsewhere_shows_in_a_prepared_run(self):
        invoice = self._create_invoice(amount=100)
        run = self._create_run()
        invoice.action_dunning_stop()
        self.assertEqual(self._figures(run)["item_count"], 0)
        self.assertEqual(run.line_ids.rule_id.code, "stop_item")

    def test_ticking_all_leaves_out_what_reasons_stand_against(self):
        included = self._create_invoice(amount=100)
        self._create_invoice(amount=70).action_dunning_stop()
        run = self._create_run()
        self._tick(run, False)
        self.assertFalse(any(run.line_ids.mapped("checked")))
        self._tick(run, True)
        self.assertEqual(run.line_ids.filtered("checked").move_id, included)

    def test_ticking_a_customer_with_excluded_items_only_overrides_their_reasons(self):
        self._create_invoice(amount=100)
        self.customer.action_dunning_stop()
        run = self._create_run()
        self._tick(run, True, ("partner_id", "=", self.customer.id))
        self.assertEqual(run.line_ids.override_user_id, self.env.user)
        self.assertTrue(run.line_ids.override_date)
        self.assertEqual(run.line_ids.override_reason_ids, run.line_ids.reason_ids)
        self._tick(run, False)
        self.assertFalse(run.line_ids.override_user_id or run.line_ids.override_reason_ids)

    def test_lines_of_a_run_that_is_done_are_not_ticked(self):
        self._create_invoice(amount=100)
        self._create_invoice(self.other_customer).action_dunning_stop()
        run = self._create_run()
        run.action_send()
        with self.assertRaisesRegex(UserError, "done"):
            self._tick(run, True)

    def test_ticking_many_does_not_release_above_the_maximum(self):
        self.company.dunning_customer_maximum = 50
        self._create_invoice(amount=100)
        run = self._create_run()
        user = new_test_user(
            self.env,
            "dunning_clerk",
            groups="account.group_account_invoice",
            company_id=self.company.id,
            company_ids=[(6, 0, self.company.ids)],
        )
        with self.assertRaisesRegex(UserError, "approver"):
            self.env["dunning.run.line"].with_user(user).tick([("run_id", "=", run.id)], True)

    def test_groups_know_how_much_of_them_is_ticked(self):
        self._create_invoice(amount=100)
        self._create_invoice(amount=70).action_dunning_stop()
        run = self._create_run()
        figures = self.env["dunning.run.line"].formatted_read_group(
            [("run_id", "=", run.id)],
            ["partner_id"],
            ["checked_count:sum", "listed_count:sum", "included_count:sum", "checked_amount:sum"],
        )
        self.assertEqual(len(figures), 1)
        self.assertEqual(
            [figures[0][f"{name}:sum"] for name in ("checked_count", "listed_count")], [1, 2]
        )
        self.assertEqual(figures[0]["checked_amount:sum"], 100)

    def test_only_reasons_of_the_customer_stand_beside_the_customer(self):
        self._create_invoice(amount=70).action_dunning_stop()
        self._create_invoice(self.other_customer)
        self.other_customer.action_dunning_stop()
        run = self._create_run()
        marks = self.env["dunning.run.line"].read_customer_marks(
            [("run_id", "=", run.id)], [self.customer.id, self.other_customer.id]
        )
        self.assertEqual(marks, {self.other_customer.id: ["Reminders to the customer are stopped"]})


@tagged("post_install", "-at_install")
class TestLinePages(DunningCommon):
    """Pages of the task list: what Odoo would show, without summing up what is not on the page."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The order of their names is not that of their ids.
        for place, name in enumerate(("Echo", "Alpha", "Delta", "Bravo")):
            customer = cls._create_customer(name)
            cls._create_invoice(customer, amount=100 + place)
            cls._create_invoice(customer, days=-20 - place)
        cls.run_made = cls._create_run()
        cls.lines = cls.run_made.line_ids
        cls.listed = [("run_id", "=", cls.run_made.id), ("outcome", "!=", "dropped")]

    def _page(self, domain=None, groupby="partner_id", **kwargs):
        return self.env["dunning.run.line"].web_read_group(
            self.listed if domain is None else domain, [groupby], FIGURES, **kwargs
        )

    def _names(self, page):
        return [group["partner_id"] and group["partner_id"][1] for group in page["groups"]]

    def assertSamePages(self, order=None):
        """Assert that the pages put together are what Odoo makes without pages."""
        everything = self._page(order=order)
        offsets = range(0, everything["length"], 2)
        pages = [self._page(order=order, limit=2, offset=offset) for offset in offsets]
        groups = [group for page in pages for group in page["groups"]]
        figures = ["partner_id", "__count", *FIGURES]
        self.assertEqual(
            [[group[name] for name in figures] for group in groups],
            [[group[name] for name in figures] for group in everything["groups"]],
        )
        for page in pages:
            self.assertEqual(page["length"], everything["length"])

    def test_pages_are_those_of_odoo_in_the_order_of_names(self):
        self.assertSamePages()
        self.assertEqual(self._names(self._page(limit=3)), ["Alpha", "Bravo", "Delta"])

    def test_pages_are_those_of_odoo_backwards(self):
        self.assertSamePages("partner_id DESC")
        self.assertEqual(self._names(self._page(order="partner_id DESC", limit=1)), ["Echo"])

    def test_lines_without_a_customer_are_a_group_of_their_own(self):
        self.env.cr.execute(
            SQL("UPDATE dunning_run_line SET partner_id = NULL WHERE id = %s", self.lines[:1].id)
        )
        self.env.invalidate_all()
        self.assertSamePages()
        self.assertEqual(self._names(self._page(offset=4, limit=2)), [False])

    def test_other_orders_and_groups_are_left_to_odoo(self):
        self.assertSamePages("amount_residual DESC")
        by_level = self._page(groupby="level_id", limit=1)
        self.assertEqual((by_level["length"], by_level["groups"][0]["__count"]), (1, 8))

    def test_a_page_without_lines_is_empty(self):
        nobody = [*self.listed, ("outcome", "=", "dropped")]
        self.assertEqual(self._page(domain=nobody, limit=2), {"groups": [], "length": 0})
        self.assertEqual(self._page(offset=10, limit=2)["groups"], [])

    def test_groups_of_a_page_are_unfolded_with_their_lines(self):
        page = self._page(limit=2, auto_unfold=True, unfold_read_specification={"checked": {}})
        self.assertEqual([len(group["__records"]) for group in page["groups"]], [2, 2])

    def test_only_the_customers_of_the_page_are_summed_up(self):
        sums = self._queries_with(re.compile(r"SUM\("), lambda: self._page(limit=2))
        counts = self._queries_with(re.compile(r"GROUP BY"), lambda: self._page(limit=2))
        self.assertEqual(len(sums), 1)
        self.assertIn('"dunning_run_line"."partner_id" IN %s', sums[0])
        self.assertNotIn("res_partner", sums[0], "their names are known already")
        self.assertEqual(counts, sums, "the customers are counted along with the page")

    def test_pages_need_the_right_to_read(self):
        stranger = self._create_user("stranger", "base.group_user")
        with self.assertRaises(AccessError):
            self.env["dunning.run.line"].with_user(stranger).web_read_group(
                self.listed, ["partner_id"], FIGURES, limit=2
            )

    def test_the_last_open_promise_stands_beside_an_item(self):
        line = self.lines[:1]
        for days, cancelled in ((5, False), (9, False), (20, True)):
            promise = self.env["dunning.promise"].create(
                {
                    "partner_id": line.partner_id.id,
                    "date": self._days(days),
                    "move_line_ids": line.move_line_id.ids,
                }
            )
            if cancelled:
                promise.action_cancel()
        self.lines.invalidate_recordset()
        found = {line: str(line.promise_date) for line in self.lines if line.promise_date}
        self.assertEqual(found, {line: self._days(9)})

    def test_rules_are_read_together_however_many_stand_against_items(self):
        items = self.lines.move_line_id
        items[0].action_dunning_stop()
        items[-1].partner_id.action_dunning_stop()
        lines = self.lines.search([("run_id", "=", self._create_run().id)])
        self.assertGreater(len({tuple(line.reason_ids) for line in lines if line.reason_ids}), 1)
        names = re.compile(r'"dunning_exclusion_rule"\."name"')
        read = self._queries_with(names, lambda: lines.web_read({"rule_ids": {}, "marks": {}}))
        self.assertEqual(len(read), 1)


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
        self.assertEqual(
            (line.outcome, line.skip_reason), ("dropped", "Item deleted in the meantime")
        )

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
