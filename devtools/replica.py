"""A primary PostgreSQL server with one database, and replicas that stream from it.

They are clusters of their own: the one that all commands share keeps no log for replicas.
"""

import contextlib
import os
import shutil
import time
from pathlib import Path

from . import demo_command, postgres
from .base import DevError, cache, free_port, lock, say

SETTINGS = """
wal_level = replica
max_wal_senders = 20
log_min_messages = log
"""
CATCH_UP_SECONDS = 60
SHARE = 0.4


@contextlib.contextmanager
def clusters(database, count):
    """Yield the folders of a primary with a copy of `database`, and of `count` replicas.

    They are stopped and removed after the block; those of a killed process before it.
    """
    folder = cache("replicas")
    with lock("replicas"):
        remove(folder)
        try:
            primary = make_primary(folder / "primary", database)
            yield primary, [make_replica(primary, folder / f"r{n + 1}") for n in range(count)]
        finally:
            remove(folder)


def make_primary(folder, database):
    say("Copying the database to a server that has replicas …")
    folder.mkdir(parents=True)
    postgres.make_cluster(folder)
    with (folder / "data/postgresql.conf").open("a") as file:
        file.write(SETTINGS)
    postgres.start(folder)
    postgres.execute(f'CREATE DATABASE "{database}" TEMPLATE template0', folder=folder)
    dump, problem = folder / "dump", "The database cannot be copied"
    user = ["-U", postgres.USER]
    options = ["-Fc", "-Z0", "-f", dump, "-h", postgres.ensure(), *user, database]
    postgres.run_program("pg_dump", *options, problem=problem)
    options = ["-h", folder, *user, "-j2", "-d", database, dump]
    postgres.run_program("pg_restore", *options, problem=problem)
    dump.unlink()
    postgres.execute("VACUUM ANALYZE", database, folder)
    postgres.execute(f"ALTER DATABASE \"{database}\" SET log_statement = 'all'", folder=folder)
    return folder


def make_replica(primary, folder):
    say("Starting a replica …")
    folder.mkdir()
    postgres.give_to_owner(folder)
    options = ["-h", primary, "-U", postgres.USER, "-D", folder / "data"]
    options += ["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast"]
    postgres.run_program("pg_basebackup", *options, problem="A replica cannot be made")
    with (folder / "data/postgresql.conf").open("a") as file:
        file.write(f"unix_socket_directories = '{folder}'\nhot_standby = on\n")
    postgres.start(folder)
    return folder


@contextlib.contextmanager
def web_client(database, primary, folder):
    """Run a server of Odoo that reads from the replica in `folder`; yield (port, process id)."""
    options = "--db_host", primary, "--db_replica_host", folder
    port, log_name = free_port(), f"{database}_{folder.name}"
    with demo_command.web_client(port, database, 0, options, log_name) as process:
        yield port, process.pid


@contextlib.contextmanager
def control_groups(count):
    """Yield so many control groups of the kernel with `SHARE` processors each, none if we may not.

    In them servers do not take processors from each other, as if each had a machine of its own.
    """
    top, limit = Path("/sys/fs/cgroup/cpu"), ("cpu.cfs_quota_us", f"{SHARE * 100_000:.0f}")
    if not top.is_dir():
        top, limit = top.parent, ("cpu.max", f"{limit[1]} 100000")
    groups = [top / f"dunning_{os.getpid()}_{number}" for number in range(count)]
    possible = False
    try:
        with contextlib.suppress(OSError):
            for group in groups:
                group.mkdir()
                (group / limit[0]).write_text(limit[1])
            possible = True
        yield groups if possible else []
    finally:
        for group in groups:
            with contextlib.suppress(OSError):
                group.rmdir()


def restrict(group, odoo, folder):
    """Put a server of Odoo and its replica into a control group."""
    server = (folder / "data/postmaster.pid").read_text().splitlines()[0]
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    for process in (odoo, server, *children):
        (group / "cgroup.procs").write_text(str(process))


def catch_up(primary, replicas):
    """Wait until the replicas have all that was written at the primary."""
    # What was committed stands in its log by then.
    postgres.execute("CHECKPOINT", folder=primary)
    [[position]] = postgres.execute("SELECT pg_current_wal_flush_lsn()", folder=primary)
    query = f"SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= '{position}'"
    give_up = time.monotonic() + CATCH_UP_SECONDS
    for folder in replicas:
        while postgres.execute(query, folder=folder) != [(True,)]:
            if time.monotonic() > give_up:
                raise DevError(f"The replica in {folder} does not follow: see server.log there.")
            time.sleep(0.1)


def remove(folder):
    for cluster in folder.glob("*"):
        if postgres.status(cluster):
            postgres.stop(cluster)
    shutil.rmtree(folder, ignore_errors=True)
