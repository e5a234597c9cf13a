def leave_out_excluded(lines, company):
    """Return {item: why it is left out} of the items `lines`, and the items that stay."""
    screening = lines.env["dunning.screening"].with_context(allowed_company_ids=company.ids)
    excluded = screening.search([("move_line_id", "in", lines.ids), ("outcome", "!=", "included")])
    reasons = {row.move_line_id: row.rule_ids.mapped("name") for row in excluded}
    return reasons, lines - excluded.move_line_id
