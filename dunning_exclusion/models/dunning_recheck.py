"""Whether lines of a run are still right: looked at again before they are sent, or shown.

What chose a line is looked at once more: the lines are joined with what their scenarios, or the
filter of their run, would list today. That join is screened, so what was sent elsewhere counts in
no amount. Whoever sends asks here: runs, retries, the job, letters, the mail queue.
"""

from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from ..screening import candidates, said
from ..screening.items import is_owed
from ..screening.question import Owner, Question


def screen_again(run, customers, sending=False):
    """Untick the lines of `customers` that got paid, blocked or otherwise excluded since.

    A person's tick stands against the reasons it was made for, not against new ones. What is
    unticked here is ticked again once nothing stands against it any more.

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
        run_id=run.id,
    )
    with env["dunning.screening"]._screened(question) as screening:
        lost = env.execute_query(_update_query(run, customers, screening))
    if lost:
        reasons = reasons_query(run, customers, levels, [row[0] for row in lost])
        env.cr.execute(
            SQL(
                """UPDATE dunning_run_line line
                      SET skip_reason = why.reason,
                          rule_id = CASE WHEN why.reason IS NULL THEN %(paid)s END,
                          reason_ids = CASE WHEN why.reason IS NULL
                                            THEN jsonb_build_array(%(paid)s::int) END
                     FROM (%(reasons)s) why WHERE why.id = line.id""",
                paid=env.ref("dunning_exclusion.rule_paid").id,
                reasons=reasons,
            )
        )
    env["dunning.run.line"].invalidate_model()
    run._untick_above_maximum(customers, sending)


def find_wrong(notices):
    """Return {notice: why, in words} of those of `notices` that would not be made again today.

    These are notices that wait or failed: an item was paid or held since, for example, or what they
    say was said by another one. What is done to find out is undone again.
    """
    wrong = {}
    # sudo: what is right must not depend on who works with the mail queue
    for run, group in notices.sudo().grouped("run_id").items():
        with run.env.cr.savepoint() as savepoint:
            lines = {notice: notice.line_ids for notice in group}
            group.line_ids.write({"notice_id": False})
            group.write({"state": "failed"})
            screen_again(run, group.partner_id, sending=True)
            for notice, own in lines.items():
                if not own:
                    wrong[notice.id] = run.env._("Nothing is left to remind of.")
                elif bad := own.filtered(lambda line: not line.checked)[:1]:
                    wrong[notice.id] = bad.skip_reason or bad.rule_id.name
                elif not is_message_owed(own):
                    wrong[notice.id] = run.env._("Nothing is owed in total.")
            savepoint.rollback()
    return {notice: wrong[notice.id] for notice in notices if notice.id in wrong}


def is_message_owed(lines):
    """Return whether the message of `lines` is about money that is owed, see `items.is_owed`."""
    amount, outstanding = sum(lines.mapped("amount_residual")), lines[:1].outstanding
    creditor = lines.env.ref("dunning_exclusion.rule_creditor").id
    chosen = any(creditor in (line.override_reason_ids or []) for line in lines)
    return is_owed(lines.run_id.company_id.currency_id, amount, outstanding, chosen)


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
    """Return UPDATE of the lines without notice by what the SELECT `screening` answers.

    It returns the ids of the lines that the run would not list today.
    """
    return SQL(
        """WITH updated AS (
               UPDATE dunning_run_line line
                  SET outcome = COALESCE(fresh.outcome, 'dropped'),
                      rule_id = fresh.rule_id, reason_ids = fresh.reason_ids, skip_reason = NULL,
                      days_overdue = COALESCE(fresh.days_overdue, line.days_overdue),
                      outstanding = fresh.outstanding, overdue = fresh.overdue,
                      amount_residual = COALESCE(fresh.amount_residual, 0),
                      amount_residual_currency = COALESCE(fresh.amount_residual_currency, 0),
                      checked = tick.wanted AND tick.stands,
                      set_aside = tick.wanted AND NOT tick.stands AND %(waits)s
                 FROM (SELECT * FROM dunning_run_line run_line WHERE %(unsent)s OFFSET 0) own
                 LEFT JOIN (%(screening)s) fresh
                   ON fresh.move_line_id = own.move_line_id
                  AND fresh.level_id IS NOT DISTINCT FROM own.level_id
                  AND fresh.partner_id = own.partner_id
                CROSS JOIN LATERAL (
                    SELECT own.checked OR own.set_aside IS TRUE AS wanted,
                           COALESCE(fresh.outcome = 'included' OR (
                               fresh.outcome = 'unchecked'
                               AND own.override_reason_ids @> fresh.reason_ids), FALSE)
                           AS stands) tick
                WHERE own.id = line.id
               RETURNING line.id, fresh.outcome IS NULL AS lost)
           SELECT id FROM updated WHERE lost""",
        unsent=_unsent(run, customers),
        # In a run that is done nothing is ticked again: its messages may be, one by one.
        waits=run.state in ("prepared", "sending"),
        screening=screening,
    )


# What the run would list today -------------------------------------------------------------------


def _unsent(run, customers) -> SQL:
    """Return which of the lines `run_line` are looked at: those without notice."""
    return SQL(
        "run_line.run_id = %s AND run_line.partner_id = ANY(%s) AND run_line.notice_id IS NULL",
        run.id,
        customers.ids,
    )


def _unsent_levels(run, customers):
    """Return the levels of the lines without notice."""
    unsent = _unsent(run, customers)
    rows = run.env.execute_query(
        SQL("SELECT DISTINCT level_id FROM dunning_run_line run_line WHERE %s", unsent)
    )
    # sudo: what is reminded of must not depend on who sends it.
    return run.env["dunning.level"].sudo().browse(row[0] for row in rows if row[0])


def _customers_to_read(levels, customers):
    """Return the customers whose items are read: whole families where conditions sum them up."""
    if not candidates.needs_family(levels.scenario_id):
        return customers
    # sudo: as in `_unsent_levels`
    top = customers.sudo().with_context(active_test=False)
    while above := top.parent_id:
        top = above | top.filtered(lambda partner: not partner.parent_id)
    return top.search(Domain("id", "child_of", top.ids)).commercial_partner_id | customers


def items_query(run, customers, levels) -> SQL:
    """Return SELECT of the candidates, as `screening.candidates` does: lines that are listed today.

    What the run has sent is always among them, as it counts in the reminded amount. Lines whose
    message has left without them are not.
    """
    return SQL(
        """(SELECT item.*, run_line.level_id, run_line.message_key AS message_id
              FROM item
              JOIN dunning_run_line run_line ON run_line.move_line_id = item.id
               AND run_line.partner_id = item.partner_id
              LEFT JOIN (%(listed)s) listed ON listed.id = item.id
               AND listed.level_id IS NOT DISTINCT FROM run_line.level_id
             WHERE run_line.run_id = %(run)s AND run_line.partner_id = ANY(%(customers)s)
               AND (run_line.notice_id IS NOT NULL OR listed.id IS NOT NULL AND NOT %(left)s))""",
        listed=_listed_query(run, customers, levels),
        run=run.id,
        customers=customers.ids,
        left=_message_left_sql(run, customers),
    )


def _listed_query(run, customers, levels) -> SQL:
    """Return what the run would list today of the items of the lines without notice."""
    company, today = run.company_id, run.company_id._dunning_today()
    unsent = _unsent(run, customers)
    moves = SQL("SELECT run_line.move_id FROM dunning_run_line run_line WHERE %s", unsent)
    again = candidates.Again(today, run.date, customers.ids, moves)
    # A person may send today what was prepared for another day.
    day = max(run.date, today)
    if run.mode == "scenario":
        return candidates.of_scenarios(levels.scenario_id, company, day, again=again, run_id=run.id)
    try:
        query = run._get_criteria_query(probe=False)
    except ValidationError:
        # The filter cannot be understood any more.
        return candidates.NOTHING
    query.add_where(SQL("%s IN (%s)", SQL.identifier(query.table, "move_id"), moves))
    return candidates.of_criteria(query, company, day, run.type_id, again)


def _message_left_sql(run, customers) -> SQL:
    """Return whether the message that `run_line` would go into has left without it."""
    return SQL(
        """(run_line.partner_id, run_line.message_key) IN (
               SELECT partner_id, message_key FROM dunning_notice
                WHERE run_id = %s AND partner_id = ANY(%s) AND message_key IS NOT NULL
                  AND state IN ('queued', 'sent') AND merged IS NOT TRUE)""",
        run.id,
        customers.ids,
    )


# Why a line would not be listed ------------------------------------------------------------------


def reasons_query(run, customers, levels, line_ids) -> SQL:
    """Return SELECT id, reason of lines that the run would not list today; NULL: it was paid."""
    env, today = run.env, run.company_id._dunning_today()
    by_level = run.mode == "scenario"
    left = _message_left_sql(run, customers)
    meant = _meant_sql(run, customers, levels.scenario_id)
    moved = SQL("contact.commercial_partner_id IS DISTINCT FROM customer.id")
    gap = SQL("GREATEST(scenario.min_days_between, 1)")
    scenario_off = SQL("scenario.id IS NOT NULL AND scenario.active IS NOT TRUE")
    type_off = SQL("type.id IS NOT NULL AND type.active IS NOT TRUE")
    cases = (
        (SQL("move.dunning_due_date >= %s", today), env._("Postponed since")),
        (SQL("%s AND level.id IS NULL", by_level), env._("Reminder level deleted since")),
        (left, env._("Reminded in this run already")),
        (SQL("said.day >= %s", run.date), env._("Reminded by another run since")),
        (SQL("line.id IS NULL"), env._("Item deleted since")),
        (SQL("line.parent_state = 'draft'"), env._("Reset to draft since")),
        (SQL("line.parent_state = 'cancel'"), env._("Cancelled since")),
        (SQL("line.reconciled"), None),
        (moved, env._("Belongs to another customer since")),
        (scenario_off, env._("Scenario switched off since")),
        (type_off, env._("Reminder type switched off since")),
        (SQL("%s IS NOT TRUE", meant), env._("The scenario is not for this customer any more")),
        (SQL("said.day + %s > %s", gap, today), env._("Reminded too recently")),
        (_raised_sql(run, today), env._("A higher level was sent to the customer since")),
    )
    return SQL(
        """SELECT run_line.id, CASE %(cases)s ELSE %(unfit)s END AS reason
             FROM dunning_run_line run_line %(joins)s
            WHERE run_line.id = ANY(%(lines)s)""",
        cases=SQL(" ").join(SQL("WHEN %s THEN %s", *case) for case in cases),
        unfit=env._("Conditions not met any more"),
        joins=_reasons_joins(run),
        lines=line_ids,
    )


def _raised_sql(run, today) -> SQL:
    """Return whether the customer of a line got a higher level of its scenario from another run."""
    return SQL(
        """EXISTS (SELECT 1 FROM (%s) highest JOIN dunning_level higher ON higher.id = level_id
                    WHERE highest.partner_id = run_line.partner_id
                      AND highest.scenario_id = level.scenario_id
                      AND (higher.sequence, higher.id) > (level.sequence, level.id))""",
        said.highest_levels(run.company_id, today, run.id),
    )


def _reasons_joins(run) -> SQL:
    # A run by criteria has a type and no level.
    return SQL(
        """LEFT JOIN account_move move ON move.id = run_line.move_id
           LEFT JOIN account_move_line line ON line.id = run_line.move_line_id
           LEFT JOIN res_partner contact ON contact.id = line.partner_id
           LEFT JOIN res_partner customer ON customer.id = run_line.partner_id
           LEFT JOIN dunning_level level ON level.id = run_line.level_id
           LEFT JOIN dunning_scenario scenario ON scenario.id = level.scenario_id
           LEFT JOIN dunning_reminder_type type ON type.id = COALESCE(level.type_id, %s)
           LEFT JOIN LATERAL (
               SELECT MAX(message.day) AS day
                 FROM (WITH item AS (
                           SELECT run_line.move_line_id AS id, run_line.move_id, customer.id
                               AS partner_id)
                       %s) message
                WHERE message.sense = %s) said ON TRUE""",
        run.type_id.id or None,
        said.messages(run.company_id, few=True),
        said.SENSE,
    )


def _meant_sql(run, customers, scenarios) -> SQL:
    """Return whether the scenario of a line is still the one for its `customer`."""
    choice = scenarios._choice_sql(run.company_id, customer_ids=customers.ids)
    cases = [SQL("WHEN scenario.campaign_type = 'invoice' THEN scenario.id = (%s)", choice)]
    for workflow in scenarios.filtered(lambda scenario: scenario.campaign_type == "customer"):
        meant = workflow._applies_sql(run.company_id, customers.ids)
        cases.append(SQL("WHEN scenario.id = %s THEN %s", workflow.id, meant))
    return SQL("COALESCE(CASE %s END, scenario.id IS NULL)", SQL(" ").join(cases))
