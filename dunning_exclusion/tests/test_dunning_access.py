from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .common import DunningCommon

CONFIGURATION = (
    "dunning.block.reason",
    "dunning.condition",
    "dunning.exclusion.rule",
    "dunning.level",
    "dunning.profile",
    "dunning.reminder.type",
    "dunning.scenario",
)
ROLES = {
    "user": "dunning_exclusion.group_dunning_user",
    "approver": "dunning_exclusion.group_dunning_approver",
    "manager": "dunning_exclusion.group_dunning_manager",
    "invoicing": "account.group_account_invoice",
    "accounting_manager": "account.group_account_manager",
    "auditor": "account.group_account_readonly",
    "employee": "base.group_user",
    "portal": "base.group_portal",
    "public": "base.group_public",
}
OPERATIONS = ("read", "write", "create", "unlink")


@tagged("post_install", "-at_install")
class TestDunningAccess(DunningCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = {
            role: new_test_user(
                cls.env,
                login=f"dunning_{role}",
                groups=group,
                company_id=cls.company.id,
                company_ids=[(6, 0, cls.company.ids)],
            )
            for role, group in ROLES.items()
        }
        cls.invoice = cls._create_invoice()
        cls.prepared_run = cls._create_run()

    def _as(self, role, record):
        return record.with_user(self.users[role]).with_company(self.company)

    def assertRights(self, model, expected):
        """Assert the rights of every role: a word of the letters r, w, c, u for each."""
        for role in ROLES:
            rights = "".join(
                operation[0] if operation != "unlink" else "u"
                for operation in OPERATIONS
                if self._as(role, self.env[model]).has_access(operation)
            )
            with self.subTest(model=model, role=role):
                self.assertEqual(rights, expected.get(role, ""))

    def test_configuration_is_for_administrators(self):
        rights = dict.fromkeys(("user", "approver", "invoicing", "auditor"), "r")
        rights |= dict.fromkeys(("manager", "accounting_manager"), "rwcu")
        for model in CONFIGURATION:
            self.assertRights(model, rights)

    def test_blocks_and_promises_are_written_by_followup_users_and_never_deleted(self):
        workers = ("user", "approver", "manager", "invoicing", "accounting_manager")
        for model in ("dunning.block", "dunning.promise"):
            self.assertRights(model, {**dict.fromkeys(workers, "rwc"), "auditor": "r"})

    def test_runs_are_made_by_followup_users(self):
        workers = ("user", "approver", "manager", "invoicing", "accounting_manager")
        self.assertRights("dunning.run", {**dict.fromkeys(workers, "rwcu"), "auditor": "r"})
        self.assertRights("dunning.run.line", {**dict.fromkeys(workers, "rw"), "auditor": "r"})
        for model in ("dunning.notice", "dunning.screening"):
            self.assertRights(model, dict.fromkeys((*workers, "auditor"), "r"))

    def test_followup_user_prepares_and_sends(self):
        for role in ("user", "invoicing"):
            with self.subTest(role=role):
                self._create_invoice(self._create_customer(f"Customer of {role}"))
                run = self._as(role, self.env["dunning.run"]).create({})
                run.action_prepare()
                self.assertTrue(run.line_ids)
                run.action_send()
                self.assertEqual(run.state, "done")
                self.assertTrue(run.notice_ids.mail_id.sudo())

    def test_others_neither_prepare_nor_send(self):
        for role in ("auditor", "employee", "portal", "public"):
            for method in ("action_prepare", "action_send", "action_cancel", "action_retry_failed"):
                with self.subTest(role=role, method=method), self.assertRaises(AccessError):
                    getattr(self._as(role, self.prepared_run), method)()
        self.assertEqual(self.prepared_run.state, "prepared")

    def test_others_do_not_start_or_stop_the_server_at_sending(self):
        no_run = self.env["dunning.run"]
        for role in ("auditor", "employee", "portal", "public"):
            for method in ("action_send_in_background", "action_stop"):
                for run in (self.prepared_run, no_run):
                    with self.subTest(role=role, method=method), self.assertRaises(AccessError):
                        getattr(self._as(role, run), method)()

    def test_auditor_looks_at_messages_and_letters(self):
        line = self.prepared_run.line_ids
        preview = self._as("auditor", line).action_preview()
        shown = self._as("auditor", self.env["dunning.preview"]).browse(preview["res_id"])
        self.assertIn(self.invoice.name, shown.body)
        self.assertFalse(line.notice_id)
        self.scenario.level_ids.action = "letter"
        self.prepared_run.action_prepare()
        self.prepared_run.action_send()
        notice = self.prepared_run.notice_ids
        with self.assertRaises(AccessError):
            self._as("auditor", notice).action_print()
        notice.action_mark_sent()
        action = self._as("auditor", notice).action_print()
        self.assertEqual(action["type"], "ir.actions.report")

    def test_state_of_a_run_is_not_written_by_users(self):
        for vals in ({"state": "done"}, {"automatic": True}, {"stop_requested": True}):
            with self.subTest(vals=vals), self.assertRaises(UserError):
                self._as("manager", self.prepared_run).write(vals)

    def test_only_the_tick_box_of_a_line_is_written_by_users(self):
        line = self.prepared_run.line_ids
        for vals in ({"outcome": "included"}, {"amount_residual": 1}, {"notice_id": False}):
            with self.subTest(vals=vals), self.assertRaises(UserError):
                self._as("manager", line).write(vals)
        self._as("user", line).checked = False
        self.assertFalse(line.checked)

    def test_ceiling_is_released_by_approvers_only(self):
        self.company.dunning_customer_maximum = 50
        self.prepared_run.action_prepare()
        line = self.prepared_run.line_ids
        self.assertEqual(line.rule_id.code, "customer_maximum")
        with self.assertRaisesRegex(UserError, "approver"):
            self._as("user", line).checked = True
        self._as("approver", line).checked = True
        self.assertEqual(line.override_user_id, self.users["approver"])
        self._as("user", self.prepared_run).action_send()
        self.assertTrue(line.notice_id)

    def _stranger(self, company):
        """Return an administrator of follow-ups in another company."""
        return new_test_user(
            self.env,
            login="dunning_stranger",
            groups="dunning_exclusion.group_dunning_manager",
            company_id=company.id,
            company_ids=[(6, 0, company.ids)],
        )

    def test_other_company_is_invisible(self):
        other = self.setup_other_company()["company"]
        stranger = self._stranger(other)
        self.customer.action_dunning_stop()
        self.prepared_run.action_send()
        for records in (
            self.prepared_run,
            self.prepared_run.line_ids,
            self.prepared_run.notice_ids,
            self.customer.dunning_block_ids,
            self.scenario,
        ):
            with self.subTest(model=records._name):
                seen = records.with_user(stranger).with_company(other)
                self.assertFalse(seen.search([("id", "in", records.ids)]))
        self.assertFalse(
            self.env["dunning.screening"].with_user(stranger).with_company(other).search([])
        )
        with self.assertRaises(AccessError):
            self.invoice.with_user(stranger).dunning_explain()

    def test_portal_and_public_users_see_nothing_of_dunning_on_what_they_may_read(self):
        models = ("account.move", "account.move.line", "res.partner", "res.company")
        for role in ("portal", "public"):
            for model in models:
                shown = self._as(role, self.env[model]).fields_get()
                with self.subTest(role=role, model=model):
                    ours = [name for name in shown if "dunning" in name]
                    self.assertFalse(ours)
        portal = self.users["portal"]
        invoice = self._as("portal", self._create_invoice(portal.partner_id))
        self.assertTrue(invoice.name)
        with self.assertRaises(AccessError):
            invoice.read(["dunning_due_date"])
        with self.assertRaises(AccessError):
            self._as("portal", self.env["account.move"]).search(
                [("company_id.dunning_customer_maximum", ">", 0)]
            )

    def test_letters_are_printed_only_by_who_may_read_notices(self):
        other = self.setup_other_company()["company"]
        stranger = self._stranger(other)
        self.prepared_run.action_send()
        refused = [self.users[role] for role in ("employee", "portal", "public")]
        for user in (*refused, stranger, self.users["user"], self.users["auditor"]):
            self.env.invalidate_all()
            with self.subTest(user=user.login):
                if user in (self.users["user"], self.users["auditor"]):
                    self.assertIn(b"Alpha", self._print_as(user))
                else:
                    with self.assertRaises(AccessError):
                        self._print_as(user)

    def _print_as(self, user):
        """Return the letters of the run as the report's address gives them to `user`."""
        return (
            self.env["ir.actions.report"]
            .with_user(user)
            ._render_qweb_html(
                "dunning_exclusion.action_report_notice", self.prepared_run.notice_ids.ids
            )[0]
        )
