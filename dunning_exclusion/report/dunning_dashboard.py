from dataclasses import replace
from datetime import timedelta

from odoo import api, models
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.tools import SQL

from ..models.arguments import read_date
from ..models.dunning_block import FORGOTTEN_AFTER_DAYS
from ..models.res_company import THRESHOLDS
from ..screening import items, statement
from ..screening.question import Question

EMPTY = {"count": 0, "amount": 0.0}
# What the page shows until it is known.
UNKNOWN = {"count": None, "amount": None}
# The ages of holds, in days: the youngest and the oldest of each.
AGES = [(0, 30), (31, FORGOTTEN_AFTER_DAYS), (FORGOTTEN_AFTER_DAYS + 1, None)]
# What the buttons open, and with which filters.
LIST, PROMISES = "action_open_latest_run", "dunning_promise_action"
NOTICES, HOLDS = "dunning_notice_action", "dunning_block_action"
ANSWERS = "dunning_answer_action"


class DunningRun(models.Model):
    """Today: what there is to do, and what is excluded, in figures that lead to lists."""

    _inherit = "dunning.run"

    @api.model
    @api.readonly
    def retrieve_dashboard(self, quick=False, lists=True):
        """Return what there is to do in the current company.

        :param quick: leave out what takes all open items or holds: these figures are None, and so
            are both tables. The page shows the rest at once, and asks for the others then.
        :param lists: False: leave out the two figures of a list that was not prepared, which need
            all open items: see `retrieve_screened`
        :return: dict with `currency_id`; `tasks` (see `_get_today_tasks`); `sent`, what was sent
            this month (dict of `count` and `amount`); the tables `by_age` and `by_person` of the
            holds: lists of dicts `{label, count, amount, domain}`
        :raise AccessError: for users who may not read holds
        """
        self.env["dunning.block"].check_access("read")
        company = self.env.company
        today = company._dunning_today()
        self.env.flush_all()
        known = not quick and (lists or self._get_todays_run())
        counted = self._today_lists(company, today) if known else None
        held = None if quick else self._today_held(company, today)
        notices = self._today_notices(company, today)
        return {
            "currency_id": company.currency_id.id,
            "tasks": self._get_today_tasks(company, today, counted, held, notices),
            "sent": notices["sent"],
            "by_age": held and self._dashboard_by_age(today, held),
            "by_person": held and self._dashboard_by_person(held),
        }

    @api.model
    @api.readonly
    def retrieve_screened(self, day=None):
        """Return what follows from all open items of the current company, which are screened once.

        The page asks for it last.

        :param day: a coming day, as text like 2026-12-31; None, or a day that has passed: today
        :return: dict with `day`, the coming day, or False; `lists`, how much the list of that day
            selects and how much an approver may add, as things are now: `to_send` and
            `to_approve`, each a dict of `count` (customers) and `amount` (company currency), today
            for the tasks of these names in `retrieve_dashboard`, which has them where the list is
            prepared; `by_reason`, what is overdue and excluded: list of dicts `{code, label,
            count, amount, domain}`; `steps`, the first steps for administrators: dicts of `name`,
            `title`, `text`, `action` (a method of `onboarding.onboarding.step`) and `done`;
            `today`; `next_run`, the day of the next automatic run
        :raise AccessError: for users who may not read holds
        """
        self.env["dunning.block"].check_access("read")
        company, day = self.env.company, read_date(self.env, day)
        today = company._dunning_today()
        coming = day if day and day > today else None
        if not coming and self._get_todays_run():
            lists, by_reason = {}, self._dashboard_by_reason(company)
        else:
            lists, by_reason = self._screened_figures(company, coming or today)
        return {
            "day": str(coming) if coming else False,
            "lists": lists,
            "by_reason": by_reason,
            "steps": [] if coming else self._dashboard_steps(company, by_reason),
            "today": str(today),
            "next_run": str(company._dunning_next_run_day()),
        }

    # First steps ----------------------------------------------------------------------------

    @api.model
    def _dashboard_onboarding(self):
        """Return the first steps with the rights of the system, to administrators of follow-ups."""
        # sudo: in Odoo only system administrators read and write onboardings
        Onboarding = self.env["onboarding.onboarding"].sudo()
        if not self.env.user.has_group("dunning_exclusion.group_dunning_manager"):
            return Onboarding
        onboarding = self.env.ref("dunning_exclusion.onboarding_followups", False)
        return onboarding.with_env(Onboarding.env) if onboarding else Onboarding

    @api.model
    def _dashboard_steps(self, company, by_reason):
        """Return the first steps until they are hidden, or all done."""
        onboarding = self._dashboard_onboarding()
        if not onboarding or onboarding.is_onboarding_closed:
            return []
        active = Domain("company_id", "in", [False, company.id]) & Domain("active", "=", True)
        scenario = bool(self.env["dunning.scenario"].search_count(active, limit=1))
        done = {
            "scenario": scenario,
            "thresholds": any(company[name] for name in THRESHOLDS),
            "addresses": scenario and all(row["code"] != "no_address" for row in by_reason),
        }
        xmlids = onboarding.step_ids.get_external_id()
        steps = [
            {
                "name": name,
                "title": step.title,
                "text": step.description,
                "action": step.panel_step_open_action_name,
                "done": done.get(name, step.current_step_state != "not_done"),
            }
            for step in onboarding.step_ids
            for name in [xmlids[step.id].rpartition("onboarding_step_")[2]]
        ]
        return [] if all(step["done"] for step in steps) else steps

    @api.model
    def action_hide_first_steps(self):
        """Hide the first steps for everybody of the current company.

        :raise AccessError: for who is no follow-up administrator
        """
        onboarding = self._dashboard_onboarding()
        if not onboarding:
            raise AccessError(self.env._("Only follow-up administrators hide the first steps."))
        onboarding._search_or_create_progress().action_close()
        return True

    # What there is to do --------------------------------------------------------------------

    @api.model
    def _get_today_tasks(self, company, today, lists, held, notices):
        """Return what there is to do, in the order of the page.

        An override may add tasks of its own: see `_prepare_today_task`.

        :param lists: what `_today_lists` returns, or None: the page fills in figures by the names
            of tasks later
        :param held: what `_today_held` returns, or None
        :param notices: what `_today_notices` returns
        """
        lists = lists or {"to_send": UNKNOWN, "to_approve": UNKNOWN}
        promises = self._today_promises(company, today)
        blocks = {
            topic: held[topic].get(0, EMPTY) if held else UNKNOWN
            for topic in ("ending", "forgotten")
        }
        answers = self._today_answers(company, today) if held else UNKNOWN
        titles, task = self._get_today_titles(), self._prepare_today_task
        tasks = [
            task("to_send", titles, lists["to_send"], LIST),
            task("to_approve", titles, lists["to_approve"], LIST, "reason_customer_maximum"),
            task("broken", titles, promises["broken"], PROMISES, "broken", alert=True),
            task("failed", titles, notices["failed"], NOTICES, "failed", alert=True),
            task("letters", titles, notices["letters"], NOTICES, "to_print"),
            task("answers", titles, answers, ANSWERS, "waiting"),
            task("proposed", titles, promises["proposed"], PROMISES, "proposed"),
            task("ending", titles, blocks["ending"], HOLDS, "ending_soon"),
            task("forgotten", titles, blocks["forgotten"], HOLDS, "forgotten"),
        ]
        # Only companies that let customers propose promises have any.
        return [item for item in tasks if item["name"] != "proposed" or item["count"]]

    @api.model
    def _get_today_titles(self):
        """Return {name of a task: its title and the words on its button}."""
        show = self.env._("Show")
        return {
            "to_send": (self.env._("To send"), self.env._("Open the list")),
            "to_approve": (self.env._("To approve"), self.env._("Review")),
            "broken": (self.env._("Broken promises"), show),
            "failed": (self.env._("Failed"), show),
            "letters": (self.env._("Letters to print"), show),
            "answers": (self.env._("Answers of customers"), show),
            "proposed": (self.env._("Promises to accept"), self.env._("Review")),
            "ending": (self.env._("Holds ending this week"), show),
            "forgotten": (self.env._("Forgotten holds"), show),
        }

    @api.model
    def _prepare_today_task(self, name, titles, figures, action, filter_name="", alert=False):
        """Return one task of the page, as a dict for its screen.

        :param titles: what `_get_today_titles` returns
        :param figures: dict of `count` and `amount`, which are None where they are not known yet
        :param action: the xmlid of what the button opens, with the filter `filter_name`
        :param alert: whether somebody should worry when there is something
        """
        title, button = titles[name]
        # Opening a list prepares it, which only follow-up users may do.
        if action == LIST and not self.env.user.has_group("dunning_exclusion.group_dunning_user"):
            button = ""
        return {
            **{"name": name, "title": title, "button": button, "action": action},
            "count": figures["count"],
            "amount": figures["amount"] if figures["amount"] is None else float(figures["amount"]),
            "context": {f"search_default_{filter_name}": 1} if filter_name else {},
            "alert": alert and bool(figures["count"]),
        }

    @api.model
    def _today_lists(self, company, today):
        """Return the customers and amounts of today's list, whether it was prepared or not.

        Each item counts once, however many scenarios remind of it.
        """
        run = self._get_todays_run()
        if not run:
            return self._screened_figures(company, today)[0]
        lines = SQL(
            """SELECT partner_id, move_line_id, amount_residual, checked AS selected, rule_id
                 FROM dunning_run_line WHERE run_id = %s AND notice_id IS NULL""",
            run.id,
        )
        [figures] = self.env.execute_query(self._count_lines(lines, repeated=True))
        return self._list_figures(*figures)

    @api.model
    def _screened_figures(self, company, day):
        """Return the figures of a list of `day` that was not prepared, and what is excluded then.

        They are what `_today_lists` and `_dashboard_by_reason` return, by one statement.
        """
        run = self.new({"company_id": company.id, "date": day})
        questions = {
            "listed_item": replace(run._get_question(), all_reasons=False),
            "every_item": Question(company, day, all_reasons=False),
        }
        lines = SQL("SELECT *, outcome = 'included' AS selected FROM listed_item")
        with self.env["dunning.screening"]._screened_together(**questions) as screened:
            query = SQL(
                """%s SELECT NULL::int AS rule_id, * FROM (%s) list
                      UNION ALL SELECT *, NULL, NULL FROM (%s) reason""",
                screened,
                self._count_lines(lines, repeated=bool(run._get_workflows())),
                self._count_reasons(SQL("every_item")),
            )
            rows = self.env.execute_query(query)
        [figures] = [row[1:] for row in rows if row[0] is None]
        by_reason = [row[:3] for row in rows if row[0] is not None]
        return self._list_figures(*figures), self._prepare_by_reason(by_reason)

    @api.model
    def _list_figures(self, to_send, amount, above, amount_above):
        return {
            "to_send": {"count": to_send, "amount": float(amount or 0)},
            "to_approve": {"count": above, "amount": float(amount_above or 0)},
        }

    @api.model
    def _count_lines(self, lines, repeated) -> SQL:
        """Return SELECT of the customers and the amount to send, and of those to approve.

        :param repeated: whether an item may be in several lines, as only workflows have it
        """
        # sudo: which rules need an approval is no secret for those who read their reasons
        rules = self.env["dunning.exclusion.rule"].sudo().search([("needs_approval", "=", True)])
        counted = SQL(
            """SELECT partner_id, move_line_id, amount_residual AS amount, selected,
                      NOT selected AS above
                 FROM (%s) line WHERE selected OR rule_id = ANY(%s)""",
            lines,
            rules.ids,
        )
        if repeated:
            counted = SQL(
                """SELECT partner_id, MAX(amount) AS amount, BOOL_OR(selected) AS selected,
                          BOOL_OR(above) AS above
                     FROM (%s) line GROUP BY partner_id, move_line_id""",
                counted,
            )
        # Grouped, and not counted with DISTINCT, for which PostgreSQL would sort all items.
        return SQL(
            """SELECT COUNT(*) FILTER (WHERE selected), SUM(to_send),
                      COUNT(*) FILTER (WHERE above), SUM(to_approve)
                 FROM (SELECT BOOL_OR(selected) AS selected, BOOL_OR(above) AS above,
                              SUM(amount) FILTER (WHERE selected) AS to_send,
                              SUM(amount) FILTER (WHERE above) AS to_approve
                         FROM (%s) item GROUP BY partner_id) customer""",
            counted,
        )

    @api.model
    def _today_promises(self, company, today):
        """Return {"broken" or "proposed": number and amount of these promises}."""
        query = SQL(
            """SELECT told.state, COUNT(*), SUM(COALESCE(NULLIF(amount, 0), open_amount))
                 FROM dunning_promise promise JOIN (%s) told USING (id)
                WHERE promise.company_id = %s GROUP BY told.state""",
            self.env["dunning.promise"]._state_query(today),
            company.id,
        )
        found = self.env.execute_query(query)
        counted = {state: {"count": count, "amount": amt or 0.0} for state, count, amt in found}
        return {state: counted.get(state, EMPTY) for state in ("broken", "proposed")}

    @api.model
    def _today_notices(self, company, today):
        """Return {"failed", "letters" or "sent" (this month): number and amount}.

        The amount is what was open of their items: each counts once, as its last message had it.
        """
        query = SQL(
            """WITH told AS (
                   SELECT id, date, CASE
                              WHEN state = 'failed' THEN 'failed'
                              WHEN state = 'queued' AND action = 'letter' THEN 'letters'
                              WHEN state = 'sent' AND date >= %s THEN 'sent' END AS topic
                     FROM dunning_notice WHERE company_id = %s)
               SELECT topic, COUNT(DISTINCT id), SUM(amount) FILTER (WHERE place = 1)
                 FROM (SELECT told.topic, told.id, line.amount_residual AS amount,
                              ROW_NUMBER() OVER (
                                  PARTITION BY topic, COALESCE(line.move_line_id, -line.id)
                                  ORDER BY told.date DESC, told.id DESC) AS place
                         FROM told
                         LEFT JOIN dunning_notice_line_rel listed ON listed.notice_id = told.id
                         LEFT JOIN dunning_run_line line ON line.id = listed.line_id
                        WHERE topic IS NOT NULL) item
                GROUP BY topic""",
            today.replace(day=1),
            company.id,
        )
        found = self.env.execute_query(query)
        counted = {
            topic: {"count": count, "amount": float(amt or 0)} for topic, count, amt in found
        }
        return {topic: counted.get(topic, EMPTY) for topic in ("failed", "letters", "sent")}

    @api.model
    def _today_answers(self, company, today):
        """Return how many answers of customers wait for somebody to look at them, and the amount.

        The amount is what is open of the items that they are about: those the customer chose, and
        those they hold. Each counts once.
        """
        Block = self.env["dunning.block"]
        query = SQL(
            """WITH waiting AS MATERIALIZED (
                   SELECT id FROM dunning_answer
                    WHERE state = 'waiting' AND company_id = %(company)s)
               SELECT (SELECT COUNT(*) FROM waiting), COALESCE(SUM(amount), 0)
                 FROM (SELECT line.id, line.amount_residual AS amount
                         FROM waiting
                         JOIN dunning_answer_move_line_rel chosen ON chosen.answer_id = waiting.id
                         JOIN account_move_line line ON line.id = chosen.move_line_id
                        UNION
                       SELECT item.id, item.amount
                         FROM waiting
                         JOIN dunning_answer_block_rel held ON held.answer_id = waiting.id
                         JOIN dunning_block block ON block.id = held.block_id AND %(active)s
                        CROSS JOIN LATERAL (SELECT line.id, line.amount_residual AS amount
                                            %(open_items)s AND %(holds)s) item) item""",
            active=Block._state_sql(today),
            open_items=items.open_items(Question(company)),
            holds=Block._holds_sql(),
            company=company.id,
        )
        [(count, amount)] = self.env.execute_query(query)
        return {"count": count, "amount": float(amount)}

    @api.model
    def _today_held(self, company, today):
        """Return {topic: {key: number of active holds and the open amount of what they hold}}.

        An item that two holds of one topic and key hold counts once. The largest come first.
        """
        Block = self.env["dunning.block"]
        mine = SQL("block.company_id = %s AND %s", company.id, Block._state_sql(today))
        customers = SQL("SELECT DISTINCT partner_id FROM dunning_block block WHERE %s", mine)
        # Named, so that PostgreSQL looks up their items and does not read those of everybody.
        held = Question(company, customers=tuple(i for (i,) in self.env.execute_query(customers)))
        query = SQL(
            """WITH held AS MATERIALIZED (
                   SELECT block.*, item.id AS item_id, item.amount FROM dunning_block block
                     LEFT JOIN LATERAL (SELECT line.id, line.amount_residual AS amount
                                        %(open_items)s AND %(holds)s) item ON TRUE
                    WHERE %(mine)s)
               SELECT topic, key, COUNT(DISTINCT block_id),
                      COALESCE(SUM(amount) FILTER (WHERE place = 1), 0)
                 FROM (SELECT topic.name AS topic, topic.key, block.id AS block_id, block.amount,
                              ROW_NUMBER() OVER (
                                  PARTITION BY topic.name, topic.key, block.item_id) AS place
                         FROM held block
                        CROSS JOIN LATERAL (VALUES
                            ('age', width_bucket(%(today)s - block.date_from, %(starts)s)),
                            ('person', COALESCE(block.user_id, 0)),
                            ('ending', CASE WHEN %(ending)s THEN 0 END),
                            ('forgotten', CASE WHEN %(forgotten)s THEN 0 END)) topic (name, key)
                        WHERE topic.key IS NOT NULL) counted
                GROUP BY topic, key ORDER BY 4 DESC, 2""",
            **{"mine": mine, "today": today, "open_items": items.open_items(held)},
            holds=Block._holds_sql(),
            starts=[youngest for youngest, _oldest in AGES[1:]],
            ending=Block._state_sql(today, ("ending_soon",)),
            forgotten=Block._state_sql(today, ("forgotten",)),
        )
        found = {topic: {} for topic in ("age", "person", "ending", "forgotten")}
        with statement.planned(self.env, some=True):
            for topic, key, count, amount in self.env.execute_query(query):
                found[topic][key] = {"count": count, "amount": float(amount)}
        return found

    # What is excluded -----------------------------------------------------------------------

    @api.model
    def _dashboard_by_reason(self, company):
        """Return what is left out of the overdue items today, by reason."""
        question = Question(company, all_reasons=False)
        with self.env["dunning.screening"]._screened(question) as screening:
            counted = self._count_reasons(SQL("(%s) AS screening", screening))
            return self._prepare_by_reason(self.env.execute_query(counted))

    @api.model
    def _count_reasons(self, screened) -> SQL:
        return SQL(
            """SELECT rule_id, COUNT(*), SUM(amount_residual) FROM %s
                WHERE rule_id IS NOT NULL AND days_overdue > 0 GROUP BY rule_id""",
            screened,
        )

    @api.model
    def _prepare_by_reason(self, rows):
        # sudo: reasons are read by everybody who may see what they leave out
        rules = self.env["dunning.exclusion.rule"].sudo().with_env(self.env)
        return [
            {
                "code": rules.browse(rule_id).code,
                "label": rules.browse(rule_id).name,
                "count": count,
                "amount": float(amount),
                "domain": [("rule_id", "=", rule_id), ("days_overdue", ">", 0)],
            }
            for rule_id, count, amount in sorted(rows, key=lambda row: -abs(row[2]))
        ]

    @api.model
    def _dashboard_by_age(self, today, held):
        labels = [
            self.env._("Up to 30 days"),
            self.env._("31 to 90 days"),
            self.env._("Older than 90 days"),
        ]
        table = []
        for place, ((youngest, oldest), label) in enumerate(zip(AGES, labels, strict=True)):
            domain = [("date_from", "<=", str(today - timedelta(days=youngest)))]
            if oldest is not None:
                domain.append(("date_from", ">=", str(today - timedelta(days=oldest))))
            figures = held["age"].get(place, EMPTY)
            table.append({"label": label, "domain": domain, **figures})
        return table

    @api.model
    def _dashboard_by_person(self, held):
        # sudo: the names of colleagues
        users = self.env["res.users"].sudo()
        return [
            {
                "domain": [("user_id", "=", user_id or False)],
                # Holds by answers have no user, and users can be deleted.
                "label": users.browse(user_id or []).name
                or self.env._("Answers of customers, or former users"),
                **figures,
            }
            for user_id, figures in held["person"].items()
        ]
