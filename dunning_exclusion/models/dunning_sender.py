import logging

from psycopg2 import OperationalError
from psycopg2.errors import UniqueViolation

from odoo import models, modules
from odoo.exceptions import UserError
from odoo.fields import Command, Domain
from odoo.tools import SQL, format_date

from ..report.message import check_template, describe
from ..screening.domains import usable_lang
from .dunning_recheck import is_message_owed, release_lines, reopen, screen_again

_logger = logging.getLogger(__name__)
# Customers whose messages are made and committed together. The more there are, the less it costs to
# screen them again; the fewer, the less is done twice after a conflict.
BATCH_SIZE = 100
# How often a batch is tried again after a conflict with another transaction.
MAX_TRIES = 5


class DunningSender(models.AbstractModel):
    """Sends runs: a batch of customers at a time, each screened again and sent in one transaction.

    How it works: a ticked line without notice is still to be sent. The notice, its message in the
    mail queue and its mark on the line are committed together, so sending can be killed at any
    moment and started again. The lock on the run keeps a second sender out, and so do the unique
    indexes on notices and runs, whatever the code does.

    Other addons that send in another way override `_send_run`, `_lock` and `_commit`.
    """

    _name = "dunning.sender"
    _description = "Sender of Reminders"

    def _send_run(self, run):
        """Send what is left to send of `run`; return False when the time of the job is over.

        :raise UserError: when the run is not prepared, or somebody else is sending
        """
        if run.state not in ("prepared", "sending"):
            raise UserError(self.env._("%(run)s cannot be sent: prepare it first.", run=run.name))
        self._mark_sending(run)
        tries, waiting = 0, []
        while True:
            try:
                customers = self._send_next_customers(run, waiting)
                time_left = self._commit(len(customers))
                tries, waiting = 0, waiting[len(customers) :]
            except (OperationalError, UniqueViolation) as error:
                tries += 1
                if tries > MAX_TRIES:
                    raise
                # Another transaction was faster: what is left to send is read again.
                _logger.info("Sending run %s: trying again after: %s", run.id, error)
                self.env.cr.rollback()
                waiting.clear()
                continue
            if not customers:
                return True
            if not time_left:
                return False

    def _mark_sending(self, run):
        """Note that the user sends `run`, and commit it.

        :raise UserError: when another run of the company is being sent
        """
        self._lock(run)
        if run.state == "sending":
            # A person may go on with what somebody else began. The scheduled action, which has
            # the rights of the system, goes on for the one who began.
            if not self.env.su and run.user_id != self.env.user:
                # sudo: users do not write who sends a run
                run.sudo().user_id = self.env.user
            return
        other = run.search(
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
        # Each customer is looked at again before it is sent anything: what stood against these
        # lines may have gone.
        aside = "UPDATE dunning_run_line SET checked = TRUE WHERE run_id = %s AND set_aside"
        self.env.cr.execute(SQL(aside, run.id))
        self.env["dunning.run.line"].invalidate_model(["checked"])
        self._commit()

    def _lock(self, run):
        """Lock the run for this transaction.

        :raise UserError: when somebody else is sending it
        """
        # sudo: to lock a run changes nothing, so it takes no right to write it
        if not run.sudo().try_lock_for_update(allow_referencing=True):
            raise UserError(self.env._("%(run)s is being sent by somebody else.", run=run.name))

    def _commit(self, processed=0, remaining=None):
        """Commit, and return the seconds left to the scheduled action (infinite outside of one).

        Odoo forbids tests to commit, unless they run a scheduled action as the server does.
        """
        if modules.module.current_test and not self.env.context.get("ir_cron_progress_id"):
            self.env.flush_all()
            return float("inf")
        return self.env["ir.cron"]._commit_progress(processed, remaining=remaining)

    def _send_next_customers(self, run, waiting):
        """Send to the next customers, or finish the run when there are none; return them.

        :param waiting: ids of the customers who wait; filled here when it is empty, as reading the
            lines of the run for each batch would take longer
        """
        self._lock(run)
        run.invalidate_recordset()
        customers = self.env["res.partner"]
        if run.state == "sending" and not run.stop_requested:
            if not waiting:
                waiting += self._get_waiting_customers(run).ids
            customers = customers.browse(waiting[:BATCH_SIZE])
        if customers:
            self._send_customers(run, customers)
        elif run.state == "sending":
            # sudo: users do not write the state of a run
            run.sudo().state = "prepared" if run.stop_requested else "done"
            if run.state == "done":
                self._skip_empty(self._get_failed_notices(run))
                aside = [("run_id", "=", run.id), ("set_aside", "=", True)]
                # sudo: users do not write what the system has unticked
                self.env["dunning.run.line"].sudo().search(aside).set_aside = False
        return customers

    def _get_waiting_customers(self, run):
        """Return the customers with ticked lines that have no notice yet."""
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT partner_id FROM dunning_run_line
                    WHERE run_id = %s AND partner_id IS NOT NULL AND checked AND notice_id IS NULL
                    ORDER BY partner_id""",
                run.id,
            )
        )
        return self.env["res.partner"].browse(row[0] for row in rows)

    def _send_customers(self, run, customers):
        """Send to some customers; when that fails, to each alone, so one cannot harm the rest.

        A conflict with another transaction is raised: the caller tries again.
        """
        try:
            with self.env.cr.savepoint():
                self._send_batch(run, customers)
        except OperationalError:
            raise
        # Any error of one customer, of a template or of another addon: the others get theirs.
        except Exception as error:
            if len(customers) == 1:
                _logger.warning("Reminder of customer %s failed: %s", customers.id, error)
                self._record_failure(run, customers, error)
                return
            for customer in customers:
                self._send_customers(run, customer)

    def _send_batch(self, run, customers):
        """Screen the lines of some customers again, send what is left of them; return notices."""
        notices = self._make_notices(run, customers)
        alike = notices.grouped(lambda notice: (notice.action, notice._get_template()))
        for (action, _template), same in alike.items():
            getattr(self.env["dunning.action"], f"_send_{action}")(same)
        self.env.flush_all()
        return notices

    def _get_open_lines(self, run, customers):
        """Return the ticked lines of `customers` that have no notice yet."""
        ticked = Domain("checked", "=", True) & Domain("notice_id", "=", False)
        mine = Domain("run_id", "=", run.id) & Domain("partner_id", "in", customers.ids)
        return self.env["dunning.run.line"].search(mine & ticked)

    def _record_failure(self, run, customer, error):
        """Note on the customer's notices, or else on its lines, why nothing was sent."""
        try:
            with self.env.cr.savepoint():
                self._make_notices(run, customer)._fail(str(error))
        except (OperationalError, UniqueViolation):
            raise
        # The same error may keep the notice from being made. Then the lines are unticked and say
        # why: left ticked, they would be tried for ever.
        except Exception as worse:
            _logger.warning("The failure of customer %s cannot be noted: %s", customer.id, worse)
            self._leave_out(self._get_open_lines(run, customer), str(error))

    def _leave_out(self, lines, reason):
        """Untick lines that are not sent, and note why."""
        lines._write_ticks(False)
        # sudo: users do not write outcomes
        lines.sudo().write({"outcome": "dropped", "skip_reason": reason})

    # Once more ------------------------------------------------------------------------------

    def _retry_failed(self, run):
        """Send the failed notices of `run` again, screened again, and only those.

        :raise UserError: when there are none, or somebody else is sending
        """
        self._lock(run)
        failed = self._get_failed_notices(run)
        if not failed:
            raise UserError(self.env._("%(run)s has no failed messages.", run=run.name))
        if run.state != "done":
            raise UserError(
                self.env._("%(run)s is not done: finish sending it first.", run=run.name)
            )
        # sudo: users write neither lines nor notices
        reopen(failed.sudo())
        # sudo: users do not write the state of a run
        run.sudo().state = "prepared"
        return self._send_run(run)

    def _get_failed_notices(self, run):
        failed = [("run_id", "=", run.id), ("state", "=", "failed")]
        return self.env["dunning.notice"].search(failed)

    def _send_again(self, run, notices):
        """Screen the lines of `notices` again and make them anew; return what came of them.

        :raise UserError: when somebody else is sending
        """
        self._lock(run)
        lines = notices.line_ids
        # sudo: users write neither lines nor notices
        failed = notices.sudo()
        reopen(failed)
        failed.state = "failed"
        made = self._send_batch(run, notices.partner_id)
        self._skip_empty(notices)
        return made.filtered(lambda notice: notice.line_ids & lines)

    def _skip_empty(self, notices):
        """Note which failed notices have nothing left to remind of."""
        empty = notices.filtered(lambda n: n.state == "failed" and not n.line_ids)
        # sudo: users do not write states.
        empty.sudo()._withdraw(self.env._("No items are left to remind."))

    # Making notices -------------------------------------------------------------------------

    def _make_notices(self, run, customers):
        """Return the notices of what is still to be sent to `customers`, screened again."""
        release_lines(run, customers)
        screen_again(run, customers, sending=True)
        lines = self._get_open_lines(run, customers)
        messages = self._group_messages(lines)
        messages = {key: part for key, part in messages.items() if is_message_owed(part)}
        if empty := lines - lines.browse().union(*messages.values()):
            self._leave_out(empty, self.env._("Nothing is owed in total."))
        notices = self._create_notices(run, messages)
        self._replace_older(notices)
        return notices

    def _group_messages(self, lines):
        """Return {(customer, message key): lines} of the messages that `lines` go into."""
        messages = {}
        for line in lines:
            for key in line._get_message_keys():
                messages.setdefault((line.partner_id, key), []).append(line.id)
        # What one message reads of customers and invoices is read for all messages.
        return {key: lines.browse(ids).with_prefetch(lines.ids) for key, ids in messages.items()}

    def _create_notices(self, run, messages):
        """Create a notice for each of `messages`, see `_group_messages`.

        A notice of such a message that did not leave is written anew.
        """
        # sudo: users read notices, only sending writes them.
        Notice = self.env["dunning.notice"].sudo()
        Notice = Notice.with_context(tracking_disable=True, mail_create_nosubscribe=True)
        customers = self.env["res.partner"].union(*(customer for customer, _key in messages))
        not_left = Notice.search(
            Domain("run_id", "=", run.id)
            & Domain("state", "in", ["failed", "skipped"])
            & Domain("partner_id", "in", customers.ids)
        ).grouped(lambda notice: (notice.partner_id, notice.message_key))
        recipients = customers._dunning_recipients_by_customer()
        company, today = run.company_id, run.company_id._dunning_today()
        owed = self.env["dunning.screening"]._count_open(customers.ids, company, today)
        notices, new = {}, {}
        for key, lines in messages.items():
            vals = self._prepare_notice_vals(run, key[1], lines, recipients, owed)
            # Customers that were merged can have two: one is made anew.
            if notice := not_left.get(key, Notice)[-1:]:
                notice._withdraw(self.env._("Replaced by a new one."))
                notice.write({**vals, "mail_id": False, "kept_body": False})
                notices[key] = notice
            else:
                new[key] = vals
        notices.update(zip(new, Notice.create(list(new.values())), strict=True))
        for key, lines in messages.items():
            waiting = lines.filtered(lambda line: not line.notice_id)
            # sudo: users write nothing of a line but its tick
            waiting.sudo().write({"notice_id": notices[key].id})
        return Notice.concat(*notices.values())

    def _replace_older(self, notices):
        """Let notices replace those that say the same of an item and did not leave."""
        old = notices.search(
            [("state", "=", "failed"), ("partner_id", "in", notices.partner_id.ids)]
        )
        said = {what for notice in old and notices for what in notice._get_said()}
        replaced = old.filtered(lambda notice: not said.isdisjoint(notice._get_said()))
        day = format_date(self.env, notices[:1].date)
        replaced._withdraw(self.env._("Replaced by the reminder of %(date)s.", date=day))

    def _prepare_notice_vals(self, run, key, lines, recipients, owed):
        """Return the values of the notice of one message, at the highest level of its lines.

        :param key: the message key: the id of the action, where a workflow has several
        :param recipients: {customer: who gets its reminders}
        :param owed: {customer id: what is open of it}, see `dunning.screening._count_open`
        """
        customer = lines.partner_id
        open_items = owed.get(customer.id, {"count": 0, "currency_id": None})
        in_currency = open_items["currency_id"]
        level = lines.level_id.sorted(lambda level: level._get_place())[-1:]
        if any(line.action_ids for line in lines):
            level = level.browse(key)
        contacts = recipients[customer] | level.additional_partner_ids
        return {
            "run_id": run.id,
            "company_id": run.company_id.id,
            "partner_id": customer.id,
            "level_id": level.id,
            "message_key": key,
            "type_id": (level.type_id or run.type_id).id,
            "date": run.company_id._dunning_today(),
            "action": level.action or "email",
            # What is made anew after the run, as letters are, is sent by who does that.
            "user_id": run.state == "sending" and run.user_id.id or self.env.uid,
            "lang": usable_lang(self.env, customer.lang, run.company_id.partner_id.lang),
            "state": "queued",
            "failure_reason": False,
            "description": describe(lines, level),
            "amount": sum(lines.mapped("amount_residual")),
            "outstanding": lines[:1].outstanding,
            "overdue": lines[:1].overdue,
            "open_currency_id": in_currency,
            "outstanding_currency": open_items["outstanding"] if in_currency else 0,
            "overdue_currency": open_items["overdue"] if in_currency else 0,
            "unlisted_count": max(open_items["count"] - len(lines), 0),
            "recipient_ids": [Command.set(contacts.ids)],
            "line_ids": [Command.set(lines.ids)],
        }

    def _preview(self, run, lines, key=None):
        """Return (subject, body) of the message that `lines` would make, without sending it.

        The message is made as it is when it is sent, with the amounts of now, and undone again.

        :param lines: lines of one customer and scenario
        :param key: the key of the message, where they go into several; None: the first one
        """
        if key is None:
            key = (lines[:1]._get_message_keys() or [lines[:1].message_key])[0]
        lines = lines.filtered(lambda line: key in line._get_message_keys()) or lines
        with self.env.cr.savepoint() as savepoint:
            # sudo: what a preview writes is undone
            reopen(lines.notice_ids.sudo().filtered(lambda notice: notice.message_key == key))
            screen_again(run, lines.partner_id)
            notice = self._create_notices(run, {(lines.partner_id, key): lines})
            check_template(notice)
            rendered = notice._render_message(framed=True)[notice]
            savepoint.rollback()
        return rendered["subject"], rendered["body_html"]
