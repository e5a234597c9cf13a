from odoo import api, fields, models
from odoo.tools import SQL

from ..screening import items
from ..screening.question import Question
from .isolation import for_each_company


class DunningMirror(models.Model):
    """A flag 'No Follow-Up' of Odoo that we set because of a block, for other dunning engines.

    Flags without a record here are never changed, nor are those that a person changed since.
    """

    _name = "dunning.mirror"
    _description = "Mirrored No Follow-Up Flag"

    move_line_id = fields.Many2one("account.move.line", required=True, ondelete="cascade")
    overridden = fields.Boolean(help="A person changed the flag since: it is left as it is.")

    _line_unique = models.UniqueIndex("(move_line_id)")

    @api.model
    def _cron_sync(self):
        """Let the flags follow the blocks that began or ended by date."""
        for_each_company(self.env, self.env._("Mirroring holds to No Follow-Up"), self._sync)

    @api.model
    def _sync(self, companies, customers=None):
        """Let the flags on items of `customers` (None: of everybody) follow the blocks."""
        # sudo: nobody edits these records, and who blocks need not have the right to write entries
        self = self.sudo()
        mirroring = companies.with_env(self.env).filtered("dunning_mirror_no_followup")
        if not mirroring and not self.search_count([], limit=1):
            return
        self.env.flush_all()
        customer_ids = None if customers is None else tuple(customers.ids)
        held = self._held_query(Question(mirroring, customers=customer_ids))
        self._clear_flags(companies, customer_ids, held)
        if mirroring:
            self._set_flags(held)
        self.invalidate_model()
        self.env["account.move.line"].invalidate_model(["no_followup"], flush=False)
        self.env["account.move"].invalidate_model(["no_followup"], flush=False)

    @api.model
    def _held_query(self, question) -> SQL:
        """Return SELECT id, no_followup of the open items that a block holds today."""
        return SQL(
            """SELECT line.id, line.no_followup %s
                  AND EXISTS (SELECT 1 FROM dunning_block block WHERE %s AND %s)""",
            items.open_items(question),
            self.env["dunning.block"]._holds_sql(),
            self.env["dunning.block"]._state_sql(),
        )

    @api.model
    def _clear_flags(self, companies, customer_ids, held):
        """Clear the flags that we set on items that are not `held`, and forget them."""
        restriction = SQL()
        if customer_ids is not None:
            restriction = SQL("AND contact.commercial_partner_id = ANY(%s)", list(customer_ids))
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
                held,
            )
        )

    @api.model
    def _set_flags(self, held):
        """Set the flags of the items that are `held`, and note that we did so."""
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
                held,
            )
        )

    @api.model
    def _adopt(self, moves):
        """Treat the flags of `moves` as ours, because blocks replace them.

        They are cleared when the block ends, or at once when the company does not mirror blocks.
        """
        lines = moves._dunning_receivable_lines().filtered("no_followup")
        # sudo: see `_sync`
        self = self.sudo()
        known = self.search([("move_line_id", "in", lines.ids)])
        known.overridden = False
        self.create([{"move_line_id": line.id} for line in lines - known.move_line_id])
        self._sync(moves.company_id, moves.commercial_partner_id)

    @api.model
    def _person_changed(self, lines):
        """Note that a person set or cleared the flag of `lines`, so that we leave it alone."""
        # sudo: see `_sync`
        self.sudo().search([("move_line_id", "in", lines.ids)]).overridden = True


class DunningBlock(models.Model):
    _inherit = "dunning.block"

    @api.model
    def _targets_changed(self, companies, customers):
        """Override to let the flags follow every change of a block."""
        self.env["dunning.mirror"]._sync(companies, customers)
        return super()._targets_changed(companies, customers)
