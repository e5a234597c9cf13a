"""What the rest needs: programs of the machine, pinned and hashed packages of PyPI and npm."""

import os
import shutil
import subprocess
import sys

from .base import (
    DEVTOOLS,
    ROOT,
    DevError,
    complete_folder,
    fingerprint,
    is_root,
    lock,
    run_logged,
    say,
)

# package of Debian: the programs, or the folder, that show that it is there
PROGRAMS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "wkhtmltopdf": ("wkhtmltopdf",),
    "poppler-utils": ("pdftoppm",),
    "fonts-roboto-unhinted": ("/usr/share/fonts/truetype/roboto/unhinted",),
}
DEMO = ("wkhtmltopdf", "fonts-roboto-unhinted")
SCREENS = ("chromium", *DEMO)
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


def find(package):
    """Return the path of what shows that a package of Debian is there, None when it is not."""
    for name in PROGRAMS[package]:
        path = shutil.which(name) or (
            name if os.path.isabs(name) and os.path.exists(name) else None
        )
        if path:
            return path
    return None


def ensure_programs(packages, else_say=None):
    """Install the missing packages of Debian, or say in one line which ones to install.

    :param else_say: what is said instead of an error where nothing can be installed
    """
    missing = [package for package in packages if not find(package)]
    if not missing:
        return
    names = " ".join(missing)
    if not (is_root() and shutil.which("apt-get")):
        if else_say:
            return say(f"Not installed: {names}. {else_say}")
        raise DevError(f"Please install: {names} (then call ./dev again).")
    with lock("apt"):
        say(f"Installing {names} …")
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        problem = f"{names} cannot be installed: is the network up?"
        run_logged(["apt-get", "-q", "update"], "apt.log", problem, env=env)
        command = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *missing]
        run_logged(command, "apt.log", problem, env=env)


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


def python(name=""):
    """Return the Python of the environment of `requirements{name}.txt`, made when needed."""
    path = fingerprint(requirements(name))
    message = f"Installing the Python packages for {name.strip('-') or 'Odoo'} …"

    def install(folder):
        run_logged([find_python(), "-m", "venv", folder], "venv.log", PROBLEM)
        pip(folder / "bin/python", "-r", requirements(name))

    return complete_folder(f"venv{name}", path, message, install, "bin/python") / "bin/python"


def go_on_there():
    """Start this command again in the Python that has Odoo's packages and ours."""
    path = python()
    if not os.path.samefile(sys.prefix, path.parent.parent):
        os.execv(path, [str(path), str(ROOT / "dev"), *sys.argv[1:]])


def pip(path, *options):
    command = [path, "-m", "pip", "install", "-q", "--require-hashes", *options]
    run_logged(command, "venv.log", PROBLEM)


def oca_addons():
    """Return the folder with the addons of `requirements-oca.txt`."""
    pins, message = requirements("-oca"), "Downloading addons of the OCA …"
    options = ("--no-deps", "--no-compile", "-r", pins, "--target")
    folder = complete_folder(
        "oca", fingerprint(pins), message, lambda f: pip(python(), *options, f)
    )
    return folder / "odoo/addons"


def node():
    """Return the folder of the pinned npm packages."""
    pins = [DEVTOOLS / "package.json", DEVTOOLS / "package-lock.json"]
    if not shutil.which("npm"):
        raise DevError(
            "Please install Node.js 20 or newer with npm (for prettier, eslint and axe)."
        )

    def install(folder):
        for path in pins:
            shutil.copy(path, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        run_logged(command, "npm.log", "npm cannot install: is the network up?", cwd=folder)

    message = "Installing prettier, eslint and axe …"
    return complete_folder("node", fingerprint(*pins), message, install)
