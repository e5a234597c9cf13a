"""A plugin of pytest that counts which lines and branches of our addons were run.

Slipcover puts its probes into our own modules only; coverage.py traces every call, so Odoo's own
work would take twice as long. Each process, also of
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

# No probe is met that often, so none is taken out again: slipcover would compare all variables of
# all modules that are at work, and those of templates contain themselves.
COUNTED = slipcover.Slipcover(branch=True, d_miss_threshold=2**30)


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
