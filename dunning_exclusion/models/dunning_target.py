from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .dunning_screening import OUTCOMES

DUNNING_FIELDS = (
    "dunning_block_ids",
    "dunning_stop",
    "dunning_pause",
    "dunning_pause_until",
    "prevent_dunning",
    "dunning_outcome",
)


class DunningTarget(models.AbstractModel):
    """What customers, invoices and items have in common: they can be held and explained.

    The plain fields mirror the blocks of the current company, so imports and API clients can read
    and set them: setting one creates a block, clearing it lifts the block.
    """

    _name = "dunning.target"
    _description = "Dunning Target"

    dunning_block_ids = fields.Many2many(
        "dunning.block",
        string="Dunning Blocks",
        compute="_compute_dunning_blocks",
        help="Every hold ever set here in the current company, the history included.",
    )
    dunning_stop = fields.Boolean(
        string="Dunning Stopped",
        compute="_compute_dunning_blocks",
        inverse="_inverse_dunning_stop",
        search="_search_dunning_stop",
        help="Listed in runs but not ticked, with an (x) and the reason.",
    )
    dunning_pause = fields.Boolean(
        string="Dunning Paused",
        compute="_compute_dunning_blocks",
        inverse="_inverse_dunning_pause",
        search="_search_dunning_pause",
        help="Nothing is sent until the pause ends. Totals still count the amounts.",
    )
    dunning_pause_until = fields.Date(
        string="Paused Until",
        compute="_compute_dunning_blocks",
        inverse="_inverse_dunning_pause_until",
        search="_search_dunning_pause_until",
        help="Last day of the pause.",
    )
    prevent_dunning = fields.Boolean(
        string="Dunning Prevented",
        compute="_compute_dunning_blocks",
        inverse="_inverse_prevent_dunning",
        search="_search_prevent_dunning",
        help="Left out of every run.",
    )
    dunning_outcome = fields.Selection(
        OUTCOMES,
        string="Dunning",
        compute="_compute_dunning_outcome",
        search="_search_dunning_outcome",
        help="What dunning would do today: remind (included), list unticked (unchecked) or not "
        "list at all (dropped). Empty when nothing is open.",
    )

    # What each model says about itself ------------------------------------------------------

    def _dunning_blocks_domain(self):
        """Return the domain of all blocks that concern `self`, in any state."""
        raise NotImplementedError

    def _dunning_keys(self):
        """Return the keys under which blocks of this record are filed."""
        raise NotImplementedError

    @api.model
    def _dunning_block_key(self, block):
        """Return the key under which `block` is filed for this model."""
        raise NotImplementedError

    @api.model
    def _dunning_holds(self, block):
        """Return whether `block` holds its record, and not only a part of it."""
        return True

    @api.model
    def _dunning_held_domain(self, blocks_query):
        """Return the domain of the records that the blocks of the query `blocks_query` hold."""
        raise NotImplementedError

    def _prepare_dunning_block_vals(self):
        """Return the values that make a block of this record: company, customer, entry, item."""
        raise NotImplementedError

    def _dunning_owners(self):
        """Return the records the screening knows `self` by (customers: commercial partners)."""
        return self

    def _dunning_companies(self):
        """Return the companies in which `self` is screened."""
        return self.company_id

    @api.model
    def _dunning_owner_field(self):
        """Return the field of `dunning.screening` that holds this model's id."""
        raise NotImplementedError

    # Flags ----------------------------------------------------------------------------------

    @api.model
    def _invalidate_dunning(self):
        self.invalidate_model(DUNNING_FIELDS, flush=False)

    @api.depends_context("company", "allowed_company_ids")
    def _compute_dunning_blocks(self):
        blocks = self.env["dunning.block"].search(self._dunning_blocks_domain())
        by_key = blocks.grouped(self._dunning_block_key)
        for record in self:
            own = blocks.browse().concat(
                *(by_key[key] for key in record._dunning_keys() if key in by_key)
            )
            held = own.filtered(lambda b: b.state == "active" and self._dunning_holds(b))
            pauses = held.filtered(lambda block: block.kind == "pause")
            ends = pauses.mapped("date_to")
            record.dunning_block_ids = own
            record.dunning_stop = "stop" in held.mapped("kind")
            record.prevent_dunning = "prevent" in held.mapped("kind")
            record.dunning_pause = bool(pauses)
            record.dunning_pause_until = all(ends) and max(ends, default=False)

    def _inverse_dunning_stop(self):
        self._dunning_set_flag("stop", "dunning_stop")

    def _inverse_prevent_dunning(self):
        self._dunning_set_flag("prevent", "prevent_dunning")

    def _dunning_set_flag(self, kind, field_name):
        wanted = {record: record[field_name] for record in self}
        on = self.filtered(lambda record: wanted[record])
        on._dunning_block(kind)
        (self - on)._dunning_lift(kind)

    def _inverse_dunning_pause(self):
        wanted = [(record, record.dunning_pause, record.dunning_pause_until) for record in self]
        for record, paused, until in wanted:
            if not paused:
                record._dunning_lift("pause")
            else:
                record._dunning_pause(until)

    def _inverse_dunning_pause_until(self):
        wanted = [(record, record.dunning_pause_until) for record in self]
        for record, until in wanted:
            if until:
                record._dunning_pause(until)
            else:
                # A pause without end is not meant: it was perhaps set in this same write.
                record._dunning_fresh_blocks("pause").filtered("date_to").action_lift()

    def _dunning_pause(self, until):
        """Pause until the day `until` (False: without end); an active pause is changed."""
        if active := self._dunning_fresh_blocks("pause"):
            active.filtered(lambda block: block.date_to != until).date_to = until
        else:
            self._dunning_block("pause", date_to=until)

    def _dunning_fresh_blocks(self, kind=None):
        """Return the active blocks on `self` as they are in the database now."""
        blocks = self.env["dunning.block"].search(
            self._dunning_blocks_domain()
            & Domain("state", "in", ["active"])
            & (Domain("kind", "=", kind) if kind else Domain.TRUE)
        )
        return blocks.filtered(self._dunning_holds)

    def _dunning_block(self, kind, **values):
        """Create blocks of `kind` on the records that have none yet, and return the new ones.

        :param values: further values of `dunning.block`: reason_id, date_from, date_to, note
        """
        active = self._dunning_fresh_blocks(kind)
        held = {self._dunning_block_key(block) for block in active}
        vals_by_target = {}
        for record in self:
            if held.isdisjoint(record._dunning_keys()):
                target = record._prepare_dunning_block_vals()
                vals_by_target[tuple(target.values())] = {
                    "kind": kind,
                    "date_to": False,
                    **target,
                    **values,
                }
        return self.env["dunning.block"].create(list(vals_by_target.values()))

    def _dunning_lift(self, kind=None):
        """Lift the active blocks on `self`, of one `kind` or of all."""
        self._dunning_fresh_blocks(kind).action_lift()

    @api.model
    def _search_dunning_flag(self, kind, operator, value):
        if operator != "in":
            return NotImplemented
        query = self.env["dunning.block"]._search(
            Domain("kind", "=", kind) & Domain("state", "in", ["active"])
        )
        return self._dunning_held_domain(query)

    def _search_dunning_stop(self, operator, value):
        return self._search_dunning_flag("stop", operator, value)

    def _search_dunning_pause(self, operator, value):
        return self._search_dunning_flag("pause", operator, value)

    def _search_prevent_dunning(self, operator, value):
        return self._search_dunning_flag("prevent", operator, value)

    def _search_dunning_pause_until(self, operator, value):
        pauses = Domain("kind", "=", "pause") & Domain("state", "in", ["active"])
        Block = self.env["dunning.block"]
        if operator == "in":
            dates = [day for day in value if day]
            found = self._dunning_held_domain(
                Block._search(pauses & Domain("date_to", "in", dates))
            )
            if False in value:
                dated = Block._search(pauses & Domain("date_to", "!=", False))
                found |= ~self._dunning_held_domain(dated)
            return found
        if operator in ("<", "<=", ">", ">="):
            return self._dunning_held_domain(
                Block._search(pauses & Domain("date_to", operator, value))
            )
        return NotImplemented

    # Outcome and explanation ----------------------------------------------------------------

    @api.depends_context("company", "allowed_company_ids")
    def _compute_dunning_outcome(self):
        owners = self._dunning_owners()
        outcomes = self.env["dunning.screening"]._best_outcomes(
            self._dunning_owner_field(), owners.ids, self._dunning_companies()
        )
        for record in self:
            record.dunning_outcome = outcomes.get(record._dunning_owners().id, False)

    def _search_dunning_outcome(self, operator, value):
        if operator != "in":
            return NotImplemented
        found = self._dunning_outcome_domain([outcome for outcome in value if outcome])
        if False in value:
            found |= ~self._dunning_outcome_domain([code for code, _name in OUTCOMES])
        return found

    @api.model
    def _dunning_outcome_domain(self, outcomes):
        query = self.env["dunning.screening"]._owner_query(
            self._dunning_owner_field(), outcomes, self.env.companies
        )
        return Domain("id", "in", query)

    def dunning_explain(self, date=None):
        """Explain why this is left out of dunning, for people and for API clients.

        :param date: the day asked about, a date or "YYYY-MM-DD"; default: today in the company
        :return: list of dicts, the deciding reason first, empty when nothing stands against a
            reminder: `outcome` ("dropped" or "unchecked": what this reason alone leads to), `rule`
            (code), `reason` (translated name), `marker`, `level` ("customer" or "item"), `since`
            and `until` (dates or False), `block_id` (or False)
        :raise AccessError: when the user may not read the records
        """
        self.check_access("read")
        return self.env["dunning.explanation"]._explain(self, fields.Date.to_date(date))

    # Buttons --------------------------------------------------------------------------------

    def action_dunning_stop(self):
        """Stop dunning at once; records that are stopped already are left as they are."""
        self._dunning_block("stop")
        return True

    def action_dunning_pause(self):
        """Open the dialog that asks until when and why to pause."""
        return self._dunning_block_dialog("pause")

    def action_dunning_prevent(self):
        """Open the dialog that asks why to leave the records out of every run."""
        return self._dunning_block_dialog("prevent")

    def action_dunning_resume(self):
        """Lift every active block on the records. Nothing is sent by this."""
        self._dunning_lift()
        return True

    def _dunning_block_dialog(self, kind):
        if not self:
            raise UserError(self.env._("Select at least one record first."))
        names = dict(self.env["dunning.block"]._fields["kind"]._description_selection(self.env))
        return {
            "type": "ir.actions.act_window",
            "name": names[kind],
            "res_model": "dunning.block.wizard",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_kind": kind,
                "default_res_model": self._name,
                "default_res_ids": self.ids,
            },
        }
