"""What is done about customers and invoices, told in their chatter: one line with a link each.

Accountants may not write contacts in Odoo, so the system notes it, in the name of who did it.
"""

from markupsafe import Markup

# How many lines of one moment a message has: five hundred invoices can be stopped at once.
MAX_LINES = 20


def note_in_chatter(records, describe):
    """Write a line about each of `records` into the chatter of its customer and its entries.

    :param records: blocks, promises or notices, with `partner_id` and the entries of `_get_told`
    :param describe: function that returns the line of a record, in words
    """
    told = {"res.partner": {}, "account.move": {}}
    for record in records:
        line = record._get_html_link(title=describe(record))
        for target in (record.partner_id, *record._get_told_moves()):
            told[target._name].setdefault(target.id, []).append(line)
    for model, lines_by_id in told.items():
        bodies = {res_id: _join(records.env, lines) for res_id, lines in lines_by_id.items()}
        if bodies:
            # sudo: accountants may not write contacts in Odoo; `_message_log_batch` writes a note
            targets = records.env[model].sudo().browse(bodies)
            targets._message_log_batch(bodies)


def _join(env, lines):
    shown = lines[:MAX_LINES]
    if more := len(lines) - len(shown):
        shown.append(env._("%(count)s more", count=more))
    return Markup("<br/>").join(shown)
