from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.dunning_block import KINDS

TARGET_MODELS = ("res.partner", "account.move", "account.move.line")


class DunningBlockWizard(models.TransientModel):
    """Asks for reason, end and note, then blocks all selected customers or invoices at once."""

    _name = "dunning.block.wizard"
    _description = "Block Dunning"

    kind = fields.Selection(KINDS, required=True, default="stop")
    reason_id = fields.Many2one("dunning.block.reason")
    date_from = fields.Date(
        string="From", required=True, default=lambda self: self.env.company._dunning_today()
    )
    date_to = fields.Date(string="Until", compute="_compute_date_to", store=True, readonly=False)
    note = fields.Text()
    res_model = fields.Char(required=True, readonly=True)
    res_ids = fields.Json(required=True, readonly=True)
    target_count = fields.Integer(compute="_compute_targets")
    already_blocked = fields.Char(compute="_compute_targets")

    @api.depends("reason_id")
    def _compute_date_to(self):
        for wizard in self:
            if wizard.reason_id.default_days:
                wizard.date_to = self.env["dunning.block"]._default_end(
                    wizard.reason_id.id, wizard.date_from
                )

    @api.depends("kind", "res_model", "res_ids")
    def _compute_targets(self):
        for wizard in self:
            targets = wizard._targets()
            blocked = targets.filtered(lambda target, kind=wizard.kind: target[_flag_field(kind)])
            wizard.target_count = len(targets)
            wizard.already_blocked = ", ".join(blocked.mapped("display_name")[:20])

    def _targets(self):
        """Return the selected records, checked: the model comes from the client."""
        if self.res_model not in TARGET_MODELS:
            raise UserError(self.env._("Only customers, invoices and items can be blocked."))
        ids = [int(res_id) for res_id in self.res_ids or []]
        targets = self.env[self.res_model].browse(ids).exists()
        targets.check_access("read")
        return targets

    def action_apply(self):
        """Block all selected records, or none of them when one cannot be blocked."""
        self.ensure_one()
        self._targets()._dunning_block(
            self.kind,
            reason_id=self.reason_id.id,
            date_from=self.date_from,
            date_to=self.date_to,
            note=self.note,
        )
        return {"type": "ir.actions.act_window_close"}


def _flag_field(kind):
    return {"stop": "dunning_stop", "pause": "dunning_pause", "prevent": "prevent_dunning"}[kind]
