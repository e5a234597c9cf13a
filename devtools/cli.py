"""The commands of ./dev."""

import errno
import importlib
import os
import sys

from . import packages
from .base import DevError

FOR_PEOPLE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
# command: (its function, what it does)
COMMANDS = {
    "demo": ("demo_command.run", "Odoo with the addon, demo data and a first run"),
    "test": ("test_command.run", "run every test, or the named ones on a prepared database"),
    "lint": ("lint_command.run", "check the files and repair what can be repaired"),
    "bench": ("bench_command.run", "measure speed and memory on a generated ledger"),
    "suites": ("suites_command.run", "tests of Odoo and of others, with our addons installed"),
    "texts": ("texts_command.run", "bring the files to translate up to date"),
    "readme": ("readme_command.run", "write the READMEs of the addons from their fragments"),
    "wheels": ("wheels_command.run", "build the addons as wheels, with a bill of materials"),
    "screens": ("screens_command.run", "take the pictures of the documentation again"),
    "tool": ("lint_command.run_tool", "run one of the checkers, with its own arguments"),
    "odoo": ("odoo_env.become_odoo", "pass anything to Odoo's own command line"),
    "python": ("odoo_env.become_python", "run Python with Odoo's packages"),
    "psql": ("odoo_env.become_psql", "open a database of this environment"),
    "stop": ("postgres.run_stop", "stop the private PostgreSQL"),
}
# These need none of Odoo's packages, and go on in the Python that started them.
PLAIN = ("lint", "tool", "wheels")
WITHOUT_ARGUMENTS = ("texts", "readme", "screens", "stop")
VARIABLES = {
    "DUNNING_CACHE": "folder of everything that is downloaded or made",
    "ODOO_HOME": "source of Odoo 19 to use instead of a download",
    "DUNNING_PYTHON": "Python 3.11 or 3.12 to use",
    "DUNNING_POSTGRES": "folder of PostgreSQL's programs, or 'embedded' for the packaged one",
    "DEBIAN_MIRROR": "address of a Debian archive, to get Odoo from (for Ubuntu)",
}


def usage():
    lines = ["usage: ./dev COMMAND …", ""]
    lines += [f"  {name:8} {text}" for name, (_function, text) in COMMANDS.items()]
    lines += ["", "Options: ./dev COMMAND --help, for demo, test, lint, bench, suites, wheels."]
    lines += ["", "Set in the environment:", ""]
    lines += [f"  {name:16} {text}" for name, text in VARIABLES.items()]
    return "\n".join(lines)


def main(arguments):
    if not arguments or arguments[0] in ("help", "-h", "--help"):
        print(usage())
        return 0
    name, *rest = arguments
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        if name not in COMMANDS:
            raise DevError(f"There is no command {name!r}: see ./dev help.")
        if rest and name in WITHOUT_ARGUMENTS:
            raise DevError(f"./dev {name} takes no arguments.")
        if name not in PLAIN:
            packages.go_on_there()
        module, function = COMMANDS[name][0].split(".")
        module = importlib.import_module(f".{module}", __package__)
        return getattr(module, function)(rest) or 0
    except DevError as error:
        print(f"dev: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in FOR_PEOPLE:
            raise
        print(f"dev: {error.strerror}: {error.filename or 'cache folder'}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
