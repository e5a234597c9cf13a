from dataclasses import replace
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..screening import items
from ..screening.question import Question
from .dunning_exclusion_condition import KINDS
from .isolation import for_each_company

# What Odoo Enterprise's nightly job runs.
OTHER_ENGINE = "model._cron_execute_followup()"
BLOCK_RULES = [f"{kind}_{level}" for kind in KINDS for level in ("customer", "item")]


class DunningMirror(models.Model):
    """A flag 'No Follow-Up' of Odoo that we set because of a block, for other dunning engines.

    A company may choose to have everything that is excluded flagged: blocks at once, all else by
    the daily job, as nobody is told when a rule begins or ceases to exclude an item.

    Flags without a record here are never changed, nor are those that a person changed since.
    """

    _name = "dunning.mirror"
    _description = "Mirrored No Follow-Up Flag"

    move_line_id = fields.Many2one(
        "account.move.line", "Journal Item", required=True, ondelete="cascade"
    )
    overridden = fields.Boolean(help="Somebody changed the flag in the meantime: it is left as is.")
    by_rule = fields.Boolean(help="Excluded by a rule, not only a hold, when the job last ran.")

    _line_unique = models.UniqueIndex("(move_line_id)")

    @api.model
    def _cron_sync(self):
        """Let the flags follow what began or ended to exclude, shortly before other engines run."""
        for_each_company(self.env, self.env._("Mirroring holds to No Follow-Up"), self._sync)
        soon = fields.Datetime.now() + timedelta(minutes=15)
        for other in self.env["ir.cron"].search([("code", "=", OTHER_ENGINE)]):
            day = timedelta(days=max((soon - other.nextcall).days + 1, 0))
            self.env.ref("dunning_exclusion.cron_mirror")._trigger(
                other.nextcall + day - timedelta(minutes=10)
            )

    @api.model
    def _sync(self, companies, customers=None):
        """Let the flags on items of `customers` follow the blocks; None: on all, by rules too."""
        # sudo: nobody edits these records, and who blocks need not have the right to write entries
        self = self.sudo()
        companies = companies.with_env(self.env)
        mirroring = companies.filtered("dunning_mirror_no_followup")
        if not mirroring and not self.search_count([], limit=1):
            return
        self.env.flush_all()
        question = Question(mirroring, customers=None if customers is None else (*customers.ids,))
        ruled = mirroring.filtered(lambda company: company.dunning_mirror_scope == "excluded")
        if customers is None and ruled:
            with self.env["dunning.screening"]._screened(Question(ruled)) as screening:
                self._change_flags(companies, question, self._excluded_by_rules(screening))
        else:
            # What rules exclude is known from the last time the job looked.
            known = replace(question, companies=ruled if customers else ruled.browse())
            self._change_flags(companies, question, self._excluded_before(known))
        self.invalidate_model()
        self.env["account.move.line"].invalidate_model(["no_followup"], flush=False)
        self.env["account.move"].invalidate_model(["no_followup"], flush=False)

    @api.model
    def _excluded_by_rules(self, screening) -> SQL:
        """Return SELECT of the ids of the items that `screening` excludes by more than blocks."""
        rules = self.env["dunning.exclusion.rule"].search([("code", "not in", BLOCK_RULES)])
        return SQL(
            """SELECT screening.move_line_id FROM (%s) AS screening
                WHERE screening.reason_ids @> ANY(%s::jsonb[])""",
            screening,
            [str(rule_id) for rule_id in rules.ids],
        )

    @api.model
    def _excluded_before(self, question) -> SQL:
        """Return SELECT of the ids of the open items that rules excluded when the job looked."""
        join = SQL("JOIN dunning_mirror mirror ON mirror.move_line_id = line.id AND mirror.by_rule")
        return SQL("SELECT line.id %s", items.open_items(question, join))

    @api.model
    def _wanted(self, question, ruled) -> SQL:
        """Return SELECT of the open items that a block holds today, or that are in `ruled`."""
        return SQL(
            """SELECT line.id, line.no_followup, mirror.id AS mirror_id,
                      mirror.by_rule IS TRUE AS was_by_rule, found.by_rule
                 FROM (SELECT id, BOOL_OR(by_rule) AS by_rule
                         FROM (SELECT line.id, FALSE AS by_rule %s
                                  AND EXISTS (SELECT 1 FROM dunning_block block WHERE %s AND %s)
                               UNION ALL
                               SELECT ruled.*, TRUE FROM (%s) AS ruled) AS each_way
                        GROUP BY id) AS found
                 JOIN account_move_line line ON line.id = found.id
                 LEFT JOIN dunning_mirror mirror ON mirror.move_line_id = line.id""",
            items.open_items(question),
            self.env["dunning.block"]._holds_sql(),
            self.env["dunning.block"]._state_sql(),
            ruled,
        )

    @api.model
    def _change_flags(self, companies, question, ruled):
        """Set the flags of the items that are wanted, and take back those that we set on others.

        :param companies: whose flags are taken back, those of `question` and others
        :param ruled: SELECT of the ids of the items that rules exclude
        """
        chosen = question.customers
        restriction = SQL("contact.commercial_partner_id = ANY(%s)", list(chosen or ()))
        # Odoo clears the flag when it rebuilds an entry, so it may have to be set again.
        self.env.cr.execute(
            SQL(
                """WITH wanted AS MATERIALIZED (%(wanted)s),
                   ended AS (
                       DELETE FROM dunning_mirror mirror
                        USING account_move_line line
                         JOIN res_partner contact ON contact.id = line.partner_id
                        WHERE line.id = mirror.move_line_id AND line.company_id = ANY(%(companies)s)
                          AND %(restriction)s
                          AND NOT EXISTS (SELECT 1 FROM wanted WHERE wanted.id = line.id)
                       RETURNING mirror.move_line_id, mirror.overridden),
                   begun AS (
                       INSERT INTO dunning_mirror (move_line_id, by_rule, create_uid, create_date)
                       SELECT id, by_rule, %(user)s, now() AT TIME ZONE 'UTC' FROM wanted
                        WHERE no_followup IS NOT TRUE
                           OR mirror_id IS NOT NULL AND by_rule <> was_by_rule
                       ON CONFLICT (move_line_id)
                          DO UPDATE SET overridden = FALSE, by_rule = EXCLUDED.by_rule
                        WHERE dunning_mirror.overridden IS NOT TRUE
                       RETURNING move_line_id)
                   UPDATE account_move_line line SET no_followup = change.flag
                     FROM (SELECT move_line_id, TRUE AS flag FROM begun UNION ALL
                           SELECT move_line_id, FALSE FROM ended
                            WHERE overridden IS NOT TRUE) AS change
                    WHERE change.move_line_id = line.id""",
                wanted=self._wanted(question, ruled),
                companies=companies.ids,
                restriction=SQL("TRUE") if chosen is None else restriction,
                user=self.env.uid,
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
