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
        self.assertEqual(heads, ["Document", "Date", "Due date", "Open amount"])
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
        self.assertIn("also what is not listed above", summary)

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
        self.assertEqual(str(body), str(run.notice_ids.mail_id.body_html))
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
