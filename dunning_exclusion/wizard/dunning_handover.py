import base64
import io

import xlsxwriter

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..models.arguments import Char, check_one, read_selected


class DunningHandover(models.TransientModel):
    """Hands selected invoices over to a buyer or a collector: holds them, and lists them in files.

    The amounts stay in all totals: the customer still owes them.
    """

    _name = "dunning.handover"
    _description = "Hand Invoices Over"
    _inherit = ["dunning.protected.mixin"]

    move_ids = fields.Many2many(
        "account.move",
        string="Invoices",
        required=True,
        default=lambda self: self._default_moves(),
        domain=[
            *(("state", "=", "posted"), ("move_type", "in", ("out_invoice", "out_receipt"))),
            ("amount_residual", ">", 0),
        ],
    )
    reason_id = fields.Many2one(
        "dunning.block.reason",
        required=True,
        default=lambda self: self.env.ref("dunning_exclusion.reason_sold"),
    )
    receiver = Char(string="To", required=True, help="Who buys or collects them.")
    done = fields.Boolean(readonly=True)
    spreadsheet = fields.Binary(readonly=True, attachment=False)
    spreadsheet_name = fields.Char(compute="_compute_spreadsheet_name")

    @api.model
    def _default_moves(self):
        """Return those of the selected invoices that can be handed over."""
        selected = read_selected(self.env["account.move"])
        return selected.filtered_domain(self._fields["move_ids"].domain)

    @api.model
    def _get_protected_fields(self):
        return frozenset({"done", "spreadsheet"})

    def _get_fixed_fields(self):
        fixed = {"move_ids", "reason_id", "receiver"} if True in self.mapped("done") else set()
        return self._get_protected_fields() | fixed

    @api.depends("receiver")
    def _compute_spreadsheet_name(self):
        for handover in self:
            day = fields.Date.to_string(handover.env.company._dunning_today())
            handover.spreadsheet_name = f"{day} {handover.receiver or ''}.xlsx"

    def action_apply(self):
        """Hold the invoices, and show the files that list them.

        :raise UserError: when one of them is no open customer invoice
        """
        check_one(self)
        self.move_ids.check_access("read")
        allowed = self.move_ids.filtered_domain(self._fields["move_ids"].domain)
        if wrong := (self.move_ids - allowed)[:1]:
            raise UserError(
                self.env._(
                    "%(move)s is no open customer invoice: take it out of the field 'Invoices'.",
                    move=wrong.display_name,
                )
            )
        note = self.env._("Handed over to %(receiver)s", receiver=self.receiver)
        self.move_ids._dunning_block("prevent", reason_id=self.reason_id.id, note=note)
        # sudo: nobody writes these fields by hand
        self.sudo().write({"done": True, "spreadsheet": base64.b64encode(self._get_spreadsheet())})
        return self._get_records_action(name=self.env._("Handed Over"), target="new")

    def action_print(self):
        """Print the list of what is handed over."""
        check_one(self)
        return self.env.ref("dunning_exclusion.action_report_handover").report_action(self)

    def _get_items(self):
        """Return what is handed over, each open item with the reminders that were sent of it.

        :return: a list of (item, lines of runs with their sent notices), customer by customer
        """
        items = self.move_ids._dunning_receivable_lines().filtered(
            lambda item: item.amount_residual > 0
        )
        sent = self.env["dunning.run.line"].search(
            Domain("move_line_id", "in", items.ids) & Domain("notice_id.state", "=", "sent")
        )
        reminders = sent.grouped("move_line_id")
        none = sent.browse()
        return [
            (item, reminders.get(item, none).notice_id.sorted(lambda n: (n.date, n.id)))
            for item in items.sorted(lambda i: (i.partner_id.name or "", i.date_maturity, i.id))
        ]

    def _get_spreadsheet(self):
        """Return the list of what is handed over as an xlsx file."""
        columns = (
            (self.env._("Customer"), lambda item: item.partner_id.commercial_partner_id.name),
            (self.env._("Reference"), lambda item: item.partner_id.ref),
            (self.env._("Tax ID"), lambda item: item.partner_id.vat),
            (self.env._("Address"), lambda item: item.partner_id.contact_address_inline),
            (self.env._("E-mail"), lambda item: item.partner_id.email),
            (self.env._("Invoice"), lambda item: item.move_id.name),
            (self.env._("Issued on"), lambda item: item.move_id.invoice_date),
            (self.env._("Due on"), lambda item: item.date_maturity),
            (self.env._("Amount"), lambda item: item.amount_currency),
            (self.env._("Open amount"), lambda item: item.amount_residual_currency),
            (self.env._("Currency"), lambda item: item.currency_id.name),
        )
        file = io.BytesIO()
        with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
            sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
            heads = [title for title, _value in columns] + [self.env._("Reminders sent so far")]
            for place, title in enumerate(heads):
                sheet.write_string(0, place, title, book.add_format({"bold": True}))
            for row, (item, notices) in enumerate(self._get_items(), start=1):
                for place, (_title, value) in enumerate(columns):
                    self._write_cell(sheet, row, place, value(item), day)
                sheet.write_string(row, len(columns), "\n".join(self._describe_sent(notices)))
            sheet.autofit()
        return file.getvalue()

    @staticmethod
    def _write_cell(sheet, row, place, value, day):
        if isinstance(value, float):
            sheet.write_number(row, place, value)
        elif value and not isinstance(value, str):
            sheet.write_datetime(row, place, value, day)
        else:
            # Never a formula, whatever a customer is called.
            sheet.write_string(row, place, value or "")

    def _describe_sent(self, notices):
        """Return a line for each of `notices`: when it was sent, and what."""
        return [
            f"{fields.Date.to_string(notice.date)} {notice.level_id.name or notice.description}"
            for notice in notices
        ]
