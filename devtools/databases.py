"""Databases made once and copied often."""

import re
import subprocess

from . import odoo_env, postgres
from .base import ROOT, DevError, check_disk, fingerprint, lock, log_file, say

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
print("prepared")
"""


def base_key():
    """Return what the database of the core addons depends on."""
    source = odoo_env.environment()[1]
    return fingerprint(source.version, source.python_path)


def installed_key(addons, others=()):
    """Return what a database with our addons, and others beside them, depends on."""
    return fingerprint(base_key(), *others, *installed_files(addons))


def installed_files(addons):
    """Yield names and files of the addons that matter when they are installed."""
    for addon in addons:
        for path in sorted((ROOT / addon).rglob("*")):
            inside = path.relative_to(ROOT).parts
            if path.is_file() and not NOT_INSTALLED.intersection(inside):
                yield path.relative_to(ROOT)
                yield path


def template():
    """Return the database with the core addons, without ours, made when needed."""
    name = f"dunning_template_{base_key()}"
    return build(name, "template0", "Preparing a database with Odoo's accounting (2 min) …", core)


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
        postgres.rename(draft, name)
    return name


def core(name):
    install(name, ["account"])
    shell(name, PREPARE, "prepared")


def install(name, addons, how="-i"):
    """Install (or with -u update) addons in a database."""
    log = log_file(f"{name}.log")
    log.unlink(missing_ok=True)
    arguments = ["server", "-d", name, how, ",".join(addons), "--stop-after-init", "--no-http"]
    with log.open("a") as output:
        streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        done = odoo_env.run(*arguments, **streams)
    if done.returncode:
        errors = ERROR.findall(log.read_text())
        reason = errors[-1].splitlines()[-1] if errors else f"exit code {done.returncode}"
        raise DevError(f"{', '.join(addons)} cannot be installed: {reason} (details: {log})")


def shell(name, script, proof, **run_options):
    """Run a script in Odoo's shell; it must print `proof`."""
    log = log_file(f"{name}.log")
    with log.open("a") as errors:
        done = odoo_env.run(
            *("shell", "-d", name, "--no-http"),
            input=script,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            **run_options,
        )
    if done.returncode or proof not in done.stdout:
        raise DevError(f"A script failed in database {name}: see {log}")
    return done.stdout
