"""What changed since a run was prepared: blocks and promises, settings, payments, the day.

Settings and payments: the run keeps a hash of all settings that decide on its lines, and the number
of the newest payment. Both are compared when the task list is opened, which tells what changed.

Blocks and promises: when a run is screened, it notes the oldest transaction at work. When the task
list is opened, the customers are screened again about whom this transaction or a later one wrote
something: sometimes without need, but nobody is missed. Comparing times would miss some, as a
change bears the time at which its transaction began, which may be long before it is committed.
"""

from odoo.tools import SQL

# PostgreSQL keeps the lower half of the number of the transaction with each row.
HALF = 1 << 32
# Payments get their numbers before they are committed: so many may be at work at once.
PAYMENTS_AT_WORK = 1000
# Columns that say nothing about who is reminded of what.
NOTES = ("create_uid", "create_date", "write_uid", "name")
NOT_DECIDING = (
    *("dunning_automatic_sending", "dunning_freshness_days", "dunning_cleanup_days"),
    *("dunning_mirror_no_followup", "dunning_mirror_scope", "dunning_obstacle_reported_on"),
)


def oldest_transaction(env):
    """Return the number of the oldest transaction that is at work, as text: it can be large."""
    return str(_transactions(env)[0])


def changed_customers(run):
    """Return the customers with unsent lines in `run` whose blocks or promises may be new to it."""
    env = run.env
    env.flush_all()
    _oldest, newest = _transactions(env)
    since = int(run.screened_transaction or 0)
    if since > newest:
        # The database was restored on a server that has counted less: all may be new.
        since = 0
    # The upper half of a row's number is the one that brings it next to the newest number.
    horizon = newest + HALF // 2
    rows = env.execute_query(
        SQL(
            """SELECT DISTINCT partner_id
                 FROM (SELECT partner_id, xmin FROM dunning_block WHERE company_id = %(company)s
                       UNION ALL
                       SELECT partner_id, xmin FROM dunning_promise
                        WHERE company_id = %(company)s) changed
                WHERE %(horizon)s - mod(%(horizon)s - xmin::text::bigint + %(half)s, %(half)s)
                      >= %(since)s
                  AND EXISTS (SELECT 1 FROM dunning_run_line line
                               WHERE line.run_id = %(run)s
                                 AND line.partner_id = changed.partner_id
                                 AND line.notice_id IS NULL)""",
            company=run.company_id.id,
            horizon=horizon,
            half=HALF,
            since=since,
            run=run.id,
        )
    )
    return env["res.partner"].browse(row[0] for row in rows)


def read_basis(run):
    """Return what the lines of `run` are made from today, to be compared by `overtaken_by`."""
    [[payment]] = run.env.execute_query(SQL("SELECT MAX(id) FROM account_partial_reconcile"))
    return {"settings": _hash_settings(run), "payment": payment or 0}


def overtaken_by(run):
    """Return what has overtaken the lines of `run`: some of "day", "settings" and "payments"."""
    basis = run.basis or {}
    found = {
        "day": run.date < run.company_id._dunning_today(),
        "settings": basis.get("settings", "") not in ("", _hash_settings(run)),
        "payments": "payment" in basis and _is_paid_since(run, basis["payment"]),
    }
    return [code for code in found if found[code]]


def _is_paid_since(run, payment):
    """Return whether the open amount of a listed item changed by a payment after this one."""
    query = SQL(
        """SELECT 1 FROM account_partial_reconcile partial
             JOIN account_move_line item ON item.id = partial.debit_move_id
             JOIN dunning_run_line line ON line.move_line_id = item.id
            WHERE partial.id > %s AND line.run_id = %s AND line.notice_id IS NULL
              AND line.outcome <> 'dropped' AND line.amount_residual <> item.amount_residual
            LIMIT 1""",
        payment - PAYMENTS_AT_WORK,
        run.id,
    )
    return bool(run.env.execute_query(query))


def _hash_settings(run):
    """Return a hash of the rules, scenarios, reminder types and settings that decide on `run`."""
    run.env.flush_all()
    company = run.company_id
    own = SQL("t.company_id IS NULL OR t.company_id = %s", company.id)
    scenarios = SQL("t.scenario_id IN (SELECT id FROM dunning_scenario t WHERE %s)", own)
    row = SQL("to_jsonb(t) - %s::text[]", list(NOTES))
    # Each company has its own switches of the rules.
    rule = SQL(
        "(%s - '{write_date,disabled,company_effect}'::text[]) || "
        "jsonb_build_array(t.disabled -> %s, t.company_effect -> %s)",
        row,
        *[str(company.id)] * 2,
    )
    settings = SQL(
        """(SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(t))
             WHERE key LIKE 'dunning_%%' AND NOT key = ANY(%s))""",
        list(NOT_DECIDING),
    )
    tables = [
        ("dunning_exclusion_rule", rule, own),
        ("dunning_scenario", row, own),
        ("dunning_level", row, scenarios),
        ("dunning_condition", row, scenarios),
        ("dunning_reminder_type", row, SQL("TRUE")),
        ("res_company", settings, SQL("t.id = %s", company.id)),
    ]
    texts = SQL(" UNION ALL ").join(
        SQL(
            "SELECT %s AS place, t.id, (%s)::text AS text FROM %s t WHERE %s",
            *(place, text, SQL.identifier(table), condition),
        )
        for place, (table, text, condition) in enumerate(tables)
    )
    whole = SQL("SELECT md5(string_agg(text, '|' ORDER BY place, id)) FROM (%s) AS t", texts)
    return run.env.execute_query(whole)[0][0]


def _transactions(env):
    """Return the numbers of the oldest transaction at work, and of the next one to begin."""
    return env.execute_query(
        SQL(
            """SELECT pg_snapshot_xmin(snapshot)::text::bigint,
                      pg_snapshot_xmax(snapshot)::text::bigint
                 FROM pg_current_snapshot() AS snapshot"""
        )
    )[0]
