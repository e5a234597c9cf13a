from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from .dunning_run import DELIVERY, LIVE

# Jobs that have waited longer than this are not counted on.
DELIVERY_TAKES = timedelta(hours=2)


class MailMail(models.Model):
    _inherit = "mail.mail"

    @api.model
    def process_email_queue(self, email_ids=(), batch_size=1000):
        """Override of `mail` to leave to jobs the e-mails that they are about to deliver.

        What a job could not deliver leaves with the queue, when the other jobs of its run are over.
        """
        run_ids = [] if email_ids else self._dunning_delivered_run_ids()
        if run_ids:
            theirs = "SELECT FROM dunning_notice WHERE mail_id = %s AND run_id = ANY(%s)"
            others = Domain.custom(
                to_sql=lambda _mails, alias, _query: SQL(
                    "NOT EXISTS (%s)", SQL(theirs, SQL.identifier(alias, "id"), run_ids)
                )
            )
            # Odoo has set when some of them leave, and calls the queue then.
            others |= Domain("scheduled_date", "!=", False)
            self = self.with_context(filters=[*self.env.context.get("filters", []), others])
        return super().process_email_queue(email_ids, batch_size)

    @api.model
    def _dunning_delivered_run_ids(self):
        """Return the ids of the runs whose e-mails jobs are about to deliver.

        E-mails do not wait for ever for a job runner that is gone.
        """
        # sudo: who works with the mail queue need not read the job queue
        jobs = self.env["queue.job"].sudo()
        long_ago = fields.Datetime.now() - DELIVERY_TAKES
        mine = [
            *(("identity_key", "=like", f"{DELIVERY}%"), ("state", "in", LIVE)),
            ("date_created", ">", long_ago),
        ]
        keys = jobs.search_fetch(mine, ["identity_key"]).mapped("identity_key")
        return sorted({int(key.removeprefix(DELIVERY).split("-")[0]) for key in keys})

    @api.model
    def _dunning_may_leave_by_jobs(self):
        """Return whether nobody has stopped the mail queue or set how fast it sends."""
        # sudo: how the mail queue works is no secret
        queue = self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()
        return queue.active and not self._dunning_batch_size()
