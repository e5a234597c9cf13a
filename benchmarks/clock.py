"""Time, queries and memory of a piece of work."""

import contextlib
import gc
import statistics
import threading
import time

ROUNDS = 3


class Clock:
    """Measures work in one environment, each time with an empty cache."""

    def __init__(self, env, rounds=ROUNDS):
        self.env, self.rounds = env, rounds

    def once(self, work, undo=None):
        """Return the seconds that `work` took; `undo` takes back what it wrote, off the clock."""
        self.env.invalidate_all()
        gc.collect()
        start = time.perf_counter()
        work()
        self.env.flush_all()
        seconds = time.perf_counter() - start
        if undo:
            undo()
        return seconds

    def median(self, work, undo=None):
        """Return the median of some rounds, after one that fills the caches of the process."""
        self.once(work, undo)
        return statistics.median(self.once(work, undo) for _round in range(self.rounds))

    def side_by_side(self, undo=None, **works):
        """Return {name: median} of several works, in turns, as the machine is not ours alone."""
        times = {name: [] for name in works}
        for number in range(self.rounds + 1):
            for name, work in works.items():
                seconds = self.once(work, undo)
                if number:
                    times[name].append(seconds)
        return {name: statistics.median(values) for name, values in times.items()}

    def database_median(self, work):
        """Return the median of the seconds that `work` spent in the database."""
        return statistics.median(self.queries(work)[1] for _round in range(self.rounds + 2))

    def queries(self, work):
        """Return (number of queries, seconds in the database) of `work`."""
        self.env.invalidate_all()
        counter = threading.current_thread()
        counter.query_count, counter.query_time = 0, 0.0
        work()
        self.env.flush_all()
        return counter.query_count, counter.query_time


class Memory:
    megabytes = 0.0


@contextlib.contextmanager
def memory_above(pid="self", interval=0.01):
    """Measure by how much the memory of a process grows at most within the block: of this one."""
    result, ended = Memory(), threading.Event()
    gc.collect()
    start = own_memory(pid)

    def watch():
        while not ended.wait(interval):
            result.megabytes = max(result.megabytes, own_memory(pid) - start)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield result
    finally:
        result.megabytes = max(result.megabytes, own_memory(pid) - start)
        ended.set()
        watcher.join()


def own_memory(pid):
    """Return the megabytes that a process of this machine has for itself alone."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon")) / 1024
