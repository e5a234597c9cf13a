from lxml import etree

from odoo.tests import tagged

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestScreens(DunningCommon):
    """What the screens ask the server for, beyond the records themselves."""

    # Phones ---------------------------------------------------------------------------------

    def test_lists_are_cards_on_a_phone(self):
        for name in (
            *("run", "customer", "invoice", "answer"),
            *("scenario", "reminder_type", "exclusion_rule", "block_reason", "profile"),
        ):
            action = self.env.ref(f"dunning_exclusion.dunning_{name}_action")
            self.assertIn("kanban", action.view_mode.split(","), name)
        for name in ("block", "promise", "notice", "screening", "exclusion_report"):
            action = self.env.ref(f"dunning_exclusion.dunning_{name}_action")
            with self.subTest(model=action.res_model):
                self.assertIn("kanban", action.view_mode.split(","))
                view = self.env[action.res_model].get_view(view_type="kanban")
                self.assertTrue(etree.fromstring(view["arch"]).xpath("//field[@name='partner_id']"))
        for name in ("answer", "promise", "scenario", "scenario.preview", "takeover"):
            with self.subTest(records_of=name):
                form = self.env[f"dunning.{name}"].get_view(view_type="form")
                lists = etree.fromstring(form["arch"]).xpath("//field[list[not(@editable)]]")
                self.assertTrue(lists)
                self.assertFalse([field for field in lists if field.find("kanban") is None])

    # Widths ---------------------------------------------------------------------------------

    def test_excluded_receivables_name_customers_in_every_language(self):
        """Rows are unfolded when the widths are fixed already: names keep theirs."""
        view = self.env["dunning.screening"].get_view(view_type="list")
        arch = etree.fromstring(view["arch"])
        for name in ("partner_id", "move_id", "amount_residual", "outcome"):
            with self.subTest(column=name):
                self.assertTrue(arch.xpath(f"//field[@name='{name}']/@width"))
        self.assertFalse(arch.xpath("//field[@name='rule_id']/@width"))

    # Styles ---------------------------------------------------------------------------------

    def test_styles_compile_in_light_and_dark(self):
        for bundle_name in ("web.assets_web", "web.assets_web_dark"):
            with self.subTest(bundle=bundle_name):
                bundle = self.env["ir.qweb"]._get_asset_bundle(bundle_name, js=False)
                styles = bundle.preprocess_css()
                self.assertFalse(bundle.css_errors)
                self.assertIn(".o_dunning_figures", styles)
