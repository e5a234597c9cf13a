"""./dev bench: speed and memory on a generated ledger, each measure beside its floor."""

import argparse
import contextlib
import json
import os
import time

from benchmarks import delivery, pages, replicas, table

from . import databases, demo_command, packages, postgres, replica
from .base import ROOT, DevError, cache, fingerprint, free_port, say

ADDON = "dunning_exclusion"
BRIDGE = "dunning_exclusion_payment"
JOBS = "dunning_exclusion_queue_job"
# Online payments are a reason not to remind; Odoo without our addons has them, too.
CORE = ["account_payment"]
PEER = "account_credit_control"
FOLDER = ROOT / "benchmarks"
# Fewer items have too few customers to send to; what the peer sends grows with their square.
PEER_ITEMS = range(50_000, 100_001)
REPLICAS = 3


def run(arguments):
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--items", type=int, default=100_000, help="open items: 10000 and more")
    parser.add_argument("--only", nargs="+", default=[], help="sections: see benchmarks/README.md")
    options = parser.parse_args(arguments)
    items, wanted = options.items, set(options.only)
    if items < 10_000:
        raise DevError("A ledger needs at least 10000 open items: see --items.")
    # the database that a section compares with the one that has the addon
    origins = {"growth": tenth, "core": ledger, "peer": peer_ledger}
    found, load = [], os.getloadavg()
    own = wanted - {*origins, "pages", "replicas", "delivery"}
    if not wanted or own:
        found += measured(items, f"run(env, {sorted(own)!r})")
    if not wanted or "pages" in wanted:
        found += asked_pages(items)
    if not wanted or "replicas" in wanted:
        found += asked_replicas(items)
    if not wanted or "delivery" in wanted:
        found += delivered(items)
    for name in origins:
        origin = origins[name](items) if name in wanted or not wanted else None
        if origin:
            found += measured(items, f"compare(env, {name!r}, %r)", origin)
    plans = [line["plan"] for line in found if "plan" in line]
    lines = [line for line in found if "plan" not in line]
    for plan in plans:
        print(f"Plan of the statement that stores a run, as executed:\n\n{plan}")
    loads = [f"{one:.1f}" for one in (load[0], os.getloadavg()[2], os.getloadavg()[0])]
    about = {"items": items, "date": time.strftime("%Y-%m-%d"), "processors": os.cpu_count()}
    # Ours is about 1 to 2; what is above it worked at the same time.
    about["load"] = "%s before, %s in the last 15 minutes, %s at the end" % tuple(loads)
    table.show(about, lines)
    path = cache("bench", f"{items}.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**about, "measures": lines, "plans": plans}, indent=2))
    print(f"Figures: {path}")
    return int(any(line.get("failure") for line in lines))


def measured(items, call, origin=None):
    """Return what a call of benchmarks.main prints, in new copies of the databases."""
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(databases.temporary(held_ledger(items), "_bench"))
        if origin:
            call %= stack.enter_context(databases.temporary(origin, "_other"))
        say("Measuring …")
        return figures(name, f"from benchmarks import main\nmain.{call}")


def asked_pages(items):
    """Return the lines about pages, which new server processes are asked for over HTTP."""
    rounds = []
    with databases.temporary(held_ledger(items), "_bench") as name:
        figures(name, "from benchmarks import main\nmain.administrator(env)")
        say("Asking for pages …")
        for _round in range(pages.ROUNDS):
            port = free_port()
            with demo_command.web_client(port, name, jobs=0):
                rounds.append(pages.ask_all(pages.Session(port, name)))
    return list(pages.table_lines(rounds, items))


def asked_replicas(items):
    """Return the lines about servers that read from replicas of their own."""
    call = "from benchmarks import main, replicas\nreplicas.prepare(env, main.administrator(env))"
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(databases.temporary(held_ledger(items), "_bench"))
        [sent] = figures(name, call)
        groups = stack.enter_context(replica.control_groups(REPLICAS))
        primary, folders = stack.enter_context(replica.clusters(name, REPLICAS))
        servers = [
            stack.enter_context(replica.web_client(name, primary, folder)) for folder in folders
        ]
        ports = [port for port, _process in servers]
        session = pages.Session(ports[0], name)
        replica.catch_up(primary, folders)
        say("Asking for pages …")
        works = {**replicas.screens(session), **replicas.menus(session)}
        works["page of a reminder"] = lambda: session.show(sent["page"])
        found = list(replicas.page_lines(works, primary, folders[0]))
        say("Asking for pages by many …")
        found += replicas.load_lines("", ports, name, primary)
        for group, (_port, process), folder in zip(groups, servers, folders):
            replica.restrict(group, process, folder)
        if groups:
            kind = f" with {replica.SHARE} processors each"
            found += replicas.load_lines(kind, ports, name, primary)
    return found


def delivered(items):
    """Return the lines about a run that two workers send by jobs to a mail server."""
    port, smtp = free_port(), free_port()
    user = "from benchmarks import delivery, main\nuser = main.administrator(env)\n"
    options = "--workers", 2, "--gevent-port", free_port(), "--load", "base,web,queue_job"
    channels = [("ODOO_QUEUE_JOB_CHANNELS", "root:2")]
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(databases.temporary(held_ledger(items), "_bench"))
        databases.install(name, [JOBS])
        [prepared] = figures(name, f"{user}delivery.prepare(env, user, {smtp})")
        mails = stack.enter_context(delivery.MailServer(smtp))
        server = demo_command.web_client(port, name, 1, options, variables=channels)
        stack.enter_context(server)
        say("Sending a run by jobs …")
        return list(delivery.lines(pages.Session(port, name), prepared["run"], mails))


def figures(name, call):
    """Run a call in Odoo's shell; return what it printed as JSON, line by line."""
    output = databases.shell(name, f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{call}")
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def ledger(items):
    """Return the database with the ledger, without the addon."""
    key = fingerprint(databases.base_key(), *CORE, FOLDER / "ledger.py", FOLDER / "documents.py")

    def fill(name):
        databases.install(name, CORE)
        figures(name, f"from benchmarks import ledger\nledger.fill(env, {items})")

    name, message = f"dunning_bench_ledger_{items}_{key}", f"Making a ledger of {items:,} items …"
    return databases.build(name, databases.template(), message, fill)


def held_ledger(items):
    """Return the same ledger with the addon, as its sources are, and what people hold."""
    origin = ledger(items)
    sources = FOLDER / "holds.py", FOLDER / "waiting.py"
    key = fingerprint(origin, *sources, databases.installed_key([ADDON, BRIDGE]))
    kind = f"dunning_bench_held_{items}_"

    def fill(name):
        databases.install(name, [ADDON, BRIDGE])
        figures(name, "from benchmarks import holds\nholds.fill(env)")

    message = f"Installing the addon over {items:,} open items …"
    name = databases.build(f"{kind}{key}", origin, message, fill)
    for other in postgres.databases():
        if other.startswith(kind) and other != name:
            postgres.drop(other)
    return name


def tenth(items):
    """Return the ledger with a tenth of the items and the addon."""
    return held_ledger(items // 10) if items >= 100_000 else None


def peer_ledger(items):
    """Return a database with the ledger and the OCA's addon, None where that is not to be had."""
    if items not in PEER_ITEMS:
        return say(f"{PEER} is measured with 50,000 to 100,000 items only.")
    try:
        packages.oca_addons()
    except DevError as error:
        return say(f"{PEER} is left out: {error}")
    origin, message = ledger(items), f"Installing {PEER} over {items:,} open items …"
    name = f"dunning_bench_peer_{items}_{fingerprint(origin, PEER)}"
    return databases.build(name, origin, message, lambda draft: databases.install(draft, [PEER]))
