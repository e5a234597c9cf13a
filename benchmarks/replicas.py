"""Which pages a replica answers alone, and how much three of them answer. Needs no Odoo.

PostgreSQL tells it: each server writes the statements that Odoo sends into its log.
"""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

from . import pages
from .table import measure

# How long so many people at each server ask.
SECONDS, PEOPLE = 10, 2
LINE, RUN, ACTION = "dunning.run.line", "dunning.run", "ir.actions.act_window"
STATEMENT = b"LOG:  statement: "
# Pages that go to the primary, and why. What was changed since is noted when the figures are read;
# the message at the side is made, and undone again.
EXCEPTIONS = {
    "settings": "not declared by Odoo",
    "task list, figures": "writes",
    "task list, side": "writes",
}
SCREENS = ("excluded receivables", "task list")


def prepare(env, user):
    """Send one customer's reminder, and prepare a list; print the address of the reminder."""
    env = env(user=user, su=False, context={"allowed_company_ids": env.company.ids})
    env.company.dunning_answers = True
    run = env[RUN].create({})
    run.action_prepare()
    own = [("run_id", "=", run.id)]
    customer = env[LINE].search([*own, ("checked", "=", True)], limit=1).partner_id
    env[LINE].tick([*own, ("partner_id", "!=", customer.id)], False)
    run.action_send()
    # sudo: the link to the customer's page is for the customer
    notice = run.notice_ids[:1].sudo()
    env[RUN].create({}).action_prepare()
    env.cr.commit()
    print(json.dumps({"page": f"{notice.access_url}?access_token={notice.access_token}"}))


def task_list(session, domain):
    """Return {name: what asks for it} of the task list and of the forms that it leads to."""
    names = ["partner_id", "move_id", "run_id"]
    [line] = session.call(LINE, "search_read", domain, names, limit=1)
    customer, invoice, run = (line[name][0] for name in names)
    domain = [["run_id", "=", run], *domain]
    groups = {"groupby": ["partner_id"], "aggregates": ["amount_residual:sum", "__count"]}
    groups |= {"limit": 40, "auto_unfold": True}
    groups["unfold_read_specification"], _limit = session.specification(LINE, "list")
    asked = {
        "task list, marks": (LINE, "read_customer_marks", domain, [customer]),
        "task list, figures": (RUN, "read_figures", run),
        "task list, side": (LINE, "read_side", line["id"]),
    }
    for name, model, res_id in (
        ("customer", "res.partner", customer),
        ("invoice", "account.move", invoice),
    ):
        wanted, _limit = session.specification(model, "form")
        asked[f"{name}, form"] = (model, "web_read", [res_id], wanted)
        asked[f"{name}, panel"] = (model, "dunning_panel", [res_id])
        asked[f"{name}, headline"] = (model, "dunning_headline", [res_id])
    found = {name: lambda args=args: session.call(*args) for name, args in asked.items()}
    found["task list"] = lambda: session.call(LINE, "web_read_group", domain, **groups)
    return found


def menus(session):
    """Return {name: what asks for it}: each list of ours, from the menu to its first record."""
    own = [["module", "=", "dunning_exclusion"], ["model", "=", ACTION]]
    ids = [row["res_id"] for row in session.call("ir.model.data", "search_read", own, ["res_id"])]

    def open_list(action):
        model = action["res_model"]
        session.ask("/web/action/load", action_id=action["id"])
        wanted, _limit = session.specification(model, "list")
        options = {"domain": [], "specification": wanted, "limit": pages.PAGE}
        page = session.call(model, "web_search_read", **options)
        for record in page["records"][:1] if "form" in action["view_mode"] else []:
            wanted, _limit = session.specification(model, "form")
            session.call(model, "web_read", [record["id"]], wanted)

    return {
        f"menu: {action['name']}": lambda action=action: open_list(action)
        for action in session.call(ACTION, "read", ids, ["name", "res_model", "view_mode"])
        if "list" in action["view_mode"]
    }


def screens(session):
    """Return {name: what asks for it} of what people work with."""
    found = {name: work for name, (_kind, work) in pages.pages(session).items()}
    listed = [["run_id.state", "=", "prepared"], ["outcome", "!=", "dropped"]]
    return {**found, **task_list(session, listed)}


class Log:
    """The log of a server that notes each statement."""

    def __init__(self, folder):
        self.file = (folder / "server.log").open("rb")
        self.count()

    def count(self):
        """Return how many statements Odoo has sent since this was asked last."""
        return sum(line.count(STATEMENT) for line in self.file)


def page_lines(works, primary, replica):
    """Yield how often each page asked the primary, then how many did that only read.

    :param works: {name of a page: what asks for it}
    """
    logs, missed = (Log(primary), Log(replica)), 0
    for name, work in works.items():
        work()
        asked, answered = (log.count() for log in logs)
        note, why = f"{answered} at the replica", EXCEPTIONS.get(name)
        if why:
            yield measure(f"replica: {name}", asked, "at the primary", note=f"{note}: {why}")
            continue
        missed += bool(asked or not answered)
        yield measure(f"replica: {name}", asked, "at the primary", limit=0, note=note)
    yield measure("pages that only read, not answered by the replica", missed, "", limit=0)


def load(works):
    """Ask by all `works` at the same time; return requests a second and processors in use."""
    start, busy = time.monotonic(), busy_seconds()

    def ask(work):
        count = 0
        while time.monotonic() < start + SECONDS:
            work()
            count += 1
        return count

    with ThreadPoolExecutor(len(works)) as pool:
        count = sum(pool.map(ask, works))
    seconds = time.monotonic() - start
    return count / seconds, (busy_seconds() - busy) / seconds


def busy_seconds():
    """Return for how long the processors of the machine have worked."""
    with open("/proc/stat") as file:
        values = [int(value) for value in file.readline().split()[1:9]]
    return (sum(values) - values[3] - values[4]) / os.sysconf("SC_CLK_TCK")


def load_lines(kind, ports, database, primary):
    """Yield what all servers answer, each with its replica, beside what one of them does."""
    log, asked = Log(primary), 0
    for screen in SCREENS:
        found = []
        for some in (ports[:1], ports):
            sessions = [pages.Session(port, database) for port in some for _person in range(PEOPLE)]
            works = [screens(session)[screen] for session in sessions]
            for work in works:
                work()
            log.count()
            found.append(load(works))
            asked += log.count()
        (one, busy_one), (all_, busy) = found
        name = f"{len(ports)} replicas{kind}: {screen}"
        yield measure(name, all_, "a second", one, "by 1")
        unit = f"of {os.cpu_count()}"
        yield measure(f"{name}, processors in use", busy, unit, busy_one, "by 1")
    yield measure(f"replicas{kind}: statements", asked, "at the primary", limit=0)
