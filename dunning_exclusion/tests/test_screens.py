from lxml import etree

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestScreens(DunningCommon):
    """What the screens ask the server for, beyond the records themselves."""

    def _figures(self, run):
        return self.env["dunning.run"].read_figures(run.id)

    def _tick(self, run, checked, *domain):
        self.env["dunning.run.line"].tick([("run_id", "=", run.id), *domain], checked)

    # Task list ------------------------------------------------------------------------------

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

    def test_ticking_many_does_not_release_above_the_ceiling(self):
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
        self.assertEqual(marks, {self.other_customer.id: ["The customer is stopped"]})

    # Follow-up tab --------------------------------------------------------------------------

    def test_tab_of_the_customer_tells_everything(self):
        invoice = self._create_invoice(amount=100)
        self.customer.action_dunning_stop()
        panel = self.customer.dunning_panel()
        self.assertEqual(panel["outstanding"], 100)
        self.assertEqual(panel["outcome"], "unchecked")
        self.assertEqual([block["kind"] for block in panel["blocks"]], ["stop"])
        self.assertEqual([item["name"] for item in panel["items"]], [invoice.display_name])
        self.assertEqual(panel["items"][0]["reasons"], ["The customer is stopped"])
        self.assertTrue(all(reminder["on"] for reminder in panel["types"]))

    def test_tab_of_a_contact_is_that_of_its_customer(self):
        self._create_invoice(amount=100)
        contact = self.env["res.partner"].create({"name": "Kid", "parent_id": self.customer.id})
        panel = contact.dunning_panel()
        self.assertEqual(panel["outstanding"], 100)
        self.assertEqual(panel["item_count"], 1)

    def test_item_is_stopped_and_resumed_from_the_tab(self):
        item = self._items(self._create_invoice())
        self.assertTrue(item.dunning_toggle_stop())
        self.assertTrue(item.dunning_stop)
        self.assertFalse(item.dunning_toggle_stop())

    # Dashboard ------------------------------------------------------------------------------

    def test_dashboard_leads_to_what_is_left_out(self):
        self._create_invoice(amount=100)
        self.customer.action_dunning_stop()
        self._create_invoice(self.other_customer, amount=40)
        self._create_run()
        board = self.env["dunning.run"].retrieve_dashboard()
        self.assertEqual(board["to_send"], {"count": 1, "amount": 40.0})
        self.assertEqual(
            [(row["label"], row["amount"]) for row in board["by_reason"]],
            [("The customer is stopped", 100.0)],
        )
        found = self.env["dunning.screening"].search(board["by_reason"][0]["domain"])
        self.assertEqual(sum(found.mapped("amount_residual")), 100)
        self.assertEqual([row["count"] for row in board["by_age"]], [1, 0, 0])
        self.assertEqual([row["count"] for row in board["by_person"]], [1])

    def test_dashboard_is_for_those_who_may_read_blocks(self):
        outsider = new_test_user(self.env, "dunning_outsider", groups="base.group_user")
        with self.assertRaises(AccessError):
            self.env["dunning.run"].with_user(outsider).retrieve_dashboard()

    # Phones ---------------------------------------------------------------------------------

    def test_lists_are_cards_on_a_phone(self):
        for name in ("block", "promise", "notice", "screening"):
            action = self.env.ref(f"dunning_exclusion.dunning_{name}_action")
            with self.subTest(model=action.res_model):
                self.assertIn("kanban", action.view_mode.split(","))
                view = self.env[action.res_model].get_view(view_type="kanban")
                self.assertTrue(etree.fromstring(view["arch"]).xpath("//field[@name='partner_id']"))

    # Styles ---------------------------------------------------------------------------------

    def test_styles_compile_in_light_and_dark(self):
        for bundle_name in ("web.assets_web", "web.assets_web_dark"):
            with self.subTest(bundle=bundle_name):
                bundle = self.env["ir.qweb"]._get_asset_bundle(bundle_name, js=False)
                styles = bundle.preprocess_css()
                self.assertFalse(bundle.css_errors)
                self.assertIn(".o_dunning_figures", styles)
