"""What changed since a run was prepared: blocks and promises, settings, payments, items, the day.

Settings and payments: the run keeps a hash of all settings that decide on its lines, and the number
of the newest payment. Both are compared when the task list is opened, which tells what changed.

Items: new ones have higher numbers than those of then, and entries that were drafts then are kept
with the run. Customers of whom a payment is undone are noted as `dunning.change`. Whether the run
would list other items of all these, or other amounts, is then looked up once.

Blocks and promises: when a run is screened, it notes the oldest transaction at work. When the task
list is opened, the customers are screened again about whom this transaction or a later one wrote
something: sometimes without need, but nobody is missed. Comparing times would miss some, as a
change bears the time at which its transaction began, which may be long before it is committed.
"""

from dataclasses import replace
from datetime import timedelta
from functools import partial

from odoo import api, fields, models
from odoo.tools import SQL

from ..screening.question import Owner
from .dunning_recheck import customers_to_read

# With each row PostgreSQL keeps the lower 32 bits of the number of its transaction.
HALF = 1 << 32
# Payments get their ids before they are committed: at most this many are assumed to be pending.
PAYMENTS_AT_WORK = 1000
# The same for items.
ITEMS_AT_WORK = 1000
# How many entries in draft a run remembers: the newest ones.
DRAFTS_KEPT = 5000
# How many days a `dunning.change` is kept: older lists are outdated anyway, as their day is over.
DAYS_KEPT = 2
# Columns that say nothing about who is reminded of what.
NOTES = ("create_uid", "create_date", "write_uid", "name")
NOT_DECIDING = (
    *("dunning_automatic_sending", "dunning_freshness_days", "dunning_cleanup_days"),
    *("dunning_mirror_no_followup", "dunning_mirror_scope", "dunning_obstacle_reported_on"),
)


class DunningChange(models.Model):
    """A customer who owes an item again because a payment was undone."""

    _name = "dunning.change"
    _description = "Payment Undone"
    _order = "id"

    company_id = fields.Many2one("res.company", required=True, ondelete="cascade", index=True)
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, ondelete="cascade", index=True
    )

    @api.model
    def _note(self, item_ids):
        """Note the customers of those of these items that are receivable."""
        self.env["account.move.line"].flush_model(["company_id", "partner_id", "account_id"])
        self.env.cr.execute(
            SQL(
                """INSERT INTO dunning_change (company_id, partner_id, create_date)
                   SELECT DISTINCT line.company_id, contact.commercial_partner_id,
                          now() AT TIME ZONE 'UTC'
                     FROM account_move_line line
                     JOIN account_account account ON account.id = line.account_id
                     JOIN res_partner contact ON contact.id = line.partner_id
                    WHERE account.account_type = 'asset_receivable' AND line.id = ANY(%s)""",
                list(item_ids),
            )
        )

    @api.autovacuum
    def _gc_changes(self):
        """Delete what no list of today can be older than."""
        self.env.cr.execute(
            SQL(
                "DELETE FROM dunning_change WHERE create_date < now() AT TIME ZONE 'UTC' - %s",
                timedelta(days=DAYS_KEPT),
            )
        )


def oldest_transaction(env):
    """Return the number of the oldest transaction that is at work, as text: it can be large."""
    return str(_transactions(env)[0])


def changed_customers(run):
    """Return the customers with unsent lines in `run` whose blocks or promises may be new to it."""
    env = run.env
    env.flush_all()
    rows = env.execute_query(
        SQL(
            """SELECT DISTINCT partner_id
                 FROM (SELECT partner_id, xmin FROM dunning_block WHERE company_id = %(company)s
                       UNION ALL
                       SELECT partner_id, xmin FROM dunning_promise
                        WHERE company_id = %(company)s) changed
                WHERE %(is_new)s
                  AND EXISTS (SELECT 1 FROM dunning_run_line line
                               WHERE line.run_id = %(run)s
                                 AND line.partner_id = changed.partner_id
                                 AND line.notice_id IS NULL)""",
            company=run.company_id.id,
            is_new=_written_since(env, run.screened_transaction, "changed"),
            run=run.id,
        )
    )
    return env["res.partner"].browse(row[0] for row in rows)


def _written_since(env, transaction, alias) -> SQL:
    """Return whether the row `alias` was written by `transaction` or later, as `xmin` says."""
    _oldest, newest = _transactions(env)
    since = int(transaction or 0)
    if since > newest:
        # The database was restored on a server with lower numbers: every row may be new.
        since = 0
    # The upper half is chosen so that the row's number comes closest to the newest number.
    return SQL(
        "%(horizon)s - mod(%(horizon)s - %(xmin)s::text::bigint + %(half)s, %(half)s) >= %(since)s",
        xmin=SQL.identifier(alias, "xmin"),
        horizon=newest + HALF // 2,
        half=HALF,
        since=since,
    )


def look_for_items(run):
    """Note in the basis of `run` whether it would list other items by now, or other amounts.

    Only the customers are looked at who got items, or of whom payments were undone, since this was
    done last. The list asks at each tick.
    """
    basis, env = run.basis or {}, run.env
    if "item" not in basis or basis.get("items"):
        return
    env.flush_all()
    is_new = partial(_written_since, env, basis["ledger"])
    rows = env.execute_query(
        SQL(
            """SELECT partner_id FROM dunning_change
                WHERE company_id = %(company)s AND %(undone)s
                UNION
               SELECT contact.commercial_partner_id
                 FROM account_move_line line
                 JOIN account_account account ON account.id = line.account_id
                 JOIN res_partner contact ON contact.id = line.partner_id
                WHERE (line.id > %(item)s AND %(made)s OR line.move_id = ANY(%(drafts)s))
                  AND line.company_id = %(company)s AND line.parent_state = 'posted'
                  AND account.account_type = 'asset_receivable'""",
            company=run.company_id.id,
            undone=is_new("dunning_change"),
            made=is_new("line"),
            item=basis["item"] - ITEMS_AT_WORK,
            drafts=basis["drafts"],
        )
    )
    if rows:
        customers = env["res.partner"].browse(row[0] for row in rows)
        # sudo: users do not write what the system notes
        run.sudo().basis = {
            **basis,
            **_read_items_basis(run),
            "items": _lists_others(run, customers),
        }


def _read_items_basis(run):
    """Return the newest item and the drafts of now: only what comes later is new to `run`."""
    # Naming all journals lets PostgreSQL use Odoo's index on journal and state, as drafts are few.
    [[item, drafts]] = run.env.execute_query(
        SQL(
            """SELECT (SELECT MAX(id) FROM account_move_line),
                      ARRAY(SELECT id FROM account_move
                             WHERE journal_id = ANY(ARRAY(SELECT id FROM account_journal))
                               AND state = 'draft' AND company_id = %s
                               AND move_type IN (
                                   'out_invoice', 'out_refund', 'out_receipt', 'entry')
                             ORDER BY id DESC LIMIT %s)""",
            run.company_id.id,
            DRAFTS_KEPT,
        )
    )
    return {"item": item or 0, "drafts": drafts, "ledger": oldest_transaction(run.env)}


def _lists_others(run, customers):
    """Return whether `run` would list items of `customers` that it lacks, or other amounts."""
    question = run._get_question()
    scenarios, _due_only = run._get_scenarios()
    owner = Owner("partner", tuple(customers_to_read(scenarios.level_ids, customers).ids))
    question = replace(question, owner=owner, all_reasons=False)
    with run.env["dunning.screening"]._screened(question) as screening:
        query = SQL(
            """SELECT 1 FROM (%s) AS fresh
                 LEFT JOIN dunning_run_line line ON line.run_id = %s
                  AND line.move_line_id = fresh.move_line_id
                WHERE fresh.outcome <> 'dropped' AND fresh.partner_id = ANY(%s)
                  AND (line.id IS NULL OR line.notice_id IS NULL AND line.outcome <> 'dropped'
                       AND line.amount_residual <> fresh.amount_residual)
                LIMIT 1""",
            screening,
            run.id,
            customers.ids,
        )
        return bool(run.env.execute_query(query))


def read_basis(run):
    """Return what the lines of `run` are made from today, to be compared by `overtaken_by`."""
    [[payment]] = run.env.execute_query(SQL("SELECT MAX(id) FROM account_partial_reconcile"))
    return {
        "settings": _hash_settings(run),
        "payment": payment or 0,
        **_read_items_basis(run),
    }


def overtaken_by(run):
    """Return what has overtaken the lines of `run`: some of day, settings, payments, items."""
    basis = run.basis or {}
    found = {
        "day": run.date < run.company_id._dunning_today(),
        "settings": basis.get("settings", "") not in ("", _hash_settings(run)),
        "payments": "payment" in basis and _is_paid_since(run, basis["payment"]),
    }
    # The amounts of what was paid differ as well.
    found["items"] = basis.get("items", False) and not found["payments"]
    return [code for code in found if found[code]]


def _is_paid_since(run, payment):
    """Return whether the open amount of a listed item changed by a payment after this one."""
    # OFFSET 0: the few payments are looked up, whatever PostgreSQL expects.
    query = SQL(
        """SELECT 1 FROM account_partial_reconcile partial
            CROSS JOIN LATERAL (
                SELECT id, amount_residual FROM account_move_line
                 WHERE id = partial.debit_move_id OFFSET 0) item
            CROSS JOIN LATERAL (
                SELECT FROM dunning_run_line line
                 WHERE line.move_line_id = item.id AND line.run_id = %s AND line.notice_id IS NULL
                   AND line.outcome <> 'dropped' AND line.amount_residual <> item.amount_residual
                OFFSET 0) line
            WHERE partial.id > %s LIMIT 1""",
        run.id,
        payment - PAYMENTS_AT_WORK,
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
