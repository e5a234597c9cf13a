from odoo.modules.module import load_script
from odoo.tests import tagged
from odoo.tools import SQL, file_path

from .stories_common import StoryCommon

SCRIPT = "dunning_exclusion/migrations/19.0.1.1.0/post-migrate.py"


@tagged("post_install", "-at_install")
class TestMigration(StoryCommon):
    """A database of an earlier version keeps what it knew."""

    def _migrate(self):
        self.env.flush_all()
        load_script(file_path(SCRIPT), "post_migrate").migrate(self.env.cr, "19.0.1.0.0")
        self.env.invalidate_all()

    def test_what_was_said_is_not_said_again(self):
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        self.env.flush_all()
        # As the version before kept it: by the line alone.
        self.env.cr.execute(SQL("DELETE FROM dunning_notice_line_rel"))
        self.env.invalidate_all()
        self.assertFalse(run.notice_ids.line_ids)
        for _time in range(2):
            self._migrate()
            self.assertEqual(run.notice_ids.line_ids, run.line_ids)
        self.assertFalse(self._create_run().line_ids)

    def test_promises_keep_their_days(self):
        promises = self.env["dunning.promise"].create(
            [{"partner_id": self.customer.id, "date": self._days(9)} for _number in range(2)]
        )
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """ALTER TABLE dunning_promise ADD COLUMN cancelled boolean;
                   UPDATE dunning_promise SET noted_on = NULL, cancelled = (id = %s),
                          create_date = '2026-01-02', write_date = '2026-02-03'""",
                promises[0].id,
            )
        )
        self._migrate()
        self.assertEqual(promises.mapped("state"), ["cancelled", "open"])
        self.assertEqual(str(promises[0].cancelled_on), "2026-02-03")
        self.assertEqual({str(promise.noted_on) for promise in promises}, {"2026-01-02"})

    def test_promised_entries_are_marked(self):
        promised, other = self._create_invoice(), self._create_invoice()
        items = promised.line_ids._dunning_own_items()
        self.env["dunning.promise"].create(
            {"move_line_ids": items.ids, "date": self._days(9), "partner_id": self.customer.id}
        )
        self.env.flush_all()
        self.env.cr.execute(SQL("UPDATE account_move SET dunning_promised = NULL"))
        self._migrate()
        self.assertEqual((promised | other).mapped("dunning_promised"), [True, False])
        self.assertEqual([reason["rule"] for reason in promised.dunning_explain()], ["promise"])
