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
        released = dunning_ceiling.may_release(self.env)
        rows = self.env.execute_query(
            SQL(
                """WITH chosen AS MATERIALIZED (
                       SELECT id, run_id, partner_id, reason_ids
                         FROM dunning_run_line WHERE id IN %(ids)s),
                   above AS MATERIALIZED (%(above)s),
                   reasoned AS (
                       SELECT chosen.id, above.run_id IS NULL OR %(released)s AS allowed,
                              CASE WHEN above.run_id IS NULL OR reason_ids @> %(reason)s
                                   THEN reason_ids
                                   ELSE COALESCE(reason_ids, '[]') || %(reason)s END AS reasons
                         FROM chosen LEFT JOIN above USING (run_id, partner_id)),
                   changed AS (
                       UPDATE dunning_run_line line
                          SET checked = %(checked)s,
                              override_user_id = CASE WHEN against THEN %(user)s END,
                              override_date = CASE WHEN against THEN %(now)s END,
                              override_reason_ids = CASE WHEN against THEN reasons END
                         FROM (SELECT *, %(checked)s AND reasons @? '$[*]' AS against
                                 FROM reasoned) ticked
                        WHERE ticked.id = line.id AND ticked.allowed
                          AND (%(released)s OR NOT %(strict)s OR NOT EXISTS (SELECT FROM above))
                       RETURNING line.id)
                   SELECT done.number, above.partner_id, above.company_id, above.amount,
                          above.maximum
                     FROM (SELECT COUNT(*) AS number FROM changed) done
                     LEFT JOIN above ON TRUE ORDER BY above.amount DESC LIMIT 1""",
                ids=ids,
                above=self._above_query() if checked else dunning_ceiling.above_query([], SQL()),
                reason=SQL("jsonb_build_array(%s::int)", dunning_ceiling.maximum_rule(self.env).id),
                released=released,
                strict=strict,
                checked=checked,
                user=self.env.uid,
                now=fields.Datetime.now(),
            )
        )
        self.invalidate_model(flush=False)
        number, partner_id, *values = rows[0]
        if partner_id and not number:
            dunning_ceiling.refuse(self.env, partner_id, *values)

    @api.model
    def _above_query(self):
        """Return the customers who would be sent too much with the lines `chosen` ticked."""
        return dunning_ceiling.above_query(
            dunning_ceiling.read_limits(self.env),
            SQL("SELECT DISTINCT run_id, partner_id FROM chosen"),
            ticked=SQL("line.id IN (SELECT id FROM chosen)"),
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
            "line.run_id = %s AND line.reason_ids @> jsonb_build_array(%s::int)",
            self.run_id.id,
            rule.id,
        )
        asked = SQL("SELECT %s AS run_id, %s AS partner_id", self.run_id.id, self.partner_id.id)
        limits = dunning_ceiling.read_limits(self.env, self.company_id)
        self.env.flush_all()
        for row in self.env.execute_query(dunning_ceiling.above_query(limits, asked, alike)):
            dunning_ceiling.refuse(self.env, *row[1:])
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
