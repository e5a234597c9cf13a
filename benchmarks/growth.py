"""How much longer it takes with ten times the items: the same script in both ledgers, in turns."""

import json
import statistics

from . import measures
from .clock import Clock
from .turn import Turn

ROUNDS = 4


def measure(env, file, place):
    """Print {work: seconds} as JSON, the medians of the rounds; see `Turn`."""
    run = env["dunning.run"].create({})
    floor = measures.make_floor(env)
    works = {
        "screening of everything": lambda: measures.outcome_counts(env),
        "prepare a run of all due items": run.action_prepare,
        "F3": lambda: measures.by_hand(env, floor),
    }
    clock, rounds = Clock(env), {name: [] for name in works}
    for _round in range(ROUNDS):
        with Turn(file, place):
            for name, work in works.items():
                rounds[name].append(clock.once(work, undo=lambda: measures.undo(env)))
    # The first round fills caches.
    medians = {name: statistics.median(seconds[1:]) for name, seconds in rounds.items()}
    print("--- figures", json.dumps(medians))
