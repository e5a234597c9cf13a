"""A plugin of pytest that counts which lines and branches of our addons were run.

Slipcover puts its probes into our own modules only, and takes them out again when they were met;
coverage.py traces every call, so Odoo's own work would take twice as long. Each process, also of
pytest-xdist, writes what it has counted into the folder that DUNNING_BRANCHES names.
"""

import json
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder
from pathlib import Path

import slipcover
from slipcover.importer import SlipcoverLoader

COUNTED = slipcover.Slipcover(branch=True)


class Finder(MetaPathFinder):
    """Finds the modules of our addons, without their tests, for the loader that adds the probes."""

    def find_spec(self, name, path, target=None):
        if "dunning_exclusion" not in name or ".tests" in name:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec and spec.origin:
            spec.loader = SlipcoverLoader(COUNTED, spec.loader, spec.origin)
        return spec


sys.meta_path.insert(0, Finder())


def pytest_sessionfinish():
    file = Path(os.environ["DUNNING_BRANCHES"], f"{os.getpid()}.json")
    file.write_text(json.dumps(COUNTED.get_coverage()))
