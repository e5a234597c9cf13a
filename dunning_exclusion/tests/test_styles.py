import re
from pathlib import Path

from odoo.tests import TransactionCase, tagged
from odoo.tools import file_path

# A colour that is written down stays as it is when the client is dark.
FIXED_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(|:\s*(?:white|black)\b")
# A side that is written down stays where it is when the client reads from right to left.
FIXED_SIDE = re.compile(r"\b(?:margin|padding|border)-(?:left|right)\b|\b(?:left|right)\s*[:;]")


@tagged("post_install", "-at_install")
class TestStyles(TransactionCase):
    """Our styles hold in a dark client and in one that reads from right to left."""

    def _styles(self):
        folder = Path(file_path("dunning_exclusion/static/src"))
        return {path.name: path.read_text() for path in folder.rglob("*.scss")}

    def test_styles_leave_colours_to_the_client(self):
        for name, text in self._styles().items():
            with self.subTest(style=name):
                self.assertFalse(FIXED_COLOUR.findall(text))

    def test_styles_leave_left_and_right_to_the_client(self):
        for name, text in self._styles().items():
            with self.subTest(style=name):
                self.assertFalse(FIXED_SIDE.findall(text))

    def test_styles_compile_in_light_and_dark(self):
        for bundle_name in ("web.assets_web", "web.assets_web_dark"):
            with self.subTest(bundle=bundle_name):
                bundle = self.env["ir.qweb"]._get_asset_bundle(bundle_name, js=False)
                styles = bundle.preprocess_css()
                self.assertFalse(bundle.css_errors)
                self.assertIn(".o_dunning_figures", styles)
