"""The commands of ./dev."""

import errno
import importlib
import os
import sys

from .base import DevError

FOR_PEOPLE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
# command: (module, and its function if that is not run, what it does)
COMMANDS = {
    "demo": ("demo_command", "Odoo with the addon, demo data and a first run; --no-serve, --port"),
    "test": ("test_command", "run every test, or the named ones on a prepared database"),
    "screens": ("screens_command", "take the pictures of the documentation again"),
    "bench": ("bench_command", "measure speed and memory; --items, --only, --json"),
    "texts": ("texts_command", "bring the files to translate up to date"),
    "readme": ("readme_command", "write the READMEs of the addons from their fragments"),
    "suites": ("suites_command", "tests of Odoo and of others, with our addons installed"),
    "lint": ("lint_command", "check the files and repair what can be repaired"),
    "tool": ("lint_command:run_tool", "run one of the checkers, with its own arguments"),
    "odoo": ("odoo_env:become_odoo", "pass anything to Odoo's own command line"),
    "psql": ("odoo_env:become_psql", "open a database of this environment"),
    "stop": ("postgres:run_stop", "stop the private PostgreSQL"),
    "python": ("odoo_env:become_python", "run Python with Odoo's packages"),
}
VARIABLES = {
    "DUNNING_CACHE": "folder of everything that is downloaded or made",
    "ODOO_HOME": "source of Odoo 19 to use instead of a download",
    "DUNNING_PYTHON": "Python 3.11 or 3.12 to use",
    "DUNNING_POSTGRES": "folder of PostgreSQL's programs, or 'embedded' for the packaged one",
    "DEBIAN_MIRROR": "address of a Debian archive, to get Odoo from (for Ubuntu)",
}


def usage():
    lines = ["usage: ./dev COMMAND …", ""]
    lines += [f"  {name:8} {text}" for name, (_module, text) in COMMANDS.items()]
    lines += ["", "Set in the environment:", ""]
    lines += [f"  {name:16} {text}" for name, text in VARIABLES.items()]
    return "\n".join(lines)


def main(arguments):
    if not arguments or arguments[0] in ("help", "-h", "--help"):
        print(usage())
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        print(f"dev: there is no command {name!r}.\n{usage()}", file=sys.stderr)
        return 2
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        module, *function = COMMANDS[name][0].split(":")
        module = importlib.import_module(f".{module}", __package__)
        return getattr(module, *(function or ["run"]))(rest) or 0
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
