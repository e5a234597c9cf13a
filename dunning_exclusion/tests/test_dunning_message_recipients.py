from odoo.tests import tagged

from .test_dunning_message import MessageCommon


@tagged("post_install", "-at_install")
class TestDunningMessageRecipients(MessageCommon):
    def _contact(self, name, customer=None, **values):
        return self._create_customer(name, parent_id=(customer or self.customer).id, **values)

    def _recipients(self, customer=None):
        customer = customer or self.customer
        return customer._dunning_recipients_by_customer()[customer]

    def test_reminder_address_else_invoice_address_else_customer(self):
        self.assertEqual(self._recipients(), self.customer)
        self._contact("Other", type="contact")
        self._contact("Delivery", type="delivery")
        self.assertEqual(self._recipients(), self.customer)
        invoice = self._contact("Invoice", type="invoice")
        self.assertEqual(self._recipients(), invoice)
        first = self._contact("First", type="dunning")
        second = self._contact("Second", type="dunning")
        self.assertEqual(self._recipients(), first | second)

    def test_contact_without_address_or_archived_is_passed_over(self):
        self._contact("No mail", type="dunning", email=False)
        self._contact("Gone", type="dunning", active=False)
        invoice = self._contact("Invoice", type="invoice")
        self.assertEqual(self._recipients(), invoice)

    def test_only_own_contacts_get_the_message(self):
        mine = self._contact("Mine", type="invoice")
        theirs = self._contact("Theirs", self.other_customer, type="invoice")
        self._create_invoice()
        self._create_invoice(self.other_customer)
        for notice in self._send():
            expected = mine if notice.partner_id == self.customer else theirs
            self.assertEqual(notice.mail_id.recipient_ids, expected)

    def test_child_contact_is_written_to_when_the_customer_has_no_address(self):
        self.customer.email = False
        child = self._contact("Child", type="invoice")
        self._create_invoice()
        notice = self._send()
        self.assertEqual((notice.state, notice.mail_id.recipient_ids), ("queued", child))

    def test_followers_and_staff_get_nothing(self):
        follower = self._create_customer("Follower")
        invoice = self._create_invoice()
        for record in (self.customer, invoice):
            record.message_subscribe(partner_ids=(follower | self.env.user.partner_id).ids)
        notice = self._send()
        self.assertEqual(notice.mail_id.recipient_ids, self.customer)
        self.assertFalse(notice.mail_id.email_to or notice.mail_id.email_cc)
        self.assertFalse(
            self.env["mail.notification"].search([("mail_mail_id", "=", notice.mail_id.id)])
        )

    def test_recipients_of_an_own_template_do_not_count(self):
        template = self._template("friendly")
        template.write({"use_default_to": False, "partner_to": str(self.other_customer.id)})
        template.email_cc = "boss@example.com"
        self._create_invoice()
        mail = self._send().mail_id
        self.assertEqual(mail.recipient_ids, self.customer)
        self.assertFalse(mail.email_to or mail.email_cc)

    def test_additional_recipients_of_the_level_get_it_too(self):
        lawyer = self._create_customer("Lawyer")
        self._create_invoice()
        notice = self._send(additional_partner_ids=[(6, 0, lawyer.ids)])
        self.assertEqual(notice.mail_id.recipient_ids, self.customer | lawyer)

    def test_invalid_address_fails_with_the_reason_and_stops_nobody_else(self):
        for email in ("anna@", "an na@example.com", "anna@@example.com", "anna@example,com"):
            with self.subTest(email=email):
                self.customer = self._create_customer(f"Customer {email}", email=email)
                self._create_invoice(self.customer)
                other = self._create_customer(f"Other {email}", email="fine@example.com")
                self._create_invoice(other)
                notices = {notice.partner_id: notice for notice in self._send()}
                self.assertEqual(notices[self.customer].state, "failed")
                self.assertIn(f"'{email}' is not valid", notices[self.customer].failure_reason)
                self.assertFalse(notices[self.customer].mail_id)
                self.assertEqual(notices[other].state, "queued")

    def test_blacklisted_address_fails_with_the_reason(self):
        self.env["mail.blacklist"]._add("alpha@example.com")
        self._create_invoice()
        notice = self._send()
        self.assertEqual(notice.state, "failed")
        self.assertIn("is on the blacklist", notice.failure_reason)
        self.assertFalse(notice.mail_id)

    def test_bad_contact_does_not_stop_the_good_one(self):
        self._contact("Bad", type="dunning", email="bad@")
        self._contact("Barred", type="dunning", email="barred@example.com")
        self.env["mail.blacklist"]._add("barred@example.com")
        good = self._contact("Good", type="dunning")
        self._create_invoice()
        notice = self._send()
        self.assertEqual((notice.state, notice.mail_id.recipient_ids), ("queued", good))
        self.assertEqual(notice.recipient_ids, good)
        self.assertIn("'bad@' is not valid", notice.unreached)
        self.assertIn("'barred@example.com' is on the blacklist", notice.unreached)

    def test_names_and_several_addresses_are_valid(self):
        for email in (
            "Doe, Jane <jane@example.com>",
            "a@example.com, b@example.com",
            "o'brien+x@mail.example.co.uk",
            "büro@münchen.example",
        ):
            self.assertTrue(self.env["dunning.action"]._is_valid(email), email)

    def test_number_of_queries_does_not_grow_with_customers(self):
        few = self.customer | self.other_customer
        self._contact("First", type="dunning")
        many = few
        for number in range(10):
            many |= self._create_customer(f"Customer {number}")
            self._contact(f"Contact {number}", many[-1:], type="dunning")
        many._dunning_recipients_by_customer()
        counts = []
        for customers in (few, many):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            customers._dunning_recipients_by_customer()
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(*counts)
