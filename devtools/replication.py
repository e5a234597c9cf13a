"""A PostgreSQL server with streaming replicas, for as long as they are measured."""

import contextlib
import os
import shutil
import subprocess
import time

from . import postgres, venv
from .base import DevError, cache, lock, say

# They come after those of `postgres.SETTINGS`, and the last one counts.
PRIMARY = "wal_level = replica\nmax_wal_senders = 10\nshared_buffers = 256MB\n"
REPLICA = "unix_socket_directories = '{}'\nmax_standby_streaming_delay = -1\n"
GIVE_UP = 120


@contextlib.contextmanager
def replicated(database, count):
    """Copy a database to a server with `count` replicas; yield the socket folders of all.

    The first one is the server's own. All of them are stopped and removed after the block.
    """
    folder = cache("replication")
    with lock("replication"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        servers = [folder / name for name in ("primary", *(f"replica-{n}" for n in range(count)))]
        try:
            make_primary(servers[0], database)
            for replica in servers[1:]:
                make_replica(replica, servers[0])
            wait_until_streaming(servers[0], database, count)
            yield servers
        finally:
            for server in reversed(servers):
                if postgres.status(server):
                    stop = ["-m", "immediate", "-D", server / "data", "stop"]
                    postgres.run_program("pg_ctl", *stop, problem="A replica does not stop")
            shutil.rmtree(folder, ignore_errors=True)


def make_primary(folder, database):
    say("Copying the database to a server with replicas …")
    folder.mkdir()
    postgres.make_cluster(folder)
    with (folder / "data/postgresql.conf").open("a") as file:
        file.write(PRIMARY)
    postgres.start(folder)
    execute(folder, f'CREATE DATABASE "{database}"', "postgres")
    programs = [str(postgres.binaries() / name) for name in ("pg_dump", "pg_restore")]
    user = ["-U", postgres.USER, "-d", database]
    dump = subprocess.Popen(
        [programs[0], "-Fc", "-Z0", "-h", postgres.ensure(), *user], stdout=subprocess.PIPE
    )
    done = subprocess.run([programs[1], "-h", folder, *user], stdin=dump.stdout)
    if dump.wait() or done.returncode:
        raise DevError(f"The database {database} cannot be copied to another server.")
    execute(folder, "ANALYZE", database)


def make_replica(folder, primary):
    folder.mkdir()
    if postgres.is_root():
        os.chown(folder, postgres.owner().pw_uid, postgres.owner().pw_gid)
    options = ["-h", primary, "-U", postgres.USER, "-R", "-X", "stream", "-c", "fast"]
    problem = "The server cannot be copied to a replica"
    postgres.run_program("pg_basebackup", *options, "-D", folder / "data", problem=problem)
    with (folder / "data/postgresql.conf").open("a") as file:
        file.write(REPLICA.format(folder))
    postgres.start(folder)


def wait_until_streaming(primary, database, count):
    query = """SELECT COUNT(*) FROM pg_stat_replication
                WHERE state = 'streaming' AND replay_lsn = pg_current_wal_lsn()"""
    end = time.monotonic() + GIVE_UP
    while execute(primary, query, database) != [[str(count)]]:
        if time.monotonic() > end:
            raise DevError(f"The replicas do not follow: see {primary / 'server.log'}")
        time.sleep(0.2)


def execute(folder, statement, database):
    """Run one SQL statement on the server in `folder`; return its rows as lists of texts."""
    command = [venv.ensure(), "-c", postgres.QUERY, folder, postgres.USER, database, statement]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines() if line]
