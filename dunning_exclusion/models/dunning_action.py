from odoo import models
from odoo.tools.mail import email_domain_extract, email_normalize_all, email_split_tuples

from ..report.message import MAIL_LAYOUT, check_template
from .dunning_notice import YES
from .isolation import administrators, in_language_of
from .mail_mail import SHOWN_BY_NOTICE


class DunningAction(models.AbstractModel):
    """What a dunning level does with its notices: one method `_send_<action>` for each action.

    Each method takes queued notices with the same action and template and sets their state: `sent`
    when it is done, `queued` while something still has to happen (the mail queue, the printing of
    a letter), `failed` with the reason otherwise. A new action is a value of
    `dunning.level.action` and one more method.
    """

    _name = "dunning.action"
    _description = "Reminder Action"

    def _send_email(self, notices):
        """Put the e-mails of `notices` into the mail queue."""
        # sudo: who may send reminders need not have rights on mails, templates and contacts
        notices = notices.sudo()
        template = check_template(notices)
        notices = self._keep_reachable(notices)
        if not notices:
            return
        mails = template.with_context(**{SHOWN_BY_NOTICE: YES}).send_mail_batch(
            notices.ids,
            # The recipients are those of the notice, never followers, whatever the template says.
            # The state is set, too: a user's default for it must not keep the e-mails from leaving.
            email_values=dict(auto_delete=False, email_to=False, email_cc=False, state="outgoing"),
            email_layout_xmlid=template.email_layout_xmlid or MAIL_LAYOUT,
        )
        # Answers go to the address of Odoo's mail gateway, unless the template names another one.
        senders = {notice.id: mail.email_from for notice, mail in zip(notices, mails, strict=True)}
        reply_to = notices._notify_get_reply_to_batch(senders)
        addresses = {mail: reply_to[notice.id] for notice, mail in zip(notices, mails, strict=True)}
        without = mails.filtered(lambda mail: not mail.reply_to)
        for address, same in without.grouped(addresses.get).items():
            same.reply_to = address
        for notice, mail in zip(notices, mails, strict=True):
            if mail.recipient_ids != notice.recipient_ids:
                mail.recipient_ids = notice.recipient_ids
            notice.mail_id = mail
        # sudo: to have the queue sent soon takes no right on scheduled actions
        self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()

    def _send_letter(self, notices):
        """Keep the letters of `notices` queued until somebody prints them."""
        # sudo: notices are written by sending them, not by users
        notices = notices.sudo()
        check_template(notices)
        notices._keep_letters()

    def _send_internal(self, notices):
        """Notify the users of the level and the salesperson, never the customer."""
        # sudo: notices are written by sending them, not by users
        for notice in notices.sudo():
            told = self._get_named_users(notice)
            for lang, users in told.grouped("lang").items():
                subject, body = notice._keep_internal(lang)
                notice.with_context(lang=lang, mail_notify_force_send=False).message_notify(
                    partner_ids=users.partner_id.ids, subject=subject, body=body, notify_author=True
                )
            self._finish_internal(notice, told)

    def _send_activity(self, notices):
        """Give each user of the level a to-do; without any, see `_get_default_user`."""
        # sudo: notices are written by sending them, not by users
        for notice in notices.sudo():
            told = self._get_named_users(notice) or self._get_default_user(notice)
            for user in told:
                subject, body = notice._keep_internal(user.lang)
                in_language_of(notice, user).activity_schedule(
                    "mail.mail_activity_data_call",
                    date_deadline=notice.date,
                    summary=subject,
                    note=body,
                    user_id=user.id,
                )
            self._finish_internal(notice, told)

    def _finish_internal(self, notice, users):
        """Note which employees were told, or that there was nobody to tell."""
        notice.recipient_ids = users.partner_id
        if notice.kept_body:
            notice._mark_sent()
            return
        notice._fail(
            self.env._(
                "Nobody to notify: fill in 'Users' on the reminder level, or the salesperson of "
                "the customer."
            )
        )

    def _get_named_users(self, notice):
        """Return the employees whom the level names, with the salesperson if it says so."""
        users = notice.level_id.user_ids
        if notice.level_id.notify_salesperson:
            users |= notice.partner_id.user_id or notice.line_ids.move_id.invoice_user_id
        return users.filtered(lambda user: user.active and user._is_internal())

    def _get_default_user(self, notice):
        """Return who gets the to-do of a level that names nobody: the user who sends the run.

        If that is the nightly job or somebody who has left since, it is the salesperson of the
        customer, else an administrator of follow-ups.
        """
        salespeople = notice.partner_id.user_id | notice.line_ids.move_id.invoice_user_id
        managers = administrators(notice.company_id).user_ids
        for users in (notice.user_id, salespeople, managers):
            if found := users.filtered(lambda user: user.active and user._is_internal())[:1]:
                return found
        return notice.user_id.browse()

    # Addresses ------------------------------------------------------------------------------

    def _keep_reachable(self, notices):
        """Take out recipients who cannot or must not be written to, and note who and why.

        :return: the notices that still have a recipient; the others have failed
        """
        reasons = self._get_unreachable(notices.recipient_ids)
        for notice in notices:
            bad = notice.recipient_ids.filtered(lambda partner: partner in reasons)
            notice.unreached = "\n".join(reasons[partner] for partner in bad)
            left = notice.recipient_ids - bad
            if bounced := self._find_bounced(notice, left):
                words = self.env._("a message to this address came back before")
                notice._note_unreached(bounced, words)
                left -= bounced
            if not left:
                notice._fail(notice.unreached or self.env._("No e-mail address to send to."))
            elif gone := bad | self._find_twins(left):
                notice.recipient_ids -= gone
        return notices.filtered(lambda notice: notice.state == "queued")

    def _find_bounced(self, notice, partners):
        """Return those of `partners` whose address bounced, if the customer has others.

        Where all of them bounced, a person wants it to be tried again: see the rule `bounced`.
        """
        own = partners.filtered(lambda partner: partner.commercial_partner_id == notice.partner_id)
        bounced = own.filtered("dunning_bounced_email").filtered(
            lambda partner: partner.dunning_bounced_email == partner.email_normalized
        )
        return bounced if bounced != own else bounced.browse()

    def _find_twins(self, partners):
        """Return those of `partners` all of whose addresses are those of others: one is enough."""
        twins, known = partners.browse(), set()
        for partner in partners.sorted(lambda partner: (-partner.email.count("@"), partner.id)):
            addresses = set(email_normalize_all(partner.email))
            if addresses <= known:
                twins |= partner
            known |= addresses
        return twins

    def _get_unreachable(self, partners):
        """Return {contact: why it gets no e-mail} of those that have no usable address."""
        addresses = {partner: email_normalize_all(partner.email or "") for partner in partners}
        # sudo: users need not read the blacklist to respect it
        Blacklist = self.env["mail.blacklist"].sudo()
        listed = Blacklist.search([("email", "in", sum(addresses.values(), []))])
        blacklisted = set(listed.mapped("email"))
        reasons = {}
        for partner, emails in addresses.items():
            values = {"name": partner.display_name, "email": partner.email or ""}
            if not self._is_valid(partner.email or ""):
                reasons[partner] = self.env._(
                    "%(name)s: the e-mail address '%(email)s' is not valid.", **values
                )
            elif blacklisted.intersection(emails):
                reasons[partner] = self.env._(
                    "%(name)s: the e-mail address '%(email)s' is on the blacklist.", **values
                )
        return reasons

    def _is_valid(self, text):
        """Return whether `text` is one or more e-mail addresses, with or without names.

        Odoo finds an address in nearly every text, in "anna smith@example.com" that of Smith, who
        may be a stranger. So a name is accepted only where the address stands in brackets.
        """
        found = email_split_tuples(text)
        return bool(found) and all(
            "." in (email_domain_extract(address) or "").strip(".")
            and not address.startswith("@")
            and not (name and f"{name} {address}" in text)
            for name, address in found
        )
