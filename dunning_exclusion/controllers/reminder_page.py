"""What the customer's page of a reminder shows and takes: plain functions over a notice.

Whoever opens the page is taken for hostile. A notice is given out for the right token only, or to a
user of the customer; all that is shown or taken belongs to its customer in its company; whatever is
sent is checked here, before anything is written.
"""

import io
import re
import secrets
from datetime import timedelta
from hmac import compare_digest

from PIL import Image

from odoo import SUPERUSER_ID, fields
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, format_date, get_lang
from odoo.tools.mimetypes import guess_mimetype

from ..models.arguments import read_date
from ..models.dunning_answer import DISPUTE_REASONS
from ..report.message import Message
from ..screening.question import Owner, Question

ITEMS_SHOWN = 200
# The actions of levels that customers hear of.
TO_CUSTOMERS = ("email", "letter")
LONGEST = {"text": 2000, "reference": 100}
LARGEST_FILE = 5 * 2**20
MOST_FILES = 3
FILE_TYPES = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}
# Small files can hold images that fill the memory of whoever opens them.
MOST_PIXELS = 50_000_000
# How often something can be said on the page of one reminder: in an hour, and at all.
MOST_IN_AN_HOUR = 20
MOST_ANSWERS = 100
# A customer promises for this many days at most, and paid this many days ago at most.
LONGEST_DAYS = 365


# Who may open it -----------------------------------------------------------------------------


def find_notice(env, notice_id, token, short=False):
    """Return the notice whose page the token opens, as the page works with it; else an empty one.

    :param token: text; without any, the user has to be one of the customer
    :param short: whether it is the short token of letters
    """
    Notice = env["dunning.notice"].with_user(SUPERUSER_ID)
    # A number that no record can have raises an error of the database.
    notice = Notice.search([("id", "=", notice_id)]) if notice_id < 2**31 else Notice
    if token:
        kept = notice.access_token and (notice._get_short_code() if short else notice.access_token)
        # Compared in every case, so that the time tells nothing.
        known = compare_digest(str(token).encode(), (kept or secrets.token_urlsafe(32)).encode())
        allowed = bool(kept) and known
    else:
        user = env.user
        customer = user.partner_id.commercial_partner_id
        allowed = user._is_portal() and notice.partner_id == customer and _is_sent(notice)
    if allowed and notice.company_id.dunning_answers and _lasts(notice):
        return notice.with_context(**notice._get_page_context())
    return Notice.browse()


def _is_sent(notice):
    return notice.state == "sent" and notice.action in TO_CUSTOMERS


def find_notices(user):
    """Return the reminders that a portal user finds in its account."""
    Notice = user.env["dunning.notice"].with_user(SUPERUSER_ID)
    found = Notice.search(
        Domain("partner_id", "=", user.partner_id.commercial_partner_id.id)
        & Domain("state", "=", "sent")
        & Domain("action", "in", TO_CUSTOMERS)
        & Domain("company_id.dunning_answers", "=", True),
        limit=ITEMS_SHOWN,
    )
    return found.filtered(_lasts) if user._is_portal() else found.browse()


def _lasts(notice):
    """Return whether the page still opens: not any more some time after all was settled."""
    items = notice.line_ids.move_line_id.exists()
    if any(not item.reconciled and item.parent_state == "posted" for item in items):
        return True
    partials = items.matched_debit_ids | items.matched_credit_ids
    settled = [partial.create_date.date() for partial in partials]
    company = notice.company_id
    last = max(settled, default=notice.date)
    return company._dunning_today() <= last + timedelta(days=company.dunning_answer_link_days)


# What it shows -------------------------------------------------------------------------------


def get_items(notice):
    """Return a dict for each open item of the customer, as it is now, the oldest first."""
    company, customer, env = notice.company_id, notice.partner_id, notice.env
    today = company._dunning_today()
    question = Question(company, today, Owner("partner", tuple(customer.ids)))
    with env["dunning.screening"]._screened(question) as screening:
        rows = env.execute_query(
            SQL(
                """SELECT move_line_id, date_due, reason_ids FROM (%s) AS screening
                    ORDER BY date_due, move_line_id LIMIT %s""",
                screening,
                ITEMS_SHOWN,
            )
        )
    blocks = env["dunning.block"].search(
        Domain("company_id", "=", company.id)
        & Domain("partner_id", "=", customer.id)
        & Domain("state", "in", ["active"])
    )
    promises = env["dunning.promise"].search(
        Domain("move_line_ids", "in", [row[0] for row in rows])
        & Domain("state", "in", ["open", "proposed"])
    )
    result = []
    for item_id, date_due, reason_ids in rows:
        item = env["account.move.line"].browse(item_id)
        codes = env["dunning.exclusion.rule"].browse(reason_ids or []).mapped("code")
        held = _held_words(env, codes, item, blocks, promises)
        result.append({**_describe(notice, item, date_due, today), "held": held})
    return result


def _describe(notice, item, date_due, today):
    """Return the texts of an item, and whether it is a credit or an invoice."""
    env, move = notice.env, item.move_id
    amount = Message(notice).amount_text(item.amount_residual_currency, item.currency_id)
    return {
        "item": item,
        "name": move.name or item.name or "",
        "reference": move.is_invoice() and move.ref or "",
        "date": format_date(env, move.invoice_date or move.date),
        "date_due": format_date(env, date_due),
        "days_overdue": max((today - date_due).days, 0),
        "amount": amount,
        "is_credit": item.amount_residual <= 0,
        "is_invoice": move.is_sale_document(include_receipts=True),
    }


def _held_words(env, codes, item, blocks, promises):
    """Return why an item is not reminded, in words that are fit for the customer; or False.

    What only employees may know, a minimum or what they think of the customer, is not told.
    """
    if "promise" in codes:
        promise = promises.filtered(lambda promise: item in promise.move_line_ids)
        days = promise.sorted("date", reverse=True)
        if days[:1].state == "proposed":
            return env._(
                "You proposed to pay by %(day)s; we will answer you.",
                day=format_date(env, days[:1].date),
            )
        if days:
            return env._("You will pay by %(day)s.", day=format_date(env, days[:1].date))
    for code in codes:
        if code.split("_")[0] in ("stop", "pause", "prevent"):
            return _hold_words(env, item, blocks)
    words = {
        "automatic_payment": env._("We collect it automatically."),
        "blocked_payment": env._("We are looking into it."),
        "covered": env._("A payment or credit of yours covers it."),
        "paid": env._("Your payment has arrived and is being processed."),
        "payment_under_way": env._("Your payment is on its way."),
    }
    return next((words[code] for code in codes if code in words), False)


def _hold_words(env, item, blocks):
    holding = blocks.filtered(
        lambda block: (
            (not block.move_id or block.move_id == item.move_id)
            and (not block.move_line_id or block.move_line_id == item)
        )
    )
    origins = set(holding.mapped("origin"))
    if "customer" in origins:
        return env._("We are looking into what you told us.")
    if "reply" in origins:
        return env._("We are going to answer your message.")
    return env._("We do not remind you of this at the moment.")


def get_totals(rows):
    """Return {currency: what is open of these items}."""
    totals = {}
    for row in rows:
        item = row["item"]
        open_amount = totals.get(item.currency_id, 0) + item.amount_residual_currency
        totals[item.currency_id] = open_amount
    return totals


def get_types(notice):
    """Return the kinds of answers that the page offers."""
    types = notice.env["dunning.answer.type"].search([("on_page", "=", True)])
    types -= notice.company_id.dunning_answer_off_ids
    return types if _pays_online(notice) else types.filtered(lambda kind: kind.code != "pay")


def _pays_online(notice):
    """Return whether invoices can be paid online: core's `account_payment` has providers."""
    if "transaction_ids" not in notice.env["account.move"]._fields:
        return False
    usable = Domain("state", "!=", "disabled") & Domain("is_published", "=", True)
    company = Domain("company_id", "in", notice.company_id.parent_ids.ids)
    return bool(notice.env["payment.provider"].search_count(usable & company, limit=1))


def get_payable(rows):
    """Return the invoices of these items that can be paid online now."""
    moves = rows[0]["item"].move_id.browse() if rows else []
    for row in rows:
        move = row["item"].move_id
        if "transaction_ids" in move._fields and move._has_to_be_paid():
            moves |= move
    return moves


def get_answers(notice):
    """Return what was said on this page, the newest first."""
    return notice.env["dunning.answer"].search(
        Domain("notice_id", "=", notice.id) & Domain("type_id.on_page", "=", True), limit=50
    )


def find_invoice(notice, move_id):
    """Return the document of this customer and company with this id, or an empty one.

    Only what is open now, or what the reminder lists: whoever has the link need not see the rest.
    """
    open_items = [("account_type", "=", "asset_receivable"), ("reconciled", "=", False)]
    shown = Domain("line_ids", "any", open_items) | Domain("id", "in", notice.line_ids.move_id.ids)
    return notice.env["account.move"].search(
        shown
        & Domain("id", "=", move_id if move_id < 2**31 else 0)
        & Domain("state", "=", "posted")
        & Domain("company_id", "=", notice.company_id.id)
        & Domain("commercial_partner_id", "=", notice.partner_id.id)
        & Domain("move_type", "in", ("out_invoice", "out_refund", "out_receipt"))
    )


# What it takes -------------------------------------------------------------------------------


def answer(notice, code, form, files):
    """Note an answer as the page sends it, and return it.

    :param form: {name of a field: text}; "items" is a list of texts
    :param files: the uploaded files
    :raise UserError: when something is missing or not possible, in the customer's language
    """
    env, company = notice.env, notice.company_id
    kind = get_types(notice).filtered(lambda kind: kind.code == code)
    if not kind:
        raise UserError(env._("This answer is no longer possible: go back to the overview."))
    _check_number(notice)
    rows = [row for row in get_items(notice) if not row["is_credit"]]
    chosen = set(form.get("items") or ())
    if not kind.asks_items:
        chosen = {str(row["item"].id) for row in rows}
    # What is not among the open items of the customer is passed over: it was paid meanwhile.
    items = env["account.move.line"].union(
        *(row["item"] for row in rows if str(row["item"].id) in chosen)
    )
    if kind.asks_items and not items:
        raise UserError(env._("Choose at least one open invoice."))
    values = {
        **_read_texts(env, kind, form),
        **_read_day(env, kind, form, company._dunning_today()),
        **_read_amount(env, kind, form, sum(items.mapped("amount_residual"))),
    }
    kept = _read_files(env, files) if kind.asks_file else []
    return env["dunning.answer"]._say(notice, kind, items, values, kept)


def _check_number(notice):
    Answer = notice.env["dunning.answer"]
    mine = Domain("notice_id", "=", notice.id)
    hour_ago = fields.Datetime.now() - timedelta(hours=1)
    lately = Answer.search_count(mine & Domain("create_date", ">", hour_ago))
    if lately >= MOST_IN_AN_HOUR or Answer.search_count(mine) >= MOST_ANSWERS:
        raise UserError(
            notice.env._("You have sent many answers: please wait, or send us an e-mail.")
        )


def _read_texts(env, kind, form):
    values = {}
    for name in ("reference", "text"):
        if not kind[f"{name}_label"]:
            continue
        text = (form.get(name) or "").replace("\0", "").strip()
        label = kind[f"{name}_label"]
        if len(text) > LONGEST[name]:
            raise UserError(
                env._(
                    "'%(field)s' is too long: %(most)s characters at most.",
                    field=label,
                    most=LONGEST[name],
                )
            )
        if name == "text" and not text:
            raise UserError(env._("Fill in '%(field)s'.", field=label))
        values[name] = text
    if kind.asks_reason:
        if form.get("reason") not in dict(DISPUTE_REASONS):
            raise UserError(env._("Choose what is not right."))
        values["reason"] = form["reason"]
    return values


def get_day_limits(kind, today):
    """Return the first and the last day that the page takes for this kind of answer."""
    far = timedelta(days=LONGEST_DAYS)
    past, future = kind.date_when != "future", kind.date_when != "past"
    return today - far if past else today, today + far if future else today


def _read_day(env, kind, form, today):
    if not kind.date_label:
        return {}
    try:
        day = read_date(env, (form.get("date") or "").strip())
    except (UserError, ValidationError):
        day = None
    first, last = get_day_limits(kind, today)
    if not day or not first <= day <= last:
        raise UserError(
            env._(
                "'%(field)s': choose a day from %(first)s to %(last)s.",
                field=kind.date_label,
                first=format_date(env, first),
                last=format_date(env, last),
            )
        )
    return {"date": day}


def _read_amount(env, kind, form, most):
    text = (form.get("amount") or "").strip()
    if not kind.amount_label or not text:
        return {}
    amount = read_number(env, text) if len(text) < 20 else None
    if amount is None or not 0 < amount <= most:
        raise UserError(
            env._(
                "'%(field)s': enter an amount above 0, and not more than is open.",
                field=kind.amount_label,
            )
        )
    return {"amount": amount}


def read_number(env, text):
    """Return the number that a text means in the language of `env`, or None.

    1.000 is a thousand in German, and one in English.
    """
    lang = get_lang(env)
    text, thousands = "".join(text.split()), lang.thousands_sep.strip()
    decimal = re.escape(lang.decimal_point)
    grouped = rf"\d{{1,3}}({re.escape(thousands)}\d{{3}})+({decimal}\d+)?"
    if thousands and re.fullmatch(grouped, text):
        text = text.replace(thousands, "")
    text = text.replace(lang.decimal_point, ".").replace(",", ".")
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None


def _read_files(env, files):
    """Return [{"name", "raw", "mimetype"}] of files that are what they should be."""
    files = [file for file in files if file.filename]
    if len(files) > MOST_FILES:
        raise UserError(env._("At most %(most)s files can be sent.", most=MOST_FILES))
    result = []
    for number, file in enumerate(files, start=1):
        raw = file.read(LARGEST_FILE + 1)
        mimetype = guess_mimetype(raw)
        if len(raw) > LARGEST_FILE or mimetype not in FILE_TYPES or not _can_be_opened(raw):
            raise UserError(
                env._(
                    "The file '%(name)s' cannot be sent: only PDF, PNG and JPEG files of at most "
                    "5 MB can.",
                    name=file.filename[:80],
                )
            )
        # The name that somebody gave it is not kept: it is ours, and fits what is in it.
        name = env._("Attachment %(number)s", number=number)
        result.append({"name": f"{name}.{FILE_TYPES[mimetype]}", "raw": raw, "mimetype": mimetype})
    return result


def _can_be_opened(raw):
    """Return whether a file is no image, or one of a size that can be shown; only that is read."""
    if not guess_mimetype(raw).startswith("image/"):
        return True
    try:
        width, height = Image.open(io.BytesIO(raw), formats=("PNG", "JPEG")).size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
    return width * height <= MOST_PIXELS


def undo(notice, answer_id):
    """Take back an answer that was given on this page.

    :param answer_id: its id, as the form sends it: text
    """
    get_answers(notice).filtered(lambda answer: str(answer.id) == answer_id)._undo()
