"""The Odoo 19 source: the user's own, or the one Debian packages, in the cache."""

import importlib.util
import os
import re
import runpy
import shutil
import tempfile
from collections import namedtuple
from functools import partial
from pathlib import Path

from .base import DevError, complete_folder, fingerprint, is_root, run_logged

DEBIAN_PACKAGES = ("odoo-19", "libjs-jquery", "fonts-roboto-unhinted", "fonts-montserrat")
# where packages of Debian are installed, and unpacked
PYTHON_PATH = "usr/lib/python3/dist-packages"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# dropped by Debian, but still named in the manifest of `mail`: every page would log an error
MISSING_SCRIPT = "addons/mail/static/lib/selfie_segmentation/selfie_segmentation.js"
# of apt, for Debian's unstable suite, apart from the machine's own
SETTINGS = """
Dir::State "{0}/state";
Dir::State::Lists "{0}/state/lists";
Dir::State::status "{0}/state/status";
Dir::Cache "{0}/cache";
Dir::Etc::SourceList "{0}/debian.sources";
Dir::Etc::SourceParts "/dev/null";
Acquire::Languages "none";
Acquire::Retries "3";
"""

Source = namedtuple("Source", "python_path addons version")


def find():
    """Return the source of an Odoo 19: ODOO_HOME, an installed one, else a download."""
    home = os.environ.get("ODOO_HOME")
    if not home:
        return installed() or from_folder(download())
    source = from_folder(Path(home).absolute())
    if not source:
        raise DevError(f"ODOO_HOME={home} is not the source of Odoo 19.0.")
    return source


def from_folder(folder):
    """Return the source below a folder that holds `odoo/`, None when it is no Odoo 19."""
    version = release(folder / "odoo")
    addons = [folder / "addons"] if (folder / "addons").is_dir() else []
    return Source(folder, addons, version) if version else None


def release(package):
    """Return the version of a package `odoo`, None when it is no Odoo 19."""
    path = package / "release.py"
    values = runpy.run_path(str(path)) if path.exists() else {"version_info": ()}
    return values["version"] if values["version_info"][:2] == (19, 0) else None


def installed():
    """Return the Odoo 19 that the machine's own Python imports, alone in a folder."""
    found = importlib.util.find_spec("odoo")
    packages = list(found.submodule_search_locations or []) if found else []
    for package in filter(release, map(Path, (*packages, f"/{PYTHON_PATH}/odoo"))):
        message = f"Using the Odoo in {package} …"
        build = partial(link, package)
        return from_folder(complete_folder("odoo-link", fingerprint(package), message, build))
    return None


def link(package, folder):
    (folder / "odoo").symlink_to(package)


def download():
    """Return the folder with Debian's Odoo 19, unpacked into the cache, never installed."""
    return complete_folder("odoo", "19.0", "Downloading Odoo 19 (125 MB) …", fetch) / PYTHON_PATH


def fetch(folder):
    mirror = debian_mirror()
    if not mirror or not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise DevError(
            "Odoo 19 cannot be downloaded here: set ODOO_HOME to its source, "
            "or on Ubuntu DEBIAN_MIRROR to the address of a Debian archive."
        )
    with tempfile.TemporaryDirectory(prefix="dunning-apt-") as name:
        work = Path(name)
        apt = private_apt(work, mirror)
        problem = "Odoo 19 cannot be downloaded: is the network up? Or set ODOO_HOME."
        for command in (["update"], ["download", *DEBIAN_PACKAGES]):
            run_logged([*apt, *command], "odoo-source.log", problem, cwd=work)
        for package in sorted(work.glob("*.deb")):
            command = ["dpkg", "-x", package, folder]
            run_logged(command, "odoo-source.log", "Odoo cannot be unpacked: is the disk full?")
    package = folder / PYTHON_PATH / "odoo"
    if not release(package):
        raise DevError("The Odoo of Debian is not 19.0 any more: set ODOO_HOME to Odoo 19.")
    script = package / MISSING_SCRIPT
    if not script.exists():
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text("// blurring of the camera background is not available\n")


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


def private_apt(folder, mirror):
    """Return apt-get with settings of its own, all of them in this folder."""
    if not KEYRING.exists():
        raise DevError("Please install debian-archive-keyring (or set ODOO_HOME to Odoo 19).")
    for name in ("state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "state/status").touch()
    (folder / "debian.sources").write_text(
        f"Types: deb\nURIs: {mirror}\nSuites: sid\nComponents: main\nSigned-By: {KEYRING}\n"
    )
    # root would otherwise drop to a user who cannot read a private folder
    user = 'APT::Sandbox::User "root";\n' if is_root() else ""
    (folder / "apt.conf").write_text(SETTINGS.format(folder) + user)
    return ["env", f"APT_CONFIG={folder / 'apt.conf'}", "apt-get", "-q"]
