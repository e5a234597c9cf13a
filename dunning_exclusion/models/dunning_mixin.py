import sys
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.orm.domains import DomainAnd
from odoo.tools import SQL, OrderedSet

from ..screening import statement
from ..screening.question import Owner
from .arguments import check_all, read_date
from .dunning_block import PAUSE_DAYS, TARGET_FIELDS
from .dunning_screening import OUTCOMES, OWNERS
from .outcome_pages import SHARE, among, complete, read_found, read_page, read_rows, walk

# Who may see anything of dunning; this group includes accounting users.
READERS = "dunning_exclusion.group_dunning_user,account.group_account_readonly"
# Portal users do not see how they are treated. All employees need these fields, because Odoo reads
# and writes them when somebody posts an entry or changes the company.
EMPLOYEES = "base.group_user"
# Odoo reads these fields when one of them is asked for, not with all others of the model: its own
# work would be slower.
ON_REQUEST = "dunning"
# Said here, because Odoo would try to sort by each of these fields whenever it writes an item.
UNSORTED = dict.fromkeys(("_description_sortable", "_description_groupable"), lambda _env: False)
ASKED = {"groups": READERS, **UNSORTED}
FLAGS = ("dunning_stop", "dunning_pause", "dunning_pause_until", "prevent_dunning")
CODES = [code for code, _name in OUTCOMES]
# The share of records that is expected to have the outcome "To send", and another one.
OFTEN, SELDOM = 1 / 2, 1 / 8
# Up to this many records, a search screens only those that its other conditions find.
SCOPE_LIMIT = 1000


class DunningMixin(models.AbstractModel):
    """What customers, invoices and items share: they can be blocked, and have an outcome.

    The plain fields mirror the blocks of the current company: setting one creates a block, clearing
    it lifts the block. The outcome and its reasons come from the screening.
    """

    _name = "dunning.mixin"
    _description = "Excluded from Reminders or Not"

    # The field of `dunning.screening` that holds the id of a record, and the fields whose change
    # empties the cached outcome: only its own, as others would cost queries at each posting.
    _dunning_owner_field = None
    # Entries and items have none: see `_forget_answers`.
    _dunning_outcome_fields = ()
    # Only these can have an outcome: as a domain, and as SQL over `listed.id`.
    _dunning_open_domain = Domain.TRUE
    _dunning_is_open = SQL("TRUE")

    dunning_block_ids = fields.Many2many(
        "dunning.block",
        string="Holds",
        compute="_compute_dunning_block_ids",
        help="Every hold ever set here in the current company, ended ones too.",
        **ASKED,
    )
    dunning_stop = fields.Boolean(
        string="Reminders Stopped",
        compute="_compute_dunning_flags",
        inverse=lambda self: self._inverse_dunning_flag("stop", "dunning_stop"),
        search=lambda self, *condition: self._search_dunning_flag("stop", *condition),
        help="Listed in runs but not selected, with an (x) and the reason.",
        **ASKED,
    )
    dunning_pause = fields.Boolean(
        string="Reminders Paused",
        compute="_compute_dunning_flags",
        inverse=lambda self: self._inverse_dunning_flag("pause", "dunning_pause"),
        search=lambda self, *condition: self._search_dunning_flag("pause", *condition),
        help="Nothing is sent until the pause ends. Totals still count the amounts.",
        **ASKED,
    )
    dunning_pause_until = fields.Date(
        string="Paused Until",
        compute="_compute_dunning_flags",
        inverse="_inverse_dunning_pause_until",
        search="_search_dunning_pause_until",
        help="Last day of the pause.",
        **ASKED,
    )
    prevent_dunning = fields.Boolean(
        string="Reminders Prevented",
        compute="_compute_dunning_flags",
        inverse=lambda self: self._inverse_dunning_flag("prevent", "prevent_dunning"),
        search=lambda self, *condition: self._search_dunning_flag("prevent", *condition),
        help="In no run: not listed, not sent.",
        **ASKED,
    )
    dunning_outcome = fields.Selection(
        OUTCOMES,
        string="Reminder Outcome",
        compute="_compute_dunning_outcome",
        search="_search_dunning_outcome",
        help="What would happen today: send (To send), list without selecting (Held back) or not "
        "list at all (Not listed). Empty when nothing is open.",
        **ASKED,
    )

    # What each model says about itself ------------------------------------------------------

    def _dunning_companies(self):
        """Return the companies in which `self` is screened."""
        return self.company_id

    def _dunning_customers(self):
        """Return the customers (commercial partners) of the records."""
        raise NotImplementedError

    def _dunning_owners(self):
        """Return the records the screening knows `self` by (customers: commercial partners)."""
        return self

    def _dunning_own_items(self):
        """Return the posted receivable items that `self` consists of; none for customers."""
        return self.env["account.move.line"]

    def _dunning_blocks_domain(self):
        """Return the domain of all blocks that concern `self`, in any state."""
        raise NotImplementedError

    @api.model
    def _dunning_block_key(self, block):
        """Return the key under which `block` is filed for this model."""
        raise NotImplementedError

    def _dunning_block_keys(self):
        """Return the keys under which blocks of this record are filed."""
        raise NotImplementedError

    def _dunning_whole_blocks(self, blocks):
        """Return those of its `blocks` that hold this record, and not only a part of it."""
        return blocks

    @api.model
    def _dunning_blocked_domain(self, blocks_query):
        """Return the domain of the records that the blocks of the query `blocks_query` hold."""
        raise NotImplementedError

    def _dunning_block_targets(self):
        """Return the values of `TARGET_FIELDS` of each block that it takes to hold this record.

        An entry needs a block for each customer who owes by it.
        """
        raise NotImplementedError

    # Blocks ---------------------------------------------------------------------------------

    @api.model
    def _invalidate_dunning(self):
        self.invalidate_model(("dunning_block_ids", *FLAGS, "dunning_outcome"), flush=False)

    @api.depends_context("company", "allowed_company_ids")
    def _compute_dunning_block_ids(self):
        blocks = self.env["dunning.block"].search(self._dunning_blocks_domain())
        for record, own in self._dunning_with_blocks(blocks):
            record.dunning_block_ids = own

    @api.depends_context("company", "allowed_company_ids")
    def _compute_dunning_flags(self):
        active = self._dunning_blocks_domain() & Domain("state", "in", ["active"])
        blocks = self.env["dunning.block"].search(active)
        found = [(record, own) for record, own in self._dunning_with_blocks(blocks) if own]
        # What decides whether blocks hold all of a record is read only for those that have any.
        ids = [record.id for record, _own in found]
        held = [(one, one.with_prefetch(ids)._dunning_whole_blocks(own)) for one, own in found]
        # Set for all at once, as most records of a list have none; not before everything is read,
        # because some of it may not be readable.
        self.dunning_stop = self.dunning_pause = self.prevent_dunning = False
        self.dunning_pause_until = False
        for record, holding in held:
            pauses = holding.filtered(lambda block: block.kind == "pause")
            ends = pauses.mapped("date_to")
            record.dunning_stop = "stop" in holding.mapped("kind")
            record.prevent_dunning = "prevent" in holding.mapped("kind")
            record.dunning_pause = bool(pauses)
            record.dunning_pause_until = all(ends) and max(ends, default=False)

    def _dunning_with_blocks(self, blocks):
        """Return (record, those of `blocks` that are filed under it) of each record."""
        by_key, none = blocks.grouped(self._dunning_block_key), blocks.browse()
        found = []
        for record in self:
            own = none.concat(*(by_key.get(key, none) for key in record._dunning_block_keys()))
            # Reading a field of the blocks of one record reads it for those of all records.
            found.append((record, own.with_prefetch(blocks._prefetch_ids)))
        return found

    def _dunning_fresh_blocks(self, kind=None, day=None):
        """Return the blocks of a kind (None: any) that hold on `day` (None: today), read anew."""
        Block = self.env["dunning.block"]
        holding = Domain("state", "in", ["active"])
        if day:
            # What was lifted by today does not hold later either.
            holding = Block._state_domain("active", day) & Domain("state", "not in", ["lifted"])
        of_kind = Domain("kind", "=", kind) if kind else Domain.TRUE
        blocks = Block.search(self._dunning_blocks_domain() & holding & of_kind)
        return blocks.browse().union(*(own for _record, own in self._dunning_with_blocks(blocks)))

    def _dunning_blocked_by(self, blocks):
        """Return the records that `blocks` hold, and not only a part of them."""
        return self.browse(
            record.id
            for record, own in self._dunning_with_blocks(blocks)
            if record._dunning_whole_blocks(own)
        )

    def _dunning_blocked(self, kind, day=None):
        """Return the records that blocks of `kind` hold already, on `day` (default: today)."""
        return self._dunning_blocked_by(self._dunning_fresh_blocks(kind, read_date(self.env, day)))

    def _dunning_block(self, kind, **values):
        """Create blocks with these values where none of `kind` holds yet, and return them."""
        today = {company.id: company._dunning_today() for company in self._dunning_companies()}
        blocks = self._dunning_fresh_blocks(kind, read_date(self.env, values.get("date_from")))
        there = {tuple(block[name].id for name in TARGET_FIELDS) for block in blocks}
        targets = OrderedSet(
            target
            for record in self - self._dunning_blocked_by(blocks)
            for target in record._dunning_block_targets()
        )
        vals_list = [
            {
                "kind": kind,
                "date_from": today[target[0]],
                "date_to": kind == "pause" and today[target[0]] + timedelta(days=PAUSE_DAYS),
                **dict(zip(TARGET_FIELDS, target, strict=True)),
                **values,
            }
            for target in targets - there
        ]
        # The block itself says who set what and when: no message about it is needed.
        Block = self.env["dunning.block"].with_context(
            mail_create_nolog=True, mail_create_nosubscribe=True, tracking_disable=True
        )
        return Block.create(vals_list).with_env(self.env)

    @api.model
    def _prepare_create_values(self, vals_list):
        return super()._prepare_create_values([self._dunning_with_end(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._dunning_with_end(vals))

    @api.model
    def _dunning_with_end(self, vals):
        """Return `vals` without the empty end of a pause that they set, as imports may have it."""
        if vals.get("dunning_pause") and not vals.get("dunning_pause_until", True):
            vals = {name: vals[name] for name in vals if name != "dunning_pause_until"}
        return vals

    def _inverse_dunning_flag(self, kind, field_name):
        # The end of a pause that exists is not touched: it may be set in this same write.
        on = self.filtered(field_name)
        on._dunning_block(kind)
        (self - on)._dunning_fresh_blocks(kind).action_lift()

    def _inverse_dunning_pause_until(self):
        for until, records in self.grouped("dunning_pause_until").items():
            pauses = records._dunning_fresh_blocks("pause")
            if until:
                pauses.filtered(lambda block, end=until: block.date_to != end).date_to = until
                records._dunning_block("pause", date_to=until)
            else:
                pauses.action_lift()

    @api.model
    def _search_dunning_blocks(self, *conditions):
        """Return the domain of the records that an active block with these conditions holds."""
        domain = Domain.AND([Domain("state", "in", ["active"]), *conditions])
        return self._dunning_blocked_domain(self.env["dunning.block"]._search(domain))

    @api.model
    def _search_dunning_flag(self, kind, operator, value):
        if operator != "in":
            return NotImplemented
        blocked = self._search_dunning_blocks(Domain("kind", "=", kind))
        return Domain.OR(blocked if flag else ~blocked for flag in value)

    def _search_dunning_pause_until(self, operator, value):
        def paused(*condition):
            pauses = Domain("kind", "=", "pause")
            return self._search_dunning_blocks(pauses, Domain("date_to", *condition))

        if operator in ("<", "<=", ">", ">="):
            return paused(operator, value)
        if operator != "in":
            return NotImplemented
        found = paused("in", [day for day in value if day])
        return found | ~paused("!=", False) if False in value else found

    # Outcome --------------------------------------------------------------------------------

    @api.depends(lambda self: self._dunning_outcome_fields)
    @api.depends_context("company", "allowed_company_ids")
    def _compute_dunning_outcome(self):
        outcomes = self.env["dunning.screening"]._best_outcomes(
            self._dunning_owner_field, self._dunning_owners().ids, self._dunning_companies()
        )
        for record in self:
            record.dunning_outcome = outcomes.get(record._dunning_owners()._origin.id, False)

    def _search_dunning_outcome(self, operator, value, owner=None):
        """Search by outcome; `owner`, an `Owner`, says whom to screen, None: everybody."""
        if operator != "in":
            return NotImplemented
        self._check_field_access(self._fields["dunning_outcome"], "read")
        wanted = [code for code in CODES if code in value]
        found = self._dunning_outcome_domain(wanted, owner)
        if False in value:
            found |= ~self._dunning_outcome_domain(CODES, owner)
        return found

    @api.model
    def _dunning_outcome_domain(self, outcomes, owner):
        """Return the domain of the records with one of `outcomes`."""
        companies = self.env.companies
        if self.env.su:
            # The rights of the system find the records of all companies.
            Company = self.env["res.company"].with_context(active_test=False)
            companies = Company.search(Domain.TRUE)
        query = self.env["dunning.screening"]._owner_query(
            self._dunning_owner_field, outcomes, companies, owner
        )
        return among("id", query)

    @api.model
    def _search(self, domain, offset=0, limit=None, order=None, **kwargs):
        """Override to screen only the customers that the other conditions of `domain` leave."""
        domain, search = Domain(domain), super()._search
        if not self._asks_for_outcome(domain):
            return search(domain, offset, limit, order, **kwargs)
        scoped = self._dunning_scoped(domain, search)
        if limit and scoped is domain:
            found = self._dunning_walk(domain, search, order, offset + limit, **kwargs)
            if found is not None:
                return self.browse(found[offset:])._as_query()
        query = search(scoped, offset, limit, order, **kwargs)
        # Executed here, because PostgreSQL needs settings for this statement.
        rows = read_rows(self, query, few=scoped is not domain)
        return self.browse(row[0] for row in rows)._as_query()

    @api.model
    @api.readonly
    def web_search_read(
        self, domain, specification, offset=0, limit=None, order=None, count_limit=None
    ):
        """Override of `web` for searches by outcome: see `outcome_pages`."""
        domain, order = Domain(domain), complete(order or self._order)
        if not limit or not self._asks_for_outcome(domain):
            return super().web_search_read(domain, specification, offset, limit, order, count_limit)
        # The query of `_search` before it is executed.
        search = super()._search  # pylint: disable=super-method-mismatch
        scoped = self._dunning_scoped(domain, search)
        if scoped is domain:
            wanted = max(offset + limit, count_limit or sys.maxsize)
            if (found := self._dunning_walk(domain, search, order, wanted)) is not None:
                return read_found(self, found, specification, offset, limit, count_limit)
        query = search(scoped, offset, limit, order)
        return read_page(self, query, specification, count_limit, few=scoped is not domain)

    @api.model
    def _dunning_walk(self, domain, search, order, wanted, **kwargs):
        """Return the first `wanted` ids of a search by outcome, or None: see `walk`."""
        if not self._has_field_access(self._fields["dunning_outcome"], "read"):
            return None
        others, asked = self._split(domain)
        is_open, expected = SQL("TRUE"), SELDOM
        if all(
            leaf.field_expr == "dunning_outcome" and leaf.operator == "=" and leaf.value in CODES
            for leaf in asked.iter_conditions()
        ):
            others, is_open = others & self._dunning_open_domain, self._dunning_is_open
            to_send = any(leaf.value == "included" for leaf in asked.iter_conditions())
            expected = OFTEN if to_send else SELDOM
        order = complete(order or self._order)
        records = search(others, order=order, **kwargs)

        def matching(ids):
            mine = self._dunning_scoped_to(asked, self.browse(ids))
            query = search(Domain("id", "in", ids) & mine, active_test=False)
            few = statement.is_few(self.env, len(ids))
            with statement.planned(self.env, few=few, some=True):
                found = set(query.get_result_ids())
            # Sorted here: PostgreSQL would read the whole table in the order of the list.
            return [record_id for record_id in ids if record_id in found]

        # To answer for one item, all items of its customer are screened, so fewer items are walked.
        share = SHARE if self._dunning_owner_field == "partner_id" else SHARE / 10
        return walk(records, is_open, matching, wanted, expected, share)

    @api.model
    def _asks_for_outcome(self, domain):
        return any(leaf.field_expr == "dunning_outcome" for leaf in domain.iter_conditions())

    @api.model
    def _split(self, domain):
        """Return the parts of `domain` that do not ask for an outcome, and those that do."""
        parts = domain.children if isinstance(domain, DomainAnd) else [domain]
        asked = [part for part in parts if self._asks_for_outcome(part)]
        return Domain.AND(part for part in parts if part not in asked), Domain.AND(asked)

    @api.model
    def _dunning_scoped(self, domain, search):
        """Return `domain` so that only what its other conditions find is screened."""
        others, _asked = self._split(domain)
        if others.is_true() or not self._has_field_access(self._fields["dunning_outcome"], "read"):
            return domain
        # The search itself applies the record rules.
        query = search(others, limit=SCOPE_LIMIT + 1, active_test=False, bypass_access=True)
        found = self.browse(query.get_result_ids())
        return domain if len(found) > SCOPE_LIMIT else self._dunning_scoped_to(domain, found)

    @api.model
    def _dunning_scoped_to(self, domain, records):
        """Return `domain` so that it screens `records` only."""
        # sudo: only to choose what is screened. Of thousands of them no other fields are read.
        owners = records.sudo().with_context(prefetch_fields=False)._dunning_owners()
        owner = Owner(OWNERS[self._dunning_owner_field], tuple(owners.ids))

        def scoped(leaf):
            if leaf.field_expr != "dunning_outcome" or leaf.operator not in ("=", "in"):
                return leaf
            many = isinstance(leaf.value, (list, tuple, set, frozenset, OrderedSet))
            return self._search_dunning_outcome("in", leaf.value if many else [leaf.value], owner)

        return domain.map_conditions(scoped)

    @api.readonly
    def dunning_explain(self, date=None):
        """Explain why this is left out of dunning, for people and for API clients.

        :param date: the day asked about, a date or "YYYY-MM-DD"; default: today in the company
        :return: list of dicts, the deciding reason first, empty when nothing stands against a
            reminder: `outcome` ("dropped" or "unchecked": what this reason alone leads to), `rule`
            (code), `reason` (translated name), `marker`, `level` ("customer" or "item"), `since`
            and `until` (dates or False), `block_id` (or False)
        :raise AccessError: when the user may not read the records
        :raise ValidationError: when the day is out of bounds
        """
        self.check_access("read")
        # Customers in the portal can read themselves; why we do not remind them is not for them.
        self.env["dunning.screening"].check_access("read")
        day = read_date(self.env, date)
        reasons = self.env["dunning.screening"]._explain(
            self._dunning_owner_field, self._dunning_owners().ids, self._dunning_companies(), day
        )
        if reasons:
            return reasons
        # sudo: only whether all is paid is told. Without record rules PostgreSQL, where it has no
        # statistics, looks up the items of an invoice and not all those of its company.
        items = self.sudo()._dunning_own_items()
        if not items or not all(items.mapped("reconciled")):
            return reasons
        # sudo: the name of a reason is no secret
        rule = self.env.ref("dunning_exclusion.rule_paid").sudo()
        return [rule._prepare_reason(items.company_id[:1])]

    # Buttons --------------------------------------------------------------------------------

    def action_dunning_stop(self):
        """Stop dunning at once; records that are stopped already are left as they are.

        :return: the action that tells it, with buttons to undo it and to say why
        """
        check_all(self)
        return self._dunning_block("stop")._prepare_stopped()

    @api.readonly
    def action_dunning_pause(self):
        """Open the dialog that asks until when and why to pause."""
        return self._dunning_block_dialog("pause")

    @api.readonly
    def action_dunning_prevent(self):
        """Open the dialog that asks why to leave the records out of every run."""
        return self._dunning_block_dialog("prevent")

    def _dunning_block_dialog(self, kind):
        check_all(self)
        self.env["dunning.block"].check_access("create")
        if not self:
            raise UserError(self.env._("Select at least one record first."))
        names = dict(self.env["dunning.block"]._fields["kind"]._description_selection(self.env))
        defaults = {"kind": kind, "res_model": self._name, "res_ids": self.ids}
        return self.env["dunning.block.wizard"]._get_records_action(
            name=names[kind],
            target="new",
            context={f"default_{name}": value for name, value in defaults.items()},
        )

    def action_dunning_resume(self):
        """Lift every active block on the records. Nothing is sent by this."""
        check_all(self)
        self._dunning_fresh_blocks().action_lift()
        return True
