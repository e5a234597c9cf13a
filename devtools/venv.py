"""What is made from pinned and hashed Python packages: virtual environments, addons of the OCA."""

import os
import shutil
import subprocess

from .base import DEVTOOLS, DevError, cache, complete_folder, fingerprint, run_logged

# addons of others that our bridges depend on
OCA_ADDONS = {
    *("account_credit_control", "account_financial_report", "partner_statement", "queue_job"),
}
PROBLEM = "The Python packages cannot be installed: is the network up?"
CHECK = """
import sys, venv, ensurepip
assert sys.version_info[:2] in ((3, 11), (3, 12))
print(sys.executable)
"""


def find_python():
    """Return a Python 3.11 or 3.12 of this machine, wherever it is on the path."""
    wanted = os.environ.get("DUNNING_PYTHON")
    for name in [wanted] if wanted else ["python3.12", "python3.11", "python3"]:
        for folder in os.get_exec_path():
            path = shutil.which(name, path=folder)
            found = path and subprocess.run([path, "-c", CHECK], capture_output=True, text=True)
            if found and found.returncode == 0:
                return os.path.realpath(found.stdout.strip())
    raise DevError(
        "Odoo 19 needs Python 3.11 or 3.12 with venv (Debian: python3-venv): "
        "install one or set DUNNING_PYTHON to it."
    )


def requirements(name):
    return DEVTOOLS / f"requirements{name}.txt"


def ensure(name=""):
    """Return the Python of the environment of `requirements{name}.txt`."""
    key = fingerprint(requirements(name))
    python = cache(f"venv{name}-{key}", "bin/python")
    if not python.exists():
        # not made yet, or the Python it was made from has gone
        (python.parent.parent / ".complete").unlink(missing_ok=True)
    message = f"Installing the Python packages for {name.strip('-') or 'Odoo'} …"
    complete_folder(f"venv{name}", key, message, lambda folder: install(folder, name))
    return python


def install(folder, name):
    run_logged([find_python(), "-m", "venv", folder], "venv.log", PROBLEM)
    pip(folder / "bin/python", "-r", requirements(name))


def pip(python, *options):
    command = [python, "-m", "pip", "install", "-q", "--require-hashes", *options]
    run_logged(command, "venv.log", PROBLEM)


def oca_addons():
    """Return the folder with the addons of `requirements-oca.txt`."""
    pins = requirements("-oca")
    options = ("--no-deps", "--no-compile", "-r", pins, "--target")
    folder = complete_folder(
        "oca",
        fingerprint(pins),
        "Downloading addons of the OCA …",
        lambda folder: pip(ensure(), *options, folder),
    )
    return folder / "odoo/addons"
