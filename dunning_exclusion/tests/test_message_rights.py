from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import DunningCommon

AUDITOR = "account.group_account_readonly"
FOLLOW_UP_USER = "dunning_exclusion.group_dunning_user"


@tagged("post_install", "-at_install")
class TestMessageRights(DunningCommon):
    """Who writes messages to customers and plans to-dos on notices, runs, blocks and promises."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_invoice()
        run = cls._create_run()
        run.action_send()
        block = cls.customer._dunning_block("stop")
        promise = cls.env["dunning.promise"].create({"partner_id": cls.customer.id})
        cls.records = (run.notice_ids, run, block, promise)

    def _ways_to_write(self, record):
        """Return {name: function that writes to the customer on `record`}."""
        text = {"body": "Pay to this account", "partner_ids": self.customer.ids}
        on_record = {"model": record._name, "res_id": record.id}
        composer = record.env["mail.compose.message"]

        def compose(mode):
            wizard = composer.create(
                {
                    **text,
                    "model": record._name,
                    "res_ids": record.ids,
                    "composition_mode": mode,
                    "subject": "Subject",
                }
            )
            wizard.action_send_mail()

        return {
            "post": lambda: record.message_post(**text, subtype_xmlid="mail.mt_comment"),
            "note": lambda: record.message_post(body="A note"),
            "notify": lambda: record.message_notify(**text),
            "create": lambda: record.env["mail.message"].create({**text, **on_record}),
            "compose": lambda: compose("comment"),
            "compose in bulk": lambda: compose("mass_mail"),
            "to-do": lambda: record.activity_schedule("mail.mail_activity_data_todo", note="Call"),
        }

    def test_auditor_writes_to_nobody_even_when_following(self):
        auditor = self._create_user("auditor", AUDITOR)
        for follows in (False, True):
            for record in self.records:
                mine = record.with_user(auditor)
                self.assertTrue(mine.display_name)
                if follows:
                    mine.message_subscribe(auditor.partner_id.ids)
                for name, write in self._ways_to_write(mine).items():
                    with (
                        self.subTest(record=record._name, way=name, follows=follows),
                        self.assertRaises(AccessError),
                        self.env.cr.savepoint(),
                    ):
                        write()

    def test_follow_up_user_writes_messages_and_plans_to_dos(self):
        user = self._create_user("collector", FOLLOW_UP_USER)
        for record in self.records:
            for name, write in self._ways_to_write(record.with_user(user)).items():
                with self.subTest(record=record._name, way=name):
                    write()
            self.assertTrue(record.activity_ids)
            self.assertIn(user.partner_id, record.message_ids.author_id)

    def test_follow_up_user_plans_a_to_do_for_a_colleague(self):
        user, colleague = (
            self._create_user(login, FOLLOW_UP_USER) for login in ("planner", "colleague")
        )
        for record in self.records:
            with self.subTest(record=record._name):
                to_do = record.with_user(user).activity_schedule(
                    "mail.mail_activity_data_todo", user_id=colleague.id
                )
                self.assertEqual(to_do.user_id, colleague)
                self.assertIn(colleague.partner_id, record.message_partner_ids)
