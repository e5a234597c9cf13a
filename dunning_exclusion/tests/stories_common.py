from collections import Counter
from contextlib import contextmanager, nullcontext
from datetime import datetime, time, timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.fields import Command
from odoo.tools import mute_logger

from odoo.addons.mail.tests.common import MailCase

from .scenario_common import ScenarioCommon


class StoryCommon(ScenarioCommon, MailCase):
    """Days that pass, nights on which the job sends, and a mail server that may be down."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.company"].search([]).dunning_automatic_sending = False

    def _on(self, day, hour=12):
        """Let it be `day` days from today for as long as the block lasts."""
        return freeze_time(datetime.combine(self.today + timedelta(days=day), time(hour)))

    def _queued_mails(self):
        # sudo: as the job of the mail queue, whoever made the mails
        return (
            self.env["mail.mail"]
            .sudo()
            .search([("model", "=", "dunning.notice"), ("state", "=", "outgoing")])
        )

    def _deliver(self):
        """Let the mail queue send; return how many messages each address got."""
        with self.mock_mail_gateway():
            self._queued_mails().send()
        return Counter(address for mail in self._mails for address in mail["email_to"])

    @contextmanager
    def _mail_server_down(self):
        def refuse(*_args, **_kwargs):
            raise OSError("The mail server is down")

        server = type(self.env["ir.mail_server"])
        with (
            mute_logger("odoo.addons.mail.models.mail_mail"),
            self.mock_mail_gateway(),
            patch.object(server, "send_email", refuse),
        ):
            yield

    def _deliver_in_vain(self):
        with self._mail_server_down():
            self._queued_mails().send()

    def _failed(self, day=0):
        """Send the list of a day, while the mail server is down; return its run."""
        with self._on(day) if day else nullcontext():
            run = self._create_run()
            run.action_send()
            self._deliver_in_vain()
        self.assertEqual(set(run.notice_ids.mapped("state")), {"failed"})
        return run

    def _nights_in_vain(self, count):
        """Let the job send on each of the next nights, while the mail server is down."""
        for day in range(count):
            with self._on(day):
                self._job()
                self._deliver_in_vain()

    def _retry_failed_mails(self):
        """Do what an administrator does when the server is back: retry all mails that failed."""
        self.env["mail.mail"].search(
            [("model", "=", "dunning.notice"), ("state", "=", "exception")]
        ).action_retry()

    def _job(self):
        self.company.dunning_automatic_sending = True
        self.env["dunning.run"]._cron_send_automatic()

    def _list_by_criteria(self, items=None, **values):
        domain = [("id", "in", items.ids)] if items else []
        return self._create_run(
            mode="criteria", type_id=self.type_overdue.id, criteria_domain=str(domain), **values
        )

    def _list_of(self, scenario, **values):
        return self._create_run(scenario_ids=[Command.set(scenario.ids)], **values)

    def _second_scenario(self, **values):
        return self.env["dunning.scenario"].create(
            {
                "name": "Second",
                "sequence": 20,
                "company_id": self.company.id,
                "level_ids": [
                    Command.create(
                        {"name": "Other level", "delay": 1, "type_id": self.type_overdue.id}
                    )
                ],
                **values,
            }
        )

    def _notices(self, *states):
        return self.env["dunning.notice"].search(
            [("company_id", "=", self.company.id), ("state", "in", states)]
        )

    def assertLeftOut(self, lines, about):
        """Assert that `lines` are not sent, and that their reason is about this."""
        for line in lines:
            self.assertFalse(line.notice_id)
            self.assertFalse(line.checked)
            self.assertRegex((line.skip_reason or line.rule_id.name or "").lower(), about)
