"""Folders, messages, child processes, locks and stamps shared by every command."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEVTOOLS = ROOT / "devtools"
NEEDED_DISK = 4 * 1024**3


class DevError(Exception):
    """A problem a person can solve: one line that says what to do."""


def say(message):
    print(message, file=sys.stderr, flush=True)


def is_root():
    return os.geteuid() == 0


def cache(*parts):
    """Return a path in the cache folder, whose top folder exists."""
    top = os.environ.get("DUNNING_CACHE")
    if not top:
        top = "/var/cache" if is_root() else Path.home() / ".cache"
        top = Path(top) / "dunning_exclusion"
    top = Path(top).absolute()
    try:
        top.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DevError(
            f"The cache folder {top} cannot be made ({error.strerror}): set DUNNING_CACHE."
        ) from error
    return top.joinpath(*parts)


def log_file(name):
    """Return the path of a log in the cache."""
    path = cache("logs", name)
    path.parent.mkdir(exist_ok=True)
    return path


def fingerprint(*parts):
    """Return a short hash of texts and of the contents of files."""
    digest = hashlib.sha256()
    for part in parts:
        is_file = isinstance(part, Path) and part.is_file()
        data = part.read_bytes() if is_file else str(part).encode()
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()[:12]


def check_disk():
    free = shutil.disk_usage(cache()).free
    if free < NEEDED_DISK:
        raise DevError(
            f"Only {free / 1024**3:.1f} GB free in {cache()}, 4 GB are needed: "
            "free some space or set DUNNING_CACHE to a folder on another disk."
        )


def run_logged(command, log, problem, **options):
    """Run a command with its output in a log; on failure say the problem and the log."""
    path = log_file(log)
    with path.open("ab") as output:
        output.write(("\n$ %s\n" % " ".join(map(str, command))).encode())
        output.flush()
        options.setdefault("stdin", subprocess.DEVNULL)
        code = subprocess.run(command, stdout=output, stderr=output, **options).returncode
    if code:
        raise DevError(f"{problem} (details: {path})")


@contextlib.contextmanager
def running(command, log, **options):
    """Run a program for as long as the block, with its output in a log; yield its process."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, **options)
    try:
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        process.kill()
        process.wait()


def free_port(*wanted):
    """Return the first of the wanted ports that is free; without any, some free one."""
    for port in wanted or [0]:
        with socket.socket() as sock, contextlib.suppress(OSError, OverflowError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", port))
            return sock.getsockname()[1]
    raise DevError(f"Port {wanted[0]} is taken: choose another one with --port.")


@contextlib.contextmanager
def lock(name, wait=True):
    """Hold a lock of the cache; wait, with a message, while another process has it."""
    path = cache("locks", name)
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if not wait:
                raise DevError(f"./dev {name} is running already: end that one first.") from error
            say(f"Waiting for another ./dev ({name}) …")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def complete_folder(name, key, message, build, proof=""):
    """Return the cache folder `name-key`, built by `build(folder)` unless it is complete.

    The stamp inside is written last, so what an interrupted call left is thrown away and made
    again by the next one; so is a folder in which `proof` has gone.
    """
    folder = cache(f"{name}-{key}")
    stamp = folder / ".complete"
    if stamp.exists() and (folder / proof).exists():
        return folder
    with lock(name):
        if stamp.exists() and (folder / proof).exists():
            return folder
        check_disk()
        say(message)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        build(folder)
        stamp.touch()
    return folder
