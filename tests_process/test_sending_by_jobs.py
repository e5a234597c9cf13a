"""The guarantees of sending hold with the job queue: its runner, two workers, killed servers."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections import Counter

import pytest

from devtools import odoo_env
from devtools.base import free_port, log_file

from .conftest import copied_world, database_with_customers
from .test_sending import assert_each_customer_once, message_ids, prepare

# So many that something is left to do after each kill, with fifty of them in each transaction.
CUSTOMERS = 500
KILLS = 2
WORKERS = 2
PATIENCE = 120
# The runner gives a job up for dead this many seconds after it was handed out.
DEAD_AFTER = 11


@pytest.fixture(scope="module")
def origin_with_jobs(odoo_process):
    addons = ["dunning_exclusion", "dunning_exclusion_queue_job"]
    with database_with_customers("origin_with_jobs", addons, CUSTOMERS) as name:
        yield name


@pytest.fixture
def world(origin_with_jobs, odoo_process, mailbox, request, monkeypatch):
    # Whoever enqueues jobs knows by this that they will be run.
    modules = ["base", "web", "queue_job"]
    monkeypatch.setitem(odoo_process.tools.config, "server_wide_modules", modules)
    with copied_world(origin_with_jobs, request) as world:
        yield world


class Server:
    """Odoo with two workers and the job runner, in a group of processes that can be killed."""

    def __init__(self, world):
        self.log = log_file(f"{world.name}.log")
        _python, _source, env = odoo_env.environment()
        command = odoo_env.script_command("server", "-d", world.name, "--workers", "2")
        command += ["--http-port", str(free_port()), "--gevent-port", str(free_port())]
        command += ["--max-cron-threads", "0", "--load", "base,web,queue_job"]
        smtp = world.odoo.tools.config
        command += ["--smtp", smtp["smtp_server"], "--smtp-port", str(smtp["smtp_port"])]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                env={**env, "ODOO_QUEUE_JOB_CHANNELS": "root:2"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def end(self, how):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, how)
        self.process.wait()

    def workers(self):
        """Return the processes that have run jobs, as the log says."""
        return set(re.findall(r"^\S+ \S+ (\d+) .* /queue_job/runjob", self.log.read_text(), re.M))


@contextlib.contextmanager
def serving(world):
    server = Server(world)
    try:
        yield server
    finally:
        server.end(signal.SIGKILL)


def send_in_background(world, run_id):
    world.run_in_process(lambda env: env["dunning.run"].browse(run_id).action_send_in_background())


def count_notices(world, run_id):
    with world.env() as env:
        return env["dunning.notice"].search_count([("run_id", "=", run_id)])


def await_notices(world, run_id, count):
    return await_that(world, lambda: count_notices(world, run_id) >= count)


def await_done(world, run_id):
    def is_done():
        with world.env() as env:
            return env["dunning.run"].browse(run_id).state == "done"

    return await_that(world, is_done)


def await_delivered(world, run_id):
    queued = [("run_id", "=", run_id), ("state", "=", "queued")]

    def is_delivered():
        with world.env() as env:
            return not env["dunning.notice"].search_count(queued, limit=1)

    return await_that(world, is_delivered)


def await_that(world, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"see {log_file(world.name + '.log')}"
        time.sleep(0.05)


def test_server_killed_while_two_workers_send(world, mailbox):
    run_id = prepare(world)
    send_in_background(world, run_id)
    for _kill in range(KILLS):
        before = count_notices(world, run_id)
        with serving(world):
            await_notices(world, run_id, before + 1)
        assert count_notices(world, run_id) < CUSTOMERS
        time.sleep(DEAD_AFTER)
    with serving(world) as server:
        await_done(world, run_id)
        await_delivered(world, run_id)
        assert len(server.workers()) == WORKERS
    assert_each_customer_once(world, run_id, CUSTOMERS)
    assert len({address for address, _content in mailbox.messages}) == CUSTOMERS
    received = Counter(message_ids(mailbox))
    assert len(received) == CUSTOMERS
    # As with Odoo's own mail queue: accepted by the mail server, and not committed yet.
    assert sum(received.values()) - CUSTOMERS <= KILLS * WORKERS


def test_a_person_sends_while_jobs_are_at_work(world):
    run_id = prepare(world)
    send_in_background(world, run_id)
    with serving(world):
        await_notices(world, run_id, 1)
        while count_notices(world, run_id) < CUSTOMERS:
            assert world.wait(world.fork(send_or_leave_it_to_jobs(run_id))) == 0
        await_done(world, run_id)
    assert_each_customer_once(world, run_id, CUSTOMERS)


def send_or_leave_it_to_jobs(run_id):
    def work(env):
        from odoo.exceptions import UserError

        try:
            env["dunning.run"].browse(run_id).action_send()
        except UserError:
            env.cr.rollback()

    return work


def test_stopped_while_jobs_are_at_work_and_resumed(world):
    run_id = prepare(world)
    send_in_background(world, run_id)
    with serving(world):
        await_notices(world, run_id, 1)
        world.run_in_process(lambda env: env["dunning.run"].browse(run_id).action_stop())

        def is_stopped():
            with world.env() as env:
                return env["dunning.run"].browse(run_id).state == "prepared"

        await_that(world, is_stopped)
        assert 0 < count_notices(world, run_id) < CUSTOMERS
        send_in_background(world, run_id)
        await_done(world, run_id)
    assert_each_customer_once(world, run_id, CUSTOMERS)
