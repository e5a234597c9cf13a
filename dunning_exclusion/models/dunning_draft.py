from odoo import api, models
from odoo.fields import Command, Domain


class DunningDraft(models.AbstractModel):
    """Makes notices from the lines of a run: one for each message, ready to be sent or shown."""

    _name = "dunning.draft"
    _description = "Dunning Notice Draft"

    @api.model
    def _create_notices(self, run, lines):
        """Create one notice for each message: lines of one customer with the same message key."""
        groups = list(lines.grouped(lambda line: (line.partner_id, line.message_key)).values())
        # sudo: users read notices, only sending writes them.
        notices = self.env["dunning.notice"].sudo()
        notices = notices.with_context(tracking_disable=True, mail_create_nosubscribe=True)
        recipients = lines.partner_id._dunning_recipients_by_customer()
        vals_list = [self._prepare_notice_vals(run, group, recipients) for group in groups]
        again = self._notices_to_repeat(run, vals_list)
        new = [vals for vals in vals_list if (vals["partner_id"], vals["message_key"]) not in again]
        made = {
            (notice.partner_id.id, notice.message_key): notice for notice in notices.create(new)
        }
        for vals, group in zip(vals_list, groups, strict=True):
            key = (vals["partner_id"], vals["message_key"])
            if key in again:
                again[key].write({**vals, "mail_id": False, "kept_body": False})
            notice = made.get(key) or again[key]
            group.sudo().write({"notice_id": notice.id})
            notices |= notice
        return notices

    @api.model
    def _notices_to_repeat(self, run, vals_list):
        """Return the notices of `run` that did not leave and are made anew, by their message."""
        # sudo: users read notices, only sending writes them.
        not_left = self.env["dunning.notice"].sudo()
        not_left = not_left.search(
            Domain("run_id", "=", run.id)
            & Domain("state", "in", ["failed", "skipped"])
            & Domain("partner_id", "in", [vals["partner_id"] for vals in vals_list])
        )
        return {(notice.partner_id.id, notice.message_key): notice for notice in not_left}

    @api.model
    def _prepare_notice_vals(self, run, lines, recipients):
        """Return the values of the notice of one message, at the highest level of its lines.

        :param recipients: {customer: who gets its reminders}
        """
        customer = lines.partner_id
        amount = sum(lines.mapped("amount_residual"))
        owed = self._is_owed(run, lines)
        level = lines.level_id.sorted(lambda level: level._place())[-1:]
        return {
            "run_id": run.id,
            "company_id": run.company_id.id,
            "partner_id": customer.id,
            "level_id": level.id,
            "message_key": lines[:1].message_key,
            "type_id": (level.type_id or run.type_id).id,
            "date": run.company_id._dunning_today(),
            "action": level.action or "email",
            # What is made anew after the run, as letters are, is sent by who does that.
            "user_id": run.state == "sending" and run.user_id.id or self.env.uid,
            "lang": customer.lang or run.company_id.partner_id.lang,
            "state": "queued" if owed else "skipped",
            "failure_reason": not owed and self.env._("Nothing is owed in total."),
            "description": self._describe(run, lines, level),
            "amount": amount,
            "outstanding": lines[:1].outstanding,
            "overdue": lines[:1].overdue,
            "recipient_ids": [
                Command.set((recipients[customer] | level.additional_partner_ids).ids)
            ],
        }

    @api.model
    def _is_owed(self, run, lines):
        """Return whether something is owed: a total of zero or less is not sent.

        Neither that of the message nor, with credits and payments that were not applied yet, that
        of the customer. A creditor is reminded when somebody ticked it although it is one.
        """
        currency = run.company_id.currency_id
        if currency.compare_amounts(sum(lines.mapped("amount_residual")), 0) <= 0:
            return False
        if currency.compare_amounts(lines[:1].outstanding, 0) > 0:
            return True
        creditor = self.env.ref("dunning_exclusion.rule_creditor")
        return any(creditor.id in (line.override_reason_ids or []) for line in lines)

    @api.model
    def _describe(self, run, lines, level):
        """Return in words what a notice is about: amounts in company currency, conditions met."""
        currency = run.company_id.currency_id
        items = self.env._("1 item")
        if len(lines) != 1:
            items = self.env._("%s items", len(lines))
        words = self.env._(
            "%(items)s over %(amount)s; outstanding %(outstanding)s, overdue %(overdue)s.",
            items=items,
            amount=currency.format(sum(lines.mapped("amount_residual"))),
            outstanding=currency.format(lines[:1].outstanding),
            overdue=currency.format(lines[:1].overdue),
        )
        conditions = level.scenario_id.condition_ids if level.campaign_type == "customer" else []
        if conditions:
            met = ", ".join(conditions.mapped("display_name"))
            words += " " + self.env._("Conditions met: %(conditions)s.", conditions=met)
        return words

    @api.model
    def _preview(self, run, lines):
        """Return (subject, body) of the message that `lines` would make, without sending it.

        :param lines: lines of one customer with the same message key
        """
        rendered = {}
        try:
            with self.env.cr.savepoint():
                self._render_preview(run, lines, rendered)
                raise _Undo
        except _Undo:
            self.env.invalidate_all(flush=False)
        return rendered["subject"], rendered["body_html"]

    @api.model
    def _render_preview(self, run, lines, rendered):
        # As when it is sent: the amounts are those of now, and sudo.
        lines.sudo().write({"notice_id": False})
        self.env["dunning.sender"]._screen_again(run, lines.partner_id)
        notice = self._create_notices(run, lines)
        self.env["dunning.action"]._check_template(notice)
        notice._count_unlisted()
        rendered.update(notice._render_message(framed=True)[notice])


class _Undo(Exception):
    """Takes back what was made for a preview."""
