"""A private PostgreSQL cluster in the cache, reached through a socket only."""

import contextlib
import os
import pwd
import re
import shutil
import subprocess
import time
from functools import lru_cache
from pathlib import Path

import psycopg2

from . import packages
from .base import DevError, cache, complete_folder, is_root, lock, run_logged, say

USER = "odoo"
START_SECONDS = 300
# of postmaster.pid, counted from 0; pg_ctl waits for the same line
STATUS_LINE = 7
SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = {buffers}MB
max_wal_size = 4GB
wal_level = minimal
max_wal_senders = 0
# a crash of the machine may lose the last commits, never the database
synchronous_commit = off
log_min_messages = fatal
"""


@lru_cache(maxsize=None)
def binaries():
    """Return the folder of the newest installed server, else of the one in a Python package.

    DUNNING_POSTGRES names another folder, or is `embedded` for the packaged one.
    """
    wanted = os.environ.get("DUNNING_POSTGRES")
    if wanted and wanted != "embedded":
        return Path(wanted)
    programs = [*Path("/usr/lib/postgresql").glob("*/bin/initdb"), shutil.which("initdb")]
    folders = [Path(path).resolve().parent for path in programs if path and not wanted]
    folders = [path for path in folders if (path / "postgres").exists() and version(path) >= 13]
    if folders:
        return max(folders, key=version)
    folder = packages.python("-postgres").parent.parent
    for path in folder.glob("lib/python*/site-packages/**/bin/initdb"):
        return path.parent
    raise DevError("PostgreSQL was not found: please install the package postgresql.")


def version(folder):
    found = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True)
    number = re.search(r"\d+", found.stdout)
    return int(number.group()) if number else 0


def owner():
    """Return the user who runs the server when root must not."""
    users = {user.pw_name: user for user in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]


def run_program(name, *arguments, problem):
    """Run one of the programs of the server, as its owner."""
    command = [binaries() / name, *arguments]
    if is_root():
        ids = [f"--reuid={owner().pw_uid}", f"--regid={owner().pw_gid}", "--clear-groups"]
        command = ["setpriv", *ids, *command]
    run_logged(command, "postgres-setup.log", problem, cwd="/", start_new_session=True)


def give_to_owner(folder):
    if is_root():
        os.chown(folder, owner().pw_uid, owner().pw_gid)


def make_cluster(folder):
    if len(str(folder)) > 80:
        raise DevError(f"The path of the cache folder is too long: {cache()} (set DUNNING_CACHE).")
    give_to_owner(folder)
    problem = f"PostgreSQL cannot be set up; {cache()} must be readable for every user"
    options = ["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-U", USER, "-D", folder / "data"]
    run_program("initdb", *options, problem=problem)
    # an eighth of the memory, at most 1 GB
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024**2
    buffers = max(128, min(1024, memory // 8))
    with (folder / "data/postgresql.conf").open("a") as file:
        file.write(SETTINGS.format(sockets=folder, buffers=buffers))


def status(folder):
    """Return what the pid file of a living server says: starting, ready, …; else None.

    A server that recovers from a crash runs for a while before it is ready.
    """
    try:
        lines = (folder / "data/postmaster.pid").read_text().splitlines()
        if "postgres" in Path(f"/proc/{int(lines[0])}/cmdline").read_text():
            return lines[STATUS_LINE].strip() if len(lines) > STATUS_LINE else "starting"
    except (OSError, ValueError, IndexError):
        pass
    return None


def wait_until_ready(folder):
    """Wait for a server that someone else started, too; raise when it ends or takes too long."""
    give_up = time.monotonic() + START_SECONDS
    while (found := status(folder)) != "ready":
        if not found or time.monotonic() > give_up:
            raise DevError(f"PostgreSQL does not start: see {folder / 'server.log'}")
        time.sleep(0.1)


def ensure():
    """Return the socket folder of the running cluster; make and start it when needed."""
    folder = complete_folder(
        "postgres", version(binaries()), "Setting up PostgreSQL …", make_cluster
    )
    if status(folder) != "ready":
        with lock("postgres-start"):
            if not status(folder):
                say("Starting PostgreSQL …")
                start(folder)
            wait_until_ready(folder)
    return folder


def start(folder):
    log = folder / "server.log"
    # Besides the process that gathers, which works too: with more processes than processors they
    # wait for each other. Two are PostgreSQL's default.
    workers = max(1, min(2, (os.cpu_count() or 1) - 1))
    options = ["-w", "-t", str(START_SECONDS), "-D", folder / "data", "-l", log]
    options += ["-o", f"-c max_parallel_workers_per_gather={workers}", "start"]
    run_program("pg_ctl", *options, problem=f"PostgreSQL does not start: see {log}")


def run_stop(_arguments):
    """Stop the server; the next command that needs it starts it again."""
    folder = cache(f"postgres-{version(binaries())}")
    if not status(folder):
        return say("PostgreSQL is not running.")
    stop(folder)
    return say("PostgreSQL stopped.")


def stop(folder):
    options = ["-m", "fast", "-D", folder / "data", "stop"]
    run_program("pg_ctl", *options, problem="PostgreSQL does not stop")


def execute(statement, database="postgres", folder=None):
    """Run one SQL statement outside a transaction; return its rows.

    :param folder: that of another running cluster
    """
    try:
        connection = psycopg2.connect(host=folder or ensure(), user=USER, dbname=database)
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    except psycopg2.Error as error:
        raise DevError(f"PostgreSQL refused: {error}") from error


def databases():
    return {row[0] for row in execute("SELECT datname FROM pg_database")}


def create(name, template="template0"):
    execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def add_extension(name, extension):
    """Add an extension to a database where PostgreSQL brings it, as Odoo does."""
    if execute(f"SELECT FROM pg_available_extensions WHERE name = '{extension}'"):
        execute(f'CREATE EXTENSION IF NOT EXISTS "{extension}"', name)


def drop(name):
    execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
