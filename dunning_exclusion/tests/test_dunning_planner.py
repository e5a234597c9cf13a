from odoo import sql_db
from odoo.tests import tagged

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestDunningPlanner(DunningCommon):
    """What PostgreSQL is told for the statement that screens, and for nothing else."""

    def _with_memory(self, memory, work):
        """Return the memory for a sort after `work`, on a server that allows `memory`."""
        with self.env.cr.savepoint() as savepoint:
            self.env.cr.execute("SELECT set_config('work_mem', %s, TRUE)", [memory])
            work()
            self.env.cr.execute("SELECT current_setting('work_mem')")
            [found] = self.env.cr.fetchone()
            savepoint.rollback()
        return found

    def test_what_inserts_a_run_may_sort_more_in_memory_than_what_screens(self):
        self._create_invoice()
        screen = self.env["dunning.screening"].search_count
        run = self._create_run(prepare=False)
        self.assertEqual(self._with_memory("4MB", lambda: screen([])), "64MB")
        self.assertEqual(self._with_memory("4MB", run.action_prepare), "128MB")

    def test_server_that_allows_more_is_not_told_less(self):
        run = self._create_run(prepare=False)
        self.assertEqual(self._with_memory("1GB", run.action_prepare), "1GB")

    def test_settings_end_with_the_transaction(self):
        with sql_db.db_connect(self.env.cr.dbname).cursor() as cr:
            found = []
            self.env(cr=cr)["dunning.planner"]._set()
            for _moment in ("before the end", "after it"):
                cr.execute("SELECT current_setting('enable_mergejoin')")
                found += cr.fetchone()
                cr.rollback()
        self.assertEqual(found, ["off", "on"])
