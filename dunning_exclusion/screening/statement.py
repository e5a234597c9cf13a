"""The one SQL statement that decides, and the settings of PostgreSQL for executing it.

`item` takes the open receivable items with the ranks of the item rules that exclude them, in one
pass over Odoo's tables. Some rules follow from all items of a customer together, such as money that
waits to be set against the oldest ones: `waiting` holds the items that they exclude, and `listed`
the items with the ranks of all item rules. `message` sums up what each customer owes and would be
reminded of, and adds the ranks of the customer rules; the last SELECT joins both. The lowest rank
decides.

For a run `total` is what each customer owes, and `listed` takes only those of the items that reach
a level, see `candidates`. Its answer has a row for each action of a workflow; `by_line` makes one
of them for each item and scenario.
"""

from contextlib import contextmanager

from psycopg2 import Error

from odoo.tools import SQL

from . import items
from .question import FEW, LISTED

# The tables that are joined with the items.
TABLES = (
    *("account_move_line", "account_move", "res_partner", "dunning_block", "dunning_promise"),
    *("dunning_notice", "account_bank_statement_line", "account_payment"),
)
# In bytes.
SMALL_TABLE = 1_000_000
# What the items of one message of a run have in common.
RUN_MESSAGE = SQL("partner_id, message_key, type_id, sends_email")
RUN_COLUMNS = ("level_id", "level_sequence", "scenario_id", "message_key")
# What `by_line` adds to the columns of a run.
BY_LINE = ("action_ids", "held_reasons", "shared")
# The place of an outcome among others, the best one first; not listed at all comes last.
GRADE = SQL(
    """CASE outcome WHEN 'included' THEN 0 WHEN 'unchecked' THEN 1 WHEN 'dropped' THEN 2
                    ELSE 3 END"""
)


def select(branches) -> SQL:
    """Return SELECT of all columns of `dunning.screening`, and `RUN_COLUMNS`, for `branches`."""
    return SQL(" UNION ALL ").join(
        SQL("(WITH %s, %s)", _read(branch), _decided(branch)) for branch in branches
    )


def together(branches) -> SQL:
    """Return WITH of what `select` returns for each of {name: branch}, all of one company.

    Where they read the same items, as for a run and for the report of one day, these are read once.

    :param branches: their names must be none of the statement's own, such as `item`
    """
    parts = []
    for name, branch in branches.items():
        read = _read(branch)
        parts = parts or [read]
        own = SQL("%s,", read) if read != parts[0] else SQL()
        parts.append(SQL("%s AS (WITH %s %s)", SQL.identifier(name), own, _decided(branch)))
    return SQL("WITH %s", SQL(", ").join(parts))


def _read(branch) -> SQL:
    """Return the parts `item` and `waiting`."""
    return SQL(
        "item AS MATERIALIZED (%s), waiting AS MATERIALIZED (%s)", _item(branch), branch.waiting
    )


def _decided(branch) -> SQL:
    """Return the other parts, and the SELECT of the answer."""
    # OFFSET 0 has the deciding rank evaluated once for an item, and keeps the filters of a search
    # out: of a filter by company, PostgreSQL expects a handful of items.
    question = branch.question
    one_by_one = question.owner and question.owner.kind != "partner"
    return SQL(
        """%(listed)s,
           message AS MATERIALIZED (%(message)s)
           SELECT id, id AS move_line_id, move_id, partner_id, company_id, currency_id,
                  invoice_date, date_due, GREATEST(%(today)s - date_due, 0) AS days_overdue,
                  amount_residual, amount_residual_currency,
                  outstanding, overdue, reminded_amount, %(run_columns)s,
                  CASE WHEN rank IS NULL THEN 'included'
                       WHEN rank <= %(dropped)s THEN 'dropped'
                       ELSE 'unchecked' END AS outcome,
                  (%(rule_ids)s::int[])[rank] AS rule_id,
                  %(reason_ids)s AS reason_ids
             FROM (SELECT listed.*, message.ranks AS customer_ranks, message.outstanding,
                          message.overdue, message.reminded_amount,
                          LEAST(listed.ranks[1], message.ranks[1]) AS rank
                     FROM listed JOIN message %(same_message)s
                    %(restriction)s OFFSET 0) decided""",
        listed=_candidates(branch) if question.candidates else _all_items(branch),
        message=_message(branch),
        today=question.today,
        run_columns=_run_columns(question),
        dropped=sum(rule.effect == "dropped" for rule in branch.rules),
        rule_ids=[rule.id for rule in branch.rules],
        reason_ids=_reason_ids(branch) if question.all_reasons else SQL("NULL::jsonb"),
        same_message=_same_message(question),
        restriction=SQL("WHERE %s", question.owner.matches("listed")) if one_by_one else SQL(),
    )


def _reason_ids(branch) -> SQL:
    """Return all reasons of an item as JSON, the deciding one first, as SQL over `_decided`."""
    return SQL(
        """CASE WHEN rank IS NULL THEN NULL
                WHEN cardinality(ranks || customer_ranks) = 1
                THEN jsonb_build_array((%(rule_ids)s::int[])[rank])
                ELSE (SELECT jsonb_agg((%(rule_ids)s::int[])[one] ORDER BY one)
                        FROM unnest(ranks || customer_ranks) one) END""",
        rule_ids=[rule.id for rule in branch.rules],
    )


def _item(branch) -> SQL:
    """Return the open items with the ranks of the item rules, not the late ones."""
    question = branch.question
    return SQL(
        """SELECT line.id, line.move_id, line.company_id, line.currency_id,
                  contact.commercial_partner_id AS partner_id, %(date_due)s AS date_due,
                  %(issued_on)s AS invoice_date,
                  move.dunning_due_date AS postponed_to,
                  line.amount_residual, line.amount_residual_currency,
                  move.payment_state IN ('paid', 'in_payment', 'reversed') AS settled,
                  %(ranks)s AS own_ranks
             %(open_items)s""",
        date_due=items.DATE_DUE,
        issued_on=items.ISSUED_ON,
        ranks=_ranks(branch, "item"),
        open_items=items.open_items(question, branch.item_joins),
    )


def _ranks(branch, level, late=False) -> SQL:
    """Return the ranks of the rules of one level that exclude, lowest first, as int[].

    They are NULL where no rule does, as for most: so they take no room and no time. Where only the
    deciding reason is asked for they end with the first: later conditions are not evaluated.
    """
    rules = [
        (rank, rule.condition)
        for rank, rule in enumerate(branch.rules, start=1)
        if rule.level == level and rule.late == late
    ]
    if not rules:
        return SQL("NULL::int[]")
    if not branch.question.all_reasons:
        first = [SQL("WHEN %s THEN ARRAY[%s]", condition, rank) for rank, condition in rules]
        return SQL("CASE %s END", SQL(" ").join(first))
    return SQL(
        "CASE WHEN %s THEN array_remove(ARRAY[%s], NULL) END",
        SQL(" OR ").join(SQL("(%s)", condition) for _rank, condition in rules),
        SQL(", ").join(
            SQL("CASE WHEN %s THEN %s END", condition, rank) for rank, condition in rules
        ),
    )


def _all_items(branch) -> SQL:
    """Return the part `listed` outside a run: every item."""
    return SQL(
        """listed AS NOT MATERIALIZED (
               SELECT item.*, %s AS ranks FROM item LEFT JOIN waiting ON waiting.id = item.id)""",
        _item_ranks(branch, SQL("item")),
    )


def _item_ranks(branch, item) -> SQL:
    """Return the ranks of all item rules that exclude the row `item`, which is LEFT JOINed."""
    return SQL(
        """CASE WHEN waiting.id IS NULL THEN %(own)s
                WHEN %(own)s IS NULL THEN %(late)s
           ELSE ARRAY(SELECT rank FROM unnest(%(own)s || %(late)s) rank ORDER BY rank) END""",
        own=SQL("%s.own_ranks", item),
        late=_ranks(branch, "item", late=True),
    )


def _candidates(branch) -> SQL:
    """Return the parts `total` and `listed` of a run: the items that reach a level."""
    question = branch.question
    # PostgreSQL has no statistics of `item`. Grouped by the customer alone it would expect 200
    # customers, and look each one up; grouped by two columns it expects a tenth of the items.
    # A message of a workflow lists credits beside the items, so there they cover nothing.
    # The level of a candidate is joined here and not at the end, where PostgreSQL expects a
    # single row and would look up the levels in a table of all items.
    return SQL(
        """total AS MATERIALIZED (
               SELECT partner_id, %(owed)s FROM item GROUP BY company_id, partner_id),
           listed AS MATERIALIZED (
               SELECT chosen.*, %(ranks)s AS ranks,
                      COALESCE(chosen.message_id, chosen.level_id) AS message_key,
                      level.sequence AS level_sequence, level.scenario_id,
                      COALESCE(level.type_id, %(type)s) AS type_id,
                      COALESCE(level.action, 'email') = 'email' AS sends_email
                 FROM (%(candidates)s) chosen
                 LEFT JOIN waiting money ON money.id = chosen.id
                 LEFT JOIN dunning_level level ON level.id = chosen.level_id
                CROSS JOIN LATERAL (
                    SELECT money.id, money.under_way,
                           money.covered AND (level.scenario_id IN (%(workflows)s)) IS NOT TRUE
                               AS covered) waiting)""",
        workflows=SQL("SELECT id FROM dunning_scenario WHERE campaign_type = 'customer'"),
        ranks=_item_ranks(branch, SQL("chosen")),
        owed=items.owed(question.today),
        type=question.type_id,
        candidates=question.candidates,
    )


def _run_columns(question) -> SQL:
    """Return the columns that have a value in a run only."""
    if question.candidates:
        return SQL(", ").join(map(SQL.identifier, RUN_COLUMNS))
    return SQL(", ").join(SQL("NULL::int AS %s", SQL.identifier(name)) for name in RUN_COLUMNS)


def _message(branch) -> SQL:
    """Return what each customer owes and would be reminded of, with the ranks of its rules.

    It is kept apart (MATERIALIZED): merged into the last SELECT, the conditions on a customer
    would be evaluated again for each of its items.
    """
    question = branch.question
    return SQL(
        """SELECT total.*, %(ranks)s AS ranks
             FROM (%(totals)s) owed
             LEFT JOIN res_partner customer ON customer.id = owed.partner_id
             LEFT JOIN res_company company ON company.id = owed.company_id
            CROSS JOIN LATERAL (SELECT owed.* %(assumed)s) total
             %(joins)s""",
        ranks=_ranks(branch, "customer"),
        totals=_run_totals(question) if question.candidates else _all_totals(question),
        assumed=branch.assumed,
        joins=branch.customer_joins,
    )


def _all_totals(question) -> SQL:
    """Return the totals outside a run: of all open items, one message for each customer."""
    return SQL(
        """SELECT company_id, partner_id, %(owed)s,
                  COALESCE(SUM(amount_residual) FILTER (
                      WHERE ranks IS NULL AND date_due < %(today)s
                        AND amount_residual > 0), 0) AS reminded_amount
             FROM listed
            GROUP BY company_id, partner_id""",
        owed=items.owed(question.today),
        today=question.today,
    )


def _run_totals(question) -> SQL:
    """Return the totals of a run: what is owed counts all open items, not only candidates.

    All that a customer is reminded of counts together, also where each level has its own message.
    Each action of a workflow reminds of all items, so it counts for itself.
    """
    return SQL(
        """SELECT %(company)s::int AS company_id, %(keys)s, total.outstanding, total.overdue,
                  SUM(message.amount) OVER (
                      PARTITION BY partner_id, COALESCE(-level.scenario_id, message_key)
                  ) AS reminded_amount
             FROM (SELECT %(keys)s, COALESCE(SUM(amount_residual)
                              FILTER (WHERE ranks IS NULL), 0) AS amount
                     FROM listed GROUP BY %(keys)s) message
             JOIN total USING (partner_id)
             LEFT JOIN (SELECT level.id, level.scenario_id FROM dunning_level level
                          JOIN dunning_scenario scenario ON scenario.id = level.scenario_id
                         WHERE scenario.campaign_type = 'invoice') level
                    ON level.id = message.message_key""",
        company=question.companies.id,
        keys=RUN_MESSAGE,
    )


def _same_message(question) -> SQL:
    """Return the join of an item with the message it goes into."""
    if question.candidates:
        return SQL("USING (%s)", RUN_MESSAGE)
    # Company and customer as one number: PostgreSQL knows nothing of both columns together, and
    # would expect so few items of one pair that it sorts a million of them on disk.
    return SQL(
        """ON (listed.company_id::bigint << 32) + listed.partner_id
            = (message.company_id::bigint << 32) + message.partner_id"""
    )


def by_line(screening, columns, workflows) -> SQL:
    """Return SELECT of `columns` and `BY_LINE` of a run: a row for each line.

    The outcome of a line is the best one of its actions, and its actions are those that have this
    outcome: a customer who has switched off one type of reminder still gets the others.
    `action_ids` are their ids where there are several, as JSON. `held_reasons` is an object of what
    stands against each action, where they differ in that: without it `reason_ids` is about all of
    them. `shared` is true where another line of the run is about the same item.

    :param screening: what `statement.select` returns for the run
    :param columns: names of its columns
    :param workflows: ids of the customer-level scenarios of the run
    """
    # Only the rows of workflows are sorted and summed up: there may be a million others.
    names = SQL(", ").join(map(SQL.identifier, columns))
    own = [
        SQL("reasons AS reason_ids") if name == "reason_ids" else SQL.identifier(name)
        for name in columns
    ]
    return SQL(
        """WITH answer AS MATERIALIZED (%(screening)s),
                line AS MATERIALIZED (
               SELECT %(names)s, NULL::jsonb AS action_ids, NULL::jsonb AS held_reasons FROM answer
                WHERE scenario_id <> ALL(%(workflows)s)
                UNION ALL
               SELECT %(own)s, CASE WHEN jsonb_array_length(actions) > 1 THEN actions END,
                      CASE WHEN EXISTS (SELECT FROM jsonb_each(held) AS action
                                         WHERE action.value IS DISTINCT FROM reasons) THEN held END
                 FROM (SELECT *, %(reasons)s AS reasons FROM (%(folded)s) folded) told)
           SELECT line.*, CASE WHEN repeated.move_line_id IS NOT NULL THEN TRUE END AS shared
             FROM line
             LEFT JOIN (SELECT move_line_id FROM line GROUP BY move_line_id HAVING COUNT(*) > 1)
                       repeated ON repeated.move_line_id = line.move_line_id""",
        screening=screening,
        names=names,
        own=SQL(", ").join(own),
        workflows=list(workflows),
        reasons=all_reasons(SQL("lists")),
        folded=_folded(workflows),
    )


def _folded(workflows) -> SQL:
    return SQL(
        """SELECT DISTINCT ON (move_line_id, scenario_id) *,
                  jsonb_agg(level_id) OVER line AS actions,
                  jsonb_agg(reason_ids) OVER line AS lists
             FROM (SELECT *, %(grade)s AS grade,
                          MIN(%(grade)s) OVER (PARTITION BY move_line_id, scenario_id) AS best
                     FROM answer WHERE scenario_id = ANY(%(workflows)s)) graded
             LEFT JOIN (SELECT move_line_id, scenario_id,
                               jsonb_object_agg(level_id, reason_ids) AS held
                          FROM answer
                         WHERE reason_ids IS NOT NULL AND scenario_id = ANY(%(workflows)s)
                         GROUP BY move_line_id, scenario_id) against
                 USING (move_line_id, scenario_id)
            WHERE grade = best
           WINDOW line AS (PARTITION BY move_line_id, scenario_id ORDER BY level_sequence, level_id
                           ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
            ORDER BY move_line_id, scenario_id, level_sequence, level_id""",
        grade=GRADE,
        workflows=list(workflows),
    )


def all_reasons(lists) -> SQL:
    """Return the reasons of all `lists`, a JSON list of lists of reasons or null, as one list."""
    return SQL(
        """(SELECT jsonb_agg(reason ORDER BY place)
              FROM (SELECT reason, MIN(place) AS place
                      FROM jsonb_path_query(%s, 'strict $[*] ? (@.type() == "array")') AS list,
                           jsonb_array_elements(list) WITH ORDINALITY AS one (reason, place)
                     GROUP BY reason) AS reasons)""",
        lists,
    )


def settings(few=False, run=False, some=False):
    """Return {setting of PostgreSQL: value} for executing the statement.

    :param few: whether the statement is about a handful of customers
    :param run: whether it is about the candidates of a run, which may become its lines
    :param some: whether it is about some customers, however many, in tables that have statistics
    """
    chosen = {
        # Compiling the hundreds of expressions of the rules would take longer than screening
        # 100,000 items with them.
        "jit": "off",
        # 8 is the default. For a few customers PostgreSQL would plan longer than it works; 4
        # covers line, account, entry and contact.
        "join_collapse_limit": "4" if few else "8",
        # What is asked about some customers is looked up, also in tables that were filled just
        # now, of which PostgreSQL knows nothing yet.
        "enable_seqscan": "off" if few or some else "on",
        # A million items are joined in memory, and never sorted for it. Of all customers nothing is
        # looked up row by row but what the statement says (LATERAL): without statistics of the
        # tables PostgreSQL expects one item, and would compare all with all.
        "enable_mergejoin": "off",
        "enable_nestloop": "on" if few or some else "off",
        # Parallel processes read nothing but the items: where they read the promises, PostgreSQL
        # would leave the rest of the work, the ranks, to a single process.
        "min_parallel_index_scan_size": "1TB",
        # Memory for one sort or join, in kB, unless the server allows more: what does not fit goes
        # to disk and costs a fifth more. The lines of a run are sorted by one process.
        "work_mem": SQL(
            "GREATEST(%s, pg_size_bytes(current_setting('work_mem')) / 1024)::text",
            (128 if run else 64) * 1024,
        ),
    }
    if some and not few:
        # PostgreSQL expects too few items (a fifth) to start other processes; 1000 is the default.
        chosen["parallel_setup_cost"] = "200"
    if run:
        # For ANALYZE: a sample of 9,000 lines, of all runs, instead of 30,000. It tells nearly as
        # well how often values are repeated, and autovacuum takes the usual sample later.
        chosen["default_statistics_target"] = "30"
    return chosen


def is_few(env, count):
    """Return whether so many customers are few, so that each of their items is looked up.

    More of them are few where PostgreSQL has no statistics of a table: it would expect a handful of
    rows of it, and compare all with all.
    """
    return count <= FEW or count <= LISTED and not _has_statistics(env)


def _has_statistics(env):
    # A table of a few records never gets any, and does no harm. The number of records that
    # PostgreSQL notes is no sign: a restored database has it before it has statistics.
    query = """SELECT BOOL_AND(pg_relation_size(oid) < %s OR EXISTS (
                          SELECT FROM pg_stats WHERE tablename = relname AND attname = 'id'
                             AND schemaname = relnamespace::regnamespace::name))
                 FROM pg_class WHERE oid = ANY(%s::regclass[])"""
    [[found]] = env.execute_query(SQL(query, SMALL_TABLE, list(TABLES)))
    return found


@contextmanager
def planned(env, few=False, run=False, some=False):
    """Change the `settings` of PostgreSQL, for the length of the block only.

    :param some: whether it is about some customers, however many, and not about everybody
    """
    chosen = settings(few, run, some and (few or _has_statistics(env)))
    former = SQL(", ").join(SQL("current_setting(%s)", name) for name in chosen)
    values = env.execute_query(SQL("SELECT %s, %s", former, _set_all(chosen)))[0]
    restored = SQL("SELECT %s", _set_all(dict(zip(chosen, values, strict=False))))
    try:
        yield
    except Error:
        # Rolling back takes the settings back, and nothing else can be done in this transaction.
        raise
    except BaseException:
        env.execute_query(restored)
        raise
    env.execute_query(restored)


def _set_all(values) -> SQL:
    pairs = values.items()
    return SQL(", ").join(SQL("set_config(%s, %s, TRUE)", name, value) for name, value in pairs)
