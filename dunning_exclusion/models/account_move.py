from collections import Counter
from contextlib import contextmanager

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.tools import SQL

from ..screening import items
from .arguments import DAYS, Within, check_bounds, check_one
from .dunning_mixin import EMPLOYEES, ON_REQUEST, READERS
from .waiting_money import NAMES, OF_BANK, WORDS_INDEX, key_sql, words_sql

# The fields whose changes are told in the chatter.
NOTED_FIELDS = ("dunning_due_date", "dunning_collection_failed")
# The fields that decide what is owed, and what of it is reminded.
DECIDING_FIELDS = (
    *("state", "payment_state", "amount_residual", "preferred_payment_method_line_id"),
    *NOTED_FIELDS,
)


class AccountMove(models.Model):
    """Entries that can be held and explained, whose due date can be postponed for dunning."""

    _name = "account.move"
    _inherit = ["account.move", "dunning.mixin"]
    _dunning_owner_field = "move_id"
    _dunning_open_domain = Domain("state", "=", "posted")
    _dunning_is_open = items.is_open(SQL("listed.id"))

    dunning_due_date = fields.Date(
        string="Postponed Due Date",
        copy=False,
        prefetch=ON_REQUEST,
        groups=EMPLOYEES,
        help="Suspends reminders for this invoice through this day and replaces the due date for "
        "reminders. The accounting due date stays as agreed.",
    )
    dunning_collection_failed = fields.Boolean(
        string="Collection Failed",
        copy=False,
        prefetch=ON_REQUEST,
        groups=EMPLOYEES,
        help="An automatic payment of this invoice failed, so it is reminded like any other.",
    )
    dunning_promised = fields.Boolean(
        "Promised to Pay",
        copy=False,
        readonly=True,
        groups=EMPLOYEES,
        help="A promise to pay was noted for an item of the entry.",
    )
    dunning_notice_count = fields.Integer(
        "Number of Reminders",
        compute="_compute_dunning_notice_count",
        groups=READERS,
        help="How many messages reminded the customer of the invoice.",
    )

    # How bank statements name invoices, see `waiting_money`.
    _dunning_name_index = models.Index(f"(({key_sql('name')})) WHERE {NAMES['name']}")
    _dunning_reference_index = models.Index(
        f"(({key_sql('payment_reference')})) WHERE {NAMES['payment_reference']}"
    )
    _dunning_ref_words_index = models.Index(
        WORDS_INDEX.format(words=words_sql("ref"), which=f"{OF_BANK} AND ref IS NOT NULL")
    )
    _dunning_narration_words_index = models.Index(
        WORDS_INDEX.format(
            words=words_sql("narration"), which=f"{OF_BANK} AND narration IS NOT NULL"
        )
    )
    _dunning_due_date_within = Within("dunning_due_date", *DAYS)

    def _compute_dunning_notice_count(self):
        # Lines of items, and of those that Odoo has replaced, are found by an index. Asked for
        # with their messages, PostgreSQL would read all that were ever sent.
        replaced = Domain("move_id", "in", self.ids) & Domain("move_line_id", "=", False)
        # sudo: only to find the items, see `_dunning_receivable_lines`
        mine = Domain("move_line_id", "in", self.sudo().line_ids.ids) | replaced
        lines = self.env["dunning.run.line"].search_fetch(mine, ["move_id"], order="id")
        told = {(line.move_id, notice) for line in lines for notice in line.notice_ids}
        counts = Counter(move for move, notice in told if notice.state == "sent")
        for move in self:
            move.dunning_notice_count = counts[move]

    # What the mixin asks of each model --------------------------------------------------------

    def _dunning_blocks_domain(self):
        return Domain("move_id", "in", self.ids)

    @api.model
    def _dunning_block_key(self, block):
        return block.move_id.id

    def _dunning_block_keys(self):
        return {self.id}

    def _dunning_whole_blocks(self, blocks):
        # Blocks on instalments, or on one of several customers, hold the entry when together they
        # cover all of it.
        held = blocks.browse()
        for _kind, own in blocks.grouped("kind").items():
            whole = own.filtered(lambda block: not block.move_line_id)
            if whole and self.is_sale_document(include_receipts=True):
                held |= whole
                continue
            shares = self._dunning_receivable_lines().filtered("partner_id")
            shares -= shares.filtered(
                lambda line, held=whole.partner_id: line.partner_id.commercial_partner_id in held
            )
            if shares <= own.move_line_id:
                held |= own if shares else whole
        return held

    @api.model
    def _dunning_blocked_domain(self, blocks_query):
        return Domain(
            "id",
            "in",
            SQL(
                """(SELECT held_block.move_id FROM dunning_block held_block
                     WHERE held_block.id IN %(blocks)s AND held_block.move_id IS NOT NULL
                       AND NOT EXISTS (
                           SELECT 1 FROM account_move_line share
                             JOIN account_account share_account
                               ON share_account.id = share.account_id
                              AND share_account.account_type = 'asset_receivable'
                             JOIN res_partner contact ON contact.id = share.partner_id
                            WHERE share.move_id = held_block.move_id
                              AND NOT EXISTS (
                                  SELECT 1 FROM dunning_block holding
                                   WHERE holding.move_id = share.move_id
                                     AND holding.id IN %(blocks)s
                                     AND (holding.move_line_id = share.id
                                          OR holding.move_line_id IS NULL AND holding.partner_id
                                             = contact.commercial_partner_id))))""",
                blocks=blocks_query.subselect(),
            ),
        )

    def _dunning_block_targets(self):
        # Where no item has a customer, creating the block raises an error that says so.
        customers = self._dunning_customers() or [self.commercial_partner_id]
        return [(self.company_id.id, customer.id, self.id, False) for customer in customers]

    def _dunning_collected(self):
        """Return the entries that customers owe, with the right to note that a payment failed."""
        # sudo: who handles payments, or pays online, need not have the right to write invoices
        return self.sudo().filtered(lambda move: move.is_sale_document(include_receipts=True))

    def _dunning_receivable_lines(self):
        """Return the receivable items of these entries."""
        # sudo: only to find them. Without record rules PostgreSQL, where it has no statistics,
        # looks up the items of an entry and not all those of its company.
        lines = self.sudo().line_ids.with_env(self.env)
        return lines.filtered(lambda line: line.account_type == "asset_receivable")

    def _dunning_own_items(self):
        return self.line_ids._dunning_own_items()

    def _dunning_customers(self):
        # An invoice keeps the contact it was posted for, which may belong to another customer now.
        invoices = self.filtered(lambda move: move.is_sale_document(include_receipts=True))
        others = (self - invoices)._dunning_receivable_lines()
        return (invoices.commercial_partner_id | others.partner_id).commercial_partner_id

    @api.model
    def _prepare_create_values(self, vals_list):
        result = super()._prepare_create_values(vals_list)
        self._check_dunning_promised(result)
        check_bounds(self, result)
        return result

    def _check_dunning_promised(self, vals_list):
        """Check that no user sets what only promises set."""
        if not self.env.su and any(vals.get("dunning_promised") for vals in vals_list):
            raise AccessError(
                self.env._("An entry counts as promised only through a promise to pay: note one.")
            )

    def write(self, vals):
        if "dunning_promised" in vals:
            self._check_dunning_promised([{"dunning_promised": True}])
        if "preferred_payment_method_line_id" in vals and "dunning_collection_failed" not in vals:
            # A new way of collecting has not failed yet.
            vals = dict(vals, dunning_collection_failed=False)
        ours = [name for name in NOTED_FIELDS if name in vals]
        # Records of a form that is not saved yet have no chatter.
        noted = self.filtered("id") if ours else self.browse()
        before = {move: {name: move[name] for name in ours} for move in noted}
        if ours:
            check_bounds(self, [vals])
        result = super().write(vals)
        self._dunning_note_changes(ours, before)
        if not vals.keys().isdisjoint(DECIDING_FIELDS):
            self.env["dunning.screening"]._forget_answers()
        if "partner_id" in vals:
            # sudo: who edits invoices may correct their customer; the blocks go with the invoice
            blocks = self.env["dunning.block"].sudo().search([("move_id", "in", self.ids)])
            blocks._follow_customer()
        return result

    def _dunning_note_changes(self, names, before):
        """Note in the chatter what changed, also when a client asks for no notes."""
        attributes = ("string", "type", "selection", "currency_field")
        # sudo: who handles payments need not have the right to read these fields
        info = before and self.sudo().fields_get(names, attributes=attributes)
        for move, values in before.items():
            # sudo: likewise
            changed, commands = move.sudo()._mail_track(info, values)
            if changed:
                move._message_log(tracking_value_ids=commands)

    @contextmanager
    def _sync_dynamic_line(
        self, existing_key_fname, needed_vals_fname, needed_dirty_fname, line_type, container
    ):
        """Override of `account`: blocks on instalments become blocks on the entry when they change.

        With a new payment term, Odoo uses the same items for other instalments, so a block on one
        of them would hold another instalment than the one it was set on. What they were reminded
        of stays with their due dates.
        """
        terms = line_type == "payment_term"
        before = container["records"]._dunning_instalments() if terms else {}
        with super()._sync_dynamic_line(
            existing_key_fname, needed_vals_fname, needed_dirty_fname, line_type, container
        ):
            yield
        moves = self.browse(before).exists()
        rebuilt = moves.filtered(lambda move: move._dunning_due_dates() != before[move.id])
        if rebuilt:
            # sudo: who edits invoices need not have rights on blocks
            Block = self.env["dunning.block"].sudo()
            parts = Domain("move_id", "in", rebuilt.ids) & Domain("move_line_id", "!=", False)
            Block.search(parts)._fall_back()
            rebuilt._dunning_keep_reminders(before)

    def _dunning_keep_reminders(self, before):
        """File old reminders under the new instalments with the same or the nearest due date."""
        mine = [("move_id", "in", self.ids), ("notice_ids.state", "in", ["queued", "sent"])]
        # sudo: who edits invoices need not have rights on reminders
        for line in self.env["dunning.run.line"].sudo().search(mine):
            due = before[line.move_id.id].get(line.move_line_id.id, line.date_due)
            if parts := due and line.move_id._dunning_due_dates():
                line.move_line_id = min(parts, key=lambda i: (abs(parts[i] - due), due - parts[i]))

    def _dunning_instalments(self):
        """Return {entry id: {item id: due date}} of the drafts that were posted before.

        Items of entries that were never posted are not blocked, so new entries cost nothing.
        Records of a form that is not saved yet are left out.
        """
        return {
            move.id: move._dunning_due_dates()
            for move in self
            if move.id and move.state == "draft" and move.posted_before
        }

    def _dunning_due_dates(self):
        self.ensure_one()
        parts = self.line_ids.filtered(lambda line: line.display_type == "payment_term")
        return {line.id: line.date_maturity for line in parts if line.date_maturity}

    def unlink(self):
        """Override of `account` to keep the history of reminders without the entries."""
        result = super().unlink()
        self.env["dunning.run.line"]._forget("move_id", self.ids)
        return result

    def _post(self, soft=True):
        """Override of `account` to let promises and mirrored blocks find rebuilt items."""
        posted = super()._post(soft)
        if promised := posted.filtered("dunning_promised"):
            # sudo: who posts entries need not have rights on promises
            self.env["dunning.promise"].sudo()._find_items_again(promised)
        if companies := posted.company_id.filtered("dunning_mirror_no_followup"):
            self.env["dunning.mirror"]._sync(companies, posted.commercial_partner_id)
        return posted

    def _compute_payment_count(self):
        """Override of `account`: follow-up users open entries, but do not read payments."""
        return super(AccountMove, self._dunning_as_shown())._compute_payment_count()

    def _compute_has_reconciled_entries(self):
        """Override of `account`: see `_compute_payment_count`."""
        return super(AccountMove, self._dunning_as_shown())._compute_has_reconciled_entries()

    def _dunning_as_shown(self):
        """Return the entries with the rights to count their payments."""
        # sudo: the form shows only whether there are payments, and how many
        return self if self.env["account.payment"].has_access("read") else self.sudo()

    @api.readonly
    def action_dunning_notices(self):
        """Open the reminders that named this invoice."""
        check_one(self)
        self.env["dunning.notice"].check_access("read")
        Action = self.env["ir.actions.act_window"]
        action = Action._for_xml_id("dunning_exclusion.dunning_notice_action")
        return action | {"domain": [("line_ids.move_id", "=", self.id)]}
