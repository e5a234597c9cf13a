import email
import email.policy
import socket
from unittest.mock import patch

from aiosmtpd.controller import Controller
from lxml import html

from odoo.tests import tagged

from odoo.addons.dunning_exclusion.tests.answers_common import AnswersCommon


class Mailbox:
    """A mail server on loopback that keeps what it gets."""

    def __init__(self):
        self.messages = []

    async def handle_DATA(self, _server, _session, envelope):
        """Keep a message."""
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.messages.append(message)
        return "250 OK"


@tagged("post_install", "-at_install")
class TestMailIsFollowed(AnswersCommon):
    """The e-mail as a mail server gets it, and its button followed to the page."""

    def test_button_of_the_mail_that_arrived_opens_the_page(self):
        mailbox = Mailbox()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        controller = Controller(mailbox, hostname="127.0.0.1", port=port)
        controller.start()
        self.addCleanup(controller.stop)
        server = self.env["ir.mail_server"].create(
            {"name": "Catcher", "smtp_host": "127.0.0.1", "smtp_port": port}
        )
        mail = self.other_notice.sudo().mail_id
        mail.mail_server_id = server
        with patch.object(type(server), "_disable_send", return_value=False):
            mail.send()
        self.assertEqual(self.other_notice.state, "sent")
        (message,) = mailbox.messages
        self.assertIn(self.other_customer.email, message["To"])
        body = html.fromstring(message.get_body(("html",)).get_content())
        (link,) = body.xpath("//a[contains(., 'Answer or pay')]/@href")
        page = self._open(link[link.index("/my/reminder/") :])
        self.assertIn("300.00", self._text(page))
