from odoo import api, models

CHOICE = "dunning_exclusions"
# Where the statement collects {id of a partner: items that are excluded}.
FOUND = "dunning_found"


class OutstandingStatement(models.AbstractModel):
    _inherit = "report.partner_statement.outstanding_statement"

    @api.model
    def _get_report_values(self, docids, data=None):
        """Override of `partner_statement` to say what the marks mean, or what is not listed."""
        choice, found = (data or {}).get(CHOICE), {}
        chosen = self.with_context(**{CHOICE: choice, FOUND: found})
        values = super(OutstandingStatement, chosen)._get_report_values(docids, data)
        for partner_id in found.keys() & values["data"].keys():
            values["data"][partner_id][CHOICE] = choice
        return values

    def _get_account_display_lines(
        self, company_id, partner_ids, date_start, date_end, account_type
    ):
        """Override of `partner_statement` to mark what is excluded, or to leave it out."""
        lines = super()._get_account_display_lines(
            company_id, partner_ids, date_start, date_end, account_type
        )
        choice = self.env.context.get(CHOICE)
        if choice not in ("mark", "leave_out"):
            return lines
        line_ids = [line["id"] for found in lines.values() for line in found]
        excluded = self._dunning_excluded(line_ids, company_id, date_end)
        for partner_id, found in lines.items():
            held = [line for line in found if line["id"] in excluded]
            if held:
                self.env.context[FOUND][partner_id] = {line["id"] for line in held}
            for line in held:
                line["move_id"] = f"{line['move_id']} (x)"
            if choice == "leave_out":
                lines[partner_id] = [line for line in found if line["id"] not in excluded]
        return lines

    def _show_buckets_sql_q1(self, partners, date_end, account_type):
        """Override of `partner_statement` to leave the same items out of the aging."""
        query = super()._show_buckets_sql_q1(partners, date_end, account_type)
        if self.env.context.get(CHOICE) != "leave_out":
            return query
        found = self.env.context[FOUND].values()
        ids = ", ".join(str(int(line_id)) for line_ids in found for line_id in line_ids)
        before = "WHERE l.partner_id IN"
        return query.replace(before, f"WHERE l.id NOT IN ({ids or 0}) AND l.partner_id IN")

    def _dunning_excluded(self, line_ids, company_id, day):
        """Return the ids of the items that are excluded on `day`."""
        # sudo: who sends statements need not have rights on follow-ups
        screening = self.env["dunning.screening"].sudo()
        scoped = screening.with_context(allowed_company_ids=[company_id], dunning_day=str(day))
        domain = [("move_line_id", "in", line_ids), ("outcome", "!=", "included")]
        return set(scoped.search(domain).move_line_id.ids)
