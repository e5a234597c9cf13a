from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.tools import SQL
from odoo.tools.sql import column_exists

from .mail_mail import THREADS

RELEASERS = ("dunning_exclusion.group_dunning_manager", "base.group_system")


class MailTemplate(models.Model):
    """Templates of reminders: only those that a follow-up administrator has released are used.

    In Odoo every employee may write templates, and reminders are rendered with the rights of the
    system. So a released template is changed by administrators only (see the record rule), and one
    that is not released is not rendered. A template that several companies use is changed only by
    those who may act in all of them.
    """

    _inherit = "mail.template"

    dunning_released = fields.Boolean(
        string="Released for Reminders",
        copy=False,
        help="Reminders may use this template. Only follow-up administrators release, change or "
        "delete it. What they write themselves is released at once.",
    )

    def _auto_init(self):
        """Release the templates of reminders that were there before they had to be released."""
        known = column_exists(self.env.cr, self._table, "dunning_released")
        result = super()._auto_init()
        if not known:
            release = SQL("UPDATE mail_template SET dunning_released = TRUE")
            self.env.cr.execute(SQL("%s WHERE model = %s", release, "dunning.notice"))
        return result

    @api.model_create_multi
    def create(self, vals_list):
        templates = super().create(vals_list)
        if any(templates.mapped("dunning_released")):
            self._check_dunning_may_release()
        if self._dunning_may_release():
            for template, vals in zip(templates, vals_list, strict=True):
                if template.model == "dunning.notice" and "dunning_released" not in vals:
                    template.dunning_released = True
        return templates

    def write(self, vals):
        if vals.get("dunning_released"):
            self._check_dunning_may_release()
        templates = self
        if vals.keys() == {"dunning_released"} and self._dunning_may_release():
            if used_by := self._dunning_used_elsewhere():
                raise used_by._dunning_reach_error()
            # sudo: who releases a template need not be one of its editors
            templates = self.sudo()
        result = super(MailTemplate, templates).write(vals)
        if not vals.keys().isdisjoint({"model", "model_id"}):
            # When it is for reminders again, somebody has to look at it again.
            gone = self.filtered(lambda t: t.dunning_released and t.model != "dunning.notice")
            gone.dunning_released = False
        return result

    def _check_access(self, operation):
        """Override of `base` to keep what other companies send, with translations and files."""
        result = super()._check_access(operation)
        if result or operation not in ("write", "unlink") or not any(self._ids):
            return result
        used_by = self._dunning_used_elsewhere()
        return used_by and (used_by, used_by._dunning_reach_error) or None

    def _send_check_access(self, res_ids):
        """Override of `mail`: to read a record is not enough to write to customers on it.

        Nobody writes notices by hand: their run sends them, and looks at the maximum before.
        """
        result = super()._send_check_access(res_ids)
        if self.model in THREADS:
            records = self.env[self.model].browse(res_ids)
            by_run = self.model == "dunning.notice"
            records.check_access("write" if by_run else records._mail_post_access)
        return result

    def _dunning_used_elsewhere(self):
        """Return those of the templates that companies use in which the user may not act."""
        # sudo: what a template is made for is asked of those, too, that the user may not read
        reminders = self.filtered(lambda template: template.sudo().model == "dunning.notice")
        if not reminders or self.env["dunning.protected.mixin"]._acts_everywhere():
            return self.browse()
        mine = self.env.user.company_ids
        # sudo: what other companies send is asked, and not shown
        user_models = self.sudo().with_context(active_test=False).env
        used = [("template_id", "in", reminders.ids)]
        shared = user_models["dunning.reminder.type"].search(used, limit=1)
        levels = user_models["dunning.level"].search(used)
        runs = user_models["dunning.run"].search([*used, ("company_id", "not in", mine.ids)])
        foreign = levels.filtered(lambda level: not level.company_id or level.company_id - mine)
        return reminders & (shared.template_id | foreign.template_id | runs.template_id)

    def _dunning_reach_error(self):
        return AccessError(
            self.env._(
                "The template '%(template)s' is used in other companies, too: only people who may "
                "act in all of them can change or delete it. Make a copy for your company instead.",
                template=self[:1].name,
            )
        )

    @api.constrains("dunning_released", "report_template_ids")
    def _check_dunning_released(self):
        for template in self.filtered("dunning_released"):
            if fault := template._dunning_fault():
                raise ValidationError(
                    self.env._(
                        "%(fault)s Correct it, or switch 'Released for Reminders' off.", fault=fault
                    )
                )

    def _dunning_may_release(self):
        return self.env.su or any(self.env.user.has_group(group) for group in RELEASERS)

    def _check_dunning_may_release(self):
        if not self._dunning_may_release():
            raise AccessError(
                self.env._(
                    "Only follow-up administrators release templates for reminders: leave "
                    "'Released for Reminders' off, and ask one of them."
                )
            )

    def _check_dunning_templates(self, records):
        """Check that reminders can use the templates that `records` name in `template_id`.

        :raise ValidationError: else
        """
        for record in records:
            if fault := record.template_id and record.template_id._dunning_fault():
                raise ValidationError(
                    self.env._(
                        "'%(record)s': %(fault)s Choose another one in the field 'Template', or "
                        "leave it empty.",
                        record=record.display_name,
                        fault=fault,
                    )
                )

    def _dunning_asks_for_transfer(self):
        """Return whether the message says to which bank account to pay."""
        # sudo: who prepares a run need not have rights on templates
        return "payment_information" in (self.sudo().body_html or "")

    def _dunning_fault(self):
        """Return why reminders cannot use the template, or False."""
        self.ensure_one()
        # sudo: who sends reminders need not have rights on templates and reports
        template = self.sudo()
        if template.model != "dunning.notice":
            return self.env._(
                "The template '%(template)s' is not made for reminders.",
                template=template.name,
            )
        for report in template.report_template_ids:
            if report.model != "dunning.notice":
                # For the number of a notice it would print another document with that number.
                return self.env._(
                    "The template '%(template)s' attaches the report '%(report)s', which is not "
                    "made for reminders.",
                    template=template.name,
                    report=report.name,
                )
        if not template.dunning_released:
            return self.env._(
                "The template '%(template)s' is not released for reminders. A follow-up "
                "administrator switches 'Released for Reminders' on.",
                template=template.name,
            )
        return False
