"""The databases of ./dev bench: made once, copied for each measurement."""

import contextlib
import os

from . import databases, odoo_env, postgres
from .base import ROOT, DevError, fingerprint, say

ADDON = "dunning_exclusion"
PEER = "account_credit_control"
FOLDER = ROOT / "benchmarks"
# the files that decide what is in a ledger
LEDGER = ("ledger", "patterns", "copies", "documents", "check")
PREFIX = "dunning_bench_work_"


def script(call):
    """Return the script for Odoo's shell that imports the benchmark and runs `call`."""
    return f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{call}\nprint('--- done')\n"


def shell(name, call):
    return databases.shell(name, script(call), "--- done")


def ledger(items):
    """Return the database with the ledger, without the addon."""
    files = [FOLDER / f"{name}.py" for name in LEDGER]
    key = fingerprint(databases.base_key(), *files)
    call = "from benchmarks import check, ledger\n"
    call += f"ledger.fill(env, {items})\ncheck.check(env, {items})"
    return databases.build(
        f"dunning_bench_ledger_{items}_{key}",
        databases.template(),
        f"Making a ledger with {items:,} open items …",
        lambda name: shell(name, call),
    )


def held_ledger(items):
    """Return the same ledger with the addon, as its sources are, and what people hold."""
    origin = ledger(items)
    key = fingerprint(origin, FOLDER / "holds.py", databases.installed_key([ADDON]))
    kind = f"dunning_bench_held_{items}_"

    def fill(name):
        databases.install(name, [ADDON])
        shell(name, "from benchmarks import holds\nholds.fill(env)")

    message = f"Installing the addon over {items:,} open items …"
    name = databases.build(f"{kind}{key}", origin, message, fill)
    for other in postgres.databases():
        if other.startswith(kind) and other != name:
            postgres.drop(other)
    return name


def peer_ledger(items):
    """Return a database with the ledger and the OCA's addon, or None where it is not to be had."""
    origin = ledger(items)
    try:
        odoo_env.oca.ensure()
    except DevError as error:
        say(f"{PEER} is left out: {error}")
        return None
    key = fingerprint(origin, PEER)
    return databases.build(
        f"dunning_bench_peer_{items}_{key}",
        origin,
        f"Installing {PEER} over {items:,} open items …",
        lambda name: databases.install(name, [PEER]),
    )


@contextlib.contextmanager
def work_copy(origin, number=0):
    """Copy a database for as long as the block; measurements may change it."""
    drop_left_overs()
    name = f"{PREFIX}{os.getpid()}_{number}"
    postgres.create(name, origin)
    try:
        yield name
    finally:
        postgres.drop(name)


def drop_left_overs():
    """Drop the copies of measurements that were killed."""
    for name in postgres.databases():
        pid = name[len(PREFIX) :].split("_")[0]
        if name.startswith(PREFIX) and pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
            postgres.drop(name)
