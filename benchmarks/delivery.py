"""A run from the click until the last e-mail has arrived: two workers, jobs, a mail server.

`prepare` runs in Odoo's shell; the rest needs no Odoo.
"""

import json
import time

from aiosmtpd.controller import Controller

from .table import measure

# So many customers must have their e-mail within half an hour.
CUSTOMERS, SECONDS = 100_000, 1800
# How long nothing may arrive until it is given up.
PATIENCE = 300
RUN = "dunning.run"


class MailServer(Controller):
    """Takes every message, and counts them."""

    def __init__(self, port):
        super().__init__(self, hostname="127.0.0.1", port=port)
        self.count = 0

    async def handle_DATA(self, _server, _session, _envelope):
        self.count += 1
        return "250 Kept"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self.stop()


def prepare(env, user, port):
    """Prepare a run of all customers, whose e-mails go to `port`; print its id."""
    env = env(user=user, su=False, context={"allowed_company_ids": env.company.ids})
    # sudo: who sends reminders sets up no mail servers
    servers = env["ir.mail_server"].sudo()
    servers.search([]).active = False
    servers.create({"name": "Counted", "smtp_host": "127.0.0.1", "smtp_port": port})
    # Both may be the sender of a reminder.
    for sender in (env.company, env.user.partner_id):
        # sudo: the same
        sender.sudo().email = "reminders@example.com"
    run = env[RUN].create({})
    run.action_prepare()
    env.cr.commit()
    print(json.dumps({"run": run.id}))


def lines(session, run_id, mails):
    """Send the run in the background; yield how long it took until all e-mails had arrived."""
    start = time.monotonic()
    session.call(RUN, "action_send_in_background", [run_id])
    made = await_that(lambda: read(session, run_id)["state"] == "done", mails) - start
    waiting = [["run_id", "=", run_id], ["state", "=", "queued"], ["mail_id", "!=", False]]
    all_left = await_that(lambda: not count(session, waiting), mails) - start
    sent = count(session, [["run_id", "=", run_id], ["state", "=", "sent"]])
    # Odoo may have had another e-mail to send.
    assert 0 < sent <= mails.count, f"{sent} are sent, {mails.count} have arrived"
    yield measure(f"delivery: messages for {sent:,} customers are made", made)
    yield measure(
        f"delivery: all {sent:,} e-mails have arrived", all_left, limit=SECONDS * sent / CUSTOMERS
    )


def read(session, run_id):
    return session.call(RUN, "read", [run_id], ["state"])[0]


def count(session, domain):
    return session.call("dunning.notice", "search_count", domain)


def await_that(condition, mails):
    """Wait for something, as long as e-mails arrive now and then; return when it was so."""
    seen, since = -1, time.monotonic()
    while not condition():
        if mails.count != seen:
            seen, since = mails.count, time.monotonic()
        assert time.monotonic() < since + PATIENCE, f"no e-mail after the first {seen:,}"
        time.sleep(0.5)
    return time.monotonic()
