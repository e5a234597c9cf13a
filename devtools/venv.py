"""Virtual environments in the cache, made from pinned and hashed requirements."""

import subprocess

from . import machine
from .base import DEVTOOLS, complete_folder, fingerprint, run_logged


def requirements(name):
    return DEVTOOLS / f"requirements{name}.txt"


def ensure(name=""):
    """Return the Python of the environment of `requirements{name}.txt`."""
    pins = requirements(name)
    folder = make(name, fingerprint(pins))
    python = folder / "bin/python"
    if subprocess.run([python, "-c", ""], capture_output=True).returncode:
        # the Python it was made from has gone
        (folder / ".complete").unlink(missing_ok=True)
        make(name, fingerprint(pins))
    return python


def make(name, key):
    what = name.strip("-") or "Odoo"
    message = f"Installing the Python packages for {what} …"
    return complete_folder(f"venv{name}", key, message, lambda folder: install(folder, name))


def install(folder, name):
    python = machine.find_python()
    problem = "The Python packages cannot be installed: is the network up?"
    run_logged([python, "-m", "venv", folder], "venv.log", problem)
    pip = [folder / "bin/python", "-m", "pip", "install", "-q", "--require-hashes"]
    run_logged([*pip, "-r", requirements(name)], "venv.log", problem)
