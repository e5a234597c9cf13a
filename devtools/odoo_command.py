"""./dev odoo …: Odoo's own command line, with this repository in its addons path."""

import os

from . import odoo_env


def run(arguments):
    command = odoo_env.command(*arguments)
    os.execvpe(command[0], command, odoo_env.environment()[2])
