from datetime import timedelta

from odoo import api, models
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.tools import SQL

from ..models.dunning_block import ENDING_WITHIN_DAYS, FORGOTTEN_AFTER_DAYS
from ..models.res_company import THRESHOLDS
from ..screening.question import Question


class DunningRun(models.Model):
    """The dashboard: what is left out and what is to be done, in figures that lead to lists."""

    _inherit = "dunning.run"

    @api.model
    def retrieve_dashboard(self):
        """Return the figures of the current company.

        :return: dict with `currency_id`; `to_send`, `sent` and `promises` (dicts of `count` and
            `amount`); the numbers `failed`, `broken`, `ending` and `forgotten`; the tables
            `by_reason`, `by_age` and `by_person`: lists of dicts `{label, count, amount, domain}`;
            `steps`, the first steps for administrators: dicts of `name`, `title`, `text`, `action`
            (a method of `onboarding.onboarding.step`) and `done`
        :raise AccessError: for users who may not read blocks
        """
        self.env["dunning.block"].check_access("read")
        company = self.env.company
        today = company._dunning_today()
        self.env.flush_all()
        by_reason = self._dashboard_by_reason(company)
        return {
            "currency_id": company.currency_id.id,
            "steps": self._dashboard_steps(company, by_reason),
            **self._dashboard_figures(company, today),
            "by_reason": by_reason,
            "by_age": self._dashboard_by_age(company, today),
            "by_person": self._dashboard_by_person(company, today),
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
        return (onboarding or Onboarding).sudo()

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

    # Figures --------------------------------------------------------------------------------

    @api.model
    def _dashboard_figures(self, company, today):
        """Return what is to be sent, what was sent and what needs somebody's attention."""
        mine = Domain("company_id", "=", company.id)
        Notice, Promise = self.env["dunning.notice"], self.env["dunning.promise"]
        Block = self.env["dunning.block"]
        run = self._get_latest_run()
        ticked = run._read_ticked() if run.state == "prepared" else {}
        sent = mine & Domain("state", "=", "sent") & Domain("date", ">=", today.replace(day=1))
        count, amount = Notice.search_count(sent), self._dashboard_sent_amount(company, today)
        soon = Domain("date", "<=", today + timedelta(days=ENDING_WITHIN_DAYS))
        promises = Promise.search(mine & soon & Domain("state", "in", ["open"]))
        return {
            "to_send": {
                "count": ticked.get("message_count", 0),
                "amount": ticked.get("amount", 0.0),
            },
            "sent": {"count": count, "amount": amount},
            "failed": Notice.search_count(mine & Domain("state", "=", "failed")),
            "promises": {"count": len(promises), "amount": sum(promises.mapped("promised_amount"))},
            "broken": Promise.search_count(mine & Domain("state", "in", ["broken"])),
            "ending": Block.search_count(mine & Domain("ending_soon", "=", True)),
            "forgotten": Block.search_count(mine & Domain("forgotten", "=", True)),
        }

    @api.model
    def _dashboard_sent_amount(self, company, today):
        """Return what was open of the items reminded of this month: each counts once."""
        query = SQL(
            """SELECT COALESCE(SUM(amount_residual), 0)
                 FROM (SELECT DISTINCT ON (COALESCE(line.move_line_id, -line.id))
                              line.amount_residual
                         FROM dunning_notice notice
                         JOIN dunning_notice_line_rel listed ON listed.notice_id = notice.id
                         JOIN dunning_run_line line ON line.id = listed.line_id
                        WHERE notice.company_id = %s AND notice.state = 'sent'
                          AND notice.date >= %s
                        ORDER BY COALESCE(line.move_line_id, -line.id), notice.date DESC) item""",
            company.id,
            today.replace(day=1),
        )
        [[amount]] = self.env.execute_query(query)
        return float(amount)

    @api.model
    def _dashboard_by_reason(self, company):
        """Return what is left out of the overdue items today, by deciding reason."""
        with self.env["dunning.screening"]._screened(Question(company)) as screening:
            query = SQL(
                """SELECT rule_id, COUNT(*), SUM(amount_residual) FROM (%s) AS screening
                    WHERE rule_id IS NOT NULL AND days_overdue > 0
                    GROUP BY rule_id ORDER BY ABS(SUM(amount_residual)) DESC""",
                screening,
            )
            rows = self.env.execute_query(query)
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
            for rule_id, count, amount in rows
        ]

    @api.model
    def _dashboard_blocks(self, company, today, key):
        """Return {`key`: (number of active blocks, open amount they hold)}, largest first."""
        Block = self.env["dunning.block"]
        query = SQL(
            """SELECT %s, COUNT(*), SUM(amount) FROM (%s) block
                GROUP BY 1 ORDER BY 3 DESC""",
            key,
            Block._amounts_query(company, Block._state_sql(today)),
        )
        rows = self.env.execute_query(query)
        return {key: {"count": count, "amount": float(amount)} for key, count, amount in rows}

    @api.model
    def _dashboard_by_age(self, company, today):
        ages = [
            (0, 30, self.env._("Up to 30 days")),
            (31, FORGOTTEN_AFTER_DAYS, self.env._("31 to 90 days")),
            (FORGOTTEN_AFTER_DAYS + 1, None, self.env._("Older than 90 days")),
        ]
        # The place of the age in this list.
        starts = [youngest for youngest, _oldest, _label in ages[1:]]
        key = SQL("width_bucket(%s - date_from, %s)", today, starts)
        found = self._dashboard_blocks(company, today, key)
        table = []
        for place, (youngest, oldest, label) in enumerate(ages):
            domain = [("date_from", "<=", str(today - timedelta(days=youngest)))]
            if oldest is not None:
                domain.append(("date_from", ">=", str(today - timedelta(days=oldest))))
            figures = found.get(place, {"count": 0, "amount": 0.0})
            table.append({"label": label, "domain": domain, **figures})
        return table

    @api.model
    def _dashboard_by_person(self, company, today):
        # sudo: the names of colleagues
        users = self.env["res.users"].sudo()
        found = self._dashboard_blocks(company, today, SQL.identifier("user_id"))
        return [
            {
                "domain": [("user_id", "=", user_id)],
                "label": users.browse(user_id).name or self.env._("Unknown"),
                **figures,
            }
            for user_id, figures in found.items()
        ]
