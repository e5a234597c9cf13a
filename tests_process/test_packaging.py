"""The addons as packages: wheels are built, installed, and found by Odoo."""

import json
import os
import re
import shutil
import subprocess
import zipfile

import pytest

from devtools import odoo_env, packages, wheels_command
from devtools.base import ROOT

ADDONS = wheels_command.addons()
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
    wheels_command.build(folder)
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


def test_building_again_elsewhere_gives_the_same_wheels(wheels, tmp_path):
    copy = tmp_path / "elsewhere"
    subprocess.run(["git", "clone", "-q", ROOT, copy], check=True)
    # as here: the files of this checkout, not those of its last commit
    for addon in ADDONS:
        shutil.rmtree(copy / addon)
        command = ["git", "ls-files", "-z", addon]
        known = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        for name in filter(None, known.stdout.split("\0")):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    again = tmp_path / "again"
    wheels_command.build(again, copy)
    built = {path.name: path.read_bytes() for path in again.iterdir()}
    assert built == {path.name: path.read_bytes() for path in wheels.values()}


def test_every_wheel_has_the_text_of_its_license(wheels):
    titles = {"LGPL-3": "GNU LESSER GENERAL", "AGPL-3": "GNU AFFERO GENERAL"}
    for addon, wheel in wheels.items():
        with zipfile.ZipFile(wheel) as archive:
            text = archive.read(f"odoo/addons/{addon}/LICENSE").decode()
            head = archive.read(f"odoo/addons/{addon}/__manifest__.py").decode()
        license = odoo_env.manifests()[addon]["license"]
        assert text.lstrip().startswith(titles[license])
        assert f"SPDX-License-Identifier: {license}.0-only" in head


def test_a_bill_of_materials_names_every_pinned_package(tmp_path):
    for name in wheels_command.LOCKED:
        wheels_command.bill(tmp_path, name)
        (path,) = tmp_path.glob("*.cdx.json")
        bill = json.loads(path.read_text())
        found = {(part["name"], part["version"]) for part in bill["components"]}
        lock = packages.requirements(name).read_text()
        pinned = set(re.findall(r"^([\w.-]+)(?:\[.*\])?==([^\s;]+)", lock, re.MULTILINE))
        assert pinned and found == pinned
        assert all(part["hashes"] for part in parts(bill))
        path.unlink()


def parts(bill):
    """Return the references of a bill of materials that name files."""
    return [
        reference
        for component in bill["components"]
        for reference in component["externalReferences"]
    ]


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
    pip = [packages.python("-build"), "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
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
