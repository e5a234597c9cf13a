import logging
from datetime import timedelta

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Command, Domain
from odoo.tools import split_every

from .arguments import check_one, without_context
from .dunning_sender import BATCH_SIZE
from .isolation import administrators, in_language_of, isolated, tell

_logger = logging.getLogger(__name__)


class DunningAutomation(models.AbstractModel):
    """The nightly job: sends the automatic scenarios of every company that switched it on.

    Once a day and company; what was interrupted goes on at the next call.
    """

    _name = "dunning.automation"
    _description = "Automatic Reminders"

    def _send_all_companies(self):
        """Send what is due in each company, until the time of the job is over."""
        companies = self.env["res.company"].search([("dunning_automatic_sending", "=", True)])
        job = self.env._("Automatic sending")
        for company in companies:
            goes_on = True
            with isolated(company, job):
                self._clean_up(company)
            # The server calls the job again as long as it says that work is left.
            with isolated(company, job, commits=True, once_a_day=True):
                goes_on = self._send_company(company)
            if not goes_on:
                return

    def _send_company(self, company):
        """Send what is due in `company` today; return False when the job's time is over."""
        for run in self._get_unfinished_runs(company):
            if not self._send(run):
                return False
        today = company._dunning_today()
        of_today = [("company_id", "=", company.id), ("automatic", "=", True), ("date", "=", today)]
        if self.env["dunning.run"].search_count(of_today, limit=1):
            return True
        if obstacle := self._get_obstacle(company):
            subject = self.env._("%(company)s: no reminders were sent", company=company.name)
            tell(company, subject, obstacle, once_a_day=True)
            # Otherwise the rollback for a company that fails later would undo the message, too.
            self.env["dunning.sender"]._commit()
            return True
        run = self._prepare_run(company, today)
        self.env["dunning.sender"]._commit(remaining=run.customer_count)
        return not run or self._send(run)

    def _get_unfinished_runs(self, company):
        """Return the automatic runs to go on with; cancel those that were to begin before today."""
        runs = self.env["dunning.run"].search(
            Domain("company_id", "=", company.id)
            & Domain("automatic", "=", True)
            & Domain("state", "in", ["draft", "prepared", "sending"])
            & Domain("stop_requested", "=", False)
        )
        today = company._dunning_today()
        old = runs.filtered(lambda run: run.state != "sending" and run.date != today)
        old.write({"state": "cancelled"})
        return runs - old

    def _prepare_run(self, company, today):
        """Return the prepared run of today's automatic scenarios, or none when there are none."""
        scenarios = self.env["dunning.scenario"].search(
            Domain("company_id", "in", [False, company.id]) & Domain("automatic", "=", True)
        )
        Run = self.env["dunning.run"].with_company(company)
        if not scenarios:
            return Run
        chosen = [Command.set(scenarios.ids)]
        run = Run.create(
            {"company_id": company.id, "date": today, "automatic": True, "scenario_ids": chosen}
        )
        run.action_prepare()
        return run

    def _send(self, run):
        """Send `run`, unless it cannot be sent now; return False when the job's time is over."""
        run = run.with_env(self.env)._as_sender()
        try:
            done = run.env["dunning.sender"]._send_run(run)
        except UserError as error:
            _logger.info("Run %s is not sent now: %s", run.id, error)
            return True
        if done and run.automatic and run.state == "done":
            self._report_run(run)
        return done

    # What keeps the job from sending --------------------------------------------------------

    def _get_obstacle(self, company):
        """Return why nothing may be sent automatically in `company` today, or None."""
        if broken := self.env["dunning.exclusion.rule"]._broken_in(company):
            return self.env._(
                "These exclusion rules have a fault: %(rules)s. Correct them or switch them off, "
                "then automatic sending goes on.",
                rules=", ".join(broken.mapped("name")),
            )
        if broken := self.env["dunning.scenario"]._broken_in(company):
            return self.env._(
                "These scenarios have a fault: %(scenarios)s. Correct them or switch them off, "
                "then automatic sending goes on.",
                scenarios=", ".join(broken.mapped("name")),
            )
        days = company.dunning_freshness_days
        if days and (stale := self._get_stale_journals(company, days)):
            return self.env._(
                "The bank transactions are too old: %(journals)s. Import the bank statements, then "
                "automatic sending goes on. Maximum age in days: %(days)s.",
                days=days,
                journals=", ".join(stale.mapped("name")),
            )
        return None

    def _get_stale_journals(self, company, days):
        """Return the bank journals whose newest statement line is older than `days` days.

        A journal without statement lines is passed over, unless no journal has any. A branch uses
        the journals of its parents, too.
        """
        journals = self.env["account.journal"].search(
            Domain("company_id", "in", company.parent_ids.ids) & Domain("type", "=", "bank")
        )
        newest = dict(
            self.env["account.bank.statement.line"]._read_group(
                Domain("journal_id", "in", journals.ids), ["journal_id"], ["date:max"]
            )
        )
        limit = company._dunning_today() - timedelta(days=days)
        return journals.filtered(
            lambda journal: newest[journal] < limit if journal in newest else not newest
        )

    # When a run is over ---------------------------------------------------------------------

    def _report_run(self, run):
        """Send the administrators the summary of an automatic run."""
        excluded = [("run_id", "=", run.id), ("rule_id", "!=", False)]
        reasons = self.env["dunning.run.line"]._read_group(
            excluded, ["rule_id"], ["item_count:sum", "amount_residual:sum"]
        )
        summary = {"run": run, "reasons": reasons}
        run.message_notify(
            partner_ids=administrators(run.company_id).ids,
            subject=self.env._("Reminders sent: %(run)s", run=run.name),
            body=self.env["ir.qweb"]._render("dunning_exclusion.run_summary", summary),
        )
        self.env["dunning.sender"]._commit()

    def _clean_up(self, company):
        """Delete the lines of old automatic runs that were not sent."""
        if not company.dunning_cleanup_days:
            return
        limit = company._dunning_today() - timedelta(days=company.dunning_cleanup_days)
        old = self.env["dunning.run"].search(
            Domain("company_id", "=", company.id)
            & Domain("automatic", "=", True)
            & Domain("state", "in", ["done", "cancelled"])
            & Domain("date", "<", limit)
        )
        self.env["dunning.run.line"]._delete_unsent(old.ids)


class DunningRun(models.Model):
    """The buttons that send a run, and the scheduled actions that go on with it."""

    _inherit = "dunning.run"

    def action_send(self):
        """Send the ticked lines: one message per customer, screened again just before.

        May be called again after an interruption: it goes on where it stopped.

        :raise UserError: when the run is not prepared, or another run is being sent
        """
        self = without_context(self)
        for run in self:
            run.check_access("write")
            self.env["dunning.sender"]._send_run(run)
        return True

    def action_send_in_background(self):
        """Leave the sending to the server: the page can be left, the progress is shown."""
        self = without_context(self)
        self.check_access("write")
        for run in self:
            if run.state not in ("prepared", "sending"):
                raise UserError(
                    self.env._("%(run)s cannot be sent: prepare it first.", run=run.name)
                )
            self.env["dunning.sender"]._mark_sending(run)
        # sudo: users may not start jobs
        self.env.ref("dunning_exclusion.cron_send_runs").sudo()._trigger()
        return True

    def _as_sender(self):
        """Return the run as its sender, or the job if that one was archived, with all rights."""
        self.ensure_one()
        run = self.with_company(self.company_id)
        # sudo: what is read of a user here is no secret
        sender = self.sudo().user_id
        if not sender.active or sender == self.env.user:
            return run
        # sudo: sending writes notices and lines, which users do not write
        return in_language_of(run.with_user(sender), sender).sudo()

    def action_stop(self):
        """Stop sending after the customers that are at work; it can be resumed later."""
        self = without_context(self)
        self.check_access("write")
        for run in self.filtered(lambda run: run.state == "sending"):
            # sudo: users do not write the state of a run
            run.sudo().stop_requested = True
        # sudo: users may not start jobs
        self.env.ref("dunning_exclusion.cron_send_runs").sudo()._trigger()
        return True

    def action_retry_failed(self):
        """Try the failed notices of the run again, and only those.

        :raise UserError: when nothing failed, or the run is not done
        """
        self = without_context(self)
        for run in self:
            run.check_access("write")
            self.env["dunning.sender"]._retry_failed(run)
        return True

    @api.model
    def _cron_send_automatic(self):
        """Prepare and send the automatic scenarios of every company that wants it, once a day."""
        # sudo: the job sends for every company, whoever starts it.
        self.env["dunning.automation"].sudo()._send_all_companies()

    @api.model
    def _cron_send_runs(self):
        """Go on with the runs that somebody started to send."""
        # sudo: the job sends for every company, whoever starts it.
        for run in self.sudo().search([("state", "=", "sending")]):
            goes_on = True
            job = self.env._("Sending %(run)s", run=run.name)
            with isolated(run.company_id, job, commits=True):
                goes_on = run.env["dunning.automation"]._send(run)
            if not goes_on:
                return


class DunningRunLine(models.Model):
    """The button that shows the message before it is sent."""

    _inherit = "dunning.run.line"

    def action_preview(self):
        """Show the message that the ticked lines of this customer would make.

        When none of them is ticked, all its listed lines are taken.
        """
        line = without_context(self)[:1]
        check_one(line)
        if line.notice_id:
            return line.notice_id.action_open_message()
        line._check_message_open()
        subject, body = line._make_preview()
        # sudo: users read previews, only the system makes them. The user stays their creator.
        preview = line.env["dunning.preview"].sudo().create({"subject": subject, "body": body})
        return preview._get_records_action(name=line.partner_id.display_name, target="new")

    def _make_preview(self):
        """Return subject and body of the message that the line goes into."""
        listed = self.search(
            Domain("run_id", "=", self.run_id.id)
            & Domain("partner_id", "=", self.partner_id.id)
            & Domain("scenario_id", "=", self.scenario_id.id)
            & Domain("outcome", "!=", "dropped")
        )
        key = (self._get_message_keys() or [self.message_key])[0]
        listed = listed.filtered(lambda line: key in line._get_message_keys())
        lines = listed.filtered("checked") or listed or self
        return self.env["dunning.sender"]._preview(self.run_id, lines, key)


class DunningNotice(models.Model):
    """The button that prints letters: those that wait are screened again and sent by it."""

    _inherit = "dunning.notice"

    def action_print(self):
        """Print the letters into one PDF; queued letters are screened again and sent by it.

        :raise UserError: when there is nothing to print
        """
        self = without_context(self)
        queued = self._filter_waiting_letters()
        letters = (self - queued) | queued._screen_letters()
        letters = letters.filtered(lambda notice: notice.line_ids and notice.state != "skipped")
        # In the order of the list; letters that were made anew with another id come last.
        places = {notice_id: place for place, notice_id in enumerate(self.ids)}
        letters = letters.sorted(lambda notice: places.get(notice.id, len(places)))
        if letters:
            for some in letters._filter_waiting_letters()._in_batches():
                some._send_by_hand()
            return self.env.ref("dunning_exclusion.action_report_notice").report_action(letters)
        if not queued:
            raise UserError(
                self.env._("None of the chosen reminders has items: there is nothing to print.")
            )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "message": self.env._(
                    "Nothing is printed: the items were paid or held back in the meantime, or "
                    "their reminder level sends e-mails now."
                ),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _filter_waiting_letters(self):
        return self.filtered(lambda notice: notice.action == "letter" and notice.state == "queued")

    def _in_batches(self):
        """Yield the messages of so many customers at a time, and forget what was read of them.

        There may be thousands. What one customer gets is decided, and told, together.
        """
        by_customer = self.grouped("partner_id")
        for some in split_every(BATCH_SIZE, by_customer.values(), list):
            yield self.browse().concat(*some)
            self.env.invalidate_all()

    def _screen_letters(self):
        """Make queued letters anew from what is still to be reminded of; return those left.

        Letters may wait for days until somebody prints them: nobody gets one that is no longer
        right. What nothing is left of becomes `skipped`.
        """
        letters = self.browse()
        for run, waiting in self.grouped("run_id").items():
            # Who may send runs may also print their letters.
            run.check_access("write")
            for some in waiting._in_batches():
                letters |= self.env["dunning.sender"]._send_again(run, some)
        return letters.filtered(lambda notice: notice.action == "letter")
