"""What is done about customers and invoices, told in their chatter: one line with a link each.

Accountants may not write contacts in Odoo, so the system notes it, in the name of who did it. Every
employee of every company may read the chatter of a customer. So these notes have a subtype of their
own, and a record rule shows them only to those who read the follow-ups of the company.
"""

from markupsafe import Markup

from odoo.addons.account.models.mail_message import bypass_token

# How many lines of one moment a message has: five hundred invoices can be stopped at once.
MAX_LINES = 20


def note_in_chatter(records, describe):
    """Write a line about each of `records` into the chatter of its customer and its entries.

    :param records: blocks, promises or notices, with `partner_id` and the entries of `_get_told`
    :param describe: function that returns the line of a record, in words
    """
    told = {}
    for record in records:
        line = record._get_html_link(title=describe(record))
        for target in (record.partner_id, *record._get_told_moves()):
            key = record.company_id, target._name
            told.setdefault(key, {}).setdefault(target.id, []).append(line)
    for (company, model), lines_by_id in told.items():
        bodies = {res_id: _join(records.env, lines) for res_id, lines in lines_by_id.items()}
        log(records.env[model].browse(bodies), bodies, company)


def log(targets, bodies, company, **values):
    """Write notes on follow-ups of `company` that only those who may read these see.

    :param bodies: {id of a target: HTML, or text}
    """
    # sudo: accountants may not write contacts in Odoo
    messages = targets.sudo()._message_log_batch(bodies, **values)
    # A restricted audit trail lets nobody change the kind of a message: these were made just now.
    messages.with_context(bypass_audit=bypass_token).write(
        {"subtype_id": note_subtype(targets.env), "record_company_id": company.id}
    )


def note_subtype(env):
    """Return the id of the subtype of these notes."""
    return env["ir.model.data"]._xmlid_to_res_id("dunning_exclusion.mt_follow_up")


def _join(env, lines):
    shown = lines[:MAX_LINES]
    if more := len(lines) - len(shown):
        shown.append(env._("%(count)s more", count=more))
    return Markup("<br/>").join(shown)
