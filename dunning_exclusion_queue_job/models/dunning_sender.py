from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL, config

# In the context with the value YES a run is sent by jobs; who waits for it sends it without them.
BY_JOBS = "dunning_by_jobs"
# An object that no client can send.
YES = object()
# The first key of PostgreSQL's advisory locks on runs; the second one is the run.
LOCK_SPACE = 1685417582


class DunningSender(models.AbstractModel):
    """Sends runs by jobs, each for some customers, on as many workers as there are.

    How it works: jobs of one run share an advisory lock on it, so they work side by side, while
    who sends the whole run needs the lock alone. What a job sends is committed together with the
    job's state. Should two jobs ever meet at one customer, the second one fails on the lines or on
    the unique index of the notices, is tried again, and finds nothing left to send.
    """

    _inherit = "dunning.sender"

    @api.model
    def _has_runner(self):
        """Return whether this server runs jobs: without its runner they would wait for ever."""
        return "queue_job" in config["server_wide_modules"]

    @api.model
    def _send_run(self, run):
        """Override of `dunning_exclusion` to leave to jobs what nobody waits for."""
        if (
            self.env.context.get(BY_JOBS) is not YES
            or run.state not in ("prepared", "sending")
            or run.stop_requested
        ):
            return super()._send_run(run)
        self._mark_sending(run)
        run._delay_sending()
        return True

    @api.model
    def _lock(self, run):
        """Override of `dunning_exclusion` to keep out while jobs of the run are at work."""
        result = super()._lock(run)
        if not self._try_advisory_lock(SQL("pg_try_advisory_xact_lock"), run):
            raise UserError(self.env._("%(run)s is being sent by jobs.", run=run.name))
        return result

    @api.model
    def _lock_as_job(self, run):
        """Lock the run together with its other jobs; return False while somebody has it alone."""
        return self._try_advisory_lock(SQL("pg_try_advisory_xact_lock_shared"), run)

    @api.model
    def _try_advisory_lock(self, function, run):
        rows = self.env.execute_query(SQL("SELECT %s(%s, %s)", function, LOCK_SPACE, run.id))
        return rows[0][0]

    @api.model
    def _commit(self, processed=0, remaining=None):
        """Override of `dunning_exclusion` to leave the commit of a job to its runner.

        No client gets here with this key: buttons forget the context of the client.
        """
        if self.env.context.get("job_uuid"):
            self.env.flush_all()
            return float("inf")
        return super()._commit(processed, remaining)
