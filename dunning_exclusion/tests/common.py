from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.sql_db import Cursor
from odoo.tools import SQL

from odoo.addons.account.tests.common import AccountTestInvoicingCommon


class DunningCommon(AccountTestInvoicingCommon):
    """Customers, invoices and a scenario with three levels, in a company of our own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.company_data["company"]
        cls.env.user.group_ids |= cls.env.ref("dunning_exclusion.group_dunning_manager")
        cls.today = cls.company._dunning_today()
        cls.customer = cls._create_customer("Alpha")
        cls.other_customer = cls._create_customer("Beta")
        cls.type_overdue = cls.env.ref("dunning_exclusion.type_overdue")
        cls.scenario = cls.env["dunning.scenario"].create(
            {
                "name": "Reminders",
                "company_id": cls.company.id,
                "level_ids": [
                    Command.create(
                        {
                            "sequence": number * 10,
                            "name": f"Level {number}",
                            "delay": delay,
                            "type_id": cls.type_overdue.id,
                        }
                    )
                    for number, delay in enumerate((1, 15, 30), start=1)
                ],
            }
        )

    @classmethod
    def setup_independent_company(cls, **kwargs):
        """Take the company of `AccountTestInvoicingCommon` that `./dev test` has made, if any."""
        made = cls.env["res.company"].search([("name", "=", "company_1_data")], limit=1)
        cls.env.user.company_ids |= made
        return made or super().setup_independent_company(**kwargs)

    @classmethod
    def _create_customer(cls, name, **values):
        return cls.env["res.partner"].create(
            {
                "name": name,
                "email": f"{name.lower().replace(' ', '.')}@example.com",
                "property_payment_term_id": False,
                **values,
            }
        )

    @classmethod
    def _create_invoice(cls, partner=None, amount=100.0, days=-10, post=True, **values):
        """Create an invoice over `amount` (no taxes) that falls due `days` after today."""
        due = cls.today + timedelta(days=days)
        invoice = cls.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": (partner or cls.customer).id,
                "invoice_date": min(due, cls.today),
                "invoice_date_due": due,
                "invoice_line_ids": [
                    Command.create(
                        {"name": "Service", "price_unit": amount, "tax_ids": [Command.clear()]}
                    )
                ],
                **values,
            }
        )
        if post:
            invoice.action_post()
        return invoice

    @classmethod
    def _create_user(cls, login, *groups, companies=None):
        """Create a user of the company with exactly these groups (xmlids)."""
        companies = companies or cls.company
        return cls.env["res.users"].create(
            {
                "name": login,
                "login": login,
                "email": f"{login}@example.com",
                "group_ids": [Command.set([cls.env.ref(group).id for group in groups])],
                "company_id": companies[:1].id,
                "company_ids": [Command.set(companies.ids)],
            }
        )

    @classmethod
    def _create_term(cls, *days):
        """Create a payment term of equal instalments due that many days after the invoice."""
        parts = [round(100 / len(days), 2)] * (len(days) - 1)
        parts.append(100 - sum(parts))
        return cls.env["account.payment.term"].create(
            {
                "name": "Instalments",
                "line_ids": [
                    Command.create({"value": "percent", "value_amount": part, "nb_days": day})
                    for part, day in zip(parts, days, strict=True)
                ],
            }
        )

    @classmethod
    def _pay(cls, invoice, amount=None):
        """Register a payment of the invoice; None: all that is open."""
        values = {} if amount is None else {"amount": amount}
        return (
            cls.env["account.payment.register"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create(values)
            ._create_payments()
        )

    @classmethod
    def _items(cls, moves):
        return moves.line_ids.filtered(lambda line: line.account_type == "asset_receivable")

    @classmethod
    def _create_run(cls, prepare=True, **values):
        run = cls.env["dunning.run"].create({"company_id": cls.company.id, **values})
        if prepare:
            run.action_prepare()
        return run

    def _email_fails_for(self, customer, error):
        """Let e-mails to `customer` fail with `error` for as long as the block lasts."""
        Action = type(self.env["dunning.action"])
        send_email = Action._send_email

        def _send_email(model, notices):
            if customer in notices.partner_id:
                raise error
            return send_email(model, notices)

        return patch.object(Action, "_send_email", _send_email)

    def _write_unchecked(self, record, **values):
        """Write into the database what nobody can write, as an import or an update may leave it."""
        self.env.flush_all()
        for name, value in values.items():
            self.env.cr.execute(
                SQL(
                    "UPDATE %s SET %s = %s WHERE id = ANY(%s)",
                    SQL.identifier(record._table),
                    SQL.identifier(name),
                    value,
                    record.ids,
                )
            )
        self.env.invalidate_all()

    def _queries_with(self, pattern, work):
        """Return the queries of `work` in which the regular expression `pattern` is found."""
        found, execute = [], Cursor.execute

        def spy(cursor, query, *args, **kwargs):
            text = query.code if isinstance(query, SQL) else query
            if pattern.search(text if isinstance(text, str) else text.decode()):
                found.append(text)
            return execute(cursor, query, *args, **kwargs)

        self.env.flush_all()
        self.env.invalidate_all()
        with patch.object(Cursor, "execute", spy):
            work()
            self.env.flush_all()
        return found

    def _screened(self, moves, field="outcome"):
        """Return {item: value of `field`} of the live screening."""
        screening = self.env["dunning.screening"].search(
            [("move_line_id", "in", self._items(moves).ids)]
        )
        return {record.move_line_id: record[field] for record in screening}

    def assertOutcome(self, invoice, outcome, rule=None, msg=None):
        """Assert outcome and deciding rule of the one item of `invoice`, wherever it is asked."""
        screening = self.env["dunning.screening"].search([("move_id", "=", invoice.id)])
        self.assertEqual(len(screening), 1, msg)
        self.assertEqual((screening.outcome, screening.rule_id.code or None), (outcome, rule), msg)
        invoice.invalidate_recordset()
        self.assertEqual(invoice.dunning_outcome, outcome, msg)
        reasons = [reason["rule"] for reason in invoice.dunning_explain()]
        self.assertEqual(reasons[:1], [rule] if rule else [], msg)

    def _days(self, days):
        return fields.Date.to_string(self.today + timedelta(days=days))


@contextmanager
def refused_statement(test, message):
    """Assert that PostgreSQL refuses the statement that is executed, and that the error tells why.

    A failed transaction can do nothing any more, so the reason is looked for over another cursor.
    That one does not see what a test has written: here the test's own cursor serves again, rolled
    back to before the statement.
    """
    with test.env.cr.savepoint() as savepoint:

        @contextmanager
        def cursor(*args, **kwargs):
            savepoint.rollback()
            yield test.env.cr

        with (
            patch.object(test.registry, "cursor", cursor),
            test.assertRaisesRegex(UserError, message),
        ):
            yield


class OutcomeCommon(DunningCommon):
    """A second company, a foreign currency worth half of ours, and shorthands for outcomes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_company = cls.setup_other_company(name="Second company")["company"]
        cls.foreign = cls.setup_other_currency("EUR", rates=[("1900-01-01", 2.0)])
        cls.number = 0

    def _fresh_customer(self, **values):
        type(self).number += 1
        return self._create_customer(f"Customer {self.number}", **values)

    def _invoice_of_other_company(self, customer, amount=100.0):
        company_customer = customer.with_company(self.other_company)
        return self._create_invoice(
            company_customer, amount, company_id=self.other_company.id
        ).with_company(self.other_company)

    def _reasons(self, record, date=None):
        return [reason["rule"] for reason in record.dunning_explain(date)]

    def _refund(self, customer, amount, days=-10):
        return self._create_invoice(customer, amount, days, move_type="out_refund")
