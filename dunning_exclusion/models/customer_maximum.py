"""What customers would be sent on one day, compared with the maximum per customer.

How it works: two amounts of each customer are added, what is ticked for that day in all runs of the
company and not sent yet, and what was sent that day or is on its way. An item counts once, however
many messages list it. A credit is deducted only when every message of the day lists it: otherwise
a credit in one run would make room for items in another one.

Both ticking lines and sending runs ask `find_above`. When an approver ticks lines above the
maximum, the rule `customer_maximum` is among the reasons against which they were ticked.

Customers and runs are given to PostgreSQL as lists, not as subqueries: after many lines were ticked
its statistics are wrong, and it would compare each line with each customer.
"""

from odoo import SUPERUSER_ID
from odoo.exceptions import UserError
from odoo.tools import SQL


def may_release(env):
    """Return whether the user, with or without sudo, may have more sent than the maximum."""
    return env.uid == SUPERUSER_ID or env.user.has_group("dunning_exclusion.group_dunning_approver")


def get_rule(env):
    """Return the rule of the maximum per customer."""
    # sudo: who sends need not have the right to read rules
    return env.ref("dunning_exclusion.rule_customer_maximum").sudo()


def get_maximum(company):
    """Return the maximum per customer of a company; 0: there is none."""
    # sudo: it holds for everybody who sends for the company
    maximum = company.sudo().dunning_customer_maximum
    return maximum if maximum and get_rule(company.env).with_company(company).enabled else 0


def find_above(run, customer_ids, ticked=None, sending=False, leaving=()):
    """Return {customer id: amount} of who would be sent more than the maximum on the day of `run`.

    That day is today when the run was prepared for an earlier one.

    :param ticked: condition on `line` that makes it count as if it were ticked
    :param sending: the run is sent now, whatever day it was prepared for
    :param leaving: ids of notices that leave now, whatever day they were made
    """
    maximum = get_maximum(run.company_id)
    if not maximum or not customer_ids:
        return {}
    if sending:
        _let_others_wait(run.env, customer_ids)
    today = run.company_id._dunning_today()
    waits = not sending and run.state in ("draft", "prepared")
    day = max(run.date, today) if waits else today
    run.env.flush_all()
    counted = _counted_query(
        run,
        list(customer_ids),
        _runs_of_day(run, {day, run.date} if waits else {day}),
        ticked or SQL("FALSE"),
        SQL("(notice.date = %s OR notice.id = ANY(%s))", day, list(leaving)),
    )
    return dict(run.env.execute_query(_totals_query(counted, maximum)))


def _let_others_wait(env, customer_ids):
    """Let others who decide on what these customers are sent wait until this transaction ends.

    Two who decide in the same moment do not see what the other one sends. Who comes second gets a
    serialization failure, upon which Odoo tries the call again and sees it: a mere lock would not
    do, as the second would still see the database as it was before.
    """
    env.cr.execute(
        SQL(
            """UPDATE res_partner SET name = name
                WHERE id IN (SELECT id FROM res_partner WHERE id = ANY(%s)
                              ORDER BY id FOR NO KEY UPDATE)""",
            list(customer_ids),
        )
    )


def _totals_query(counted, maximum) -> SQL:
    """Return SELECT of the customers above the maximum and their amounts.

    For speed, first those are found who are above it when each mention of an item counts.
    """
    return SQL(
        """SELECT partner_id, SUM(amount)
             FROM (SELECT partner_id, MAX(amount) AS amount, COUNT(DISTINCT message) AS number,
                          MAX(MAX(message)) OVER (PARTITION BY partner_id) AS of_number
                     FROM (SELECT *, DENSE_RANK() OVER (
                                  PARTITION BY partner_id ORDER BY run_id, message_key) AS message
                             FROM (SELECT *, SUM(GREATEST(amount, 0)) OVER (
                                          PARTITION BY partner_id) AS roughly
                                     FROM (%(counted)s) counted) summed
                            WHERE roughly > %(maximum)s) ranked
                    GROUP BY partner_id, item_id) item
            WHERE amount > 0 OR number = of_number
            GROUP BY partner_id HAVING SUM(amount) > %(maximum)s""",
        counted=counted,
        maximum=maximum,
    )


def _runs_of_day(run, days):
    """Return the ids of the runs that count together: `run`, those of `days`, and those at work."""
    rows = run.env.execute_query(
        SQL(
            """SELECT id FROM dunning_run
                WHERE company_id = %s AND (state = 'sending' OR state = 'prepared'
                                           AND date = ANY(%s::date[]))""",
            run.company_id.id,
            list(days),
        )
    )
    return list({run.id, *(row[0] for row in rows)})


def _counted_query(run, customer_ids, run_ids, ticked, on_day) -> SQL:
    """Return SELECT of what is ticked in some runs, and of what was sent on a day or is on its way.

    The amount is what is open of a ticked item, and what was open of a sent one when it was sent.
    """
    return SQL(
        """SELECT line.partner_id, line.move_line_id AS item_id, item.amount_residual AS amount,
                  line.run_id, line.message_key
             FROM dunning_run_line line
             JOIN account_move_line item ON item.id = line.move_line_id
            WHERE line.run_id = ANY(%(runs)s) AND line.partner_id = ANY(%(customers)s)
              AND line.notice_id IS NULL AND line.checked
           UNION ALL
           SELECT line.partner_id, line.move_line_id, item.amount_residual,
                  line.run_id, line.message_key
             FROM dunning_run_line line
             JOIN account_move_line item ON item.id = line.move_line_id
            WHERE line.run_id = ANY(%(runs)s) AND line.notice_id IS NULL AND %(ticked)s
           UNION ALL
           SELECT notice.partner_id, COALESCE(line.move_line_id, -line.id), line.amount_residual,
                  line.run_id, notice.message_key
             FROM dunning_notice notice
             JOIN dunning_notice_line_rel listed ON listed.notice_id = notice.id
             JOIN dunning_run_line line ON line.id = listed.line_id
            WHERE notice.partner_id = ANY(%(customers)s) AND notice.company_id = %(company)s
              AND %(on_day)s AND notice.state IN ('queued', 'sent')""",
        runs=run_ids,
        customers=customer_ids,
        company=run.company_id.id,
        ticked=ticked,
        on_day=on_day,
    )


def check_letters(letters):
    """Check that letters and what else is sent today are not more than the maximum.

    :raise UserError: when a customer would be sent more than it, unless an approver says that the
        letters left, or has released their lines
    """
    if may_release(letters.env):
        return
    rule = get_rule(letters.env)
    for run, group in letters.grouped("run_id").items():
        unreleased = group.line_ids.filtered(
            lambda line: rule.id not in (line.override_reason_ids or [])
        )
        above = find_above(run, unreleased.partner_id.ids, sending=True, leaving=letters.ids)
        refuse(run, above)


def counts_with_others(run):
    """Return whether something else than `run` may be sent on its day to the same customers."""
    day = max(run.date, run.company_id._dunning_today())
    sent = SQL(
        """SELECT 1 FROM dunning_notice
            WHERE company_id = %s AND date = %s AND state IN ('queued', 'sent') LIMIT 1""",
        run.company_id.id,
        day,
    )
    return len(_runs_of_day(run, {day, run.date})) > 1 or bool(run.env.execute_query(sent))


def refuse(run, above):
    """Refuse to tick or send more than the maximum.

    :param above: what `find_above` returns
    :raise UserError: when `above` names somebody
    """
    if not above:
        return
    # sudo: who ticks has seen the customer and the company on the line
    company, customers = run.company_id.sudo(), run.env["res.partner"].sudo()
    customer_id, amount = max(above.items(), key=lambda item: item[1])
    raise UserError(
        run.env._(
            "%(customer)s would be reminded of %(amount)s that day, more than the maximum of "
            "%(maximum)s: only a follow-up approver may release it.",
            customer=customers.browse(customer_id).display_name,
            amount=company.currency_id.format(float(amount)),
            maximum=company.currency_id.format(company.dunning_customer_maximum),
        )
    )
