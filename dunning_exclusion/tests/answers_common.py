from lxml import html

from odoo.tests import HttpCase

from odoo.addons.mail.tests.common import MailCase

from .common import DunningCommon

PDF = b"%PDF-1.4\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF"


class AnswersCommon(DunningCommon, MailCase, HttpCase):
    """A reminder of two invoices, and a caller who fills in the forms of its page."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.dunning_answers = True
        cls.responsible = cls._create_user("responsible", "dunning_exclusion.group_dunning_user")
        cls.company.dunning_answer_user_id = cls.responsible
        cls.first = cls._create_invoice(amount=100)
        cls.second = cls._create_invoice(amount=200)
        cls._create_invoice(cls.other_customer, amount=300)
        run = cls._create_run()
        run.action_send()
        cls.notice = run.notice_ids.filtered(lambda n: n.partner_id == cls.customer)
        cls.other_notice = run.notice_ids - cls.notice
        cls.notice.mail_id.sudo().state = "sent"

    def _url(self, notice=None, path="", token=None, **query):
        notice = notice or self.notice
        query = {"access_token": token or notice.access_token, **query}
        words = "&".join(f"{name}={value}" for name, value in query.items())
        return f"/my/reminder/{notice.id}{path}?{words}"

    def _open(self, url, **options):
        self.env.flush_all()
        response = self.url_open(url, allow_redirects=True, **options)
        self.env.invalidate_all()
        return response

    def _tree(self, response):
        return html.fromstring(response.content)

    def _text(self, response):
        """Return the text that the page shows."""
        shown = self._tree(response).xpath("//*[@id='wrap']")
        return " ".join(" ".join(part.text_content() for part in shown).split())

    def _fill_in(self, code, notice=None, files=None, items=None, **values):
        """Open the form of an answer, fill it in, send it; return the response."""
        page = self._open(self._url(notice, f"/answer/{code}"))
        form = self._tree(page).forms[0]
        data = [(name, value) for name, value in form.form_values() if name not in values]
        if items is not None:
            data = [pair for pair in data if pair[0] != "item"]
            data += [("item", str(item.id)) for item in items]
        data += list(values.items())
        return self._open(form.action, data=data, files=files)

    def _answers(self, code=None):
        answers = self.env["dunning.answer"].search([("notice_id", "=", self.notice.id)])
        return answers.filtered(lambda answer: not code or answer.code == code)

    def _outcomes(self):
        """Return (outcome, deciding rule) of both invoices, as the next run has them."""
        items = self._items(self.first | self.second)
        rows = self.env["dunning.screening"].search([("move_line_id", "in", items.ids)])
        found = {row.move_id: (row.outcome, row.rule_id.code or None) for row in rows}
        return [found[self.first], found[self.second]]
