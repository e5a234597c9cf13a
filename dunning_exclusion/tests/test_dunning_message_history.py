from datetime import datetime, timedelta

from freezegun import freeze_time
from lxml import html

from odoo.tests import tagged

from .test_dunning_message import MessageCommon


@tagged("post_install", "-at_install")
class TestDunningMessageHistory(MessageCommon):
    """What was sent is history: it stays as it was written, whatever happens to templates."""

    def _printed(self, notice):
        page, _type = self.env["ir.actions.report"]._render_qweb_html(
            "dunning_exclusion.action_report_notice", notice.ids
        )
        return self._text(html.fromstring(page))

    def test_letter_is_kept_and_printed_again_as_it_was_written(self):
        invoice = self._create_invoice()
        notice = self._send(action="letter")
        self.assertIn(invoice.name, self._body(notice))
        with freeze_time(datetime.now() + timedelta(days=2)):
            notice.action_print()
            self.assertIn("12", self._days_overdue(notice), "it bears the day it left")
            first = self._printed(notice)
        body = notice.body
        template = self._template("friendly")
        template.write({"body_html": "<p>Something else</p>", "subject": "Else"})
        self.env.invalidate_all()
        self.assertEqual(notice.body, body)
        self.assertEqual(self._printed(notice), first)
        self.assertIn(invoice.name, first)

    def _body(self, notice):
        return self._text(html.fromstring(notice.body))

    def _days_overdue(self, notice):
        cells = html.fromstring(notice.body).xpath("//table[@class='dunning_items']/tbody/tr/td")
        return [self._text(cell) for cell in cells]

    def test_letter_that_waits_is_written_anew_with_the_template_of_the_day(self):
        self._create_invoice()
        notice = self._send(action="letter")
        self._template("friendly").body_html = "<p>Something else</p>"
        self.assertNotIn("Something else", self._body(notice))
        notice.action_mark_sent()
        self.assertEqual(self._body(notice), "Something else")
        self.assertIn("Something else", self._printed(notice))

    def test_internal_notification_and_activity_are_kept(self):
        invoice = self._create_invoice()
        for action in ("internal", "activity"):
            with self.subTest(action=action):
                notice = self._send(action=action, user_ids=[(6, 0, self.env.user.ids)])
                self.assertEqual(notice.state, "sent")
                self.assertIn(invoice.name, self._body(notice))
                self.assertIn("Alpha", notice.kept_subject)
                notice.activity_ids.action_feedback("Called")
                self.assertIn(invoice.name, self._body(notice))
                notice.sudo().state = "skipped"

    def test_email_shows_what_the_mail_says(self):
        self._create_invoice()
        notice = self._send()
        # The frame of the page and what could run in it are left out.
        shown, sent = (
            html.fromstring(text).xpath("//body")[0]
            for text in (notice.body, notice.mail_id.body_html)
        )
        self.assertEqual(shown.text_content().split(), sent.text_content().split())
        self.assertFalse(notice.kept_body)
