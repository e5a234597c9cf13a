"""The tests of the addons can be imported wherever Odoo can: they need nothing else."""

import ast
import re
import sys
from importlib.metadata import packages_distributions

from devtools import odoo_env
from devtools.base import DEVTOOLS, ROOT


def imported(tree):
    """Return the top packages of the absolute imports of a syntax tree."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module)
    return {name.split(".")[0] for name in names}


def pins_of_odoo():
    """Return the names of the packages that Odoo itself needs."""
    pins = (DEVTOOLS / "requirements.in").read_text().split("# Odoo 19\n")[1].split("\n#")[0]
    return {name.lower() for name in re.findall(r"^([\w-]+)==", pins, re.MULTILINE)}


def test_tests_of_addons_import_what_odoo_needs_or_their_manifest_names():
    known, odoo, packages = set(sys.stdlib_module_names), pins_of_odoo(), packages_distributions()
    files = sorted(ROOT.glob("*dunning_exclusion*/tests/*.py"))
    assert len(files) > 10 and len(odoo) > 30
    foreign = {}
    for path in files:
        addon = odoo_env.manifests()[path.relative_to(ROOT).parts[0]]
        declared = {"odoo", *addon.get("external_dependencies", {}).get("python", [])}
        for name in imported(ast.parse(path.read_text())) - known - declared:
            if not {package.lower() for package in packages.get(name, [])} & odoo:
                foreign[str(path.relative_to(ROOT))] = name
    assert foreign == {}
