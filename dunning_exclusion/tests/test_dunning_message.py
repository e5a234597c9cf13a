from lxml import html

from odoo.tests import tagged

from .common import DunningCommon


class MessageCommon(DunningCommon):
    """A run is sent with each shipped template; its messages are read as trees."""

    @classmethod
    def _send(cls, template="friendly", **values):
        """Send a run by the scenario with `template` on each level; return its notices."""
        cls.scenario.level_ids.template_id = cls.env.ref(
            f"dunning_exclusion.mail_template_{template}"
        )
        run = cls._create_run(**values)
        run.action_send()
        return run.notice_ids

    def _tree(self, notice):
        return html.fromstring(notice.mail_id.body_html)

    def _text(self, notice):
        return " ".join(self._tree(notice).text_content().split())

    def _rows(self, notice, part="tbody"):
        """Return the texts of the cells of the table of items."""
        table = self._tree(notice).xpath("//table[@class='dunning_items']")
        self.assertEqual(len(table), 1)
        return [
            [" ".join(cell.text_content().split()) for cell in row.xpath("./td")]
            for row in table[0].xpath(f"./{part}/tr")
        ]


@tagged("post_install", "-at_install")
class TestDunningMessage(MessageCommon):
    def test_message_names_customer_and_every_item_once(self):
        invoices = self._create_invoice() | self._create_invoice(amount=50)
        notice = self._send()
        self.assertIn("Dear Alpha", self._text(notice))
        self.assertEqual({row[0] for row in self._rows(notice)}, set(invoices.mapped("name")))
        self.assertEqual(len(self._rows(notice)), 2)
