"""Screens lines of a run again, just before they are sent or shown."""

from odoo.fields import Domain
from odoo.tools import SQL

from ..screening import candidates
from ..screening.question import Owner, Question


def screen_again(run, customers, sending=False):
    """Untick the lines of `customers` that got paid, blocked or otherwise excluded since.

    A person's tick stands against the reasons it was made for, not against new ones.

    :param sending: what stays ticked is sent now, whatever day the run was prepared for
    """
    env = run.env
    env.flush_all()
    levels = _unsent_levels(run, customers)
    question = Question(
        run.company_id,
        run.company_id._dunning_today(),
        owner=Owner("partner", tuple(_customers_to_read(levels, customers).ids)),
        candidates=items_query(run, customers, levels),
        type_id=run.type_id.id or 0,
    )
    with env["dunning.screening"]._screened(question) as screening:
        env.cr.execute(_update_query(run, customers, screening))
    env["dunning.run.line"].invalidate_model()
    run._untick_above_maximum(customers, sending)


def release_lines(run, customers):
    """Take lines off messages that did not leave and are made anew for other lines.

    The new message is then about all of them, and all of them are screened again.
    """
    env = run.env
    env.flush_all()
    env.cr.execute(
        SQL(
            """UPDATE dunning_run_line line SET notice_id = NULL
                 FROM dunning_notice notice
                WHERE line.run_id = %(run)s AND line.partner_id = ANY(%(customers)s)
                  AND notice.id = line.notice_id AND notice.state IN ('failed', 'skipped')
                  AND (line.partner_id, line.message_key) IN (
                      SELECT partner_id, message_key FROM dunning_run_line
                       WHERE run_id = %(run)s AND partner_id = ANY(%(customers)s)
                         AND checked AND notice_id IS NULL)""",
            run=run.id,
            customers=customers.ids,
        )
    )
    env["dunning.run.line"].invalidate_model()


def _update_query(run, customers, screening) -> SQL:
    """Return UPDATE of the lines without notice by what the SELECT `screening` answers."""
    return SQL(
        """UPDATE dunning_run_line line
              SET outcome = COALESCE(fresh.outcome, 'dropped'),
                  rule_id = CASE WHEN fresh.outcome IS NULL AND own.reason IS NULL
                                 THEN %(paid)s ELSE fresh.rule_id END,
                  reason_ids = CASE WHEN fresh.outcome IS NULL AND own.reason IS NULL
                                    THEN jsonb_build_array(%(paid)s::int)
                                    ELSE fresh.reason_ids END,
                  skip_reason = CASE WHEN fresh.outcome IS NULL THEN own.reason END,
                  days_overdue = COALESCE(fresh.days_overdue, line.days_overdue),
                  outstanding = fresh.outstanding, overdue = fresh.overdue,
                  amount_residual = COALESCE(fresh.amount_residual, 0),
                  amount_residual_currency = COALESCE(fresh.amount_residual_currency, 0),
                  checked = line.checked AND COALESCE(
                      fresh.outcome = 'included'
                      OR (fresh.outcome = 'unchecked'
                          AND line.override_reason_ids @> fresh.reason_ids), FALSE)
             FROM (%(own)s) own
             LEFT JOIN (%(screening)s) fresh
               ON fresh.move_line_id = own.move_line_id
              AND fresh.level_id IS NOT DISTINCT FROM own.level_id
              AND NOT own.skipped
            WHERE own.id = line.id""",
        own=unsent_query(run, customers),
        screening=screening,
        paid=run.env.ref("dunning_exclusion.rule_paid").id,
    )


def unsent_query(run, customers) -> SQL:
    """Return SELECT id, move_line_id, level_id, skipped, reason of the lines without notice.

    The reason says why a line is skipped. For other lines it is used only when the screening no
    longer finds the item; NULL then means that it was paid.
    """
    return SQL(
        """SELECT unsent.id, unsent.move_line_id, unsent.level_id,
                  bar.reason IS NOT NULL AS skipped,
                  COALESCE(bar.reason, CASE
                      WHEN unsent.move_line_id IS NULL THEN %(gone)s
                      WHEN item.parent_state = 'draft' THEN %(draft)s
                      WHEN item.parent_state = 'cancel' THEN %(cancelled)s
                      WHEN item.reconciled THEN NULL
                      WHEN contact.commercial_partner_id <> unsent.partner_id THEN %(moved)s
                      ELSE %(unfit)s END) AS reason
             FROM dunning_run_line unsent
             LEFT JOIN account_move move ON move.id = unsent.move_id
             LEFT JOIN account_move_line item ON item.id = unsent.move_line_id
             LEFT JOIN res_partner contact ON contact.id = item.partner_id
            CROSS JOIN LATERAL (SELECT %(skipped)s AS reason OFFSET 0) bar
            WHERE unsent.run_id = %(run)s AND unsent.notice_id IS NULL
              AND unsent.partner_id = ANY(%(customers)s) OFFSET 0""",
        gone=run.env._("Item deleted since"),
        draft=run.env._("Reset to draft since"),
        cancelled=run.env._("Cancelled since"),
        moved=run.env._("Belongs to another customer since"),
        unfit=run.env._("Conditions not met any more"),
        skipped=_skipped_sql(run, customers),
        run=run.id,
        customers=customers.ids,
    )


def _skipped_sql(run, customers) -> SQL:
    """Return SQL of why an `unsent` line is skipped whatever the screening says; NULL: it is not.

    The item was postponed, its level deleted, or it was reminded by this run or another one since.
    """
    # OFFSET 0 makes PostgreSQL look up the other lines of each item by the index. While it does not
    # know how many lines have a notice by now, it would read all of those for each item.
    return SQL(
        """CASE WHEN move.dunning_due_date >= %(today)s THEN %(postponed)s
                WHEN %(by_level)s AND unsent.level_id IS NULL THEN %(deleted)s
                WHEN (unsent.partner_id, unsent.message_key) IN (
                    SELECT partner_id, message_key FROM dunning_notice
                     WHERE run_id = %(run)s AND partner_id = ANY(%(customers)s)
                       AND message_key IS NOT NULL
                       AND state IN ('queued', 'sent') AND merged IS NOT TRUE)
                THEN %(reminded_here)s
                WHEN EXISTS (
                    SELECT 1
                      FROM (SELECT run_id, scenario_id, notice_id FROM dunning_run_line
                             WHERE move_line_id = unsent.move_line_id
                               AND run_id <> unsent.run_id OFFSET 0) other
                      JOIN dunning_notice notice ON notice.id = other.notice_id
                      JOIN dunning_run other_run ON other_run.id = other.run_id
                     WHERE notice.id > %(last_notice)s
                       AND notice.state IN ('queued', 'sent')
                       AND other.scenario_id IS NOT DISTINCT FROM unsent.scenario_id
                       AND other_run.type_id IS NOT DISTINCT FROM %(type)s::int)
                THEN %(reminded)s END""",
        today=run.company_id._dunning_today(),
        postponed=run.env._("Postponed since"),
        by_level=run.mode == "scenario",
        deleted=run.env._("Dunning level deleted since"),
        run=run.id,
        customers=customers.ids,
        reminded_here=run.env._("Reminded in this run already"),
        last_notice=run.last_notice,
        type=run.type_id.id or None,
        reminded=run.env._("Reminded by another run since"),
    )


# Whether the conditions of levels and workflows still hold ---------------------------------------


def _unsent_levels(run, customers):
    """Return the levels of the lines without notice."""
    unsent = Domain("run_id", "=", run.id) & Domain("notice_id", "=", False)
    theirs = Domain("partner_id", "in", customers.ids)
    # sudo: what is reminded of must not depend on who sends it.
    rows = run.env["dunning.run.line"].sudo()._read_group(unsent & theirs, ["level_id"])
    return run.env["dunning.level"].sudo().concat(*(level for (level,) in rows))


def _customers_to_read(levels, customers):
    """Return the customers whose items are read: whole families where conditions sum them up."""
    if not candidates.needs_family(levels.scenario_id):
        return customers
    # sudo: what is reminded of must not depend on who sends it.
    top = customers.sudo().with_context(active_test=False)
    while above := top.parent_id:
        top = above | top.filtered(lambda partner: not partner.parent_id)
    return top.search(Domain("id", "child_of", top.ids)).commercial_partner_id | customers


def items_query(run, customers, levels) -> SQL:
    """Return SELECT of the candidates, as `screening.candidates` does: lines whose conditions hold.

    Lines with a notice are always among them, as what the run has sent counts in the reminded
    amount.
    """
    workflows = levels.scenario_id.filtered("condition_ids")
    figures = joined = SQL()
    if workflows:
        figures = SQL("WITH RECURSIVE %s", candidates.figures(workflows))
        joined = SQL("JOIN figure ON figure.partner_id = item.partner_id")
    return SQL(
        """(%(figures)s
            SELECT item.*, run_line.level_id, run_line.message_key AS message_id
              FROM item
              JOIN dunning_run_line run_line ON run_line.move_line_id = item.id
              %(joined)s
             WHERE run_line.run_id = %(run)s AND run_line.partner_id = ANY(%(customers)s)
               AND (run_line.notice_id IS NOT NULL OR %(hold)s))""",
        figures=figures,
        joined=joined,
        run=run.id,
        customers=customers.ids,
        hold=_conditions_hold_sql(run, customers, levels),
    )


def _conditions_hold_sql(run, customers, levels) -> SQL:
    """Return SQL of whether the conditions of a `run_line`'s level still hold for its `item`."""
    if not levels:
        return SQL("TRUE")
    working = levels.scenario_id._working(run.company_id)
    moves = SQL(
        """SELECT move_id FROM dunning_run_line
            WHERE run_id = %s AND partner_id = ANY(%s) AND notice_id IS NULL""",
        run.id,
        customers.ids,
    )
    cases = []
    for level in levels:
        works = level.scenario_id in working
        holds = _level_holds_sql(run, level, moves) if works else SQL("FALSE")
        cases.append(SQL("WHEN %s THEN %s", level.id, holds))
    return SQL("CASE run_line.level_id %s END", SQL(" ").join(cases))


def _level_holds_sql(run, level, moves) -> SQL:
    if level.campaign_type == "invoice":
        # A person may send today what was prepared for another day.
        day = max(run.date, run.company_id._dunning_today())
        return level._reached_sql(run.company_id, day, moves)
    conditions = [condition._holds_sql() for condition in level.scenario_id.condition_ids]
    if level._has_condition():
        conditions.append(level._matches_sql(run.company_id, moves))
    return SQL("(%s)", SQL(" AND ").join(conditions)) if conditions else SQL("TRUE")
