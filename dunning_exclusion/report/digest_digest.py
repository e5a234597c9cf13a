from odoo import fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.tools.misc import format_decimalized_amount

# How many reasons a digest names: those that hold back most.
NAMED_REASONS = 5


class DigestDigest(models.Model):
    _inherit = "digest.digest"

    kpi_dunning_reminded = fields.Boolean("Reminded")
    kpi_dunning_reminded_value = fields.Monetary(
        "Amount Reminded", compute="_compute_kpi_dunning_reminded_value"
    )
    kpi_dunning_held = fields.Boolean("Overdue and Held Back")
    kpi_dunning_held_value = fields.Monetary(
        "Amount Held Back", compute="_compute_kpi_dunning_held_value"
    )
    kpi_dunning_forgotten = fields.Boolean("Forgotten Holds")
    kpi_dunning_forgotten_value = fields.Integer(
        "Number of Forgotten Holds", compute="_compute_kpi_dunning_forgotten_value"
    )

    def _compute_kpi_dunning_reminded_value(self):
        self._check_dunning_reader()
        self._calculate_company_based_kpi(
            "dunning.notice",
            "kpi_dunning_reminded_value",
            date_field="date",
            additional_domain=[("state", "=", "sent")],
            sum_field="amount",
        )

    def _compute_kpi_dunning_held_value(self):
        for digest, reasons in self._get_dunning_reasons().items():
            digest.kpi_dunning_held_value = sum(row["amount"] for row in reasons)

    def _compute_kpi_dunning_forgotten_value(self):
        self._check_dunning_reader()
        forgotten = Domain("forgotten", "=", True)
        for digest in self:
            mine = Domain("company_id", "=", (digest.company_id or self.env.company).id)
            digest.kpi_dunning_forgotten_value = self.env["dunning.block"].search_count(
                mine & forgotten
            )

    def _check_dunning_reader(self):
        """Raise an AccessError, which leaves a figure out of the e-mail, for other employees."""
        reader = self.env["dunning.screening"].has_access("read")
        if not (reader and self.company_id <= self.env.user.company_ids):
            raise AccessError(self.env._("Only follow-up users get figures of follow-ups."))

    def _get_dunning_reasons(self):
        """Return {digest: what is overdue and held back now, by deciding reason}."""
        self._check_dunning_reader()
        self.env.flush_all()
        Dashboard = self.env["dunning.run"]
        return {
            digest: Dashboard._dashboard_by_reason(digest.company_id or self.env.company)
            for digest in self
        }

    def _compute_kpis(self, company, user):
        """Override of `digest` to name the reasons that hold back most."""
        kpis = super()._compute_kpis(company, user)
        place = next((i for i, k in enumerate(kpis) if k["kpi_name"] == "kpi_dunning_held"), None)
        if place is None:
            return kpis
        mine = self.with_user(user).with_company(company)
        rows = [
            {
                "kpi_name": f"kpi_dunning_held_{row['code']}",
                "kpi_fullname": self.env._("Held back: %(reason)s", reason=row["label"]),
                "kpi_action": False,
                "kpi_col1": {
                    "value": self._format_currency_amount(
                        format_decimalized_amount(row["amount"]), company.currency_id
                    ),
                    "margin": 0,
                    "col_subtitle": self.env._("1 item")
                    if row["count"] == 1
                    else self.env._("%(count)s items", count=row["count"]),
                },
                "kpi_col2": {},
                "kpi_col3": {},
            }
            for row in mine._get_dunning_reasons()[mine][:NAMED_REASONS]
        ]
        return kpis[: place + 1] + rows + kpis[place + 1 :]

    def _compute_kpis_actions(self, company, user):
        actions = super()._compute_kpis_actions(company, user)
        for name, action in (
            ("reminded", "dunning_notice_action"),
            ("held", "dunning_screening_action"),
            ("forgotten", "dunning_block_action"),
        ):
            actions[f"kpi_dunning_{name}"] = f"dunning_exclusion.{action}"
        return actions
