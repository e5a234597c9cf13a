"""./dev python …: the Python that runs Odoo."""

import os

from . import odoo_env


def run(arguments):
    python, _source, env = odoo_env.environment()
    os.execvpe(python, [str(python), *arguments], env)
