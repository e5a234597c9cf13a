"""The addons as packages: wheels are built, installed, and found by Odoo."""

import os
import re
import subprocess
import zipfile

import pytest

from devtools import odoo_env, venv
from devtools.base import ROOT

# our addons that are for others; those of our tests are not packaged
ADDONS = sorted(path.parent.name for path in ROOT.glob("*/pyproject.toml"))
# printed for each addon that Odoo finds without being told where
FIND = """
import sys
import odoo.tools
odoo.tools.config.parse_config(["--addons-path", sys.argv[1]])
from odoo.modules.module import Manifest
for addon in sys.argv[2:]:
    print(addon, Manifest.for_addon(addon).path)
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Return {addon: its wheel}, built as a packager would."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = [venv.ensure("-build"), "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    for addon in ADDONS:
        subprocess.run([*pip, "-w", folder, ROOT / addon], check=True)
    return {re.match(r"odoo_addon_(\w+)-", path.name)[1]: path for path in folder.glob("*.whl")}


def test_every_addon_has_a_wheel_with_all_its_files(wheels):
    assert sorted(wheels) == ADDONS
    for addon, wheel in wheels.items():
        with zipfile.ZipFile(wheel) as archive:
            packed = set(archive.namelist())
        command = ["git", "ls-files", addon]
        known = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        files = {f"odoo/addons/{name}" for name in known.stdout.split()}
        assert files - packed == {f"odoo/addons/{addon}/pyproject.toml"}


def test_the_version_and_license_are_those_of_the_manifest(wheels):
    for addon, wheel in wheels.items():
        with zipfile.ZipFile(wheel) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
            metadata = archive.read(name).decode()
        manifest = odoo_env.manifests()[addon]
        assert re.search(r"^Version: (\S+)", metadata, re.M)[1].startswith(manifest["version"])
        assert re.search(r"^License(-Expression)?: (\S+)", metadata, re.M)[2] == manifest["license"]
        for needed in set(manifest["depends"]) & set(wheels):
            assert re.search(rf"^Requires-Dist: odoo-addon-{needed}\b", metadata, re.M)


def test_odoo_finds_the_installed_packages(wheels, tmp_path):
    pip = [venv.ensure("-build"), "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", tmp_path, *wheels.values()], check=True)
    python, source, env = odoo_env.environment()
    path = os.pathsep.join(map(str, (source.python_path, tmp_path)))
    found = subprocess.run(
        [python, "-c", FIND, ",".join(map(str, source.addons)), *ADDONS],
        env={**env, "PYTHONPATH": path, "ODOO_RC": os.devnull},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    expected = [f"{addon} {tmp_path / 'odoo/addons' / addon}" for addon in ADDONS]
    assert found.stdout.splitlines() == expected
