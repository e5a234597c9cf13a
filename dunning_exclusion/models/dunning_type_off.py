from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL


class DunningTypeOff(models.Model):
    """A reminder type that a company has switched off for a customer."""

    _name = "dunning.type.off"
    _description = "Switched Off Reminder Type"
    _rec_name = "type_id"

    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        required=True,
        ondelete="cascade",
        help="The customer who does not get reminders of the type.",
    )
    type_id = fields.Many2one(
        "dunning.reminder.type",
        string="Reminder Type",
        required=True,
        index=True,
        ondelete="cascade",
        help="The kind of reminder that is switched off.",
    )
    company_id = fields.Many2one(
        "res.company",
        required=True,
        index=True,
        ondelete="cascade",
        help="The company that does not send such reminders to the customer.",
    )

    _once = models.UniqueIndex(
        "(partner_id, type_id, company_id)", "The type is switched off for the customer already."
    )

    @api.model
    def _switch(self, customers, types, company):
        """Let `types` be the reminder types that `company` has switched off for `customers`."""
        # sudo: nobody writes these records, the caller may change the customers.
        there = self.sudo().search(
            Domain("partner_id", "in", customers.ids) & Domain("company_id", "=", company.id)
        )
        there.filtered(lambda off: off.type_id not in types).unlink()
        known = {(off.partner_id, off.type_id) for off in there.exists()}
        self.sudo().create(
            [
                {"partner_id": customer.id, "type_id": kind.id, "company_id": company.id}
                for customer in customers
                for kind in types
                if (customer, kind) not in known
            ]
        )

    @api.model
    def _merge_customers(self, source_ids, target):
        """Give what was switched off for the customers `source_ids` to `target`."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """WITH moved AS (
                       DELETE FROM dunning_type_off WHERE partner_id = ANY(%s)
                       RETURNING type_id, company_id, create_uid, create_date)
                   INSERT INTO dunning_type_off (partner_id, type_id, company_id, create_uid,
                                                 create_date)
                   SELECT %s, moved.* FROM moved ON CONFLICT DO NOTHING""",
                list(source_ids),
                target.id,
            )
        )
        self.invalidate_model()
