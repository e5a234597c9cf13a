"""A server counts as started when it answers, not when its process exists."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from devtools import base, postgres


@pytest.fixture
def cluster(tmp_path):
    """A process named postgres, and a function that writes the status its pid file tells."""
    command = ["postgres", "-c", "import time; time.sleep(60)"]
    process = subprocess.Popen(command, executable=sys.executable)
    # a process that has just begun has no command line for a moment
    while not Path(f"/proc/{process.pid}/cmdline").read_text():
        time.sleep(0.01)
    file = tmp_path / "data/postmaster.pid"
    file.parent.mkdir()

    def tell(*status):
        lines = [process.pid, tmp_path / "data", 1, 5432, tmp_path, "", "1 1", *status]
        file.write_text("".join(f"{line}\n" for line in lines))

    yield tmp_path, tell, process
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("told", "status"),
    [((), "starting"), (("starting",), "starting"), (("stopping",), "stopping")],
)
def test_a_server_that_starts_runs_and_is_not_ready(cluster, told, status):
    folder, tell, _process = cluster
    tell(*told)
    assert postgres.status(folder) == status


def test_who_comes_while_it_recovers_waits_until_it_answers(cluster):
    folder, tell, _process = cluster
    tell("starting")
    waiting = threading.Thread(target=postgres.wait_until_ready, args=(folder,))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    tell("ready   ")
    waiting.join(10)
    assert not waiting.is_alive()
    assert postgres.status(folder) == "ready"


def test_a_server_that_ends_while_it_starts_is_told(cluster):
    folder, tell, process = cluster
    tell("starting")
    process.kill()
    process.wait()
    with pytest.raises(base.DevError, match="does not start"):
        postgres.wait_until_ready(folder)
