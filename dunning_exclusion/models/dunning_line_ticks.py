from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from . import dunning_ceiling
from .snapshot import Snapshot

# Users decide whether a line is sent; everything else was found out by the screening.
USER_FIELDS = {"checked"}
# The states of a run in which its lines can be ticked.
OPEN_STATES = ("draft", "prepared")


class DunningLineTicks(models.AbstractModel):
    """The tick boxes of run lines: who may set them, and who set which against which reasons."""

    _name = "dunning.line.ticks"
    _description = "Ticks of Dunning Run Lines"

    checked = fields.Boolean(string="Send", help="Ticked lines are sent.")
    override_user_id = Snapshot(
        "res.users",
        string="Ticked by",
        readonly=True,
        index="btree_not_null",
        help="Who ticked the item although a reason stands against it.",
    )
    override_date = fields.Datetime(
        string="Ticked on",
        readonly=True,
        help="When somebody ticked the item although a reason stands against it.",
    )
    override_reason_ids = fields.Json(
        readonly=True, help="The reasons that stood against the item when somebody ticked it."
    )

    def write(self, vals):
        if self.env.su and "checked" not in vals:
            return super().write(vals)
        if foreign := set(vals) - USER_FIELDS:
            raise UserError(
                self.env._(
                    "Only the tick box of a run line can be changed, not: %(fields)s",
                    fields=", ".join(sorted(foreign)),
                )
            )
        self.check_access("write")
        if not self or not vals:
            return True
        self._check_open()
        checked = bool(vals["checked"])
        if checked:
            self._check_tickable()
        self._write_ticks(SQL("%s", tuple(self.ids)), checked, strict=True)
        return True

    @api.model
    def _write_ticks(self, ids, checked, strict=False):
        """Set the boxes of the lines; who ticks what the screening left out is recorded.

        One statement, whether it is one line or a hundred thousand. The caller has checked that
        the user may do it. But nobody has more sent to a customer than the maximum, except an
        approver: then that is recorded, too.

        :param ids: SQL that stands after IN
        :param strict: tick nothing when a customer is above the maximum; else those below it
        :raise UserError: when a customer is above the maximum and so nothing is ticked
        """
        self.env.flush_all()
        above = dunning_ceiling.find_above_of_lines(self.env, ids) if checked else {}
        released = dunning_ceiling.may_release(self.env)
        if above and strict and not released:
            dunning_ceiling.refuse(*next(iter(above.items())))
        self.env.cr.execute(self._ticks_query(ids, checked, above, released))
        number = self.env.cr.rowcount
        self.invalidate_model(flush=False)
        if above and not number:
            dunning_ceiling.refuse(*next(iter(above.items())))

    @api.model
    def _ticks_query(self, ids, checked, above, released) -> SQL:
        """Return the statement of `_write_ticks`.

        :param above: customers by run who are above the maximum: left out, unless `released`
        """
        too_much = SQL(" OR ").join(
            SQL("run_id = %s AND partner_id = ANY(%s)", run.id, list(customers))
            for run, customers in above.items()
        )
        reason = SQL("jsonb_build_array(%s::int)", dunning_ceiling.maximum_rule(self.env).id)
        return SQL(
            """WITH chosen AS (
                   SELECT id, CASE WHEN (%(too_much)s) AND (reason_ids @> %(reason)s) IS NOT TRUE
                                   THEN COALESCE(reason_ids, '[]') || %(reason)s
                                   ELSE reason_ids END AS reasons
                     FROM dunning_run_line
                    WHERE id IN %(ids)s AND (%(released)s OR (%(too_much)s) IS NOT TRUE)),
               decided AS (
                   SELECT *, %(checked)s AND reasons @? '$[*]' AS override FROM chosen)
               UPDATE dunning_run_line line
                  SET checked = %(checked)s,
                      override_user_id = CASE WHEN override THEN %(user)s END,
                      override_date = CASE WHEN override THEN %(now)s END,
                      override_reason_ids = CASE WHEN override THEN reasons END
                 FROM decided WHERE decided.id = line.id""",
            too_much=too_much if above else SQL("FALSE"),
            reason=reason,
            ids=ids,
            released=released,
            checked=checked,
            user=self.env.uid,
            now=fields.Datetime.now(),
        )

    def _check_open(self):
        if any(line.notice_id or line.run_id.state not in OPEN_STATES for line in self):
            raise UserError(
                self.env._("Lines of a run that is being sent or done cannot be changed.")
            )

    def _check_tickable(self):
        if dropped := self.filtered(lambda line: line.outcome == "dropped")[:1]:
            raise UserError(
                self.env._(
                    "%(item)s cannot be ticked, it is left out: %(reason)s",
                    item=dropped.move_line_id.display_name,
                    reason=dropped.rule_id.name,
                )
            )
        self._check_message_open()
        if not dunning_ceiling.may_release(self.env):
            if above := self.filtered(lambda line: any(line.rule_ids.mapped("needs_approval")))[:1]:
                above._refuse_above()

    def _refuse_above(self):
        """Tell that the customer of a line would be reminded of too much in its run.

        :raise UserError: always
        """
        rule = dunning_ceiling.maximum_rule(self.env)
        alike = SQL(
            "line.partner_id = %s AND line.reason_ids @> jsonb_build_array(%s::int)",
            self.partner_id.id,
            rule.id,
        )
        run = self.run_id
        dunning_ceiling.refuse(run, dunning_ceiling.find_above(run, self.partner_id.ids, alike))
        raise UserError(
            self.env._(
                "%(customer)s is above the ceiling: only a follow-up approver may tick it.",
                customer=self.partner_id.display_name,
            )
        )

    def _check_message_open(self):
        """Check that the messages of the lines have not left without them."""
        if late := self.search(Domain("id", "in", self.ids) & self._message_left_domain())[:1]:
            raise UserError(
                self.env._(
                    "%(customer)s was reminded in this run already: remind of %(item)s in the next "
                    "one.",
                    customer=late.partner_id.display_name,
                    item=late.move_line_id.display_name,
                )
            )

    @api.model
    def _message_left_domain(self):
        """Return the domain of the lines whose message was sent, or is on its way."""
        self.env["dunning.notice"].flush_model()

        def message_left(_model, alias, _query):
            return SQL(
                """EXISTS (SELECT 1 FROM dunning_notice notice
                            WHERE notice.run_id = %(line)s.run_id
                              AND notice.partner_id = %(line)s.partner_id
                              AND notice.message_key = %(line)s.message_key
                              AND notice.state IN ('queued', 'sent')
                              AND notice.merged IS NOT TRUE)""",
                line=SQL.identifier(alias),
            )

        return Domain.custom(to_sql=message_left)
