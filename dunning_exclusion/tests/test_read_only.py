from contextlib import contextmanager

from psycopg2.errors import ReadOnlySqlTransaction

from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestReadOnly(DunningCommon):
    """Pages that only show something are answered by a connection that can only read."""

    @contextmanager
    def _read_only(self):
        """Execute the block as on a replica: a statement that writes raises an error."""
        # Also what waits for the commit, such as messages to browsers.
        self.env.cr.flush()
        self.env.invalidate_all()
        with self.env.cr.savepoint(flush=False) as savepoint:
            self.env.cr.execute("SET TRANSACTION READ ONLY")
            yield
            savepoint.rollback()

    def test_pages_that_show_are_answered_by_a_connection_that_can_only_read(self):
        invoice = self._create_invoice()
        invoice.dunning_stop = True
        run = self._create_run()
        customer, item = invoice.partner_id, self._items(invoice)
        excluded, count = [("outcome", "!=", "included")], ["amount_residual:sum"]
        held = [("dunning_outcome", "=", "unchecked")]
        pages = {
            "dunning_panel": [(customer,), (invoice,)],
            "dunning_headline": [(customer,), (invoice,)],
            "dunning_next_reminders": [(customer,), (invoice,)],
            "dunning_explain": [(customer,), (invoice,), (item,)],
            "retrieve_dashboard": [(run.browse(),)],
            "retrieve_screened": [(run.browse(),)],
            "retrieve_filters": [(self.env["dunning.screening"], excluded, {"rule_id": []})],
            "read_customer_marks": [
                (run.line_ids.browse(), [("run_id", "=", run.id)], customer.ids)
            ],
            "search_panel_select_multi_range": [
                (self.env["dunning.screening"], "outcome"),
                (self.env["dunning.screening"], "rule_id"),
            ],
            "web_search_read": [
                (self.env[model], domain, {"id": {}}, 0, 80, None, 10001)
                for model, domain in (
                    ("dunning.screening", excluded),
                    ("dunning.exclusion.report", []),
                    ("res.partner", held),
                    ("account.move", held),
                    ("account.move.line", held),
                )
            ],
            "search_count": [
                (self.env["dunning.screening"], excluded),
                (self.env["dunning.screening"], excluded, 10),
                (self.env["res.partner"], held, 10),
            ],
            "web_read_group": [(self.env["dunning.screening"], excluded, ["rule_id"], count)],
            "formatted_read_grouping_sets": [
                (self.env["dunning.exclusion.report"], [], [["rule_id"], ["age"], []], count)
            ],
        }
        self._all_are_answered(pages)

    def test_buttons_that_open_something_are_answered_there_too(self):
        invoice = self._create_invoice()
        held = self._create_invoice()
        held.dunning_stop = True
        run = self._create_run()
        run.action_send()
        notice, line = run.notice_ids, run.line_ids.filtered("notice_id")
        block = held.dunning_block_ids
        screened = self.env["dunning.screening"].search([("move_id", "=", held.id)])
        buttons = {
            "action_open_lines": [(run,)],
            "action_open_notices": [(run,)],
            "action_open_message": [(notice,)],
            "action_open_invoice": [(line,), (screened,)],
            "action_dunning_notices": [(invoice,)],
            "action_dunning_pause": [(invoice,), (invoice.partner_id,), (line,)],
            "action_dunning_pause_customer": [(line,)],
            "action_dunning_prevent": [(invoice,)],
            "action_promise": [(line,)],
            "action_explain": [(block,)],
            "action_open_target": [(block,)],
            "action_show_targets": [(block,)],
            "action_open_dunning_scenarios": [(self.env["onboarding.onboarding.step"],)],
            "action_open_dunning_addresses": [(self.env["onboarding.onboarding.step"],)],
        }
        self._all_are_answered(buttons)

    def _all_are_answered(self, methods):
        """Call {name of a method: its records and arguments}, each where nothing can be written."""
        for name, calls in methods.items():
            for records, *args in calls:
                with self.subTest(name, model=records._name):
                    method = getattr(type(records), name)
                    self.assertTrue(getattr(method, "_readonly", False))
                    with self._read_only():
                        getattr(records, name)(*args)
                        self.env.flush_all()

    def test_what_writes_is_refused_there(self):
        invoice = self._create_invoice()
        with self.assertRaises(ReadOnlySqlTransaction), mute_logger("odoo.sql_db"):
            with self._read_only():
                invoice.action_dunning_stop()
                self.env.flush_all()
