from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged

from ..models import dunning_sender
from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestDunningRunSender(DunningCommon):
    """The sender of a run is who pressed Send, also when the server sends in the background."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.group = "dunning_exclusion.group_dunning_user"
        cls.clerk = cls._create_user("clerk", cls.group, "account.group_account_invoice")
        cls.colleague = cls._create_user("colleague", cls.group)
        cls._create_invoice()
        cls._create_invoice(cls.other_customer)

    def setUp(self):
        super().setUp()
        # Two customers are many, if one at a time is sent to.
        self.startPatcher(patch.object(dunning_sender, "BATCH_SIZE", 1))

    def _send_in_background(self, run):
        run.with_user(self.clerk).action_send_in_background()
        self.assertEqual((run.state, run.user_id), ("sending", self.clerk))
        self.env["dunning.run"].with_user(self.env.ref("base.user_root"))._cron_send_runs()
        self.assertEqual(run.state, "done")
        return run.notice_ids.sudo()

    def test_who_pressed_send_is_the_sender_at_once(self):
        run = self._create_run()
        self.assertFalse(run.user_id)
        run.with_user(self.clerk).action_send()
        self.assertEqual((run.user_id, run.notice_ids.user_id), (self.clerk, self.clerk))

    def test_who_pressed_send_is_the_sender_of_what_the_server_sends(self):
        notices = self._send_in_background(self._create_run())
        self.assertEqual(len(notices), 2)
        self.assertEqual(notices.user_id, self.clerk)
        self.assertEqual(notices.mail_id.author_id, self.clerk.partner_id)

    def test_to_dos_without_users_go_to_who_pressed_send(self):
        self.scenario.level_ids.action = "activity"
        notices = self._send_in_background(self._create_run())
        self.assertEqual(notices.mapped("state"), ["sent", "sent"])
        self.assertEqual(notices.activity_ids.user_id, self.clerk)

    def test_to_dos_of_somebody_who_left_go_to_the_salesperson_or_an_administrator(self):
        self.scenario.level_ids.action = "activity"
        self.customer.user_id = self.colleague
        run = self._create_run()
        run.with_user(self.clerk).action_send_in_background()
        self.clerk.active = False
        self.env["dunning.run"].with_user(self.env.ref("base.user_root"))._cron_send_runs()
        self.assertEqual(run.state, "done")
        self.assertEqual(set(run.notice_ids.mapped("state")), {"sent"})
        self.assertEqual(run.notice_ids.user_id, self.clerk)
        users = {notice.partner_id: notice.activity_ids.user_id for notice in run.notice_ids}
        self.assertEqual(users[self.customer], self.colleague)
        manager = users[self.other_customer]
        self.assertTrue(manager.has_group("dunning_exclusion.group_dunning_manager"))
        self.assertTrue(manager.active)

    def test_a_run_of_the_nightly_job_is_sent_by_the_user_of_the_job(self):
        self.scenario.automatic = True
        self.company.dunning_automatic_sending = True
        root = self.env.ref("base.user_root")
        self.env["dunning.run"].with_user(root)._cron_send_automatic()
        run = self.env["dunning.run"].search(
            [("automatic", "=", True), ("company_id", "=", self.company.id)]
        )
        self.assertEqual(run.state, "done")
        self.assertEqual((run.user_id, run.notice_ids.user_id), (root, root))

    def test_who_goes_on_with_an_interrupted_run_is_the_sender_of_the_rest(self):
        run = self._create_run()
        run.with_user(self.clerk).action_send_in_background()
        run.with_user(self.colleague).action_send()
        self.assertEqual((run.user_id, run.notice_ids.user_id), (self.colleague, self.colleague))

    def test_who_retries_is_the_sender_of_what_is_retried(self):
        run = self._create_run()
        with self._email_fails_for(self.customer, ValueError("broken")):
            run.with_user(self.clerk).action_send()
        run.with_user(self.colleague).action_retry_failed()
        users = {notice.partner_id: notice.user_id for notice in run.notice_ids}
        self.assertEqual(users, {self.customer: self.colleague, self.other_customer: self.clerk})

    def test_nobody_writes_who_sent_a_run(self):
        run = self._create_run()
        manager = self._create_user("boss", "dunning_exclusion.group_dunning_manager")
        with self.assertRaises(UserError):
            run.with_user(manager).user_id = self.colleague
        forged = self.env["dunning.run"].with_user(manager).create({"user_id": self.colleague.id})
        self.assertFalse(forged.user_id)
