from odoo import api, fields, models
from odoo.fields import Domain

# Who may see anything of dunning; accounting users are follow-up users, too.
READERS = "dunning_exclusion.group_dunning_user,account.group_account_readonly"
# Customers read their invoices and the company in the portal, but not how they are treated. Odoo
# reads and writes these fields for every employee who posts entries or changes the company.
EMPLOYEES = "base.group_user"
DUNNING_FIELDS = (
    "dunning_block_ids",
    "dunning_stop",
    "dunning_pause",
    "dunning_pause_until",
    "prevent_dunning",
    "dunning_outcome",
)


class DunningHeld(models.AbstractModel):
    """What can be held by blocks, with plain fields that mirror the blocks.

    The fields mirror the blocks of the current company, so imports and API clients can read and
    set them: setting one creates a block, clearing it lifts the block.
    """

    _name = "dunning.held"
    _description = "Held by Dunning Blocks"

    dunning_block_ids = fields.Many2many(
        "dunning.block",
        string="Dunning Blocks",
        compute="_compute_dunning_blocks",
        help="Every hold ever set here in the current company, the history included.",
        groups=READERS,
    )
    dunning_stop = fields.Boolean(
        string="Dunning Stopped",
        compute="_compute_dunning_blocks",
        inverse="_inverse_dunning_stop",
        search="_search_dunning_stop",
        help="Listed in runs but not ticked, with an (x) and the reason.",
        groups=READERS,
    )
    dunning_pause = fields.Boolean(
        string="Dunning Paused",
        compute="_compute_dunning_blocks",
        inverse="_inverse_dunning_pause",
        search="_search_dunning_pause",
        help="Nothing is sent until the pause ends. Totals still count the amounts.",
        groups=READERS,
    )
    dunning_pause_until = fields.Date(
        string="Paused Until",
        compute="_compute_dunning_blocks",
        inverse="_inverse_dunning_pause_until",
        search="_search_dunning_pause_until",
        help="Last day of the pause.",
        groups=READERS,
    )
    prevent_dunning = fields.Boolean(
        string="Dunning Prevented",
        compute="_compute_dunning_blocks",
        inverse="_inverse_prevent_dunning",
        search="_search_prevent_dunning",
        help="Left out of every run.",
        groups=READERS,
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
        """Return whether `block` can hold a record of this model."""
        return True

    def _dunning_held_by(self, blocks):
        """Return those of its active `blocks` that hold this record, and not only a part of it."""
        return blocks

    @api.model
    def _dunning_held_domain(self, blocks_query):
        """Return the domain of the records that the blocks of the query `blocks_query` hold."""
        raise NotImplementedError

    def _prepare_dunning_block_vals(self):
        """Return the values of the blocks that hold this record: company, customer, entry, item.

        :return: a list of dicts: an entry needs one for each customer who owes by it
        """
        raise NotImplementedError

    def _dunning_companies(self):
        """Return the companies in which `self` is screened."""
        return self.company_id

    # Flags ----------------------------------------------------------------------------------

    @api.model
    def _invalidate_dunning(self):
        self.invalidate_model(DUNNING_FIELDS, flush=False)

    @api.depends_context("company", "allowed_company_ids")
    def _compute_dunning_blocks(self):
        blocks = self.env["dunning.block"].search(self._dunning_blocks_domain())
        for record, own in self._dunning_with_blocks(blocks):
            active = own.filtered(lambda b: b.state == "active" and self._dunning_holds(b))
            held = record._dunning_held_by(active)
            pauses = held.filtered(lambda block: block.kind == "pause")
            ends = pauses.mapped("date_to")
            record.dunning_block_ids = own
            record.dunning_stop = "stop" in held.mapped("kind")
            record.prevent_dunning = "prevent" in held.mapped("kind")
            record.dunning_pause = bool(pauses)
            record.dunning_pause_until = all(ends) and max(ends, default=False)

    def _dunning_with_blocks(self, blocks):
        """Return (record, those of `blocks` that are filed under it) of each record."""
        by_key = blocks.grouped(self._dunning_block_key)
        return [
            (
                record,
                blocks.browse().concat(
                    *(by_key[key] for key in record._dunning_keys() if key in by_key)
                ),
            )
            for record in self
        ]

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
        # The end of a pause that exists is not touched: it may be set in this same write.
        self._dunning_set_flag("pause", "dunning_pause")

    def _inverse_dunning_pause_until(self):
        wanted = {record: record.dunning_pause_until for record in self}
        for until, records in self.grouped(wanted.get).items():
            if until:
                records._dunning_pause(until)
            else:
                # A pause without end is not meant: it was perhaps set in this same write.
                records._dunning_fresh_blocks("pause").filtered("date_to").action_lift()

    def _dunning_pause(self, until):
        """Pause through the day `until`; active pauses are changed."""
        active = self._dunning_fresh_blocks("pause")
        active.filtered(lambda block: block.date_to != until).date_to = until
        self._dunning_block("pause", date_to=until)

    def _dunning_fresh_blocks(self, kind=None, day=None):
        """Return the blocks that hold `self` as they are in the database now.

        :param kind: only blocks of this kind
        :param day: the day on which they hold; None: today in their company
        """
        blocks = self.env["dunning.block"].search(
            self._dunning_blocks_domain()
            & self._dunning_holding_domain(day)
            & (Domain("kind", "=", kind) if kind else Domain.TRUE)
        )
        keys = {key for record in self for key in record._dunning_keys()}
        return blocks.filtered(
            lambda block: self._dunning_block_key(block) in keys and self._dunning_holds(block)
        )

    @api.model
    def _dunning_holding_domain(self, day=None):
        """Return the domain of the blocks that hold on `day` and that nobody has lifted by now."""
        if not day:
            return Domain("state", "in", ["active"])
        on_that_day = self.env["dunning.block"]._state_domain("active", day)
        return on_that_day & Domain("state", "not in", ["lifted"])

    def _dunning_block(self, kind, **values):
        """Create blocks of `kind` on the records that have none yet, and return the new ones.

        :param values: further values of `dunning.block`: reason_id, date_from, date_to, note
        """
        companies = self._dunning_companies()
        today = {company.id: company._dunning_today() for company in companies}
        blocks = self._dunning_fresh_blocks(kind, fields.Date.to_date(values.get("date_from")))
        there = {
            tuple(
                block[name].id for name in ("company_id", "partner_id", "move_id", "move_line_id")
            )
            for block in blocks
        }
        vals_by_target = {
            tuple(target.values()): {
                "kind": kind,
                "date_from": today[target["company_id"]],
                "date_to": False,
                **target,
                **values,
            }
            for record in self - self._dunning_wholly_held(blocks)
            for target in record._prepare_dunning_block_vals()
            if tuple(target.values()) not in there
        }
        # The block itself says who set what and when; a log message each would cost far more.
        Block = self.env["dunning.block"].with_context(
            mail_create_nolog=True, mail_create_nosubscribe=True, tracking_disable=True
        )
        return Block.create(list(vals_by_target.values())).with_env(self.env)

    def _dunning_already(self, kind, day=None):
        """Return the records that blocks of `kind` hold already, on `day` (default: today)."""
        blocks = self._dunning_fresh_blocks(kind, fields.Date.to_date(day))
        return self._dunning_wholly_held(blocks)

    def _dunning_wholly_held(self, blocks):
        """Return the records that `blocks` hold, and not only a part of them."""
        if not blocks:
            return self.browse()
        held = [
            record.id
            for record, own in self._dunning_with_blocks(blocks)
            if record._dunning_held_by(own)
        ]
        return self.browse(held)

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
        held = self._dunning_held_domain(query)
        return Domain.OR(held if flag else ~held for flag in value)

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
