from odoo import fields, models


class DunningScenarioPreviewLine(models.TransientModel):
    """A customer that the scenario would reach, and with how much."""

    _name = "dunning.scenario.preview.line"
    _description = "Customer in the Preview of a Scenario"

    preview_id = fields.Many2one(
        "dunning.scenario.preview", ondelete="cascade", help="The preview it belongs to."
    )
    company_currency_id = fields.Many2one(
        "res.currency", help="The currency in which the company keeps its books."
    )
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        help="The customer who owes the items: the company, not one of its contacts.",
    )
    level_ids = fields.Many2many(
        "dunning.level", string="Levels", help="At which levels the customer would be reminded."
    )
    item_count = fields.Integer(string="Items", help="How many items it would remind of.")
    amount = fields.Monetary(
        currency_field="company_currency_id",
        help="What the customer would be reminded of, in company currency.",
    )
    excluded_count = fields.Integer(string="Items Left Out", help="How many items are left out.")
    excluded_amount = fields.Monetary(
        string="Amount Left Out",
        currency_field="company_currency_id",
        help="What is open of the items that are left out, in company currency.",
    )
