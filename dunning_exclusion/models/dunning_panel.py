from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from .arguments import read_record

MODELS = ("res.partner", "account.move")
ITEM_LIMIT = 80
HISTORY_LIMIT = 10


class DunningPanel(models.AbstractModel):
    """What the Follow-up tab of customers and invoices shows, in one answer.

    The tab asks when it is opened, so forms cost nothing while it is closed.
    """

    _name = "dunning.panel"
    _description = "Follow-up Tab"

    @api.model
    def read_panel(self, res_model, res_id):
        """Return everything the Follow-up tab of one customer or invoice shows.

        :param res_model: "res.partner" or "account.move"
        :return: dict with `currency_id`, `outcome`, `reasons` (see `dunning_explain`), `blocks`,
            `items`, `item_count`, `promises`, `notices`, `can_work`, and for customers `types`,
            `outstanding`, `overdue`, `scenario` and `scenario_message`
        :raise AccessError: when the user may not read the record
        """
        if res_model not in MODELS:
            raise UserError(self.env._("Only customers and invoices have a follow-up."))
        # Customers in the portal can read themselves; how we treat them is not for them.
        self.env["dunning.screening"].check_access("read")
        target = read_record(self.env[res_model], res_id)
        company = target.company_id if res_model == "account.move" else self.env.company
        panel = {
            "currency_id": company.currency_id.id,
            "can_work": self.env.user.has_group("dunning_exclusion.group_dunning_user"),
            "outcome": target.dunning_outcome,
            "reasons": target.dunning_explain(),
            "blocks": self._blocks(target),
            "promises": self._promises(target),
            "notices": self._notices(target),
            **self._items(target),
        }
        if res_model == "res.partner":
            panel |= self._customer(target.commercial_partner_id)
        return panel

    @api.model
    def _blocks(self, target):
        """Return the blocks that hold now or later, and who set them."""
        blocks = target.dunning_block_ids.filtered(lambda b: b.state in ("active", "scheduled"))
        return [
            {
                "id": block.id,
                "kind": block.kind,
                "state": block.state,
                "name": block.move_line_id.display_name or block.move_id.display_name or "",
                "reason": block.reason_id.name or "",
                "user": block.user_id.name or "",
                "since": block.date_from,
                "until": block.date_to,
                "note": block.note or "",
            }
            for block in blocks
        ]

    @api.model
    def _items(self, target):
        """Return the open items with their outcome, the longest overdue first."""
        field = target._dunning_owner_field()
        screened = self.env["dunning.screening"].search(
            Domain(field, "in", target._dunning_owners().ids)
        )
        items = [
            {
                "id": item.move_line_id.id,
                "move_id": item.move_id.id,
                "name": item.move_id.display_name,
                "date_due": item.date_due,
                "days_overdue": item.days_overdue,
                "amount": item.amount_residual,
                "outcome": item.outcome,
                "reasons": item.rule_ids.mapped("name"),
                "stopped": item.move_line_id.dunning_stop,
            }
            for item in screened[:ITEM_LIMIT]
        ]
        return {"items": items, "item_count": len(screened)}

    @api.model
    def _promises(self, target):
        domain = Domain("partner_id", "=", target.commercial_partner_id.id)
        if target._name == "account.move":
            domain = Domain("move_line_ids.move_id", "=", target.id)
        states = dict(self.env["dunning.promise"]._fields["state"]._description_selection(self.env))
        return [
            {
                "id": promise.id,
                "date": promise.date,
                "amount": promise.promised_amount,
                "state": promise.state,
                "state_name": states[promise.state],
                "note": promise.note or "",
            }
            for promise in self.env["dunning.promise"].search(domain, limit=HISTORY_LIMIT)
        ]

    @api.model
    def _notices(self, target):
        domain = Domain("partner_id", "=", target.commercial_partner_id.id)
        if target._name == "account.move":
            domain = Domain("line_ids.move_id", "=", target.id)
        states = dict(self.env["dunning.notice"]._fields["state"]._description_selection(self.env))
        return [
            {
                "id": notice.id,
                "date": notice.date,
                "name": notice.level_id.name or notice.type_id.name or "",
                "description": notice.description or "",
                "state": notice.state,
                "state_name": states[notice.state],
            }
            for notice in self.env["dunning.notice"].search(domain, limit=HISTORY_LIMIT)
        ]

    @api.model
    def _customer(self, customer):
        """Return what only customers have: totals, scenario and the switches of the types."""
        return {
            "outstanding": customer.dunning_outstanding,
            "overdue": customer.dunning_overdue,
            "scenario": self._scenario(customer).name or "",
            "scenario_message": customer.dunning_scenario_message or "",
            "types": [
                {
                    "id": reminder.id,
                    "name": reminder.name,
                    "on": reminder not in customer.dunning_type_off_ids,
                }
                for reminder in self.env["dunning.reminder.type"].search([])
            ],
        }

    @api.model
    def _scenario(self, customer):
        """Return the invoice-level scenario of the customer, or none."""
        Scenario = self.env["dunning.scenario"]
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                "SELECT %s FROM res_partner customer WHERE customer.id = %s",
                Scenario._choice_sql(self.env.company),
                customer.id,
            )
        )
        return Scenario.browse(rows[0][0] if rows and rows[0][0] else [])

    @api.model
    def stop_item(self, item_id):
        """Stop one item at once, or resume it when it is stopped; return the new state."""
        item = read_record(self.env["account.move.line"], item_id)
        if item.dunning_stop:
            item._dunning_lift("stop")
        else:
            item.action_dunning_stop()
        return item.dunning_stop
