"""./dev bench: speed and memory on a generated ledger, each measure beside its floor."""

import argparse
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

from . import bench_data
from .base import DevError, cache, say
from .bench_table import measure, print_table

# names that are measured in the work copy, in this order; the others are separate
OTHERS = ("growth", "core", "peer")
GROWTH_LIMIT = 11
CORE_LIMIT = 1.03
# Fewer items have too few customers to send to; what the peer sends grows with their square.
PEER_ITEMS = range(50_000, 100_001)


def run(arguments):
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--items", type=int, default=100_000, help="open items: 10000 and more")
    parser.add_argument("--only", nargs="+", default=[], help="sections: see benchmarks/README.md")
    parser.add_argument("--json", help="file for the figures (also kept in the cache)")
    options = parser.parse_args(arguments)
    if options.items < 10_000:
        raise DevError("A ledger needs at least 10000 open items: see --items.")
    wanted = set(options.only)
    measures = []
    if not wanted or wanted - set(OTHERS):
        measures += measure_addon(options.items, [name for name in wanted if name not in OTHERS])
    if not wanted or "growth" in wanted:
        measures += measure_growth(options.items)
    if not wanted or "core" in wanted:
        measures += measure_core(options.items)
    if not wanted or "peer" in wanted:
        measures += measure_peer(options.items)
    print_table(options.items, measures)
    write(options, measures)
    return int(any(measure.get("failure") for measure in measures))


def measure_addon(items, only):
    """Return what was measured in a copy of the ledger with the addon; keep the plan."""
    with bench_data.work_copy(bench_data.held_ledger(items)) as name:
        say("Measuring …")
        output = bench_data.shell(name, f"from benchmarks import main\nmain.run(env, {only!r})")
    if "--- plan" in output:
        plan = output.split("--- plan\n")[1].split("--- end of plan")[0]
        path = cache("bench", f"{items}.plan.txt")
        path.parent.mkdir(exist_ok=True)
        path.write_text(plan)
        print(f"Plan of the statement behind a run, as executed:\n\n{plan}")
    mark = "--- measure "
    return [json.loads(line[len(mark) :]) for line in output.splitlines() if line.startswith(mark)]


def figures(name, call):
    """Return the figures that a script printed as JSON."""
    output = bench_data.shell(name, call)
    return json.loads(output.split("--- figures ")[1].splitlines()[0])


def in_turns(module, origins):
    """Return the figures that a module of the benchmark finds in two databases, in turns."""
    turn = cache("bench", "turn")
    turn.parent.mkdir(exist_ok=True)
    turn.write_text("0")
    script = f"from benchmarks import {module}\n{module}.measure(env, {str(turn)!r}, %s)"
    with bench_data.work_copy(origins[0]) as first, bench_data.work_copy(origins[1], 1) as second:
        with ThreadPoolExecutor() as pool:
            return list(pool.map(figures, (first, second), (script % 0, script % 1)))


def measure_growth(items):
    """Compare with a tenth of the items."""
    if items < 100_000:
        return []
    few = items // 10
    origins = [bench_data.held_ledger(count) for count in (few, items)]
    say(f"Measuring what ten times {few:,} items take …")
    before, after = in_turns("growth", origins)
    limits = dict.fromkeys(after, GROWTH_LIMIT) | {"F2": None, "F3": None}
    return [
        measure(f"growth: {work}", after[work], "s", before[work], f"{few:,} items", limits[work])
        for work in after
    ]


def measure_core(items):
    """Compare Odoo's own work with the addon and without, in turns."""
    origins = bench_data.ledger(items), bench_data.held_ledger(items)
    say("Measuring Odoo's own work with the addon and without it …")
    floors, found = in_turns("core", origins)
    result = []
    for work in found:
        for place, (what, unit) in enumerate((("queries", ""), ("time", "s"))):
            name = f"core: {work}, {what}"
            values = found[work][place], unit, floors[work][place]
            result.append(measure(name, *values, "without the addon", CORE_LIMIT))
    return result


def measure_peer(items):
    """Compare run and e-mails with those of the OCA's addon; see PEER_ITEMS."""
    if items not in PEER_ITEMS:
        say(f"{bench_data.PEER} is measured with 50,000 to 100,000 items only.")
        return []
    origin = bench_data.peer_ledger(items)
    if not origin:
        return []
    held = bench_data.held_ledger(items)
    say(f"Measuring {bench_data.PEER} and ours …")
    ours, peer = in_turns("peer", (held, origin))
    note = f"{peer['run_lines']} lines, {peer['run_queries']:,} queries, "
    note += f"{peer['run_megabytes']:.0f} MB"
    customers = f"{peer['emails_customers']} customers"
    return [
        measure("OCA: run", peer["run"], note=note),
        measure("OCA: the run by ours", ours["run"], "s", peer["run"], "OCA", 1 / 40),
        measure("OCA: communications and e-mails", peer["emails"], note=customers),
        measure("OCA: the e-mails by ours", ours["emails"], "s", peer["emails"], "OCA", 1 / 5),
    ]


def write(options, measures):
    """Keep the figures as JSON."""
    figures = {
        "items": options.items,
        "date": time.strftime("%Y-%m-%d"),
        "processors": os.cpu_count(),
        "measures": measures,
    }
    paths = [cache("bench", f"{options.items}.json")]
    if options.json:
        paths.append(options.json)
    for path in paths:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with open(path, "w") as file:
            json.dump(figures, file, indent=2)
        print(f"Figures: {path}")
