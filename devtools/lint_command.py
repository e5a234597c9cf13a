"""./dev lint [--fix] [--only HOOK] [file …]: the hooks of pre-commit, on the files git knows.

Like every hook of pre-commit they repair what can be repaired, and fail when they did.
"""

import argparse
import os
import shutil
import subprocess

from . import packages
from .base import ROOT, DevError, cache

XML_PLUGIN = "node_modules/@prettier/plugin-xml/src/plugin.js"


def run(arguments):
    parser = argparse.ArgumentParser(prog="./dev lint", description=__doc__)
    parser.add_argument("--fix", action="store_true", help="check again what was repaired")
    parser.add_argument("--only", metavar="HOOK", help="see .pre-commit-config.yaml")
    parser.add_argument("files", nargs="*", help="check these files instead of all")
    options = parser.parse_args(arguments)
    hooks = [options.only] if options.only else []
    files = options.files or known_files()
    command = [packages.python("-lint"), "-m", "pre_commit", "run", *hooks, "--files", *files]
    env = {**os.environ, "PRE_COMMIT_HOME": str(cache("pre-commit"))}
    code = subprocess.run(command, cwd=ROOT, env=env).returncode
    if code and options.fix:
        code = subprocess.run(command, cwd=ROOT, env=env).returncode
    return code


def known_files():
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise DevError("./dev lint needs git, in a git checkout.")
    return sorted(name for name in set(done.stdout.split("\0")) if (ROOT / name).is_file())


def run_tool(arguments):
    """Run one of the pinned tools; hooks call it, so that they work from everywhere."""
    name, *rest = arguments or [""]
    if name == "prettier":
        # the plugin is beside prettier, not beside the files
        rest.insert(0, f"--plugin={packages.node() / XML_PLUGIN}")
    folders = (packages.python("-lint").parent, packages.node() / "node_modules/.bin")
    program = shutil.which(name, path=os.pathsep.join(map(str, folders)))
    if not program:
        raise DevError(f"{name} is none of the pinned tools.")
    os.execv(program, [program, *rest])
