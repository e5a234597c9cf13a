from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL


class DunningReasons(models.AbstractModel):
    """All the reasons that stand against a reminder, in one column: ids of rules as JSON."""

    _name = "dunning.reasons"
    _description = "Reasons Against a Reminder"

    reason_ids = fields.Json(readonly=True, help="Ids of all reasons, the deciding one first.")
    rule_ids = fields.Many2many(
        "dunning.exclusion.rule",
        string="All Reasons",
        compute="_compute_rule_ids",
        search="_search_rule_ids",
        help="Every reason that stands against a reminder, the deciding one first.",
    )
    marks = fields.Json(
        compute="_compute_marks", help="The reasons by the place where their (x) stands."
    )

    @api.depends("reason_ids")
    def _compute_rule_ids(self):
        rules = self.env["dunning.exclusion.rule"]
        named = {rule_id for record in self for rule_id in record.reason_ids or []}
        # Rules can be deleted; what was found out by them is kept.
        existing = rules.browse(named).exists()
        # Read together here: setting them below would read the rules of each kind by themselves.
        existing.mapped("name")
        found = set(existing.ids)
        for reasons, records in self._by_reasons().items():
            records.rule_ids = rules.browse(rule_id for rule_id in reasons if rule_id in found)

    @api.depends("rule_ids")
    def _compute_marks(self):
        for records in self._by_reasons().values():
            # The first of them by iteration: a slice would read the rules of one record alone.
            records.marks = next(iter(records)).rule_ids._names_by_marker()

    def _by_reasons(self):
        """Return {ids of rules: the records that have them}: on a page there are few kinds."""
        return self.grouped(lambda record: tuple(record.reason_ids or ()))

    @api.model
    def _search_rule_ids(self, operator, value):
        if operator not in ("in", "any"):
            return NotImplemented
        rules = self.env["dunning.exclusion.rule"]
        wanted = rules.search(Domain(value)) if operator == "any" else rules.browse(value).exists()
        texts = [str(rule_id) for rule_id in wanted.ids]

        def contains_any(_model, alias, _query):
            return SQL(
                "COALESCE(%s @> ANY(%s::jsonb[]), FALSE)",
                SQL.identifier(alias, "reason_ids"),
                texts,
            )

        return Domain.custom(to_sql=contains_any)
