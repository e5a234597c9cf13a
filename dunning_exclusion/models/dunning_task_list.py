from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from .arguments import read_ids, understand_domain
from .dunning_ceiling import may_release
from .dunning_changes import changed_customers, oldest_transaction
from .dunning_line_ticks import OPEN_STATES


class DunningTaskList(models.AbstractModel):
    """What the screen of the task list asks for beyond the lines themselves.

    One question a page, never one a line: the figures of the whole run, the reasons that stand
    beside the customers of the page, and ticking many lines at once.
    """

    _name = "dunning.task.list"
    _description = "Dunning Task List"

    @api.model
    def read_figures(self, run_id):
        """Return what is ticked in the run, after screening again whom people changed since.

        :param run_id: id of the run, or False for the latest one of the current company
        :return: dict with `id`, `name`, `state`, `date`, `currency_id`, `item_count`,
            `customer_count`, `message_count`, `amount` (company currency), the number of lines by
            outcome, `sent_count`, `failed_count` and `can_work`; empty when there is no run
        """
        Run = self.env["dunning.run"]
        Run.check_access("read")
        ids = read_ids(self.env, [run_id]) if run_id else self._latest_run().ids
        run = Run.browse(ids).exists()
        if not run:
            return {}
        run.check_access("read")
        can_work = run.has_access("write")
        if can_work:
            self._screen_changed(run)
        names = ["name", "state", "date", "sent_count", "failed_count"]
        if run.state == "sending":
            names.append("progress")
        return {
            **run.read(names)[0],
            **self._outcomes(run),
            **self._ticked(run),
            "currency_id": run.currency_id.id,
            "can_work": can_work,
        }

    @api.model
    def _latest_run(self):
        """Return the latest run that has lines to work on or to look at."""
        return self.env["dunning.run"].search(
            Domain("company_id", "=", self.env.company.id)
            & Domain("state", "not in", ["draft", "cancelled"]),
            limit=1,
        )

    @api.model
    def _outcomes(self, run):
        counts = dict(
            self.env["dunning.run.line"]._read_group(
                [("run_id", "=", run.id)], ["outcome"], ["__count"]
            )
        )
        return {
            f"{outcome}_count": counts.get(outcome, 0)
            for outcome in ("included", "unchecked", "dropped")
        }

    @api.model
    def _ticked(self, run):
        """Return how much of what is ticked in `run` was not sent yet."""
        self.env["dunning.run.line"].flush_model()
        items, customers, messages, amount = self.env.execute_query(
            SQL(
                """SELECT COALESCE(SUM(items), 0), COUNT(DISTINCT partner_id), COUNT(*),
                          COALESCE(SUM(amount), 0)
                     FROM (SELECT partner_id, COUNT(*) AS items, SUM(amount_residual) AS amount
                             FROM dunning_run_line
                            WHERE run_id = %s AND checked AND notice_id IS NULL
                            GROUP BY partner_id, message_key) AS message""",
                run.id,
            )
        )[0]
        return {
            "item_count": int(items),
            "customer_count": customers,
            "message_count": messages,
            "amount": float(amount),
        }

    @api.model
    def _screen_changed(self, run):
        """Screen the customers again whose blocks or promises changed since that was done last."""
        if run.state != "prepared":
            return
        if customers := changed_customers(run):
            self.env["dunning.sender"]._screen_again(run, customers)
            # sudo: a mark of this screen, not a change a follower of the run would want to know of.
            run.sudo().screened_transaction = oldest_transaction(self.env)

    @api.model
    def read_customer_marks(self, domain, customer_ids):
        """Return {customer id: names of the reasons that stand beside the customer}.

        :param domain: domain of the lines on the screen
        :param customer_ids: the customers of the page
        """
        Line = self.env["dunning.run.line"]
        customers = Domain("partner_id", "in", read_ids(self.env, customer_ids))
        with understand_domain(self.env):
            lines = Line._search(Domain(domain) & customers)
            if lines.is_empty():
                return {}
            columns = (SQL.identifier(Line._table, name) for name in ("partner_id", "reason_ids"))
            rows = self.env.execute_query(
                SQL(
                    """SELECT DISTINCT line.partner_id, reason.id::int
                         FROM %s AS line,
                              jsonb_array_elements_text(line.reason_ids) AS reason(id)""",
                    lines.subselect(*columns),
                )
            )
        rules = self.env["dunning.exclusion.rule"].search([("marker", "=", "customer")])
        marks = {}
        for rule in rules:
            for customer_id, rule_id in rows:
                if rule_id == rule.id:
                    marks.setdefault(customer_id, []).append(rule.name)
        return marks

    @api.model
    def tick(self, domain, checked):
        """Tick or untick all lines that match `domain` and were not sent, however many they are.

        Ticking means the included ones. Only where none of the lines is included are the
        unchecked ones meant: then a person decides against their reasons. Customers who would be
        sent more than the maximum are left out, unless an approver ticks.

        :raise UserError: when lines are to be ticked and there is none that may be
        """
        Line = self.env["dunning.run.line"]
        Line.check_access("write")
        with understand_domain(self.env):
            self._tick(Domain(domain), bool(checked))
        return True

    @api.model
    def _tick(self, domain, checked):
        Line = self.env["dunning.run.line"]
        listed = domain & Domain("outcome", "!=", "dropped") & Domain("notice_id", "=", False)
        if checked:
            listed &= ~Line._message_left_domain()
            included = listed & Domain("outcome", "=", "included")
            listed = included if Line.search_count(included, limit=1) else self._tickable(listed)
        changed = listed & Domain("checked", "!=", checked)
        closed = Domain("run_id.state", "not in", OPEN_STATES)
        Line.search(changed & closed, order="id", limit=1)._check_open()
        # As a list: after many lines were ticked PostgreSQL expects to find none of them, and would
        # compare each with each.
        rows = self.env.execute_query(Line._search(changed).select())
        Line._write_ticks(SQL("(SELECT unnest(%s::int[]))", [row[0] for row in rows]), checked)

    @api.model
    def _tickable(self, listed):
        """Return the domain of the excluded lines that the user may tick.

        Those above the ceiling need an approver.
        """
        Line = self.env["dunning.run.line"]
        if not may_release(self.env):
            above = self.env["dunning.exclusion.rule"].search([("needs_approval", "=", True)])
            listed &= ~Domain("rule_ids", "in", above.ids)
        if not Line.search_count(listed, limit=1):
            raise UserError(
                self.env._(
                    "Nothing here may be ticked: it is left out, reminded already, or above the "
                    "ceiling, which only a follow-up approver may release."
                )
            )
        return listed
