"""./dev suites [suite …] [--learn]: tests of Odoo and of others, with our addons installed.

What fails is compared with the kept list of what fails without our addons, in devtools/suites.
"""

import argparse
import re
import subprocess

from . import databases, odoo_env
from .base import DEVTOOLS, DevError, free_port, log_file, say

OURS = "dunning_exclusion"
LISTS = DEVTOOLS / "suites"
FAILED = re.compile(r" ERROR \S+ \S+: (?:FAIL|ERROR): (?:Subtest )?(setUp\w+ \(.*?\)|\S+)")
COUNTED = re.compile(r" odoo\.tests\.result: .* of (\d+) tests")
# Odoo runs most tests of these while ours are not loaded yet, so they would not meet them: here
# they run when everything is. The tests of base that run at the end need other addons.
RUN_LOADED = """
import logging
from odoo.service import server
from odoo.tests import loader
from odoo.tools import config
config["test_tags"] = TAGS
config["test_enable"] = True
server.server.http_spawn()
suite = loader.make_suite([SUITE], "at_install")
if SUITE != "base":
    suite.addTests(loader.make_suite([SUITE], "post_install"))
result = loader.run_suite(suite)
logging.getLogger("odoo.tests.result").info("%s", result)
"""
LOADED = ("portal", "mail", "digest", "account_payment", "base")
BASE = "views acl ir_model ir_module module install uninstall menu"
# addons of others, each with a bridge of ours
PEERS = ("account_credit_control", "queue_job")
SUITES = ("account", *LOADED, *PEERS)


def run(arguments):
    parser = argparse.ArgumentParser(prog="./dev suites", description=__doc__)
    learn = "run what fails without our addons, and keep the list"
    parser.add_argument("--learn", action="store_true", help=learn)
    parser.add_argument("suites", nargs="*", metavar="suite", help=", ".join(SUITES))
    options = parser.parse_args(arguments)
    if unknown := set(options.suites) - set(SUITES):
        raise DevError(f"There is no suite {', '.join(sorted(unknown))}: see ./dev suites --help.")
    results = [check(name, options.learn) for name in options.suites or SUITES]
    return 0 if all(results) else 1


def check(suite, learn):
    """Run one suite with our addons; return whether nothing fails but what fails without them."""
    peers = [suite] if suite in PEERS else []
    run_count, failing = run_suite(suite, [*our_addons(peers), *peers])
    path = LISTS / f"{suite}.txt"
    if learn:
        known = failing & run_suite(suite, peers)[1] if failing else ()
        path.write_text("".join(f"{test}\n" for test in sorted(known)))
    ours = sorted(failing - set(path.read_text().splitlines() if path.exists() else ()))
    for test in ours:
        print(f"{suite}: {test} fails with our addons only")
    print(f"{suite}: {run_count} tests, {len(failing)} fail, {len(ours)} of them because of us")
    return bool(run_count) and not ours


def our_addons(peers):
    """Return our addons that can be installed with these peers."""
    bridges = {peer: f"{OURS}_{peer.removeprefix('account_')}" for peer in peers}
    return [OURS, *(name for name in bridges.values() if name in odoo_env.manifests())]


def run_suite(suite, modules):
    """Return (number of tests run, names of those that fail) in a new database."""
    log = log_file(f"suite_{suite}.log")
    log.write_text("")
    say(f"Running {suite} with {', '.join(modules) or 'Odoo alone'} … (log: {log})")
    tests = [f"/base/tests/test_{name}.py" for name in BASE.split()]
    tags = ",".join(tests if suite == "base" else [f"/{suite}"])
    command = ["server", "--test-tags", tags, "--stop-after-init"]
    command = ["shell"] if suite in LOADED else command
    with databases.temporary(databases.template(), f"_suite_{suite}") as name:
        if modules:
            databases.install(name, modules)
        command += ["-d", name, "--logfile", log, "--http-port", free_port()]
        script = RUN_LOADED.replace("TAGS", repr(tags)).replace("SUITE", repr(suite))
        nothing = subprocess.DEVNULL
        odoo_env.run(*command, input=script, text=True, stdout=nothing, stderr=nothing)
    return read(log.read_text(errors="replace"))


def read(text):
    """Return (number of tests run, names of those that fail) of a log."""
    count = COUNTED.findall(text)
    return int(count[-1]) if count else 0, set(FAILED.findall(text))
