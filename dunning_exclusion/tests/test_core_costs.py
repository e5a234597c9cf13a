import re

from odoo.tests import tagged

from .common import DunningCommon

# Not what Odoo itself adds to its query of contacts, to read many2one fields of each company.
OUR_TABLE = re.compile(
    r'\b(?:FROM|JOIN|INTO|UPDATE)\s+"?dunning_\w+\b(?!"?\s+AS\s+"?dunning_\w+__exists)'
)


@tagged("post_install", "-at_install")
class TestCoreCosts(DunningCommon):
    """Posting, paying and reconciling ask nothing of our tables, where nothing is held."""

    def _queries_of_ours(self, work):
        return self._queries_with(OUR_TABLE, work)

    def test_the_spy_sees_our_tables(self):
        customer = self._create_customer("Seen")
        self.assertTrue(self._queries_of_ours(lambda: customer.dunning_stop))

    def test_posting(self):
        invoice = self._create_invoice()
        invoice.button_draft()
        self.assertEqual(self._queries_of_ours(invoice.action_post), [])
        self.assertEqual(invoice.state, "posted")

    def test_paying(self):
        invoice = self._create_invoice()
        register = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        )
        self.assertEqual(self._queries_of_ours(lambda: register.create({})._create_payments()), [])
        self.assertIn(invoice.payment_state, ("paid", "in_payment"))

    def test_reconciling(self):
        invoice = self._create_invoice()
        refund = self._create_invoice(move_type="out_refund")
        items = self._items(invoice) | self._items(refund)
        self.assertEqual(self._queries_of_ours(items.reconcile), [])
        self.assertTrue(all(items.mapped("reconciled")))

    def test_listing_invoices_as_the_view_is_at_first(self):
        self._create_invoice()
        Move = self.env["account.move"]
        view = self.env.ref("account.view_out_invoice_tree")
        arch = Move._get_view(view.id, "list")[0]
        shown = [node for node in arch.iter("field") if node.get("optional") != "hide"]
        names = {node.get("name") for node in shown if node.get("column_invisible") != "1"}
        specification = {
            name: {"fields": {"display_name": {}}} if Move._fields[name].relational else {}
            for name in names
        }
        domain = [("move_type", "=", "out_invoice")]
        self.assertEqual(
            self._queries_of_ours(lambda: Move.web_search_read(domain, specification, limit=80)),
            [],
        )
