"""./dev wheels [FOLDER]: the addons as wheels, their hashes, and a bill of materials.

What is built depends on the commit only: building twice gives the same files.
"""

import argparse
import hashlib
import os
import subprocess
from pathlib import Path

from . import packages
from .base import ROOT, cache, say

# What is delivered needs nothing but Odoo and other addons. These are the packages with which it is
# run, checked and built here.
LOCKED = ("", "-lint", "-build")


def run(arguments):
    parser = argparse.ArgumentParser(prog="./dev wheels", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=cache("dist"))
    folder = parser.parse_args(arguments).folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    build(folder)
    for name in LOCKED:
        bill(folder, name)
    files = sorted(path for path in folder.iterdir() if path.suffix in (".whl", ".json"))
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(sums))
    print("".join(sums), end="")
    say(f"The wheels are in {folder}.")


def addons():
    """Return our addons that are for others; those of our tests are not packaged."""
    return sorted(path.parent.name for path in ROOT.glob("*/pyproject.toml"))


def build(folder, source=ROOT):
    """Build the wheels of the addons in `source`, dated by the last commit."""
    command = ["git", "log", "-1", "--format=%ct"]
    date = subprocess.run(command, cwd=source, check=True, capture_output=True, text=True)
    env = {
        **os.environ,
        "SOURCE_DATE_EPOCH": date.stdout.strip(),
        # the version of the manifest, without the number of commits since: a shallow checkout
        # knows them not
        "WHOOL_POST_VERSION_STRATEGY_OVERRIDE": "none",
    }
    command = [packages.python("-build"), "-m", "pip", "wheel", "-q", "--no-deps"]
    command += ["--no-build-isolation", "-w", folder]
    for addon in addons():
        subprocess.run([*command, source / addon], check=True, env=env)


def bill(folder, name):
    """Write the bill of materials (CycloneDX) of one of the lock files."""
    path = folder / f"dunning_exclusion{name or '-odoo'}.cdx.json"
    program = packages.python("-build").parent / "cyclonedx-py"
    command = [program, "requirements", "--output-reproducible", "--of", "JSON", "-o", path]
    subprocess.run([*command, packages.requirements(name)], check=True)
