from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from .dunning_screening import OWNERS
from .screen import Screen

BLOCK_RULES = {
    f"{kind}_{level}": (kind, level)
    for kind in ("stop", "pause", "prevent")
    for level in ("customer", "item")
}


class DunningExplanation(models.AbstractModel):
    """Puts the answer of the screening into words, for a handful of records."""

    _name = "dunning.explanation"
    _description = "Dunning Explanation"

    @api.model
    def _explain(self, targets, day=None):
        """Return the reasons that stand against reminding `targets`: see `dunning_explain`."""
        owner = OWNERS[targets._dunning_owner_field()]
        reasons = {}
        for company in targets._dunning_companies():
            today = day or company._dunning_today()
            screen = Screen(company, today, (owner, tuple(targets._dunning_owners().ids)))
            rows = self._excluded_rows(screen)
            rules = self._rules_of(rows, company)
            blocks = self._blocks_of(rules, rows, screen)
            for rule in rules:
                lines = [row for row in rows if rule.id in row[3]]
                for source in self._sources(rule, lines, blocks) or [{}]:
                    reason = self._prepare_reason(rule, rule._effect_in(company), source)
                    reasons.setdefault((rule, reason["block_id"]), reason)
        return list(reasons.values()) or self._explain_paid(targets)

    @api.model
    def _explain_paid(self, targets):
        """Return why entries of which nothing is open are not reminded: they are paid."""
        if targets._name == "res.partner":
            return []
        items = targets if targets._name == "account.move.line" else targets.line_ids
        owed = items.filtered(
            lambda line: line.account_type == "asset_receivable" and line.parent_state == "posted"
        )
        if not owed or not all(owed.mapped("reconciled")):
            return []
        rule = self.env.ref("dunning_exclusion.rule_paid")
        return [self._prepare_reason(rule, rule._effect_in(owed.company_id[:1]), {})]

    @api.model
    def _excluded_rows(self, screen):
        return self.env.execute_query(
            SQL(
                """SELECT move_line_id, move_id, partner_id, reason_ids FROM (%s) AS screening
                    WHERE reason_ids IS NOT NULL""",
                self.env["dunning.statement"]._query(screen),
            )
        )

    @api.model
    def _rules_of(self, rows, company):
        """Return the rules named in `rows`, the deciding ones first."""
        found = {rule_id for row in rows for rule_id in row[3]}
        return self.env["dunning.exclusion.rule"].browse(found)._deciding_first(company)

    @api.model
    def _prepare_reason(self, rule, outcome, source):
        return {
            "outcome": outcome,
            "rule": rule.code,
            "reason": rule.with_env(self.env).sudo().name,
            "marker": rule.marker,
            "level": rule.level,
            "since": source.get("since", False),
            "until": source.get("until", False),
            "block_id": source.get("block_id", False),
        }

    @api.model
    def _sources(self, rule, rows, blocks):
        """Return since, until and block of what makes `rule` exclude the items of `rows`."""
        if rule.code in BLOCK_RULES:
            return self._block_sources(rule.code, rows, blocks)
        if rule.code == "promise":
            return self._promise_sources(rows)
        return []

    @api.model
    def _blocks_of(self, rules, rows, screen):
        """Return the blocks that hold the items of `rows` and their customers."""
        Block = self.env["dunning.block"]
        if not BLOCK_RULES.keys() & set(rules.mapped("code")):
            return Block
        return Block.search(
            Domain("company_id", "=", screen.companies.id)
            & Domain("partner_id", "in", {row[2] for row in rows})
            & Domain("move_id", "in", [False, *(row[1] for row in rows)])
            & Block._state_domain("active", screen.today)
        )

    @api.model
    def _block_sources(self, code, rows, blocks):
        kind, level = BLOCK_RULES[code]
        items, moves, customers = ({row[place] for row in rows} for place in range(3))

        def holds(block):
            if level == "customer":
                return not block.move_id and block.partner_id.id in customers
            if block.move_line_id:
                return block.move_line_id.id in items
            return block.move_id.id in moves

        return [
            {"since": block.date_from, "until": block.date_to, "block_id": block.id}
            for block in blocks
            if block.kind == kind and holds(block)
        ]

    @api.model
    def _promise_sources(self, rows):
        promises = self.env["dunning.promise"].search_fetch(
            Domain("move_line_ids", "in", [row[0] for row in rows])
            & Domain("state", "in", ["open"]),
            ["date", "create_date"],
        )
        return [
            {"since": promise.create_date.date(), "until": promise.date} for promise in promises
        ]
