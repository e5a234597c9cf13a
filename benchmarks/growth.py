"""How much longer it takes with ten times the items: the same script in both ledgers, in turns."""

import json
import statistics

from . import floors, measures
from .clock import Clock
from .turn import Turn

ROUNDS = 6


def measure(env, file, place):
    """Print {work: seconds} as JSON, the medians of the rounds; see `Turn`."""
    run = env["dunning.run"].create({})
    env, companies = measures.all_companies(env)
    counts = floors.query(floors.COUNTS, env, companies)
    stored = measures.make_floor(env)
    works = {
        "F2": lambda: measures.by_hand(env, counts),
        "screening of everything": lambda: measures.outcome_counts(env),
        "F3": lambda: measures.by_hand(env, stored, run=True),
        "prepare a run of all due items": run.action_prepare,
    }
    clock, rounds = Clock(env), {name: [] for name in works}
    for _round in range(ROUNDS):
        with Turn(file, place):
            for name, work in works.items():
                rounds[name].append(clock.once(work, undo=lambda: measures.undo(env)))
    # The first round fills caches.
    medians = {name: statistics.median(seconds[1:]) for name, seconds in rounds.items()}
    print("--- figures", json.dumps(medians))
