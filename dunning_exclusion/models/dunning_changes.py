"""Whose blocks and promises changed since a run was last screened.

How it works: when a run is screened, it notes the oldest transaction at work. When the task list is
opened, the customers are screened again about whom this transaction or a later one wrote something:
sometimes without need, but nobody is missed. Comparing times would miss some, as a change bears
the time at which its transaction began, which may be long before it is committed.
"""

from odoo.tools import SQL

# PostgreSQL keeps the lower half of the number of the transaction with each row.
HALF = 1 << 32


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


def _transactions(env):
    """Return the numbers of the oldest transaction at work, and of the next one to begin."""
    return env.execute_query(
        SQL(
            """SELECT pg_snapshot_xmin(snapshot)::text::bigint,
                      pg_snapshot_xmax(snapshot)::text::bigint
                 FROM pg_current_snapshot() AS snapshot"""
        )
    )[0]
