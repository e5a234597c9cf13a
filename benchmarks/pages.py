"""What the web client asks the server for when a person opens a page. Needs no Odoo.

Each round asks a server process that has just started, over HTTP and with a session of its own, in
an order that is shuffled. What a page asks for is taken from its views, as the web client does it.
"""

import random
import statistics
import time
from xml.etree import ElementTree

import requests

from .table import measure

ROUNDS = 3
PAGE = 80
# The web client counts no further, unless the view says so.
COUNT_LIMIT = 10_000
# The lists in our menus; of other models it is the ordinary list.
VIEWS = {"res.partner": "res_partner_view_list", "account.move": "account_move_view_list"}
SCREENING = "dunning.screening"
LIST, OVERVIEW = "list", "overview"


class Session(requests.Session):
    """A person who is logged in, and asks as the web client does."""

    def __init__(self, port, database):
        super().__init__()
        self.address = f"http://127.0.0.1:{port}"
        login = {"db": database, "login": "admin", "password": "admin"}
        found = self.ask("/web/session/authenticate", **login)
        companies = [int(key) for key in found["user_companies"]["allowed_companies"]]
        self.context = {**found["user_context"], "allowed_company_ids": sorted(companies)}

    def ask(self, path, **params):
        question = {"jsonrpc": "2.0", "method": "call", "params": params}
        found = self.post(self.address + path, json=question).json()
        if "error" in found:
            raise RuntimeError(found["error"]["data"]["debug"])
        return found["result"]

    def show(self, path):
        self.get(self.address + path).raise_for_status()

    def call(self, model, method, *args, **kwargs):
        params = {"model": model, "method": method, "args": args}
        kwargs = {"context": self.context, **kwargs}
        return self.ask(f"/web/dataset/call_kw/{model}/{method}", **params, kwargs=kwargs)

    def view_id(self, model):
        """Return the id of the list of our menus, or False."""
        named = [["module", "=", "dunning_exclusion"], ["name", "=", VIEWS.get(model)]]
        found = self.call("ir.model.data", "search_read", named, ["res_id"])
        return found[0]["res_id"] if found else False

    def specification(self, model, kind):
        """Return the fields that a view shows, as the web client names them, and its limit."""
        chosen = self.view_id(model) if kind == "list" else False
        views = self.call(model, "get_views", views=[[chosen, kind], [False, "search"]])
        arch = ElementTree.fromstring(views["views"][kind]["arch"])
        known = views["models"][model]["fields"]
        wanted = {}
        for node in arch.iter("field"):
            field = known.get(node.get("name"), {})
            unseen = node.get("column_invisible") in ("1", "True")
            named = {"fields": {} if unseen else {"display_name": {}}}
            wanted[node.get("name")] = named if "relation" in field else {}
        wanted = {name: value for name, value in wanted.items() if name in known}
        return wanted, int(arch.get("count_limit", COUNT_LIMIT))


def pages(session):
    """Return {name of a page: (its kind, what asks for it)}."""

    def rows(model, domain, offset=0):
        wanted, count_limit = session.specification(model, "list")
        limits = {
            "limit": PAGE,
            "offset": offset,
            "count_limit": max(count_limit, offset + PAGE) + 1,
        }
        return lambda: session.call(
            model, "web_search_read", domain=domain, specification=wanted, **limits
        )

    def grouped(model, groupby, method="formatted_read_group"):
        by = {"groupby": groupby, "aggregates": ["amount_residual:sum", "__count"]}
        if method == "formatted_read_grouping_sets":
            by = {"grouping_sets": [[], groupby[:1], groupby], "aggregates": by["aggregates"]}
        return lambda: session.call(model, method, overdue, **by)

    def filters():
        checked = {"outcome": [], "rule_id": []}
        return session.call(SCREENING, "retrieve_filters", excluded, checked)

    def settings(model="res.config.settings"):
        wanted, _limit = session.specification(model, "form")
        return lambda: session.call(model, "onchange", [], {}, [], wanted)

    def effects():
        thresholds = {"dunning_item_minimum": 50}
        return session.call("res.config.settings", "get_threshold_effects", thresholds)

    overdue = [["days_overdue", ">", 0]]
    excluded = [["outcome", "!=", "included"], *overdue]
    unchecked = [["dunning_outcome", "=", "unchecked"]]
    invoices = [["move_type", "=", "out_invoice"], *unchecked]
    report = "dunning.exclusion.report"
    sets = "formatted_read_grouping_sets"
    return {
        "excluded receivables": (LIST, rows(SCREENING, excluded)),
        "excluded receivables, page 100": (LIST, rows(SCREENING, excluded, 99 * PAGE)),
        "customers by outcome": (LIST, rows("res.partner", unchecked)),
        "customers by outcome, page 100": (LIST, rows("res.partner", unchecked, 99 * PAGE)),
        "invoices by outcome": (LIST, rows("account.move", invoices)),
        "invoices by outcome, page 100": (LIST, rows("account.move", invoices, 99 * PAGE)),
        "items by outcome": (LIST, rows("account.move.line", unchecked)),
        "excluded receivables, in groups": (OVERVIEW, grouped(SCREENING, ["way_out"])),
        "filters at the side": (OVERVIEW, filters),
        "pivot": (OVERVIEW, grouped(report, ["rule_id", "outcome"], sets)),
        "graph": (OVERVIEW, grouped(report, ["rule_id"])),
        "Today": (LIST, lambda: session.call("dunning.run", "retrieve_dashboard", True)),
        "Today, what is held": (
            OVERVIEW,
            lambda: session.call("dunning.run", "retrieve_dashboard", False, False),
        ),
        "Today, to send and excluded": (
            OVERVIEW,
            lambda: session.call("dunning.run", "retrieve_screened"),
        ),
        "settings": (LIST, settings()),
        "settings, what thresholds exclude": (OVERVIEW, effects),
    }


def one_screening(session):
    return session.call(
        SCREENING,
        "formatted_read_group",
        [],
        groupby=["outcome", "rule_id"],
        aggregates=["amount_residual:sum", "__count"],
    )


def ask_all(session):
    """Ask for each page once, in any order; return {name: (kind, seconds)}."""
    works = list(pages(session).items())
    works.append(("one screening", ("", lambda: one_screening(session))))
    random.shuffle(works)
    found = {}
    for name, (kind, work) in works:
        start = time.perf_counter()
        work()
        found[name] = kind, time.perf_counter() - start
    return found


def table_lines(rounds, items):
    """Yield the lines of the table: the median of the rounds, beside one screening."""
    seconds = {
        name: statistics.median(found[name][1] for found in rounds) for name in sorted(rounds[0])
    }
    floor = seconds.pop("one screening")
    yield measure("page: one screening, for comparison", floor)
    for name, value in seconds.items():
        kind = rounds[0][name][0]
        if kind == LIST:
            yield measure(f"page: {name}", value, limit=0.5 if items > 150_000 else 0.15)
        else:
            yield measure(f"page: {name}", value, "s", floor, "one screening", 1.15)
