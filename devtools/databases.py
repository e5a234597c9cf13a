"""Databases made once and copied often."""

import subprocess

from . import odoo_env, postgres, venv
from .base import DevError, check_disk, fingerprint, lock, log_file, say

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
    return fingerprint(source.version, source.python_path, venv.requirements(""))


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


def install(name, addons, *options):
    """Install addons in a database; an error in Odoo's log is a failure."""
    log = log_file(f"{name}.log")
    log.unlink(missing_ok=True)
    arguments = ["server", "-d", name, "-i", ",".join(addons), "--stop-after-init", "--no-http"]
    with log.open("a") as output:
        streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        done = odoo_env.run(*arguments, *options, **streams)
    if done.returncode:
        raise DevError(f"{', '.join(addons)} cannot be installed: see {log}")


def shell(name, script, proof, *options, **run_options):
    """Run a script in Odoo's shell; it must print `proof`."""
    log = log_file(f"{name}.log")
    with log.open("a") as errors:
        done = odoo_env.run(
            "shell",
            "-d",
            name,
            "--no-http",
            *options,
            input=script,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            **run_options,
        )
    if done.returncode or proof not in done.stdout:
        raise DevError(f"A script failed in database {name}: see {log}")
    return done.stdout
