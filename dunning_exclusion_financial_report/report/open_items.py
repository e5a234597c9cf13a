from odoo import models

CHOICE = "dunning_exclusions"
# Where the report collects what is said above its lines.
NOTES = "dunning_notes"


class OpenItemsReport(models.AbstractModel):
    _inherit = "report.account_financial_report.open_items"

    def _get_report_values(self, docids, data):
        """Override of `account_financial_report` to say what was left out."""
        notes = []
        chosen = self.with_context(**{CHOICE: data.get(CHOICE), NOTES: notes})
        values = super(OpenItemsReport, chosen)._get_report_values(docids, data)
        return {**values, "dunning_notes": notes}

    def _get_data(self, account_ids, partner_ids, date_at_object, *args, **kwargs):
        """Override of `account_financial_report` to mark what is excluded, or to leave it out."""
        data = super()._get_data(account_ids, partner_ids, date_at_object, *args, **kwargs)
        choice = self.env.context.get(CHOICE)
        if choice not in ("mark", "leave_out"):
            return data
        lines, groups, journals, accounts, open_items = data
        reasons = self._dunning_reasons([line["id"] for line in lines], date_at_object)
        if choice == "mark":
            for line in lines:
                if reason := reasons.get(line["id"]):
                    line["ref_label"] = f"(x) {reason} · {line['ref_label'] or ''}"
            return data
        kept = {
            account: {
                group: free
                for group, found in by_group.items()
                if (free := [line for line in found if line["id"] not in reasons])
            }
            for account, by_group in open_items.items()
        }
        kept = {account: by_group for account, by_group in kept.items() if by_group}
        if reasons:
            self.env.context[NOTES].append(
                self.env._("Items that are excluded from reminders are left out: %s", len(reasons))
            )
        return (
            [line for line in lines if line["id"] not in reasons],
            {key: group for key, group in groups.items() if any(key in g for g in kept.values())},
            journals,
            {key: account for key, account in accounts.items() if key in kept},
            kept,
        )

    def _dunning_reasons(self, line_ids, day):
        """Return {id of an item: the name of the reason} of those that are excluded on `day`."""
        # sudo: who reads the report need not have rights on follow-ups
        screening = self.env["dunning.screening"].sudo().with_context(dunning_day=str(day))
        domain = [("move_line_id", "in", line_ids), ("outcome", "!=", "included")]
        companies = self.env["account.move.line"].browse(line_ids).company_id
        excluded = screening.with_context(allowed_company_ids=companies.ids).search(domain)
        return {row.move_line_id.id: row.rule_id.name for row in excluded}
