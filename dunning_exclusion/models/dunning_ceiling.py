"""What customers would be sent on one day, compared with the maximum per customer.

How it works: for each customer of a run asked about, `counted` takes what is ticked in the runs of
the company for that day and was not sent yet, and what was sent that day or is on its way. An item
counts once, however many runs and messages list it. A credit is deducted only when every message
of the day carries it: otherwise one list could make room for another one.

Whoever ticks is checked with `above_query`, and what is about to be sent with `hold_back`. Only an
approver gets past it: ticking then records the rule `customer_maximum` among the reasons that the
tick stands against.
"""

from odoo import SUPERUSER_ID
from odoo.exceptions import UserError
from odoo.tools import SQL

# Columns of `above_query`.
ABOVE = ("run_id", "partner_id", "company_id", "amount", "maximum")


def may_release(env):
    """Return whether the user may have more sent to a customer than the maximum.

    The rights of the system are no way around it: what counts is who acts.
    """
    return env.uid == SUPERUSER_ID or env.user.has_group("dunning_exclusion.group_dunning_approver")


def maximum_rule(env):
    """Return the rule of the maximum per customer."""
    # sudo: who sends need not have the right to read rules
    return env.ref("dunning_exclusion.rule_customer_maximum").sudo()


def read_limits(env, companies=None):
    """Return [(company id, maximum, today)] of the companies that have a maximum.

    :param companies: None: all
    """
    # sudo: the limits of a company hold for everybody who sends for it
    Company = env["res.company"].sudo()
    companies = Company.search([]) if companies is None else companies.sudo()
    rule = maximum_rule(env)
    return [
        (company.id, company.dunning_customer_maximum, company._dunning_today())
        for company in companies
        if company.dunning_customer_maximum > 0 and rule.with_company(company).enabled
    ]


def above_query(limits, asked, ticked=None, sending=False, leaving=()) -> SQL:
    """Return SELECT of `ABOVE`: the customers who would be sent more than the maximum.

    :param limits: what `read_limits` returns
    :param asked: SELECT of the run_id and partner_id to look at
    :param ticked: condition on `line` that makes it count as if it were ticked
    :param sending: the run is sent now, whatever day it was prepared for
    :param leaving: ids of notices that leave now, whatever day they were made
    """
    if not limits:
        nothing = SQL(", ").join(SQL("NULL::int AS %s", SQL.identifier(name)) for name in ABOVE)
        return SQL("SELECT %s WHERE FALSE", nothing)
    return SQL(
        """WITH asked AS MATERIALIZED (%(asked)s),
                counted AS MATERIALIZED (%(counted)s),
                -- Few are above even if each mention of an item counts: only these are added up.
                rough AS (SELECT run_id, partner_id
                            FROM counted WHERE amount > 0
                           GROUP BY run_id, partner_id, maximum HAVING SUM(amount) > maximum),
                close AS (SELECT * FROM counted JOIN rough USING (run_id, partner_id)),
                item AS (SELECT run_id, partner_id, company_id, maximum, item_id,
                                MAX(amount) AS amount,
                                COUNT(DISTINCT (in_run, message_key)) AS messages
                           FROM close GROUP BY run_id, partner_id, company_id, maximum, item_id),
                day AS (SELECT run_id, partner_id,
                               COUNT(DISTINCT (in_run, message_key)) AS messages
                          FROM close GROUP BY run_id, partner_id)
           SELECT item.run_id, item.partner_id, item.company_id,
                  SUM(item.amount) AS amount, item.maximum
             FROM item
             JOIN day USING (run_id, partner_id)
            WHERE item.amount > 0 OR item.messages = day.messages
            GROUP BY item.run_id, item.partner_id, item.company_id, item.maximum
           HAVING SUM(item.amount) > item.maximum""",
        asked=_asked_query(limits, asked, sending),
        counted=_counted_query(ticked, leaving),
    )


def _asked_query(limits, asked, sending) -> SQL:
    """Return the runs and customers asked about, with the maximum and the day that counts.

    What was prepared for a day that is over would be sent today. `listed` is the day of other runs
    whose ticks count as well: a list that nobody sent on its day does not count for ever.
    """
    values = SQL(", ").join(
        SQL("(%s, %s::numeric, %s::date)", company_id, maximum, today)
        for company_id, maximum, today in limits
    )
    waits = SQL("FALSE") if sending else SQL("run.state IN ('draft', 'prepared')")
    return SQL(
        """SELECT asked.run_id, asked.partner_id, run.company_id, limited.maximum,
                  CASE WHEN %(waits)s THEN GREATEST(run.date, limited.today)
                       ELSE limited.today END AS day,
                  CASE WHEN %(waits)s THEN run.date ELSE limited.today END AS listed
             FROM (%(asked)s) asked
             JOIN dunning_run run ON run.id = asked.run_id
             JOIN (VALUES %(values)s) AS limited (company_id, maximum, today)
               ON limited.company_id = run.company_id""",
        asked=asked,
        waits=waits,
        values=values,
    )


def _counted_query(ticked, leaving) -> SQL:
    """Return the amounts of what is ticked for the day of `asked`, and of what was sent on it.

    What is still open counts of the former, and of the latter what was open when it was sent. A
    message that failed or was skipped does not count.
    """
    return SQL(
        """SELECT asked.run_id, asked.partner_id, asked.company_id, asked.maximum,
                  line.move_line_id AS item_id, item.amount_residual AS amount,
                  line.run_id AS in_run, line.message_key
             FROM asked
             JOIN dunning_run other
               ON other.company_id = asked.company_id
              AND (other.id = asked.run_id OR other.state = 'sending'
                   OR other.state = 'prepared' AND other.date IN (asked.day, asked.listed))
             JOIN dunning_run_line line
               ON line.run_id = other.id AND line.partner_id = asked.partner_id
             JOIN account_move_line item ON item.id = line.move_line_id
            WHERE line.notice_id IS NULL AND (line.checked OR %(ticked)s)
           UNION ALL
           SELECT asked.run_id, asked.partner_id, asked.company_id, asked.maximum,
                  COALESCE(line.move_line_id, -line.id), line.amount_residual,
                  line.run_id, line.message_key
             FROM asked
             JOIN dunning_notice notice
               ON notice.partner_id = asked.partner_id AND notice.company_id = asked.company_id
              AND (notice.date = asked.day OR notice.id = ANY(%(leaving)s))
              AND notice.state IN ('queued', 'sent')
             JOIN dunning_run_line line ON line.notice_id = notice.id""",
        ticked=ticked or SQL("FALSE"),
        leaving=list(leaving),
    )


def hold_back(run, customers, sending=False):
    """Untick what would be sent to `customers` above the maximum and no approver has released.

    The reason of the lines is then the maximum, beside those that a person has ticked them
    against.

    :param customers: None: all of the run
    """
    env = run.env
    limits = read_limits(env, run.company_id)
    if not limits:
        return
    env.flush_all()
    rule = maximum_rule(env)
    chosen = SQL("TRUE") if customers is None else SQL("partner_id = ANY(%s)", customers.ids)
    asked = SQL(
        """SELECT DISTINCT run_id, partner_id FROM dunning_run_line
            WHERE run_id = %s AND %s AND checked AND notice_id IS NULL""",
        run.id,
        chosen,
    )
    env.cr.execute(
        SQL(
            """UPDATE dunning_run_line line
                  SET checked = FALSE, outcome = %(outcome)s, rule_id = %(rule)s,
                      reason_ids = CASE WHEN line.reason_ids @> %(reason)s THEN line.reason_ids
                          ELSE %(reason)s || COALESCE(line.reason_ids, '[]') END
                 FROM (%(above)s) above
                WHERE line.run_id = above.run_id AND line.partner_id = above.partner_id
                  AND line.checked AND line.notice_id IS NULL
                  AND (line.override_reason_ids @> %(reason)s) IS NOT TRUE""",
            outcome=rule._effect_in(run.company_id),
            rule=rule.id,
            reason=SQL("jsonb_build_array(%s::int)", rule.id),
            above=above_query(limits, asked, sending=sending),
        )
    )
    env["dunning.run.line"].invalidate_model(flush=False)


def check_letters(letters):
    """Check letters that waited and leave today: together with what else was sent today.

    :raise UserError: when a customer would be sent more than the maximum, unless an approver says
        that the letters left, or has released their lines
    """
    env = letters.env
    if may_release(env):
        return
    env.flush_all()
    asked = SQL(
        """SELECT DISTINCT run_id, partner_id FROM dunning_run_line line
            WHERE notice_id = ANY(%s)
              AND (override_reason_ids @> jsonb_build_array(%s::int)) IS NOT TRUE""",
        letters.ids,
        maximum_rule(env).id,
    )
    limits = read_limits(env, letters.company_id)
    query = above_query(limits, asked, sending=True, leaving=letters.ids)
    for _run_id, partner_id, *values in env.execute_query(query):
        refuse(env, partner_id, *values)


def counts_with_others(run):
    """Return whether something else than `run` may be sent on its day to the same customers."""
    today = run.company_id._dunning_today()
    return run.env.execute_query(
        SQL(
            """SELECT EXISTS (SELECT 1 FROM dunning_run
                               WHERE company_id = %(company)s AND id <> %(run)s
                                 AND (state = 'sending'
                                      OR state = 'prepared' AND date IN (%(day)s, %(listed)s)))
                   OR EXISTS (SELECT 1 FROM dunning_notice
                               WHERE company_id = %(company)s AND date = %(day)s
                                 AND state IN ('queued', 'sent'))""",
            company=run.company_id.id,
            run=run.id,
            day=max(run.date, today),
            listed=run.date,
        )
    )[0][0]


def refuse(env, partner_id, company_id, amount, maximum):
    """Tell that a customer would be sent too much.

    :raise UserError: always
    """
    # sudo: who ticks has seen the customer and the company on the line
    currency = env["res.company"].sudo().browse(company_id).currency_id
    raise UserError(
        env._(
            "%(customer)s would be sent %(amount)s that day, more than the ceiling of "
            "%(maximum)s: only a follow-up approver may release it.",
            customer=env["res.partner"].sudo().browse(partner_id).display_name,
            amount=currency.format(float(amount)),
            maximum=currency.format(float(maximum)),
        )
    )
