"""./dev test [selection …] [options of pytest]: every test, or those that are named."""

import argparse
import ast
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from . import databases, odoo_env, packages, postgres
from .base import ROOT, DevError, cache, fingerprint, log_file, running

# tests of this environment, and of processes; all others are tests of addons
PLAIN = ("tests_dev", "tests_process")
ENDS = re.compile(r"^.*(?:passed|failed|error|skipped|no tests ran).* in [\d.]+s.*$", re.MULTILINE)
SUMMARY = re.compile(r"(\d+) (passed|failed|error|skipped)")
# Odoo's tests of accounting make this company anew for each class, which takes seconds.
COMPANY = """
company = env["res.company"].create({"name": "company_1_data"})
env["account.chart.template"].try_loading("generic_coa", company=company, install_demo=False)
company.account_fiscal_country_id = company.account_fiscal_country_id or env.ref("base.us")
env.cr.commit()
"""
NAMES = re.compile(r"(?:class|def) (\w+)")
TOUR = re.compile(r"\baddTour\(\s*\W(\w+)")


def run(arguments):
    options, more = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_args: sys.exit(143))
    packages.ensure_programs((*packages.SCREENS, "poppler-utils"))
    paths = [path for word in options.selection for path in paths_of(word)]
    plain = [path for path in paths if path.startswith(PLAIN)] if paths else list(PLAIN)
    addons = [path for path in paths if path not in plain] if paths else list(odoo_env.manifests())
    more += ["-o", f"cache_dir={cache('pytest', fingerprint(ROOT))}"]
    more += [] if options.random else ["-p", "no:randomly"]
    with contextlib.ExitStack() as stack:
        branches = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        # Side by side: each of them keeps about one processor busy.
        runs = [stack.enter_context(run_plain(plain, more))] if plain else []
        if addons:
            runs.insert(0, stack.enter_context(run_addons(addons, options, more, branches)))
        count = sum((shown(*run) for run in runs), Counter())
        if counted := list(branches.iterdir()):
            command = ["slipcover", "--branch", "--skip-covered", "--out", cache("branches.json")]
            subprocess.run([sys.executable, "-m", *command, "--merge", *counted], cwd=ROOT)
    skipped = f", {count['skipped']} skipped" if count["skipped"] else ""
    print(f"{count['passed']} passed, {count['failed']} failed{skipped}", flush=True)
    return 1 if count["failed"] else 0


def parse(arguments):
    """Return (our own options, those that are passed to pytest)."""
    parser = argparse.ArgumentParser(
        prog="./dev test",
        description=__doc__,
        epilog="Any other option goes to pytest, for example -x, --lf or --durations=5.",
    )
    add = parser.add_argument
    add("--with", **databases.OTHERS, help="install these modules too: sale,account_payment")
    add("--random", action="store_true", help="run the tests in a random order")
    add("--coverage", action="store_true", help="print which branches of the addons were run")
    add("-k", metavar="EXPRESSION", help="run the tests whose names match")
    names = "addon, file, class, Class.method, method, or pytest's names"
    add("selection", nargs="*", help=names)
    options, more = parser.parse_known_args(arguments)
    options.selection += [word for word in more if not word.startswith("-")]
    more = [word for word in more if word.startswith("-")]
    return options, more + (["-k", options.k] if options.k else [])


def paths_of(word):
    """Return pytest's names for an addon, file, class or method, given by path or bare name."""
    path = (ROOT / word.split("::")[0]).resolve()
    if path.suffix == ".js" and path.is_file():
        return opening(path)
    if path.exists() and ROOT in path.parents:
        return [word.rstrip("/")]
    wanted = word.replace("::", ".").split(".")
    found = []
    for path in sorted([*ROOT.glob("*/tests/test_*.py"), *ROOT.glob("tests_*/test_*.py")]):
        text = path.read_text()
        if wanted[-1] in (path.stem, *NAMES.findall(text)):
            for inside in ((), *defined(ast.parse(text))):
                if [path.stem, *inside][-len(wanted) :] == wanted:
                    found.append("::".join([str(path.relative_to(ROOT)), *inside]))
    if not found:
        raise DevError(f"No addon, test file, class or test method is called {word!r}.")
    return found


def defined(node):
    """Yield the path of names of each class, method and function of a syntax node."""
    for inside in node.body:
        if isinstance(inside, (ast.ClassDef, ast.FunctionDef)):
            yield (inside.name,)
        if isinstance(inside, ast.ClassDef):
            yield from ((inside.name, *names) for names in defined(inside))


def opening(path):
    """Return the Python tests that open a tour or a hoot test file in the browser."""
    marks = TOUR.findall(path.read_text()) or ["/web/tests"]
    addon = ROOT / path.relative_to(ROOT).parts[0]
    tests = sorted(addon.glob("tests/test_*.py"))
    found = [test for test in tests if any(mark in test.read_text() for mark in marks)]
    if not found:
        raise DevError(f"No Python test of {addon.name} opens {path.name} in the browser.")
    return [str(test.relative_to(ROOT)) for test in found]


def needed_addons(paths):
    """Return our addons that these tests need: their own, and what those depend on."""
    needed, waiting = [], [path.split("/")[0] for path in paths]
    for addon in waiting:
        if addon in odoo_env.manifests() and addon not in needed:
            needed.append(addon)
            waiting += odoo_env.manifests()[addon].get("depends", [])
    return sorted(needed)


@contextlib.contextmanager
def run_plain(paths, more):
    """Run tests of the environment; yield the process and its log."""
    command = [sys.executable, "-m", "pytest", "-p", "no:odoo", "-p", "no:logging", *more, *paths]
    log = log_file(f"plain-{os.getpid()}.log")
    with running(command, log, cwd=ROOT) as process:
        yield process, log


@contextlib.contextmanager
def run_addons(paths, options, more, branches):
    """Run tests of addons in a copy of a database with the addons; yield process and log."""
    python, _source, env = odoo_env.environment()
    origin = databases.prepared(needed_addons(paths), options.others)
    with databases.temporary(origin) as name:
        command = ["pytest", "--odoo-http", "--odoo-log-level=warn", f"--odoo-database={name}"]
        if any((ROOT / path).is_dir() for path in paths):
            # Each worker has a copy of the database, which pytest-odoo makes with createdb.
            command += ["-n2", "--dist=loadscope"]
            databases.shell(name, COMPANY)
            env = {**env, "PATH": f"{postgres.binaries()}{os.pathsep}{env['PATH']}"}
        if options.coverage:
            command += ["-p", "devtools.branches"]
            env = {**env, "DUNNING_BRANCHES": str(branches)}
        # Without Node.js only the tests that need axe fail, and say so.
        if shutil.which("npm"):
            axe = packages.node() / "node_modules/axe-core/axe.min.js"
            env = {**env, "DUNNING_AXE": str(axe)}
        command, log = [python, "-m", *command, *more, *paths], log_file(f"{name}.log")
        with running(command, log, cwd=ROOT, env=env) as process:
            yield process, log


def shown(process, log):
    """Print what a program writes until it ends; return the counts of pytest's summary.

    Whoever ends badly, or tests nothing, failed at least once.
    """
    with log.open(errors="replace") as file:
        ended, last = False, ""
        while not ended:
            ended = process.poll() is not None
            text = file.read()
            print(text, end="", flush=True)
            last = (ENDS.findall(text) or [last])[-1]
            time.sleep(0 if ended else 0.2)
    count = Counter({kind: int(number) for number, kind in SUMMARY.findall(last)})
    count["failed"] += count.pop("error", 0)
    if not count["failed"] and (process.returncode or not count["passed"]):
        count["failed"] = 1
    return count
