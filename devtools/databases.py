"""Databases made once and copied often."""

import contextlib
import os
import re
import subprocess

from . import odoo_env, postgres
from .base import ROOT, DevError, check_disk, fingerprint, lock, log_file, say

# that of the indexes for searches by parts of a word, in every database that Odoo makes
EXTENSION = "pg_trgm"
# of databases that end with the process whose number follows
TEMPORARY = "dunning_test_"
KEPT_PREPARED = 12
# of an option with modules that are installed beside ours
OTHERS = {"dest": "others", "metavar": "MODULES", "type": lambda t: t.split(","), "default": []}
# what a prepared database does not depend on
NOT_INSTALLED = {"tests", "i18n", "demo", "__pycache__", "readme"}
ERROR = re.compile(
    r"^\S+ \S+ \d+ (?:ERROR|CRITICAL) \S+ \S+: (.*(?:\n(?!\d{4}-).*)*)", re.MULTILINE
)
# attachments live in the database, so that a copy of the database is complete
PREPARE = """
env["ir.config_parameter"].set_param("ir_attachment.location", "db")
env["ir.attachment"].force_storage()
env.cr.commit()
env["ir.qweb"]._pregenerate_assets_bundles()
env.cr.commit()
"""


def base_key():
    """Return what the database of the core addons depends on."""
    source = odoo_env.environment()[1]
    return fingerprint(source.version, source.python_path, EXTENSION)


def installed_key(addons, others=()):
    """Return what a database with our addons, and others beside them, depends on."""
    parts = []
    for path in (path for addon in addons for path in sorted((ROOT / addon).rglob("*"))):
        name = path.relative_to(ROOT)
        if path.is_file() and not NOT_INSTALLED.intersection(name.parts):
            parts += [name, path]
    return fingerprint(base_key(), *others, *parts)


def template():
    """Return the database with the core addons, without ours, made when needed."""

    def fill(name):
        postgres.add_extension(name, EXTENSION)
        install(name, ["account"])
        shell(name, PREPARE)

    name = f"dunning_template_{base_key()}"
    return build(name, "template0", "Preparing a database with Odoo's accounting (2 min) …", fill)


def prepared(addons, others=()):
    """Return the database with our addons installed as they are now, made when needed.

    Only the newest ones are kept: several checkouts may share the cluster.

    :param others: modules to install beside them
    """
    modules = [*addons, *others]
    name = build(
        f"dunning_prepared_{installed_key(addons, others)}",
        template(),
        f"Installing {', '.join(modules)} …",
        lambda draft: install(draft, modules),
    )
    query = "SELECT datname FROM pg_database WHERE datname ~ '^dunning_prepared_[0-9a-f]+$'"
    for (old,) in postgres.execute(f"{query} ORDER BY oid DESC OFFSET {KEPT_PREPARED}"):
        if old != name:
            postgres.drop(old)
    return name


def build(name, origin, message, fill):
    """Return the database `name`; when it is missing, copy `origin` and `fill` the copy."""
    if name in postgres.databases():
        return name
    with lock(name):
        if name in postgres.databases():
            return name
        check_disk()
        say(message)
        draft = f"{name}_draft"
        postgres.drop(draft)
        postgres.create(draft, origin)
        fill(draft)
        postgres.execute(f'ALTER DATABASE "{draft}" RENAME TO "{name}"')
    return name


@contextlib.contextmanager
def temporary(origin, suffix=""):
    """Yield the name of a copy of a database, which is dropped after the block.

    The copies that killed processes have left are dropped before.
    """
    for name in postgres.databases():
        pid = re.match(rf"{TEMPORARY}(\d+)", name)
        if pid and not os.path.exists(f"/proc/{pid[1]}"):
            postgres.drop(name)
    name = f"{TEMPORARY}{os.getpid()}{suffix}".lower()
    postgres.create(name, origin)
    try:
        yield name
    finally:
        postgres.drop(name)


def install(name, addons, how="-i", **run_options):
    """Install (or with -u update) addons in a database."""
    log = log_file(f"{name}.log")
    arguments = ["server", "-d", name, how, ",".join(addons), "--stop-after-init", "--no-http"]
    with log.open("w") as output:
        streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        done = odoo_env.run(*arguments, **streams, **run_options)
    if done.returncode:
        errors = ERROR.findall(log.read_text())
        reason = errors[-1].splitlines()[-1] if errors else f"exit code {done.returncode}"
        raise DevError(f"{', '.join(addons)} cannot be installed: {reason} (details: {log})")


def shell(name, script, **run_options):
    """Run a script in Odoo's shell, to its end; return what it printed."""
    log = log_file(f"{name}.log")
    script = f"print('--- begin')\n{script}\nprint('--- end')\n"
    options = {"stdout": subprocess.PIPE, "text": True, "input": script, **run_options}
    with log.open("a") as errors:
        done = odoo_env.run("shell", "-d", name, "--no-http", stderr=errors, **options)
    printed, end, _rest = done.stdout.partition("--- begin\n")[2].partition("--- end\n")
    if done.returncode or not end:
        raise DevError(f"A script failed in database {name}: see {log}")
    return printed
