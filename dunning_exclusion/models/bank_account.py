"""To which bank accounts of a company its customers pay, by the currency of the items."""

from odoo.tools import SQL


def bank_currency(bank):
    """Return the currency of a bank account, or that of its journal; none: it takes all."""
    return bank.currency_id or bank.journal_id.currency_id[:1]


def own_bank(company, currency):
    """Return the company's account for `currency`, or one for all currencies, or none.

    A branch that has no fitting account uses those of its parents.
    """
    for one in reversed(company.parent_ids):
        banks = one.partner_id.bank_ids.filtered(
            lambda bank: not bank.company_id or bank.company_id in company.parent_ids
        )
        for wanted in (currency, currency.browse()):
            if fitting := banks.filtered(lambda bank, wanted=wanted: bank_currency(bank) == wanted):
                return fitting[:1]
    return company.partner_id.bank_ids.browse()


def find_without_account(run):
    """Return the currencies of listed items for which a message of `run` can name no account.

    These are messages to customers whose template asks for a transfer.
    """
    # sudo: bank accounts of the company are no secret, and levels are read to be told
    company, levels = run.company_id.sudo(), run.env["dunning.level"].sudo()
    currencies = company.currency_id.search([])
    missing = currencies.filtered(lambda currency: not own_bank(company, currency))
    if not missing:
        return missing
    rows = run.env.execute_query(
        SQL(
            """SELECT DISTINCT currency_id, COALESCE(action.id::int, level_id)
                 FROM (SELECT DISTINCT line.currency_id, line.level_id, line.action_ids
                         FROM dunning_run_line line
                        WHERE line.run_id = %s AND line.outcome <> 'dropped'
                          AND line.currency_id = ANY(%s)
                          AND NOT EXISTS (
                              SELECT 1 FROM account_move move
                                JOIN res_partner_bank bank ON bank.id = move.partner_bank_id
                               WHERE move.id = line.move_id AND (bank.currency_id IS NULL
                                     OR bank.currency_id = line.currency_id))) listed
                 LEFT JOIN jsonb_array_elements(action_ids) AS action (id) ON TRUE""",
            run.id,
            missing.ids,
        )
    )
    found = currencies.browse()
    for currency_id, level_id in rows:
        level = levels.browse(level_id).exists()
        template = level._get_template() or run.template_id or run.type_id.template_id
        if level.action in (False, "email", "letter") and template._dunning_asks_for_transfer():
            found |= found.browse(currency_id)
    return found
