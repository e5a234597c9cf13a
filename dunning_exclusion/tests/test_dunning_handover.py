import base64
import io

import openpyxl

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import OutcomeCommon


@tagged("post_install", "-at_install")
class TestDunningHandover(OutcomeCommon):
    """Invoices that are sold, or given to a collector, are held and listed in files."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = cls._create_user("worker", "account.group_account_invoice")

    def _handover(self, invoices, user=None, **values):
        env = self.env(user=user or self.user)
        wizard = env["dunning.handover"].with_context(active_ids=invoices.ids)
        return wizard.create({"receiver": "=Collectors", **values})

    def _cells(self, wizard):
        book = openpyxl.load_workbook(io.BytesIO(base64.b64decode(wizard.spreadsheet)))
        return [[cell.value for cell in row] for row in book.active.iter_rows()]

    def test_invoices_are_held_and_listed_with_what_was_sent(self):
        first = self._create_invoice(self.customer, 100)
        second = self._create_invoice(self.other_customer, 70)
        run = self._create_run(scenario_ids=self.scenario.ids)
        run.line_ids.filtered(lambda line: line.move_id == second).checked = False
        run.action_send()
        run.notice_ids.mail_id.sudo().state = "sent"
        run.notice_ids.sudo().state = "sent"
        outstanding = self.customer.dunning_outstanding
        wizard = self._handover(first | second)
        wizard.action_apply()
        for invoice in (first, second):
            block = invoice.dunning_block_ids
            self.assertOutcome(invoice, "dropped", "prevent_item")
            self.assertEqual((block.reason_id.code, block.user_id), ("sold", self.user))
            self.assertIn("Collectors", block.note)
        self.customer.invalidate_recordset()
        self.assertEqual(self.customer.dunning_outstanding, outstanding, "it is still owed")
        head, one, two = self._cells(wizard)
        self.assertEqual(len(head), len(one))
        self.assertEqual((one[5], one[9], one[10]), (first.name, 100, first.currency_id.name))
        self.assertIn("Level 1", one[-1])
        self.assertEqual((two[5], two[9], two[-1] or ""), (second.name, 70, ""))
        report = self.env.ref("dunning_exclusion.action_report_handover")
        self.assertEqual(wizard.action_print()["report_name"], report.report_name)
        html, _kind = report.with_user(self.user)._render_qweb_html(report.report_name, wizard.ids)
        for text in (first.name, second.name, "=Collectors", "Level 1"):
            self.assertIn(text, html.decode())

    def test_only_open_customer_invoices(self):
        open_one = self._create_invoice()
        others = (
            self._create_invoice(move_type="in_invoice")
            | self._create_invoice(post=False)
            | self._create_invoice(move_type="out_refund")
        )
        wizard = self._handover(open_one | others)
        self.assertEqual(wizard.move_ids, open_one, "of the selection only these are proposed")
        wizard.move_ids = open_one | others[0]
        with self.assertRaisesRegex(UserError, "Invoices"), self.env.cr.savepoint():
            wizard.action_apply()
        self.assertFalse(open_one.prevent_dunning)

    def test_customers_write_no_formulas(self):
        customer = self._create_customer("=1+1")
        wizard = self._handover(self._create_invoice(customer))
        wizard.action_apply()
        book = openpyxl.load_workbook(io.BytesIO(base64.b64decode(wizard.spreadsheet)))
        self.assertEqual(book.active["A2"].data_type, "s")

    def test_files_are_for_who_made_them_and_are_not_changed(self):
        wizard = self._handover(self._create_invoice())
        wizard.action_apply()
        colleague = self._create_user("colleague", "account.group_account_invoice")
        with self.assertRaises(AccessError):
            wizard.with_user(colleague).read(["spreadsheet"])
        for name, value in (("spreadsheet", "x"), ("done", False), ("receiver", "Others")):
            with self.subTest(name), self.assertRaises(UserError):
                wizard.write({name: value})
        reader = self._create_user("reader", "account.group_account_readonly")
        with self.assertRaises(AccessError):
            self._handover(self._create_invoice(), reader)
