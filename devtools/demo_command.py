"""./dev demo: Odoo with the addon, its demo data, a first run that is sent, and a mail catcher."""

import argparse
import contextlib
import fcntl
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

from . import databases, machine, odoo_env, postgres, venv
from .base import DEVTOOLS, DevError, cache, fingerprint, log_file, say

DATABASE = "dunning_demo"
ADDON = "dunning_exclusion"


def run(arguments):
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--no-serve", action="store_true", help="end after the first run")
    parser.add_argument("--fresh", action="store_true", help="start again with a new database")
    parser.add_argument("--port", type=int, help="port of the web client (8069 or the next free)")
    parser.add_argument(
        "--with",
        dest="others",
        metavar="MODULES",
        default="",
        help="a database of its own with these modules too, for example sale,l10n_fr",
    )
    options = parser.parse_args(arguments)
    others = [name for name in options.others.split(",") if name]
    name = f"{DATABASE}_{fingerprint(*others)}" if others else DATABASE
    with alone(), contextlib.ExitStack() as stack:
        port = choose_port(options.port, 8069)
        machine.ensure(machine.DEMO)
        folder = cache("demo", "mail")
        if options.fresh:
            postgres.drop(name)
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        database(name, others)
        smtp, pages = choose_port(None, 8025), choose_port(None, 8026)
        stack.enter_context(catcher(folder, smtp, pages))
        url = f"http://localhost:{port}"
        server = stack.enter_context(web_client(port, name))
        told = first_run(name, url, smtp)
        print(told, flush=True)
        if "\nSent (0)" in told:
            raise DevError("The first run sent nothing: try ./dev demo --fresh.")
        if options.no_serve:
            return 0
        print(f"Mail:       http://localhost:{pages}  (Ctrl-C ends both)", flush=True)
        return server.wait()


@contextlib.contextmanager
def alone():
    path = cache("locks", "demo")
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DevError("./dev demo is running already: end that one first.") from error
        yield


def choose_port(wanted, first):
    """Return the wanted port, which must be free, else the first free one."""
    for port in [wanted] if wanted else range(first, first + 100):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError, OverflowError):
                sock.bind(("127.0.0.1", port))
                return port
    raise DevError(f"Port {wanted or first} is taken: choose another one with --port.")


def database(name, others):
    """Make the demo database, or bring it up to date with the addon's sources."""
    key = databases.installed_key([ADDON], others)
    if name in postgres.databases():
        query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '%s'"
        if postgres.execute(query % name) == [[key]]:
            return
        say("Updating the demo database …")
        databases.install(name, [ADDON], "-u")
    else:
        databases.build(
            name,
            databases.template(),
            "Preparing the demo database …",
            lambda draft: fill(draft, others),
        )
    postgres.execute(f"COMMENT ON DATABASE {name} IS '{key}'")


def fill(name, others=()):
    """Install the addon with its demo data only, not that of Odoo's own addons.

    :param others: modules that are there before it
    """
    if others:
        databases.install(name, others)
    query = "UPDATE ir_module_module SET demo = %s WHERE state = 'installed' AND name != '%s'"
    postgres.execute(query % ("true", ADDON), name)
    databases.install(name, [ADDON])
    loaded = postgres.execute(f"SELECT demo FROM ir_module_module WHERE name = '{ADDON}'", name)
    if loaded != [["True"]]:
        raise DevError(f"The demo data cannot be loaded: see {log_file(name + '.log')}")
    postgres.execute(query % ("false", ADDON), name)
    # a person's data: a commit that was confirmed is on the disk
    postgres.execute(f"ALTER DATABASE {name} SET synchronous_commit = on")


@contextlib.contextmanager
def child(command, **options):
    """Run a process as long as the block."""
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        if process.stdin:
            process.stdin.close()
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        process.kill()
        process.wait()


@contextlib.contextmanager
def catcher(folder, smtp, pages):
    command = [venv.ensure(), DEVTOOLS / "catcher.py", folder, str(smtp), str(pages)]
    with log_file("catcher.log").open("w") as log:
        with child(command, stdin=subprocess.PIPE, stdout=log, stderr=log) as process:
            await_page(f"http://127.0.0.1:{pages}/", process, log.name)
            yield process


@contextlib.contextmanager
def web_client(port, database):
    command = odoo_env.command("server", "-d", database, "--http-port", port)
    command += ["--max-cron-threads", "1", "--db-filter", f"^{database}$"]
    env = odoo_env.environment()[2]
    with log_file(f"{database}.web.log").open("w") as log:
        streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        with child(command, env=env, **streams) as process:
            await_page(f"http://127.0.0.1:{port}/web/health", process, log.name)
            yield process


def await_page(url, process, log):
    for _attempt in range(300):
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            return urllib.request.urlopen(url, timeout=10).close()
        if process.poll() is not None:
            break
        time.sleep(0.2)
    raise DevError(f"{url} does not answer: see {log}")


def first_run(name, url, smtp):
    """Prepare and send the first run, unless that is done; return what is to be said."""
    script = (DEVTOOLS / "demo_run.py").read_text()
    variables = {**odoo_env.environment()[2], "DEMO_URL": url, "DEMO_SMTP_PORT": str(smtp)}
    output = databases.shell(name, script, "--- login", env=variables)
    told, login = output.split("--- demo", 1)[1].rsplit("--- login", 1)
    login = login.strip()
    return (
        f"{told.rstrip()}\n\nWeb client: {url}\n"
        f"Log in as:  {login} (password {login}), administrator: admin (password admin)"
    )
