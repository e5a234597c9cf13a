from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools.safe_eval import safe_eval

from .common import OutcomeCommon

ATTACK = '<p>Hello</p><img src="x" onerror="steal()"><script>steal()</script>'


def is_ours(model):
    return (model._original_module or "").startswith("dunning_exclusion")


@tagged("post_install", "-at_install")
class TestTransients(OutcomeCommon):
    """Dialogs are for who opened them, and what they show is no script."""

    def test_every_transient_model_has_an_owner(self):
        user = self._create_user("somebody", "base.group_user")
        ours = [model for model in self.env.values() if model.is_transient() and is_ours(model)]
        self.assertGreater(len(ours), 5)
        for model in ours:
            rules = self.env["ir.rule"].search(
                [("model_id.model", "=", model._name), ("groups", "=", False)]
            )
            complete = rules.filtered(
                lambda r: r.perm_read and r.perm_write and r.perm_create and r.perm_unlink
            )
            domains = [
                safe_eval(rule.domain_force, rule.with_user(user)._eval_context())
                for rule in complete
            ]
            with self.subTest(model=model._name):
                self.assertIn([("create_uid", "=", user.id)], domains)

    def test_dialogs_compute_nothing_with_the_rights_of_the_system(self):
        for model in self.env.values():
            for field in model._fields.values() if model.is_transient() and is_ours(model) else ():
                with self.subTest(field=field):
                    # Clients put any record into a dialog before it is saved (onchange).
                    by_system = field.related_sudo if field.related else field.compute_sudo
                    self.assertFalse((field.compute or field.related) and by_system)

    def _dialogs(self, user):
        """Return one dialog of each kind that a follow-up administrator opens."""
        env = self.env(user=user)
        line = self._create_run(date=self.today).line_ids[:1].with_env(env)
        preview = env["dunning.preview"].browse(line.action_preview()["res_id"])
        block = env["dunning.block.wizard"].create(
            {"res_model": "res.partner", "res_ids": self.customer.ids}
        )
        scenario = env["dunning.scenario.preview"].create({"scenario_id": self.scenario.id})
        settings = env["dunning.settings"].create({})
        switch = env["dunning.type.switch"].create(
            {"partner_ids": self.customer.ids, "type_ids": self.type_overdue.ids}
        )
        takeover = env["dunning.takeover"].create({})
        setup = env["dunning.customer.setup"].create({"partner_ids": self.customer.ids})
        handover = env["dunning.handover"].create(
            {"receiver": "Collectors", "move_ids": line.move_id.ids}
        )
        run = line.run_id.with_env(self.env)
        run.action_send()
        address = env["dunning.address"].create({"notice_id": run.notice_ids[:1].id})
        return [address, handover, preview, block, scenario, settings, switch, takeover, setup]

    def test_dialogs_of_colleagues_are_neither_read_nor_changed(self):
        self._create_invoice()
        manager = "dunning_exclusion.group_dunning_manager"
        owner = self._create_user("owner", manager)
        colleague = self._create_user("colleague", manager)
        stranger = self._create_user("stranger", manager, companies=self.other_company)
        for dialog in self._dialogs(owner):
            self.assertTrue(dialog.read())
            for user in (colleague, stranger):
                theirs = dialog.with_user(user)
                with self.subTest(model=dialog._name, user=user.login):
                    self.assertNotIn(theirs, theirs.search([]))
                    for operation in ("read", "write", "unlink"):
                        self.assertFalse(theirs.has_access(operation))
                    with self.assertRaises(AccessError):
                        theirs.read()
                    if hasattr(theirs, "action_apply"):
                        with self.assertRaises(AccessError):
                            theirs.action_apply()

    def test_block_dialog_of_a_colleague_is_not_rewritten(self):
        owner = self._create_user("owner", "dunning_exclusion.group_dunning_user")
        attacker = self._create_user("attacker", "dunning_exclusion.group_dunning_user")
        dialog = (
            self.env["dunning.block.wizard"]
            .with_user(owner)
            .create({"res_model": "res.partner", "res_ids": self.customer.ids})
        )
        with self.assertRaises(AccessError):
            dialog.with_user(attacker).res_ids = self.other_customer.ids
        dialog.action_apply()
        self.assertFalse(self.other_customer.dunning_stop)

    def test_dialogs_do_not_name_what_may_not_be_read(self):
        manager = self._create_user("owner", "dunning_exclusion.group_dunning_manager")
        foreign = self._create_customer("SECRET", company_id=self.other_company.id)
        invoice = self._invoice_of_other_company(foreign)
        scenario = self.scenario.copy({"name": "SECRET", "company_id": self.other_company.id})
        env = self.env(user=manager)
        listed = {"source": "no_followup", "takeover_id": env["dunning.takeover"].create({}).id}
        listed["partner_id"] = self.customer.id
        mine = {
            "dunning.takeover.line": listed,
            "dunning.scenario.preview": {"scenario_id": self.scenario.id},
        }
        for model_name, forged in (
            ("dunning.takeover.line", {"partner_id": foreign.id}),
            ("dunning.takeover.line", {"move_id": invoice.id}),
            ("dunning.scenario.preview", {"scenario_id": scenario.id}),
            ("dunning.scenario.preview", {"company_id": self.other_company.id}),
        ):
            model = env[model_name]
            dialog = model.create(mine[model_name])
            for way in (
                lambda m=model, v=forged: m.create({**mine[m._name], **v}),
                lambda d=dialog, v=forged: d.write(v),
            ):
                with self.subTest(model=model_name, forged=forged):
                    with self.assertRaises(AccessError) as caught, self.env.cr.savepoint():
                        way()
                    self.assertNotIn("SECRET", str(caught.exception))

    def test_impossible_day_in_the_block_dialog(self):
        dialog = self.env["dunning.block.wizard"]
        for day in ("9999-12-31", "0001-01-01"):
            values = {"res_model": "res.partner", "res_ids": self.customer.ids, "date_from": day}
            shown = {name: {} for name in (*values, "already_blocked")}
            with self.subTest(day=day), self.assertRaisesRegex(UserError, "is not possible"):
                dialog.onchange(values, ["date_from"], shown)

    def test_previews_are_made_by_the_system_only(self):
        self._create_invoice()
        for group in ("account.group_account_readonly", "dunning_exclusion.group_dunning_manager"):
            user = self._create_user(group, group)
            Preview = self.env["dunning.preview"].with_user(user)
            line = self._create_run().line_ids.with_user(user)
            preview = Preview.browse(line.action_preview()["res_id"])
            self.assertEqual(preview.create_uid, user)
            with self.subTest(group=group):
                with self.assertRaises(AccessError):
                    Preview.create({"body": ATTACK})
                with self.assertRaises(AccessError):
                    preview.write({"body": ATTACK})

    def test_scripts_are_taken_out_of_what_is_shown(self):
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        notice = run.notice_ids.sudo()
        preview = self.env["dunning.preview"].sudo().create({"body": ATTACK})
        notice.write({"kept_subject": "Subject", "kept_body": ATTACK})
        notice.mail_id.body_html = ATTACK
        notice.invalidate_recordset(["body"])
        for shown in (preview.body, notice.kept_body, notice.body):
            self.assertIn("Hello", shown)
            self.assertNotIn("steal", shown)

    def test_html_that_is_not_sanitized_is_written_by_nobody(self):
        for model in self.env.values():
            for field in model._fields.values():
                ours = (field._module or "").startswith("dunning_exclusion")
                if ours and field.type == "html" and not field.sanitize:
                    with self.subTest(field=str(field)):
                        self.assertTrue(field.compute and field.readonly and not field.store)
