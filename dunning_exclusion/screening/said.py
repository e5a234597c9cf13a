"""What was said to customers about their items already, and whether it may be said again.

Lists, the look before sending and the mail queue all ask here. What is said has a sense, a number:
all reminders of an item say the same, whatever list, scenario or level they are of; some types of
messages inform, and do not remind; each action of a workflow, whose sense is its id, says
something else.

Two limits count messages to a customer, whatever they say: how soon another one may follow, and
how long nothing goes out below the level that was sent.
"""

from datetime import timedelta

from odoo.tools import SQL

REMINDER, INFORMATION = 0, -1
# Codes of the reminder types that inform.
INFORMING = ("statement", "new_document")
# The sense in which a line is sent, over the aliases `scenario`, `level` and `type`.
SENSE = SQL(
    """CASE WHEN scenario.campaign_type = 'customer' THEN level.id
            WHEN type.code = ANY(%s) THEN %s ELSE %s END""",
    list(INFORMING),
    INFORMATION,
    REMINDER,
)


def reaches_customer(alias) -> SQL:
    """Return whether the level or message `alias` goes to the customer, not to employees only."""
    return SQL("%s NOT IN ('internal', 'activity')", SQL.identifier(alias, "action"))


def sense_of(reminder_type):
    """Return in which sense invoice-level scenarios and lists send a type of reminder."""
    return INFORMATION if reminder_type.code in INFORMING else REMINDER


def messages(company, few=False) -> SQL:
    """Return SELECT of what left or is on its way of the items in `item`.

    The columns: move_line_id, sense, scenario_id, notice_id, day (when it left, `infinity` while it
    is on its way) and place (of the level in its scenario, NULL while it is on its way).

    Where Odoo has rebuilt the items of an invoice, what was said of a former item counts for every
    item of the same customer in that invoice.

    :param few: whether `item` holds few items, so that the lines of each are looked up
    """
    # OFFSET 0 has each line look up its notice. As long as PostgreSQL has no statistics of new
    # notices, it would do it the other way round and read all items again for each notice.
    # Deleted levels keep their place in the scenario, see `dunning.level._get_place`.
    return SQL(
        """SELECT run_line.item_id AS move_line_id, scenario.id AS scenario_id,
                  notice.id AS notice_id, placed.place,
                  CASE notice.state WHEN 'sent' THEN notice.date ELSE 'infinity' END AS day,
                  %(sense)s AS sense
             FROM (%(lines)s) run_line
            CROSS JOIN LATERAL (SELECT notice.* FROM dunning_notice_line_rel listed
                                  JOIN dunning_notice notice ON notice.id = listed.notice_id
                                 WHERE listed.line_id = run_line.id OFFSET 0) notice
             LEFT JOIN dunning_level level ON level.id =
                  CASE WHEN run_line.action_ids IS NULL THEN run_line.level_id
                       ELSE notice.level_id END
             LEFT JOIN dunning_scenario scenario
               ON scenario.id = COALESCE(level.scenario_id, run_line.scenario_id)
             LEFT JOIN dunning_reminder_type type
               ON type.id = COALESCE(level.type_id, notice.type_id)
            CROSS JOIN LATERAL (SELECT CASE WHEN notice.state = 'sent' THEN
                (COALESCE(level.sequence, run_line.level_sequence)::bigint << 32)
                + COALESCE(level.id, 2147483647) END AS place) placed
            WHERE notice.company_id = %(company)s AND notice.state IN ('queued', 'sent')""",
        lines=_lines_with_notice(few),
        sense=SENSE,
        company=company.id,
    )


def _lines_with_notice(few) -> SQL:
    # A line with several actions may wait for the message of one, and have had that of another.
    return SQL(
        """SELECT item.id AS item_id, line.* FROM item CROSS JOIN LATERAL (
               SELECT * FROM dunning_run_line WHERE move_line_id = item.id %(each)s) line
            WHERE (line.notice_id IS NOT NULL OR line.action_ids IS NOT NULL)
            UNION ALL
           SELECT item.id AS item_id, line.* FROM item CROSS JOIN LATERAL (
               SELECT * FROM dunning_run_line
                WHERE move_id = item.move_id AND move_line_id IS NULL %(each)s) line
            WHERE (line.notice_id IS NOT NULL OR line.action_ids IS NOT NULL)
              AND line.partner_id = item.partner_id""",
        each=SQL("OFFSET 0") if few else SQL(),
    )


def is_free(day, today, gap=1, since=None) -> SQL:
    """Return whether it may be said on `today`, when it was last said on `day`.

    :param day: the latest `day` of `messages`; NULL: it was never said
    :param gap: the days that must lie between; never twice on one day
    :param since: when it was said on this day or later, it is said already; None: no matter
    """
    later = SQL("AND %s < %s", day, since) if since else SQL()
    return SQL("COALESCE(%s + %s <= %s %s, TRUE)", day, max(gap, 1), today, later)


def had_action(company, free_until) -> SQL:
    """Return whether the customer of `figure` had the workflow's `action` after `free_until`."""
    return SQL(
        """EXISTS (SELECT 1 FROM dunning_notice notice
                    WHERE notice.partner_id = figure.partner_id
                      AND notice.level_id = action.id AND notice.company_id = %s
                      AND (notice.state = 'queued' OR (
                           notice.state = 'sent' AND notice.date > %s)))""",
        company.id,
        free_until,
    )


def recent_messages(question) -> SQL:
    """Return SELECT of the customers who got a message too few days ago, or have one on its way.

    Only what goes to customers counts, as letters and e-mails do, in companies that set a limit.

    The columns: company_id, partner_id, day (of the last message), on_its_way, and `workflows`: the
    workflows whose messages of today they are, 0 for all other messages. The actions of a workflow
    on one day are one message. What the run of `question` sent is passed over.
    """
    chosen = SQL()
    if question.customers is not None:
        chosen = SQL("AND %s", question.among(SQL("notice.partner_id")))
    return SQL(
        """SELECT notice.company_id, notice.partner_id, MAX(notice.date) AS day,
                  BOOL_OR(notice.state = 'queued') AS on_its_way,
                  ARRAY_AGG(CASE WHEN notice.date = %(today)s THEN COALESCE(scenario.id, 0)
                                 ELSE 0 END) AS workflows
             FROM dunning_notice notice
             JOIN res_company company ON company.id = notice.company_id
             LEFT JOIN dunning_level level ON level.id = notice.level_id
             LEFT JOIN dunning_scenario scenario ON scenario.id = level.scenario_id
                   AND scenario.campaign_type = 'customer'
            WHERE notice.company_id = ANY(%(companies)s) AND notice.run_id <> %(run)s %(chosen)s
              AND company.dunning_min_days_between_messages > 0
              AND %(reaches)s
              AND (notice.state = 'queued'
                   OR notice.state = 'sent' AND notice.date <= %(today)s AND notice.date
                      > %(today)s - company.dunning_min_days_between_messages)
            GROUP BY notice.company_id, notice.partner_id""",
        companies=list(question.companies.ids),
        run=question.run_id,
        reaches=reaches_customer("notice"),
        today=question.today,
        chosen=chosen,
    )


def highest_levels(company, today, run_id) -> SQL:
    """Return SELECT partner_id, scenario_id, level_id: the highest level sent to each customer.

    It counts for as many days as the company has set: for none, there are no rows.

    :param run_id: a run whose own messages do not count
    """
    return SQL(
        """SELECT notice.partner_id, level.scenario_id,
                  (MAX((level.sequence::bigint << 32) + level.id) & 4294967295)::int AS level_id
             FROM dunning_notice notice
             JOIN dunning_level level ON level.id = notice.level_id
            WHERE notice.company_id = %s AND notice.state IN ('queued', 'sent')
              AND %s AND notice.date >= %s AND notice.run_id <> %s AND %s > 0
            GROUP BY notice.partner_id, level.scenario_id""",
        company.id,
        reaches_customer("notice"),
        today - timedelta(days=company.dunning_no_fall_back_days),
        run_id,
        company.dunning_no_fall_back_days,
    )
