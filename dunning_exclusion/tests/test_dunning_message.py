from datetime import timedelta

from lxml import html

from odoo.fields import Command
from odoo.tests import tagged

from .common import DunningCommon

WITH_PAYMENT = ("friendly", "firm", "final", "upcoming", "new_document", "statement")
WITHOUT_PAYMENT = ("statement_no_payment",)


class MessageCommon(DunningCommon):
    """A run is sent with one template; its messages are read as trees."""

    @classmethod
    def _template(cls, code):
        return cls.env.ref(f"dunning_exclusion.mail_template_{code}")

    @classmethod
    def _send(cls, code="friendly", **level_values):
        """Send a run by the scenario with a template on each level; return its notices."""
        cls.scenario.level_ids.write({"template_id": cls._template(code).id, **level_values})
        run = cls._create_run(scenario_ids=[Command.set(cls.scenario.ids)])
        run.action_send()
        return run.notice_ids

    @classmethod
    def _create_bank(cls, number, currency=None, **values):
        return cls.env["res.partner.bank"].create(
            {
                "partner_id": cls.company.partner_id.id,
                "acc_number": number,
                "currency_id": currency and currency.id,
                **values,
            }
        )

    def _tree(self, notice):
        return html.fromstring(notice.mail_id.body_html)

    def _text(self, node):
        return " ".join(node.text_content().split())

    def assertSameTree(self, first, second):
        """Assert that two pages of HTML have the same elements, attributes and texts."""
        trees = [
            [
                (node.tag, dict(node.attrib), (node.text or "").split(), (node.tail or "").split())
                for node in html.fromstring(page).iter()
            ]
            for page in (first, second)
        ]
        self.assertEqual(*trees)

    def _part(self, notice, name):
        parts = self._tree(notice).xpath(f"//table[@class='dunning_{name}']")
        self.assertLessEqual(len(parts), 1)
        return parts[0] if parts else None

    def _rows(self, notice, section="tbody"):
        """Return the texts of the cells of the table of items."""
        return [
            [self._text(cell) for cell in row.xpath("./td")]
            for row in self._part(notice, "items").xpath(f"./{section}/tr")
        ]


@tagged("post_install", "-at_install")
class TestDunningMessage(MessageCommon):
    def test_every_template_lists_every_item_once_with_its_own_amount(self):
        for code in WITH_PAYMENT + WITHOUT_PAYMENT:
            with self.subTest(template=code):
                customer = self._create_customer(f"Customer {code}")
                first = self._create_invoice(customer, 100.25, days=-20)
                second = self._create_invoice(customer, 50.5, days=-10)
                notice = self._send(code).filtered(lambda n, mine=customer: n.partner_id == mine)
                self.assertIn(f"Dear {customer.name},", self._text(self._tree(notice)))
                self.assertEqual(
                    self._rows(notice),
                    [
                        [
                            invoice.name,
                            self._date(invoice.invoice_date),
                            self._date(invoice.invoice_date_due),
                            days,
                            amount,
                        ]
                        for invoice, days, amount in (
                            (first, "20", "$ 100.25"),
                            (second, "10", "$ 50.50"),
                        )
                    ],
                )
                self.assertEqual(self._rows(notice, "tfoot"), [["Total", "$ 150.75"]])

    def _date(self, day):
        return day.strftime("%m/%d/%Y")

    def test_totals_are_never_summed_across_currencies(self):
        euro = self.env.ref("base.EUR")
        euro.active = True
        self._create_invoice(amount=100)
        self._create_invoice(amount=200, currency_id=euro.id)
        self._create_invoice(amount=11, currency_id=euro.id)
        notice = self._send()
        self.assertEqual(
            self._rows(notice, "tfoot"), [["Total EUR", "211.00 €"], ["Total USD", "$ 100.00"]]
        )
        self.assertEqual([row[-1] for row in self._rows(notice)].count("200.00 €"), 1)

    def test_partly_paid_invoice_shows_what_is_open(self):
        invoice = self._create_invoice(amount=100)
        self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        ).create({"amount": 40})._create_payments()
        self.assertEqual(self._rows(self._send())[0][-1], "$ 60.00")

    def test_postponed_due_date_is_shown_as_due_date(self):
        invoice = self._create_invoice(days=-30)
        postponed = self.today - timedelta(days=5)
        invoice.dunning_due_date = postponed
        row = self._rows(self._send())[0]
        self.assertEqual(row[2:4], [self._date(postponed), "5"])

    def test_days_overdue_are_left_out_when_nothing_is_overdue(self):
        self._create_invoice(days=3)
        notice = self._send("upcoming", delay=-5)
        heads = [self._text(head) for head in self._part(notice, "items").xpath(".//th")]
        self.assertEqual(heads, ["Document", "Date", "Due date", "Amount due"])
        self.assertEqual(len(self._rows(notice)[0]), 4)

    def test_held_item_is_not_listed_but_counted_and_said_so(self):
        self._create_invoice(amount=100)
        held = self._create_invoice(amount=70)
        held.action_dunning_stop()
        notice = self._send("statement")
        self.assertNotIn(held.name, self._text(self._tree(notice)))
        summary = self._text(self._part(notice, "summary"))
        self.assertIn("Outstanding on your account $ 170.00", summary)
        self.assertIn("of which overdue $ 170.00", summary)
        self.assertIn("even what is not listed above", summary)

    def test_message_that_lists_everything_does_not_speak_of_more(self):
        self._create_invoice(amount=100)
        notice = self._send("statement")
        self.assertFalse(notice.unlisted_count)
        self.assertNotIn("not listed above", self._text(self._tree(notice)))

    def test_held_item_and_credit_that_cancel_out_are_not_hidden(self):
        self._create_invoice(amount=100)
        self._create_invoice(amount=70).action_dunning_stop()
        credit = self._create_invoice(amount=70, move_type="out_refund")
        notice = self._send("statement")
        self.assertEqual(notice.outstanding, notice.amount)
        self.assertNotIn(credit.name, self._text(self._tree(notice)))
        self.assertIn("not listed above", self._text(self._part(notice, "summary")))

    def test_one_contact_is_addressed_by_name(self):
        self._create_invoice()
        self._create_customer("Claire", parent_id=self.customer.id, type="dunning")
        self.assertIn("Dear Claire,", self._text(self._tree(self._send())))

    def test_company_signs_with_name_and_address(self):
        self.company.write({"street": "Harbour Road 1", "city": "Hamburg", "vat": "DE123456788"})
        self._create_invoice()
        text = self._text(self._tree(self._send()))
        for expected in ("Harbour Road 1", "Hamburg", "DE123456788", self.company.name):
            self.assertIn(expected, text)

    def test_logo_is_shown_only_when_the_company_has_one(self):
        self.company.logo = False
        self._create_invoice()
        self.assertFalse(self._tree(self._send()).xpath("//img"))
        self.company.logo = self.env["res.partner"]._avatar_get_placeholder()
        self._create_invoice(self.other_customer)
        images = self._tree(self._send()).xpath("//img/@src")
        self.assertEqual(len(images), 1)
        self.assertTrue(images[0].endswith(f"/logo.png?company={self.company.id}"), images)

    def test_texts_from_outside_are_escaped(self):
        customer = self._create_customer("Ben & <i>Co</i>", email="ben@example.com")
        self._create_invoice(customer, ref="<script>alert(1)</script>")
        tree = self._tree(self._send())
        self.assertFalse(tree.xpath("//i | //script"))
        self.assertIn("Dear Ben & <i>Co</i>,", self._text(tree))

    def test_template_survives_being_edited(self):
        """What the editor of templates saves still renders every part once."""
        self._create_invoice()
        template = self._template("friendly")
        body = template.body_html.replace("Kind regards", "<b>With</b> our best regards")
        editor = self.env["mail.template"].browse(template.id)
        editor.body_html = f'<div class="o_note"><h2>Hello</h2>{body}</div>'
        notice = self._send()
        self.assertEqual(len(self._rows(notice)), 1)
        self.assertIn("With our best regards", self._text(self._tree(notice)))

    def test_preview_is_the_message_that_is_sent(self):
        invoice = self._create_invoice()
        self.scenario.level_ids.template_id = self._template("firm")
        run = self._create_run(scenario_ids=[Command.set(self.scenario.ids)])
        subject, body = self.env["dunning.sender"]._preview(run, run.line_ids)
        run.action_send()
        self.assertEqual(subject, run.notice_ids.mail_id.subject)
        self.assertSameTree(body, run.notice_ids.mail_id.body_html)
        self.assertIn(invoice.name, self._text(html.fromstring(body)))


@tagged("post_install", "-at_install")
class TestDunningMessageBank(MessageCommon):
    """The bank account fits the currency: a customer paid euros to the account in kronor."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.euro, cls.krona = cls.env.ref("base.EUR"), cls.env.ref("base.SEK")
        (cls.euro | cls.krona).active = True
        cls.company.partner_id.bank_ids.active = False

    def _numbers(self, notice):
        part = self._part(notice, "bank")
        self.assertIsNotNone(part)
        return [self._text(node) for node in part.xpath(".//span[contains(@style, 'bold')]")]

    def test_account_in_the_currency_of_the_items(self):
        self._create_bank("SE1", self.krona)
        self._create_bank("EU1", self.euro)
        self._create_invoice(currency_id=self.euro.id)
        self.assertEqual(self._numbers(self._send()), ["EU1"])

    def test_recipient_bank_of_the_invoice_comes_first(self):
        self._create_bank("EU1", self.euro)
        own = self._create_bank("EU2", self.euro)
        invoice = self._create_invoice(currency_id=self.euro.id, post=False)
        invoice.partner_bank_id = own
        invoice.action_post()
        self.assertEqual(self._numbers(self._send()), ["EU2"])

    def test_recipient_bank_in_another_currency_is_not_named(self):
        krona_bank = self._create_bank("SE1", self.krona)
        self._create_bank("EU1", self.euro)
        invoice = self._create_invoice(currency_id=self.euro.id, post=False)
        invoice.partner_bank_id = krona_bank
        invoice.action_post()
        self.assertEqual(self._numbers(self._send()), ["EU1"])

    def test_account_without_currency_is_the_last_resort(self):
        self._create_bank("SE1", self.krona)
        self._create_bank("ANY")
        self._create_invoice(currency_id=self.euro.id)
        self.assertEqual(self._numbers(self._send()), ["ANY"])

    def test_no_account_is_better_than_a_wrong_one(self):
        self._create_bank("SE1", self.krona)
        self._create_invoice(currency_id=self.euro.id)
        self.assertIsNone(self._part(self._send(), "bank"))

    def test_each_currency_has_its_account(self):
        self._create_bank("SE1", self.krona)
        self._create_bank("EU1", self.euro)
        self._create_invoice(currency_id=self.euro.id)
        self._create_invoice(currency_id=self.krona.id)
        notice = self._send()
        text = self._text(self._part(notice, "bank"))
        self.assertRegex(text, "For amounts in EUR .* EU1")
        self.assertRegex(text, "For amounts in SEK .* SE1")
        self.assertEqual(sorted(self._numbers(notice)), ["EU1", "SE1"])

    def test_statement_without_payment_information_names_no_account(self):
        self._create_bank("ANY")
        self._create_invoice()
        for code, named in (("statement", True), ("statement_no_payment", False)):
            with self.subTest(template=code):
                self.customer = self._create_customer(f"Customer {code}")
                self._create_invoice(self.customer)
                notice = self._send(code)[:1]
                self.assertEqual(self._part(notice, "bank") is not None, named)

    def test_account_of_a_journal_in_another_currency_is_not_named(self):
        bank = self._create_bank("SE1")
        self.company_data["default_journal_bank"].write(
            {"bank_account_id": bank.id, "currency_id": self.krona.id}
        )
        self._create_invoice(currency_id=self.euro.id)
        self._create_invoice(self.other_customer, currency_id=self.krona.id)
        notices = self._send().grouped("partner_id")
        self.assertIsNone(self._part(notices[self.customer], "bank"))
        self.assertEqual(self._numbers(notices[self.other_customer]), ["SE1"])

    def test_preparing_warns_when_a_transfer_is_asked_for_to_no_account(self):
        self._create_bank("SE1", self.krona)
        invoice = self._create_invoice(currency_id=self.euro.id)
        self._create_invoice(currency_id=self.krona.id)
        for code, account, missing in (
            ("firm", None, self.euro),
            ("statement_no_payment", None, self.euro.browse()),
            ("firm", self._create_bank("EU1", self.euro, active=False), self.euro.browse()),
        ):
            with self.subTest(template=code, account=account):
                self.scenario.level_ids.template_id = self._template(code)
                invoice.partner_bank_id = account
                run = self._create_run()
                self.assertEqual(run.without_account_ids, missing)
                shown = run.read_figures(run.id)["without_account"]
                self.assertEqual(shown, missing.mapped("name"), "above the task list")
        invoice.partner_bank_id = False
        self._create_bank("ANY")
        self.assertFalse(self._create_run().without_account_ids)

    def test_each_message_names_an_account_or_preparing_warns(self):
        accounts = (("SE1", self.krona), ("EU1", self.euro), ("ANY", None))
        currencies = (self.krona, self.euro, self.company.currency_id)
        for code in (*WITH_PAYMENT, *WITHOUT_PAYMENT):
            self.scenario.level_ids.template_id = self._template(code)
            for with_account in range(len(accounts) + 1):
                customers = {
                    self._create_customer(f"{code} {with_account} {currency.name}"): currency
                    for currency in currencies
                }
                for customer, currency in customers.items():
                    self._create_invoice(customer, currency_id=currency.id)
                self.company.partner_id.bank_ids.active = False
                for number, currency in accounts[:with_account]:
                    self._create_bank(f"{number}-{code}-{with_account}", currency)
                run = self._create_run()
                warned = run.without_account_ids
                run.action_send()
                for notice in run.notice_ids:
                    currency = customers[notice.partner_id]
                    with self.subTest(template=code, banks=with_account, currency=currency.name):
                        asks = code in WITH_PAYMENT
                        named = self._part(notice, "bank") is not None and self._numbers(notice)
                        self.assertEqual(bool(named), asks and currency not in warned)
                        self.assertTrue(asks or not warned)
                run.notice_ids.sudo()._mark_sent()


@tagged("post_install", "-at_install")
class TestDunningMessageCurrency(MessageCommon):
    """Who is billed in another currency reads in that what is open."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.euro = cls.setup_other_currency("EUR", rates=[("2000-01-01", 4.0)])

    def test_what_is_open_is_told_in_the_currency_of_all_items(self):
        self._create_invoice(amount=100, currency_id=self.euro.id)
        self._create_invoice(amount=60, currency_id=self.euro.id, days=20)
        self._create_invoice(amount=40, currency_id=self.euro.id).action_dunning_stop()
        notice = self._send("statement")
        self.assertEqual((notice.outstanding, notice.overdue), (50, 35))
        self.assertEqual(self._rows(notice, "tfoot"), [["Total", "100.00 €"]])
        summary = self._text(self._part(notice, "summary"))
        self.assertIn("Outstanding on your account 200.00 €", summary)
        self.assertIn("of which overdue 140.00 €", summary)
        self.assertNotIn("converted", summary)
        self.assertNotIn("$", self._text(self._tree(notice)))
        self.assertTrue(notice._get_message().internal_subject().endswith("€"))

    def test_several_currencies_are_told_in_that_of_the_company_and_it_is_said(self):
        self._create_invoice(amount=100, currency_id=self.euro.id)
        self._create_invoice(amount=10)
        notice = self._send("statement")
        summary = self._text(self._part(notice, "summary"))
        self.assertIn("Outstanding on your account $ 35.00", summary)
        self.assertIn("converted into USD", summary)
        totals = self._rows(notice, "tfoot")
        self.assertEqual(totals, [["Total EUR", "100.00 €"], ["Total USD", "$ 10.00"]])

    def test_the_preview_and_the_letter_say_the_same(self):
        self._create_invoice(amount=100, currency_id=self.euro.id)
        self.scenario.level_ids.write(
            {"template_id": self._template("statement").id, "action": "letter"}
        )
        run = self._create_run()
        action = run.line_ids.action_preview()
        preview = self.env["dunning.preview"].browse(action["res_id"]).body
        run.action_send()
        for body in (preview, run.notice_ids.kept_body):
            self.assertIn("Outstanding on your account 100.00", self._text(html.fromstring(body)))


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

    def test_which_texts_are_addresses(self):
        for email, valid in (
            ("Doe, Jane <jane@example.com>", True),
            ('"jane@example.com" <jane@example.com>', True),
            ("a@example.com, b@example.com", True),
            ("a@example.com; b@example.com", True),
            ("a@example.com, anna@", True),
            ("o'brien+x@mail.example.co.uk", True),
            ("büro@münchen.example", True),
            ("", False),
            ("anna", False),
            ("anna@example", False),
            ("Jane <jane@example>", False),
            ("an na@example.com", False),
        ):
            with self.subTest(email=email):
                self.assertEqual(self.env["dunning.action"]._is_valid(email), valid)

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


LANGUAGES = {
    "fr_FR": {
        "subject": "Relance de paiement",
        "salutation": "Bonjour Alpha,",
        "heads": ["Document", "Date", "Date d'échéance", "Jours de retard", "Montant dû"],
        "amount": "1 234,50 €",
        "held": "y compris ce qui ne figure pas ci-dessus",
        "bank": "Merci de virer",
        "closing": "Cordialement",
        "final": "Dernière relance",
    },
    "es_ES": {
        "subject": "Recordatorio de pago",
        "salutation": "Estimado/a Alpha:",
        "heads": [
            *("Documento", "Fecha", "Fecha de vencimiento", "Días de retraso", "Importe pendiente")
        ],
        "amount": "1.234,50 €",
        "held": "también lo que no figura arriba",
        "bank": "Le rogamos que transfiera",
        "closing": "Atentamente",
        "final": "Último requerimiento",
    },
    "de_DE": {
        "subject": "Zahlungserinnerung",
        "salutation": "Guten Tag Alpha,",
        "heads": ["Beleg", "Datum", "Fälligkeitsdatum", "Tage überfällig", "Offener Betrag"],
        "amount": "1.234,50 €",
        "held": "auch was oben nicht aufgeführt ist",
        "bank": "Bitte überweisen Sie",
        "closing": "Mit freundlichen Grüßen",
        "final": "Letzte Mahnung",
    },
    "nl_NL": {
        "subject": "Betalingsherinnering",
        "salutation": "Geachte Alpha,",
        "heads": ["Document", "Datum", "Vervaldatum", "Dagen te laat", "Openstaand bedrag"],
        "amount": "€ 1.234,50",
        "held": "ook wat hierboven niet is vermeld",
        "bank": "Gelieve het bedrag",
        "closing": "Met vriendelijke groet",
        "final": "Laatste aanmaning",
    },
}
ENGLISH = ("Dear", "Please", "reminder", "Kind regards", "Amount due", "Outstanding", "overdue")


@tagged("post_install", "-at_install")
class TestDunningMessageLanguages(MessageCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        module = cls.env.ref("base.module_dunning_exclusion")
        for lang in LANGUAGES:
            cls.env["res.lang"]._activate_lang(lang)
        module._update_translations(list(LANGUAGES))
        cls.euro = cls.env.ref("base.EUR")
        cls.euro.active = True
        cls._create_bank("EU1", cls.euro)

    def _send_in(self, lang, code="friendly", **values):
        customer = self._create_customer("Alpha", lang=lang)
        euro = {"currency_id": self.euro.id}
        invoice = self._create_invoice(customer, 1234.5, **euro)
        self._create_invoice(customer, 5, **euro).action_dunning_stop()
        notice = self._send(code, **values).filtered(lambda n: n.partner_id == customer)
        return invoice, notice

    def test_message_is_in_the_language_of_the_customer(self):
        """Whoever sends it, in whatever language: words, dates and amounts are the customer's."""
        for lang, words in LANGUAGES.items():
            with self.subTest(lang=lang):
                invoice, notice = self._send_in(lang)
                mail = notice.mail_id
                self.assertTrue(mail.subject.endswith(words["subject"]), mail.subject)
                tree = self._tree(notice)
                self.assertEqual(tree.xpath("/html/@lang"), [lang.replace("_", "-")])
                text = self._text(tree)
                for key in ("salutation", "held", "bank", "closing"):
                    self.assertIn(words[key], text)
                for word in ENGLISH:
                    self.assertNotIn(word, text)
                heads = [self._text(head) for head in self._part(notice, "items").xpath(".//th")]
                self.assertEqual(heads, words["heads"])
                row = self._rows(notice)[0]
                self.assertEqual(row[0], invoice.name)
                amount = " ".join(words["amount"].split())
                self.assertIn(amount.replace("€ ", "").replace(" €", ""), row[-1])

    def test_nobody_escapes_by_a_language_that_odoo_does_not_speak(self):
        """Odoo lets customers write any code into the language of their contact."""
        self.company.partner_id.lang = "de_DE"
        invoice, notice = self._send_in("xx_XX")
        self.assertEqual((notice.state, notice.lang), ("queued", "de_DE"))
        self.assertIn(LANGUAGES["de_DE"]["closing"], self._text(self._tree(notice)))
        # One that an earlier version has made can be read.
        notice.sudo().lang = "xx_XX"
        notice.invalidate_recordset()
        self.assertIn(invoice.name, notice.items_table)
        self.company.partner_id.lang = "xx_XX"
        self.assertEqual(self._send_in("xx_XX")[1].state, "queued")
        run = self._create_run(
            mode="criteria",
            type_id=self.type_overdue.id,
            criteria_domain="[('partner_id.name', '=', 'Alpha')]",
        )
        self.assertTrue(run.line_ids)

    def test_dates_are_written_as_in_the_country(self):
        for lang, pattern in (("de_DE", "%d.%m.%Y"), ("fr_FR", "%d/%m/%Y")):
            with self.subTest(lang=lang):
                invoice, notice = self._send_in(lang)
                self.assertEqual(
                    self._rows(notice)[0][2], invoice.invoice_date_due.strftime(pattern)
                )

    def test_every_template_is_translated(self):
        for lang in LANGUAGES:
            for code in WITH_PAYMENT + WITHOUT_PAYMENT:
                template = self._template(code)
                translated = template.with_context(lang=lang)
                english = template.with_context(lang="en_US")
                with self.subTest(lang=lang, template=code):
                    for name in ("name", "subject", "body_html"):
                        self.assertNotEqual(translated[name], english[name])
                    self.assertEqual(self._placeholders(translated), self._placeholders(english))

    def _placeholders(self, template):
        tree = html.fromstring(str(template.body_html))
        return tree.xpath("//t/@t-out")

    def test_letter_is_in_the_language_of_the_customer(self):
        for lang, words in LANGUAGES.items():
            with self.subTest(lang=lang):
                _invoice, notice = self._send_in(lang, "final", action="letter")
                pages, _type = self.env["ir.actions.report"]._render_qweb_html(
                    "dunning_exclusion.action_report_notice", notice.ids
                )
                text = self._text(html.fromstring(pages))
                for key in ("salutation", "held", "bank", "closing", "final"):
                    self.assertIn(words[key], text)

    def test_customer_in_an_unknown_language_gets_english(self):
        self.env["res.lang"]._activate_lang("it_IT")
        _invoice, notice = self._send_in("it_IT")
        self.assertIn("Dear Alpha,", self._text(self._tree(notice)))
