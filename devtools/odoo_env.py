"""Odoo in this environment: its configuration, its command line, the addons of the repository."""

import ast
import os
import re
import secrets
import shutil
import subprocess
from functools import lru_cache

from . import odoo_source, packages, postgres
from .base import ROOT, DevError, cache, fingerprint, log_file


def manifests():
    """Return {addon: manifest} of the addons at the top of the repository."""
    files = sorted(ROOT.glob("*/__manifest__.py"))
    return {path.parent.name: ast.literal_eval(path.read_text()) for path in files}


@lru_cache(maxsize=None)
def environment():
    """Set everything up that Odoo needs; return (python, source, environment variables)."""
    source = odoo_source.find()
    python = packages.python()
    sockets = postgres.ensure()
    env = {
        **os.environ,
        "PYTHONPATH": str(source.python_path),
        "ODOO_HOME": str(source.python_path),
        "ODOO_RC": str(configuration(source, sockets)),
        "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PGHOST": str(sockets),
        "PGUSER": postgres.USER,
    }
    return python, source, env


def configuration(source, sockets):
    """Return Odoo's configuration file.

    The database manager is off: it needs no login, so any web page could drop databases through
    it. The master password is random, for the same reason. Odoo shows the database named by `-d`
    alone, as long as the file sets no filter.
    """
    path = cache("conf", f"{fingerprint(ROOT, source.python_path)}.conf")
    path.parent.mkdir(exist_ok=True)
    old = path.read_text() if path.exists() else ""
    password = re.search(r"^admin_passwd = (\S+)$", old, re.MULTILINE)
    needed = {name for manifest in manifests().values() for name in manifest.get("depends", [])}
    oca = [packages.oca_addons()] if needed & packages.OCA_ADDONS else []
    text = (
        "[options]\n"
        f"addons_path = {','.join(map(str, (ROOT, *oca, *source.addons)))}\n"
        f"data_dir = {cache('data')}\n"
        f"db_host = {sockets}\ndb_user = {postgres.USER}\n"
        f"list_db = False\nadmin_passwd = {password[1] if password else secrets.token_hex()}\n"
        "http_interface = 127.0.0.1\nworkers = 0\nmax_cron_threads = 0\n"
        "server_wide_modules = base,web\nunaccent = True\n"
    )
    if text != old:
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(text)
    return path


def command(*arguments):
    return [str(environment()[0]), "-m", "odoo", *map(str, arguments)]


def script_command(*arguments):
    """Return the same by a script: with workers Odoo starts another process by its name."""
    script = log_file("odoo-bin")
    script.write_text("import odoo.cli\nodoo.cli.main()\n")
    return [str(environment()[0]), str(script), *map(str, arguments)]


def run(*arguments, **options):
    """Run Odoo's command line and return the finished process."""
    options.setdefault("env", environment()[2])
    return subprocess.run(command(*arguments), **options)


def become_odoo(arguments):
    """Go on as Odoo's command line."""
    become_python(["-m", "odoo", *arguments])


def become_python(arguments):
    """Go on as the Python that runs Odoo."""
    python, _source, env = environment()
    os.execvpe(python, [str(python), *arguments], env)


def become_psql(arguments):
    """Go on as psql in the private cluster."""
    env = environment()[2]
    program = shutil.which("psql", path=f"{postgres.binaries()}{os.pathsep}{env['PATH']}")
    if not program:
        raise DevError("psql was not found: please install postgresql-client.")
    os.execvpe(program, ["psql", *(arguments or ["postgres"])], env)
