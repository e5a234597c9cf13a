from odoo import api, models
from odoo.tools import SQL

# For one sort or join, in kB. What does not fit goes to disk, and costs a fifth more. What a run
# is inserted by is no work for parallel processes: one sorts all items.
WORK_MEMORY, WORK_MEMORY_OF_RUN = 64 * 1024, 128 * 1024
# So many joins PostgreSQL may reorder; 8 is its default. For a few customers planning takes longer
# than the answer: line, account, entry and contact will do.
REORDERED_JOINS, REORDERED_JOINS_OF_FEW = 8, 4


class DunningPlanner(models.AbstractModel):
    """Tells PostgreSQL how to work on the statement that screens, where it cannot know."""

    _name = "dunning.planner"
    _description = "Dunning Query Planner"

    @api.model
    def _set(self, few=False, run=False):
        """Set PostgreSQL up for the statement that screens, until this transaction ends.

        Nothing is compiled: compiling the hundreds of expressions of the rules takes longer than
        screening 100,000 items with them. A million items are sorted and joined in memory, where
        the settings of the server do not allow more anyway (fewer items take less), and never
        sorted to be merged. Parallel processes read nothing but the items: where they read the
        promises, PostgreSQL leaves the rest of the work, the ranks, to a single one.

        :param few: whether the statement is about a handful of customers
        :param run: whether the lines of a run are inserted by it
        """
        self.env.cr.execute(
            SQL(
                """SELECT set_config('jit', 'off', TRUE),
                          set_config('join_collapse_limit', %s, TRUE),
                          set_config('enable_mergejoin', 'off', TRUE),
                          set_config('min_parallel_index_scan_size', '1TB', TRUE),
                          set_config('work_mem', GREATEST(%s,
                              pg_size_bytes(current_setting('work_mem')) / 1024)::text, TRUE)""",
                str(REORDERED_JOINS_OF_FEW if few else REORDERED_JOINS),
                WORK_MEMORY_OF_RUN if run else WORK_MEMORY,
            )
        )
