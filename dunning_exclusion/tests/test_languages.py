from datetime import timedelta

from odoo.tests import tagged
from odoo.tools import SQL

from .stories_common import StoryCommon


@tagged("post_install", "-at_install")
class TestLanguages(StoryCommon):
    """An employee may have a language that Odoo does not speak: that stops no job."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        user = "dunning_exclusion.group_dunning_user"
        cls.clerk = cls._create_user("clerk", user, "account.group_account_invoice")
        cls.env.flush_all()
        # Odoo refuses the code today; databases have it from imports and from older versions.
        contact = cls.clerk.partner_id
        cls.env.cr.execute(SQL("UPDATE res_partner SET lang = 'xx' WHERE id = %s", contact.id))
        cls.env.invalidate_all()

    def test_broken_promises_are_reported_to_an_employee_of_an_unknown_language(self):
        self._create_invoice()
        promise = self.env["dunning.promise"].with_user(self.clerk)
        promise = promise.create({"partner_id": self.customer.id, "date": self._days(-20)})
        promise._cron_report_broken()
        self.assertEqual(promise.activity_ids.user_id, self.clerk)

    def test_old_blocks_are_shown_to_an_employee_of_an_unknown_language(self):
        values = {"partner_id": self.customer.id, "date_from": self.today - timedelta(days=100)}
        block = self.env["dunning.block"].with_user(self.clerk).create(values)
        block._cron_report_forgotten()
        self.assertEqual(block.activity_ids.user_id, self.clerk)

    def test_runs_of_an_employee_of_an_unknown_language_are_sent_in_the_background(self):
        self._create_invoice()
        run = self._create_run().with_user(self.clerk)
        run.action_send_in_background()
        run.with_user(self.env.ref("base.user_root"))._cron_send_runs()
        self.assertEqual((run.state, run.notice_ids.mapped("state")), ("done", ["queued"]))
        self.assertEqual(run.notice_ids.user_id, self.clerk)

    def test_an_employee_of_an_unknown_language_gets_the_to_dos_of_levels(self):
        self.scenario.level_ids.write({"action": "activity", "user_ids": self.clerk.ids})
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        self.assertEqual((run.notice_ids.state, run.notice_ids.failure_reason), ("sent", False))
        todo = self.env["mail.activity"].search([("user_id", "=", self.clerk.id)])
        self.assertEqual(todo.mapped("res_model"), ["dunning.notice"])
