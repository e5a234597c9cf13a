import io
from datetime import datetime, timedelta
from unittest.mock import patch

from freezegun import freeze_time
from lxml import html

from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger
from odoo.tools.pdf import PdfFileReader, PdfFileWriter

from odoo.addons.base.models.ir_actions_report import IrActionsReport as BaseReport
from odoo.addons.dunning_exclusion.models import dunning_automation
from odoo.addons.dunning_exclusion.report import ir_actions_report
from odoo.addons.mail.tests.common import MailCase

from .common import DunningCommon
from .test_dunning_message import MessageCommon


@tagged("post_install", "-at_install")
class TestDunningDelivery(DunningCommon, MailCase):
    """What becomes of a message in the mail queue, and what its notice says about it."""

    def _sent_run(self):
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        return run

    def _deliver(self, run):
        with self.mock_mail_gateway(mail_unlink_sent=False):
            run.notice_ids.mail_id.sudo().filtered(lambda mail: mail.state == "outgoing").send()
        return len(self._mails)

    def test_email_deleted_before_it_left_has_failed_and_is_retried(self):
        run = self._sent_run()
        run.notice_ids.mail_id.sudo().unlink()
        self.assertEqual(run.notice_ids.state, "failed")
        self.assertIn("deleted", run.notice_ids.failure_reason)
        self.assertTrue(self._create_run().line_ids.checked, "its item comes up again")
        run.action_retry_failed()
        self.assertEqual(self._deliver(run), 1)
        self.assertEqual(run.notice_ids.state, "sent")

    def test_message_deleted_before_its_email_left_has_failed(self):
        run = self._sent_run()
        mail = run.notice_ids.mail_id.sudo()
        mail.mail_message_id.unlink()
        self.assertFalse(mail.exists())
        self.assertEqual(run.notice_ids.state, "failed")
        self.assertIn("deleted", run.notice_ids.failure_reason)
        self.assertTrue(self._create_run().line_ids.checked, "its item comes up again")

    def test_email_deleted_after_it_left_stays_sent(self):
        run = self._sent_run()
        self._deliver(run)
        run.notice_ids.mail_id.sudo().unlink()
        self.assertEqual(run.notice_ids.state, "sent")
        self.assertFalse(run.notice_ids.failure_reason)

    def test_deleted_email_that_had_failed_keeps_its_reason(self):
        run = self._sent_run()
        mail = run.notice_ids.mail_id.sudo()
        mail.write({"state": "exception", "failure_reason": "Mailbox full"})
        mail.unlink()
        self.assertEqual(run.notice_ids.failure_reason, "Mailbox full")

    def test_deleting_many_emails_takes_the_queries_of_one(self):
        for number in range(6):
            self._create_invoice(self._create_customer(f"Customer {number}"))
        run = self._create_run()
        run.action_send()
        mails = run.notice_ids.mail_id.sudo()
        self.env.flush_all()
        counts = []
        for some in (mails[:1], mails[1:]):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            some._fail_dunning_notices()
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(set(run.notice_ids.mapped("state")), {"failed"})
        self.assertLessEqual(counts[1], counts[0])

    def test_reason_is_told_in_words(self):
        run = self._sent_run()
        notice, mail = run.notice_ids, run.notice_ids.mail_id.sudo()
        for vals, words in (
            ({"state": "cancel", "failure_type": "mail_bl"}, "Blacklisted Address"),
            ({"state": "cancel", "failure_type": False}, "Cancelled"),
            ({"state": "exception", "failure_type": False}, "Delivery Failed"),
            ({"state": "exception", "failure_reason": "550 No such user"}, "550 No such user"),
        ):
            with self.subTest(**vals):
                mail.write({"failure_reason": False, **vals})
                self.assertEqual(notice.failure_reason, words)

    def test_story_12_failure_to_note_the_sending_does_not_send_again(self):
        Notice = type(self.env["dunning.notice"])
        for method in ("_follow_mail", "_note_reached"):
            with self.subTest(method=method):
                run = self._sent_run()
                follow = Notice._follow_mail

                def fail(notice, *args, follow=follow):
                    if notice.mail_id.state == "sent":
                        raise ZeroDivisionError("full disk")
                    follow(notice, *args)

                with (
                    patch.object(Notice, method, fail),
                    mute_logger("odoo.addons.dunning_exclusion.models.dunning_notice"),
                ):
                    self.assertEqual(self._deliver(run), 1)
                self.assertEqual(run.notice_ids.mail_id.state, "sent")
                self.assertEqual(run.notice_ids.state, "sent")
                self.assertFalse(run.failed_count)
                self.assertEqual(self._deliver(run), 0)
                self.env["dunning.notice"].sudo().search([]).state = "skipped"


@tagged("post_install", "-at_install")
class TestDunningMessageActions(MessageCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.colleague = new_test_user(
            cls.env,
            "colleague",
            groups="account.group_account_invoice",
            company_id=cls.company.id,
            email="colleague@example.com",
        )

    def _messages(self, notice):
        return self.env["mail.message"].search(
            [("model", "=", "dunning.notice"), ("res_id", "=", notice.id)]
        )

    # Letters --------------------------------------------------------------------------------

    def test_letter_waits_until_it_is_printed(self):
        self._create_invoice()
        notice = self._send(action="letter")
        self.assertEqual((notice.state, notice.mail_id.ids), ("queued", []))
        self.assertFalse(self._create_run().line_ids, "not proposed again while it waits")
        action = notice.with_user(self.colleague).action_print()
        self.assertEqual(action["report_name"], "dunning_exclusion.report_notice")
        self.assertEqual((notice.state, notice.user_id), ("sent", self.colleague))

    def test_letter_that_waited_is_printed_with_what_is_still_to_be_reminded_of(self):
        paid, held, left = (self._create_invoice(amount=amount) for amount in (10, 20, 40))
        notice = self._send(action="letter")
        self.assertEqual(notice.amount, 70)
        self._pay(paid)
        held.action_dunning_stop()
        notice.with_user(self.colleague).action_print()
        self.assertEqual((notice.state, notice.amount), ("sent", 40))
        self.assertEqual(notice.line_ids.move_id, left)
        lines = notice.run_id.line_ids
        reasons = {line.move_id: line.rule_id.code for line in lines - notice.line_ids}
        self.assertEqual(reasons, {paid: "paid", held: "stop_item"})

    def test_letter_with_nothing_left_is_not_printed(self):
        invoice = self._create_invoice()
        notice = self._send(action="letter")
        self._pay(invoice)
        action = notice.with_user(self.colleague).action_print()
        self.assertEqual(action["tag"], "display_notification")
        self.assertEqual((notice.state, notice.line_ids.ids), ("skipped", []))
        self.assertTrue(notice.failure_reason)
        with self.assertRaisesRegex(UserError, "nothing to print"):
            notice.action_print()

    def test_letter_marked_as_sent_says_by_whom_and_when(self):
        self._create_invoice()
        notice = self._send(action="letter")
        notice.with_user(self.colleague).action_mark_sent()
        self.assertEqual(
            (notice.state, notice.user_id, notice.date), ("sent", self.colleague, self.today)
        )
        with self.assertRaisesRegex(UserError, "only queued letters"):
            notice.action_mark_sent()

    def test_email_cannot_be_marked_as_sent_by_hand(self):
        self._create_invoice()
        with self.assertRaisesRegex(UserError, "only queued letters"):
            self._send().action_mark_sent()

    def test_letter_that_nobody_wants_to_send_is_discarded_and_comes_up_again(self):
        self._create_invoice()
        notice = self._send(action="letter")
        notice.with_user(self.colleague).action_discard()
        self.assertEqual(notice.state, "skipped")
        self.assertIn("Discarded by colleague", notice.failure_reason)
        self.assertTrue(self._create_run().line_ids.checked)
        with self.assertRaisesRegex(UserError, "only queued letters"):
            notice.action_discard()

    def test_email_on_its_way_is_not_discarded(self):
        self._create_invoice()
        with self.assertRaisesRegex(UserError, "mail queue"):
            self._send().action_discard()

    def test_printing_an_email_leaves_its_state(self):
        self._create_invoice()
        notice = self._send()
        notice.action_print()
        self.assertEqual(notice.state, "queued")

    def test_customer_without_email_gets_the_letter(self):
        self.customer.email = False
        self._create_invoice()
        self.assertEqual(self._send(action="letter").state, "queued")

    def test_each_notice_is_one_letter_with_address_and_text(self):
        self.other_customer.write({"street": "Own Road 2", "city": "Ghent"})
        self._create_customer(
            "Accounts", parent_id=self.customer.id, type="invoice", street="Box 1", city="Lille"
        )
        invoices = self._create_invoice() | self._create_invoice(self.other_customer)
        notices = self._send("firm", action="letter")
        pages, _type = self.env["ir.actions.report"]._render_qweb_html(
            "dunning_exclusion.action_report_notice", notices.ids
        )
        letters = html.fromstring(pages).find_class("article")
        texts = [self._text(letter) for letter in letters]
        self.assertEqual(len(texts), 2)
        for invoice, address in zip(invoices, ("Box 1", "Own Road 2"), strict=True):
            [text] = [text for text in texts if invoice.name in text]
            self.assertIn("Second reminder", text)
            self.assertNotIn(f"{self.company.name}: ", text, "the letterhead names the company")
            self.assertIn(address, text)

    def test_letter_leaves_out_what_is_held_and_says_so(self):
        self._create_invoice()
        held = self._create_invoice()
        held.action_dunning_stop()
        notice = self._send(action="letter")
        page, _type = self.env["ir.actions.report"]._render_qweb_html(
            "dunning_exclusion.action_report_notice", notice.ids
        )
        text = self._text(html.fromstring(page))
        self.assertNotIn(held.name, text)
        self.assertIn("not listed above", text)

    def test_several_letters_make_one_pdf_with_any_wkhtmltopdf(self):
        printed = []

        def print_bodies(report, bodies, **options):
            printed.append(len(bodies))
            page = io.BytesIO()
            writer = PdfFileWriter()
            for _body in bodies:
                writer.addBlankPage(100, 100)
            writer.write(page)
            return page.getvalue()

        report = self.env["ir.actions.report"]
        name = "dunning_exclusion.action_report_notice"
        for patched, calls in ((True, [3]), (False, [1, 1, 1])):
            printed.clear()
            with (
                patch.object(BaseReport, "_run_wkhtmltopdf", print_bodies),
                patch.object(ir_actions_report, "_wkhtml") as wkhtml,
            ):
                wkhtml.return_value.is_patched_qt = patched
                pdf = report._run_wkhtmltopdf(["a", "b", "c"], report_ref=name)
            self.assertEqual(printed, calls)
            self.assertEqual(PdfFileReader(io.BytesIO(pdf)).getNumPages(), 3)

    def test_many_letters_are_made_some_at_a_time_and_in_their_order(self):
        for place in range(5):
            self._create_invoice(partner=self._create_customer(f"Customer {place}"))
        notices = self._send(action="letter")
        made = []

        def print_bodies(_report, bodies, **_options):
            made.append(" ".join(str(body) for body in bodies))
            page, writer = io.BytesIO(), PdfFileWriter()
            for body in bodies:
                [notice] = [notice for notice in notices if notice.partner_id.name in str(body)]
                # The width of a page says whose it is.
                writer.addBlankPage(100 + notices.ids.index(notice.id), 100)
            writer.write(page)
            return page.getvalue()

        report = self.env["ir.actions.report"].with_context(force_report_rendering=True)
        with (
            patch.object(BaseReport, "_run_wkhtmltopdf", print_bodies),
            patch.object(BaseReport, "get_wkhtmltopdf_state", lambda _report: "ok"),
            patch.object(ir_actions_report, "LETTERS_AT_ONCE", 2),
            patch.object(ir_actions_report, "_wkhtml") as wkhtml,
        ):
            wkhtml.return_value.is_patched_qt = True
            pdf, kind = report._render_qweb_pdf(
                "dunning_exclusion.action_report_notice", notices.ids
            )
        self.assertEqual(kind, "pdf")
        self.assertEqual(len(made), 3, "two at a time")
        pages = PdfFileReader(io.BytesIO(pdf)).pages
        self.assertEqual([float(page.mediabox.width) for page in pages], [100, 101, 102, 103, 104])

    def test_many_letters_are_screened_and_sent_in_batches(self):
        for place in range(5):
            self._create_invoice(partner=self._create_customer(f"Customer {place}"))
        notices = self._send(action="letter")
        self.assertEqual(notices.mapped("state"), ["queued"] * 5)
        notices[2].partner_id.action_dunning_stop()
        # Without one, Odoo asks administrators for it before they print anything.
        self.company.external_report_layout_id = self.env.ref("web.external_layout_standard")
        Sender, batches = type(self.env["dunning.sender"]), []
        send_again = Sender._send_again

        def spy(sender, run, some):
            batches.append(len(some))
            return send_again(sender, run, some)

        with (
            patch.object(dunning_automation, "BATCH_SIZE", 2),
            patch.object(Sender, "_send_again", spy),
        ):
            action = notices.action_print()
        self.assertEqual(batches, [2, 2, 1])
        printed = notices - notices[2]
        self.assertEqual(action["context"]["active_ids"], printed.ids)
        self.assertEqual(printed.mapped("state"), ["sent"] * 4)
        self.assertTrue(all(printed.mapped("kept_body")))
        self.assertEqual(notices[2].state, "skipped")
        again = notices[::-1].action_print()
        self.assertEqual(again["context"]["active_ids"], printed[::-1].ids, "as they were chosen")

    def test_letters_of_one_customer_are_in_one_batch(self):
        Notice, other = self.env["dunning.notice"], self._create_customer("Other")
        customers = (self.customer, other, self.customer)
        notices = Notice.concat(*(Notice.new({"partner_id": owner.id}) for owner in customers))
        with patch.object(dunning_automation, "BATCH_SIZE", 1):
            batches = list(notices._in_batches())
        self.assertEqual(batches, [notices[0] | notices[2], notices[1]])

    # Internal notifications -----------------------------------------------------------------

    def test_internal_notification_reaches_users_and_salesperson_only(self):
        seller = new_test_user(self.env, "seller", email="seller@example.com")
        self.customer.user_id = seller
        self._create_invoice()
        notice = self._send(
            action="internal", user_ids=[(6, 0, self.colleague.ids)], notify_salesperson=True
        )
        self.assertEqual(notice.state, "sent")
        self.assertFalse(notice.mail_id)
        self.assertEqual(
            self._messages(notice).notified_partner_ids, (self.colleague | seller).partner_id
        )
        # The history of the customer shows whom it reached: not the customer.
        history = self.customer.dunning_notice_ids
        self.assertEqual(history.recipient_ids, (self.colleague | seller).partner_id)

    def test_internal_notification_names_items_and_amounts(self):
        invoice = self._create_invoice(amount=100)
        notice = self._send(action="internal", user_ids=[(6, 0, self.colleague.ids)])
        message = self._messages(notice).filtered("notified_partner_ids")
        self.assertIn("Alpha", message.subject)
        text = self._text(html.fromstring(message.body))
        self.assertIn(invoice.name, text)
        self.assertIn("$ 100.00", text)

    def test_internal_notification_without_anybody_fails_with_the_reason(self):
        self._create_invoice()
        notice = self._send(action="internal")
        self.assertEqual(notice.state, "failed")
        self.assertIn("'Users'", notice.failure_reason)

    def test_customer_with_portal_access_is_not_notified_internally(self):
        portal = new_test_user(self.env, "portal", groups="base.group_portal")
        self._create_invoice()
        notice = self._send(action="internal", user_ids=[(6, 0, portal.ids)])
        self.assertEqual(notice.state, "failed")

    # Activities -----------------------------------------------------------------------------

    def test_activity_is_planned_for_the_user_and_counts_as_sent(self):
        invoice = self._create_invoice()
        notice = self._send(action="activity", user_ids=[(6, 0, self.colleague.ids)])
        self.assertEqual(notice.state, "sent")
        activity = notice.activity_ids
        self.assertEqual((len(activity), activity.user_id), (1, self.colleague))
        self.assertIn("Alpha", activity.summary)
        self.assertIn(invoice.name, self._text(html.fromstring(activity.note)))
        self.assertFalse(notice.mail_id)

    def test_activity_without_users_goes_to_who_sends(self):
        self._create_invoice()
        notice = self._send(action="activity")
        self.assertEqual(notice.activity_ids.user_id, self.env.user)

    def test_colleague_can_do_the_activity(self):
        self._create_invoice()
        notice = self._send(action="activity", user_ids=[(6, 0, self.colleague.ids)])
        notice.activity_ids.with_user(self.colleague).action_feedback("Called")
        self.assertFalse(notice.activity_ids)

    # All ------------------------------------------------------------------------------------

    def test_each_action_of_a_level_has_its_method(self):
        actions = dict(self.env["dunning.level"]._fields["action"].selection)
        for action in actions:
            self.assertTrue(hasattr(self.env["dunning.action"], f"_send_{action}"), action)

    def test_failure_of_one_customer_leaves_the_others_sent(self):
        self._create_invoice()
        self._create_invoice(self.other_customer)
        Thread = type(self.env["dunning.notice"])
        notify = Thread.message_notify

        def fail_for_alpha(notice, **values):
            if notice.partner_id == self.customer:
                raise ValueError("No connection")
            return notify(notice, **values)

        with patch.object(Thread, "message_notify", fail_for_alpha):
            notices = self._send(action="internal", user_ids=[(6, 0, self.colleague.ids)])
        states = {notice.partner_id: notice.state for notice in notices}
        self.assertEqual(states, {self.customer: "failed", self.other_customer: "sent"})


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
        noted = notice.mail_id.sudo().mail_message_id
        self.assertIn("shown under Message", noted.body, "not stored a second time")
        self.assertEqual(noted, notice.message_ids[0])
        self.assertFalse(notice.kept_body)
