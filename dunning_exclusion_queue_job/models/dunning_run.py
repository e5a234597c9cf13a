from psycopg2.errors import UniqueViolation

from odoo import SUPERUSER_ID, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import split_every

from odoo.addons.dunning_exclusion.models.dunning_sender import BATCH_SIZE
from odoo.addons.dunning_exclusion.models.mail_mail import is_broken
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.addons.queue_job.job import ENQUEUED, PENDING, STARTED, identity_exact_hasher

LIVE = [PENDING, ENQUEUED, STARTED]
# Seconds until a job that has to wait for others looks again.
PATIENCE = 5
# E-mails that a job delivers. A slow mail server takes seconds for each, and a worker that works
# longer than its limit (two minutes, if nobody has set it) is killed with the message at work.
DELIVERED_AT_ONCE = 25
# Identity keys of jobs that deliver begin with this and the run.
DELIVERY = "dunning-delivery-"


class DunningRun(models.Model):
    _inherit = "dunning.run"

    def action_send_in_background(self):
        """Override of `dunning_exclusion` to enqueue the jobs at once."""
        result = super().action_send_in_background()
        if self.env["dunning.sender"]._has_runner():
            for run in self:
                run._delay_sending()
        return result

    def _delay_sending(self):
        """Enqueue jobs for all customers that wait for their message, and one that finishes.

        Nothing is enqueued while jobs of the run are waiting or at work.
        """
        self.ensure_one()
        if self._has_jobs():
            return
        sender = self.env["dunning.sender"]
        sender._lock(self)
        waiting = sender._get_waiting_customers(self).ids
        for number, customer_ids in enumerate(split_every(BATCH_SIZE, waiting, list), start=1):
            self.with_delay(
                description=self.env._(
                    "%(run)s: reminders, part %(number)s", run=self.name, number=number
                ),
                identity_key=self._send_identity,
            )._job_send(customer_ids)
        self._delay_finish()

    def _delay_finish(self):
        self.with_delay(
            # after all that send
            priority=20,
            description=self.env._("%(run)s: finish", run=self.name),
            identity_key=f"{self._job_prefix()}finish",
        )._job_finish()

    def _delay_delivery(self, customers):
        """Leave the e-mails that were made for `customers` to a job, instead of the mail queue."""
        if not self.env["mail.mail"]._dunning_may_leave_by_jobs():
            return
        mine = Domain("run_id", "=", self.id) & Domain("partner_id", "in", customers.ids)
        made = Domain("state", "=", "queued") & Domain("mail_id", "!=", False)
        notices = self.env["dunning.notice"].search(mine & made)
        for notice_ids in split_every(DELIVERED_AT_ONCE, notices.ids, list):
            self.with_delay(
                # before the next customers: what was decided leaves while it is right
                priority=5,
                description=self.env._("%(run)s: deliver e-mails", run=self.name),
                identity_key=f"{DELIVERY}{self.id}-{notice_ids[0]}",
            )._job_deliver(notice_ids)

    def _job_prefix(self, kind=""):
        return f"dunning-run-{self.id}-{kind}"

    def _send_identity(self, job):
        return self._job_prefix("send-") + identity_exact_hasher(job).hexdigest()

    def _has_jobs(self, kind=""):
        """Return whether jobs of the run are waiting or at work."""
        # sudo: who may send a run need not read the job queue
        jobs = self.env["queue.job"].sudo()
        mine = [("identity_key", "=like", f"{self._job_prefix(kind)}%"), ("state", "in", LIVE)]
        return bool(jobs.search_count(mine, limit=1))

    # Jobs -----------------------------------------------------------------------------------

    def _job_send(self, customer_ids):
        """Send to some customers, unless the run was stopped, cancelled or sent otherwise."""
        run = self._as_sender()
        sender = run.env["dunning.sender"]
        if not sender._lock_as_job(run):
            raise self._wait()
        if run.state != "sending" or run.stop_requested:
            return
        customers = run.env["res.partner"].browse(customer_ids)
        # Those that another sender has dealt with meanwhile have no open lines any more.
        if waiting := sender._get_open_lines(run, customers).partner_id:
            self._retry_conflicts(sender._send_customers, run, waiting)
            run._delay_delivery(waiting)

    def _job_deliver(self, notice_ids):
        """Let the e-mails of some notices leave, as the mail queue does it."""
        # sudo: who sends the reminders need not be one who works with the mail queue
        ids = self.env["dunning.notice"].sudo().browse(notice_ids).exists().mail_id.ids
        if not ids or not self.env["mail.mail"]._dunning_may_leave_by_jobs():
            return
        # The mail queue commits each e-mail that has left, which a job may not do.
        with self.env.registry.cursor() as cr:
            # Odoo looks for them among ten thousand waiting e-mails, unless it is told.
            only = {"filters": [("id", "in", ids)]}
            queue = self.env(cr=cr, user=SUPERUSER_ID, context=only)["mail.mail"]
            queue.process_email_queue(ids)
            if is_broken(cr):
                # Odoo has logged the error, and what left was committed one by one.
                cr.rollback()
            waiting = [
                ("id", "in", ids),
                ("state", "=", "outgoing"),
                ("scheduled_date", "=", False),
            ]
            left = queue.search_count(waiting, limit=1)
        if left:
            raise RetryableJobError(
                self.env._("E-mails of %(run)s have not left yet.", run=self.name)
            )

    def _job_finish(self):
        """Finish the run when its other jobs are over; send what they have left behind."""
        run = self._as_sender()
        if run.state != "sending":
            return
        if run._has_jobs("send-"):
            raise self._wait()
        try:
            left = self._retry_conflicts(run.env["dunning.sender"]._send_next_customers, run, [])
        except UserError as error:
            raise self._wait() from error
        if left:
            run._delay_delivery(left)
            run._delay_finish()
        elif run.automatic and run.state == "done":
            run.env["dunning.automation"]._report_run(run)

    def _wait(self):
        """Return the exception upon which a job is tried again later, any number of times."""
        return RetryableJobError(
            self.env._("Another job of %(run)s is at work.", run=self.name),
            seconds=PATIENCE,
            ignore_retry=True,
        )

    def _retry_conflicts(self, send, *args):
        """Return `send(*args)`; when another transaction has won, the job is tried again."""
        try:
            return send(*args)
        except UniqueViolation as error:
            raise RetryableJobError(str(error)) from error
