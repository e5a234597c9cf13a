"""./dev demo: Odoo with the addon, its demo data, a first run that is sent, and a mail catcher."""

import argparse
import contextlib
import shutil
import subprocess
import time
import urllib.error
import urllib.request

from . import catcher, databases, odoo_env, packages, postgres
from .base import DEVTOOLS, DevError, cache, fingerprint, free_port, lock, log_file, running, say

DATABASE = "dunning_demo"
ADDON = "dunning_exclusion"
WITHOUT = (
    "The demo goes on without: without wkhtmltopdf no letter or invoice can be printed as PDF, "
    "without the fonts pages look wider."
)


def run(arguments):
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    add = parser.add_argument
    add("--no-serve", action="store_true", help="end after the first run")
    add("--fresh", action="store_true", help="start again with a new database")
    add("--port", type=int, help="port of the web client (8069 or the next free)")
    add("--with", **databases.OTHERS, help="a database of its own beside these: sale,l10n_fr")
    options = parser.parse_args(arguments)
    name = f"{DATABASE}_{fingerprint(*options.others)}" if options.others else DATABASE
    with lock("demo", wait=False), contextlib.ExitStack() as stack:
        port = free_port(*([options.port] if options.port else range(8069, 8169)))
        packages.ensure_programs(packages.DEMO, else_say=WITHOUT)
        folder = cache("demo", "maildir")
        folder.parent.mkdir(exist_ok=True)
        if options.fresh:
            postgres.drop(name)
            shutil.rmtree(folder, ignore_errors=True)
        update(name, options.others)
        smtp, pages = mail_ports()
        stack.enter_context(catcher.catching(folder, smtp, pages))
        server = stack.enter_context(web_client(port, name))
        addresses = {"DEMO_URL": f"http://localhost:{port}", "DEMO_SMTP_PORT": str(smtp)}
        told = in_shell(name, "main(env)", **addresses)
        print(told, flush=True)
        if "Sent (0)" in told.splitlines():
            raise DevError("The first run sent nothing: try ./dev demo --fresh.")
        if options.no_serve:
            return 0
        print(f"Mail:       http://localhost:{pages}  (Ctrl-C ends both)", flush=True)
        return server.wait()


def update(name, others):
    """Make the demo database, or bring it up to date with the addon's sources."""
    key = databases.installed_key([ADDON], others)
    if name in postgres.databases():
        query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '%s'"
        if postgres.execute(query % name) == [(key,)]:
            return
        say("Updating the demo database …")
        databases.install(name, [ADDON], "-u")
    else:
        message = "Preparing the demo database …"
        databases.build(name, databases.template(), message, lambda draft: fill(draft, others))
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
    if loaded != [(True,)]:
        raise DevError(f"The demo data cannot be loaded: see {log_file(name + '.log')}")
    postgres.execute(query % ("false", ADDON), name)
    # a person's data: a commit that was confirmed is on the disk
    postgres.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = on')


def mail_ports():
    """Return two free ports, for mail and for the page that shows it: from different numbers."""
    return free_port(*range(8025, 8125, 2)), free_port(*range(8026, 8126, 2))


@contextlib.contextmanager
def web_client(port, database, jobs=1, options=(), log_name="", variables=()):
    """Run Odoo's server for as long as the block, from when it answers; yield its process.

    :param jobs: how many scheduled actions run at a time
    :param options: more of Odoo's command line
    :param variables: more environment variables, as (name, value)
    """
    command = odoo_env.script_command("server", "-d", database, "--http-port", port, *options)
    command += ["--max-cron-threads", str(jobs), "--db-filter", f"^{database}$"]
    url = f"http://127.0.0.1:{port}/web/health"
    log = log_file(f"{log_name or database}.web.log")
    env = {**odoo_env.environment()[2], **dict(variables)}
    with running(command, log, env=env, stdin=subprocess.DEVNULL) as process:
        for _attempt in range(300):
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(url, timeout=10).close()
                break
            time.sleep(0.2 if process.poll() is None else 0)
        else:
            raise DevError(f"{url} does not answer: see {log}")
        yield process


def in_shell(name, call, **variables):
    """Call a function of demo_run.py in Odoo's shell; return what it printed."""
    script = (DEVTOOLS / "demo_run.py").read_text() + f"\n{call}"
    return databases.shell(name, script, env={**odoo_env.environment()[2], **variables}).strip()
