"""A private PostgreSQL cluster in the cache, reached through a socket only."""

import os
import pwd
import re
import shutil
import subprocess
import time
from pathlib import Path

from . import venv
from .base import DevError, cache, complete_folder, is_root, lock, log_file, run_logged, say

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


def binaries():
    """Return the folder of the newest installed server, else of the packaged one.

    DUNNING_POSTGRES names another folder, or is `embedded` for the packaged one.
    """
    wanted = os.environ.get("DUNNING_POSTGRES")
    if wanted:
        return embedded() if wanted == "embedded" else Path(wanted)
    folders = [Path(path).parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if shutil.which("pg_config"):
        found = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True)
        folders.append(Path(found.stdout.strip()))
    folders = [path for path in folders if (path / "initdb").exists() and version(path) >= 13]
    if folders:
        return max(folders, key=version)
    return embedded()


def embedded():
    """Return the folder of the server that comes as a Python package."""
    python = venv.ensure("-postgres")
    for path in python.parent.parent.glob("lib/python*/site-packages/**/bin/initdb"):
        return path.parent
    raise DevError("PostgreSQL was not found: please install the package postgresql.")


def version(folder):
    found = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True)
    number = re.search(r"\d+", found.stdout)
    return int(number.group()) if number else 0


def owner():
    """Return the user who runs the server when root must not."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DevError("PostgreSQL does not run as root: add a user named postgres.")


def as_owner(command):
    if not is_root():
        return command
    user = owner()
    ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["setpriv", *ids, *command]


def memory():
    """Return the megabytes to share: an eighth of the memory, at most 1 GB."""
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024**2
    return max(128, min(1024, size // 8))


def make_cluster(folder, programs):
    if len(str(folder)) > 80:
        raise DevError(f"The path of the cache folder is too long: {cache()} (set DUNNING_CACHE).")
    if is_root():
        os.chown(folder, owner().pw_uid, owner().pw_gid)
    command = [programs / "initdb", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
    command += ["-U", USER, "-D", folder / "data"]
    problem = f"PostgreSQL cannot be set up; {cache()} must be readable for every user"
    run_logged(as_owner(command), "postgres-setup.log", problem, cwd="/")
    settings = SETTINGS.format(sockets=folder, buffers=memory())
    with (folder / "data/postgresql.conf").open("a") as file:
        file.write(settings)


def running(folder):
    """Tell whether the postmaster named in the pid file is alive."""
    try:
        pid = int((folder / "data/postmaster.pid").read_text().split()[0])
        return "postgres" in Path(f"/proc/{pid}/cmdline").read_text()
    except (OSError, ValueError, IndexError):
        return False


def ready(folder):
    """Tell whether the server answers: one that recovers from a crash runs for a while before."""
    if not running(folder):
        return False
    lines = (folder / "data/postmaster.pid").read_text().splitlines()
    return len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready"


def wait_until_ready(folder):
    """Wait for a server that someone else started, too; raise when it ends or takes too long."""
    give_up = time.monotonic() + START_SECONDS
    while not ready(folder):
        if not running(folder) or time.monotonic() > give_up:
            raise DevError(f"PostgreSQL does not start: see {folder / 'server.log'}")
        time.sleep(0.1)


def ensure():
    """Return the socket folder of the running cluster; make and start it when needed."""
    programs = binaries()
    folder = complete_folder(
        "postgres",
        version(programs),
        "Setting up PostgreSQL …",
        lambda path: make_cluster(path, programs),
    )
    if not ready(folder):
        with lock("postgres-start"):
            if not running(folder):
                start(folder, programs)
            wait_until_ready(folder)
    return folder


def start(folder, programs):
    say("Starting PostgreSQL …")
    log = folder / "server.log"
    command = [programs / "pg_ctl", "-w", "-t", str(START_SECONDS), "-D", folder / "data"]
    # Besides the process that gathers, which works too: with more processes than processors they
    # wait for each other. Two are PostgreSQL's default.
    workers = max(1, min(2, (os.cpu_count() or 1) - 1))
    command += ["-o", f"-c max_parallel_workers_per_gather={workers}"]
    command += ["-l", log, "start"]
    problem = f"PostgreSQL does not start: see {log}"
    run_logged(as_owner(command), "postgres-setup.log", problem, cwd="/", start_new_session=True)


def run_stop(_arguments):
    """Stop the server; the next command that needs it starts it again."""
    programs = binaries()
    folder = cache(f"postgres-{version(programs)}")
    if not running(folder):
        return say("PostgreSQL is not running.")
    command = [programs / "pg_ctl", "-m", "fast", "-D", folder / "data", "stop"]
    run_logged(as_owner(command), "postgres-setup.log", "PostgreSQL does not stop", cwd="/")
    return say("PostgreSQL stopped.")


def execute(statement, database="postgres"):
    """Run one SQL statement outside a transaction; return its rows as lists of texts."""
    code = (
        "import sys, psycopg2\n"
        "connection = psycopg2.connect(host=sys.argv[1], user=sys.argv[2], dbname=sys.argv[3])\n"
        "connection.autocommit = True\n"
        "cursor = connection.cursor()\n"
        "cursor.execute(sys.argv[4])\n"
        "rows = cursor.fetchall() if cursor.description else []\n"
        "print('\\n'.join('\\t'.join(map(str, row)) for row in rows))\n"
    )
    command = [venv.ensure(), "-c", code, ensure(), USER, database, statement]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        log_file("sql.log").write_text(done.stderr)
        raise DevError(f"PostgreSQL refused: {done.stderr.strip().splitlines()[-1]}")
    return [line.split("\t") for line in done.stdout.splitlines() if line]


def databases():
    return {row[0] for row in execute("SELECT datname FROM pg_database")}


def create(name, template="template0"):
    execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def drop(name):
    execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def rename(old, new):
    execute(f'ALTER DATABASE "{old}" RENAME TO "{new}"')
