from unittest.mock import patch

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from ..models import dunning_changes
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

    def test_runs_and_notices_are_found_by_what_they_are_called_after(self):
        """The names are made of other records, so a search by name looks for these."""
        self._create_invoice()
        run = self._create_run(scenario_ids=[Command.set(self.scenario.ids)])
        run.action_send()
        notice = run.notice_ids
        for record, text in ((run, self.scenario.name), (notice, self.customer.name)):
            with self.subTest(model=record._name):
                self.assertIn(record.id, dict(record.name_search(text)))
                self.assertNotIn(record.id, dict(record.name_search("nothing of the kind")))

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
        with self.assertRaisesRegex(UserError, "cannot be selected"):
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
        with self.assertRaisesRegex(ValidationError, "not made for reminders"):
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
        with self.assertRaisesRegex(UserError, "not made for reminders"):
            run.line_ids.action_preview()
        run.action_send()
        self.assertEqual(run.notice_ids.state, "failed")
        self.assertIn("not made for reminders", run.notice_ids.failure_reason)
        with self.assertRaisesRegex(UserError, "not made for reminders"):
            run.notice_ids._render_message()

    def _model_id(self, name):
        return self.env["ir.model"]._get_id(name)


@tagged("post_install", "-at_install")
class TestChangedCustomers(DunningCommon):
    """Customers are screened again when what holds them may be newer than the last look.

    What transactions side by side do is in the tests of processes.
    """

    def setUp(self):
        super().setUp()
        self._create_invoice()
        self._create_invoice(self.other_customer)
        self.run_record = self._create_run()

    def _at(self, oldest, newest=None):
        numbers = (oldest, newest or oldest)
        return patch.object(dunning_changes, "_transactions", return_value=numbers)

    def _number(self):
        """Return the number of the transaction, or part of one, that wrote the block."""
        self.env.flush_all()
        query = SQL(
            "SELECT xmin::text::bigint FROM dunning_block WHERE partner_id = %s", self.customer.id
        )
        return self.env.execute_query(query)[0][0]

    def _changed(self):
        return dunning_changes.changed_customers(self.run_record)

    def test_holds_and_promises_are_changes_and_only_of_customers_of_the_run(self):
        self.assertFalse(self._changed())
        self.customer.action_dunning_stop()
        self._create_customer("Stranger").action_dunning_stop()
        self.assertEqual(self._changed(), self.customer)
        self.env["dunning.promise"].create({"partner_id": self.other_customer.id})
        self.assertEqual(self._changed(), self.customer | self.other_customer)

    def test_open_list_shows_them(self):
        self.customer.action_dunning_stop()
        self.env["dunning.run"].read_figures(self.run_record.id)
        outcomes = {line.partner_id: line.outcome for line in self.run_record.line_ids}
        self.assertEqual(outcomes, {self.customer: "unchecked", self.other_customer: "included"})

    def test_what_an_older_transaction_wrote_is_known(self):
        self.customer.action_dunning_stop()
        mine = self._number()
        half = dunning_changes.HALF
        for since, oldest, newest, changed in (
            (mine, mine, mine + 1, True),
            (mine - 5, mine + 1, mine + 1, True),
            # The list was looked at after this transaction was over.
            (mine + 5, mine + 5, mine + 5, False),
            (mine + 5, mine + 90, mine + 99, False),
            (mine + 5, mine + 5, mine + half // 2 - 9, False),
            # The database was copied to a server that counts from the beginning.
            (mine + 10**6, mine, mine + 1, True),
            # Nothing was noted before.
            (False, mine + 5, mine + 5, True),
        ):
            with self.subTest(since=since, newest=newest), self._at(oldest, newest):
                self.run_record.sudo().screened_transaction = str(since) if since else False
                self.assertEqual(self._changed(), self.customer if changed else self._nobody())

    def _nobody(self):
        return self.env["res.partner"]

    def test_numbers_of_rows_are_completed_to_those_next_to_the_newest(self):
        self.customer.action_dunning_stop()
        mine = self._number()
        round_number = 7 * dunning_changes.HALF
        for since, changed in ((mine - 1, True), (mine, True), (mine + 1, False)):
            newest = round_number + mine + 1000
            with self.subTest(since=since), self._at(newest):
                self.run_record.sudo().screened_transaction = str(round_number + since)
                self.assertEqual(bool(self._changed()), changed)
