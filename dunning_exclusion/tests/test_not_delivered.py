from datetime import timedelta

from odoo.tests import tagged

from .common import OutcomeCommon


@tagged("post_install", "-at_install")
class TestNotDelivered(OutcomeCommon):
    """An invoice that never arrived is sent again, not reminded."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.dunning_not_delivered_from = cls.today - timedelta(days=30)

    def _send(self, invoice, status="sent", partner=None, **values):
        """Post a message as Odoo does when it sends an invoice, with what became of it."""
        message = invoice.message_post(
            body="Your invoice", message_type="comment", subtype_xmlid="mail.mt_comment"
        )
        self.env["mail.notification"].create(
            {
                "mail_message_id": message.id,
                "res_partner_id": (partner or invoice.partner_id).id,
                "notification_type": "email",
                "notification_status": status,
                **values,
            }
        )
        return message

    def _is_held(self, invoice):
        codes = self._reasons(invoice)
        rules = self._screened(invoice, "rule_ids")[self._items(invoice)]
        self.assertEqual(codes, rules.mapped("code"))
        return codes == ["not_delivered"]

    def test_it_is_off_until_there_is_a_day(self):
        invoice = self._create_invoice()
        self.assertOutcome(invoice, "unchecked", "not_delivered")
        self.company.dunning_not_delivered_from = False
        self.assertOutcome(invoice, "included")

    def test_only_invoices_issued_since(self):
        for days, held in ((-31, False), (-30, True), (-29, True)):
            with self.subTest(days=days):
                issued = self.today + timedelta(days=days)
                invoice = self._create_invoice(invoice_date=issued)
                self.assertEqual(self._is_held(invoice), held)
        other = self._invoice_of_other_company(self.customer)
        self.assertNotIn("not_delivered", self._reasons(other))

    def test_what_became_of_the_last_sending_decides(self):
        for statuses, held in (
            (["sent"], False),
            (["ready"], False),
            (["bounce"], True),
            (["exception"], True),
            (["canceled"], True),
            (["sent", "bounce"], True),
            (["bounce", "sent"], False),
        ):
            with self.subTest(statuses):
                invoice = self._create_invoice(self._fresh_customer())
                for status in statuses:
                    self._send(invoice, status)
                self.assertEqual(self._is_held(invoice), held)

    def test_one_of_several_addresses_is_enough(self):
        invoice = self._create_invoice()
        message = self._send(invoice, "bounce")
        self.assertTrue(self._is_held(invoice))
        notification = message.notification_ids.copy(
            {"res_partner_id": self.other_customer.id, "notification_status": "sent"}
        )
        self.assertFalse(self._is_held(invoice), notification)

    def test_what_proves_nothing(self):
        invoice = self._create_invoice()
        invoice.is_move_sent = True
        self.assertTrue(self._is_held(invoice), "somebody looked at the PDF")
        invoice.message_post(body="A note among colleagues")
        self._send(invoice, partner=self.env.user.partner_id)
        self._send(invoice, notification_type="inbox")
        self._send(self._create_invoice())
        self.assertTrue(self._is_held(invoice))

    def test_message_sent_by_a_template_counts(self):
        invoice = self._create_invoice()
        mail = self.env["mail.mail"].create(
            {
                "model": "account.move",
                "res_id": invoice.id,
                "message_type": "email_outgoing",
                "recipient_ids": [(4, invoice.partner_id.id)],
            }
        )
        self.assertFalse(self._is_held(invoice))
        mail.state = "exception"
        self.assertTrue(self._is_held(invoice))

    def test_sending_by_odoo_itself_ends_it(self):
        invoice = self._create_invoice()
        self.assertTrue(self._is_held(invoice))
        self.env["account.move.send"]._generate_and_send_invoices(
            invoice, sending_methods=["email"], allow_fallback_pdf=True
        )
        self.assertTrue(invoice.is_move_sent)
        self.assertFalse(self._is_held(invoice))
