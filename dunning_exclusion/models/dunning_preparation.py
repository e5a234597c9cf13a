from odoo import api, fields, models
from odoo.tools import SQL

from ..screening import candidates
from ..screening.question import Question
from .dunning_ceiling import counts_with_others, hold_back
from .dunning_changes import oldest_transaction

# From so many new lines on PostgreSQL is told at once how they are spread.
MANY_LINES = 10_000
# What its screens ask for.
ANALYZED = ("run_id", "company_id", "partner_id", "outcome", "checked", "notice_id")


class DunningPreparation(models.AbstractModel):
    """Fills the task list of a run: candidates, screened, inserted by one statement."""

    _name = "dunning.preparation"
    _description = "Dunning Run Preparation"

    @api.model
    def _replace_lines(self, run):
        """List the items of `run` anew, with one statement, whatever their number."""
        self.env["dunning.line.upkeep"]._delete_of_runs(run.ids)
        if self._insert_lines(run) > MANY_LINES:
            # Until autovacuum comes by, the first pages of the task list would be planned badly.
            # Where it, or another run, is at it already, nobody waits.
            columns = SQL(", ").join(map(SQL.identifier, ANALYZED))
            self.env.cr.execute(SQL("ANALYZE (SKIP_LOCKED) dunning_run_line (%s)", columns))
        self.env["dunning.run.line"].invalidate_model()
        # sudo: users do not write the state of a run
        run.sudo().write(
            {
                "state": "prepared",
                "last_notice": self._newest_notice(),
                "screened_transaction": oldest_transaction(self.env),
                **self._prepare_scenario_vals(run),
            }
        )
        run.invalidate_recordset()
        if counts_with_others(run):
            hold_back(run, None)

    @api.model
    def _question(self, run):
        """Return what `run` asks of the screening."""
        return Question(
            run.company_id,
            run.date,
            candidates=self._candidates_query(run),
            type_id=run.type_id.id or 0,
        )

    @api.model
    def _insert_lines(self, run):
        """Insert the lines of `run`; return their number."""
        with self.env["dunning.screening"]._screened(self._question(run)) as screening:
            self.env.cr.execute(
                SQL(
                    """INSERT INTO dunning_run_line
                           (run_id, company_id, move_line_id, move_id, partner_id, level_id,
                            level_sequence, scenario_id, message_key, currency_id, date_due,
                            days_overdue, amount_residual, amount_residual_currency, outcome,
                            rule_id, reason_ids, checked)
                       SELECT %s, company_id, move_line_id, move_id, partner_id, level_id,
                              level_sequence, scenario_id, message_key, currency_id, date_due,
                              days_overdue, amount_residual, amount_residual_currency, outcome,
                              rule_id, reason_ids, outcome = 'included'
                         FROM (%s) AS screening""",
                    run.id,
                    screening,
                )
            )
            return self.env.cr.rowcount

    @api.model
    def _newest_notice(self):
        # sudo: notices of other companies have numbers, too.
        return self.env["dunning.notice"].sudo().search([], order="id desc", limit=1).id

    @api.model
    def _candidates_query(self, run) -> SQL:
        """Return SELECT of the items `run` is about: see `screening.candidates`."""
        if run.mode == "criteria":
            return candidates.of_criteria(run._criteria_items_query(), run.date)
        scenarios, due_only = self._scenarios(run)
        return candidates.of_scenarios(scenarios, run.company_id, run.date, due_only)

    @api.model
    def _scenarios(self, run):
        """Return the scenarios of `run`, and whether workflows must be due: not when chosen."""
        # A chosen scenario that was archived since must not turn into "all scenarios".
        chosen = run.with_context(active_test=False).scenario_ids
        scenarios = chosen or self.env["dunning.scenario"].search(
            [("company_id", "in", [False, run.company_id.id]), ("active", "=", True)]
        )
        return scenarios, run.automatic or not chosen

    @api.model
    def _prepare_scenario_vals(self, run):
        """Return what `run` notes about scenarios, beside its lines, when it is prepared."""
        if run.mode == "criteria":
            return {"workflow_ids": [fields.Command.clear()], "without_scenario_count": 0}
        scenarios, due_only = self._scenarios(run)
        workflows = scenarios._workflows_of_run(run.company_id, run.date, due_only)
        return {
            "workflow_ids": [fields.Command.set(workflows.ids)],
            "without_scenario_count": scenarios._count_without(run.company_id, run.date),
        }
