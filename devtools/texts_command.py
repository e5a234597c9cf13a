"""./dev texts: bring the texts to translate up to date: the .pot files, then every .po file."""

import subprocess

from . import lint_command, odoo_env, venv
from .base import DEVTOOLS, ROOT, DevError, cache
from .test_command import prepared


def run(arguments):
    if arguments:
        raise DevError("usage: ./dev texts (it takes no arguments)")
    addons = [path.parent.name for path in sorted(ROOT.glob("*/i18n"))]
    database = prepared(odoo_env.testable_addons())
    for addon in addons:
        fresh = cache(f"{addon}.pot")
        odoo_env.run("i18n", "export", "-d", database, "-l", "pot", "-o", fresh, addon, check=True)
        command = [venv.ensure(), DEVTOOLS / "merge_texts.py", fresh, ROOT / addon / "i18n"]
        subprocess.run(command, check=True)
        fresh.unlink()
    files = [str(path.relative_to(ROOT)) for path in ROOT.glob("*/i18n/*.po*")]
    lint_command.run(["--fix", "--only", "translations", *files])
    return lint_command.run(["--only", "translations", *files])
