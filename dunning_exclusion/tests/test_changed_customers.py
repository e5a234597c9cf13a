from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import SQL

from ..models import dunning_changes
from .common import DunningCommon


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
