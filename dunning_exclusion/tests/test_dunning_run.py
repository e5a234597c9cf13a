from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestDunningRun(DunningCommon):
    def test_run_lists_included_and_unchecked_and_keeps_dropped(self):
        included = self._create_invoice()
        stopped = self._create_invoice()
        prevented = self._create_invoice()
        stopped.action_dunning_stop()
        prevented.prevent_dunning = True
        not_due = self._create_invoice(days=5)
        run = self._create_run()
        outcomes = {line.move_id: (line.outcome, line.checked) for line in run.line_ids}
        self.assertEqual(
            outcomes,
            {
                included: ("included", True),
                stopped: ("unchecked", False),
                prevented: ("dropped", False),
            },
        )
        self.assertNotIn(not_due, run.line_ids.move_id)

    def test_figures_of_a_run_by_outcome(self):
        self._create_invoice(amount=10)
        self._create_invoice(amount=20)
        self._create_invoice(self.other_customer, amount=40)
        for customer in (self.customer, self.other_customer):
            self._create_invoice(customer, amount=80).dunning_stop = True
        self._create_invoice(amount=160).prevent_dunning = True
        run = self._create_run()
        run.line_ids.filtered(lambda line: line.amount_residual == 20).checked = False
        run.invalidate_recordset()
        for outcome, figures in (
            ("included", (70, 3, 2)),
            ("unchecked", (160, 2, 2)),
            ("dropped", (160, 1, 1)),
        ):
            with self.subTest(outcome=outcome):
                names = [f"{outcome}_{name}" for name in ("amount", "count", "customer_count")]
                self.assertEqual(tuple(run[name] for name in names), figures)
        self.assertEqual((run.checked_amount, run.checked_count, run.customer_count), (50, 2, 2))

    def test_customer_gets_one_message_at_the_highest_level(self):
        self._create_invoice(days=-10)
        self._create_invoice(days=-40)
        self._create_invoice(self.other_customer)
        run = self._create_run()
        run.action_send()
        self.assertEqual(run.state, "done")
        self.assertEqual(run.notice_ids.partner_id, self.customer | self.other_customer)
        self.assertEqual(len(run.notice_ids), 2)
        self.assertEqual(set(run.notice_ids.mapped("state")), {"queued"})
        self.assertEqual(len(run.notice_ids.mail_id), 2)
        self.assertEqual(run.notice_ids.mail_id.recipient_ids, self.customer | self.other_customer)

    def test_item_is_not_proposed_again_while_its_message_is_queued(self):
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        self.assertFalse(self._create_run().line_ids)

    def test_line_paid_since_is_left_out(self):
        paid = self._create_invoice()
        self._create_invoice()
        run = self._create_run()
        self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=paid.ids
        ).create({})._create_payments()
        run.action_send()
        line = run.line_ids.filtered(lambda line: line.move_id == paid)
        self.assertFalse(line.checked)
        self.assertFalse(line.notice_id)
        self.assertEqual(line.rule_id.code, "paid")
        self.assertEqual(run.notice_ids.amount, 100)

    def test_dropped_line_cannot_be_ticked(self):
        invoice = self._create_invoice()
        invoice.prevent_dunning = True
        run = self._create_run()
        with self.assertRaisesRegex(UserError, "cannot be ticked"):
            run.line_ids.checked = True

    def test_ticking_an_excluded_line_is_recorded_and_sent(self):
        invoice = self._create_invoice()
        invoice.action_dunning_stop()
        run = self._create_run()
        run.line_ids.checked = True
        self.assertEqual(run.line_ids.override_user_id, self.env.user)
        run.action_send()
        self.assertTrue(run.line_ids.notice_id)

    def test_template_of_another_model_is_refused(self):
        foreign = self.env.ref("auth_signup.set_password_email")
        self.assertNotEqual(foreign.model, "dunning.notice")
        values = {"mode": "criteria", "type_id": self.type_overdue.id}
        with self.assertRaisesRegex(ValidationError, "not made for dunning notices"):
            self._create_run(prepare=False, template_id=foreign.id, **values)
        run = self._create_run(prepare=False, **values)
        with self.assertRaisesRegex(ValidationError, "'Template'"):
            run.template_id = foreign

    def test_template_that_became_one_of_another_model_renders_nothing(self):
        """A template is rendered with the rights of the system: never for other records."""
        self._create_invoice()
        template = self.env["mail.template"].create(
            {"name": "Mine", "subject": "Due", "model_id": self._model_id("dunning.notice")}
        )
        run = self._create_run(
            mode="criteria", type_id=self.type_overdue.id, template_id=template.id
        )
        template.model_id = self._model_id("res.users")
        with self.assertRaisesRegex(UserError, "not made for dunning notices"):
            run.line_ids.action_preview()
        run.action_send()
        self.assertEqual(run.notice_ids.state, "failed")
        self.assertIn("not made for dunning notices", run.notice_ids.failure_reason)
        with self.assertRaisesRegex(UserError, "not made for dunning notices"):
            run.notice_ids._render_message()

    def _model_id(self, name):
        return self.env["ir.model"]._get_id(name)
