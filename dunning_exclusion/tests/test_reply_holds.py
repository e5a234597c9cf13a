from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.mail.tests.common import MailCommon

from .common import DunningCommon

# What an employee writes in the web client, for the customer.
COMMENT = {"message_type": "comment", "subtype_xmlid": "mail.mt_comment"}
HELD_CUSTOMER = ("unchecked", "stop_customer")
HELD_ITEM = ("unchecked", "stop_item")


@tagged("post_install", "-at_install")
class TestReplyHolds(DunningCommon, MailCommon):
    """E-mails of customers, as Odoo's mail gateway gets them, hold reminders until answered."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._init_mail_gateway()
        cls.company.alias_domain_id = cls.mail_alias_domain
        cls.responsible = cls._create_user("responsible", "account.group_account_invoice")
        cls.company.dunning_answer_user_id = cls.responsible
        cls.invoice = cls._create_invoice(amount=100)
        cls.contact = cls._create_customer("Anna", parent_id=cls.customer.id)
        run = cls._create_run()
        run.action_send()
        cls.notice = run.notice_ids
        cls.number = 0

    def _receive(self, thread, text="Please wait.", sender=None, headers=(), html=False, **options):
        """Let an e-mail of `sender` come in that answers the last message on `thread`."""
        type(self).number += 1
        message = EmailMessage()
        message["From"] = sender or f"Anna <{self.contact.email}>"
        message["To"] = f"catchall@{self.alias_domain}"
        message["Subject"] = options.get("subject", "Re: Payment reminder")
        message["Message-Id"] = f"<{self.number}.{self.id()}@customer.example.com>"
        received = options.get("received", fields.Datetime.now() + timedelta(minutes=1))
        message["Date"] = format_datetime(received)
        if thread:
            answered = thread.message_ids.filtered("message_id").sorted("id")[-1:]
            message["In-Reply-To"] = answered.message_id
            message["References"] = f"<first@example.com> {answered.message_id}"
        for name, value in headers:
            message[name] = value
        message.set_content(text, subtype="html" if html else "plain")
        with self.mock_mail_gateway(), mute_logger("odoo.addons.mail.models.mail_thread"):
            self.env["mail.thread"].message_process(False, message.as_string())
        self.env.invalidate_all()

    def _replies(self):
        return self.env["dunning.answer"].search([("type_id.code", "=", "reply")])

    def test_reminder_takes_answers(self):
        mail = self.notice.mail_id.sudo()
        self.assertIn(f"{self.alias_catchall}@{self.alias_domain}", mail.reply_to)
        self.assertIn(mail.mail_message_id, self.notice.message_ids)

    def test_answer_to_a_reminder_holds_the_customer(self):
        self.assertOutcome(self.invoice, "included")
        self._receive(self.notice, "We wait for the credit note.\n\n> You owe us 100.00")
        answer = self._replies()
        block = answer.block_ids
        self.assertEqual((block.kind, block.origin), ("stop", "reply"))
        self.assertEqual((block.partner_id, bool(block.move_id)), (self.customer, False))
        self.assertEqual(answer.text, "We wait for the credit note.")
        self.assertEqual(answer.activity_ids.user_id, self.responsible)
        self.assertIn("credit note", answer.activity_ids.note)
        self.assertOutcome(self.invoice, *HELD_CUSTOMER)

    def test_answer_on_an_invoice_holds_the_invoice(self):
        other = self._create_invoice(amount=50)
        self.invoice.message_post(body="Here is our invoice", **COMMENT)
        self._receive(self.invoice)
        block = self._replies().block_ids
        self.assertEqual((block.origin, block.move_id), ("reply", self.invoice))
        self.assertOutcome(self.invoice, *HELD_ITEM)
        self.assertOutcome(other, "included")

    def test_only_html(self):
        self._receive(self.notice, "<p>We <b>have</b> paid.</p>", html=True)
        self.assertIn("have", self._replies().text)
        self.assertNotIn("<b>", self._replies().text)
        self.assertOutcome(self.invoice, *HELD_CUSTOMER)

    def test_what_holds_nothing(self):
        for name, options in (
            ("out of office", {"headers": [("Auto-Submitted", "auto-replied")]}),
            ("old program", {"headers": [("Precedence", "auto_reply")]}),
            ("exchange", {"headers": [("X-Auto-Response-Suppress", "All")]}),
            ("autoreply", {"headers": [("X-Autoreply", "yes")]}),
            ("bounce", {"sender": "MAILER-DAEMON@example.com"}),
            ("stranger", {"sender": "Eve <eve@elsewhere.example>"}),
            ("another customer", {"sender": self.other_customer.email_formatted}),
        ):
            with self.subTest(name=name):
                self._receive(self.notice, **options)
                self.assertFalse(self._replies())
                self.assertEqual(self.invoice.dunning_explain(), [])

    def test_colleagues_do_not_write_for_customers(self):
        auditor = self._create_user("auditor", "account.group_account_readonly")
        for user in (auditor, self.responsible):
            self.invoice.with_user(user).message_post(
                body="Please wait.",
                message_type="email",
                author_id=self.contact.id,
                email_from=self.contact.email,
            )
        self.assertFalse(self._replies())
        self.assertOutcome(self.invoice, "included")

    def test_automatic_is_not_said_of_what_a_person_sent(self):
        self._receive(self.notice, headers=[("Auto-Submitted", "no")])
        self.assertOutcome(self.invoice, *HELD_CUSTOMER)

    def test_wrong_thread(self):
        with self.assertRaises(ValueError):
            self._receive(None)
        paid = self._create_invoice(amount=10)
        self._pay(paid)
        for move in (self._create_invoice(move_type="in_invoice", post=False), paid):
            move.message_post(body="Here it is", **COMMENT)
            self._receive(move)
        self.assertFalse(self._replies())

    def test_switched_off(self):
        self.company.dunning_reply_holds = False
        self._receive(self.notice)
        self.assertFalse(self._replies())

    def test_second_mail_makes_no_second_hold(self):
        self._receive(self.notice)
        self._receive(self.notice, "Hello?")
        self.assertEqual(len(self._replies()), 1)
        self.assertEqual(len(self.customer.dunning_block_ids), 1)

    def test_mail_older_than_our_answer(self):
        self.notice.with_user(self.responsible).message_post(
            body="Here is what you asked for.", **COMMENT
        )
        self._receive(self.notice, received=fields.Datetime.now() - timedelta(hours=3))
        self.assertFalse(self._replies())

    def test_answer_of_an_employee_ends_the_hold(self):
        self._receive(self.notice)
        posted = self.notice.with_user(self.responsible)
        note = {"message_type": "comment", "subtype_xmlid": "mail.mt_note"}
        posted.message_post(body="Colleagues, who knows?", **note)
        self.assertOutcome(self.invoice, *HELD_CUSTOMER)
        with self.mock_mail_gateway():
            posted.message_post(body="You are welcome.", **COMMENT)
        self.assertEqual(self._replies().state, "accepted")
        self.assertFalse(self._replies().activity_ids)
        self.assertOutcome(self.invoice, "included")
        self._receive(self.notice, "And now?", received=fields.Datetime.now() + timedelta(hours=1))
        self.assertEqual(sorted(self._replies().mapped("state")), ["accepted", "waiting"])
        self.assertOutcome(self.invoice, *HELD_CUSTOMER)

    def test_what_code_posts_ends_the_hold_where_it_goes_to_the_customer(self):
        self._receive(self.notice)
        self.invoice.message_subscribe(self.customer.ids)
        told = {"subtype_xmlid": "account.mt_invoice_paid", "partner_ids": self.contact.ids}
        discussed = {"subtype_xmlid": "mail.mt_comment"}
        for name, user, values, ends in (
            ("note", self.responsible, {"partner_ids": self.contact.ids}, False),
            ("told by Odoo", self.responsible, told, False),
            ("to nobody of the customer", self.responsible, discussed, False),
            (
                "to a colleague",
                self.responsible,
                {**discussed, "partner_ids": self.env.user.partner_id.ids},
                False,
            ),
            ("empty", self.responsible, {**discussed, "body": "", **told}, False),
            ("answer", self.responsible, {**discussed, "partner_ids": self.contact.ids}, True),
        ):
            with self.subTest(name=name), self.mock_mail_gateway():
                self.notice.with_user(user).message_post(**{"body": "You are welcome.", **values})
                self.assertEqual(self._replies().state, "accepted" if ends else "waiting")
        self.assertOutcome(self.invoice, "included")

    def test_answer_in_another_thread_ends_nothing(self):
        self._receive(self.notice)
        with self.mock_mail_gateway():
            self.invoice.with_user(self.responsible).message_post(body="Hello", **COMMENT)
        self.assertOutcome(self.invoice, *HELD_CUSTOMER)

    def test_answer_of_an_employee_by_mail_ends_the_hold(self):
        self._receive(self.notice)
        self._receive(self.notice, "You are welcome.", sender=self.responsible.email_formatted)
        self.assertEqual(self._replies().state, "accepted")
        self.assertOutcome(self.invoice, "included")

    def test_nothing_to_answer_ends_the_hold(self):
        self._receive(self.notice)
        self._replies().with_user(self.responsible).action_accept()
        self.assertOutcome(self.invoice, "included")
        self.assertEqual(self.customer.dunning_block_ids.lifted_by_id, self.responsible)

    def test_long_mail_is_kept_in_short(self):
        self._receive(self.notice, "word " * 1000)
        self.assertLessEqual(len(self._replies().text), 500)
        with patch.object(type(self.notice), "_dunning_is_reply", return_value=False):
            self._receive(self.notice)
