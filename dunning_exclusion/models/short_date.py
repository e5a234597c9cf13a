from babel.dates import format_skeleton

from odoo import fields
from odoo.tools import babel_locale_parse, get_lang


def short_date(env, day):
    """Return `day` as Odoo's lists and forms write it, such as "Dec 8", in the user's language.

    The year is written when it is not the current one. Sentences that stand beside fields say days
    this way; documents and the history, which are read years later, use `format_date`.
    """
    if not day:
        return ""
    this_year = day.year == fields.Date.context_today(env.user).year
    locale = babel_locale_parse(get_lang(env).code)
    return format_skeleton("MMMd" if this_year else "yMMMd", day, locale=locale)
