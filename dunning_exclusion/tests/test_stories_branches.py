from datetime import timedelta

from odoo.tests import tagged

from .stories_common import StoryCommon


@tagged("post_install", "-at_install")
class TestBranchStories(StoryCommon):
    """A branch reminds of its own invoices by its own settings, in the books of its parent."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.branch = cls.env["res.company"].create(
            {"name": "Branch", "parent_id": cls.company.id, "email": "branch@example.com"}
        )
        cls.env.user.company_ids |= cls.branch
        cls.env = cls.env(
            context=dict(cls.env.context, allowed_company_ids=[cls.company.id, cls.branch.id])
        )
        cls.branch.dunning_automatic_sending = False
        cls.scenario.company_id = False
        cls.scenario.automatic = True
        # A customer of the parent is one of its branches, too.
        cls.customer.company_id = cls.company

    def _branch_invoice(self, **values):
        invoice = self._create_invoice(company_id=self.branch.id, **values)
        self.assertEqual(invoice.company_id, self.branch)
        self.assertEqual(invoice.journal_id.company_id, self.company, "the books of the parent")
        return invoice

    def _branch_list(self, **values):
        run = self.env["dunning.run"].with_company(self.branch)
        run = run.create({"company_id": self.branch.id, **values})
        run.action_prepare()
        return run

    def test_each_reminds_of_its_own_invoices(self):
        own, of_branch = self._create_invoice(), self._branch_invoice()
        for run, invoice in ((self._create_run(), own), (self._branch_list(), of_branch)):
            with self.subTest(company=run.company_id.name):
                self.assertEqual(run.line_ids.move_id, invoice)
                run.action_send()
                self.assertEqual(run.notice_ids.amount, 100)
        self.assertEqual(self._deliver(), {self.customer.email_formatted: 2})
        self.assertFalse(self._branch_list().line_ids)

    def test_hold_profile_and_switch_are_those_of_the_company_that_set_them(self):
        own, of_branch = self._create_invoice(), self._branch_invoice()
        in_branch = self.customer.with_company(self.branch)
        in_branch.action_dunning_stop()
        self.assertOutcome(own, "included")
        self.assertOutcome(of_branch.with_company(self.branch), "unchecked", "stop_customer")
        in_branch.action_dunning_resume()
        self.customer.action_dunning_toggle_type(self.type_overdue.id)
        self.assertFalse(self._create_run().line_ids.checked)
        self.assertTrue(self._branch_list().line_ids.checked)

    def test_promise_and_payment_by_the_journals_of_the_parent(self):
        invoice = self._branch_invoice()
        self.branch.dunning_exclude_promises = True
        promise = (
            self.env["dunning.promise"]
            .with_company(self.branch)
            .create({"move_line_ids": self._items(invoice).ids, "company_id": self.branch.id})
        )
        self.assertEqual(self._branch_list().line_ids.rule_id.code, "promise")
        promise.action_cancel()
        run = self._branch_list()
        self.assertTrue(run.line_ids.checked)
        self._pay(invoice.with_company(self.branch))
        run.action_send()
        self.assertFalse(run.notice_ids)
        self.assertFalse(self._branch_list().line_ids)

    def test_conditions_ask_for_what_the_branch_uses_of_its_parent(self):
        invoice = self._branch_invoice()
        journal, customer = invoice.journal_id, self.customer
        customer.ref = "C1"
        for record, field, condition in (
            (self.scenario.level_ids, "condition_domain", ("journal_id.code", "=", journal.code)),
            (self.scenario, "customer_domain", ("ref", "=", "C1")),
            (self.scenario.level_ids, "condition_domain", ("partner_id.ref", "=", "C1")),
        ):
            with self.subTest(condition=condition):
                record[field] = str([condition])
                self.assertEqual(self._branch_list().line_ids.move_id, invoice)
                record[field] = "[]"

    def test_bank_data_of_the_parent_keep_the_branch_from_sending(self):
        """A branch is paid on the accounts of its parent, too."""
        self._branch_invoice()
        self.branch.write({"dunning_automatic_sending": True, "dunning_freshness_days": 3})
        journal = self.company_data["default_journal_bank"]
        statement = {"journal_id": journal.id, "payment_ref": "Fee", "amount": -1}
        for late, sent in ((5, False), (1, True)):
            with self.subTest(late=late):
                day = self.today - timedelta(days=late)
                self.env["account.bank.statement.line"].create({**statement, "date": day})
                self.env["dunning.run"]._cron_send_automatic()
                found = self.env["dunning.notice"].search([("company_id", "=", self.branch.id)])
                self.assertEqual(bool(found), sent)

    def test_user_of_the_branch_works_its_list_and_sees_nothing_of_the_parent(self):
        self._create_invoice()
        invoice = self._branch_invoice()
        user = self._create_user(
            "branch", "dunning_exclusion.group_dunning_user", companies=self.branch
        )
        self.env.invalidate_all()
        env = self.env(user=user, context=dict(self.env.context, allowed_company_ids=None))
        run = env["dunning.run"].create({})
        self.assertEqual(run.company_id, self.branch)
        run.action_prepare()
        self.assertEqual(run.line_ids.move_id, invoice)
        run.action_send()
        self.assertEqual(run.notice_ids.partner_id, self.customer)
        self.assertEqual(run.notice_ids.state, "queued")
        self.assertEqual(env["dunning.screening"].search([]).move_id, invoice)
        self.assertEqual(self.customer.with_env(env).dunning_outstanding, 100)
