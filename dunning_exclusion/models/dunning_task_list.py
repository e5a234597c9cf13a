from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL, format_date

from .arguments import check_one, read_ids, without_context
from .dunning_changes import changed_customers, oldest_transaction, overtaken_by
from .dunning_recheck import screen_again
from .dunning_screening import OUTCOMES
from .many_lines import distinct_amount, distinct_items


class DunningRun(models.Model):
    """What the task list shows and does beside its lines: today's list, and the figures above."""

    _inherit = "dunning.run"

    # Today's list ---------------------------------------------------------------------------

    @api.model
    def action_open_latest(self):
        """Open today's list of the current company, prepared at once when there is none."""
        run = self._get_todays_run()
        if not run:
            run = self.create({"company_id": self.env.company.id})
            run.action_prepare()
        return run.action_open_lines()

    @api.model
    def _get_todays_run(self):
        """Return the run of today for all scenarios that is still to be sent, if there is one."""
        company = self.env.company
        return self.search(
            Domain("company_id", "=", company.id)
            & Domain("date", "=", company._dunning_today())
            & Domain("state", "in", ["prepared", "sending"])
            & Domain("automatic", "=", False)
            & Domain("mode", "=", "scenario")
            & Domain("scenario_ids", "=", False),
            limit=1,
        )

    @api.model
    def _get_latest_run(self):
        """Return the latest run that has lines to work on or to look at."""
        worked_on = Domain("state", "not in", ["draft", "cancelled"])
        return self.search(worked_on & Domain("company_id", "=", self.env.company.id), limit=1)

    def _find_unfinished(self):
        """Return the latest run of an earlier day with ticked lines that were not sent."""
        older = self.search(
            Domain("company_id", "=", self.company_id.id)
            & Domain("date", "<", self.date)
            & Domain("state", "in", ["prepared", "sending"])
        )
        waiting = Domain("checked", "=", True) & Domain("notice_id", "=", False)
        rows = self.env["dunning.run.line"]._read_group(
            waiting & Domain("run_id", "in", older.ids), ["run_id"]
        )
        waits = self.browse().union(*(run for (run,) in rows))
        return older.filtered(lambda run: run in waits)[:1]

    # Brought up to date ---------------------------------------------------------------------

    def action_refresh(self):
        """List the items of the run as they are today; what people ticked is kept where it holds.

        An item that somebody unticked stays unticked. One that somebody ticked against reasons
        stays ticked while no other reasons stand against it.

        :raise UserError: when messages of the run went out already, or it is being sent
        """
        check_one(self)
        run = without_context(self)
        run.check_access("write")
        run.env["dunning.sender"]._lock(run)
        run._check_preparable()
        by_hand = run._read_ticks_by_hand()
        if run.date < (today := run.company_id._dunning_today()):
            run.date = today
        run._replace_lines()
        if by_hand:
            run._tick_as_before(by_hand)
        return True

    def _read_ticks_by_hand(self):
        """Return as JSON which lines people ticked against reasons, and which they unticked."""
        self.env["dunning.run.line"].flush_model()
        return self.env.execute_query(
            SQL(
                """SELECT jsonb_agg(to_jsonb(line))::text
                     FROM dunning_run_line line
                    WHERE run_id = %s AND notice_id IS NULL AND move_line_id IS NOT NULL
                      AND CASE WHEN checked THEN override_user_id IS NOT NULL
                               ELSE outcome = 'included' AND set_aside IS NOT TRUE END""",
                self.id,
            )
        )[0][0]

    def _tick_as_before(self, by_hand):
        """Tick and untick lines as people did before the lines were replaced.

        :param by_hand: what `_read_ticks_by_hand` returned
        """
        self.env.cr.execute(
            SQL(
                """UPDATE dunning_run_line line
                      SET checked = before.checked, override_user_id = before.override_user_id,
                          override_date = before.override_date,
                          override_reason_ids = before.override_reason_ids
                     FROM jsonb_populate_recordset(NULL::dunning_run_line, %s) before
                    WHERE line.run_id = %s AND line.move_line_id = before.move_line_id
                      AND line.scenario_id IS NOT DISTINCT FROM before.scenario_id
                      AND CASE WHEN before.checked
                               THEN line.outcome = 'unchecked'
                                    AND line.reason_ids <@ before.override_reason_ids
                               ELSE line.outcome = 'included' END""",
                by_hand,
                self.id,
            )
        )
        self.env["dunning.run.line"].invalidate_model(flush=False)
        self._untick_above_maximum()

    def _describe_overtaken(self):
        """Return in sentences what has changed since the lines were listed."""
        words = {
            "day": self.env._(
                "The list is as of %(day)s, not of today.", day=format_date(self.env, self.date)
            ),
            "settings": self.env._("Settings, rules or scenarios were changed since."),
            "payments": self.env._("Payments came in since."),
        }
        return [words[code] for code in overtaken_by(self)]

    # Figures above the task list ------------------------------------------------------------

    @api.model
    def read_figures(self, run_id):
        """Return what is ticked in a run, with blocks and promises that were changed since.

        :param run_id: id of the run, or False for today's list of the current company
        :return: dict with `id`, `name`, `state`, `date`, `currency_id`, `item_count`,
            `customer_count`, `message_count`, `amount` (company currency), the number of items by
            outcome, `sent_count`, `failed_count`, `can_work`, `overtaken` (sentences: what
            changed since), `can_refresh` and `unfinished` (id and name of an older run to send,
            or False); empty when there is no run
        """
        self.browse().check_access("read")
        ids = read_ids(self.env, [run_id]) if run_id else self._get_todays_run().ids
        run = self.browse(ids).exists()
        if not run:
            return {}
        run.check_access("read")
        can_work = run.has_access("write")
        # Whose blocks or promises were changed is screened again first.
        if can_work and run.state == "prepared" and (customers := changed_customers(run)):
            screen_again(run, customers)
            # sudo: users do not write what the system notes
            run.sudo().screened_transaction = oldest_transaction(self.env)
        names = ["name", "state", "date", "sent_count", "failed_count"]
        if run.state == "sending":
            names.append("progress")
        lines = self.env["dunning.run.line"]
        counts = dict(lines._read_group([("run_id", "=", run.id)], ["outcome"], ["item_count:sum"]))
        unfinished = run == self._get_todays_run() and run._find_unfinished()
        return {
            **run.read(names)[0],
            **{f"{outcome}_count": counts.get(outcome, 0) for outcome, _name in OUTCOMES},
            **run._read_ticked(),
            "currency_id": run.currency_id.id,
            "can_work": can_work,
            "overtaken": run._describe_overtaken() if run.state == "prepared" else [],
            "can_refresh": can_work and not run.notice_ids,
            "unfinished": unfinished and {"id": unfinished.id, "name": unfinished.name},
        }

    def _read_ticked(self):
        """Return how much of what is ticked was not sent yet: each item counts once."""
        Line = self.env["dunning.run.line"]
        Line.flush_model()
        items, amount, customers, messages = self.env.execute_query(
            SQL(
                """WITH line AS (SELECT * FROM dunning_run_line
                                  WHERE run_id = %(run)s AND checked AND notice_id IS NULL)
                   SELECT %(items)s, %(amount)s, COUNT(DISTINCT partner_id),
                          (SELECT COUNT(*) FROM (
                               SELECT partner_id, message_key FROM line WHERE action_ids IS NULL
                                UNION
                               SELECT partner_id, action.id::int
                                 FROM line, jsonb_array_elements(action_ids) AS action (id)
                                WHERE action_ids IS NOT NULL
                                  AND (held_action_ids @> action.id) IS NOT TRUE) AS message)
                     FROM line""",
                run=self.id,
                items=distinct_items("line"),
                amount=distinct_amount("line"),
            )
        )[0]
        counts = {"customer_count": customers, "message_count": messages}
        return {**counts, "item_count": items, "amount": float(amount)}
