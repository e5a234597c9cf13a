from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..models.arguments import DAYS, Char, Text, Within, check_one, read_ids
from ..models.dunning_block_reason import KINDS

SHOWN_NAMES = 20
TARGET_MODELS = ("res.partner", "account.move", "account.move.line")


class DunningBlockWizard(models.TransientModel):
    """Asks for reason, end and note, then blocks all selected customers or invoices at once."""

    _name = "dunning.block.wizard"
    _description = "Hold Reminders"
    _inherit = ["dunning.protected.mixin"]

    kind = fields.Selection(
        KINDS,
        required=True,
        default="stop",
        help="Stop: listed but not selected. Pause: until a day. Prevent: in no run.",
    )
    reason_id = fields.Many2one("dunning.block.reason")
    date_from = fields.Date(
        string="From",
        required=True,
        default=lambda self: self.env.company._dunning_today(),
    )
    term = fields.Selection(
        [("7", "+7 days"), ("14", "+14 days"), ("30", "+30 days"), ("day", "Day")],
        string="Until",
        default=lambda self: "7" if self.env.context.get("default_kind") == "pause" else False,
        help="How long it lasts.",
    )
    date_to = fields.Date(
        string="Last Day",
        compute="_compute_date_to",
        compute_sudo=False,
        store=True,
        readonly=False,
        help="The last day of the hold; empty: until Resume is pressed.",
    )
    items_until = fields.Date(
        string="Items Issued Until",
        help="Only what was issued up to this day is held, such as the day on which insolvency was "
        "opened; newer items are reminded. Empty: all items.",
    )
    asks_items_until = fields.Boolean(related="reason_id.asks_items_until", related_sudo=False)
    note = Text(help="Anything colleagues should know about it.")
    res_model = Char(
        "What Is Held",
        required=True,
        readonly=True,
        help="Whether customers, invoices or items are held.",
    )
    res_ids = fields.Json(
        "Records", required=True, readonly=True, help="The numbers of the records to be held."
    )
    # After a stop with one click, the dialog asks why: these are the holds it is about.
    block_ids = fields.Json(
        string="Holds", readonly=True, help="The numbers of the holds to be explained."
    )
    explanation = fields.Char(compute="_compute_explanation")
    target_count = fields.Integer(string="Number of Records", compute="_compute_targets")
    target_names = fields.Char(string="Whom", compute="_compute_targets")
    already_blocked = fields.Char("Already Held", compute="_compute_targets")

    _date_from_within = Within("date_from", *DAYS)
    _date_to_within = Within("date_to", *DAYS)
    _items_until_within = Within("items_until", *DAYS)

    @api.onchange("reason_id")
    def _onchange_reason(self):
        self.kind = self.reason_id.kind or self.kind

    @api.depends("reason_id", "date_from", "term")
    def _compute_date_to(self):
        for wizard in self:
            proposed = wizard.date_from and self.env["dunning.block"]._default_end(
                wizard.reason_id.id, wizard.date_from
            )
            if wizard.date_from and wizard.term in ("7", "14", "30"):
                proposed = wizard.date_from + timedelta(days=int(wizard.term))
            wizard.date_to = proposed or wizard.date_to

    @api.depends("kind", "res_model", "res_ids")
    def _compute_explanation(self):
        words = {
            "stop": self.env._(
                "The items stay in the list, but are not selected: nothing is sent until somebody "
                "resumes."
            ),
            "pause": self.env._(
                "Nothing is sent until that day has passed. Totals still count what is owed."
            ),
            "prevent": self.env._("The items are not listed in any run until somebody resumes."),
        }
        for wizard in self:
            wizard.explanation = words.get(wizard.kind, "")

    @api.depends("kind", "date_from", "res_model", "res_ids")
    def _compute_targets(self):
        for wizard in self:
            targets = wizard._targets()
            blocked = targets._dunning_blocked(wizard.kind, wizard.date_from)
            wizard.target_count = len(targets)
            wizard.target_names = wizard._names(targets)
            wizard.already_blocked = wizard._names(blocked)

    @api.model
    def _names(self, records):
        """Return the names of `records`, as many as a person wants to read."""
        names = records[:SHOWN_NAMES].mapped("display_name")
        if more := len(records) - len(names):
            names.append(self.env._("%(count)s more", count=more))
        return ", ".join(names)

    def _targets(self):
        """Return the selected records, checked: the model comes from the client."""
        if self.res_model not in TARGET_MODELS:
            raise UserError(self.env._("Only customers, invoices and items can be held."))
        ids = read_ids(self.env, self.res_ids or [])
        targets = self.env[self.res_model].browse(ids).exists()
        targets.check_access("read")
        return targets

    def action_apply(self):
        """Block all selected records, or none of them when one cannot be blocked.

        Those that are blocked already keep their block, with the reason and note that are given
        now. It is prolonged when this one lasts longer; it ends on this day, be it earlier, when
        only one record is selected.
        """
        check_one(self)
        if self.kind == "pause" and not self.date_to:
            raise UserError(self.env._("A pause needs an end: fill in the field 'Last Day'."))
        if self.block_ids:
            return self._explain_blocks()
        targets = self._targets()
        already = targets._dunning_blocked(self.kind, self.date_from)
        said = {"reason_id": self.reason_id.id, "note": self.note}
        blocks = (targets - already)._dunning_block(
            self.kind,
            date_from=self.date_from,
            date_to=self.date_to,
            items_until=self.items_until,
            **said,
        )
        holding = already._dunning_fresh_blocks(self.kind, self.date_from)
        ended, noted = holding._hold_on(self.date_to, len(targets) == 1, **said)
        close = {"type": "ir.actions.act_window_close"}
        if self.kind == "stop" and blocks:
            return blocks._prepare_stopped()
        if not already:
            return close
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": self._tell(blocks, ended, noted, holding - ended - noted),
                "type": "info",
                "next": close,
            },
        }

    @api.model
    def _ask_resume(self, records):
        """Return the action that asks whether all holds on `records` end, if there are any."""
        if blocks := records._dunning_fresh_blocks():
            message = self.env._(
                "Holds that end: %s. Nothing is sent by that; the items are candidates again in "
                "the next run.",
                len(blocks),
            )
            params = {"message": message, "block_ids": blocks.ids}
            return {"type": "ir.actions.client", "tag": "dunning_resume", "params": params}
        params = {"message": self.env._("None of them is held."), "type": "info"}
        return {"type": "ir.actions.client", "tag": "display_notification", "params": params}

    def _tell(self, new, ended, noted, kept):
        """Return what was done in words: how many blocks are new, changed, or as they were."""
        words = {"count": len(ended), "date": format_date(self.env, self.date_to)}
        if not self.date_to:
            end = self.env._("1 hold now lasts until somebody resumes.")
            ends = self.env._("%(count)s holds now last until somebody resumes.", **words)
        elif self.kind == "pause":
            end = self.env._("1 pause now ends on %(date)s.", **words)
            ends = self.env._("%(count)s pauses now end on %(date)s.", **words)
        else:
            end = self.env._("1 hold now ends on %(date)s.", **words)
            ends = self.env._("%(count)s holds now end on %(date)s.", **words)
        unchanged = self.env._("Held already, unchanged: %(names)s.", names=self._names(kept))
        changed = self.env._("Holds whose reason or note was changed: %s.", len(noted))
        sentences = (
            (new, self.env._("1 new hold."), self.env._("%s new holds.", len(new))),
            (ended, end, ends),
            (noted, changed, changed),
            (kept, unchanged, unchanged),
        )
        return " ".join(one if len(some) == 1 else many for some, one, many in sentences if some)

    def _explain_blocks(self):
        """Write reason, end and note on holds that were set with one click."""
        blocks = self.env["dunning.block"].browse(read_ids(self.env, self.block_ids)).exists()
        blocks.check_access("write")
        blocks.write({"reason_id": self.reason_id.id, "date_to": self.date_to, "note": self.note})
        return {"type": "ir.actions.act_window_close"}
