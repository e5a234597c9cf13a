"""./dev test [--keep-db] [selection …]: every test, or just some on a prepared database."""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

from . import databases, machine, odoo_env, postgres, venv
from .base import ROOT, log_file, say
from .test_results import Results
from .test_selection import needed_addons, split

PYTEST_FOLDERS = (ROOT / "tests_dev", ROOT / "tests_process")
PYTEST_OPTIONS = ("-q", "-p", "no:odoo", "-p", "no:cacheprovider", "-p", "no:logging")
PREFIX = "dunning_test_"
KEPT_PREPARED = 12


def run(arguments):
    options = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_args: sys.exit(143))
    started = time.monotonic()
    machine.ensure(machine.TESTS)
    results = Results()
    paths, tags = split(options.selection)
    everything = not options.selection
    if everything:
        paths = [folder for folder in PYTEST_FOLDERS if folder.is_dir()]
    # Side by side: each of them keeps about one processor busy.
    with pytest_beside(paths, results):
        if tags or everything:
            run_odoo(tags, options, results)
    if not sum(results.count.values()):
        results.fail("No test ran.")
    for report in results.reports:
        print(f"{'-' * 70}\n{report}")
    print(f"{time.monotonic() - started:.0f} s")
    print(results.last_line(), flush=True)
    return 1 if results.count["failed"] else 0


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./dev test", description=__doc__)
    parser.add_argument("--keep-db", action="store_true", help="keep the database of this run")
    parser.add_argument(
        "--with",
        dest="others",
        metavar="MODULES",
        default="",
        help="install these modules too, for example sale,account_payment",
    )
    parser.add_argument(
        "selection",
        nargs="*",
        help="addon, test file, class, Class.method, method, or file::Class::method",
    )
    return parser.parse_args(arguments)


def run_odoo(tags, options, results):
    """Run Odoo's own test runner: on new databases for everything, else on a copy."""
    addons = odoo_env.testable_addons()
    others = [name for name in options.others.split(",") if name]
    drop_left_overs()
    name = f"{PREFIX}{os.getpid()}"
    if tags:
        needed = [addon for addon in needed_addons(tags) if addon in addons]
        origin, arguments = prepared(needed, others), []
    else:
        origin, arguments = databases.template(), ["-i", ",".join(addons + others)]
        tags = [f"/{addon}" for addon in addons]
    postgres.create(name, origin)
    try:
        log = log_file(f"{name}.log")
        say(f"Running tests of {', '.join(tags)} … (log: {log})")
        arguments += ["--test-tags", ",".join(tags)]
        code = serve_tests(name, arguments, log)
        if not results.add_odoo_log(log.read_text(errors="replace"), code):
            results.fail(f"No test of Odoo ran for {', '.join(tags)} (log: {log}).")
    finally:
        if options.keep_db:
            say(f"Database kept: {name}")
        else:
            postgres.drop(name)


def serve_tests(name, arguments, log):
    log.unlink(missing_ok=True)
    command = odoo_env.command("server", "-d", name, *arguments, "--stop-after-init")
    command += ["--http-port", str(free_port()), "--logfile", str(log)]
    with log_file(f"{name}.out").open("wb") as output:
        with running(command, output, env=odoo_env.environment()[2]) as process:
            code = process.wait()
    log.touch()
    return code


def prepared(addons, others=()):
    """Return the database with our addons installed as they are now, made when needed.

    :param others: modules to install beside them
    """
    name = f"dunning_prepared_{databases.installed_key(addons, others)}"
    modules = [*addons, *others]
    message = f"Installing {', '.join(modules)} …"
    databases.build(
        name, databases.template(), message, lambda draft: databases.install(draft, modules)
    )
    drop_old_prepared()
    return name


def drop_old_prepared():
    """Keep the newest prepared databases: several checkouts may share the cluster."""
    query = "SELECT datname FROM pg_database WHERE datname ~ '^dunning_prepared_[0-9a-f]+$'"
    for (name,) in postgres.execute(f"{query} ORDER BY oid DESC OFFSET {KEPT_PREPARED}"):
        postgres.drop(name)


def drop_left_overs():
    """Drop the databases of test runs that were killed."""
    for name in postgres.databases():
        pid = name[len(PREFIX) :]
        if name.startswith(PREFIX) and pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
            postgres.drop(name)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@contextlib.contextmanager
def pytest_beside(paths, results):
    """Run the tests of `paths` by pytest while the block runs, and add up what they found."""
    if not paths:
        yield
        return
    report = log_file(f"pytest-{os.getpid()}.xml")
    command = [venv.ensure(), "-m", "pytest", *PYTEST_OPTIONS, f"--junitxml={report}", *paths]
    log = log_file(f"pytest-{os.getpid()}.out")
    with log.open("wb") as output, running(command, output, cwd=ROOT) as process:
        yield
        code = process.wait()
    results.add_pytest_report(report, log.read_text(errors="replace"), code)
    report.unlink(missing_ok=True)


@contextlib.contextmanager
def running(command, output, **options):
    """Start a program for as long as the block; it is stopped when the block fails."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options
    )
    try:
        yield process
    except BaseException:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        raise
