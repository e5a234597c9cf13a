from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..screening import items
from ..screening.question import Question
from .isolation import for_each_company


class DunningMirror(models.Model):
    """The 'No Follow-Up' flags of Odoo that we set because of a block, for other dunning engines.

    The flag of an item without a record here is never changed. When a person sets or clears a flag
    that we had set, we leave it alone from then on.
    """

    _name = "dunning.mirror"
    _description = "Mirrored No Follow-Up Flag"

    move_line_id = fields.Many2one("account.move.line", required=True, ondelete="cascade")
    overridden = fields.Boolean(help="A person changed the flag since: it is left as it is.")

    _line_unique = models.UniqueIndex("(move_line_id)")

    @api.model
    def _cron_sync(self):
        """Let the flags follow the blocks that began or ended by date."""
        companies = self.env["res.company"].search(Domain.TRUE)
        for_each_company(companies, self.env._("Mirroring blocks to No Follow-Up"), self._sync)

    @api.model
    def _sync(self, companies, customers=None):
        """Set the flags of items that blocks hold, and take back ours where none does any more.

        :param customers: only their items (commercial partners); None: all items
        """
        # sudo: nobody edits these records, and who blocks need not have the right to write entries
        self = self.sudo()
        mirroring = companies.sudo().filtered("dunning_mirror_no_followup")
        if not mirroring and not self.search_count([], limit=1):
            return
        self.env.flush_all()
        restriction = SQL()
        if customers is not None:
            restriction = SQL("AND contact.commercial_partner_id = ANY(%s)", customers.ids)
        self._release(companies, mirroring, restriction)
        if mirroring:
            self._set(mirroring, restriction)
        self.invalidate_model()
        self.env["account.move.line"].invalidate_model(["no_followup"], flush=False)
        self.env["account.move"].invalidate_model(["no_followup"], flush=False)

    @api.model
    def _held_query(self, companies, restriction) -> SQL:
        """Return SELECT id, no_followup of the open items that a block holds today."""
        parts = [
            SQL(
                """SELECT line.id, line.no_followup %s %s
                      AND EXISTS (SELECT 1 FROM dunning_block block
                                   WHERE block.company_id = line.company_id
                                     AND block.partner_id = contact.commercial_partner_id
                                     AND (block.move_id IS NULL
                                          OR block.move_line_id = line.id
                                          OR (block.move_id = line.move_id
                                              AND block.move_line_id IS NULL))
                                     AND %s)""",
                items.open_items(Question(same_day)),
                restriction,
                self.env["dunning.block"]._active_sql(today),
            )
            for today, same_day in companies.grouped(lambda c: c._dunning_today()).items()
        ]
        return SQL(" UNION ALL ").join(parts) if parts else SQL("SELECT 0 AS id WHERE FALSE")

    @api.model
    def _release(self, companies, mirroring, restriction):
        self.env.cr.execute(
            SQL(
                """WITH ended AS (
                       DELETE FROM dunning_mirror mirror
                        USING account_move_line line
                         JOIN res_partner contact ON contact.id = line.partner_id
                        WHERE line.id = mirror.move_line_id AND line.company_id = ANY(%s) %s
                          AND NOT EXISTS (SELECT 1 FROM (%s) AS held WHERE held.id = line.id)
                       RETURNING mirror.move_line_id, mirror.overridden)
                   UPDATE account_move_line line SET no_followup = FALSE
                     FROM ended WHERE ended.move_line_id = line.id
                      AND ended.overridden IS NOT TRUE""",
                companies.ids,
                restriction,
                self._held_query(mirroring, restriction),
            )
        )

    @api.model
    def _set(self, companies, restriction):
        # Odoo clears the flag when it rebuilds an entry, so it may have to be set again.
        self.env.cr.execute(
            SQL(
                """WITH begun AS (
                       INSERT INTO dunning_mirror (move_line_id, create_uid, create_date)
                       SELECT held.id, %s, now() AT TIME ZONE 'UTC' FROM (%s) AS held
                        WHERE held.no_followup IS NOT TRUE
                       ON CONFLICT (move_line_id) DO UPDATE SET overridden = FALSE
                        WHERE dunning_mirror.overridden IS NOT TRUE
                       RETURNING move_line_id)
                   UPDATE account_move_line line SET no_followup = TRUE
                     FROM begun WHERE begun.move_line_id = line.id""",
                self.env.uid,
                self._held_query(companies, restriction),
            )
        )

    @api.model
    def _adopt(self, moves):
        """Treat the flags of `moves` as if we had set them, because blocks replace them now.

        They are cleared when the block ends, or at once when the company does not mirror blocks.
        """
        # sudo: see `_sync`
        lines = moves._dunning_receivable_lines().filtered("no_followup")
        known = self.sudo().search([("move_line_id", "in", lines.ids)])
        known.overridden = False
        self.sudo().create([{"move_line_id": line.id} for line in lines - known.move_line_id])
        self._sync(moves.company_id, moves.commercial_partner_id)

    @api.model
    def _person_changed(self, lines):
        """Note that a person set or cleared the flag of `lines`, so that we leave it alone."""
        # Who edits an entry has no rights on this bookkeeping.
        self.sudo().search([("move_line_id", "in", lines.ids)]).overridden = True


class DunningBlock(models.Model):
    """Blocks whose mirrored flags follow every change."""

    _inherit = "dunning.block"

    @api.model
    def _targets_changed(self, companies, customers):
        self.env["dunning.mirror"]._sync(companies, customers)
        return super()._targets_changed(companies, customers)
