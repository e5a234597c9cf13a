"""Time and memory of a piece of work."""

import contextlib
import gc
import statistics
import threading
import time
from pathlib import Path

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry

ROUNDS = 3


class Clock:
    """Measures work in one environment, each time with an empty cache."""

    def __init__(self, env):
        self.env = env

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
        return self.side_by_side(undo, work=work)["work"]

    def side_by_side(self, undo=None, **works):
        """Return {name: median} of several works, in turns, as the machine is not ours alone."""
        rounds = [
            [self.once(work, undo) for work in works.values()] for _round in range(ROUNDS + 1)
        ]
        return dict(zip(works, map(statistics.median, zip(*rounds[1:], strict=True)), strict=True))

    def database_median(self, work):
        """Return the median of the seconds that `work` spent in the database."""
        counter, seconds = threading.current_thread(), []
        for _round in range(ROUNDS + 2):
            counter.query_count, counter.query_time = 0, 0.0
            self.once(work)
            seconds.append(counter.query_time)
        return statistics.median(seconds)


def vacuum(env, *tables):
    """Clean up tables behind what was rolled back; all tables where none is named."""
    env.cr._cnx.autocommit = True
    for table in tables or [""]:
        env.cr.execute(f"VACUUM {table}")
    env.cr._cnx.autocommit = False


class Memory:
    """Measure by how much the memory of a process of this machine grows at most in the block."""

    def __init__(self, pid="self"):
        self.pid, self.megabytes, self.ended = pid, 0.0, threading.Event()

    def own(self):
        """Return the megabytes that the process has for itself alone."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(text.split("RssAnon:")[1].split()[0]) / 1024

    def watch(self):
        while not self.ended.wait(0.01):
            self.megabytes = max(self.megabytes, self.own() - self.start)

    def __enter__(self):
        gc.collect()
        self.start = self.own()
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()
        return self

    def __exit__(self, *_error):
        self.ended.set()
        self.watcher.join()
        self.megabytes = max(self.megabytes, self.own() - self.start)


@contextlib.contextmanager
def other_database(name):
    """Yield the superuser's environment in another database."""
    with Registry(name).cursor() as cr:
        yield api.Environment(cr, SUPERUSER_ID, {})
