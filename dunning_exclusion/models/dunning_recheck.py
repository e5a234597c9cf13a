"""Whether lines of a run are still right: looked at again before they are sent, or shown.

What chose a line is looked at once more: the lines are joined with what their scenarios, or the
filter of their run, would list today. That join is screened, so what was sent elsewhere counts in
no amount. Whoever sends asks here: runs, retries, the job, letters, the mail queue.

A line of a workflow is looked at once for each action that still waits: what stands against one of
them, or was sent elsewhere, does not take the others away.
"""

from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from ..screening import candidates, said
from ..screening.items import is_owed
from ..screening.question import LISTED, Owner, Question
from ..screening.statement import GRADE, all_reasons, planned


def screen_again(run, customers, sending=False):
    """Untick the lines of `customers` that got paid, blocked or otherwise excluded since.

    A person's tick stands against the reasons it was made for, not against new ones. What is
    unticked here is ticked again once nothing stands against it any more.

    :param sending: what stays ticked is sent now, whatever day the run was prepared for
    """
    env = run.env
    env.flush_all()
    levels, line_ids = _unsent_levels(run, customers), _few_line_ids(run, customers)
    question = Question(
        run.company_id,
        run.company_id._dunning_today(),
        owner=Owner("partner", tuple(customers_to_read(levels, customers).ids)),
        candidates=items_query(run, customers, levels, line_ids),
        type_id=run.type_id.id or 0,
        run_id=run.id,
    )
    with env["dunning.screening"]._screened(question) as screening:
        lost = env.execute_query(_update_query(run, customers, line_ids, screening))
    if lost:
        update = SQL(
            """UPDATE dunning_run_line line
                  SET skip_reason = why.reason,
                      rule_id = CASE WHEN why.reason IS NULL THEN %(paid)s END,
                      reason_ids = CASE WHEN why.reason IS NULL
                                        THEN jsonb_build_array(%(paid)s::int) END
                 FROM (%(reasons)s) why WHERE why.id = line.id AND line.id = ANY(%(lost)s)""",
            paid=env.ref("dunning_exclusion.rule_paid").id,
            reasons=reasons_query(run, customers, levels, [row[0] for row in lost]),
            lost=[row[0] for row in lost],
        )
        with planned(env, few=line_ids is not None):
            env.cr.execute(update)
    env["dunning.run.line"].invalidate_model()
    run._untick_second_messages(customers)
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
            reopen(group)
            group.write({"state": "failed"})
            screen_again(run, group.partner_id, sending=True)
            for notice, own in lines.items():
                if reason := _find_fault(notice, own):
                    wrong[notice.id] = reason
            savepoint.rollback()
    return {notice: wrong[notice.id] for notice in notices if notice.id in wrong}


def _find_fault(notice, lines):
    """Return why a message would not be made again of its `lines`, which were just screened."""
    env = notice.env
    if not lines:
        return env._("No items are left to remind.")
    if bad := lines.filtered(lambda line: not line.checked)[:1]:
        return bad.skip_reason or bad.rule_id.name
    if any(notice.message_key not in line._get_message_keys() for line in lines):
        return env._("Conditions no longer met")
    return None if is_message_owed(lines) else env._("Nothing is owed in total.")


def reopen(notices):
    """Take the lines off messages that did not leave: they wait for these messages again.

    They stay with the messages of other actions.
    """
    env = notices.env
    if not notices:
        return
    env.flush_all()
    env.cr.execute(
        SQL(
            """WITH taken AS (DELETE FROM dunning_notice_line_rel WHERE notice_id = ANY(%s)
                              RETURNING line_id)
               UPDATE dunning_run_line SET notice_id = NULL
                WHERE id IN (SELECT line_id FROM taken)""",
            notices.ids,
        )
    )
    env["dunning.run.line"].invalidate_model(flush=False)
    notices.invalidate_recordset(["line_ids"], flush=False)


def is_message_owed(lines):
    """Return whether the message of `lines` is about money that is owed, see `items.is_owed`."""
    amount, outstanding = sum(lines.mapped("amount_residual")), lines[:1].outstanding
    # Not env.ref, which would ask the database for each message whether the rule exists.
    creditor = lines.env["ir.model.data"]._xmlid_to_res_id("dunning_exclusion.rule_creditor")
    chosen = any(creditor in (line.override_reason_ids or []) for line in lines)
    return is_owed(lines.run_id.company_id.currency_id, amount, outstanding, chosen)


def release_lines(run, customers):
    """Take lines off messages that did not leave and are made anew for other lines.

    The new message is then about all of them, and all of them are screened again.
    """
    env = run.env
    env.flush_all()
    query = SQL(
        """SELECT id FROM dunning_notice
            WHERE run_id = %(run)s AND partner_id = ANY(%(customers)s)
              AND state IN ('failed', 'skipped')
              AND (partner_id, message_key) IN (
                  SELECT partner_id, message_key FROM (%(messages)s) AS run_line
                   WHERE checked AND %(waits)s)""",
        run=run.id,
        customers=customers.ids,
        messages=_messages_query(run, customers),
        waits=WAITS,
    )
    with planned(env, few=len(customers) <= LISTED, some=True):
        rows = env.execute_query(query)
    # sudo: users write neither lines nor notices
    reopen(run.notice_ids.sudo().browse(row[0] for row in rows))


def _update_query(run, customers, line_ids, screening) -> SQL:
    """Return UPDATE of the lines without notice by what the SELECT `screening` answers.

    It returns the ids of the lines that the run would not list today.
    """
    return SQL(
        """WITH best AS (%(best)s),
                updated AS (
               UPDATE dunning_run_line line
                  SET outcome = COALESCE(best.outcome, 'dropped'), rule_id = best.rule_id,
                      reason_ids = CASE WHEN line.action_ids IS NULL THEN best.reason_ids
                                        ELSE %(reasons)s END,
                      skip_reason = NULL,
                      days_overdue = COALESCE(best.days_overdue, line.days_overdue),
                      outstanding = best.outstanding, overdue = best.overdue,
                      amount_residual = COALESCE(best.amount_residual, 0),
                      amount_residual_currency = COALESCE(best.amount_residual_currency, 0),
                      checked = best.ticked,
                      set_aside = best.wanted AND NOT best.ticked AND %(waits)s,
                      held_action_ids = (
                          SELECT jsonb_agg(action.id)
                            FROM jsonb_array_elements(line.action_ids) AS action (id)
                           WHERE NOT best.going @> action.id),
                      held_reasons = CASE WHEN line.action_ids IS NULL THEN line.held_reasons ELSE
                          NULLIF(COALESCE(line.held_reasons, '{}')
                                 - ARRAY(SELECT jsonb_array_elements_text(line.action_ids))
                                 || COALESCE(best.held, '{}'), '{}') END
                 FROM best WHERE best.id = line.id AND %(chosen)s
               RETURNING line.id, best.outcome IS NULL AS lost)
           SELECT id FROM updated WHERE lost""",
        best=_best_query(_looked_at_query(run, customers, line_ids, screening)),
        reasons=all_reasons(SQL("best.lists")),
        # In a run that is done nothing is ticked again: its messages may be, one by one.
        waits=run.state in ("prepared", "sending"),
        chosen=_chosen_sql(run, customers, line_ids),
    )


def _chosen_sql(run, customers, line_ids=None) -> SQL:
    """Return whether `line` is one of those that are looked at.

    An UPDATE repeats this condition. Otherwise PostgreSQL, which cannot tell how few lines will be
    found, reads the lines of all customers.

    :param line_ids: what `_few_line_ids` returned
    """
    if line_ids is not None:
        return SQL("line.id = ANY(%s)", list(line_ids))
    return SQL("line.run_id = %s AND line.partner_id = ANY(%s)", run.id, customers.ids)


def _best_query(looked_at) -> SQL:
    """Return SELECT of the best action of each line: one that is sent, else the least excluded one.

    `going` are the ids of the actions that go, or would if the line was ticked; `held` tells of
    others what stands against each: null, if it would not be listed today.
    """
    return SQL(
        """SELECT DISTINCT ON (id) *,
                  jsonb_agg(level_id) FILTER (
                      WHERE CASE WHEN ticked THEN stands ELSE grade = best END) OVER line AS going,
                  jsonb_agg(reason_ids) FILTER (WHERE grade = best) OVER line AS lists,
                  jsonb_object_agg(level_id, reason_ids) FILTER (
                      WHERE level_id IS NOT NULL AND grade > 0 AND NOT (ticked AND stands)
                  ) OVER line AS held
             FROM (SELECT *, wanted AND BOOL_OR(stands) OVER line AS ticked,
                          MIN(grade) OVER line AS best
                     FROM (%s) AS looked_at WINDOW line AS (PARTITION BY id)) AS decided
           WINDOW line AS (PARTITION BY id)
            ORDER BY id, ticked AND stands DESC, grade, place""",
        looked_at,
    )


def _looked_at_query(run, customers, line_ids, screening) -> SQL:
    """Return SELECT of what `screening` answers about each message of the lines, and `stands`.

    That is whether a tick stands: a person's against the reasons it was made for.
    """
    return SQL(
        """WITH fresh AS MATERIALIZED (%(screening)s)
           SELECT own.id, own.place, own.level_id, own.wanted, fresh.outcome, fresh.rule_id,
                  fresh.reason_ids, fresh.days_overdue, fresh.outstanding, fresh.overdue,
                  fresh.amount_residual, fresh.amount_residual_currency, %(grade)s AS grade,
                  COALESCE(fresh.outcome = 'included' OR (
                      fresh.outcome = 'unchecked'
                      AND own.override_reason_ids @> fresh.reason_ids), FALSE) AS stands
             FROM (SELECT *, checked OR set_aside IS TRUE AS wanted
                     FROM (%(messages)s) AS run_line WHERE %(waits)s OFFSET 0) own
             LEFT JOIN fresh ON fresh.move_line_id = own.move_line_id
              AND fresh.level_id IS NOT DISTINCT FROM own.level_id
              AND fresh.partner_id = own.partner_id""",
        grade=GRADE,
        messages=_messages_query(run, customers, line_ids),
        waits=WAITS,
        screening=screening,
    )


# What the run would list today -------------------------------------------------------------------


# Whether the message `run_line` is still to be made, see `_messages_query`.
WAITS = SQL("run_line.notice_id IS NULL AND NOT run_line.is_made")


def _messages_query(run, customers, line_ids=None) -> SQL:
    """Return SELECT of lines, once for each message that they go into.

    `level_id` and `message_key` are those of the message, and `is_made` tells whether there is a
    notice of it.

    :param line_ids: the lines; None: all of the run and the customers
    """
    return SQL(
        """SELECT line.id, line.move_line_id, line.move_id, line.partner_id, line.scenario_id,
                  line.notice_id, line.checked, line.set_aside, line.override_reason_ids, message.*
             FROM (SELECT * FROM dunning_run_line line WHERE %(chosen)s) line
            CROSS JOIN LATERAL (
                SELECT line.level_id, line.message_key, 1 AS place,
                       line.notice_id IS NOT NULL AS is_made
                 WHERE line.action_ids IS NULL
                 UNION ALL
                SELECT action.id::int, action.id::int, action.place,
                       EXISTS (SELECT 1 FROM dunning_notice_line_rel listed
                                 JOIN dunning_notice notice ON notice.id = listed.notice_id
                                WHERE listed.line_id = line.id
                                  AND notice.message_key = action.id::int)
                  FROM jsonb_array_elements(line.action_ids)
                       WITH ORDINALITY AS action (id, place)) message""",
        chosen=_chosen_sql(run, customers, line_ids),
    )


def _few_line_ids(run, customers):
    """Return the ids of the lines of a few customers, or None where they are many.

    PostgreSQL knows nothing yet of lines that were prepared just now: it would expect one, and
    compare each of them with each item. It can count ids that are named.
    """
    if len(customers) > LISTED:
        return None
    query = SQL("SELECT id FROM dunning_run_line line WHERE %s", _chosen_sql(run, customers))
    rows = run.env.execute_query(query)
    return [row[0] for row in rows]


def _unsent_levels(run, customers):
    """Return the levels of the lines without notice."""
    rows = run.env.execute_query(
        SQL(
            """SELECT DISTINCT COALESCE(action.id::int, level_id) FROM dunning_run_line
                 LEFT JOIN LATERAL jsonb_array_elements(action_ids) AS action (id) ON TRUE
                WHERE run_id = %s AND partner_id = ANY(%s) AND notice_id IS NULL""",
            run.id,
            customers.ids,
        )
    )
    # sudo: what is reminded of must not depend on who sends it.
    return run.env["dunning.level"].sudo().browse(row[0] for row in rows if row[0])


def customers_to_read(levels, customers):
    """Return the customers whose items are read: whole families where conditions sum them up."""
    if not candidates.needs_family(levels.scenario_id):
        return customers
    # sudo: as in `_unsent_levels`
    top = customers.sudo().with_context(active_test=False)
    while above := top.parent_id:
        top = above | top.filtered(lambda partner: not partner.parent_id)
    return top.search(Domain("id", "child_of", top.ids)).commercial_partner_id | customers


def items_query(run, customers, levels, line_ids=None) -> SQL:
    """Return SELECT of the candidates, as `screening.candidates` does: lines that are listed today.

    What the run has sent is always among them, as it counts in the reminded amount. Lines whose
    message has left without them are not.
    """
    return SQL(
        """(WITH run_line AS MATERIALIZED (%(messages)s), listed AS MATERIALIZED (%(listed)s)
            SELECT item.*, run_line.level_id, run_line.message_key AS message_id
              FROM item
              JOIN run_line ON run_line.move_line_id = item.id
               AND run_line.partner_id = item.partner_id
              LEFT JOIN listed ON listed.id = item.id
               AND listed.level_id IS NOT DISTINCT FROM run_line.level_id
             WHERE run_line.is_made OR %(waits)s AND listed.id IS NOT NULL AND NOT %(left)s)""",
        listed=_listed_query(run, customers, levels),
        messages=_messages_query(run, customers, line_ids),
        waits=WAITS,
        left=_message_left_sql(run, customers),
    )


def _listed_query(run, customers, levels) -> SQL:
    """Return what the run would list today of the items of the lines without notice."""
    company, today = run.company_id, run.company_id._dunning_today()
    moves = SQL(
        """SELECT move_id FROM dunning_run_line
            WHERE run_id = %s AND partner_id = ANY(%s) AND notice_id IS NULL""",
        run.id,
        customers.ids,
    )
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
        (SQL("move.dunning_due_date >= %s", today), env._("Postponed in the meantime")),
        (SQL("%s AND level.id IS NULL", by_level), env._("Reminder level deleted in the meantime")),
        (left, env._("Reminded in this run already")),
        (SQL("said.day >= %s", run.date), env._("Reminded by another run in the meantime")),
        (SQL("line.id IS NULL"), env._("Item deleted in the meantime")),
        (SQL("line.parent_state = 'draft'"), env._("Reset to draft in the meantime")),
        (SQL("line.parent_state = 'cancel'"), env._("Cancelled in the meantime")),
        (SQL("line.reconciled"), None),
        (moved, env._("Moved to another customer in the meantime")),
        (scenario_off, env._("Scenario switched off in the meantime")),
        (type_off, env._("Reminder type switched off in the meantime")),
        (SQL("%s IS NOT TRUE", meant), env._("The scenario no longer applies to this customer")),
        (SQL("said.day + %s > %s", gap, today), env._("Reminded too recently")),
        (_raised_sql(run, today), env._("A higher level was sent to the customer in the meantime")),
    )
    return SQL(
        """SELECT DISTINCT ON (run_line.id)
                  run_line.id, CASE %(cases)s ELSE %(unfit)s END AS reason
             FROM (%(messages)s) run_line %(joins)s
            WHERE %(waits)s ORDER BY run_line.id, run_line.place""",
        cases=SQL(" ").join(SQL("WHEN %s THEN %s", *case) for case in cases),
        unfit=env._("Conditions no longer met"),
        joins=_reasons_joins(run),
        messages=_messages_query(run, customers, line_ids),
        waits=WAITS,
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
