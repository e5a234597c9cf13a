from lxml import etree

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestScreens(DunningCommon):
    """What the screens ask the server for, beyond the records themselves."""

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
