from odoo import api, fields, models
from odoo.exceptions import UserError

from ..screening import explain
from .arguments import read_date
from .bounds import check_day
from .dunning_held import READERS
from .dunning_screening import OUTCOMES


class DunningTarget(models.AbstractModel):
    """What customers, invoices and items have in common: they can be held and explained."""

    _name = "dunning.target"
    _inherit = ["dunning.held", "dunning.outcome.search"]
    _description = "Dunning Target"

    dunning_outcome = fields.Selection(
        OUTCOMES,
        string="Dunning",
        compute="_compute_dunning_outcome",
        search="_search_dunning_outcome",
        help="What dunning would do today: remind (included), list unticked (unchecked) or not "
        "list at all (dropped). Empty when nothing is open.",
        groups=READERS,
    )

    # What each model says about itself ------------------------------------------------------

    def _dunning_owners(self):
        """Return the records the screening knows `self` by (customers: commercial partners)."""
        return self

    @api.model
    def _dunning_owner_field(self):
        """Return the field of `dunning.screening` that holds this model's id."""
        raise NotImplementedError

    @api.model
    def _dunning_outcome_fields(self):
        """Return the fields of this model after whose change a cached outcome is forgotten.

        Only own fields: the way over others would cost queries when entries are posted and paid.
        """
        return ()

    def _dunning_own_items(self):
        """Return the posted receivable items that `self` consists of; none for customers."""
        return self.env["account.move.line"]

    # Outcome and explanation ----------------------------------------------------------------

    @api.depends(lambda self: self._dunning_outcome_fields())
    @api.depends_context("company", "allowed_company_ids")
    def _compute_dunning_outcome(self):
        owners = self._dunning_owners()
        outcomes = self.env["dunning.screening"]._best_outcomes(
            self._dunning_owner_field(), owners.ids, self._dunning_companies()
        )
        for record in self:
            record.dunning_outcome = outcomes.get(record._dunning_owners()._origin.id, False)

    def dunning_explain(self, date=None):
        """Explain why this is left out of dunning, for people and for API clients.

        :param date: the day asked about, a date or "YYYY-MM-DD"; default: today in the company
        :return: list of dicts, the deciding reason first, empty when nothing stands against a
            reminder: `outcome` ("dropped" or "unchecked": what this reason alone leads to), `rule`
            (code), `reason` (translated name), `marker`, `level` ("customer" or "item"), `since`
            and `until` (dates or False), `block_id` (or False)
        :raise AccessError: when the user may not read the records
        :raise ValidationError: when the day asked about is none
        """
        self.check_access("read")
        # Customers in the portal can read themselves; why we do not remind them is not for them.
        self.env["dunning.screening"].check_access("read")
        day = read_date(self.env, date)
        check_day(self.env, day)
        reasons = self.env["dunning.screening"]._explain(
            self._dunning_owner_field(),
            self._dunning_owners().ids,
            self._dunning_companies(),
            day,
        )
        return reasons or self._dunning_explain_paid()

    def _dunning_explain_paid(self):
        """Return why records of which nothing is open are not reminded: they are paid."""
        items = self._dunning_own_items()
        if not items or not all(items.mapped("reconciled")):
            return []
        # sudo: the name of a reason is no secret
        rule = self.env.ref("dunning_exclusion.rule_paid").sudo()
        return [explain.prepare_reason(rule, items.company_id[:1])]

    # Buttons --------------------------------------------------------------------------------

    def action_dunning_stop(self):
        """Stop dunning at once; records that are stopped already are left as they are."""
        self.check_access("read")
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
        self.check_access("read")
        self._dunning_lift()
        return True

    def action_dunning_promise(self):
        """Open the form in which a promise to pay what is open here is noted."""
        self.check_access("read")
        self.env["dunning.promise"].check_access("create")
        items = self._dunning_promised_items()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Promise to Pay"),
            "res_model": "dunning.promise",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_company_id": self._dunning_companies()[:1].id,
                "default_partner_id": self._dunning_customers()[:1].id,
                "default_move_line_ids": items.ids,
            },
        }

    def _dunning_customers(self):
        """Return the customers (commercial partners) of the records."""
        raise NotImplementedError

    def _dunning_promised_items(self):
        """Return the items that a promise on these records is about, unless others are chosen."""
        raise NotImplementedError

    def _dunning_block_dialog(self, kind):
        self.check_access("read")
        self.env["dunning.block"].check_access("create")
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
