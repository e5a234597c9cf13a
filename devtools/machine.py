"""Programs expected on the machine, installed from the distribution when that is possible."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from .base import DevError, is_root, lock, run_logged, say

# program (or file) that shows that a Debian package is there
PACKAGES = {
    "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "wkhtmltopdf": ("wkhtmltopdf",),
    "poppler-utils": ("pdftoppm",),
    "fonts-roboto-unhinted": ("/usr/share/fonts/truetype/roboto/unhinted",),
}
BROWSER = ("chromium",)
DEMO = ("wkhtmltopdf", "fonts-roboto-unhinted")
TESTS = (*BROWSER, *DEMO, "poppler-utils")


def is_there(package):
    return any(
        Path(name).exists() if name.startswith("/") else shutil.which(name)
        for name in PACKAGES[package]
    )


def browser():
    """Return the path of the browser."""
    return next(filter(None, map(shutil.which, PACKAGES["chromium"])))


def ensure(packages):
    """Install the missing packages, or say in one line which ones to install."""
    missing = [package for package in packages if not is_there(package)]
    if not missing:
        return
    if not (is_root() and shutil.which("apt-get")):
        raise DevError(f"Please install: {' '.join(missing)} (then call ./dev again).")
    with lock("apt"):
        say(f"Installing {' '.join(missing)} …")
        apt_install(missing)


def apt_install(packages):
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt_update = ["apt-get", "-q", "update"]
    run_logged(apt_update, "apt.log", "Package lists cannot be read: is the network up?", env=env)
    command = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]
    problem = f"Please install by hand: {' '.join(packages)}"
    run_logged(command, "apt.log", problem, env=env)


def debian_mirror():
    """Return the address of the Debian archive that this machine uses."""
    if os.environ.get("DEBIAN_MIRROR"):
        return os.environ["DEBIAN_MIRROR"]
    folder = Path("/etc/apt")
    for path in (folder / "sources.list", *sorted(folder.glob("sources.list.d/*"))):
        text = path.read_text(errors="replace") if path.is_file() else ""
        for address in re.findall(r"^(?:URIs:|deb\s+(?:\[.*?\])?)\s*(\S+)", text, re.MULTILINE):
            if re.search(r"/debian/?$", address):
                return address
    return None


def find_python():
    """Return a Python 3.11 or 3.12 of this machine."""
    wanted = os.environ.get("DUNNING_PYTHON")
    names = [wanted] if wanted else ["python3.12", "python3.11", "python3"]
    check = (
        "import sys, venv, ensurepip; assert sys.version_info[:2] in ((3, 11), (3, 12));"
        "print(sys.executable)"
    )
    for name in names:
        for path in candidates(name):
            found = subprocess.run([path, "-c", check], capture_output=True, text=True)
            if found.returncode == 0:
                return os.path.realpath(found.stdout.strip())
    raise DevError(
        "Odoo 19 needs Python 3.11 or 3.12 with venv (Debian: python3-venv): "
        "install one or set DUNNING_PYTHON to it."
    )


def candidates(name):
    """Return every program of that name on the path, not only the first one."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    paths = [name] if os.sep in name else [os.path.join(folder, name) for folder in folders]
    return [path for path in paths if os.access(path, os.X_OK)]


def private_apt(folder, mirror):
    """Write apt's settings for Debian's unstable suite, apart from the machine's own."""
    keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    if not keyring.exists():
        raise DevError("Please install debian-archive-keyring (or set ODOO_HOME to Odoo 19).")
    for name in ("state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "state/status").touch()
    (folder / "debian.sources").write_text(
        f"Types: deb\nURIs: {mirror}\nSuites: sid\nComponents: main\nSigned-By: {keyring}\n"
    )
    settings = {
        "Dir::State": folder / "state",
        "Dir::State::Lists": folder / "state/lists",
        "Dir::State::status": folder / "state/status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::SourceList": folder / "debian.sources",
        "Dir::Etc::SourceParts": "/dev/null",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        # root would otherwise drop to a user who cannot read a private folder
        "APT::Sandbox::User": "root" if is_root() else "",
    }
    path = folder / "apt.conf"
    path.write_text("".join(f'{key} "{value}";\n' for key, value in settings.items() if value))
    return ["env", f"APT_CONFIG={path}", "apt-get", "-q"]
