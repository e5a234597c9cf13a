from odoo.fields import Domain
from odoo.service.model import call_kw
from odoo.tests import tagged

from .common import VerdictCommon

# What a client may put into a context, beyond language, time zone and companies.
HOSTILE = {
    "active_test": False,
    "default_merged": True,
    "default_kept_body": "forged",
    "default_failure_reason": "forged",
    "default_email_cc": "thief@example.com",
    "default_reply_to": "thief@example.com",
    "default_unreached": "forged",
    "dunning_by_jobs": True,
    "job_uuid": "x",
    "mail_notify_force_send": True,
}


@tagged("post_install", "-at_install")
class TestClientContext(VerdictCommon):
    """What a client puts into the context of a call steers nothing but what it may choose."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = cls._create_user("collector", "dunning_exclusion.group_dunning_user")

    def _call(self, record, method, *args, context=None):
        model = self.env[record._name].with_user(self.user)
        call_kw(model, method, [record.ids, *args], {"context": context or HOSTILE})
        self.env.invalidate_all()

    def test_messages_are_the_same_whatever_the_context_says(self):
        self._create_customer("Old", parent_id=self.customer.id, type="dunning", active=False)
        self._create_invoice()
        run = self._create_run()
        self._call(run, "action_send")
        notice = run.notice_ids
        self.assertEqual((run.state, notice.state), ("done", "queued"))
        self.assertFalse(notice.merged or notice.kept_body or notice.unreached)
        self.assertEqual(notice.recipient_ids, self.customer)
        mail = notice.sudo().mail_id
        self.assertNotIn("thief", f"{mail.email_cc} {mail.reply_to} {mail.email_to}")

    def test_progress_of_another_job_is_not_written(self):
        cron = self.env.ref("dunning_exclusion.cron_send_runs")
        progress = self.env["ir.cron.progress"].sudo().create({"cron_id": cron.id, "remaining": 7})
        self._create_invoice()
        context = {"ir_cron_progress_id": progress.id, "cron_id": cron.id, "cron_end_time": 0}
        for method, state in (("action_send", "done"), ("action_send_in_background", "sending")):
            run = self._create_run()
            self._call(run, method, context=context)
            self.assertEqual(run.state, state)
            self.assertEqual((progress.remaining, progress.done), (7, 0))
            run.sudo().state = "cancelled"

    def test_letters_are_printed_whatever_the_context_says(self):
        self.scenario.level_ids.action = "letter"
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        self._call(run.notice_ids, "action_print")
        self.assertEqual(run.notice_ids.state, "sent")
        self.assertFalse(run.notice_ids.merged)
        self.assertNotIn("forged", run.notice_ids.kept_body)

    def test_scope_of_the_screening_is_not_chosen_by_clients(self):
        """Whom an answer is about follows from the domain alone."""
        invoice = self._create_invoice()
        self._invoice_of_other_company(self.customer)
        Screening = self.env["dunning.screening"].with_user(self.user)
        mine = Domain("company_id", "=", self.company.id)
        expected = Screening.search(mine).ids
        self.assertEqual(Screening.browse(expected).move_id, invoice)
        for scope in (["line", [0]], ("line", (0,)), "x", ["x", [1]], [["line"], "1"], {"a": 1}):
            hostile = Screening.with_context(dunning_screening_scope=scope)
            with self.subTest(scope=scope):
                self.env.invalidate_all()
                self.assertEqual(hostile.search(mine).ids, expected)
                rows = hostile.browse(expected).read(["outcome", "amount_residual"])
                self.assertEqual([row["amount_residual"] for row in rows], [100.0])
