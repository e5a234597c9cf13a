"""Sending, seen from outside: real processes, transactions that commit, a real mail server.

Odoo is loaded once in this process; what sends is forked off, so that it can be killed.
"""

import contextlib
import logging
import os
import signal
import sys
import time
import traceback

import pytest
from aiosmtpd.controller import Controller

from devtools import databases, odoo_env
from devtools.base import free_port

CUSTOMERS = 200


class Mailbox:
    """An SMTP server that keeps (recipient, subject), and refuses addresses at refused.example."""

    def __init__(self):
        self.messages = []
        self.controller = Controller(self, hostname="127.0.0.1", port=0)

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address.endswith("@refused.example"):
            return "550 No such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        for address in envelope.rcpt_tos:
            self.messages.append((address, envelope.content))
        return "250 Kept"

    def start(self):
        self.controller.port = free_port()
        self.controller.start()
        return self.controller.port


class World:
    """A database of our own with customers and overdue invoices."""

    def __init__(self, name):
        import odoo.api

        self.odoo = odoo
        self.name = name
        self.registry = odoo.modules.registry.Registry(name)

    @contextlib.contextmanager
    def env(self):
        """Give an environment whose work is committed at the end."""
        with self.registry.cursor() as cr:
            yield self.odoo.api.Environment(cr, self.odoo.SUPERUSER_ID, {})

    def fork(self, function):
        """Run `function(env)` in a process of its own; return its number."""
        # Connections cannot be shared between processes.
        self.odoo.sql_db.close_all()
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            with self.env() as env:
                function(env)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def run_in_process(self, function):
        assert self.wait(self.fork(function)) == 0

    def run_killed(self, function, seconds):
        """Run `function(env)` and kill it after some time; return whether it was still at work."""
        before = self._sessions()
        pid = self.fork(function)
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
        killed = self.wait(pid) == -signal.SIGKILL
        # PostgreSQL notices it when it answers: until then it keeps what was locked.
        while self._sessions() - before:
            time.sleep(0.05)
        return killed

    def _sessions(self):
        """Return the processes of PostgreSQL that serve this database."""
        with self.odoo.sql_db.db_connect("postgres").cursor() as cr:
            cr.execute(
                """SELECT pid FROM pg_stat_activity
                    WHERE datname = %s AND backend_type = 'client backend'""",
                [self.name],
            )
            return {pid for (pid,) in cr.fetchall()}

    @staticmethod
    def wait(pid):
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def close(self):
        self.odoo.sql_db.close_db(self.name)
        self.odoo.modules.registry.Registry.delete(self.name)


@pytest.fixture(scope="session")
def odoo_process():
    """Load Odoo into this process."""
    _python, source, env = odoo_env.environment()
    os.environ.update(env)
    sys.path.insert(0, str(source.python_path))
    # Odoo works in UTC, whatever the machine does.
    os.environ["TZ"] = "UTC"
    time.tzset()
    import odoo
    import odoo.modules.registry
    import odoo.sql_db
    import odoo.tools

    logging.getLogger("mail.log").setLevel(logging.ERROR)
    odoo.tools.config.parse_config(["-c", env["ODOO_RC"], "--log-level=critical"])
    return odoo


@pytest.fixture(scope="session")
def origin(odoo_process):
    """The database that the worlds are copied from."""
    with database_with_customers("origin", ["dunning_exclusion"]) as name:
        yield name


@contextlib.contextmanager
def database_with_customers(suffix, addons, customers=CUSTOMERS):
    """Give the name of a database with these addons, customers and overdue invoices."""
    with databases.temporary(databases.prepared(addons), f"_{suffix}") as name:
        world = World(name)
        try:
            with world.env() as env:
                _create_customers(env, customers)
            world.odoo.sql_db.close_db(name)
            yield name
        finally:
            world.close()


@pytest.fixture
def mailbox(odoo_process):
    box = Mailbox()
    odoo_process.tools.config["smtp_server"] = "127.0.0.1"
    odoo_process.tools.config["smtp_port"] = box.start()
    yield box
    box.controller.stop()


@pytest.fixture
def world(origin, mailbox, request):
    with copied_world(origin, request) as world:
        yield world


@contextlib.contextmanager
def copied_world(origin, request):
    with databases.temporary(origin, f"_{request.node.name[:30]}") as name:
        world = World(name)
        try:
            yield world
        finally:
            world.close()


def _create_customers(env, customers):
    """Create a company's customers with one overdue invoice each, and a scenario."""
    env["account.chart.template"].try_loading("generic_coa", env.company, install_demo=False)
    env.company.email = "company@example.com"
    partners = env["res.partner"].create(
        [
            {"name": f"Customer {number:03}", "email": f"customer{number:03}@example.com"}
            for number in range(customers)
        ]
    )
    invoices = env["account.move"].create(
        [
            {
                "move_type": "out_invoice",
                "partner_id": partner.id,
                "invoice_date": "2024-01-01",
                "invoice_date_due": "2024-01-31",
                "invoice_line_ids": [(0, 0, {"name": "Service", "price_unit": 100})],
            }
            for partner in partners
        ]
    )
    invoices.action_post()
    env["dunning.scenario"].create(
        {
            "name": "Reminders",
            "automatic": True,
            "level_ids": [
                (
                    0,
                    0,
                    {
                        "name": "First",
                        "delay": 1,
                        "type_id": env.ref("dunning_exclusion.type_overdue").id,
                    },
                )
            ],
        }
    )
