"""Measures of the screening, of runs, of forms and of blocks, in one open database.

Each function yields `Measure`s. Nothing is committed: what was written is rolled back.
"""

from dataclasses import asdict, dataclass

from odoo.tools import SQL

from odoo.addons.dunning_exclusion.screening import statement

from . import floors
from .clock import Clock, memory_above


@dataclass
class Measure:
    """One line of the table: a value, what it is compared with, and what it must reach."""

    name: str
    value: float
    unit: str = "s"
    floor: float | None = None
    floor_name: str = ""
    limit: float | None = None
    note: str = ""

    @property
    def ratio(self):
        return self.value / self.floor if self.floor else None

    @property
    def reached(self):
        """Return whether the limit is kept: of the ratio where there is a floor."""
        if self.limit is None:
            return None
        return (self.ratio if self.floor else self.value) <= self.limit

    def as_dict(self):
        return {**asdict(self), "ratio": self.ratio, "reached": self.reached}


def all_companies(env):
    companies = env["res.company"].search([], order="id")
    return env(context=dict(env.context, allowed_company_ids=companies.ids)), companies


# Screening -------------------------------------------------------------------------------------


def screening(env):
    """Outcome counts by rule, against the same in SQL written by hand."""
    env, companies = all_companies(env)
    clock = Clock(env)
    floor = floors.query(floors.COUNTS, env, companies)
    times = clock.side_by_side(
        count=lambda: env.cr.execute(floors.COUNT),
        floor=lambda: by_hand(env, floor),
        screening=lambda: outcome_counts(env),
    )
    yield Measure("F1: count open items", times["count"])
    yield Measure("F2: classify and count, by hand", times["floor"])
    yield Measure("screening of everything", times["screening"], "s", times["floor"], "F2", 1.5)
    compare_with_floor(env, floor)


def by_hand(env, floor, run=False):
    """Run a floor under the settings that the addon chooses for its statements."""
    with statement.planned(env, run=run):
        env.cr.execute(floor)


def outcome_counts(env):
    return env["dunning.screening"]._read_group(
        [], ["outcome", "rule_id"], ["__count", "amount_residual:sum"]
    )


def compare_with_floor(env, floor):
    """Raise unless the screening and the SQL written by hand agree on every count."""
    expected = {rank: (count, amount) for rank, count, amount in env.execute_query(floor)}
    found = {
        floors.RANK.get(rule.code): (count, amount)
        for _outcome, rule, count, amount in outcome_counts(env)
    }
    expected = {
        rank: (count, round(float(amount), 2)) for rank, (count, amount) in expected.items()
    }
    found = {rank: (count, round(amount, 2)) for rank, (count, amount) in found.items()}
    assert found == expected, f"screening {found}\nby hand {expected}"


def plan(env):
    """Return the plan of the statement behind a run, as it was executed."""
    run = env["dunning.run"].create({})
    question = run._question()
    with env["dunning.screening"]._screened(question) as screening:
        env.cr.execute(SQL("EXPLAIN (ANALYZE, BUFFERS, SETTINGS) %s", screening))
    lines = "\n".join(row[0] for row in env.cr.fetchall())
    env.cr.rollback()
    return lines


# Runs ------------------------------------------------------------------------------------------


# What a run is stored in, and what F3 stores in.
TABLES = ("dunning_run_line", "bench_floor")


def make_floor(env):
    """Make what F3 stores in, and return F3."""
    env.cr.execute(floors.TABLE)
    # Cleaned up between the rounds, and not during one of them.
    for table in TABLES:
        env.cr.execute(
            SQL("ALTER TABLE %s SET (autovacuum_enabled = FALSE)", SQL.identifier(table))
        )
    env.cr.commit()
    env.cr.execute("ANALYZE")
    # It locks tables that all databases share, and another process measures in another one.
    env.cr.commit()
    return floors.query(floors.INSERT, env, env.company)


def undo(env):
    """Roll back, and remove what is left of it: the next round shall not write around it."""
    env.cr.rollback()
    env.cr._cnx.autocommit = True
    for table in TABLES:
        env.cr.execute(SQL("VACUUM %s", SQL.identifier(table)))
    env.cr._cnx.autocommit = False


def prepare(env):
    """A run of all due items, stored, against INSERT … SELECT written by hand."""
    clock = Clock(env)
    run = env["dunning.run"].create({})
    floor = make_floor(env)
    times = clock.side_by_side(
        undo=lambda: undo(env),
        floor=lambda: by_hand(env, floor, run=True),
        prepare=run.action_prepare,
    )
    with env.registry.cursor() as cr:
        # A new process of PostgreSQL, which keeps no memory of earlier work.
        anew = run.with_env(env(cr=cr))
        with memory_above() as memory, memory_above(cr._cnx.info.backend_pid) as backend:
            anew.action_prepare()
        lines = anew.line_ids.search_count([("run_id", "=", run.id)])
        cr.rollback()
    by_hand(env, floor, run=True)
    stored = env.cr.rowcount
    undo(env)
    run.unlink()
    env.cr.execute("DROP TABLE bench_floor")
    env.cr.execute("ALTER TABLE dunning_run_line RESET (autovacuum_enabled)")
    env.cr.commit()
    yield Measure("F3: classify and store, by hand", times["floor"], note=f"{stored} lines")
    yield Measure(
        "prepare a run of all due items",
        times["prepare"],
        *("s", times["floor"], "F3", 2.0),
        note=f"{lines} lines",
    )
    yield Measure("memory of preparing", memory.megabytes, "MB", limit=300)
    yield Measure("memory of preparing, in PostgreSQL", backend.megabytes, "MB")


# One customer ----------------------------------------------------------------------------------


def explanation(env):
    """Database time to explain one customer or invoice, and to open their forms."""
    clock = Clock(env)
    line = env["account.move.line"].search(
        [("dunning_outcome", "=", "unchecked"), ("company_id", "=", env.company.id)], limit=1
    )
    customer, invoice = line.partner_id, line.move_id
    works = {
        "explain one customer": customer.dunning_explain,
        "explain one invoice": invoice.dunning_explain,
        "open the customer: what the addon adds": lambda: read_ours(customer),
        "open the invoice: what the addon adds": lambda: read_ours(invoice),
    }
    for name, work in works.items():
        yield Measure(name, clock.database_median(work) * 1000, "ms in database", limit=20)


def read_ours(record):
    """Read the fields that the addon adds to the form of `record`."""
    view = record.get_view(view_type="form")
    names = [
        name
        for name in view["models"][record._name]
        if "dunning" in name and name in record._fields
    ]
    return record.web_read({name: {} for name in names})


def search(env):
    """The first page of a search on the outcome: everything, and one customer."""
    env, companies = all_companies(env)
    clock = Clock(env)
    Line = env["account.move.line"]
    customer = Line.search([("dunning_outcome", "=", "unchecked")], limit=1).partner_id
    wanted = [("dunning_outcome", "=", "unchecked")]
    floor = floors.query(floors.COUNTS, env, companies)
    times = clock.side_by_side(
        floor=lambda: by_hand(env, floor),
        everything=lambda: Line.web_search_read(wanted, {"name": {}}, limit=80),
    )
    mine = [*wanted, ("partner_id", "=", customer.id)]
    own = clock.median(lambda: Line.web_search_read(mine, {"name": {}}, limit=80))
    yield Measure(
        "search by outcome, 80 of all items", times["everything"], "s", times["floor"], "F2", 2.0
    )
    yield Measure("search by outcome within a customer", own, limit=0.3)


# Blocks ----------------------------------------------------------------------------------------


def blocks(env):
    """Stop many customers at once."""
    clock = Clock(env)
    env.cr.execute(
        """SELECT id FROM res_partner
            WHERE ref LIKE 'C%' AND NOT EXISTS (
                SELECT 1 FROM dunning_block block WHERE block.partner_id = res_partner.id)
            ORDER BY id LIMIT 10000"""
    )
    ids = [row[0] for row in env.cr.fetchall()]

    def stop():
        env["res.partner"].browse(ids).action_dunning_stop()
        env.flush_all()

    yield Measure(f"stop {len(ids)} customers", clock.median(stop, undo=env.cr.rollback), limit=5.0)
