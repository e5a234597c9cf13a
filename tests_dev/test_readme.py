"""The READMEs of the addons are what their fragments say."""

import pytest

from devtools import docs_commands, odoo_env
from devtools.base import ROOT

PUBLISHED = [addon for addon in odoo_env.manifests() if not addon.startswith("test_")]


@pytest.mark.parametrize("addon", PUBLISHED)
def test_readme_is_made_from_its_fragments(addon):
    manifest = odoo_env.manifests()[addon]
    readme = (ROOT / addon / "README.md").read_text()
    assert readme == docs_commands.readme(addon, manifest), "run ./dev readme"
    assert f"# {manifest['name']}" in readme
    assert len(readme) > 500
