from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time
from lxml import html

from odoo.tests import Form, tagged

from ..controllers import reminder_page
from .answers_common import PDF, AnswersCommon

HELD = ("unchecked", "stop_item")
PROMISED = ("unchecked", "promise")
FREE = ("included", None)


@tagged("post_install", "-at_install")
class TestReminderPage(AnswersCommon):
    """What customers can answer on the page of a reminder, and what the next run makes of it."""

    def test_page_shows_what_is_open_now(self):
        page = self._open(self._url())
        self.assertEqual(page.status_code, 200)
        text = self._text(page)
        for words in (self.first.name, self.second.name, "300.00", self.company.name):
            self.assertIn(words, text)
        self._pay(self.first)
        text = self._text(self._open(self._url()))
        self.assertNotIn(self.first.name, text)
        self.assertIn(self.second.name, text)

    def test_page_speaks_the_language_of_the_customer(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.notice.sudo().lang = "fr_FR"
        page = self._open(self._url())
        self.assertEqual(self._tree(page).get("lang"), "fr-FR")
        self.assertIn("100,00", self._text(page))

    def test_page_tells_why_items_are_held_back_and_no_secrets(self):
        insider = self.env.ref("dunning_exclusion.reason_key_account")
        self.first._dunning_block("stop", reason_id=insider.id, note="Never pays, is broke")
        self.company.dunning_item_minimum = 150
        text = self._text(self._open(self._url()))
        self.assertIn("We do not remind you of this at the moment.", text)
        for secret in (insider.name, "broke", "inimum"):
            self.assertNotIn(secret, text)

    def test_promise_within_the_limits_is_open_at_once(self):
        page = self._fill_in("promise", items=self._items(self.first), date=self._days(5))
        self.assertIn("This is noted", self._text(page))
        answer = self._answers("promise")
        promise = answer.promise_id
        self.assertEqual((answer.state, promise.state), ("accepted", "open"))
        self.assertEqual(promise.move_line_ids, self._items(self.first))
        self.assertEqual(answer.activity_ids.user_id, self.responsible)
        self.assertEqual(self._outcomes(), [PROMISED, FREE])

    def test_promise_beyond_the_limits_waits_for_somebody(self):
        self.company.dunning_answer_promise_amount = 1000
        for values in ({"date": self._days(30)}, {"date": self._days(3), "limit": 250}):
            with self.subTest(values=values):
                limit = values.pop("limit", 1000)
                self.company.dunning_answer_promise_amount = limit
                page = self._fill_in("promise", **values)
                self.assertIn("We will look at it", self._text(page))
                answer = self._answers("promise")[0]
                self.assertEqual((answer.state, answer.promise_id.state), ("waiting", "proposed"))
                self.assertEqual(self._outcomes(), [PROMISED, PROMISED])
                held = timedelta(days=self.company.dunning_answer_decide_days + 1)
                with freeze_time(self.today + held):
                    self.env.invalidate_all()
                    self.assertEqual(self._outcomes(), [FREE, FREE])
                answer.promise_id.with_user(self.responsible).action_decline()
                self.assertEqual((answer.state, answer.promise_id.state), ("declined", "declined"))
                self.assertFalse(answer.activity_ids)
                self.assertEqual(self._outcomes(), [FREE, FREE])

    def test_promise_that_is_accepted_is_an_ordinary_one(self):
        self._fill_in("promise", date=self._days(30))
        answer = self._answers("promise")
        with self.mock_mail_gateway():
            answer.with_user(self.responsible).action_accept()
        self.assertEqual((answer.state, answer.promise_id.state), ("accepted", "open"))
        self.assertEqual(self._outcomes(), [PROMISED, PROMISED])

    def test_amounts_are_read_as_the_language_writes_them(self):
        for lang, text, number in (
            ("en_US", "1,000", 1000),
            ("en_US", "1,234,567.8", 1234567.8),
            ("en_US", "1.000", 1),
            ("en_US", "12,5", 12.5),
            ("de_DE", "1.000", 1000),
            ("de_DE", "1.234,50", 1234.5),
            ("de_DE", "12.50", 12.5),
            ("de_DE", "12,50", 12.5),
            ("fr_FR", "1 234,50", 1234.5),
            ("fr_FR", "1\u202f234,50", 1234.5),
            ("en_US", "١٢", 12),
            *[("en_US", text, None) for text in ("", "-1", "1_0", "1e9", "nan", "inf", "1.2.3")],
        ):
            with self.subTest(lang=lang, text=text):
                self.env["res.lang"]._activate_lang(lang)
                env = self.env(context={"lang": lang})
                self.assertEqual(reminder_page.read_number(env, text), number)

    def test_who_broke_promises_has_to_be_accepted(self):
        self.company.dunning_answer_promise_broken = 0
        broken = self.env["dunning.promise"].create(
            {"partner_id": self.customer.id, "date": self._days(-20)}
        )
        self.assertEqual(broken.state, "broken")
        self._fill_in("promise", date=self._days(5))
        self.assertEqual(self._answers("promise").promise_id.state, "proposed")

    def test_disputed_item_is_held_and_the_rest_is_reminded(self):
        text = "Two <b>boxes</b> were broken"
        self._fill_in(
            "dispute",
            items=self._items(self.first),
            reason="quality",
            text=text,
            files={"file": ("evil.exe", PDF)},
        )
        answer = self._answers("dispute")
        block = answer.block_ids
        self.assertEqual((block.kind, block.origin, block.state), ("stop", "customer", "active"))
        self.assertEqual(block.reason_id.code, "dispute")
        self.assertEqual((block.move_id, block.partner_id), (self.first, self.customer))
        self.assertIn(text, block.note)
        self.assertFalse(block.date_to)
        self.assertEqual(answer.activity_ids.user_id, self.responsible)
        self.assertIn("&lt;b&gt;", answer.activity_ids.note)
        deadline = self.today + timedelta(days=self.company.dunning_answer_decide_days)
        self.assertEqual(answer.activity_ids.date_deadline, deadline)
        self.assertEqual(answer.attachment_ids.mapped("mimetype"), ["application/pdf"])
        self.assertFalse(answer.attachment_ids.public)
        self.assertNotIn("evil", answer.attachment_ids.name)
        for record in (self.customer, self.first):
            self.assertIn("&lt;b&gt;boxes", record.message_ids[0].body)
        self.assertEqual(self._outcomes(), [HELD, FREE])
        said = self._text(self._open(self._url()))
        self.assertIn("We are looking into what you told us.", said)

    def test_dispute_is_justified_or_not(self):
        for decide, state, outcome in (
            ("action_accept", "accepted", HELD),
            ("action_decline", "declined", FREE),
        ):
            with self.subTest(state=state):
                self._fill_in(
                    "dispute", items=self._items(self.first), reason="amount", text=decide
                )
                answer = self._answers("dispute")[0]
                with self.mock_mail_gateway():
                    getattr(answer.with_user(self.responsible), decide)()
                self.assertEqual(answer.state, state)
                self.assertFalse(answer.activity_ids)
                self.assertEqual(self._outcomes()[0], outcome)
                self.assertIn(self.customer, self.notice.message_ids[0].partner_ids)
                credit = self.env.ref("dunning_exclusion.reason_credit_note")
                if state == "accepted":
                    self.assertEqual(answer.block_ids.reason_id, credit)
                    answer.block_ids.action_lift()

    def test_credit_note_of_a_justified_dispute_is_for_its_invoice(self):
        self.env.user.group_ids += self.env.ref("account.group_account_invoice")
        self._fill_in("dispute", items=self._items(self.first), reason="amount", text="No")
        answer = self._answers("dispute")
        with self.mock_mail_gateway():
            action = answer.action_accept()
        # The form of the answer is what the client would name otherwise.
        context = {"active_model": answer._name, "active_ids": answer.ids, **action["context"]}
        reversal = Form(self.env[action["res_model"]].with_context(**context)).save()
        self.assertEqual(reversal.move_ids, self.first)
        self.assertEqual(reversal.journal_id, self.first.journal_id)

    def test_paid_items_are_held_for_some_days(self):
        self.company.dunning_answer_paid_days = 4
        page = self._fill_in("paid", date=self._days(-1), reference="REF 77")
        self.assertIn("We will look at it", self._text(page))
        answer = self._answers("paid")
        self.assertEqual(set(answer.block_ids.mapped("origin")), {"customer"})
        ends = {self.today + timedelta(days=4)}
        self.assertEqual(set(answer.block_ids.mapped("date_to")), ends)
        self.assertEqual(self._outcomes(), [HELD, HELD])
        with freeze_time(self.today + timedelta(days=5)):
            self.env.invalidate_all()
            self.assertEqual(self._outcomes(), [FREE, FREE])

    def test_paid_items_are_held_longer_while_bank_data_are_old(self):
        self._fill_in("paid", date=self._days(-1))
        block = self._answers("paid").block_ids[0]
        end = block.date_to
        journal = self.company_data["default_journal_bank"]
        line = self.env["account.bank.statement.line"].create(
            {"journal_id": journal.id, "date": self.today, "amount": 1, "payment_ref": "x"}
        )
        with freeze_time(end):
            self.env["dunning.answer"]._cron_wait_for_bank()
            self.assertEqual(block.date_to, end + timedelta(days=1))
            block.date_to = end
            line.copy({"date": end})
            self.env["dunning.answer"]._cron_wait_for_bank()
            self.assertEqual(block.date_to, end)

    def test_wrong_person_changes_nothing_but_makes_a_to_do(self):
        before = self.customer.read(["name", "email", "street"])
        blocks = self.env["dunning.block"].search_count([])
        self._fill_in("wrong_person", text="Ask Bob, bob@example.com")
        answer = self._answers("wrong_person")
        self.assertEqual(answer.activity_ids.user_id, self.responsible)
        self.assertIn("bob@example.com", answer.activity_ids.note)
        self.assertEqual(self.customer.read(["name", "email", "street"]), before)
        self.assertEqual(self.env["dunning.block"].search_count([]), blocks)
        self.assertEqual(self._outcomes(), [FREE, FREE])

    def test_invoices_are_paid_on_the_page_of_core(self):
        provider = self.env["payment.provider"].create(
            {"name": "Test", "code": "none", "state": "test", "is_published": True}
        )
        provider.company_id = self.company
        page = self._open(self._url(path="/answer/pay"))
        form = self._tree(page).forms[0]
        response = self.url_open(form.action, data=dict(form.form_values()), allow_redirects=False)
        self.assertEqual(response.status_code, 303)
        self.assertIn(f"/my/invoices/{self.first.id}?access_token=", response.headers["Location"])
        self.assertFalse(self._answers())

    def test_what_was_said_is_taken_back(self):
        for code, values in (
            ("promise", {"date": self._days(5)}),
            ("promise", {"date": self._days(50)}),
            ("paid", {"date": self._days(0)}),
            ("dispute", {"reason": "other", "text": "No"}),
            ("wrong_person", {"text": "No"}),
        ):
            with self.subTest(code=code):
                page = self._fill_in(code, **values)
                form = next(f for f in self._tree(page).forms if f.action.endswith("/undo"))
                page = self._open(form.action, data=dict(form.form_values()))
                self.assertIn("You withdrew this.", self._text(page))
                answer = self._answers(code)[0]
                self.assertEqual(answer.state, "undone")
                self.assertFalse(answer.activity_ids)
                self.assertEqual(self._outcomes(), [FREE, FREE])
                self.assertIn("withdrew this", self.first.message_ids[0].body)

    def test_what_somebody_decided_is_not_taken_back(self):
        page = self._fill_in("dispute", reason="other", text="No")
        form = next(f for f in self._tree(page).forms if f.action.endswith("/undo"))
        self._answers("dispute").action_accept()
        self._open(form.action, data=dict(form.form_values()))
        self.assertEqual(self._answers("dispute").state, "accepted")

    def test_answers_that_are_not_offered(self):
        self.company.dunning_answer_off_ids = self.env.ref("dunning_exclusion.answer_promise")
        page = self._text(self._open(self._url()))
        self.assertNotIn("I will pay later", page)
        self.assertEqual(self._open(self._url(path="/answer/promise")).status_code, 404)

    def test_invoice_as_pdf(self):
        with patch.object(
            type(self.first),
            "_get_invoice_legal_documents",
            lambda *args, **kwargs: {"filename": "a.pdf", "content": PDF},
        ):
            response = self._open(self._url(path=f"/invoice/{self.first.id}"))
            self.assertEqual(response.content, PDF)
            foreign = self._create_invoice(self.other_customer)
            # Of this customer, but settled, and not in the reminder.
            settled = self._create_invoice(self.customer)
            self._pay(settled)
            for move_id in (foreign.id, settled.id, 2**31, 2**31 - 1, 0):
                response = self._open(self._url(path=f"/invoice/{move_id}"))
                self.assertEqual(response.status_code, 404)
            later = self._create_invoice(self.customer)
            self._pay(self.first)
            for move in (later, self.first):
                response = self._open(self._url(path=f"/invoice/{move.id}"))
                self.assertEqual(response.content, PDF, "open, or in the reminder")

    def test_short_address_of_letters_leads_to_the_page(self):
        short = self.notice._get_short_url().split("/", 3)[3]
        page = self._open(f"/{short}")
        self.assertEqual(page.status_code, 200)
        self.assertIn(self.first.name, self._text(page))
        self.assertEqual(self._open(f"/{short[:-1]}").status_code, 404)
        self.assertEqual(self._open(f"/reminder/{self.notice.id}/-").status_code, 404)

    def test_mail_has_the_button_and_it_opens_the_page(self):
        body = html.fromstring(self.notice.mail_id.sudo().body_html)
        (link,) = body.xpath("//a[contains(., 'Answer or pay')]/@href")
        self.assertTrue(link.endswith(f"?access_token={self.notice.access_token}"))
        page = self._open(link[link.index("/my/") :])
        self.assertIn(self.first.name, self._text(page))

    def test_mail_has_no_button_while_the_page_is_off(self):
        self.company.dunning_answers = False
        delta = self._create_customer("Delta")
        self._create_invoice(delta)
        run = self._create_run()
        run.action_send()
        notice = run.notice_ids.filtered(lambda n: n.partner_id == delta)
        self.assertNotIn("/my/reminder/", notice.mail_id.sudo().body_html)

    def test_portal_user_finds_own_reminders_in_the_account(self):
        for customer, found in ((self.customer, True), (self.other_customer, False)):
            with self.subTest(customer=customer.name):
                user = self._create_user(customer.name, "base.group_portal")
                user.partner_id.parent_id = customer
                user.password = "a long secret"
                self.authenticate(user.login, "a long secret")
                listed = self._open("/my/reminders")
                self.assertEqual(self.notice.access_url in listed.text, found)
                page = self._open(self.notice.access_url)
                self.assertEqual(page.status_code, 200 if found else 404)
                if found:
                    self.assertNotIn(self.notice.access_token, page.text)

    def test_portal_user_opens_only_what_was_sent(self):
        user = self._create_user("reader", "base.group_portal")
        user.partner_id.parent_id = self.customer
        user.password = "a long secret"
        self.authenticate(user.login, "a long secret")
        for values, opens in (
            ({"state": "failed"}, False),
            ({"state": "queued"}, False),
            ({"state": "skipped"}, False),
            ({"action": "activity"}, False),
            ({"action": "letter"}, True),
            ({"action": "email"}, True),
        ):
            with self.subTest(values=values):
                self.notice.sudo().write({"state": "sent", "action": "email", **values})
                status = 200 if opens else 404
                self.assertEqual(self._open(self.notice.access_url).status_code, status)
                listed = self._open("/my/reminders").text
                self.assertEqual(self.notice.access_url in listed, opens)
                counter = self.url_open(
                    "/my/counters", json={"params": {"counters": ["reminder_count"]}}
                ).json()["result"]
                self.assertEqual(counter["reminder_count"], int(opens))

    def test_letter_has_short_address_and_code(self):
        report = self.env["ir.actions.report"]
        letter, _type = report._render_qweb_html(
            "dunning_exclusion.action_report_notice", self.notice.ids
        )
        tree = html.fromstring(letter)
        (link,) = tree.find_class("dunning_link")
        self.assertIn(self.notice._get_short_url(), link.text_content())
        self.assertTrue(link.xpath(".//img")[0].get("src").startswith("data:image/png;base64,"))
        self.company.dunning_answers = False
        letter, _type = report._render_qweb_html(
            "dunning_exclusion.action_report_notice", self.notice.ids
        )
        self.assertNotIn(b"dunning_link", letter)
