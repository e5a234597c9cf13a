"""Which pages a replica answers alone, and how much three of them answer. Needs no Odoo.

PostgreSQL tells it: both servers write each statement of Odoo into their logs.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor

from . import pages
from .table import measure

SECONDS, CLIENTS = 10, 6
LINE, RUN, ACTION = "dunning.run.line", "dunning.run", "ir.actions.act_window"
STATEMENT = b"LOG:  statement: "
# Their route or method is one of Odoo, which does not declare that it only reads.
OF_ODOO = {"settings"}
# They look for what was changed since and note it, or make the message and undo it again.
WRITING = {"task list, figures", "task list, side"}
SCREENS = ("excluded receivables", "task list")


def prepare(env, user):
    """Send one customer's reminder, and prepare a list; print the address of the reminder."""
    env = env(user=user, su=False, context={"allowed_company_ids": env.company.ids})
    env.company.dunning_answers = True
    run = env[RUN].create({})
    run.action_prepare()
    own = [("run_id", "=", run.id)]
    lines = env[LINE].search([*own, ("checked", "=", True)])
    lines.tick([*own, ("partner_id", "!=", lines[:1].partner_id.id)], False)
    run.action_send()
    notice = run.notice_ids[:1].sudo()
    env[RUN].create({}).action_prepare()
    env.cr.commit()
    print('{"page": "%s?access_token=%s"}' % (notice.access_url, notice.access_token))


def more_pages(session):
    """Return {name: what asks for it} of pages that are not in `pages`."""
    [run] = session.call(RUN, "search", [["state", "=", "prepared"]], limit=1)
    listed = [["run_id", "=", run], ["outcome", "!=", "dropped"]]
    names = ["partner_id", "move_id"]
    [line] = session.call(LINE, "search_read", listed, names, limit=1)
    customer, invoice = line["partner_id"][0], line["move_id"][0]
    options = {"limit": 40, "auto_unfold": True}
    options["unfold_read_specification"], _limit = session.specification(LINE, "list")
    sums = ["amount_residual:sum", "__count"]

    def form(model, res_id):
        wanted, _limit = session.specification(model, "form")
        return lambda: session.call(model, "web_read", [res_id], wanted)

    found = {
        "task list": lambda: session.call(
            LINE, "web_read_group", listed, ["partner_id"], sums, **options
        ),
        "task list, marks": lambda: session.call(LINE, "read_customer_marks", listed, [customer]),
        "task list, figures": lambda: session.call(RUN, "read_figures", run),
        "task list, side": lambda: session.call(LINE, "read_side", line["id"]),
    }
    for model, res_id in (("res.partner", customer), ("account.move", invoice)):
        found[f"{model}, form"] = form(model, res_id)
        for name in ("panel", "headline"):
            found[f"{model}, {name}"] = lambda model=model, res_id=res_id, name=name: session.call(
                model, f"dunning_{name}", [res_id]
            )
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


class Log:
    """The log of a server that notes each statement."""

    def __init__(self, folder):
        self.path, self.seen = folder / "server.log", 0
        self.count()

    def count(self):
        """Return how many statements Odoo has sent since this was asked last."""
        text = self.path.read_bytes()[self.seen :]
        self.seen += len(text)
        return text.count(STATEMENT)


def all_pages(session, reminder):
    """Return {name: what asks for it} of all pages; the last is what a customer opens."""
    found = {name: work for name, (_kind, work) in pages.pages(session).items()}
    found |= {**more_pages(session), **menus(session)}

    def customers_page():
        session.get(session.address + reminder).raise_for_status()

    return {**found, "page of a reminder": customers_page}


def page_lines(session, reminder, primary, replica):
    """Yield for each page how often the primary was asked, and how many were its fault or ours."""
    logs, missed = (Log(primary), Log(replica)), 0
    for name, work in all_pages(session, reminder).items():
        for log in logs:
            log.count()
        work()
        asked, answered = (log.count() for log in logs)
        limit, note = 0, f"{answered} at the replica"
        if name in OF_ODOO or name in WRITING:
            limit, why = None, "writes" if name in WRITING else "not declared by Odoo"
            note = f"{note}: {why}"
        elif asked or not answered:
            missed += 1
        yield measure(f"replica: {name}", asked, "at the primary", limit=limit, note=note)
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
            sessions = [pages.Session(some[n % len(some)], database) for n in range(CLIENTS)]
            works = [all_pages(session, "")[screen] for session in sessions]
            for work in works:
                work()
            log.count()
            found.append(load(works))
            asked += log.count()
        name = f"{len(ports)} replicas{kind}: {screen}"
        (one, busy_one), (all_, busy) = found
        yield measure(name, all_, "a second", one, "by 1")
        unit = f"of {os.cpu_count()}"
        yield measure(f"{name}, processors in use", busy, unit, busy_one, "by 1")
    yield measure(f"replicas{kind}: statements", asked, "at the primary", limit=0)
