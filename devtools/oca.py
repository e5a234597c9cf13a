"""Addons of others that our bridges depend on: unpacked from wheels, since `odoo` is no package."""

import zipfile

from . import venv
from .base import complete_folder, fingerprint, run_logged

ADDONS = {"account_credit_control", "queue_job"}


def ensure():
    """Return an addons path with the addons of `requirements-oca.txt`."""
    pins = venv.requirements("-oca")
    folder = complete_folder("oca", fingerprint(pins), "Downloading addons of the OCA …", fetch)
    return folder / "odoo/addons"


def fetch(folder):
    pip = [venv.ensure(), "-m", "pip", "download", "-q", "--no-deps", "--require-hashes"]
    command = [*pip, "-d", folder, "-r", venv.requirements("-oca")]
    run_logged(command, "oca.log", "The addons of the OCA cannot be downloaded: is the network up?")
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.startswith("odoo/addons/")]
            archive.extractall(folder, names)
        wheel.unlink()
