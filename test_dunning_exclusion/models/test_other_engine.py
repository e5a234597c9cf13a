from odoo import api, models


class TestOtherEngine(models.AbstractModel):
    _name = "test.other.engine"
    _description = "Another Dunning Engine"

    @api.model
    def _leave_out_excluded(self, lines, company):
        """Return {item: why it is left out} of `lines`, and the lines that stay."""
        screening = self.env["dunning.screening"].with_context(allowed_company_ids=company.ids)
        excluded = screening.search(
            [("move_line_id", "in", lines.ids), ("outcome", "!=", "included")]
        )
        reasons = {row.move_line_id: row.rule_ids.mapped("name") for row in excluded}
        return reasons, lines - excluded.move_line_id
