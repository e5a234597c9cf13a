import io
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time
from PIL import Image
from psycopg2.errors import UniqueViolation

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import tagged

from ..controllers import reminder_page
from .answers_common import PDF, AnswersCommon

TABLES = (
    *("dunning_answer", "dunning_block", "dunning_promise", "dunning_notice", "mail_message"),
    *("mail_activity", "account_move", "account_move_line", "ir_attachment", "res_partner"),
)


@tagged("post_install", "-at_install")
class TestReminderPageAttacks(AnswersCommon):
    """The page of a reminder, opened by hostile callers."""

    def _state_of_tables(self):
        """Return how many records the tables have, and when each was last written."""
        self.env.flush_all()
        found = {}
        for table in TABLES:
            self.env.cr.execute(f"SELECT COUNT(*), MAX(write_date), MAX(id) FROM {table}")
            found[table] = self.env.cr.fetchone()
        return found

    def _assert_neutral(self, response):
        """Assert that the response is the one page that tells nothing."""
        self.assertEqual(response.status_code, 404)
        text = self._text(response)
        self.assertIn("This link does not work", text)
        self.assertTrue(self._tree(response).get("lang"))
        for word in (self.customer.name, self.company.name, self.first.name):
            self.assertNotIn(word, text)

    def test_a_thousand_reads_change_nothing(self):
        self._open(self._url())
        before = self._state_of_tables()
        paths = ("", "/answer/promise", "/answer/dispute", "/answer/paid", "/answer/wrong_person")
        urls = [self._url(path=path) for path in paths]
        urls += [self._url(path="/undo"), "/my/reminder/1?access_token=x", self._url(token="x")]
        for number in range(1000):
            self.opener.get(self.base_url() + urls[number % len(urls)], timeout=30)
        self.assertEqual(self._state_of_tables(), before)

    def test_wrong_tokens_get_one_neutral_page(self):
        mine = self.notice.access_token
        self.other_notice.sudo().access_token = "other"
        revoked = self._create_customer("Revoked")
        self._create_invoice(revoked)
        run = self._create_run()
        run.action_send()
        dead = run.notice_ids.filtered(lambda notice: notice.partner_id == revoked)
        token = dead.access_token
        dead.with_user(self.responsible).action_revoke_link()
        seen = set()
        for notice_id, given in (
            (self.notice.id, "other"),
            (self.notice.id, mine[:-1]),
            (self.notice.id, mine + "x"),
            (self.notice.id, mine.swapcase()),
            (self.notice.id, "%C3%A9%00"),
            (self.notice.id, "False"),
            (self.notice.id, "x" * 5000),
            (self.other_notice.id, mine),
            (dead.id, token),
            (dead.id, ""),
            (dead.id, "False"),
            (10**9, mine),
            (10**12, mine),
            (0, mine),
        ):
            for path in ("", "/answer/promise", f"/invoice/{self.first.id}"):
                with self.subTest(notice=notice_id, token=given[:50], path=path):
                    url = f"/my/reminder/{notice_id}{path}?access_token={given}"
                    response = self._open(url)
                    self._assert_neutral(response)
                    seen.add(self._text(response))
        self._assert_neutral(self._open(f"/my/reminder/{self.notice.id}"))
        self.assertEqual(len(seen), 1)

    def test_forged_posts_do_nothing(self):
        page = self._open(self._url(path="/answer/dispute"))
        form = self._tree(page).forms[0]
        good = dict(form.form_values()) | {"reason": "other", "text": "x"}
        for forged in (
            {"access_token": "wrong"},
            {"access_token": self.other_notice.access_token},
        ):
            with self.subTest(forged=forged):
                self._assert_neutral(self._open(form.action, data=good | forged))
        for forged in ({"csrf_token": "wrong"}, {"csrf_token": ""}):
            with self.subTest(forged=forged):
                self.assertEqual(self._open(form.action, data=good | forged).status_code, 400)
        self.assertFalse(self._answers())

    def test_expired_links_open_nothing(self):
        self._pay(self.first)
        self._pay(self.second)
        last = self.today + timedelta(days=self.company.dunning_answer_link_days)
        for day, status in ((last, 200), (last + timedelta(days=1), 404)):
            with self.subTest(day=day), freeze_time(day):
                self.assertEqual(self._open(self._url()).status_code, status)

    def test_link_of_open_items_does_not_expire(self):
        notice = self.notice.with_user(self.env.ref("base.user_root"))
        with freeze_time(self.today + timedelta(days=700)):
            self.assertTrue(reminder_page.find_notice(self.env, notice.id, notice.access_token))

    def test_page_is_off_by_default(self):
        self.assertFalse(self.env["res.company"].create({"name": "New"}).dunning_answers)
        self.company.dunning_answers = False
        self._assert_neutral(self._open(self._url()))

    def test_said_twice_is_one_answer(self):
        page = self._open(self._url(path="/answer/dispute"))
        form = self._tree(page).forms[0]
        data = [pair for pair in form.form_values() if pair[0] != "text"]
        data += [("reason", "other"), ("text", "Twice")]
        for _time in range(3):
            self.assertEqual(self._open(form.action, data=data).status_code, 200)
        self.assertEqual(len(self._answers()), 1)
        self.assertEqual(len(self.customer.dunning_block_ids), 2)
        self.assertEqual(len(self._answers().activity_ids), 1)

    def test_sent_twice_in_the_same_moment_shows_the_page(self):
        # That PostgreSQL refuses the second one: see tests_process/test_answers.py.
        with patch.object(reminder_page, "answer", side_effect=UniqueViolation()):
            page = self._fill_in("wrong_person", text="Bob")
        self.assertEqual(page.status_code, 200)
        self.assertIn(self.first.name, self._text(page))

    def test_items_of_others_are_not_answered(self):
        foreign = self._items(self._create_invoice(self.other_customer))
        other_company = self.setup_other_company()["company"]
        invoice = self._create_invoice(
            self.customer.with_company(other_company), 777, company_id=other_company.id
        )
        self.assertNotIn("777", self._text(self._open(self._url())))
        paid = self._create_invoice()
        self._pay(paid)
        for items in (foreign, self._items(invoice), self._items(paid), []):
            with self.subTest(items=items):
                page = self._fill_in("dispute", items=items, reason="other", text="x")
                self.assertEqual(page.status_code, 422)
        self._fill_in("dispute", items=foreign | self._items(self.first), reason="other", text="x")
        self.assertEqual(self._answers().move_line_ids, self._items(self.first))
        self.assertFalse(foreign.dunning_block_ids)

    def test_answers_of_others_are_not_taken_back(self):
        self._fill_in("dispute", self.other_notice, reason="other", text="x")
        foreign = self.env["dunning.answer"].search([("notice_id", "=", self.other_notice.id)])
        page = self._fill_in("paid", date=self._days(0))
        form = next(f for f in self._tree(page).forms if f.action.endswith("/undo"))
        for answer_id in (foreign.id, "x", "-1", "9" * 30, "9" * 5000, ""):
            data = dict(form.form_values()) | {"answer_id": answer_id}
            self.assertEqual(self._open(form.action, data=data).status_code, 200)
        data = dict(form.form_values())
        files = {"answer_id": ("x", data.pop("answer_id"))}
        self.assertEqual(self._open(form.action, data=data, files=files).status_code, 200)
        self.assertEqual(foreign.state, "waiting")
        self.assertEqual(self._answers().state, "waiting")

    def test_what_is_not_possible_is_refused_in_words(self):
        for code, values, words in (
            ("promise", {"date": self._days(-1)}, "I will pay on"),
            ("promise", {"date": self._days(366)}, "I will pay on"),
            ("promise", {"date": "9999-12-31"}, "I will pay on"),
            ("promise", {"date": "x' OR 1=1"}, "I will pay on"),
            ("promise", {"date": ""}, "I will pay on"),
            ("promise", {"date": self._days(1), "amount": "-5"}, "above 0"),
            ("promise", {"date": self._days(1), "amount": "301"}, "above 0"),
            ("promise", {"date": self._days(1), "amount": "nan"}, "above 0"),
            ("promise", {"date": self._days(1), "amount": "inf"}, "above 0"),
            ("promise", {"date": self._days(1), "amount": "1e9"}, "above 0"),
            ("paid", {"date": self._days(1)}, "I paid on"),
            ("paid", {"date": self._days(-1), "reference": "x" * 101}, "too long"),
            ("dispute", {"reason": "other", "text": " "}, "Tell us more"),
            ("dispute", {"reason": "other", "text": "x" * 2001}, "too long"),
            ("dispute", {"reason": "evil", "text": "x"}, "Choose what is not right"),
            ("wrong_person", {"text": ""}, "Name and address"),
        ):
            with self.subTest(code=code, values={k: v[:20] for k, v in values.items()}):
                page = self._fill_in(code, **values)
                self.assertEqual(page.status_code, 422)
                (alert,) = self._tree(page).xpath("//*[@role='alert']")
                self.assertIn(words, alert.text_content())
        self.assertEqual(self._open(self._url(path="/answer/reply")).status_code, 404)
        self.assertFalse(self._answers())

    def test_files_are_checked(self):
        for name, content in (
            ("page.pdf", b"<html><script>alert(1)</script></html>"),
            ("image.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
            ("empty.pdf", b""),
            ("big.pdf", PDF + b" " * reminder_page.LARGEST_FILE),
            ("bomb.png", self._make_image(20_000, 20_000)),
            ("large.png", self._make_image(9_000, 9_000)),
            ("cut.png", self._make_image(10, 10)[:20]),
        ):
            with self.subTest(name=name):
                page = self._fill_in(
                    "dispute", reason="other", text="x", files={"file": (name, content)}
                )
                self.assertEqual(page.status_code, 422)
        files = [("file", (f"{number}.pdf", PDF)) for number in range(4)]
        page = self._fill_in("dispute", reason="other", text="x", files=files)
        self.assertEqual(page.status_code, 422)
        self.assertFalse(self._answers())

    def test_forms_that_no_browser_sends_are_answered_in_words_or_refused(self):
        page = self._open(self._url(path="/answer/dispute"))
        form = self._tree(page).forms[0]
        good = dict(form.form_values()) | {"reason": "other", "text": "x"}
        bomb = "<div>" * 400
        for name, changed, files, statuses in (
            ("text as file", {}, {"text": ("x.txt", b"x")}, (200, 422)),
            ("reason as file", {}, {"reason": ("x.txt", b"x")}, (200, 422)),
            ("item as file", {}, {"item": ("x.txt", b"x")}, (200, 422)),
            ("token as file", {"access_token": ""}, {"access_token": ("x", b"x")}, (404,)),
            ("nested HTML", {"text": bomb}, None, (200,)),
            (
                "control signs",
                {"text": "a\0b\x1b\u202e\ud83d\ude00".encode("utf-8", "replace")},
                None,
                (200,),
            ),
            ("not UTF-8", {"text": b"\xff\xfe\xfa"}, None, (200, 400, 422)),
            ("odd items", {"item": "9" * 5000}, None, (422,)),
            ("items of SQL", {"item": "1) OR (1=1"}, None, (422,)),
            ("unknown fields", {"state": "accepted", "company_id": "1"}, None, (200,)),
            ("very much", {"text": "x" * 20 * 2**20}, None, (413, 400)),
            ("many fields", {f"f{number}": "x" for number in range(2000)}, None, (200, 413, 400)),
        ):
            with self.subTest(name):
                data = {
                    key: value
                    for key, value in (good | changed).items()
                    if key not in (files or {})
                }
                response = self._open(form.action, data=data, files=files)
                self.assertIn(response.status_code, statuses)
                self.assertNotIn("Traceback", response.text)
        self.assertEqual(set(self._answers().mapped("state")), {"waiting"})
        for number in ("1_0", "1 000", "0x10", "1,2,3", "1" * 400, "-0", "0"):
            with self.subTest(amount=number):
                page = self._fill_in("promise", date=self._days(1), amount=number)
                self.assertIn(page.status_code, (422,))
        for day in (
            "2026-02-30",
            "0000-00-00",
            "2026-13-01",
            "31.12.2026",
            "٢٠٢٦-١٢-٣١",
            "-1-01-01",
        ):
            with self.subTest(day=day):
                self.assertEqual(self._fill_in("promise", date=day).status_code, 422)

    def test_parts_of_files_that_are_broken(self):
        page = self._open(self._url(path="/answer/dispute"))
        form = self._tree(page).forms[0]
        head = "multipart/form-data; boundary=x"
        fields = dict(form.form_values()) | {"reason": "other", "text": "x"}
        good = "".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        place = 'Content-Disposition: form-data; name="file"; filename="{}"'
        part = f"--x\r\n{place}\r\n{{}}\r\n%PDF-1.4\r\n"
        for name, body, kind in (
            ("no end", good + part.format("a.pdf", ""), head),
            ("no boundary", good, "multipart/form-data"),
            ("other boundary", good.replace("--x", "--y"), head),
            ("no name", good + "--x\r\n\r\nx\r\n--x--\r\n", head),
            ("long name", good + part.format("a" * 9000, "") + "--x--\r\n", head),
            ("path", good + part.format("../../etc/passwd\0.pdf", "") + "--x--\r\n", head),
            ("type", good + part.format("a.pdf", "Content-Type: \x01;;;=\r\n") + "--x--\r\n", head),
            ("nothing", "", head),
            ("JSON", '{"text": "x"}', "application/json"),
            ("unknown kind", good, "text/evil"),
        ):
            with self.subTest(name):
                response = self._open(
                    form.action, data=body.encode(), headers={"Content-Type": kind}
                )
                self.assertLess(response.status_code, 500)
                self.assertNotIn("Traceback", response.text)
        for attachment in self._answers().attachment_ids:
            self.assertRegex(attachment.name, r"^Attachment \d\.pdf$")

    def _make_image(self, width, height):
        """Return a PNG file of black pixels: a small file, whatever its size."""
        file = io.BytesIO()
        Image.new("1", (width, height)).save(file, "PNG")
        return file.getvalue()

    def test_images_are_kept_as_they_were_sent(self):
        raw = self._make_image(3_000, 10)
        self._fill_in("dispute", reason="other", text="x", files={"file": ("a.png", raw)})
        self.assertEqual(self._answers().attachment_ids.raw, raw)

    def test_little_money_does_not_hold_much_back(self):
        self.company.dunning_answer_promise_amount = 250
        self._fill_in("promise", date=self._days(2), amount="1")
        self.assertEqual(self._answers().promise_id.state, "proposed")

    def test_promises_that_are_taken_back_last_no_longer(self):
        days = self.company.dunning_answer_promise_days
        page = self._fill_in("promise", date=self._days(days))
        form = next(f for f in self._tree(page).forms if f.action.endswith("/undo"))
        self._open(form.action, data=dict(form.form_values()))
        self._fill_in("promise", date=self._days(days - 1))
        self.assertEqual(self._answers()[0].promise_id.state, "open")
        with freeze_time(self.today + timedelta(days=2)):
            self._fill_in("promise", date=self._days(days + 1))
            self.assertEqual(self._answers()[0].promise_id.state, "proposed")

    def test_too_many_answers_are_refused(self):
        with patch.object(reminder_page, "MOST_IN_AN_HOUR", 2):
            for number in range(3):
                page = self._fill_in("wrong_person", text=f"Number {number}")
            self.assertEqual(page.status_code, 422)
        self.assertEqual(len(self._answers()), 2)

    def test_texts_are_shown_as_they_were_typed(self):
        evil = "<script>alert(1)</script>"
        page = self._fill_in("dispute", reason="evil", text=evil)
        self.assertNotIn(evil, page.text)
        self._fill_in("dispute", reason="other", text=evil)
        answer = self._answers()
        for body in (
            *(answer.activity_ids.note, self.first.message_ids[0].body),
            self.customer.message_ids[0].body,
        ):
            self.assertNotIn("<script", body)
            self.assertIn("&lt;script", body)

    def test_pages_tell_nobody_their_address(self):
        for url in (self._url(), self._url(token="x"), self._url(path="/answer/paid")):
            headers = self._open(url).headers
            self.assertEqual(headers["Referrer-Policy"], "no-referrer")
            self.assertIn("noindex", headers["X-Robots-Tag"])
            self.assertIn("no-store", headers["Cache-Control"])
            self.assertIn("frame-ancestors 'none'", headers["Content-Security-Policy"])

    def test_token_opens_no_conversation(self):
        Notice = self.env["dunning.notice"].with_user(self.env.ref("base.public_user"))
        thread = Notice._get_thread_with_access(
            self.notice.id, mode="read", token=self.notice.access_token
        )
        self.assertFalse(thread)

    def test_tokens_are_random_and_for_those_who_work(self):
        tokens = self.env["dunning.notice"].search([]).mapped("access_token")
        self.assertEqual(len(set(tokens)), len(tokens))
        self.assertGreaterEqual(min(map(len, tokens)), 40)
        auditor = self._create_user("auditor", "account.group_account_readonly")
        with self.assertRaises(AccessError):
            self.notice.with_user(auditor).read(["access_token"])
        with self.assertRaises(AccessError):
            self.notice.with_user(auditor).action_revoke_link()

    def test_auditors_see_what_was_sent_but_open_no_page(self):
        auditor = self._create_user("auditor", "account.group_account_readonly")
        letters = self.scenario.copy({"name": "Letters", "active": True})
        letters.level_ids.action = "letter"
        reader = self._create_customer("Gamma", dunning_scenario_id=letters.id)
        self._create_invoice(reader)
        run = self._create_run(scenario_ids=[Command.set(letters.ids)])
        run.action_send()
        letter, email = run.notice_ids, self.notice
        secrets = {email.access_token, letter.access_token, letter._get_short_code()}
        secrets.add(email._get_short_code())
        report = self.env["ir.actions.report"]
        for user, sees in ((self.responsible, True), (auditor, False)):
            self.env.invalidate_all()
            notices = (email | letter).with_user(user)
            pages = report.with_user(user)._render_qweb_html(
                "dunning_exclusion.report_notice", notices.ids
            )[0]
            texts = [pages.decode(), *notices.mapped("body")]
            self.assertIn(self.first.name, " ".join(texts))
            found = {secret for secret in secrets if any(secret in text for text in texts)}
            self.assertEqual(found, secrets - {letter.access_token} if sees else set())
            Message = self.env["mail.message"].with_user(user)
            said = Message.search([("model", "=", email._name), ("res_id", "in", notices.ids)])
            self.assertTrue(said.filtered("body"))
            for secret in secrets:
                self.assertFalse(Message.search_count([("body", "ilike", secret)]))
        with self.assertRaises(AccessError):
            email.with_user(auditor).read(["answer_button"])
        self.assertIn(email.access_token, email.mail_id.sudo().body_html)

    def test_only_follow_up_users_decide(self):
        self._fill_in("dispute", reason="other", text="x")
        auditor = self._create_user("auditor", "account.group_account_readonly")
        for action in ("action_accept", "action_decline"):
            with self.assertRaises(AccessError):
                getattr(self._answers().with_user(auditor), action)()

    def test_next_run_lists_what_was_answered(self):
        self._fill_in("dispute", items=self._items(self.first), reason="other", text="x")
        with freeze_time(self.today + timedelta(days=20)):
            run = self._create_run()
            lines = run.line_ids.filtered(lambda line: line.partner_id == self.customer)
            found = {line.move_id: (line.checked, line.rule_id.code) for line in lines}
        self.assertEqual(found[self.first], (False, "stop_item"))
        self.assertEqual(found[self.second], (True, False))
