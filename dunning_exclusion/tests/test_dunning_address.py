from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import OutcomeCommon


@tagged("post_install", "-at_install")
class TestDunningAddress(OutcomeCommon):
    """A message that failed: its address is corrected and it is sent again, in one step."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = cls._create_user("address_accountant", "account.group_account_invoice")
        cls.auditor = cls._create_user("address_auditor", "account.group_account_readonly")

    def _fail(self, email="alpha@nowhere"):
        """Send to a customer without a usable address, and to another one; return both notices."""
        self.customer.email = email
        self._create_invoice(amount=100)
        self._create_invoice(self.other_customer, amount=200)
        run = self._create_run()
        run.action_send()
        notices = run.notice_ids.grouped("partner_id")
        failed, other = notices[self.customer], notices[self.other_customer]
        self.assertEqual((failed.state, other.state), ("failed", "queued"))
        return failed, other

    def _dialog(self, notice, user=None, **values):
        dialog = self.env["dunning.address"].with_user(user or self.accountant)
        return dialog.create({"notice_id": notice.id, **values})

    def test_accountant_corrects_the_address_and_that_message_goes_out(self):
        failed, other = self._fail()
        mail = other.mail_id
        action = failed.with_user(self.accountant).action_correct_address()
        self.assertEqual(action["context"], {"default_notice_id": failed.id})
        dialog = self._dialog(failed)
        self.assertEqual((dialog.partner_id, dialog.email), (self.customer, "alpha@nowhere"))
        dialog.email = "alpha@example.com"
        result = dialog.action_apply()
        self.assertEqual(result["params"]["type"], "success")
        self.assertEqual(self.customer.email, "alpha@example.com")
        self.assertEqual(failed.state, "queued")
        self.assertEqual(failed.mail_id.recipient_ids, self.customer)
        self.assertEqual(other.mail_id, mail, "nothing else is sent again")
        self.assertEqual(len(failed.run_id.notice_ids), 2)

    def test_what_may_not_be_written_is_refused(self):
        failed, other = self._fail()
        wrong = {
            "no address": (UserError, {"email": "nobody"}),
            "a stranger": (UserError, {"partner_id": self.other_customer.id, "email": "x@y.com"}),
            "a message that left": (UserError, {"notice_id": other.id}),
        }
        for what, (error, values) in wrong.items():
            with self.subTest(what=what), self.assertRaises(error):
                self._dialog(failed, **values).action_apply()
        self.assertEqual(self.customer.email, "alpha@nowhere")
        self.assertEqual(failed.state, "failed")

    def test_address_of_who_can_log_in_is_not_for_accountants(self):
        failed, _other = self._fail()
        user = self._create_user("address_victim", "base.group_user")
        failed.sudo().recipient_ids = user.partner_id
        dialog = self._dialog(failed, partner_id=user.partner_id.id, email="thief@example.com")
        with self.assertRaises(AccessError):
            dialog.action_apply()
        self.assertNotEqual(user.partner_id.email, "thief@example.com")

    def test_addresses_of_others_who_get_copies_are_not_for_accountants(self):
        failed, _other = self._fail()
        lawyer = self._create_customer("Lawyer")
        failed.sudo().recipient_ids |= lawyer
        dialog = self._dialog(failed, partner_id=lawyer.id, email="thief@example.com")
        with self.assertRaises(AccessError):
            dialog.action_apply()

    def test_no_context_hides_who_corrected_an_address(self):
        failed, _other = self._fail()
        for number, context in enumerate(({"tracking_disable": True}, {"mail_notrack": True})):
            with self.subTest(context=context):
                self.env.cr.precommit.run()
                before = self.customer.message_ids
                dialog = self._dialog(failed, email=f"new{number}@example.com")
                dialog.with_context(**context)._write_email()
                self.env.cr.precommit.run()
                noted = self.customer.message_ids - before
                self.assertEqual(noted.author_id, self.accountant.partner_id)
                new = noted.sudo().tracking_value_ids.new_value_char
                self.assertEqual(new, f"new{number}@example.com")

    def test_auditors_correct_nothing(self):
        failed, _other = self._fail()
        with self.assertRaises(AccessError):
            self._dialog(failed, self.auditor)

    def test_what_was_paid_since_is_not_sent_again(self):
        failed, _other = self._fail()
        self._pay(failed.line_ids.move_id)
        dialog = self._dialog(failed, email="alpha@example.com")
        self.assertEqual(dialog.action_apply()["params"]["type"], "warning")
        self.assertEqual(failed.state, "skipped")

    def test_line_opens_the_dialog_of_its_message(self):
        failed, _other = self._fail()
        action = failed.line_ids.with_user(self.accountant).action_correct_address()
        self.assertEqual(action["res_model"], "dunning.address")
        with self.assertRaises(UserError):
            failed.run_id.line_ids.filtered(
                lambda line: not line.notice_id
            ).action_correct_address()


@tagged("post_install", "-at_install")
class TestThreeNumbers(OutcomeCommon):
    """Sent, waiting in the mail queue, to print: three numbers, never one."""

    def test_messages_are_counted_by_where_they_are(self):
        self.env.ref("dunning_exclusion.type_overdue").template_id.dunning_released = True
        letter = self.scenario.copy({"name": "Letters", "active": True, "sequence": 99})
        letter.level_ids.action = "letter"
        self.customer.dunning_scenario_id = letter
        third = self._create_customer("Gamma", email="gamma@nowhere")
        for customer in (self.customer, self.other_customer, third):
            self._create_invoice(customer)
        run = self._create_run()
        run.action_send()

        def numbers():
            run.invalidate_recordset()
            names = ("sent_count", "waiting_count", "print_count", "failed_count")
            return tuple(self.env["dunning.run"].read_figures(run.id)[name] for name in names)

        self.assertEqual(numbers(), (0, 1, 1, 1))
        run.notice_ids.mail_id.write({"state": "sent"})
        self.assertEqual(numbers(), (1, 0, 1, 1))
        self.assertTrue(run.action_print_letters())
        self.assertEqual(numbers(), (2, 0, 0, 1))
        with self.assertRaises(UserError):
            run.action_print_letters()
