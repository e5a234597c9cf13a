"""The Odoo 19 source: the user's own, or the one Debian packages, in the cache."""

import os
import runpy
import shutil
import subprocess
import tempfile
from collections import namedtuple
from pathlib import Path

from . import machine
from .base import DevError, complete_folder, fingerprint, run_logged

DEBIAN_PACKAGES = ("odoo-19", "libjs-jquery", "fonts-roboto-unhinted", "fonts-montserrat")
# dropped by Debian, but still named in the manifest of `mail`: every page would log an error
MISSING_SCRIPT = "addons/mail/static/lib/selfie_segmentation/selfie_segmentation.js"

Source = namedtuple("Source", "python_path addons version")


def find():
    """Return the source of an Odoo 19: ODOO_HOME, an installed one, else a download."""
    home = os.environ.get("ODOO_HOME")
    if home:
        source = from_folder(Path(home).absolute())
        if not source:
            raise DevError(f"ODOO_HOME={home} is not the source of Odoo 19.0.")
        return source
    return installed() or from_folder(download())


def from_folder(folder):
    """Return the source below a folder that holds `odoo/`, None when it is no Odoo 19."""
    version = release(folder / "odoo")
    if not version:
        return None
    addons = [folder / "addons"] if (folder / "addons").is_dir() else []
    return Source(folder, addons, version)


def release(package):
    path = package / "release.py"
    if not path.exists():
        return None
    values = runpy.run_path(str(path))
    return values["version"] if values["version_info"][:2] == (19, 0) else None


def installed():
    """Return the Odoo 19 that the machine's own Python or `odoo` command imports."""
    for python in ("python3", "/usr/bin/python3"):
        if not shutil.which(python):
            continue
        code = "import odoo; print(list(odoo.__path__)[0])"
        found = subprocess.run([python, "-c", code], capture_output=True, text=True, cwd="/")
        package = Path(found.stdout.strip() or "/nowhere")
        if found.returncode == 0 and release(package):
            return from_folder(link(package))
    return None


def link(package):
    """Return a folder whose only package is this one, not all that is installed beside it."""
    return complete_folder(
        "odoo-link",
        fingerprint(package),
        f"Using the Odoo in {package} …",
        lambda folder: (folder / "odoo").symlink_to(package),
    )


def download():
    """Return the folder with Debian's Odoo 19, unpacked into the cache, never installed."""
    folder = complete_folder("odoo", "19.0", "Downloading Odoo 19 (125 MB) …", fetch)
    return folder / "usr/lib/python3/dist-packages"


def fetch(folder):
    mirror = machine.debian_mirror()
    if not mirror or not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise DevError(
            "Odoo 19 cannot be downloaded here: set ODOO_HOME to its source, "
            "or on Ubuntu DEBIAN_MIRROR to the address of a Debian archive."
        )
    with tempfile.TemporaryDirectory(prefix="dunning-apt-") as name:
        work = Path(name)
        apt = machine.private_apt(work, mirror)
        problem = "Odoo 19 cannot be downloaded: is the network up? Or set ODOO_HOME."
        run_logged([*apt, "update"], "odoo-source.log", problem, cwd=work)
        command = [*apt, "download", *DEBIAN_PACKAGES]
        run_logged(command, "odoo-source.log", problem, cwd=work)
        for package in sorted(work.glob("*.deb")):
            command = ["dpkg", "-x", package, folder]
            run_logged(command, "odoo-source.log", "Odoo cannot be unpacked: is the disk full?")
    repair(folder / "usr/lib/python3/dist-packages/odoo")


def repair(package):
    if not release(package):
        raise DevError("The Odoo of Debian is not 19.0 any more: set ODOO_HOME to Odoo 19.")
    script = package / MISSING_SCRIPT
    if not script.exists():
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text("// blurring of the camera background is not available\n")
