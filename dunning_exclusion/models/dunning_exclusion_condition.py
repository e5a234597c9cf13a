from odoo import api, models
from odoo.tools import SQL


class DunningExclusionCondition(models.AbstractModel):
    """The built-in rules, one method each: `_condition_<code>` says when the rule excludes.

    A condition is SQL over these aliases:

    - item rules: `line` (account_move_line), `move` (account_move), `contact` (the res_partner of
      the line; the customer is `contact.commercial_partner_id`), `company` (res_company);
    - customer rules: `customer` (res_partner, the commercial partner), `company`, and `total`
      with `outstanding`, `overdue`, `reminded_amount` (company currency), `type_id` (0: none) and
      `sends_email` of the message the customer would get.

    `screen` tells what is constant: `screen.today`, `screen.companies`. Another addon adds a rule
    by one record of `dunning.exclusion.rule` and one such method in an `_inherit` of this model.
    """

    _name = "dunning.exclusion.condition"
    _description = "Dunning Exclusion Conditions"

    # Blocks ---------------------------------------------------------------------------------

    @api.model
    def _condition_stop_customer(self, screen):
        return self._customer_block("stop", screen)

    @api.model
    def _condition_pause_customer(self, screen):
        return self._customer_block("pause", screen)

    @api.model
    def _condition_prevent_customer(self, screen):
        return self._customer_block("prevent", screen)

    @api.model
    def _condition_stop_item(self, screen):
        return self._item_block("stop", screen)

    @api.model
    def _condition_pause_item(self, screen):
        return self._item_block("pause", screen)

    @api.model
    def _condition_prevent_item(self, screen):
        return self._item_block("prevent", screen)

    @api.model
    def _customer_block(self, kind, screen):
        return SQL(
            """EXISTS (SELECT 1 FROM dunning_block block
                        WHERE block.company_id = company.id AND block.partner_id = customer.id
                          AND block.move_id IS NULL AND block.kind = %s AND %s)""",
            kind,
            self.env["dunning.block"]._active_sql(screen.today),
        )

    @api.model
    def _item_block(self, kind, screen):
        # Two EXISTS and not one OR: PostgreSQL can turn each of them into a hashed lookup.
        return SQL(
            """(EXISTS (SELECT 1 FROM dunning_block block
                         WHERE block.move_line_id = line.id AND block.kind = %(kind)s
                           AND %(active)s)
             OR EXISTS (SELECT 1 FROM dunning_block block
                         WHERE block.move_id = line.move_id
                           AND block.partner_id = contact.commercial_partner_id
                           AND block.move_line_id IS NULL AND block.kind = %(kind)s
                           AND %(active)s))""",
            kind=kind,
            active=self.env["dunning.block"]._active_sql(screen.today),
        )

    # Items ----------------------------------------------------------------------------------

    @api.model
    def _condition_no_followup(self, screen):
        # Odoo sets the flag by itself on miscellaneous entries, where nobody chose it; and a flag
        # that mirrors a block must not count as a second reason, stronger than a stop.
        return SQL(
            """line.no_followup
               AND NOT EXISTS (SELECT 1 FROM dunning_mirror mirror
                                WHERE mirror.move_line_id = line.id
                                  AND mirror.overridden IS NOT TRUE)
               AND (move.move_type IN ('out_invoice', 'out_refund', 'out_receipt')
                    OR company.dunning_honour_no_followup)"""
        )

    @api.model
    def _condition_automatic_payment(self, screen):
        return SQL(
            """move.dunning_collection_failed IS NOT TRUE
               AND EXISTS (SELECT 1 FROM account_payment_method_line method
                            WHERE method.id = move.preferred_payment_method_line_id
                              AND method.dunning_automatic)"""
        )

    @api.model
    def _condition_item_minimum(self, screen):
        return SQL(
            "line.amount_residual > 0 AND line.amount_residual < company.dunning_item_minimum"
        )

    @api.model
    def _condition_promise(self, screen):
        return SQL(
            """company.dunning_exclude_promises
               AND EXISTS (SELECT 1 FROM dunning_promise promise
                             JOIN dunning_promise_move_line_rel item
                               ON item.promise_id = promise.id
                            WHERE item.move_line_id = line.id
                              AND promise.cancelled IS NOT TRUE
                              AND promise.date
                                  + COALESCE(company.dunning_promise_tolerance_days, 0) >= %s
                              AND NOT %s)""",
            screen.today,
            self.env["dunning.promise"]._kept_sql(),
        )

    @api.model
    def _condition_paid(self, screen):
        # Odoo can show a paid invoice whose residual is open (a payment without journal entry),
        # so both tests are needed.
        return SQL(
            """(move.payment_state IN ('paid', 'in_payment', 'reversed')
                OR (line.amount_residual = 0 AND line.amount_residual_currency = 0))"""
        )

    @api.model
    def _condition_blocked_payment(self, screen):
        return SQL("move.payment_state = 'blocked' AND line.amount_residual <> 0")

    # Customers ------------------------------------------------------------------------------

    @api.model
    def _condition_archived(self, screen):
        return SQL("customer.active IS NOT TRUE")

    @api.model
    def _condition_creditor(self, screen):
        return SQL("total.outstanding < 0")

    @api.model
    def _condition_customer_minimum(self, screen):
        return SQL(
            "total.reminded_amount > 0 AND total.reminded_amount < company.dunning_customer_minimum"
        )

    @api.model
    def _condition_customer_maximum(self, screen):
        return SQL(
            """company.dunning_customer_maximum > 0
               AND total.reminded_amount > company.dunning_customer_maximum"""
        )

    @api.model
    def _condition_no_address(self, screen):
        return SQL("total.sends_email AND NOT (%s)", self._has_address_sql())

    @api.model
    def _has_address_sql(self):
        """Return the condition "somebody of the customer can get the e-mail"."""
        return SQL(
            """(COALESCE(customer.email, '') LIKE '%%@%%'
                OR EXISTS (SELECT 1 FROM res_partner receiver
                            WHERE receiver.commercial_partner_id = customer.id
                              AND receiver.active AND receiver.email LIKE '%%@%%'
                              AND receiver.type IN ('dunning', 'invoice')))"""
        )

    @api.model
    def _condition_type_off(self, screen):
        return SQL(
            """EXISTS (SELECT 1 FROM dunning_partner_type_off_rel switched_off
                        WHERE switched_off.partner_id = customer.id
                          AND switched_off.type_id = total.type_id)"""
        )

    @api.model
    def _condition_type_filter(self, screen):
        return SQL(
            """EXISTS (SELECT 1 FROM dunning_reminder_type reminder
                        WHERE reminder.id = total.type_id
                          AND CASE reminder.customer_filter
                              WHEN 'only' THEN NOT %(named)s
                              WHEN 'except' THEN %(named)s
                              ELSE FALSE END)""",
            named=SQL(
                """EXISTS (SELECT 1 FROM dunning_reminder_type_customer_rel named
                            WHERE named.type_id = reminder.id
                              AND named.partner_id = customer.id)"""
            ),
        )

    # Rules that users write -----------------------------------------------------------------

    @api.model
    def _domain_condition(self, rule, screen):
        """Return the condition of a rule of source `domain`; broken rules are left out before."""
        query = rule._domain_query(screen.companies[:1])
        customer = {"customer": SQL("customer.id"), "item": SQL("contact.commercial_partner_id")}
        column = {
            "res.partner": customer[rule.level],
            "account.move": SQL("line.move_id"),
            "account.move.line": SQL("line.id"),
        }[rule.model]
        # EXISTS and not IN: for a handful of items PostgreSQL looks up these, not the whole table.
        query.add_where(SQL("%s = %s", SQL.identifier(query.table, "id"), column))
        return SQL("EXISTS %s", query.subselect(SQL("1")))
