from collections import deque
from unittest.mock import patch

from lxml import etree, html

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from .common import DunningCommon

SAID = ("Dear ", "please pay", "call us")
OTHER_REPORT = "account.action_report_payment_receipt"


@tagged("post_install", "-at_install")
class TestReleasedTemplates(DunningCommon):
    """Reminders are rendered with the rights of the system: only from what was released."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_invoice()
        editor = "mail.group_mail_template_editor"
        cls.employee = cls._create_user("employee", "base.group_user", editor)
        cls.worker = cls._create_user("worker", "dunning_exclusion.group_dunning_user", editor)
        cls.manager = cls._create_user("head", "dunning_exclusion.group_dunning_manager")
        cls.receipt = cls.env.ref(OTHER_REPORT)
        cls.letter = cls.env.ref("dunning_exclusion.action_report_notice")
        cls.released = cls._create_template(cls.manager, name="Ours")

    @classmethod
    def _create_template(cls, user, **values):
        Template = cls.env["mail.template"].with_user(user)
        model_id = cls.env["ir.model"]._get_id("dunning.notice")
        return Template.create({"subject": "Due", "model_id": model_id, "name": "T", **values})

    def _places(self):
        """Return {model: function that chooses a template there}."""
        run = self._create_run(prepare=False, mode="criteria", type_id=self.type_overdue.id)
        return {
            record._name: lambda template, record=record: record.write({"template_id": template.id})
            for record in (run, self.scenario.level_ids[0], self.type_overdue)
        }

    def _run_with(self, template):
        return self._create_run(
            mode="criteria", type_id=self.type_overdue.id, template_id=template.id
        )

    def _assert_fails(self, run, reason):
        """Assert that nothing is shown nor sent, for `reason`."""
        with self.assertRaisesRegex(UserError, reason):
            run.line_ids.action_preview()
        run.action_send()
        self.assertEqual(run.notice_ids.state, "failed")
        self.assertIn(reason, run.notice_ids.failure_reason)
        self.assertFalse(run.notice_ids.mail_id)

    def test_what_administrators_write_and_what_is_shipped_is_released(self):
        Template = self.env["mail.template"]
        ours = Template.search([("model", "=", "dunning.notice")])
        self.assertGreater(len(ours), 7)
        self.assertTrue(all(ours.mapped("dunning_released")))
        self.assertTrue(self.released.copy().dunning_released)
        other = Template.create(
            {"name": "O", "model_id": self.env["ir.model"]._get_id("res.users")}
        )
        self.assertFalse(other.dunning_released)
        for model, choose in self._places().items():
            with self.subTest(model=model):
                choose(self.released)

    def test_reports_of_templates_are_made_for_reminders(self):
        self.released.report_template_ids = self.letter
        for change in (
            lambda: self.released.write({"report_template_ids": [Command.link(self.receipt.id)]}),
            lambda: self._create_template(
                self.manager, report_template_ids=[Command.set(self.receipt.ids)]
            ),
            lambda: self.letter.sudo().write({"model": "account.payment"}),
        ):
            with self.assertRaises(ValidationError) as caught:
                change()
            self.assertIn("not made for reminders", str(caught.exception))
        foreign = self._create_template(
            self.worker, report_template_ids=[Command.set(self.receipt.ids)]
        )
        for model, choose in self._places().items():
            with self.subTest(model=model):
                with self.assertRaises(ValidationError) as caught:
                    choose(foreign)
                for part in (self.receipt.name, "'Template'"):
                    self.assertIn(part, str(caught.exception))

    def test_report_that_came_in_unchecked_is_not_sent(self):
        run = self._run_with(self.released)
        self.env.cr.execute(
            SQL(
                "INSERT INTO mail_template_ir_actions_report_rel VALUES (%s, %s)",
                self.released.id,
                self.receipt.id,
            )
        )
        self.env.invalidate_all()
        self._assert_fails(run, "not made for reminders")

    def test_employees_release_nothing(self):
        own = self._create_template(self.worker)
        Template = own.with_context(default_dunning_released=True)
        for attempt in (
            lambda: own.write({"dunning_released": True}),
            lambda: self._create_template(self.worker, dunning_released=True),
            lambda: Template.create({"name": "Sly", "model_id": own.model_id.id}),
            lambda: own.copy({"dunning_released": True}),
            lambda: self.released.with_user(self.worker).copy({"dunning_released": True}),
        ):
            with self.assertRaises(AccessError):
                attempt()
        self.assertFalse(own.dunning_released)
        self.assertFalse(self.released.with_user(self.worker).copy().dunning_released)
        for model, choose in self._places().items():
            with self.subTest(model=model):
                with self.assertRaises(ValidationError) as caught:
                    choose(own)
                self.assertIn("not released for reminders", str(caught.exception))
        own.with_user(self.manager).dunning_released = True
        self._places()["dunning.level"](own)

    def test_employees_change_nothing_that_is_released(self):
        attachment = self.env["ir.attachment"].sudo().create({"name": "terms.txt", "raw": b"ours"})
        self.released.sudo().attachment_ids = attachment
        for user in (self.employee, self.worker):
            mine = self.released.with_user(user)
            for attempt in (
                lambda mine=mine: mine.write({"body_html": "<t t-out='object.env.uid'/>"}),
                lambda mine=mine: mine.write({"dunning_released": False}),
                lambda mine=mine: mine.update_field_translations("subject", {"en_US": "Ha"}),
                lambda mine=mine: mine.unlink(),
                lambda user=user: attachment.with_user(user).write({"raw": b"theirs"}),
                lambda user=user: attachment.with_user(user).unlink(),
            ):
                with self.subTest(user=user.login), self.assertRaises(AccessError):
                    attempt()
        self.released.with_user(self.manager).body_html = "<p>Ours</p>"
        self.assertTrue(self.released.dunning_released)
        own = self._create_template(self.worker)
        own.subject = "My own"
        own.unlink()

    def test_what_is_no_longer_released_is_not_sent(self):
        run = self._run_with(self.released)
        self.released.dunning_released = False
        self._assert_fails(run, "not released for reminders")
        self.released.dunning_released = True
        self.released.model_id = self.env["ir.model"]._get_id("res.users")
        self.assertFalse(self.released.dunning_released)
        self.released.model_id = self.env["ir.model"]._get_id("dunning.notice")
        self.assertFalse(self.released.dunning_released, "somebody has to look at it again")

    def test_templates_of_before_are_released(self):
        self.env.flush_all()
        self.env.cr.execute(SQL("ALTER TABLE mail_template DROP COLUMN dunning_released"))
        with patch.object(self.registry, "_post_init_queue", deque(), create=True):
            self.env["mail.template"]._auto_init()
        self.env.invalidate_all()
        self.assertTrue(self.env.ref("dunning_exclusion.mail_template_firm").dunning_released)
        self.assertFalse(self.env.ref("auth_signup.set_password_email").dunning_released)

    def test_administrators_find_it_on_the_template(self):
        Template = self.env["mail.template"]
        for user, shown in ((self.manager, 1), (self.worker, 0)):
            with self.subTest(user=user.login):
                arch = Template.with_user(user).get_view(view_type="form")["arch"]
                found = etree.fromstring(arch).xpath("//field[@name='dunning_released']")
                self.assertEqual(len(found), shown)

    def test_message_is_the_template_with_what_it_names(self):
        self.released.sudo().body_html = """
            <p>Dear <b t-out="object.partner_id.name">Name</b>,</p>
            <p t-if="object.partner_id.email">please pay</p><p t-else="">call us</p>
        """
        run = self._run_with(self.released)
        run.action_send()
        for body in (run.notice_ids.mail_id.sudo().body_html, run.notice_ids.body):
            told = [node for node in html.fromstring(body).iter("p") if node.text in SAID]
            self.assertEqual(
                [html.tostring(node, encoding="unicode").strip() for node in told],
                ["<p>Dear <b>Alpha</b>,</p>", "<p>please pay</p>"],
            )
