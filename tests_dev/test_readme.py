"""The READMEs of the addons are what their fragments say, and what shops show is there."""

import re

import pytest

from devtools import odoo_env, readme_command
from devtools.base import ROOT

PUBLISHED = [addon for addon in odoo_env.manifests() if not addon.startswith("test_")]


@pytest.mark.parametrize("addon", PUBLISHED)
def test_readme_is_made_from_its_fragments(addon):
    manifest = odoo_env.manifests()[addon]
    readme = (ROOT / addon / "README.md").read_text()
    assert readme == readme_command.readme(addon, manifest), "run ./dev readme"
    assert f"# {manifest['name']}" in readme
    assert len(readme) > 500


@pytest.mark.parametrize("addon", PUBLISHED)
def test_fragments_are_what_the_generator_of_the_oca_accepts(addon):
    folder = ROOT / addon / "readme"
    for name in ("DESCRIPTION", "CONTRIBUTORS", "CREDITS", "HISTORY"):
        assert (folder / f"{name}.md").exists(), name
    for path in folder.glob("*.md"):
        before = 1
        for heading in re.findall(r"^(#+) ", path.read_text(), re.MULTILINE):
            assert 2 <= len(heading) <= before + 1, f"{path.name}: a heading skips a level"
            before = len(heading)


@pytest.mark.parametrize("addon", PUBLISHED)
def test_what_shops_show_is_there(addon):
    manifest = odoo_env.manifests()[addon]
    assert manifest["maintainers"]
    assert manifest["development_status"] in ("Alpha", "Beta", "Production/Stable", "Mature")
    assert manifest["images"]
    description = ROOT / addon / "static/description"
    page = (description / "index.html").read_text()
    shown = {f"static/description/{name}" for name in re.findall(r'src="([^"]+)"', page)}
    for name in {"static/description/icon.png", *manifest["images"], *shown}:
        assert (ROOT / addon / name).exists(), name


def test_every_addon_has_an_icon_of_its_own():
    icons = [(ROOT / addon / "static/description/icon.png").read_bytes() for addon in PUBLISHED]
    assert len(set(icons)) == len(PUBLISHED)


@pytest.mark.parametrize("addon", PUBLISHED)
def test_the_changelog_begins_with_the_version_and_its_day(addon):
    history = (ROOT / addon / "readme/HISTORY.md").read_text()
    version = re.escape(odoo_env.manifests()[addon]["version"])
    assert re.match(rf"## {version} \(\d{{4}}-\d\d-\d\d\)\n", history)
