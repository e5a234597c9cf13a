from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL, html2plaintext

from ..screening.statement import planned
from . import customer_maximum
from .arguments import check_one, read_ids, read_record, without_context
from .dunning_changes import (
    changed_customers,
    look_for_items,
    oldest_transaction,
    overtaken_by,
)
from .dunning_recheck import screen_again
from .dunning_screening import OUTCOMES
from .isolation import in_language_of
from .many_lines import distinct_amount, distinct_items
from .scenario_sentence import short_date


class DunningRun(models.Model):
    """What the task list shows and does beside its lines: today's list, and the figures above."""

    _inherit = "dunning.run"

    # Today's list ---------------------------------------------------------------------------

    @api.model
    def action_open_latest(self):
        """Open today's list of the current company, prepared at once when there is none."""
        run = self._get_todays_run()
        if not run:
            run = self.create({"company_id": self.env.company.id})
            run.action_prepare()
        return run.action_open_lines()

    @api.model
    def _get_todays_run(self):
        """Return the run of today for all scenarios that is still to be sent, if there is one."""
        company = self.env.company
        return self.search(
            Domain("company_id", "=", company.id)
            & Domain("date", "=", company._dunning_today())
            & Domain("state", "in", ["prepared", "sending"])
            & Domain("automatic", "=", False)
            & Domain("mode", "=", "scenario")
            & Domain("scenario_ids", "=", False),
            limit=1,
        )

    def _find_unfinished(self):
        """Return the latest run of an earlier day with ticked lines that were not sent."""
        older = self.search(
            Domain("company_id", "=", self.company_id.id)
            & Domain("date", "<", self.date)
            & Domain("state", "in", ["prepared", "sending"])
        )
        waiting = Domain("checked", "=", True) & Domain("notice_id", "=", False)
        rows = self.env["dunning.run.line"]._read_group(
            waiting & Domain("run_id", "in", older.ids), ["run_id"]
        )
        waits = self.browse().union(*(run for (run,) in rows))
        return older.filtered(lambda run: run in waits)[:1]

    # Brought up to date ---------------------------------------------------------------------

    def action_refresh(self):
        """List the items of the run as they are today; what people ticked is kept where it holds.

        An item that somebody unticked stays unticked. One that somebody ticked against reasons
        stays ticked while no other reasons stand against it.

        :raise UserError: when messages of the run went out already, or it is being sent
        """
        check_one(self)
        run = without_context(self)
        run.check_access("write")
        run.env["dunning.sender"]._lock(run)
        run._check_preparable()
        by_hand = run._read_ticks_by_hand()
        if run.date < (today := run.company_id._dunning_today()):
            run.date = today
        run._replace_lines()
        if by_hand:
            run._tick_as_before(by_hand)
        return True

    def _read_ticks_by_hand(self):
        """Return as JSON which lines people ticked against reasons, and which they unticked."""
        self.env["dunning.run.line"].flush_model()
        return self.env.execute_query(
            SQL(
                """SELECT jsonb_agg(to_jsonb(line))::text
                     FROM dunning_run_line line
                    WHERE run_id = %s AND notice_id IS NULL AND move_line_id IS NOT NULL
                      AND CASE WHEN checked THEN override_user_id IS NOT NULL
                               ELSE outcome = 'included' AND set_aside IS NOT TRUE END""",
                self.id,
            )
        )[0][0]

    def _tick_as_before(self, by_hand):
        """Tick and untick lines as people did before the lines were replaced.

        :param by_hand: what `_read_ticks_by_hand` returned
        """
        self.env.cr.execute(
            SQL(
                """UPDATE dunning_run_line line
                      SET checked = before.checked, override_user_id = before.override_user_id,
                          override_date = before.override_date,
                          override_note = before.override_note,
                          override_reason_ids = before.override_reason_ids
                     FROM jsonb_populate_recordset(NULL::dunning_run_line, %s) before
                    WHERE line.run_id = %s AND line.move_line_id = before.move_line_id
                      AND line.scenario_id IS NOT DISTINCT FROM before.scenario_id
                      AND CASE WHEN before.checked
                               THEN line.outcome = 'unchecked'
                                    AND line.reason_ids <@ before.override_reason_ids
                               ELSE line.outcome = 'included' END""",
                by_hand,
                self.id,
            )
        )
        self.env["dunning.run.line"].invalidate_model(flush=False)
        self._untick_second_messages()
        self._untick_above_maximum()

    def _describe_overtaken(self):
        """Return in sentences what has changed since the lines were listed."""
        words = {
            "day": self.env._(
                "The list is as of %(day)s, not of today.", day=short_date(self.env, self.date)
            ),
            "settings": self.env._("Settings, rules or scenarios were changed in the meantime."),
            "payments": self.env._("Payments were received in the meantime."),
            "items": self.env._("Invoices were posted or payments undone in the meantime."),
        }
        return [words[code] for code in overtaken_by(self)]

    # Figures above the task list ------------------------------------------------------------

    @api.model
    def read_figures(self, run_id):
        """Return what is ticked in a run, with blocks and promises that were changed since.

        :param run_id: id of the run, or False for today's list of the current company
        :return: dict with `id`, `name`, `state`, `date`, `currency_id`, `item_count`,
            `customer_count`, `message_count`, `amount` (company currency), the number of items by
            outcome, of messages `sent_count`, `waiting_count`, `print_count` and `failed_count`,
            `can_work`, `can_approve`, `above` (ids of the customers whom an approver may release
            above the maximum), `against` (how many ticked items have reasons against them,
            and which), `overtaken` (sentences: what changed since), `can_refresh`,
            `without_account` (names of currencies for which messages can name no bank account) and
            `unfinished` (id and name of an older run to send, or False); empty when there is no
            run
        """
        self.browse().check_access("read")
        ids = read_ids(self.env, [run_id]) if run_id else self._get_todays_run().ids
        run = self.browse(ids).exists()
        if not run:
            return {}
        run.check_access("read")
        can_work = run.has_access("write")
        # Whose blocks or promises were changed is screened again first.
        if can_work and run.state == "prepared" and (customers := changed_customers(run)):
            screen_again(run, customers)
            # sudo: users do not write what the system notes
            run.sudo().screened_transaction = oldest_transaction(self.env)
        if can_work and run.state == "prepared":
            look_for_items(run)
        return {**run._read_counts(), **run._read_ticked(), **run._read_news(can_work)}

    def _read_counts(self):
        """Return the numbers of lines by outcome and of messages, and how far sending is."""
        names = ["name", "state", "date"]
        names += ["sent_count", "waiting_count", "print_count", "failed_count"]
        if self.state == "sending":
            names.append("progress")
        lines = self.env["dunning.run.line"]
        counts = dict(
            lines._read_group([("run_id", "=", self.id)], ["outcome"], ["item_count:sum"])
        )
        return {
            **self.read(names)[0],
            **{f"{outcome}_count": counts.get(outcome, 0) for outcome, _name in OUTCOMES},
            "currency_id": self.currency_id.id,
            "above": self._read_above() if counts.get("unchecked") else [],
            "against": self._read_against() if counts.get("unchecked") else False,
        }

    def _read_news(self, can_work):
        """Return what the user may do with the run, and what became of it since."""
        prepared = self.state == "prepared"
        unfinished = self == self._get_todays_run() and self._find_unfinished()
        return {
            "can_work": can_work,
            "can_approve": can_work and customer_maximum.may_release(self.env),
            "overtaken": self._describe_overtaken() if prepared else [],
            "can_refresh": can_work and not self.notice_ids,
            "without_account": self.without_account_ids.mapped("name") if prepared else [],
            "unfinished": bool(unfinished) and {"id": unfinished.id, "name": unfinished.name},
        }

    def _read_above(self):
        """Return the ids of the customers with unticked lines that only approvers may tick."""
        if not customer_maximum.get_maximum(self.company_id):
            return []
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT partner_id FROM dunning_run_line
                    WHERE run_id = %s AND notice_id IS NULL AND checked IS NOT TRUE
                      AND outcome = 'unchecked' AND reason_ids @> jsonb_build_array(%s::int)""",
                self.id,
                customer_maximum.get_rule(self.env).id,
            )
        )
        return [row[0] for row in rows]

    def _read_against(self):
        """Return how many ticked items have reasons against them, and which; False: none."""
        count, rule_ids = self.env.execute_query(
            SQL(
                """SELECT COUNT(DISTINCT line.move_line_id), array_agg(DISTINCT reason.id::int)
                     FROM dunning_run_line line,
                          jsonb_array_elements_text(line.override_reason_ids) AS reason(id)
                    WHERE line.run_id = %s AND line.checked AND line.notice_id IS NULL
                      AND line.override_user_id IS NOT NULL""",
                self.id,
            )
        )[0]
        # sudo: the name of a reason is no secret
        rules = self.env["dunning.exclusion.rule"].sudo().browse(rule_ids or []).exists()
        return count and {"count": count, "reasons": rules.sorted("sequence").mapped("name")}

    def _read_ticked(self):
        """Return how much of what is ticked was not sent yet: each item counts once."""
        Line = self.env["dunning.run.line"]
        Line.flush_model()
        query = SQL(
            """WITH line AS (SELECT partner_id, move_line_id, message_key, amount_residual,
                                    shared, action_ids, held_action_ids
                               FROM dunning_run_line
                              WHERE run_id = %(run)s AND checked AND notice_id IS NULL)
               SELECT %(items)s, %(amount)s,
                      (SELECT COUNT(partner_id) FROM (SELECT DISTINCT partner_id FROM line) one),
                      (SELECT COUNT(*) FROM (
                           SELECT partner_id, message_key FROM line WHERE action_ids IS NULL
                            GROUP BY partner_id, message_key
                            UNION
                           SELECT partner_id, action.id::int
                             FROM line, jsonb_array_elements(action_ids) AS action (id)
                            WHERE action_ids IS NOT NULL
                              AND (held_action_ids @> action.id) IS NOT TRUE) AS message)
                 FROM line""",
            run=self.id,
            items=distinct_items("line"),
            amount=distinct_amount("line"),
        )
        # PostgreSQL expects a hundred actions of each line, and would compile for that.
        with planned(self.env):
            items, amount, customers, messages = self.env.execute_query(query)[0]
        counts = {"customer_count": customers, "message_count": messages}
        return {**counts, "item_count": items, "amount": float(amount)}

    # Letters --------------------------------------------------------------------------------

    def action_print_letters(self):
        """Print all letters of the run that wait, in one PDF; see `dunning.notice`."""
        check_one(self)
        waiting = [("run_id", "=", self.id), ("action", "=", "letter"), ("state", "=", "queued")]
        return self.env["dunning.notice"].search(waiting).action_print()


class DunningRunLine(models.Model):
    """What people do with lines beside ticking: ask for approval, and look at what will be sent."""

    _inherit = "dunning.run.line"

    held_reasons = fields.Json(
        "Reasons by Action", readonly=True, help="Only where they differ between actions."
    )
    held_actions = fields.Json(compute="_compute_held_actions", help="Action names and reasons.")

    @api.depends("held_reasons", "checked")
    def _compute_held_actions(self):
        held = {line: line.held_reasons or {} for line in self}
        actions = {int(action) for own in held.values() for action in own}
        actions = self.env["dunning.level"].browse(actions).exists()
        rules = {rule for own in held.values() for ids in own.values() for rule in ids or []}
        rules = self.env["dunning.exclusion.rule"].browse(rules).exists().grouped("id")
        for line, own in held.items():
            line.held_actions = {
                action.id: {
                    "name": action.display_name,
                    "reasons": [rules[rule].name for rule in against or [] if rule in rules]
                    or [self.env._("its turn has passed")],
                }
                for action in actions
                # Of a line that is not sent at all, its own reasons say why.
                if str(action.id) in own and ((against := own[str(action.id)]) or line.checked)
            }

    def action_dunning_stop(self):
        """Stop the items for good and untick them here; see there what it returns."""
        stopped = self.move_line_id.action_dunning_stop()
        self._untick_stopped(self)
        return stopped

    def action_dunning_stop_customer(self):
        """Stop the customers for good and untick their lines here; see there what it returns."""
        stopped = self.partner_id.action_dunning_stop()
        mine = Domain("partner_id", "in", self.partner_id.ids)
        self._untick_stopped(self.search(Domain("run_id", "in", self.run_id.ids) & mine))
        return stopped

    def _untick_stopped(self, lines):
        """Untick lines that were stopped, so that they are ticked again when that is undone."""
        for run, group in lines.grouped("run_id").items():
            if run.state == "prepared":
                screen_again(run, group.partner_id)
        # A company can have switched the rule off.
        lines.filtered(lambda line: line.checked and not line.notice_id).checked = False

    def tick_against(self, note):
        """Tick lines against which reasons stand, and note why.

        :param note: why, in words
        :raise UserError: when a line may not be ticked, or nothing is said
        """
        self._check_word(note)
        self.write({"checked": True})
        self._note_override(note)
        return True

    @api.model
    def _check_word(self, note):
        if not (isinstance(note, str) and note.strip()):
            raise UserError(self.env._("Say in a few words why: colleagues will ask."))

    def _note_override(self, note):
        """Note why the user ticked those of the lines against which reasons stand."""
        # sudo: users write the tick box only
        against = self.sudo().filtered(lambda line: line.checked and line.override_user_id)
        against.write({"override_note": note, "approval_user_id": False})

    def _get_override_rules(self):
        """Return the reasons against which the line was ticked."""
        # sudo: the name of a reason is no secret
        rules = self.env["dunning.exclusion.rule"].sudo()
        return rules.browse(self.override_reason_ids or []).exists().sorted("sequence")

    # Above the maximum ----------------------------------------------------------------------

    def ask_for_approval(self, note):
        """Ask the approvers to release the customers of the lines, who are above the maximum.

        :param note: why it should be sent, in words
        :raise UserError: when nothing here needs approval, or nothing is said
        """
        self.check_access("write")
        self._check_word(note)
        lines = self._filter_needing_approval()
        approvers = self._get_approvers(lines.company_id)
        if not approvers:
            raise UserError(
                self.env._("Nobody is a follow-up approver: give somebody that right first.")
            )
        for run, group in lines.grouped("run_id").items():
            for approver in approvers:
                group._plan_approval(in_language_of(run, approver), approver, note)
        # sudo: users write the tick box only
        lines.sudo().write({"approval_user_id": self.env.uid, "override_note": note})
        return True

    def _filter_needing_approval(self):
        """Return the unticked lines of their customers that only an approver may tick.

        :raise UserError: when there is none
        """
        rule = customer_maximum.get_rule(self.env)
        lines = self.search(
            Domain("run_id", "in", self.run_id.ids)
            & Domain("partner_id", "in", self.partner_id.ids)
            & Domain("rule_ids", "in", rule.ids)
            & Domain("outcome", "=", "unchecked")
            & Domain("checked", "=", False)
        )
        lines._check_open()
        if not lines:
            raise UserError(self.env._("Nothing here is above the maximum."))
        return lines

    @api.model
    def _get_approvers(self, company):
        # sudo: users need not read the rights of others
        group = self.env.ref("dunning_exclusion.group_dunning_approver").sudo()
        users = group.all_user_ids.filtered(lambda user: user.active and not user.share)
        return users.filtered(lambda user: company <= user.company_ids).sudo(False)

    def _plan_approval(self, run, approver, note):
        """Plan a to-do for `approver` on `run`, which is in the approver's language."""
        # sudo: who asks need not have the right to plan to-dos for others
        run, kind = run.sudo(), "dunning_exclusion.mail_activity_type_approval"
        planned_before = run.activity_search([kind], user_id=approver.id).mapped("summary")
        for customer, lines in self.grouped("partner_id").items():
            summary = run.env._(
                "Release %(customer)s: %(amount)s",
                customer=customer.display_name,
                amount=run.currency_id.format(sum(lines.mapped("amount_residual"))),
            )
            if summary not in planned_before:
                run.activity_schedule(kind, user_id=approver.id, summary=summary, note=note)

    def release(self, note):
        """Tick what is above the maximum of these customers, as approver, and note why.

        :param note: why it is released, in words
        :raise UserError: when nothing here needs approval, or nothing is said
        :raise AccessError: when the user is no approver
        """
        self.check_access("write")
        self._check_word(note)
        if not customer_maximum.may_release(self.env):
            raise AccessError(self.env._("Only a follow-up approver may release it."))
        lines = self._filter_needing_approval()
        lines.tick_against(note)
        for run in lines.run_id:
            waiting = self.search_count(
                [("run_id", "=", run.id), ("approval_user_id", "!=", False)], limit=1
            )
            if not waiting:
                # sudo: the to-dos of the other approvers are done, too
                run.sudo().activity_feedback(
                    ["dunning_exclusion.mail_activity_type_approval"], feedback=note
                )
        return True

    # The side of the task list --------------------------------------------------------------

    @api.model
    def read_side(self, line_id):
        """Return what stands beside a line: its customer, the message as it will leave, history.

        :return: dict with `partner_id`, `name`, `phone`, `email`, `comment`, `recipients`
            (names and addresses), `subject` and `body` (HTML, False when nothing can be shown,
            then `fault` says why), `history` and `promises`
        """
        line = read_record(self, line_id)
        customer = line.partner_id
        if not customer:
            raise UserError(self.env._("The customer of this item was deleted."))
        customer.check_access("read")
        if line.notice_id:
            recipients = line.notice_id.recipient_ids
            message = {"subject": line.notice_id.name, "body": line.notice_id.body, "fault": False}
        else:
            recipients = customer._dunning_recipients_by_customer()[customer]
            recipients |= line.level_id.additional_partner_ids
            message = line._read_preview()
        panel = customer.with_company(line.company_id)._panel_history()
        return {
            "partner_id": customer.id,
            "name": customer.display_name,
            "phone": customer.phone or "",
            "comment": html2plaintext(customer.comment or ""),
            "recipients": [
                {"name": contact.display_name, "email": contact.email or ""}
                for contact in recipients
            ],
            "history": panel["notices"],
            "promises": panel["promises"],
            **message,
        }

    def _read_preview(self):
        """Return subject and body of the message the line goes into, or why there is none."""
        if self.run_id.state == "sending":
            # To render it locks the lines that the sender works on.
            fault = self.env._("The list is being sent.")
            return {"subject": "", "body": False, "fault": fault}
        try:
            self._check_message_open()
            with self.env.cr.savepoint():
                subject, body = self._make_preview()
            return {"subject": subject, "body": body, "fault": False}
        except UserError as error:
            return {"subject": "", "body": False, "fault": str(error)}
