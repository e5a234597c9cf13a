from dataclasses import replace
from datetime import timedelta

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..screening import candidates, items, statement
from ..screening.days import next_day
from ..screening.question import Owner, Question
from .arguments import LAST_DAY, check_one, read_record
from .dunning_exclusion_rule import SETUP_WAYS_OUT
from .dunning_screening import OWNERS
from .scenario_sentence import get_label, short_date

ITEM_LIMIT = 80
HISTORY_LIMIT = 10
# How many coming days on which something changes the forecast tries, and how many days at most
# together with the days of workflows that follow them.
FORECAST_DAYS, MOST_DAYS = 20, 30


class DunningMixin(models.AbstractModel):
    """What the Follow-up tab of customers and invoices shows, the next reminder included.

    The tab asks when it is opened, so forms cost nothing while it is closed.
    """

    _inherit = "dunning.mixin"

    @api.readonly
    def dunning_panel(self):
        """Return everything the Follow-up tab of one customer or invoice shows.

        :return: dict with `currency_id`, `outcome`, `reasons` (see `_panel_reasons`), `blocks`,
            `items`, `item_count`, `promises`, `notices`, `can_work`, and for customers `types`,
            `outstanding`, `overdue`, `scenario` and `scenario_message`
        :raise AccessError: when the user may not read the record
        """
        check_one(self)
        # Customers in the portal can read themselves; how we treat them is not for them.
        self.env["dunning.screening"].check_access("read")
        panel = {
            "currency_id": self._dunning_companies().currency_id.id,
            "can_work": self.env.user.has_group("dunning_exclusion.group_dunning_user"),
            "outcome": self.dunning_outcome,
            "reasons": self._panel_reasons(),
            "blocks": self._panel_blocks(),
            **self._panel_history(),
            **self._panel_items(),
        }
        if self._name == "res.partner":
            panel |= self.commercial_partner_id._panel_customer()
        return panel

    def _panel_reasons(self):
        """Return the reasons (see `dunning_explain`) with the words on the button of a way out."""
        reasons = self.dunning_explain()
        Rule = self.env["dunning.exclusion.rule"]
        # sudo: as in `dunning_explain`
        rules = Rule.sudo().search([("code", "in", [reason["rule"] for reason in reasons])])
        ways = {rule.code: rule.way_out for rule in rules}
        words = dict(Rule._fields["way_out"]._description_selection(self.env))
        closed = set()
        if not self.env.user.has_group("dunning_exclusion.group_dunning_user"):
            closed = set(words)
        elif not self.env.user.has_group("dunning_exclusion.group_dunning_manager"):
            closed = SETUP_WAYS_OUT
        return [
            {**reason, "way_out": "" if way in closed else words.get(way, "")}
            for reason in reasons
            for way in [ways.get(reason["rule"])]
        ]

    def _panel_blocks(self):
        """Return the blocks that hold now or later, and who set them."""
        blocks = self.dunning_block_ids.filtered(lambda b: b.state in ("active", "scheduled"))
        return [
            {
                "id": block.id,
                "kind": block.kind,
                "state": block.state,
                "name": block.move_line_id.display_name or block.move_id.display_name or "",
                "reason": block.reason_id.name or "",
                "user": block.user_id.name or "",
                "since": block.date_from,
                "until": block.date_to,
                "note": block.note or "",
            }
            for block in blocks
        ]

    def _panel_items(self):
        """Return the open items with outcome and reasons, the longest overdue first."""
        screened = self.env["dunning.screening"].search(
            [(self._dunning_owner_field, "in", self._dunning_owners().ids)], order="date_due, id"
        )
        items = [
            {
                "id": item.move_line_id.id,
                "move_id": item.move_id.id,
                "name": item.move_id.display_name,
                "date_due": item.date_due,
                "days_overdue": item.days_overdue,
                "amount": item.amount_residual,
                "outcome": item.outcome,
                "reasons": item.rule_ids.mapped("name"),
                "stopped": item.move_line_id.dunning_stop,
            }
            for item in screened[:ITEM_LIMIT]
        ]
        return {"items": items, "item_count": len(screened)}

    def _panel_history(self):
        """Return the latest promises of and reminders to this customer, or about this entry."""

        def latest(model, path_to_move):
            domain = [("partner_id", "in", self._dunning_customers().ids)]
            if self._name == "account.move":
                domain = [(path_to_move, "=", self.id)]
            return self.env[model].search(domain, limit=HISTORY_LIMIT)

        return {
            "promises": [
                {
                    "id": promise.id,
                    "date": promise.date,
                    "amount": promise.promised_amount,
                    "state_name": get_label(promise, "state"),
                }
                for promise in latest("dunning.promise", "move_line_ids.move_id")
            ],
            "notices": [
                {
                    "id": notice.id,
                    "date": notice.date,
                    "name": notice.level_id.name or notice.type_id.name or "",
                    "description": notice.description or "",
                    "state": notice.state,
                    "state_name": get_label(notice, "state"),
                }
                for notice in latest("dunning.notice", "line_ids.move_id")
            ],
        }

    def _panel_customer(self):
        """Return what only customers have: totals, scenario and the switches of the types."""
        Scenario = self.env["dunning.scenario"]
        self.env.flush_all()
        query = SQL(
            "SELECT %s FROM res_partner customer WHERE customer.id = %s",
            Scenario._choice_sql(self.env.company),
            self.id,
        )
        [[scenario_id]] = self.env.execute_query(query)
        return {
            "outstanding": self.dunning_outstanding,
            "overdue": self.dunning_overdue,
            "scenario": Scenario.browse(scenario_id).name or "",
            "scenario_message": self.dunning_scenario_message or "",
            "types": [
                {"id": kind.id, "name": kind.name, "on": kind not in self.dunning_type_off_ids}
                for kind in self.env["dunning.reminder.type"].search([])
            ],
        }

    def dunning_toggle_stop(self):
        """Stop at once what is not stopped, or end the stop; return whether it is stopped now."""
        check_one(self)
        if self.dunning_stop:
            self._dunning_fresh_blocks("stop").action_lift()
        else:
            self.action_dunning_stop()
        return self.dunning_stop

    # Ways out --------------------------------------------------------------------------------

    def action_dunning_way_out(self, code, block_id=False):
        """Open what removes a reason against a reminder of a customer, invoice or item.

        :param code: the code of the rule, see `dunning_explain`
        :param block_id: the hold that the reason follows from, if it is one
        :return: the action to open
        :raise UserError: when there is no such rule, or no such hold here
        """
        check_one(self)
        self.env["dunning.screening"].check_access("read")
        # sudo: the way out of a reason is no secret
        rule = self.env["dunning.exclusion.rule"].sudo().search([("code", "=", str(code))])
        if not rule:
            raise UserError(self.env._("This reason no longer exists: reload the page."))
        if rule.way_out == "resume" and block_id:
            block = read_record(self.env["dunning.block"], block_id)
            return block._get_records_action(target="new")
        return self._way_out_action(rule.sudo(False))

    def _way_out_action(self, rule):
        """Return what is opened for the reason `rule`; an override may know more ways out."""
        customer = self._dunning_customers()[:1]
        mine = [("partner_id", "=", customer.id)]
        if rule.way_out == "setting":
            return self.env["dunning.settings"].action_open()
        if rule.way_out == "rule":
            return rule._get_records_action()
        if rule.way_out in ("address", "customer"):
            return customer._get_records_action()
        if rule.way_out == "approval":
            action = self.env["dunning.run"].action_open_latest()
            shown = {"search_default_reason_customer_maximum": 1}
            shown["search_default_partner_id"] = customer.id
            return {**action, "context": {**action["context"], **shown}}
        if rule.way_out == "payment":
            action = self.env["ir.actions.act_window"]._for_xml_id(
                "account.action_account_moves_all"
            )
            open_items = [("account_type", "=", "asset_receivable"), ("reconciled", "=", False)]
            posted = [("parent_state", "=", "posted"), ("partner_id", "child_of", customer.id)]
            return {**action, "domain": open_items + posted, "context": {}}
        if rule.way_out == "invoice":
            if self._name != "res.partner":
                return self._dunning_own_items()[:1].move_id._get_records_action()
            action = self._for_our_action("dunning_screening_action")
            return {**action, "domain": [*mine, ("rule_ids", "in", rule.ids)], "context": {}}
        name = {"promise": "dunning_promise_action", "reminder": "dunning_notice_action"}
        action = self._for_our_action(name.get(rule.way_out, "dunning_block_action"))
        return {**action, "domain": mine}

    @api.model
    def _for_our_action(self, name):
        return self.env["ir.actions.act_window"]._for_xml_id(f"dunning_exclusion.{name}")

    # The next reminder -----------------------------------------------------------------------

    @api.readonly
    def dunning_headline(self):
        """Return in one sentence when this is reminded next, or why it is not.

        :return: dict of `state` ("next", "not_due", "held", "not_listed" or "no_scenario"), `text`
            and `next`, all reminders that are foreseen, in words
        :raise AccessError: when the user may not read the record
        """
        check_one(self)
        company, customer = self._dunning_companies()[:1], self._dunning_customers()
        today = company._dunning_today()
        now, reminders = self._forecast()
        words = [self._forecast_words(day, level, company) for day, level in reminders]
        customer = customer.with_company(company)
        reasons = self.env["dunning.screening"]._explain(
            self._dunning_owner_field, self._dunning_owners().ids, company
        )
        if reminders and (reminders[0][0] == today or not now):
            day, level = reminders[0]
            state, text = "next", self._forecast_next(day, level, company)
        elif customer.dunning_scenario_missing:
            state, text = "no_scenario", customer.dunning_scenario_message
        elif now or reasons:
            state, text = self._forecast_held(now, reasons, reminders, company)
        else:
            state, text = "not_due", self._forecast_nothing(company)
        return {"state": state, "text": text, "next": words}

    @api.readonly
    def dunning_next_reminders(self):
        """Return in words the next reminders of a customer or invoice, one for each scenario.

        :return: list of sentences, empty when nothing is foreseen
        :raise AccessError: when the user may not read the record
        """
        check_one(self)
        company = self._dunning_companies()[:1]
        _now, reminders = self._forecast()
        return [self._forecast_words(day, level, company) for day, level in reminders]

    def _forecast_words(self, day, level, company):
        scenario = level.scenario_id
        today = day == company._dunning_today()
        words = {"day": self.env._("Today") if today else short_date(self.env, day)}
        if scenario.campaign_type == "customer":
            return self.env._("%(day)s: %(workflow)s", workflow=scenario.name, **words)
        return self.env._(
            "%(day)s: %(level)s (%(scenario)s)", level=level.name, scenario=scenario.name, **words
        )

    def _forecast_next(self, day, level, company):
        if day == company._dunning_today():
            return self.env._("Next reminder today: %(level)s", level=level.name)
        return self.env._(
            "Next reminder on %(day)s: %(level)s",
            day=short_date(self.env, day),
            level=level.name,
        )

    def _forecast_held(self, now, reasons, reminders, company):
        """Return state and sentence for items that are due today, but held back or not listed.

        :param now: (outcome, rule) of what is due today, none of it to send
        """
        rules = self.env["dunning.exclusion.rule"].browse([rule_id for _outcome, rule_id in now])
        chosen = rules._deciding_first(company)[:1]
        reason = next((one for one in reasons if one["rule"] == chosen.code), None)
        reason = reason or (not chosen and reasons[0]) or {}
        until = reason.get("until") or (reminders and reminders[0][0] - timedelta(days=1))
        words = {"reason": chosen.name or reason["reason"]}
        outcome = chosen._effect_in(company) if chosen else reason["outcome"]
        if until:
            until = short_date(self.env, until)
            return "held", self.env._("Held back until %(day)s: %(reason)s", day=until, **words)
        if outcome == "dropped":
            return "not_listed", self.env._("Not listed because: %(reason)s", **words)
        return "held", self.env._("Held back until somebody decides: %(reason)s", **words)

    def _forecast_nothing(self, company):
        """Return why nothing is due although nothing stands against it."""
        owner = (self._dunning_owner_field, "in", self._dunning_owners().ids)
        Screening = self.env["dunning.screening"]
        positive = Screening.search(
            [owner, ("company_id", "=", company.id), ("amount_residual", ">", 0)]
        )
        if not positive:
            return self.env._("No reminder due: nothing is owed")
        due = min(positive.mapped("date_due"))
        if due >= company._dunning_today():
            return self.env._("Not due yet: due on %(day)s", day=short_date(self.env, due))
        return self.env._("No reminder due: all planned reminders were sent")

    def _forecast(self):
        """Return what is due today, and the next reminders: the first of each scenario.

        For each day that can change the answer, items are screened as a run of that day does: today
        by itself, as most customers who are asked about are due today, and all others together.

        :return: {(outcome, rule id)} of today, and a list of (day, level), the earliest first
        """
        # Who may not read what customers owe must not learn it from here.
        self.env["dunning.screening"].check_access("read")
        self.env.flush_all()
        company, Scenario = self._dunning_companies()[:1], self.env["dunning.scenario"]
        levels = Scenario._of_company(company, "invoice")
        workflows = Scenario._of_company(company, "customer").filtered("level_ids")
        if not levels | workflows:
            return set(), []
        today, *days = self._forecast_days(company, workflows)
        rows = self._forecast_rows(levels | workflows, company, [today])
        now = {(outcome, rule_id) for _day, _level, outcome, rule_id in rows}
        first = self._forecast_first(rows)
        # One scenario reminds of the invoices of a customer; each workflow reminds by itself.
        found = Scenario.concat(*first)
        rest = workflows - found if found & levels else (levels | workflows) - found
        if rest and days:
            first |= self._forecast_first(self._forecast_rows(rest, company, days))
        return now, sorted(first.values(), key=lambda one: (one[0], one[1].scenario_id.sequence))

    def _forecast_rows(self, scenarios, company, days):
        """Return (day, level id, outcome, rule id) of what `scenarios` would list on `days`."""
        owner = Owner(OWNERS[self._dunning_owner_field], tuple(self._dunning_owners().ids))
        customers = tuple(self._dunning_customers().ids)
        asked = Question(company, owner=owner, customers=customers, all_reasons=False)
        asked, answers = self.env["dunning.screening"]._with_customers(asked), []
        for day in days:
            # Today a workflow may make up for a missed day; later it runs on its own days only.
            on_day = scenarios
            if day > company._dunning_today():
                on_day = scenarios._on_day(company, day)
            chosen = candidates.of_scenarios(on_day, company, day, due_only=True)
            question = replace(asked, today=day, candidates=chosen)
            answers.append(
                SQL(
                    "SELECT %s::date AS day, level_id, outcome, rule_id FROM (%s) screening",
                    day,
                    self.env["dunning.screening"]._statement(question),
                )
            )
        query = SQL("SELECT DISTINCT * FROM (%s) answer", SQL(" UNION ALL ").join(answers))
        with statement.planned(self.env, few=asked.few, some=True):
            return self.env.execute_query(query)

    @api.model
    def _forecast_first(self, rows):
        """Return {scenario: (day, level)}: when it sends first, and the highest level then."""
        Level, first = self.env["dunning.level"], {}
        sent = [
            (day, Level.browse(level_id)) for day, level_id, out, _rule in rows if out == "included"
        ]
        for day, level in sorted(sent, key=lambda one: (one[0], -one[1].sequence, -one[1].id)):
            first.setdefault(level.scenario_id, (day, level))
        return first

    def _forecast_days(self, company, workflows):
        """Return today and the next days on which the answer can change, in order."""
        customer, today = self._dunning_customers(), company._dunning_today()
        query = SQL(
            """SELECT DISTINCT day FROM (
                   SELECT GREATEST(move.dunning_due_date + 1,
                                   level.delay + CASE WHEN level.trigger = 'due_date' THEN %(due)s
                                                 ELSE COALESCE(move.invoice_date, line.date) END)
                          %(open_items)s AND line.amount_residual > 0 AND %(mine)s
                   UNION ALL
                   SELECT block.date_to + 1 FROM dunning_block block
                    WHERE block.partner_id = %(customer)s AND block.company_id = %(company)s
                      AND %(holds)s
                   UNION ALL
                   SELECT LEAST(date + %(tolerance)s, proposed_until) + 1 FROM dunning_promise
                    WHERE partner_id = %(customer)s AND company_id = %(company)s
                   UNION ALL
                   SELECT notice.date + wait.days FROM dunning_notice notice
                    CROSS JOIN (SELECT GREATEST(min_days_between, 1) FROM dunning_scenario
                                UNION SELECT repeat_every FROM dunning_level
                                UNION SELECT %(free)s) wait (days)
                    WHERE notice.partner_id = %(customer)s AND notice.company_id = %(company)s
                      AND notice.state = 'sent') AS days (day)
                WHERE day > %(today)s AND day <= %(last)s ORDER BY day LIMIT %(limit)s""",
            due=items.DATE_DUE,
            open_items=items.open_items(
                Question(company, customers=tuple(customer.ids)),
                SQL("CROSS JOIN dunning_level level"),
            ),
            mine=self._forecast_mine(),
            customer=customer.id,
            company=company.id,
            holds=self.env["dunning.block"]._state_sql(today, ("scheduled", "active")),
            tolerance=company.dunning_promise_tolerance_days,
            free=company.dunning_min_days_between_messages,
            # Python knows no day after the year 9999, in which an invoice may be due.
            **{"today": today, "last": LAST_DAY, "limit": FORECAST_DAYS},
        )
        days = {day for (day,) in self.env.execute_query(query)}
        return self._forecast_with_workflows(days | {today}, company, workflows)

    @api.model
    def _forecast_with_workflows(self, days, company, workflows):
        """Return `days` and the next days of `workflows` after each of them, in order."""
        rules = [workflow._calendar_rule(company) for workflow in workflows]
        return sorted(days | {next_day(rule, day) for rule in rules for day in days})[:MOST_DAYS]

    def _forecast_mine(self) -> SQL:
        """Return whether `line` belongs to the entry or item asked about."""
        if self._name == "res.partner":
            return SQL("TRUE")
        kind = OWNERS[self._dunning_owner_field]
        return Owner(kind, tuple(self._dunning_owners().ids)).matches("line")
