"""./dev suites [suite …] [--learn]: tests of Odoo and of others, with our addons installed.

What fails is compared with the kept list of what fails without our addons, in devtools/suites.
"""

import argparse
import os
import re
import subprocess

from . import databases, odoo_env, postgres
from .base import DEVTOOLS, free_port, log_file, running, say
from .test_command import PREFIX, drop_left_overs

OURS = "dunning_exclusion"
LISTS = DEVTOOLS / "suites"
FAILED = re.compile(r" ERROR \S+ \S+: (?:FAIL|ERROR): (?:Subtest )?(setUp\w+ \(.*?\)|\S+)")
COUNTED = re.compile(r" odoo\.tests\.result: .* of (\d+) tests")
# Odoo runs the tests of base while nothing else is loaded, so they would not meet our addons:
# here they run when everything is.
LOADED = {"base"}
RUN_LOADED = """
import logging
from odoo.tests import loader
from odoo.tools import config
config["test_tags"] = TAGS
result = loader.run_suite(loader.make_suite([MODULE], "at_install"))
logging.getLogger("odoo.tests.result").info("%s", result)
"""
# suite: (modules it needs besides Odoo's accounting, what is run in the words of --test-tags)
SUITES = {
    "account": ([], ["/account"]),
    "base": (
        [],
        [
            "/base/tests/test_views.py",
            "/base/tests/test_acl.py",
            "/base/tests/test_ir_model.py",
            "/base/tests/test_ir_module.py",
            "/base/tests/test_module.py",
            "/base/tests/test_install.py",
            "/base/tests/test_uninstall.py",
            "/base/tests/test_menu.py",
        ],
    ),
    "account_credit_control": (["account_credit_control"], ["/account_credit_control"]),
    "queue_job": (["queue_job"], ["/queue_job"]),
}


def run(arguments):
    parser = argparse.ArgumentParser(prog="./dev suites", description=__doc__)
    parser.add_argument(
        "--learn", action="store_true", help="run what fails without our addons, and keep the list"
    )
    parser.add_argument("suites", nargs="*", metavar="suite", help=", ".join(SUITES))
    options = parser.parse_args(arguments)
    unknown = set(options.suites) - set(SUITES)
    if unknown:
        parser.error(f"no such suite: {', '.join(sorted(unknown))}")
    drop_left_overs()
    results = [check(name, options.learn) for name in options.suites or SUITES]
    return 0 if all(results) else 1


def check(suite, learn):
    """Run one suite with our addons; return whether nothing fails but what fails without them."""
    peers, tags = SUITES[suite]
    run_count, failing = run_suite(suite, [*our_addons(peers), *peers], tags)
    if learn:
        only = sorted({tag_of(test) for test in failing})
        known = run_suite(suite, peers, only)[1] if failing else set()
        LISTS.mkdir(exist_ok=True)
        (LISTS / f"{suite}.txt").write_text("".join(f"{test}\n" for test in sorted(known)))
    known = known_failures(suite)
    ours = sorted(failing - known)
    for test in ours:
        print(f"{suite}: {test} fails with our addons only")
    print(f"{suite}: {run_count} tests, {len(failing)} fail, {len(ours)} of them because of us")
    return bool(run_count) and not ours


def our_addons(peers):
    """Return our addons that can be installed with these peers."""
    bridges = {peer: f"{OURS}_{peer.removeprefix('account_')}" for peer in peers}
    return [OURS, *(name for name in bridges.values() if name in odoo_env.manifests())]


def known_failures(suite):
    path = LISTS / f"{suite}.txt"
    return set(path.read_text().split("\n")) - {""} if path.exists() else set()


def run_suite(suite, modules, tags):
    """Return (number of tests run, names of those that fail) of a new database."""
    name = f"{PREFIX}{os.getpid()}"
    postgres.create(name, databases.template())
    log = log_file(f"suite_{suite}.log")
    try:
        say(f"Running {suite} with {', '.join(modules) or 'Odoo alone'} … (log: {log})")
        if modules:
            databases.install(name, modules)
        if suite in LOADED:
            run_loaded(name, suite, tags, log)
        else:
            run_installed(name, tags, log)
        return read(log.read_text(errors="replace"))
    finally:
        postgres.drop(name)


def run_installed(name, tags, log):
    """Run the tests that Odoo runs after its modules are installed."""
    log.unlink(missing_ok=True)
    command = odoo_env.command("server", "-d", name, "--test-tags", ",".join(tags))
    command += ["--stop-after-init", "--http-port", str(free_port()), "--logfile", str(log)]
    with running(command, log_file(f"{name}.out"), env=odoo_env.environment()[2]) as process:
        process.wait()
    log.touch()


def run_loaded(name, module, tags, log):
    """Run the tests of a module with every installed module loaded."""
    log.unlink(missing_ok=True)
    odoo_env.run(
        *("shell", "-d", name, "--no-http", "--logfile", log),
        input=RUN_LOADED.replace("MODULE", repr(module)).replace("TAGS", repr(",".join(tags))),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    log.touch()


def read(text):
    """Return (number of tests run, names of those that fail) of a log."""
    count = COUNTED.findall(text)
    return int(count[-1]) if count else 0, set(FAILED.findall(text))


def tag_of(test):
    """Return the tag that runs a failing test again, for example that of Class.method."""
    if test.startswith("setUp"):
        # of a whole class: setUpClass (odoo.addons.account.tests.test_x.TestX)
        return ":" + test.rsplit(".", 1)[1].rstrip(")")
    class_name, method = test.split(".")[-2:]
    return f":{class_name}.{method}"
