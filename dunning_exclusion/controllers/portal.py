import logging
import time
from collections import deque
from urllib.parse import urlencode

from psycopg2.errors import UniqueViolation

from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from odoo.addons.portal.controllers.portal import CustomerPortal

from ..report.message import Message
from . import reminder_page as page

_logger = logging.getLogger(__name__)
# Pages with a token in their address tell it to nobody, and are found by nobody.
HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'self'; form-action 'self'",
}
# The largest request that is read: three files of 5 MB each, and some text.
MOST_BYTES = 17 * 2**20
# Printing costs time: how many documents of one reminder a process prints in so many seconds.
MOST_PRINTED, PRINTED_WITHIN = 30, 600
_printed = {}


def _get(*paths, auth="public"):
    """Return the decorator of a page that is only read: it has a read-only cursor."""
    options = dict(type="http", auth=auth, website=True, multilang=False, sitemap=False)
    return http.route(list(paths), methods=["GET"], readonly=True, **options)


def _post(path, **options):
    options.update(type="http", auth="public", website=True, multilang=False, sitemap=False)
    return http.route(path, methods=["POST"], **options)


class ReminderPage(CustomerPortal):
    """The customer's page of a reminder: GET shows, POST does, see `reminder_page`."""

    @_get("/my/reminder/<int:notice_id>")
    def reminder(self, notice_id, access_token=None, **_query):
        """Show what is open now, and what can be answered."""
        notice = self._find(notice_id, access_token)
        return self._overview(notice, access_token) if notice else self._unknown()

    @_get("/reminder/<int:notice_id>/<string:code>")
    def reminder_short(self, notice_id, code, **_query):
        """Lead from the short address in letters to the page."""
        code = code.replace("-", "").lower()
        notice = page.find_notice(request.env, notice_id, code or "-", short=True)
        if not notice:
            return self._unknown()
        return self._safe(request.redirect(f"{notice.access_url}?{self._query(notice)}", code=303))

    @_get("/my/reminder/<int:notice_id>/answer/<string:code>")
    def reminder_form(self, notice_id, code, access_token=None, **query):
        """Show the form of one answer."""
        notice = self._find(notice_id, access_token)
        if not notice:
            return self._unknown()
        items = request.httprequest.args.getlist("item")
        return self._form(notice, access_token, code, {"items": items})

    @_post("/my/reminder/<int:notice_id>/answer/<string:code>", max_content_length=MOST_BYTES)
    def reminder_answer(self, notice_id, code, access_token=None, **form):
        """Note an answer, and show the page again."""
        notice = self._find(notice_id, access_token)
        if not notice:
            return self._unknown()
        form = {name: value for name, value in form.items() if isinstance(value, str)}
        form["items"] = request.httprequest.form.getlist("item")
        files = request.httprequest.files.getlist("file")
        try:
            with request.env.cr.savepoint():
                if code == "pay":
                    return self._pay(notice, access_token, form["items"])
                page.answer(notice, code, form, files)
        except UserError as error:
            return self._form(notice, access_token, code, form, str(error))
        except UniqueViolation:
            # Sent twice in the same moment: the other request has noted the same answer.
            _logger.info("The answer to reminder %s was sent twice", notice.id)
        return self._back(notice, access_token)

    @_post("/my/reminder/<int:notice_id>/undo")
    def reminder_undo(self, notice_id, access_token=None, answer_id="", **_form):
        """Take an answer back, and show the page again."""
        notice = self._find(notice_id, access_token)
        if not notice:
            return self._unknown()
        page.undo(notice, answer_id)
        return self._back(notice, access_token)

    @_get("/my/reminder/<int:notice_id>/invoice/<int:move_id>")
    def reminder_invoice(self, notice_id, move_id, access_token=None, **_query):
        """Give out an invoice as PDF."""
        notice = self._find(notice_id, access_token)
        invoice = notice and page.find_invoice(notice, move_id)
        if not invoice:
            return self._unknown()
        if not _may_print(notice.id):
            return self._safe(request.make_response("", status=429))
        document = invoice._get_invoice_legal_documents("pdf", allow_fallback=True)
        headers = [
            ("Content-Type", "application/pdf"),
            ("Content-Disposition", http.content_disposition(document["filename"])),
        ]
        return self._safe(request.make_response(document["content"], headers))

    # My account -----------------------------------------------------------------------------

    def _prepare_home_portal_values(self, counters):
        values = super()._prepare_home_portal_values(counters)
        if "reminder_count" in counters:
            values["reminder_count"] = len(page.find_notices(request.env.user))
        return values

    @_get("/my/reminders", auth="user")
    def reminders(self, **_query):
        """List the reminders of the user's company."""
        values = self._prepare_portal_layout_values()
        notices = page.find_notices(request.env.user)
        values.update(page_name="reminders", notices=notices, Message=Message)
        return self._safe(request.render("dunning_exclusion.reminder_list", values))

    # What the pages are made of -------------------------------------------------------------

    def _find(self, notice_id, token):
        notice = page.find_notice(request.env, notice_id, token)
        if notice:
            lang = notice.env.context.get("lang") or "en_US"
            request.update_context(lang=lang)
            request.lang = request.env["res.lang"]._get_data(code=lang)
        return notice

    def _query(self, notice, **query):
        return urlencode({"access_token": notice.access_token, **query})

    def _render(self, template, notice, token, **values):
        """Return a page that knows how to name the others: with the token, if it came with one."""

        def link(path="", **query):
            if token:
                query["access_token"] = token
            return f"{notice.access_url}{path}{'?' if query else ''}{urlencode(query)}"

        values.update(
            notice=notice,
            company=notice.company_id,
            res_company=notice.company_id,
            message=Message(notice),
            link=link,
            token=token,
            no_header=True,
            no_footer=True,
        )
        return self._safe(request.render(f"dunning_exclusion.{template}", values))

    def _overview(self, notice, token):
        rows = page.get_items(notice)
        return self._render(
            "reminder_overview",
            notice,
            token,
            rows=rows,
            owed=[row for row in rows if not row["is_credit"]],
            totals=page.get_totals(rows),
            types=page.get_types(notice),
            answers=page.get_answers(notice),
            most=page.ITEMS_SHOWN,
            title=notice.company_id.name,
        )

    def _form(self, notice, token, code, form, error=None):
        kind = page.get_types(notice).filtered(lambda kind: kind.code == code)
        if not kind:
            return self._unknown()
        rows = [row for row in page.get_items(notice) if not row["is_credit"]]
        if code == "pay":
            payable = page.get_payable(rows)
            rows = [row for row in rows if row["item"].move_id in payable]
        reasons = notice.env["dunning.answer"]._fields["reason"]
        response = self._render(
            "reminder_form",
            notice,
            token,
            kind=kind,
            rows=rows,
            form=form,
            error=error,
            limits=page.get_day_limits(kind, notice.company_id._dunning_today()),
            reasons=reasons._description_selection(notice.env),
            longest=page.LONGEST,
            title=kind.name,
        )
        response.status_code = 422 if error else 200
        return response

    def _pay(self, notice, token, items):
        """Lead to core's page on which the invoice of the chosen item is paid."""
        rows = [row for row in page.get_items(notice) if str(row["item"].id) in items]
        invoices = page.get_payable(rows)
        if not invoices:
            raise UserError(notice.env._("Choose an open invoice."))
        url = invoices[0].get_portal_url(query_string="&payment=True", anchor="portal_pay")
        return self._safe(request.redirect(url, code=303))

    def _back(self, notice, token):
        query = f"?{urlencode({'access_token': token})}" if token else ""
        return self._safe(request.redirect(f"{notice.access_url}{query}#said", code=303))

    def _unknown(self):
        """Return the one page for all that is not there or not for who asks."""
        values = {"no_header": True, "no_footer": True}
        response = request.render("dunning_exclusion.reminder_unknown", values)
        response.status_code = 404
        return self._safe(response)

    def _safe(self, response):
        response.headers.update(HEADERS)
        return response


def _may_print(notice_id):
    """Return whether this process prints another document of the reminder now."""
    now = time.monotonic()
    times = _printed.setdefault(notice_id, deque(maxlen=MOST_PRINTED))
    if len(times) == MOST_PRINTED and now - times[0] < PRINTED_WITHIN:
        return False
    times.append(now)
    if len(_printed) > 10_000:
        _printed.clear()
    return True
