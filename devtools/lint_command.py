"""./dev lint [--fix] [--only TOOL] [file …]: every checker, on the files git knows or would add."""

import argparse
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import venv
from .base import DEVTOOLS, ROOT, DevError, complete_folder, fingerprint, run_logged
from .odoo_env import manifests

XML_PLUGIN = "node_modules/@prettier/plugin-xml/src/plugin.js"
GENERATED = ("/static/lib/", "/static/description/")


def run(arguments):
    parser = argparse.ArgumentParser(prog="./dev lint", description=__doc__)
    parser.add_argument("--fix", action="store_true", help="repair what can be repaired")
    parser.add_argument("--only", choices=TOOLS, help="run one checker")
    parser.add_argument("files", nargs="*", help="check these files instead of all")
    options = parser.parse_args(arguments)
    files = [path for path in options.files or known_files() if not is_generated(path)]
    names = [options.only] if options.only else list(TOOLS)
    commands = {name: TOOLS[name](files, options.fix) for name in names}
    # repairs in the order of the tools; mere checks side by side
    with ThreadPoolExecutor(max_workers=1 if options.fix else os.cpu_count()) as pool:
        codes = list(pool.map(check, commands.items()))
    return 1 if any(codes) else 0


def check(item):
    """Run the commands of one checker; print what it says when it finds something."""
    name, commands = item
    started, code, output = time.monotonic(), 0, ""
    for command in commands:
        done = subprocess.run(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        code = code or done.returncode
        output += done.stdout if done.returncode else ""
    state = "failed" if code else "ok" if commands else "nothing to check"
    print(f"{output}{name}: {state} ({time.monotonic() - started:.0f} s)", flush=True)
    return code


def known_files():
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise DevError("./dev lint needs git, in a git checkout.")
    return sorted(name for name in set(done.stdout.split("\0")) if (ROOT / name).is_file())


def is_generated(path):
    return any(part in f"/{path}" for part in GENERATED)


def ending(files, *suffixes):
    return [name for name in files if Path(name).suffix in suffixes]


def program(name):
    return venv.ensure("-lint").parent / name


def node(script):
    """Return the command that runs a script of the pinned npm packages."""
    pins = [DEVTOOLS / "package.json", DEVTOOLS / "package-lock.json"]
    if not shutil.which("npm"):
        raise DevError("Please install Node.js 20 or newer with npm (for prettier and eslint).")
    folder = complete_folder(
        "node", fingerprint(*pins), "Installing prettier and eslint …", lambda to: npm(to, pins)
    )
    return folder, ["node", folder / "node_modules" / script]


def npm(folder, pins):
    for path in pins:
        shutil.copy(path, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    run_logged(command, "npm.log", "npm cannot install: is the network up?", cwd=folder)


def ruff(files, fix):
    names = [name for name in files if Path(name).suffix == ".py" or name == "dev"]
    if not names:
        return []
    tool = program("ruff")
    check_command = [tool, "check", "-q", "--no-cache", *(["--fix"] if fix else []), *names]
    diff = [] if fix else ["--diff"]
    return [check_command, [tool, "format", "-q", "--no-cache", *diff, *names]]


def in_addons(files):
    return [name for name in files if name.split("/")[0] in manifests()]


def pylint(files, _fix):
    names = ending(in_addons(files), ".py")
    # a package is checked whole: its manifest and data files with it
    addons = sorted({name.split("/")[0] for name in names})
    return [[program("pylint"), "--rcfile=.pylintrc", *addons]] if addons else []


def modules(files, fix):
    addons = sorted({name.split("/")[0] for name in in_addons(files)})
    # people read README.md here and on every code host
    options = ["--disable=prefer-readme-rst", *(["--fix"] if fix else [])]
    return [[program("oca-checks-odoo-module"), *options, *addons]] if addons else []


def translations(files, fix):
    names = ending(files, ".po", ".pot")
    options = ["--fix"] if fix else []
    return [[program("oca-checks-po"), *options, *names]] if names else []


def prettier(files, fix):
    names = ending(files, ".js", ".mjs", ".xml", ".css", ".scss", ".yaml", ".yml", ".json")
    if not names:
        return []
    folder, command = node("prettier/bin/prettier.cjs")
    mode = "--write" if fix else "--check"
    plugin = f"--plugin={folder / XML_PLUGIN}"
    return [[*command, plugin, mode, "--log-level=warn", "--no-error-on-unmatched-pattern", *names]]


def eslint(files, fix):
    names = ending(files, ".js", ".mjs")
    if not names:
        return []
    options = ["--fix"] if fix else []
    return [[*node("eslint/bin/eslint.js")[1], "--max-warnings=0", *options, *names]]


TOOLS = {
    "ruff": ruff,
    "pylint": pylint,
    "modules": modules,
    "translations": translations,
    "prettier": prettier,
    "eslint": eslint,
}
