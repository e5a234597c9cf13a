"""./dev screens: take the pictures of the documentation again, in the real web client."""

import subprocess

from . import databases, demo_command, machine, postgres, venv
from .base import DEVTOOLS, ROOT, DevError, free_port, log_file, say

DATABASE = "dunning_screens"
PICTURES = ROOT / "dunning_exclusion" / "static" / "description"


def run(arguments):
    if arguments:
        raise DevError("usage: ./dev screens (it takes no arguments)")
    machine.ensure((*machine.BROWSER, *machine.DEMO))
    postgres.drop(DATABASE)
    try:
        message = "Preparing a database with demo data …"
        databases.build(DATABASE, databases.template(), message, demo_command.fill)
        port = free_port()
        with demo_command.web_client(port, DATABASE):
            take(f"http://localhost:{port}")
    finally:
        postgres.drop(DATABASE)


def take(url):
    command = [venv.ensure(), DEVTOOLS / "take_screens.py", url, machine.browser(), PICTURES]
    log = log_file("screens.log")
    with log.open("w") as errors:
        done = subprocess.run(command, stderr=errors)
    if done.returncode:
        raise DevError(f"A picture could not be taken: see {log}")
    say(f"The pictures are in {PICTURES.relative_to(ROOT)}.")
