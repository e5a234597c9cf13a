"""./dev psql DATABASE …: psql in the private cluster."""

import os
import shutil

from . import odoo_env, postgres
from .base import DevError


def run(arguments):
    env = odoo_env.environment()[2]
    program = postgres.binaries() / "psql"
    program = program if program.exists() else shutil.which("psql")
    if not program:
        raise DevError("psql was not found: please install postgresql-client.")
    os.execvpe(program, ["psql", *(arguments or ["postgres"])], env)
