from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple

from odoo import models
from odoo.fields import Domain
from odoo.tools import SQL

from ..screening import items, said, statement
from ..screening.domains import company_query, find_fault
from . import waiting_money
from .scenario_sentence import short_date

KINDS = ("stop", "pause", "prevent")
# These follow from all items of a customer together, see `screening.statement`.
LATE_RULES = ("covered", "payment_under_way")


class ExcludedItem(NamedTuple):
    """An item with what excludes it."""

    item_id: int
    move_id: int
    customer_id: int
    issued_on: date
    rule_ids: list


def condition_query(Model, text, company):
    """Return the query of the records that match a typed condition: see `company_query`."""
    known = Model.env["dunning.exclusion.condition"]._get_condition_models()
    return company_query(Model, text, company, known)


def condition_fault(Model, text, company=None):
    """Return why a condition cannot be saved in `company` (else the current one), or False."""
    known = Model.env["dunning.exclusion.condition"]._get_condition_models()
    return find_fault(Model, text, company or Model.env.company, known)


class DunningExclusionCondition(models.AbstractModel):
    """The built-in rules, one method each: `_condition_<code>` says when the rule excludes.

    A condition is SQL over these aliases:

    - item rules: `line` (account_move_line), `move` (account_move), `contact` (the res_partner of
      the line; the customer is `contact.commercial_partner_id`), `company` (res_company), `held`
      (the blocks on the item: `stop`, `pause`, `prevent`, each TRUE or not), `promised`
      (`move_line_id`: NULL without an open promise), `method` (account_payment_method_line, how
      the invoice is paid) and `mirror` (its `id` is NULL where a flag mirrors no block);
      The `LATE_RULES` are about `waiting` instead;
    - customer rules: `customer` (res_partner, the commercial partner), `company`, `held` (the
      blocks on the customer), and `total` with `outstanding`, `overdue`, `reminded_amount`
      (company currency), `type_id` (0: none) and `sends_email` of the message the customer would
      get, and `reminder` (dunning_reminder_type, that of `type_id`).

    `question` gives what is constant: `question.today`, `question.companies`, and
    `question.threshold` for the value of a threshold of the company. Another addon adds a rule by
    one record of `dunning.exclusion.rule` and one such method in an `_inherit` of this model. A
    table that several conditions need is joined once, by `_item_joins` or `_customer_joins`.

    Where more can be said about a reason than the name of its rule, `_details_<code>` says it.
    """

    _name = "dunning.exclusion.condition"
    _description = "Conditions of Exclusion Rules"

    def _details(self, rule, question, rows):
        """Return what more there is to say about the reason `rule`, by its `_details_<code>`.

        :param question: about the customers of the excluded items, in one company and for one day
        :param rows: each `ExcludedItem` that the rule excludes
        :return: list of arguments of `_prepare_reason` of the rule, a reason for each
        """
        method = getattr(self, f"_details_{rule.code}", None)
        return method(rule, question, rows) if method and rule.source == "builtin" else []

    # What is joined -------------------------------------------------------------------------

    def _item_joins(self, question) -> SQL:
        """Return the JOINs that item rules use, with at most one row for an item.

        An override adds a LEFT JOIN to what `super` returns: its alias serves its conditions.
        """
        # For a handful of customers each item is looked up; for all, each table is read once. For
        # some the promises are looked up, too: few entries have one.
        few, some = question.few, question.customers is not None
        blocks = self._blocks_of_each_item(question) if few else self._blocks_of_all_items(question)
        return SQL(
            """LEFT JOIN account_payment_method_line method
                      ON method.id = move.preferred_payment_method_line_id
               LEFT JOIN dunning_mirror mirror
                      ON mirror.move_line_id = line.id AND mirror.overridden IS NOT TRUE
               %s %s %s %s""",
            blocks,
            self._blocks_until(question),
            SQL("CROSS JOIN LATERAL (SELECT %s) held", self._held_item_sql(few)),
            self._promise_of_each_item(question) if some else self._promises_of_all_items(question),
        )

    def _blocks_of_each_item(self, question) -> SQL:
        return SQL(
            """LEFT JOIN LATERAL (
                   SELECT %(flags)s FROM dunning_block block
                    WHERE block.move_id = line.move_id AND %(active)s
                      AND (block.move_line_id = line.id OR block.move_line_id IS NULL
                           AND block.partner_id = contact.commercial_partner_id)) held_item
                   ON TRUE""",
            flags=self._flags_sql(),
            active=self.env["dunning.block"]._state_sql(question.today),
        )

    def _blocks_of_all_items(self, question) -> SQL:
        # A hold on one item is looked for among all: it stays with the item when another customer
        # owes it.
        return SQL(
            """LEFT JOIN (SELECT block.move_line_id, %(flags)s FROM dunning_block block
                           WHERE block.move_line_id IS NOT NULL AND %(active)s
                           GROUP BY block.move_line_id) held_line
                      ON held_line.move_line_id = line.id
               LEFT JOIN (SELECT block.move_id, block.partner_id, %(flags)s FROM dunning_block block
                           WHERE block.move_id IS NOT NULL AND block.move_line_id IS NULL
                             AND %(active)s %(chosen)s
                           GROUP BY block.move_id, block.partner_id) held_entry
                      ON held_entry.move_id = line.move_id
                     AND held_entry.partner_id = contact.commercial_partner_id
            """,
            flags=self._flags_sql(),
            active=self.env["dunning.block"]._state_sql(question.today),
            chosen=self._blocks_of_customers(question),
        )

    def _blocks_until(self, question) -> SQL:
        """Return the join of the blocks on customers that hold only items issued up to a day."""
        until = [
            SQL(
                "MAX(block.items_until) FILTER (WHERE block.kind = %s) AS %s",
                kind,
                SQL.identifier(kind),
            )
            for kind in KINDS
        ]
        return SQL(
            """LEFT JOIN (SELECT block.company_id, block.partner_id, %s FROM dunning_block block
                           WHERE block.items_until IS NOT NULL AND %s %s
                           GROUP BY block.company_id, block.partner_id) held_until
                      ON held_until.company_id = line.company_id
                     AND held_until.partner_id = contact.commercial_partner_id""",
            SQL(", ").join(until),
            self.env["dunning.block"]._state_sql(question.today),
            self._blocks_of_customers(question),
        )

    def _held_item_sql(self, few) -> SQL:
        """Return the columns of `held`: whether blocks of each kind hold the item."""
        tables = ("held_item",) if few else ("held_line", "held_entry")
        columns = []
        for kind in KINDS:
            found = [SQL.identifier(table, kind) for table in tables]
            found.append(SQL("%s <= %s", items.ISSUED_ON, SQL.identifier("held_until", kind)))
            columns.append(SQL("%s AS %s", SQL(" OR ").join(found), SQL.identifier(kind)))
        return SQL(", ").join(columns)

    def _blocks_of_customers(self, question) -> SQL:
        """Return the restriction of `block` to the customers whose items are read."""
        if question.customers is None:
            return SQL()
        return SQL("AND %s", question.among(SQL("block.partner_id")))

    def _promises_of_all_items(self, question) -> SQL:
        # Grouped and not looked up for each promise, which PostgreSQL cannot do in parallel.
        # OFFSET 0 has each sum added up once, and not for each time that it is compared.
        Promise = self.env["dunning.promise"]
        return SQL(
            """LEFT JOIN (SELECT promised_item.move_line_id
                            FROM (SELECT promise.*, SUM((
                                         SELECT promised_line.amount_residual
                                           FROM account_move_line promised_line
                                          WHERE promised_line.id = promised.move_line_id))
                                         AS still_open
                                    FROM dunning_promise promise
                                    JOIN res_company promise_company
                                      ON promise_company.id = promise.company_id
                                    JOIN dunning_promise_move_line_rel promised
                                      ON promised.promise_id = promise.id
                                   WHERE %(lasts)s
                                   GROUP BY promise.id OFFSET 0) promise
                            JOIN dunning_promise_move_line_rel promised_item
                              ON promised_item.promise_id = promise.id
                           WHERE (%(kept)s) IS NOT TRUE
                           GROUP BY promised_item.move_line_id) promised
                      ON promised.move_line_id = line.id""",
            lasts=Promise._lasts_sql(SQL("promise_company"), question.today),
            kept=Promise._kept_sql(SQL("promise.still_open")),
        )

    def _promise_of_each_item(self, question) -> SQL:
        # Nothing is looked up for entries of which no promise was ever noted.
        Promise = self.env["dunning.promise"]
        return SQL(
            """LEFT JOIN LATERAL (
                   SELECT promised_item.move_line_id
                     FROM dunning_promise_move_line_rel promised_item
                    CROSS JOIN LATERAL (
                          SELECT * FROM dunning_promise
                           WHERE id = promised_item.promise_id OFFSET 0) promise
                     JOIN res_company promise_company ON promise_company.id = promise.company_id
                     %(still_open)s
                    WHERE move.dunning_promised AND promised_item.move_line_id = line.id
                      AND %(lasts)s AND (%(kept)s) IS NOT TRUE LIMIT 1) promised ON TRUE""",
            still_open=Promise._still_open_join(),
            lasts=Promise._lasts_sql(SQL("promise_company"), question.today),
            kept=Promise._kept_sql(),
        )

    def _customer_joins(self, question) -> SQL:
        """Return the JOINs that customer rules use, with at most one row for a customer.

        An override adds a LEFT JOIN to what `super` returns: its alias serves its conditions.
        """
        return SQL(
            """LEFT JOIN (SELECT block.company_id, block.partner_id, %s FROM dunning_block block
                           WHERE block.move_id IS NULL AND block.items_until IS NULL AND %s %s
                           GROUP BY block.company_id, block.partner_id) held
                      ON held.company_id = company.id AND held.partner_id = customer.id
               LEFT JOIN dunning_reminder_type reminder ON reminder.id = total.type_id
               %s""",
            self._flags_sql(),
            self.env["dunning.block"]._state_sql(question.today),
            self._blocks_of_customers(question),
            self._recent_messages(question),
        )

    def _recent_messages(self, question) -> SQL:
        if not self._limits_messages(question):
            return SQL()
        # In a run: the action of the workflow whose message it is, if it is one.
        key = SQL("total.message_key") if question.candidates else SQL("NULL")
        return SQL(
            """LEFT JOIN (%s) recent
                      ON recent.company_id = company.id AND recent.partner_id = customer.id
               LEFT JOIN dunning_level action ON action.id = %s""",
            said.recent_messages(question),
            key,
        )

    def _limits_messages(self, question):
        # sudo: the setting counts whoever asks
        return any(question.companies.sudo().mapped("dunning_min_days_between_messages"))

    def _flags_sql(self) -> SQL:
        return SQL(", ").join(
            SQL("BOOL_OR(block.kind = %s) AS %s", kind, SQL.identifier(kind)) for kind in KINDS
        )

    # Blocks ---------------------------------------------------------------------------------

    def _condition_stop_customer(self, question):
        return SQL("held.stop")

    def _condition_pause_customer(self, question):
        return SQL("held.pause")

    def _condition_prevent_customer(self, question):
        return SQL("held.prevent")

    _condition_stop_item = _condition_stop_customer
    _condition_pause_item = _condition_pause_customer
    _condition_prevent_item = _condition_prevent_customer

    def _details_stop_customer(self, rule, question, rows):
        Block = self.env["dunning.block"]
        blocks = Block.search(
            Domain("company_id", "=", question.companies.id)
            & Domain("kind", "=", rule.code.removesuffix(f"_{rule.level}"))
            & Domain("partner_id", "in", [row.customer_id for row in rows])
            & Domain("move_id", "in", [False, *(row.move_id for row in rows)])
            & Block._state_domain("active", question.today)
        )
        return [
            {"since": block.date_from, "until": block.date_to, "block_id": block.id}
            for block in blocks
            if block._is_whole() == (rule.level == "customer")
            and any(block._holds(*row[:-1]) for row in rows)
        ]

    _details_pause_customer = _details_prevent_customer = _details_stop_customer
    _details_stop_item = _details_pause_item = _details_prevent_item = _details_stop_customer

    # Items ----------------------------------------------------------------------------------

    def _condition_no_followup(self, question):
        # Odoo sets the flag by itself on miscellaneous entries, where nobody chose it. A flag that
        # mirrors a block is no second reason: it would drop items that a stop leaves in the list.
        return SQL(
            """line.no_followup AND mirror.id IS NULL
               AND (move.move_type IN ('out_invoice', 'out_refund', 'out_receipt')
                    OR company.dunning_honour_no_followup)"""
        )

    def _condition_automatic_payment(self, question):
        return SQL(
            "method.dunning_automatic IS TRUE AND move.dunning_collection_failed IS NOT TRUE"
        )

    def _condition_item_minimum(self, question):
        return SQL(
            "line.amount_residual > 0 AND line.amount_residual < %s",
            question.threshold("dunning_item_minimum"),
        )

    def _condition_promise(self, question):
        return SQL("company.dunning_exclude_promises AND promised.move_line_id IS NOT NULL")

    def _details_promise(self, rule, question, rows):
        Promise = self.env["dunning.promise"]
        found = Promise.search(
            Domain("move_line_ids", "in", [row.item_id for row in rows])
            & Promise._state_domain(["open", "proposed"], question.today)
        )
        return [{"since": promise.noted_on, "until": promise.date} for promise in found]

    def _condition_paid(self, question):
        # An invoice paid by a payment without journal entry is paid, but its residual stays open.
        return SQL(
            """(move.payment_state IN ('paid', 'in_payment', 'reversed')
                OR (line.amount_residual = 0 AND line.amount_residual_currency = 0))"""
        )

    def _condition_blocked_payment(self, question):
        return SQL("move.payment_state = 'blocked' AND line.amount_residual <> 0")

    def _condition_not_delivered(self, question):
        if not any(question.companies.mapped("dunning_not_delivered_from")):
            return SQL("FALSE")
        # CASE: whether it was sent is looked up only where that is asked.
        return SQL(
            """CASE WHEN move.move_type IN ('out_invoice', 'out_receipt')
                     AND %(issued_on)s >= company.dunning_not_delivered_from
                    THEN (%(delivered)s) IS NOT TRUE END""",
            issued_on=items.ISSUED_ON,
            delivered=self._delivered_sql(),
        )

    def _delivered_sql(self) -> SQL:
        """Return whether the invoice `move` was sent, and its last sending did not fail.

        Odoo's flag `is_move_sent` proves nothing: it is also set where an e-mail bounced, and by
        those who only look at the PDF. What counts is the last message to somebody outside, by
        e-mail or by post, and what became of it. An override adds a way of sending with OR.
        """
        delivered = SQL(
            """(SELECT COALESCE(
                          BOOL_OR(notified.notification_status
                                  NOT IN ('bounce', 'exception', 'canceled')),
                          NOT EXISTS (SELECT 1 FROM mail_mail mail
                                       WHERE mail.mail_message_id = message.id
                                         AND mail.state IN ('exception', 'cancel')))
                  FROM mail_message message
                  LEFT JOIN LATERAL (
                       SELECT told.* FROM mail_notification told
                         LEFT JOIN LATERAL (SELECT partner_share FROM res_partner
                                             WHERE id = told.res_partner_id OFFSET 0) receiver
                                ON TRUE
                        WHERE told.mail_message_id = message.id
                          AND told.notification_type <> 'inbox'
                          AND receiver.partner_share IS NOT FALSE OFFSET 0) notified ON TRUE
                 WHERE message.model = 'account.move' AND message.res_id = line.move_id
                   AND (notified.id IS NOT NULL OR message.message_type = 'email_outgoing')
                 GROUP BY message.id ORDER BY message.id DESC LIMIT 1)"""
        )
        # Invoices sent over the Peppol network; the addon for it may not be installed.
        if "peppol_move_state" in self.env["account.move"]._fields:
            networks = "move.peppol_move_state IN ('to_send', 'processing', 'done')"
            delivered = SQL("%s OR COALESCE(%s, FALSE)", SQL(networks), delivered)
        return delivered

    # Money that waits -----------------------------------------------------------------------

    def _waiting(self, question) -> SQL:
        """Return SELECT of the items of `item` for which money waits, see `waiting_money`."""
        return waiting_money.waiting(question, self._payments_of_items(question))

    def _payments_of_items(self, question) -> SQL:
        """Return SELECT item_id, source, day, amount, currency_id of payments on their way.

        They are meant for single items of `item`, and not matched with them yet. They count for
        the days that the company says, see `waiting_money.is_recent`. An override adds a UNION ALL
        to what `super` returns.
        """
        is_under_way = SQL(
            """payment.state = 'in_process' AND payment.payment_type = 'inbound'
               AND payment.is_reconciled IS NOT TRUE"""
        )
        invoices = SQL(
            """SELECT linked.invoice_id FROM account_payment payment
                 JOIN account_move__account_payment linked ON linked.payment_id = payment.id
                WHERE %s""",
            is_under_way,
        )
        return SQL(
            """SELECT item.id AS item_id, 'payment' AS source, payment.date AS day, payment.amount,
                      payment.currency_id
                 FROM %s
                 JOIN account_move__account_payment linked ON linked.invoice_id = item.move_id
                 JOIN account_payment payment ON payment.id = linked.payment_id
                WHERE item.amount_residual > 0 AND %s AND %s""",
            waiting_money.items_of(question, invoices),
            is_under_way,
            waiting_money.is_recent(SQL("payment.date"), SQL("item.company_id"), question),
        )

    def _condition_covered(self, question):
        return SQL("waiting.covered")

    def _condition_payment_under_way(self, question):
        return SQL("waiting.under_way")

    def _details_covered(self, rule, question, rows):
        """Return what waits for each item: what is meant for it, else what its customer has."""
        with statement.planned(self.env, few=question.few, some=True):
            found = self.env.execute_query(
                waiting_money.sources(question, self._payments_of_items(question))
            )
        days = timedelta(days=question.companies.dunning_payment_days)
        by_item, by_customer = defaultdict(list), defaultdict(list)
        for item_id, customer_id, source, day, amount, currency_id in found:
            if (source == "credit") != (rule.code == "covered"):
                continue
            text = self._describe_waiting(
                source, day, self.env["res.currency"].browse(currency_id).format(amount)
            )
            values = {"words": text, "since": day or False, "until": day and day + days or False}
            (by_item if item_id else by_customer)[item_id or customer_id].append(values)
        return [
            values
            for row in rows
            for values in by_item[row.item_id] or by_customer[row.customer_id]
        ]

    _details_payment_under_way = _details_covered

    def _describe_waiting(self, source, day, amount):
        """Return a sentence about money of this `source`, `amount` with its currency."""
        if source == "credit":
            return self.env._("%(amount)s of payments and credits not matched yet", amount=amount)
        day = short_date(self.env, day)
        if source == "bank":
            return self.env._(
                "bank statement line of %(day)s, %(amount)s, not matched yet",
                day=day,
                amount=amount,
            )
        return self.env._("payment of %(day)s, %(amount)s, in process", day=day, amount=amount)

    # Customers ------------------------------------------------------------------------------

    def _condition_archived(self, question):
        return SQL("customer.active IS NOT TRUE")

    def _condition_creditor(self, question):
        return SQL("total.outstanding < 0")

    def _condition_customer_minimum(self, question):
        return SQL(
            "total.reminded_amount > 0 AND total.reminded_amount < %s",
            question.threshold("dunning_customer_minimum"),
        )

    def _condition_customer_maximum(self, question):
        return SQL(
            "%(maximum)s > 0 AND total.reminded_amount > %(maximum)s",
            maximum=question.threshold("dunning_customer_maximum"),
        )

    def _condition_no_address(self, question):
        # Nothing is looked up for customers with an address of their own: it counts, too.
        return SQL(
            "total.sends_email AND (customer.email LIKE '%%@%%') IS NOT TRUE AND NOT EXISTS (%s)",
            self.env["res.partner"]._dunning_recipients_sql(SQL("customer.id")),
        )

    def _condition_bounced(self, question):
        chosen = SQL()
        if question.customers is not None:
            chosen = SQL("AND %s", question.among(SQL("commercial_partner_id")))
        # The few customers with an address that bounced are read once, and only of these it is
        # looked up where their reminders go.
        return SQL(
            """total.sends_email
               AND customer.id IN (SELECT commercial_partner_id FROM res_partner
                                    WHERE dunning_bounced_email IS NOT NULL %s)
               AND (SELECT bounced FROM (%s) address)""",
            chosen,
            self.env["res.partner"]._dunning_first_recipients_sql(SQL("ARRAY[customer.id]")),
        )

    def _details_bounced(self, rule, question, rows):
        # sudo: who explains a customer may read where its reminders go
        customers = self.env["res.partner"].sudo().browse({row.customer_id for row in rows})
        return [
            {"words": ", ".join(contacts.mapped("email_normalized"))}
            for contacts in customers._dunning_recipients_by_customer().values()
        ]

    def _condition_reminded_recently(self, question):
        if not self._limits_messages(question):
            return SQL("FALSE")
        # What the same workflow has sent today is no other message.
        return SQL(
            """recent.partner_id IS NOT NULL
               AND (recent.workflows <@ ARRAY[action.scenario_id]) IS NOT TRUE"""
        )

    def _details_reminded_recently(self, rule, question, rows):
        """Return when each customer got its last message, and until when none may follow."""
        details = []
        customers = tuple({row.customer_id for row in rows})
        recent = said.recent_messages(replace(question, customers=customers, contacts=None))
        for day, on_its_way in self.env.execute_query(
            SQL("SELECT day, on_its_way FROM (%s) recent ORDER BY partner_id", recent)
        ):
            words = self.env._("on %(date)s", date=short_date(self.env, day))
            until = day + timedelta(days=question.companies.dunning_min_days_between_messages - 1)
            if on_its_way:
                # When it will leave is not known.
                words, until = self.env._("a message is on its way"), False
            details.append({"since": day, "until": until, "words": words})
        return details

    def _condition_type_off(self, question):
        return SQL(
            """EXISTS (SELECT 1 FROM dunning_type_off switched_off
                        WHERE switched_off.partner_id = customer.id
                          AND switched_off.type_id = total.type_id
                          AND switched_off.company_id = company.id)"""
        )

    def _condition_type_filter(self, question):
        named = SQL(
            """EXISTS (SELECT 1 FROM dunning_reminder_type_customer_rel named
                        WHERE named.partner_id = customer.id AND named.type_id = total.type_id)"""
        )
        return SQL(
            """CASE reminder.customer_filter WHEN 'only' THEN NOT %(named)s
                                             WHEN 'except' THEN %(named)s ELSE FALSE END""",
            named=named,
        )

    # Rules that users write -----------------------------------------------------------------

    def _domain_condition(self, rule, question):
        """Return the condition of a rule of source `domain`, or raise as `company_query` does."""
        query = rule._get_query(question.companies[:1])
        customer = {"customer": SQL("customer.id"), "item": SQL("contact.commercial_partner_id")}
        column = {
            "res.partner": customer[rule.level],
            "account.move": SQL("line.move_id"),
            "account.move.line": SQL("line.id"),
        }[rule.model]
        # EXISTS and not IN: for a handful of items PostgreSQL looks up these, not the whole table.
        query.add_where(SQL("%s = %s", SQL.identifier(query.table, "id"), column))
        return SQL("EXISTS %s", query.subselect(SQL("1")))

    def _get_condition_models(self):
        """Return {model: computed fields} that conditions which people type may ask for.

        Conditions walk only through these models, and ask for stored fields and for the computed
        fields named here, whose search methods run with the rights of the system. An override
        adds models of which follow-up users may read all records in their company.
        """
        held = {"dunning_stop", "dunning_pause", "dunning_pause_until", "prevent_dunning"}
        plain = (
            *("account.cash.rounding", "account.fiscal.position", "account.incoterms"),
            *("account.journal", "account.payment.method", "account.payment.method.line"),
            *("account.payment.term", "account.tax", "account.tax.group", "crm.team"),
            *("dunning.block.reason", "dunning.level", "dunning.profile"),
            *("dunning.reminder.type", "dunning.scenario", "product.category"),
            *("product.product", "product.tag", "product.template", "res.company"),
            *("res.country", "res.country.group", "res.country.state", "res.currency"),
            *("res.lang", "res.partner.category", "res.partner.industry", "res.users", "uom.uom"),
        )
        return dict.fromkeys(plain, frozenset()) | {
            "account.account": {"code", "internal_group"},
            "account.move": held | {"next_payment_date"},
            "account.move.line": held | {"payment_date"},
            "dunning.block": {"state"},
            "dunning.promise": {"state"},
            "res.partner": held | {"credit", "debit", "phone_mobile_search"},
        }
