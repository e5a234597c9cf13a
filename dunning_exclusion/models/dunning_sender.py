import logging

from psycopg2 import OperationalError

from odoo import api, fields, models, modules
from odoo.exceptions import UserError
from odoo.tools import SQL

from .dunning_statement import Screen

_logger = logging.getLogger(__name__)
# Customers whose messages are made and committed together.
BATCH_SIZE = 20


class DunningSender(models.AbstractModel):
    """Sends runs: a few customers at a time, each screened again and sent in one transaction.

    Whatever happens in between, a ticked line either has its notice (the message and the line are
    committed together) or is still ticked and without one, so sending can start again at any
    moment. The unique index on notices and the lock on the run keep a second sender out.
    """

    _name = "dunning.sender"
    _description = "Dunning Sender"

    @api.model
    def _send_run(self, run):
        run.check_access("write")
        if run.state not in ("prepared", "sending"):
            raise UserError(
                self.env._("Run %(run)s cannot be sent: prepare it first.", run=run.name)
            )
        self._lock(run)
        if run.state != "sending":
            self._start(run)
        while customers := self._next_customers(run):
            self._lock(run)
            self._send_customers(run, customers)
            self._commit(len(customers))
        run.sudo().state = "done"
        self._commit()

    @api.model
    def _start(self, run):
        other = self.env["dunning.run"].search(
            [("company_id", "=", run.company_id.id), ("state", "=", "sending")], limit=1
        )
        if other:
            raise UserError(
                self.env._(
                    "Run %(run)s is being sent: wait for it, or resume or cancel it first.",
                    run=other.name,
                )
            )
        run.sudo().state = "sending"
        self._commit()

    @api.model
    def _lock(self, run):
        """Lock the run for this transaction.

        :raise UserError: when somebody else is sending it
        """
        if not run.sudo().try_lock_for_update(allow_referencing=True):
            raise UserError(self.env._("Run %(run)s is being sent by somebody else.", run=run.name))

    @api.model
    def _commit(self, processed=0):
        """Commit what was done for some customers; a test rolls back as a whole instead."""
        if modules.module.current_test and not self.env.context.get("ir_cron_progress_id"):
            self.env.flush_all()
            return
        self.env["ir.cron"]._commit_progress(processed)

    @api.model
    def _next_customers(self, run):
        """Return the next customers with ticked lines that have no notice yet."""
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT partner_id FROM dunning_run_line
                    WHERE run_id = %s AND checked AND notice_id IS NULL
                    ORDER BY partner_id LIMIT %s""",
                run.id,
                BATCH_SIZE,
            )
        )
        return self.env["res.partner"].browse(row[0] for row in rows)

    @api.model
    def _send_customers(self, run, customers):
        """Send to some customers; when that fails, to each alone, so one cannot harm the rest."""
        try:
            with self.env.cr.savepoint():
                self._send_batch(run, customers)
        except OperationalError:
            raise
        except Exception as error:
            if len(customers) == 1:
                self._record_failure(run, customers, error)
                return
            for customer in customers:
                self._send_customers(run, customer)

    @api.model
    def _send_batch(self, run, customers):
        self._screen_again(run, customers)
        lines = run.line_ids.search(
            [
                ("run_id", "=", run.id),
                ("partner_id", "in", customers.ids),
                ("checked", "=", True),
                ("notice_id", "=", False),
            ]
        )
        groups = lines.grouped(lambda line: (line.partner_id, line.message_key))
        notices = self.env["dunning.notice"]
        for (customer, _key), group in groups.items():
            notices |= self._create_notice(run, customer, group)
        queued = notices.filtered(lambda notice: notice.state == "queued")
        for (action, _template), same in queued.grouped(
            lambda notice: (notice.action, notice._template())
        ).items():
            getattr(self, f"_send_{action}")(same)

    @api.model
    def _screen_again(self, run, customers):
        """Untick the lines that got paid, blocked or otherwise excluded since.

        A person's tick stands against the reasons it was made for, not against new ones.
        """
        self.env.flush_all()
        candidates = self.env["dunning.candidate"]._run_lines_query(run, customers.ids)
        screen = Screen(
            run.company_id,
            run.company_id._dunning_today(),
            owner=("partner", tuple(customers.ids)),
            candidates=candidates,
        )
        self.env.cr.execute(
            SQL(
                """UPDATE dunning_run_line line
                      SET outcome = COALESCE(fresh.outcome, 'dropped'),
                          rule_id = CASE WHEN fresh.outcome IS NULL THEN %(paid)s
                                         ELSE fresh.rule_id END,
                          reason_ids = CASE WHEN fresh.outcome IS NULL
                                            THEN jsonb_build_array(%(paid)s::int)
                                            ELSE fresh.reason_ids END,
                          outstanding = fresh.outstanding, overdue = fresh.overdue,
                          amount_residual = COALESCE(fresh.amount_residual, 0),
                          amount_residual_currency = COALESCE(fresh.amount_residual_currency, 0),
                          checked = line.checked AND COALESCE(
                              fresh.outcome = 'included'
                              OR (fresh.outcome = 'unchecked'
                                  AND line.override_reason_ids @> fresh.reason_ids), FALSE)
                     FROM dunning_run_line own
                     LEFT JOIN (%(screening)s) fresh
                       ON fresh.move_line_id = own.move_line_id
                      AND fresh.level_id IS NOT DISTINCT FROM own.level_id
                    WHERE own.id = line.id AND own.run_id = %(run)s
                      AND own.notice_id IS NULL AND own.partner_id = ANY(%(customers)s)""",
                screening=self.env["dunning.statement"]._query(screen),
                paid=self.env.ref("dunning_exclusion.rule_paid").id,
                run=run.id,
                customers=customers.ids,
            )
        )
        self.env["dunning.run.line"].invalidate_model()

    @api.model
    def _create_notice(self, run, customer, lines):
        """Create the notice of the lines of one message, at the highest level among them."""
        level = lines.level_id.sorted(lambda level: (level.sequence, level.id))[-1:]
        amount = sum(lines.mapped("amount_residual"))
        notice = (
            self.env["dunning.notice"]
            .sudo()
            .create(
                {
                    "run_id": run.id,
                    "company_id": run.company_id.id,
                    "partner_id": customer.id,
                    "level_id": level.id,
                    "type_id": (level.type_id or run.type_id).id,
                    "date": run.company_id._dunning_today(),
                    "action": level.action or "email",
                    "user_id": self.env.uid,
                    "lang": customer.lang or run.company_id.partner_id.lang,
                    "amount": amount,
                    "outstanding": lines[:1].outstanding,
                    "overdue": lines[:1].overdue,
                    "recipient_ids": [
                        fields.Command.set(
                            (customer._dunning_recipients() | level.additional_partner_ids).ids
                        )
                    ],
                }
            )
        )
        lines.sudo().write({"notice_id": notice.id})
        notice.description = notice._describe()
        if run.company_id.currency_id.compare_amounts(amount, 0) <= 0:
            notice.write(
                {"state": "skipped", "failure_reason": self.env._("Nothing is owed in total.")}
            )
        return notice

    @api.model
    def _record_failure(self, run, customer, error):
        """Note on the customer's notice why nothing was sent, and go on with the others."""
        _logger.warning("Reminder of customer %s failed: %s", customer.id, error)
        lines = run.line_ids.search(
            [
                ("run_id", "=", run.id),
                ("partner_id", "=", customer.id),
                ("checked", "=", True),
                ("notice_id", "=", False),
            ]
        )
        for _key, group in lines.grouped("message_key").items():
            notice = self._create_notice(run, customer, group)
            notice.write({"state": "failed", "failure_reason": str(error)})

    # Actions: one method each ---------------------------------------------------------------

    @api.model
    def _send_email(self, notices):
        """Put the e-mails of `notices` into the mail queue."""
        template = notices[:1]._template()
        if not template:
            raise UserError(self.env._("No template: set one on the level or reminder type."))
        without = notices.filtered(lambda notice: not notice.recipient_ids)
        without.write(
            {"state": "failed", "failure_reason": self.env._("No e-mail address to send to.")}
        )
        notices -= without
        if not notices:
            return
        # The recipients are those of the notice, never followers, whatever the template says.
        mails = template.sudo().send_mail_batch(
            notices.ids,
            email_values={"auto_delete": False, "email_to": False, "email_cc": False},
        )
        for notice, mail in zip(notices, mails, strict=True):
            if mail.recipient_ids != notice.recipient_ids:
                mail.recipient_ids = notice.recipient_ids
            notice.mail_id = mail
        self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()

    @api.model
    def _retry_failed(self, run):
        raise NotImplementedError
