"""E-mails that customers write: they hold reminders back until somebody has answered."""

import re

from odoo import SUPERUSER_ID, models
from odoo.exceptions import AccessError
from odoo.fields import Command, Domain
from odoo.tools import email_normalize, html2plaintext, is_html_empty

from .mail_mail import THREADS

EXCERPT_LENGTH = 500
# What programs that answer by themselves write into the head of their messages.
AUTOMATIC_HEADERS = {
    "Auto-Submitted": re.compile(r"(?!no\b)."),
    "Precedence": re.compile(r"bulk|junk|auto_reply"),
    "X-Auto-Response-Suppress": re.compile(r"."),
    "X-Autoreply": re.compile(r"(?!no\b)."),
    "X-Autorespond": re.compile(r"."),
    "X-Auto-Reply-From": re.compile(r"."),
}


def is_automatic(message):
    """Return whether an e-mail (email.message.Message) was written by a program."""
    return any(
        pattern.match((message.get(name) or "").strip().lower())
        for name, pattern in AUTOMATIC_HEADERS.items()
    )


def get_excerpt(body):
    """Return the beginning of a message as plain text, without what it quotes."""
    lines = [line.strip() for line in html2plaintext(body or "").splitlines()]
    text = "\n".join(line for line in lines if line and not line.startswith(">"))
    return text[: EXCERPT_LENGTH - 1] + "…" if len(text) > EXCERPT_LENGTH else text


class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    def _message_route_process(self, message, message_dict, routes):
        """Override of `mail` to remember which e-mails were written by a program.

        :raise AccessError: for records of follow-ups, when an employee hands an e-mail over (in
            Odoo every employee can, with any sender), or when it would make a new record
        """
        trusted = self.env.su or self.env.user.has_group("base.group_system")
        ours = [route for route in routes or () if route[0] in THREADS]
        if not all(thread_id for _model, thread_id, *_values in ours):
            raise AccessError(self.env._("Records of follow-ups are not made by e-mail."))
        if ours and not trusted:
            raise AccessError(
                self.env._(
                    "E-mails on follow-ups are taken from Odoo's mail server, or from a mail "
                    "gateway that logs in as a system administrator."
                )
            )
        thread = self.with_context(dunning_automatic=not trusted or is_automatic(message))
        return super(MailThread, thread)._message_route_process(message, message_dict, routes)

    def _message_post_after_hook(self, message, msg_values):
        """Override of `mail`: e-mails of customers hold reminders back, answers to them end it."""
        result = super()._message_post_after_hook(message, msg_values)
        if self._name in ("account.move", "dunning.notice") and len(self) == 1:
            if self._dunning_is_answer(message):
                self._dunning_replies()._decide("accepted")
            elif self._dunning_is_reply(message):
                self._dunning_note_reply(message)
        return result

    def _dunning_replies(self):
        """Return the e-mails of customers in this thread that wait for an answer."""
        # sudo: who writes on an invoice need not be a follow-up user
        return (
            self.env["dunning.answer"]
            .sudo()
            .search(
                Domain("message_id.model", "=", self._name)
                & Domain("message_id.res_id", "=", self.id)
                & Domain("state", "=", "waiting")
            )
        )

    def _dunning_is_answer(self, message):
        """Return whether an employee writes to the customer, and not a note to colleagues.

        What is posted by code, such as an API client, counts where it goes to the customer. What
        Odoo tells followers by itself, such as that an invoice was paid, is no answer.
        """
        # This runs for everything that Odoo posts, so what costs no query is checked first.
        if message.message_type == "notification" and not self._dunning_is_told(message):
            return False
        if message.message_type not in ("comment", "email", "email_outgoing", "notification"):
            return False
        if message.is_internal or not message.subtype_id or message.subtype_id.internal:
            return False
        # sudo: who posts need not have the right to read users
        return any(not user.share for user in message.sudo().author_id.user_ids)

    def _dunning_is_told(self, message):
        """Return whether what was posted by code is a message to the customer."""
        discussion = self.env["ir.model.data"]._xmlid_to_res_id("mail.mt_comment")
        if message.subtype_id.id != discussion or is_html_empty(message.body):
            return False
        # sudo: who posts need not have the right to read contacts
        thread, told = self.sudo(), message.sudo().partner_ids
        readers = told | thread.message_partner_ids
        return thread.partner_id.commercial_partner_id in readers.commercial_partner_id

    def _dunning_is_reply(self, message):
        """Return whether somebody of the customer wrote an e-mail that nobody has answered yet."""
        # Odoo's mail gateway posts as the system: a colleague cannot write for a customer.
        by_gateway = message.message_type == "email" and self.env.uid == SUPERUSER_ID
        if not by_gateway or self.env.context.get("dunning_automatic"):
            return False
        # Odoo finds the author by the address: strangers have none.
        if not message.author_id:
            return False
        # sudo: the mail gateway acts for strangers
        thread, message = self.sudo(), message.sudo()
        if not thread.company_id.dunning_reply_holds:
            return False
        customer = thread.partner_id.commercial_partner_id
        if thread._name == "account.move" and not (
            thread.state == "posted"
            and thread.is_sale_document(include_receipts=True)
            and not all(thread._dunning_receivable_lines().mapped("reconciled"))
        ):
            return False
        address = email_normalize(message.email_from)
        family = Domain("commercial_partner_id", "=", customer.id)
        wrote = message.author_id.commercial_partner_id == customer or (
            address and customer.search_count(family & Domain("email_normalized", "=", address))
        )
        return bool(wrote) and not any(
            said.date > message.date and thread._dunning_is_answer(said)
            for said in thread.message_ids
        )

    def _dunning_note_reply(self, message):
        """Hold reminders back until somebody answers; a second e-mail makes no second hold."""
        if self._dunning_replies():
            return
        thread = self.with_user(SUPERUSER_ID)
        by_notice = thread._name == "dunning.notice"
        moves = thread.browse() if by_notice else thread
        answer = thread.env["dunning.answer"].create(
            {
                "company_id": thread.company_id.id,
                "partner_id": thread.partner_id.commercial_partner_id.id,
                "notice_id": by_notice and thread.id,
                "type_id": self.env.ref("dunning_exclusion.answer_reply").id,
                "move_ids": [] if by_notice else [Command.set(moves.ids)],
                "message_id": message.id,
                "text": get_excerpt(message.body),
            }
        )
        answer._begin()
