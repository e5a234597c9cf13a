"""Programs expected on the machine, installed from the distribution when that is possible."""

import os
import shutil
from pathlib import Path

from .base import DevError, is_root, lock, run_logged, say

# Debian package: the programs, or the folder, that show that it is there
PACKAGES = {
    "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "wkhtmltopdf": ("wkhtmltopdf",),
    "poppler-utils": ("pdftoppm",),
    "fonts-roboto-unhinted": ("/usr/share/fonts/truetype/roboto/unhinted",),
}
DEMO = ("wkhtmltopdf", "fonts-roboto-unhinted")
SCREENS = ("chromium", *DEMO)
TESTS = (*SCREENS, "poppler-utils")


def find(package):
    """Return the path of what shows that a package is there, None when it is not."""
    found = (
        name if name.startswith("/") and Path(name).exists() else shutil.which(name)
        for name in PACKAGES[package]
    )
    return next(filter(None, found), None)


def ensure(packages, else_say=None):
    """Install the missing packages, or say in one line which ones to install.

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
        problem = "Package lists cannot be read: is the network up?"
        run_logged(["apt-get", "-q", "update"], "apt.log", problem, env=env)
        command = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *missing]
        run_logged(command, "apt.log", f"Please install by hand: {names}", env=env)
