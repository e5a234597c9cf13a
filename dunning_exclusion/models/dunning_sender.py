import logging

from psycopg2 import OperationalError
from psycopg2.errors import UniqueViolation

from odoo import api, models, modules
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

_logger = logging.getLogger(__name__)
# Customers whose messages are made and committed together: as many as Odoo renders at once.
BATCH_SIZE = 50
# How often a batch is tried again after a conflict with another transaction.
MAX_TRIES = 5


class DunningSender(models.AbstractModel):
    """Sends runs: a batch of customers at a time, each screened again and sent in one transaction.

    How it works: a ticked line either has its notice, or is still ticked and without one. The
    notice, its message in the mail queue and the mark on the line are committed together, so
    sending can be killed at any moment and started again. The lock on the run keeps a second
    sender out, and the unique indexes on notices and on sending runs hold whatever the code does.
    """

    _name = "dunning.sender"
    _description = "Dunning Sender"
    _inherit = ["dunning.recheck"]

    @api.model
    def _send_run(self, run):
        """Send what is left to send of `run`; return whether everything was dealt with.

        :raise UserError: when the run is not prepared, or somebody else is sending
        """
        if run.state not in ("prepared", "sending"):
            raise UserError(self.env._("%(run)s cannot be sent: prepare it first.", run=run.name))
        self._start(run)
        tries = last_id = 0
        while True:
            try:
                customers = self._send_next_customers(run, last_id)
                time_left = self._commit(len(customers))
                tries, last_id = 0, max(customers.ids, default=0)
            except (OperationalError, UniqueViolation) as error:
                tries += 1
                if modules.module.current_test or tries > MAX_TRIES:
                    raise
                # The other transaction won; what is left is read anew.
                _logger.info("Sending run %s: trying again after: %s", run.id, error)
                self.env.cr.rollback()
                continue
            if not customers:
                return True
            if not time_left:
                return False

    @api.model
    def _start(self, run):
        self._lock(run)
        if run.state == "sending":
            return
        other = self.env["dunning.run"].search(
            [("company_id", "=", run.company_id.id), ("state", "=", "sending")], limit=1
        )
        if other:
            raise UserError(
                self.env._(
                    "%(run)s is being sent: wait for it, or stop or cancel it first.",
                    run=other.name,
                )
            )
        # sudo: users write neither the state nor the sender of a run
        run.sudo().write({"state": "sending", "stop_requested": False, "user_id": self.env.uid})
        self._commit()

    @api.model
    def _take_over(self, run):
        """Note that the user goes on with a run whose sending somebody has begun."""
        if run.state != "sending":
            return
        self._lock(run)
        if run.user_id != self.env.user:
            # sudo: users do not write who sends a run
            run.sudo().user_id = self.env.user

    @api.model
    def _lock(self, run):
        """Lock the run for this transaction.

        :raise UserError: when somebody else is sending it
        """
        # sudo: the run may be sent by who may read it, its state is not written by users.
        if not run.sudo().try_lock_for_update(allow_referencing=True):
            raise UserError(self.env._("%(run)s is being sent by somebody else.", run=run.name))

    @api.model
    def _commit(self, processed=0, remaining=None):
        """Commit, and return the seconds left to the cron job (infinite outside of one).

        A test rolls back as a whole instead, so there nothing is committed.
        """
        if modules.module.current_test and not self.env.context.get("ir_cron_progress_id"):
            self.env.flush_all()
            return float("inf")
        return self.env["ir.cron"]._commit_progress(processed, remaining=remaining)

    @api.model
    def _send_next_customers(self, run, last_id=0):
        """Send to the next customers, or finish the run when there are none; return them.

        :param last_id: id of the customer before them; when none follows, all are looked through
        """
        self._lock(run)
        run.invalidate_recordset()
        customers = self.env["res.partner"]
        if run.state == "sending" and not run.stop_requested:
            customers = self._next_customers(run, last_id) or self._next_customers(run)
        if customers:
            self._send_customers(run, customers)
        elif run.state == "sending":
            # sudo: users do not write the state of a run
            run.sudo().state = "prepared" if run.stop_requested else "done"
            if run.state == "done":
                self._skip_empty(self._failed_notices(run))
        return customers

    @api.model
    def _next_customers(self, run, last_id=0, limit=BATCH_SIZE):
        """Return the customers after `last_id` with ticked lines that have no notice yet.

        :param limit: how many; None: all
        """
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT partner_id FROM dunning_run_line
                    WHERE run_id = %s AND partner_id > %s AND checked AND notice_id IS NULL
                    ORDER BY partner_id LIMIT %s""",
                run.id,
                last_id,
                limit,
            )
        )
        return self.env["res.partner"].browse(row[0] for row in rows)

    @api.model
    def _send_customers(self, run, customers):
        """Send to some customers; when that fails, to each alone, so one cannot harm the rest.

        Where another transaction has sent to a customer meanwhile, noting a failure of it fails,
        too, and the caller tries again.
        """
        try:
            with self.env.cr.savepoint():
                self._send_batch(run, customers)
        except OperationalError:
            raise
        except Exception as error:
            if len(customers) == 1:
                _logger.warning("Reminder of customer %s failed: %s", customers.id, error)
                self._record_failure(run, customers, error)
                return
            for customer in customers:
                self._send_customers(run, customer)

    @api.model
    def _send_batch(self, run, customers):
        self._release_lines(run, customers)
        self._screen_again(run, customers, True)
        notices = self.env["dunning.draft"]._create_notices(run, self._open_lines(run, customers))
        queued = notices.filtered(lambda notice: notice.state == "queued")
        for (action, _template), same in queued.grouped(
            lambda notice: (notice.action, notice._template())
        ).items():
            getattr(self.env["dunning.action"], f"_send_{action}")(same)
        self.env.flush_all()

    @api.model
    def _open_lines(self, run, customers):
        """Return the ticked lines of `customers` that have no notice yet."""
        return self.env["dunning.run.line"].search(
            Domain("run_id", "=", run.id)
            & Domain("partner_id", "in", customers.ids)
            & Domain("checked", "=", True)
            & Domain("notice_id", "=", False)
        )

    @api.model
    def _record_failure(self, run, customer, error):
        """Note on the customer's notices why nothing was sent, and go on with the others.

        What cannot be noted there is noted on the lines: no run is left half sent for ever.
        """
        try:
            with self.env.cr.savepoint():
                self._release_lines(run, customer)
                self._screen_again(run, customer, True)
                lines = self._open_lines(run, customer)
                notices = self.env["dunning.draft"]._create_notices(run, lines)
                failed = notices.filtered(lambda notice: notice.state == "queued")
                failed.sudo()._fail(str(error))
        except (OperationalError, UniqueViolation):
            raise
        except Exception as worse:
            _logger.warning("The failure of customer %s cannot be noted: %s", customer.id, worse)
            lines = self._open_lines(run, customer)
            lines._write_ticks(False)
            # sudo: what is decided here is the system's part of lines.
            lines.sudo().write({"outcome": "dropped", "skip_reason": str(error)})

    @api.model
    def _retry_failed(self, run):
        """Send the failed notices of `run` again, screened again, and only those.

        :raise UserError: when there are none, or somebody else is sending
        """
        self._lock(run)
        failed = self._failed_notices(run)
        if not failed:
            raise UserError(self.env._("%(run)s has no failed messages.", run=run.name))
        if run.state != "done":
            raise UserError(
                self.env._("%(run)s is not done: finish sending it first.", run=run.name)
            )
        # sudo: what is decided here is the system's part of runs and their lines.
        failed.line_ids.sudo().write({"notice_id": False})
        run.sudo().state = "prepared"
        return self._send_run(run)

    @api.model
    def _failed_notices(self, run):
        return self.env["dunning.notice"].search(
            Domain("run_id", "=", run.id) & Domain("state", "=", "failed")
        )

    @api.model
    def _send_again(self, run, notices):
        """Screen the lines of `notices` again and make them anew; return what came of them.

        :raise UserError: when somebody else is sending
        """
        self._lock(run)
        lines = notices.line_ids
        # sudo: what is decided here is the system's part of runs, lines and notices.
        lines.sudo().write({"notice_id": False})
        notices.sudo().write({"state": "failed"})
        self._send_batch(run, notices.partner_id)
        self._skip_empty(notices)
        return lines.notice_id

    @api.model
    def _skip_empty(self, notices):
        """Note which failed notices have nothing left to remind of."""
        # sudo: users do not write states.
        notices.filtered(lambda n: n.state == "failed" and not n.line_ids).sudo().write(
            {"state": "skipped", "failure_reason": self.env._("Nothing is left to remind of.")}
        )
