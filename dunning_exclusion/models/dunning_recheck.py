from odoo import api, models
from odoo.tools import SQL

from .screen import Screen


class DunningRecheck(models.AbstractModel):
    """Screens the lines of a run again, just before they are sent."""

    _name = "dunning.recheck"
    _description = "Dunning Recheck"

    @api.model
    def _screen_again(self, run, customers):
        """Untick the lines that got paid, blocked or otherwise excluded since.

        A person's tick stands against the reasons it was made for, not against new ones.
        """
        self.env.flush_all()
        screen = Screen(
            run.company_id,
            run.company_id._dunning_today(),
            owner=("partner", tuple(customers.ids)),
            candidates=self.env["dunning.candidate"]._run_lines_query(run, customers.ids),
            type_id=run.type_id.id or 0,
        )
        self.env.cr.execute(
            SQL(
                """UPDATE dunning_run_line line
                      SET outcome = COALESCE(fresh.outcome, 'dropped'),
                          rule_id = CASE WHEN fresh.outcome IS NULL AND own.skip_reason IS NULL
                                         THEN %(paid)s ELSE fresh.rule_id END,
                          reason_ids = CASE WHEN fresh.outcome IS NULL AND own.skip_reason IS NULL
                                            THEN jsonb_build_array(%(paid)s::int)
                                            ELSE fresh.reason_ids END,
                          skip_reason = own.skip_reason,
                          days_overdue = COALESCE(fresh.days_overdue, line.days_overdue),
                          outstanding = fresh.outstanding, overdue = fresh.overdue,
                          amount_residual = COALESCE(fresh.amount_residual, 0),
                          amount_residual_currency = COALESCE(fresh.amount_residual_currency, 0),
                          checked = line.checked AND COALESCE(
                              fresh.outcome = 'included'
                              OR (fresh.outcome = 'unchecked'
                                  AND line.override_reason_ids @> fresh.reason_ids), FALSE)
                     FROM (%(own)s) own
                     LEFT JOIN (%(screening)s) fresh
                       ON fresh.move_line_id = own.move_line_id
                      AND fresh.level_id IS NOT DISTINCT FROM own.level_id
                      AND own.skip_reason IS NULL
                    WHERE own.id = line.id""",
                own=self._unsent_query(run, customers),
                screening=self.env["dunning.statement"]._query(screen),
                paid=self.env.ref("dunning_exclusion.rule_paid").id,
            )
        )
        self.env["dunning.run.line"].invalidate_model()

    @api.model
    def _release_lines(self, run, customers):
        """Take back the lines of messages that did not leave and are made anew for other lines.

        So the message is about all of them, and all of them are screened again.
        """
        self.env.flush_all()
        self.env.cr.execute(
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
        self.env["dunning.run.line"].invalidate_model()

    @api.model
    def _unsent_query(self, run, customers) -> SQL:
        """Return SELECT id, move_line_id, level_id, skip_reason of the lines without notice.

        An item that another run reminded of since this one was prepared has a skip reason: two
        runs prepared side by side must not send the same reminder twice. So has an item whose due
        date was postponed, or whose dunning level was deleted since: nobody knows what to send.
        """
        # OFFSET 0 has each line look up the other lines of its item, once. Before PostgreSQL has
        # counted the lines that have a notice by now, it would read all of them for each line.
        return SQL(
            """SELECT unsent.id, unsent.move_line_id, unsent.level_id,
                      CASE WHEN move.dunning_due_date >= %(today)s THEN %(postponed)s
                           WHEN %(by_level)s AND unsent.level_id IS NULL THEN %(deleted)s
                           WHEN (unsent.partner_id, unsent.message_key) IN (%(messages)s)
                           THEN %(reminded_here)s
                           WHEN EXISTS (
                          SELECT 1
                            FROM (SELECT run_id, scenario_id, notice_id FROM dunning_run_line
                                   WHERE move_line_id = unsent.move_line_id
                                     AND run_id <> unsent.run_id OFFSET 0) other
                            JOIN dunning_notice notice ON notice.id = other.notice_id
                            JOIN dunning_run other_run ON other_run.id = other.run_id
                           WHERE notice.id > %(last_notice)s
                             AND notice.state IN ('queued', 'sent')
                             AND other.scenario_id IS NOT DISTINCT FROM unsent.scenario_id
                             AND other_run.type_id IS NOT DISTINCT FROM %(type)s::int)
                      THEN %(reminded)s END AS skip_reason
                 FROM dunning_run_line unsent
                 LEFT JOIN account_move move ON move.id = unsent.move_id
                WHERE unsent.run_id = %(run)s AND unsent.notice_id IS NULL
                  AND unsent.partner_id = ANY(%(customers)s) OFFSET 0""",
            today=run.company_id._dunning_today(),
            postponed=self.env._("Postponed since"),
            by_level=run.mode == "scenario",
            deleted=self.env._("Dunning level deleted since"),
            messages=self.env["dunning.notice"]._left_messages_query(run, customers),
            reminded_here=self.env._("Reminded in this run already"),
            last_notice=run.last_notice,
            type=run.type_id.id or None,
            reminded=self.env._("Reminded by another run since"),
            run=run.id,
            customers=customers.ids,
        )
