"""Measures of the screening, of runs, of forms, of blocks and of sending, in one open database.

Each function yields lines of the table. What was written is rolled back, except by `send`.
"""

import io
import statistics
from unittest.mock import patch

from odoo.tools.pdf import PdfFileWriter

from odoo.addons.dunning_exclusion.screening import statement

from . import floors
from .clock import Clock, Memory, vacuum
from .table import measure

# What a run is stored in, and what F3 stores in.
TABLES = ("dunning_run_line", "bench_floor")
SIZES = (100, 1000, 10000)
WARM_UP = 20
ROUNDS_OF_GROWTH = 6
# The records on a page of a list.
PAGE = 80
# All that PostgreSQL knows of tables but the number of their pages, as before the first ANALYZE.
FORGET = """
DELETE FROM pg_statistic
 WHERE starelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace);
UPDATE pg_class SET reltuples = -1, relpages = 0, relallvisible = 0
 WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace"""

# Gives open items of a company to one customer; not those of another one.
MANY_ITEMS = """
UPDATE account_move_line SET partner_id = %s WHERE id IN (
    SELECT line.id FROM account_move_line line JOIN account_account account
           ON account.id = line.account_id AND account.account_type = 'asset_receivable'
     WHERE line.reconciled IS NOT TRUE AND line.partner_id <> %s AND line.company_id = %s
     LIMIT 50000)"""


def all_companies(env):
    companies = env["res.company"].search([], order="id")
    return env(context=dict(env.context, allowed_company_ids=companies.ids)), companies


def screening(env):
    """Outcome counts by rule, against the same in SQL written by hand."""
    env, companies = all_companies(env)
    floor = floors.query(floors.COUNTS, env, companies)
    times = Clock(env).side_by_side(
        count=lambda: env.cr.execute(floors.COUNT),
        floor=lambda: by_hand(env, floor),
        screening=lambda: outcome_counts(env),
    )
    yield measure("F1: count open items", times["count"])
    yield measure("F2: classify and count, by hand", times["floor"])
    yield measure("screening of everything", times["screening"], "s", times["floor"], "F2", 1.15)
    by_rule = {rule.code: counts for _outcome, rule, *counts in outcome_counts(env)}
    found = rounded((floors.RANK.get(code), *counts) for code, counts in by_rule.items())
    expected = rounded(env.execute_query(floor))
    assert found == expected, f"screening {found}\nby hand {expected}"


def rounded(rows):
    return {rank: (count, round(float(amount), 2)) for rank, count, amount in rows}


def by_hand(env, floor, run=False, some=False):
    """Run a floor under the addon's own settings for statements; return the number of rows."""
    with statement.planned(env, run=run, some=some):
        # What is written by hand looks up row by row where PostgreSQL chooses to.
        env.cr.execute("SET LOCAL enable_nestloop = on")
        env.cr.execute(floor)
        return env.cr.rowcount


def outcome_counts(env):
    return env["dunning.screening"]._read_group(
        [], ["outcome", "rule_id"], ["__count", "amount_residual:sum"]
    )


def plan(env):
    """The plan of the statement that stores a run, as PostgreSQL executed and told it."""
    env.cr.execute(
        """LOAD 'auto_explain';
           SET LOCAL auto_explain.log_min_duration = 0; SET LOCAL auto_explain.log_analyze = on;
           SET LOCAL auto_explain.log_buffers = on; SET LOCAL client_min_messages = log"""
    )
    env.cr._cnx.notices = told = []
    env["dunning.run"].create({}).action_prepare()
    env.cr.rollback()
    plans = [text.split("plan:\n")[1] for text in told if "TABLE dunning_screened" in text]
    yield {"plan": max(plans, key=len)}


def make_floor(env):
    """Make what F3 stores in, and return F3."""
    env.cr.execute(floors.TABLE)
    # Cleaned up between the rounds, and not during one of them.
    for table in TABLES:
        env.cr.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = FALSE)")
    env.cr.commit()
    env.cr.execute("ANALYZE")
    # It locks tables that all databases share, and another one is measured in turns with this one.
    env.cr.commit()
    return floors.query(floors.INSERT, env, env.company)


def undo(env):
    """Roll back, and remove what is left of it: the next round shall not write around it."""
    env.cr.rollback()
    vacuum(env, *TABLES)


def prepare(env):
    """A run of all due items, stored, against INSERT … SELECT written by hand."""
    run = env["dunning.run"].create({})
    floor = make_floor(env)
    times = Clock(env).side_by_side(
        undo=lambda: undo(env),
        floor=lambda: by_hand(env, floor, run=True),
        prepare=run.action_prepare,
    )
    with env.registry.cursor() as cr:
        # A new process of PostgreSQL, which keeps no memory of earlier work.
        anew = run.with_env(env(cr=cr))
        with Memory() as memory, Memory(cr._cnx.info.backend_pid) as backend:
            anew.action_prepare()
        lines = anew.line_ids.search_count([("run_id", "=", run.id)])
        cr.rollback()
    stored = by_hand(env, floor, run=True)
    undo(env)
    run.unlink()
    env.cr.execute("DROP TABLE bench_floor")
    env.cr.execute("ALTER TABLE dunning_run_line RESET (autovacuum_enabled)")
    env.cr.commit()
    yield measure("F3: classify and store, by hand", times["floor"], note=f"{stored} lines")
    values = times["prepare"], "s", times["floor"], "F3", 1.1, f"{lines} lines"
    yield measure("prepare a run of all due items", *values)
    yield measure("memory of preparing", memory.megabytes, "MB", limit=300)
    yield measure("memory of preparing, in PostgreSQL", backend.megabytes, "MB")


def growth(env, few):
    """How much longer it takes than with a tenth of the items, one round here and one there."""
    rounds = {}
    sides = [(Clock(side), works_that_grow(side)) for side in (env, few)]
    for _round in range(ROUNDS_OF_GROWTH):
        for place, (clock, works) in enumerate(sides):
            for name, work in works.items():
                seconds = clock.once(work, undo=lambda clock=clock: undo(clock.env))
                rounds.setdefault(name, ([], []))[place].append(seconds)
    for name, both in rounds.items():
        # The first round fills caches.
        value, floor = (statistics.median(seconds[1:]) for seconds in both)
        limit = None if name.startswith("F") else 11
        yield measure(f"growth: {name}", value, "s", floor, "a tenth of the items", limit)


def works_that_grow(env):
    """Return {name: work}, each of which is done anew in every round."""
    run = env["dunning.run"].create({})
    env, companies = all_companies(env)
    counts, stored = floors.query(floors.COUNTS, env, companies), make_floor(env)
    return {
        "F2": lambda: by_hand(env, counts),
        "screening of everything": lambda: outcome_counts(env),
        "F3": lambda: by_hand(env, stored, run=True),
        "prepare a run of all due items": run.action_prepare,
    }


def held_item(env):
    held = [("dunning_outcome", "=", "unchecked"), ("company_id", "=", env.company.id)]
    return env["account.move.line"].search(held, limit=1)


def explanation(env, where="", line=None):
    """Database time to explain one customer or invoice, and to open their forms."""
    line = line or held_item(env)
    customer, invoice = line.partner_id, line.move_id
    works = {
        "explain one customer": customer.dunning_explain,
        "explain one invoice": invoice.dunning_explain,
        "open the customer: what the addon adds": lambda: read_ours(customer),
        "open the invoice: what the addon adds": lambda: read_ours(invoice),
    }
    for name, work in works.items():
        seconds = Clock(env).database_median(work)
        yield measure(where + name, seconds * 1000, "ms in database", limit=20)


def shapes(env):
    """The same beside a customer with very many items, and among companies with other rules."""
    line = held_item(env)
    large = env["res.partner"].create({"name": "Large"})
    env.cr.execute(MANY_ITEMS, [large.id, line.partner_id.id, env.company.id])
    where = f"beside a customer with {env.cr.rowcount:,} items: "
    env.cr.execute("ANALYZE account_move_line")
    yield from explanation(env, where, line)
    seconds = Clock(env).database_median(large.dunning_explain)
    yield measure(f"{where}explain that one", seconds * 1000, "ms in database")
    env.cr.rollback()
    # sudo: who works here sets up neither companies nor users
    companies = env["res.company"].sudo().create([{"name": f"Company {n}"} for n in range(28)])
    # sudo: the same
    env.user.sudo().company_ids |= companies
    rules = env["dunning.exclusion.rule"].search([("source", "=", "builtin")])
    for number, company in enumerate(companies):
        # each another pair of rules
        for step in (1, 2):
            rule = rules[number * step % len(rules)].with_company(company)
            rule.enabled = rule.code == "paid"
    allowed = [env.company.id, *(env.user.company_ids - env.company).ids]
    env = env(context=dict(env.context, allowed_company_ids=allowed))
    where = f"among {len(allowed)} companies: "
    yield from explanation(env, where, line.with_env(env))
    yield measure(f"{where}excluded receivables", Clock(env).median(lambda: page(env)), limit=0.5)
    env.cr.rollback()


def page(env):
    """The first page of what is excluded."""
    excluded = [("outcome", "!=", "included"), ("days_overdue", ">", 0)]
    return env["dunning.screening"].web_search_read(excluded, {}, limit=80, count_limit=501)


def fresh(env):
    """The same questions in a ledger of which PostgreSQL has no statistics yet."""
    everything, companies = all_companies(env)
    floor = floors.query(floors.COUNTS, everything, companies)
    line = held_item(env)
    # Without statistics what is written by hand may compare all items with each other.
    by_hand_seconds = Clock(everything).median(lambda: by_hand(everything, floor))
    env.cr.commit()
    env.cr.execute(FORGET)
    env.cr.commit()
    seconds = Clock(everything).median(lambda: outcome_counts(everything))
    name = "just filled: screening of everything"
    yield measure(name, seconds, "s", by_hand_seconds, "F2 with statistics", 1.15)
    yield from explanation(env, "just filled: ", line)
    env.cr.execute("ANALYZE")
    env.cr.commit()


def read_ours(record):
    """Read the fields that the addon adds to the form of `record`."""
    names = record.get_view(view_type="form")["models"][record._name]
    ours = [name for name in names if "dunning" in name and name in record._fields]
    return record.web_read({name: {} for name in ours})


def search(env):
    """The first page of a search on the outcome: everything, and one customer."""
    env, companies = all_companies(env)
    clock, Line = Clock(env), env["account.move.line"]
    wanted = [("dunning_outcome", "=", "unchecked")]
    mine = [*wanted, ("partner_id", "=", Line.search(wanted, limit=1).partner_id.id)]
    floor = floors.query(floors.COUNTS, env, companies)
    times = clock.side_by_side(
        floor=lambda: by_hand(env, floor),
        page=lambda: Line.web_search_read(wanted, {"name": {}}, limit=80),
    )
    own = clock.median(lambda: Line.web_search_read(mine, {"name": {}}, limit=80))
    name = "search by outcome, 80 of all items"
    yield measure(name, times["page"], "s", times["floor"], "F2", 2.0)
    yield measure("search by outcome within a customer", own, limit=0.3)
    # Who must be looked at to know what is on page 100 of Excluded Receivables.
    excluded = [("outcome", "!=", "included"), ("days_overdue", ">", 0)]
    last = env["dunning.screening"].search(excluded, limit=100 * PAGE + 1)[-1].partner_id
    Partner = env["res.partner"].with_context(active_test=False)
    passed = Partner.search([("complete_name", "<=", last.complete_name)])
    floor = floors.query(floors.COUNTS, env, env.company, passed)
    name = "F2 of the customers on the first 100 pages of excluded receivables"
    yield measure(name, clock.median(lambda: by_hand(env, floor, some=True)))


def blocks(env):
    """Stop many customers at once."""
    held = env["dunning.block"].with_context(active_test=False).search([]).partner_id
    domain = [("ref", "=like", "C%"), ("id", "not in", held.ids)]
    customers = env["res.partner"].search(domain, order="id", limit=10000)
    seconds = Clock(env).median(customers.action_dunning_stop, undo=env.cr.rollback)
    yield measure(f"stop {len(customers)} customers", seconds, limit=5.0)


def send(env):
    """Send to so many customers, beside `send_mail_batch`; the messages stay in the mail queue.

    Each size takes customers of its own, so nothing is undone in between; sizes for which there
    are not enough customers are left out.
    """
    run = unticked_run(env)
    left, costs = len(customers_left(run)), {}
    for size in SIZES:
        if size > left:
            break
        left -= size
        with Memory() as memory:
            seconds = send_some(env, run, size)
        notices = run.notice_ids.filtered("mail_id").sorted("id", reverse=True)[:size]
        assert len(notices) == size, f"{len(notices)} messages instead of {size}"
        costs[size] = seconds / size * 1000
        floor = same_messages(env, notices[:1000]) * size / len(notices[:1000])
        name = f"send {size} customers"
        yield measure(name, seconds, "s", floor, "send_mail_batch of the same", 1.1)
        yield measure(f"memory of sending {size} customers", memory.megabytes, "MB", limit=300)
    if len(costs) > 1:
        few, many = min(costs), max(costs)
        values = costs[many], "ms", costs[few], f"of {few}", 1.15
        yield measure(f"cost per customer, {many} customers", *values)


def letters(env):
    """Make so many letters, print them into one file, and return the memory that both take.

    The program that prints, which takes each letter by itself, is left out: what grows is ours.
    """
    env["dunning.level"].search([]).action = "letter"
    run = unticked_run(env)
    report = env.ref("dunning_exclusion.action_report_notice")
    for size in [size for size in SIZES[:2] if size <= len(customers_left(run))]:
        with Memory() as memory:
            seconds = send_some(env, run, size)
        made = env["dunning.notice"].search([("run_id", "=", run.id)], order="id DESC", limit=size)
        yield measure(f"make {size} letters", seconds)
        yield measure(f"memory of making {size} letters", memory.megabytes, "MB", limit=300)
        with Memory() as memory, patch.object(type(report), "_run_wkhtmltopdf", print_nothing):
            seconds = Clock(env).once(lambda ids=made.ids: render(report, ids))
        yield measure(f"print {size} letters, without wkhtmltopdf", seconds)
        yield measure(f"memory of printing {size} letters", memory.megabytes, "MB", limit=300)


def render(report, ids):
    report.env["dunning.notice"].browse(ids).action_print()
    report.with_context(force_report_rendering=True)._render_qweb_pdf(report, ids)


def print_nothing(_report, bodies, **_options):
    """Take the letters as wkhtmltopdf does, and return a file that has a page for each."""
    writer = PdfFileWriter()
    for _body in bodies:
        writer.addBlankPage(595, 842)
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def unticked_run(env):
    """Return a run with nothing ticked any more, after it was sent to a few customers.

    What a process needs once, templates and their views, is not the cost of a customer.
    """
    run = env["dunning.run"].create({})
    run.action_prepare()
    env["dunning.run.line"].tick([("run_id", "=", run.id)], False)
    send_some(env, run, WARM_UP)
    return run


def customers_left(run, limit=None):
    """Return the ids of the customers whom the run would remind, and has not."""
    domain = [("run_id", "=", run.id), ("outcome", "=", "included"), ("notice_id", "=", False)]
    groups = run.line_ids._read_group(domain, ["partner_id"], limit=limit)
    return [partner.id for (partner,) in groups]


def send_some(env, run, size):
    """Tick the included lines of `size` more customers, send them, and return the seconds."""
    # sudo: users do not write the state of a run
    run.sudo().state = "prepared"
    customers = ("partner_id", "in", customers_left(run, size))
    lines = [("run_id", "=", run.id), ("outcome", "=", "included"), customers]
    env["dunning.run.line"].tick(lines, True)
    env.cr.commit()
    return Clock(env).once(run.action_send)


def same_messages(env, notices):
    """Return the seconds that Odoo's own batch takes to make the messages of these notices."""
    overdue = env.ref("dunning_exclusion.type_overdue")
    assert notices.type_id == overdue
    # sudo: as the addon sends, users need no rights on mails
    template = overdue.template_id.sudo()

    def batch():
        template.send_mail_batch(
            notices.ids,
            email_values={"auto_delete": False, "email_to": False, "email_cc": False},
            email_layout_xmlid="dunning_exclusion.notice_mail_layout",
        )

    return Clock(env).median(batch, undo=env.cr.rollback)
