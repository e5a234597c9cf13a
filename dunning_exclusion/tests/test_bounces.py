from odoo.tests import tagged

from .stories_common import StoryCommon


@tagged("post_install", "-at_install")
class TestBounces(StoryCommon):
    """An address from which a message came back is not written to until it changes."""

    def _bounce(self, contact, message_id="<bounced@example.com>"):
        """Let a message to `contact` come back, as the mail gateway of Odoo notes it."""
        self.env["mail.thread"].sudo()._routing_handle_bounce(
            None,
            {
                "bounced_email": contact.email_normalized,
                "bounced_partner": contact,
                "bounced_msg_ids": [message_id],
                "bounced_message": self.env["mail.message"],
                "email_from": "MAILER-DAEMON@example.com",
                "to": self.company.email,
                "message_id": message_id,
                "body": "",
            },
        )
        contact.invalidate_recordset()

    def _contact(self, name, kind="dunning", customer=None):
        return self.env["res.partner"].create(
            {
                "name": name,
                "email": f"{name.lower()}@example.com",
                "type": kind,
                "parent_id": (customer or self.customer).id,
            }
        )

    def test_bounce_until_the_address_changes(self):
        invoice = self._create_invoice()
        self._bounce(self.customer)
        self.assertOutcome(invoice, "unchecked", "bounced")
        [reason] = invoice.dunning_explain()
        self.assertEqual(
            reason["reason"], "Messages to the e-mail address bounced: alpha@example.com"
        )
        self.assertEqual((reason["level"], reason["marker"]), ("customer", "customer"))
        line = self._create_run().line_ids
        self.assertEqual((line.outcome, line.checked), ("unchecked", False))
        self.customer.name = "Other name"
        self.assertOutcome(invoice, "unchecked", "bounced")
        self.customer.email = "new@example.com"
        self.assertOutcome(invoice, "included")
        self._bounce(self.customer)
        self.assertOutcome(invoice, "unchecked", "bounced")
        self.customer.email = "alpha@example.com"
        self.assertOutcome(invoice, "included", msg="only the last address is known")

    def test_who_writes_to_us_from_there_can_be_written_to(self):
        invoice = self._create_invoice()
        self._bounce(self.customer)
        self.customer._message_reset_bounce(self.customer.email_normalized)
        self.assertOutcome(invoice, "included")

    def test_every_address_it_would_be_sent_to(self):
        invoice = self._create_invoice()
        first, second = self._contact("First"), self._contact("Second")
        billing = self._contact("Billing", "invoice")
        stranger = self._contact("Stranger", customer=self.other_customer)
        for contact, outcome in (
            (self.customer, "included"),
            (billing, "included"),
            (stranger, "included"),
            (first, "included"),
            (second, "unchecked"),
        ):
            with self.subTest(contact=contact.name):
                self._bounce(contact)
                rule = "bounced" if outcome == "unchecked" else None
                self.assertOutcome(invoice, outcome, rule)
        first.active = False
        self.assertOutcome(invoice, "unchecked", "bounced")
        second.active = False
        self.assertOutcome(invoice, "unchecked", "bounced", "the invoice contact bounced, too")
        billing.email = False
        self.customer.email = False
        self.assertOutcome(invoice, "unchecked", "no_address")

    def test_letters_need_no_address(self):
        invoice = self._create_invoice()
        self.scenario.level_ids.action = "letter"
        self._bounce(self.customer)
        self.assertOutcome(invoice, "included")

    def test_other_address_of_the_customer_gets_it_alone(self):
        self._create_invoice()
        first, second = self._contact("First"), self._contact("Second")
        self._bounce(first)
        run = self._create_run()
        run.action_send()
        self.assertEqual(run.notice_ids.recipient_ids, second)
        self.assertIn("First", run.notice_ids.unreached)
        self.assertEqual(sum(self._deliver().values()), 1)

    def test_person_tries_it_again(self):
        self._create_invoice()
        self._bounce(self.customer)
        run = self._create_run()
        run.line_ids.checked = True
        run.action_send()
        self.assertEqual(sum(self._deliver().values()), 1)

    def test_reminder_that_bounced_is_not_repeated_before_the_address_changes(self):
        invoice = self._create_invoice()
        run = self._create_run()
        run.action_send()
        self._deliver()
        run.notice_ids.sudo()._message_receive_bounce(self.customer.email, self.customer)
        self.assertEqual(run.notice_ids.state, "failed")
        self.assertOutcome(invoice, "unchecked", "bounced")
        run.action_retry_failed()
        self.assertFalse(self._deliver())
        self.customer.email = "corrected@example.com"
        again = self._create_run()
        again.action_send()
        self.assertEqual(sum(self._deliver().values()), 1)

    def test_bounce_while_the_list_was_open(self):
        self._create_invoice()
        run = self._create_run()
        self._bounce(self.customer)
        run.action_send()
        self.assertFalse(self._deliver())
        self.assertEqual(run.line_ids.rule_id.code, "bounced")

    def test_blacklisted_is_not_bounced(self):
        invoice = self._create_invoice()
        self.env["mail.blacklist"]._add(self.customer.email)
        self.assertOutcome(invoice, "included")

    def test_found_by_search_report_and_outcome(self):
        invoice = self._create_invoice()
        self._bounce(self.customer)
        rule = self.env.ref("dunning_exclusion.rule_bounced")
        for model in ("dunning.screening", "dunning.exclusion.report"):
            found = self.env[model].search([("rule_id", "=", rule.id)])
            self.assertEqual(found.move_id, invoice)
        self.assertIn(
            self.customer, self.env["res.partner"].search([("dunning_outcome", "=", "unchecked")])
        )
