import csv
from datetime import timedelta

from odoo import api, models
from odoo.fields import Command
from odoo.tools import file_open

MODULE = "dunning_exclusion"
COMPANIES = {"main": "base.main_company", "europe": f"{MODULE}.demo_company_europe"}
DAYS_TO_PAY = 30


class DunningDemo(models.AbstractModel):
    """Makes the demo records whose dates count from today: invoices, payments, old reminders.

    The files of this folder call it when demo data are loaded; nothing else does.
    """

    _name = "dunning.demo"
    _description = "Demo Data of Customer Follow-ups"

    @api.model
    def _load_charts(self):
        """Give the companies of the demo a chart of accounts when they have none."""
        for xmlid in COMPANIES.values():
            company = self.env.ref(xmlid)
            if not company.chart_template:
                # Not try_loading: its warning about the registry is for localisations, whose
                # addons may not be loaded yet; the generic chart is part of the addon `account`.
                self.env["account.chart.template"]._load("generic_coa", company, False)

    # Invoices -------------------------------------------------------------------------------

    @api.model
    def _load_invoices(self):
        """Create and post the customer invoices and credit notes of invoices.csv."""
        rows = self._rows("invoices.csv")
        for company, mine in self._by_company(rows):
            invoices = self._create("account.move", company, mine, self._prepare_invoice_vals)
            invoices.sorted(lambda invoice: (invoice.invoice_date, invoice.id)).action_post()

    @api.model
    def _prepare_invoice_vals(self, row, company):
        today = company._dunning_today()
        due = today + timedelta(days=int(row["due_in_days"]))
        term = row["term"] and self._ref(f"demo_payment_term_{row['term']}")
        kinds = {"invoice": ("out_invoice", "Delivery"), "credit_note": ("out_refund", "Return")}
        move_type, label = kinds[row["kind"]]
        return {
            "move_type": move_type,
            "company_id": company.id,
            "partner_id": self._ref(row["customer"]).id,
            "currency_id": self._currency(row, company).id,
            "invoice_date": min(
                due - timedelta(days=int(row["days_to_pay"] or DAYS_TO_PAY)), today
            ),
            "invoice_date_due": due,
            "invoice_payment_term_id": term and term.id,
            "invoice_line_ids": [
                Command.create(
                    {
                        "name": label,
                        "price_unit": float(row["amount"]),
                        "tax_ids": [Command.clear()],
                    }
                )
            ],
        }

    # Payments -------------------------------------------------------------------------------

    @api.model
    def _load_payments(self):
        """Create the receipts of payments.csv on the bank and match those with an invoice.

        Those that only name one wait to be matched.
        """
        rows = self._rows("payments.csv")
        for company, mine in self._by_company(rows):
            receipts = self._create(
                "account.bank.statement.line", company, mine, self._prepare_receipt_vals
            )
            for row, receipt in zip(mine, receipts, strict=True):
                if row["invoice"]:
                    items = self._items(self._ref(row["invoice"]) | receipt.move_id)
                    items.filtered(lambda item: not item.reconciled).reconcile()

    @api.model
    def _prepare_receipt_vals(self, row, company):
        customer = self._ref(row["customer"]).with_company(company)
        vals = {
            "company_id": company.id,
            "journal_id": self._bank_journal(company).id,
            "date": company._dunning_today() - timedelta(days=int(row["days_ago"])),
            "payment_ref": f"Receipt {customer.name}",
            "partner_id": customer.id,
            "amount": float(row["amount"]),
            "counterpart_account_id": customer.property_account_receivable_id.id,
        }
        if row["names"]:
            vals["payment_ref"] = f"Invoice {self._ref(row['names']).name}, thank you"
            del vals["partner_id"], vals["counterpart_account_id"]
        currency = self._currency(row, company)
        if currency != company.currency_id:
            vals["foreign_currency_id"] = currency.id
            vals["amount_currency"] = vals["amount"]
            vals["amount"] = currency._convert(
                vals["amount"], company.currency_id, company, vals["date"]
            )
        return vals

    @api.model
    def _pay_without_entry(self, invoice):
        """Pay `invoice` so that Odoo shows it as paid while its item stays open.

        That is what a payment without journal entry does.
        """
        payment = self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_id": invoice.partner_id.id,
                "amount": invoice.amount_residual,
                "currency_id": invoice.currency_id.id,
                "journal_id": self._bank_journal(invoice.company_id).id,
                "memo": invoice.name,
                "invoice_ids": [Command.set(invoice.ids)],
            }
        )
        # Without this account there is nothing to book on until the bank statement comes.
        payment.outstanding_account_id = False
        payment.action_post()

    # Reminders sent before -------------------------------------------------------------------

    @api.model
    def _load_history(self):
        """Create the runs and notices of the reminders that invoices.csv says were sent.

        `level_friendly@27` is this level, sent 27 days ago; with an exclamation mark the message
        could not be delivered.
        """
        days = {}
        for row in self._rows("invoices.csv"):
            for entry in row["reminded"].split():
                level, days_ago = entry.rstrip("!").split("@")
                message = (row["customer"], entry.endswith("!"))
                item = (row["id"], level)
                days.setdefault(int(days_ago), {}).setdefault(message, []).append(item)
        for days_ago, messages in sorted(days.items(), reverse=True):
            self._create_past_run(days_ago, messages)

    @api.model
    def _create_past_run(self, days_ago, messages):
        company = self.env.ref(COMPANIES["main"])
        day = company._dunning_today() - timedelta(days=days_ago)
        run = self.env["dunning.run"].create({"company_id": company.id, "date": day})
        self._name_record(run, f"demo_run_{days_ago}_days_ago")
        for (customer, failed), invoices in messages.items():
            lines = self.env["dunning.run.line"].create(
                [
                    self._prepare_past_line_vals(run, self._ref(customer), self._ref(level), item)
                    for invoice, level in invoices
                    for item in self._items(self._ref(invoice))
                ]
            )
            self._create_past_notice(lines, failed)
        run.state = "done"

    @api.model
    def _prepare_past_line_vals(self, run, customer, level, item):
        return {
            "run_id": run.id,
            "company_id": run.company_id.id,
            "move_line_id": item.id,
            "move_id": item.move_id.id,
            "partner_id": customer.id,
            "level_id": level.id,
            "level_sequence": level.sequence,
            "scenario_id": level.scenario_id.id,
            "message_key": -level.scenario_id.id,
            "currency_id": item.currency_id.id,
            "date_due": item.date_maturity,
            "days_overdue": (run.date - item.date_maturity).days,
            "amount_residual": item.amount_residual,
            "amount_residual_currency": item.amount_residual_currency,
            "outstanding": customer.dunning_outstanding,
            "overdue": customer.dunning_overdue,
            "outcome": "included",
            "checked": True,
        }

    @api.model
    def _create_past_notice(self, lines, failed):
        run = lines.run_id
        sender = self.env["dunning.sender"]
        notice = sender._create_notices(run, sender._group_messages(lines))
        notice.write({"date": run.date, "user_id": self._ref("demo_user_accountant").id})
        self.env["dunning.action"]._send_email(notice)
        # Nothing leaves: the message was sent then.
        notice.mail_id.state = "exception" if failed else "sent"
        notice.date = run.date
        if failed:
            notice.state = "sent"
            contact = notice.recipient_ids
            notice._message_receive_bounce(contact.email_normalized, contact)
            notice.failure_reason = "550 5.1.1 The mailbox does not exist."

    @api.model
    def _load_reply(self, customer_id, words):
        """Let a customer answer its last reminder, as Odoo's mail gateway does with an e-mail."""
        customer = self.env["res.partner"].browse(customer_id)
        notice = customer.with_company(self.env.ref(COMPANIES["main"])).dunning_notice_ids[:1]
        notice.with_context(mail_notify_force_send=False).message_post(
            body=words,
            message_type="email",
            subtype_xmlid="mail.mt_comment",
            author_id=customer.id,
            email_from=customer.email_formatted,
        )

    # Helpers --------------------------------------------------------------------------------

    @api.model
    def _rows(self, name):
        with file_open(f"{MODULE}/demo/{name}", "r") as rows:
            return list(csv.DictReader(rows))

    @api.model
    def _by_company(self, rows):
        for code, xmlid in COMPANIES.items():
            company = self.env.ref(xmlid)
            yield company, [row for row in rows if row["company"] == code]

    @api.model
    def _create(self, model, company, rows, prepare):
        """Create a record with xmlid for each of `rows`; `prepare` makes the values."""
        records = self.env[model].with_company(company)
        records = records.with_context(allowed_company_ids=company.ids)
        return records._load_records(
            [
                {
                    "xml_id": f"{MODULE}.{row['id']}",
                    "values": prepare(row, company),
                    "noupdate": True,
                }
                for row in rows
            ]
        )

    @api.model
    def _name_record(self, record, name):
        self.env["ir.model.data"]._update_xmlids(
            [{"xml_id": f"{MODULE}.{name}", "record": record, "noupdate": True}]
        )

    @api.model
    def _ref(self, name):
        return self.env.ref(f"{MODULE}.{name}")

    @api.model
    def _currency(self, row, company):
        code = row["currency"]
        return self.env.ref(f"base.{code}") if code else company.currency_id

    @api.model
    def _bank_journal(self, company):
        return self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", company.id)], limit=1
        )

    @api.model
    def _items(self, moves):
        return moves.line_ids.filtered(lambda line: line.account_type == "asset_receivable")
