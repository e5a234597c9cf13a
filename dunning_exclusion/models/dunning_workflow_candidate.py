from odoo import api, models
from odoo.tools import SQL

from ..screening.domains import parse_domain


class DunningWorkflowCandidate(models.AbstractModel):
    """Chooses what customer-level workflows send: everything a customer owes, for each action.

    How it works: `figure` holds the metrics of every customer in `total`, which has to be all with
    open items in the company, for a family's sake;
    `family` says who stands under which topmost parent; `chosen` holds the workflows whose
    conditions a customer meets; the last SELECT lists all open items of those customers, once for
    each action.
    """

    _name = "dunning.workflow.candidate"
    _description = "Dunning Workflow Candidates"

    @api.model
    def _workflow_query(self, workflows, company, today, due_only=False) -> SQL:
        """Return the items that `workflows` send on the day `today`: see `dunning.candidate`.

        :param due_only: only the workflows whose day it is, or whose missed day is caught up
        """
        since = {
            workflow: workflow._due_since(company, today)
            for workflow in workflows
            if workflow.level_ids
        }
        if due_only:
            since = {workflow: day for workflow, day in since.items() if day}
        if not since:
            return self.env["dunning.candidate"]._nothing_query()
        return SQL(
            """(WITH RECURSIVE %(family)s figure AS (%(figure)s), chosen AS (%(chosen)s)
                SELECT item.*, chosen.level_id, NULL::int AS bundle
                  FROM item
                  JOIN chosen USING (partner_id)
                 WHERE %(free)s AND %(fits)s)""",
            family=self._family_sql(list(since)),
            figure=self._figure_query(list(since)),
            chosen=SQL(" UNION ALL ").join(
                self._chosen_query(workflow, company, today, day) for workflow, day in since.items()
            ),
            free=self.env["dunning.candidate"]._not_postponed_sql(today),
            fits=self._fits_sql(list(since), company),
        )

    @api.model
    def _needs_family(self, workflows):
        return any(
            condition.metric.startswith("consolidated_")
            for workflow in workflows
            for condition in workflow.condition_ids
        )

    @api.model
    def _family_sql(self, workflows) -> SQL:
        """Return the CTE that finds the topmost parent of every customer with open items."""
        if not self._needs_family(workflows):
            return SQL()
        # UNION and not UNION ALL: it comes to an end whatever is in the table.
        return SQL(
            """climb AS (
                   SELECT partner_id, partner_id AS ancestor_id FROM total
                   UNION
                   SELECT climb.partner_id, ancestor.parent_id FROM climb
                     JOIN res_partner ancestor ON ancestor.id = climb.ancestor_id
                    WHERE ancestor.parent_id IS NOT NULL),
               family AS (
                   SELECT climb.partner_id, top.id AS top_id FROM climb
                     JOIN res_partner top ON top.id = climb.ancestor_id
                    WHERE top.parent_id IS NULL),"""
        )

    @api.model
    def _figure_query(self, workflows) -> SQL:
        """Return one row a customer with a column for each metric of `dunning.condition`."""
        if not self._needs_family(workflows):
            return SQL(
                "SELECT partner_id, outstanding, overdue, %s AS overdue_percent FROM total",
                self._percent_sql(SQL("overdue"), SQL("outstanding")),
            )
        return SQL(
            """SELECT total.partner_id, total.outstanding, total.overdue,
                      %(percent)s AS overdue_percent,
                      whole.outstanding AS consolidated_outstanding,
                      whole.overdue AS consolidated_overdue,
                      %(consolidated)s AS consolidated_overdue_percent
                 FROM total
                 JOIN family USING (partner_id)
                 JOIN (SELECT family.top_id, SUM(outstanding) AS outstanding,
                              SUM(overdue) AS overdue
                         FROM total JOIN family USING (partner_id)
                        GROUP BY family.top_id) whole USING (top_id)""",
            percent=self._percent_sql(SQL("total.overdue"), SQL("total.outstanding")),
            consolidated=self._percent_sql(SQL("whole.overdue"), SQL("whole.outstanding")),
        )

    @api.model
    def _percent_sql(self, overdue, outstanding) -> SQL:
        return SQL(
            "CASE WHEN %(total)s > 0 THEN 100 * %(part)s / %(total)s ELSE 0 END",
            part=overdue,
            total=outstanding,
        )

    @api.model
    def _chosen_query(self, workflow, company, today, since) -> SQL:
        """Return the customers of `workflow` with the actions that they have not had yet.

        :param since: the day of the workflow that is due, or False when a person chose it
        """
        conditions = [condition._holds_sql() for condition in workflow.condition_ids]
        return SQL(
            """SELECT figure.partner_id, action.id AS level_id
                 FROM figure
                 JOIN res_partner customer ON customer.id = figure.partner_id
                 JOIN dunning_level action ON action.scenario_id = %(workflow)s
                 JOIN dunning_reminder_type type ON type.id = action.type_id AND type.active
                WHERE %(applies)s AND %(conditions)s
                  AND NOT EXISTS (
                      SELECT 1 FROM dunning_notice notice
                       WHERE notice.partner_id = figure.partner_id
                         AND notice.level_id = action.id AND notice.company_id = %(company)s
                         AND (notice.state = 'queued' OR (
                              notice.state = 'sent' AND notice.date > %(free_until)s)))""",
            workflow=workflow.id,
            applies=workflow._applies_sql(company),
            conditions=SQL(" AND ").join(conditions) if conditions else SQL("TRUE"),
            company=company.id,
            free_until=workflow._last_free_day(today, since),
        )

    @api.model
    def _fits_sql(self, workflows, company) -> SQL:
        """Return whether the condition of the action lets the invoice of an item in."""
        restricted = [
            level
            for workflow in workflows
            for level in workflow.level_ids
            if parse_domain(level.condition_domain)
        ]
        conditions = [
            SQL("(chosen.level_id <> %s OR %s)", level.id, level._matches_sql(company))
            for level in restricted
        ]
        return SQL(" AND ").join(conditions) if conditions else SQL("TRUE")
