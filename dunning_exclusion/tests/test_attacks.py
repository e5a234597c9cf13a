from datetime import date

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.service.model import call_kw
from odoo.tests import tagged

from ..models.mail_mail import THREADS
from .test_access_table import AccessTableCommon, takes_no_records

EDITOR = "mail.group_mail_template_editor"


@tagged("post_install", "-at_install")
class TestAttacks(AccessTableCommon):
    """What attackers of several roles got through with, by the calls that clients make."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        manager, contacts = "dunning_exclusion.group_dunning_manager", "base.group_partner_manager"
        other_company = cls.users["stranger"].company_id
        cls.users |= {
            "template stranger": cls._create_user(
                "template stranger", manager, EDITOR, companies=other_company
            ),
            "contact auditor": cls._create_user(
                "contact auditor", contacts, "account.group_account_readonly"
            ),
        }
        cls.template = cls.type_overdue.template_id
        cls.portal_customer = cls.users["portal"].partner_id
        cls.portal_customer.dunning_own_scenario_id = cls.scenario
        cls.portal_customer.dunning_own_profile_id = cls.kept["dunning.profile"]
        cls.portal_customer.dunning_type_off_ids = cls.type_overdue
        cls._create_invoice(cls.portal_customer)

    def _call(self, role, records, name, *args, **kwargs):
        ids = [] if takes_no_records(records, name) else [records.ids]
        return call_kw(self._as(role, records), name, [*ids, *args], kwargs)

    def assertRefused(self, role, records, name, *args, **kwargs):
        with self.subTest(role=role, model=records._name, method=name, args=args):
            with self.assertRaises(UserError), self.undone():
                self._call(role, records, name, *args, **kwargs)
                self.env.flush_all()

    def test_nobody_sends_a_reminder_past_its_run(self):
        notice = self.letter
        for role in ("auditor", "user", "approver", "administrator"):
            with self.subTest(role=role):
                self.assertRefused(role, self.template, "send_mail", notice.id)
                self.assertRefused(role, self.template, "send_mail_batch", notice.ids)

        xmlid = self.template.get_external_id()[self.template.id]
        for role in ("auditor", "user", "administrator"):
            self.assertRefused(role, notice, "message_mail_with_source", xmlid)
            self.assertRefused(role, notice, "message_post_with_source", xmlid)
            self.assertRefused(role, notice, "activity_send_mail", self.template.id)

    def _written_by(self, sender):
        """Return an e-mail to nobody in particular."""
        headers = f"From: {sender}\nTo: nobody@example.com\nMessage-Id: <attack@example.com>"
        return f"{headers}\nSubject: Paid\nContent-Type: text/plain\n\nI have paid\n"

    def test_employees_hand_over_no_emails(self):
        sender, gateway = self.users["administrator"].email, self.env["mail.thread"]
        email, kept = self._written_by(sender), self.kept
        forged = {"company_id": self.company.id, "partner_id": self.customer.id}
        for name in THREADS:
            for role in ("employee", "user", "administrator", "accountant", "stranger"):
                self.assertRefused(role, gateway, "message_process", name, email, forged)
                into = {"thread_id": kept[name].id}
                self.assertRefused(role, gateway, "message_process", name, email, **into)
        for name in THREADS:
            with self.subTest(model=name), self.assertRaises(UserError), self.undone():
                gateway.sudo().message_process(name, email, forged)
        before = self.env["dunning.answer"].search_count([])
        into = {"thread_id": self.invoice.id}
        email = self._written_by(self.customer.email)
        self._call("employee", gateway, "message_process", "account.move", email, **into)
        self.assertEqual(self.env["dunning.answer"].search_count([]), before)
        into["message"] = email.replace("attack", "reply")
        gateway.sudo().message_process("account.move", **into)
        self.assertEqual(self.env["dunning.answer"].search_count([]), before + 1)

    def test_what_odoo_noted_on_records_is_neither_changed_nor_deleted(self):
        blocks = self.env["dunning.block"].with_user(self.users["user"])
        block = blocks.create({"partner_id": self.customer.id, "kind": "stop"})
        self.env.cr.precommit.run()
        block.date_to = date(2100, 1, 1)
        self.env.cr.precommit.run()
        noted = block.sudo().message_ids.filtered("tracking_value_ids")
        self.assertTrue(noted)
        own = block.message_post(body="My own words", message_type="comment")
        for role in ("user", "administrator"):
            for vals in ({"body": "x"}, {"author_id": 1}, {"date": "2001-01-01"}, {"res_id": 1}):
                self.assertRefused(role, noted, "write", vals)
            self.assertRefused(role, noted, "unlink")
        self._call("user", own, "write", {"body": "Other words"})
        self._call("user", own, "unlink")

    def test_files_of_templates_that_other_companies_use(self):
        file = self.env["ir.attachment"].create(
            {"name": "terms.txt", "raw": b"terms", "res_model": "mail.template"}
        )
        file.res_id = self.template.id
        self.template.attachment_ids = file
        self.assertRefused("template stranger", file, "write", {"raw": "forged"})
        self.assertRefused("template stranger", file, "unlink")
        self.assertFalse(self._call("template stranger", self.template, "has_access", "write"))

    def test_settings_change_no_kinds_of_answers(self):
        kind = self.env.ref("dunning_exclusion.answer_paid")
        for role in ("stranger", "administrator"):
            company = self.users[role].company_id
            for command in (
                Command.create({"code": "own", "name": "Own"}),
                Command.update(kind.id, {"name": "Forged"}),
                Command.delete(kind.id),
            ):
                vals = {"dunning_answer_off_ids": [list(command)]}
                self.assertRefused(role, company, "write", vals)
                self.assertRefused(role, self.env["dunning.settings"], "create", vals)
            foreign = {"dunning_answer_user_id": self.users["portal"].id}
            if role == "stranger":
                self.assertRefused(role, company, "write", foreign)
            with self.undone():
                chosen = {"dunning_answer_off_ids": [list(Command.link(kind.id))]}
                self._call(role, company, "write", chosen)
                self.assertEqual(company.dunning_answer_off_ids, kind)

    def test_dialogs_read_with_the_rights_of_the_user(self):
        self.letter.sudo().failure_reason = "Secret"
        foreign = self._create_customer("Foreign", company_id=self.company.id)
        for name, value in (("notice_id", self.letter.id), ("partner_id", foreign.id)):
            found = {"failure_reason": {}, "email": {}, "partner_id": {"fields": {}}}
            dialog = self.env["dunning.address"]
            with self.subTest(field=name):
                try:
                    told = self._call("stranger", dialog, "onchange", {name: value}, [name], found)
                except UserError:
                    continue
                self.assertFalse(any(told["value"].values()), told)

    def test_scenarios_of_others_are_not_chosen(self):
        for name in ("create", "web_save"):
            setup = self.env["dunning.customer.setup"]
            vals = {
                "partner_ids": [Command.set(self.customer.ids)],
                "scenario_id": self.scenario.id,
            }
            args = [vals] if name == "create" else [vals, {"scenario_id": {"fields": {}}}]
            self.assertRefused("stranger", setup, name, *args)

    def test_strangers_are_no_recipients(self):
        company = self.users["stranger"].company_id
        values = {"name": "Level", "type_id": self.type_overdue.id}
        levels = self.env["dunning.level"].with_user(self.users["stranger"])
        scenario = levels.scenario_id.create(
            {"name": "Own", "company_id": company.id, "level_ids": [Command.create(values)]}
        )
        foreign = self._create_customer("Foreign", company_id=self.company.id)
        for command in (Command.link(foreign.id), Command.set(foreign.ids)):
            vals = {"additional_partner_ids": [command]}
            self.assertRefused("stranger", scenario.level_ids, "write", vals)
            self.assertRefused(
                "stranger", levels, "create", {**values, "scenario_id": scenario.id, **vals}
            )

    def test_nothing_is_put_into_the_history_of_colleagues(self):
        kept, other = self.kept, self.other_customer
        block = self.customer._dunning_block("stop")
        move = {"move_id": self.invoice.id}
        for record, vals in (
            (block, {"partner_id": other.id}),
            (block, move),
            (kept["dunning.block"], {"move_id": False}),
            (kept["dunning.promise"], {"partner_id": other.id, "move_line_ids": []}),
        ):
            self.assertRefused("user", record, "write", vals)

    def test_fields_of_the_system(self):
        self.assertRefused("accountant", self.invoice, "write", {"dunning_promised": True})
        self.assertRefused("accountant", self.invoice, "create", {"dunning_promised": True})
        self.assertRefused("administrator", self.scenario, "write", {"activated": False})
        self.assertTrue(self.scenario.activated)

    def test_customers_and_employees_do_not_find_how_customers_are_treated(self):
        customer = self.portal_customer
        own = [("id", "=", customer.id)]
        for role in ("portal", "employee"):
            for name in sorted(name for name in customer._fields if name.startswith("dunning_")):
                if customer._fields[name].type == "many2one":
                    self.assertRefused(role, customer, "read_group", own, ["__count"], [name])
                    self.assertRefused(
                        role, customer, "formatted_read_group", own, [], [f"{name}:array_agg"]
                    )
                    self.assertRefused(role, customer, "search", own, order=name)
                self.assertRefused(role, customer, "read", [name])
                self.assertRefused(role, customer, "search", [*own, (name, "=", False)])
            found = [("partner_id.dunning_type_off_ids", "in", self.type_overdue.ids)]
            self.assertRefused(role, self.users["portal"], "search", found)

    def test_auditor_does_not_treat_customers(self):
        profile, kind = self.kept["dunning.profile"], self.type_overdue
        for vals in (
            {"dunning_own_scenario_id": self.scenario.id},
            {"dunning_scenario_id": self.scenario.id},
            {"dunning_own_profile_id": profile.id},
            {"dunning_profile_id": profile.id},
            {"dunning_type_off_ids": [Command.link(kind.id)]},
        ):
            self.assertRefused("contact auditor", self.customer, "write", vals)
            self.assertRefused("contact auditor", self.customer, "create", {"name": "N", **vals})
        with self.undone():
            self._call("contact auditor", self.customer, "write", {"name": "Other name"})

    def test_filter_of_a_run_is_checked_in_each_mode(self):
        values = {"criteria_domain": "[('move_id.message_ids.body', 'ilike', 'x')]"}
        self.assertRefused("user", self.prepared, "create", values)
        self.assertRefused("user", self.prepared, "write", values)

    def test_outcomes_that_there_are_none_of(self):
        for model_name in ("res.partner", "account.move", "account.move.line"):
            for value in (2**70, 1.5, True, "no outcome", "\0"):
                with self.subTest(model=model_name, value=value), self.undone():
                    found = [("dunning_outcome", "=", value)]
                    self.assertFalse(self._call("user", self.env[model_name], "search", found))

    def _choose_default(self, role, model_name, field_name, value):
        """Let a user choose a default for everything that the user creates."""
        self._call(role, self.env["ir.default"], "set", model_name, field_name, value, True)

    def test_own_defaults_write_no_history(self):
        colleague, kept = self.users["administrator"], self.kept
        values = {"partner_id": self.customer.id}
        for model_name, forged, vals in (
            (
                "dunning.block",
                {"user_id": colleague.id, "lifted_on": "2024-01-01", "lifted_by_id": colleague.id},
                values,
            ),
            (
                "dunning.promise",
                {"user_id": colleague.id, "cancelled_on": "2024-01-01", "broken_reported": True},
                values,
            ),
            ("dunning.run", {"state": "done", "automatic": True, "user_id": colleague.id}, {}),
        ):
            context = {f"default_{name}": value for name, value in forged.items()}
            with self.subTest(model=model_name), self.undone():
                names = list(forged)
                model = kept[model_name].browse()
                [honest] = self._call("user", model, "create", [vals])
                expected = self._call("user", model.browse(honest), "read", names)[0]
                for name, value in forged.items():
                    self._choose_default("user", model_name, name, value)
                for kwargs in ({}, {"context": context}):
                    [created] = self._call("user", model, "create", [vals], **kwargs)
                    read = self._call("user", model.browse(created), "read", names)[0]
                    self.assertEqual({**read, "id": honest}, expected)

    def test_own_defaults_show_no_mail_of_others(self):
        secret = self.env["mail.mail"].create({"subject": "Secret", "body_html": "<p>Secret</p>"})
        self._choose_default("user", "dunning.notice", "mail_id", secret.id)
        self._choose_default("user", "dunning.notice", "merged", True)
        customer = self._create_customer(
            "Delta", dunning_scenario_id=self.letter.run_id.scenario_ids
        )
        self._create_invoice(customer)
        run = self._create_run(scenario_ids=[Command.set(self.letter.run_id.scenario_ids.ids)])
        self._call("user", run, "action_send")
        notice = run.notice_ids.filtered(lambda notice: notice.partner_id == customer)
        self.assertTrue(notice)
        self.assertFalse(notice.mail_id)
        self.assertFalse(notice.merged)

    def test_defaults_neither_treat_customers_nor_promise(self):
        scenario, types = self.scenario.id, [Command.set(self.type_overdue.ids)]
        customers, entries = self.env["res.partner"], self.env["account.move"]
        for name, value in (
            ("dunning_own_scenario_id", scenario),
            ("dunning_scenario_id", scenario),
            ("dunning_type_off_ids", types),
        ):
            context = {f"default_{name}": value}
            self.assertRefused(
                "contact auditor", customers, "create", {"name": "N"}, context=context
            )
            self.assertRefused("contact auditor", customers, "name_create", "N", context=context)
        promised = {"context": {"default_dunning_promised": True}}
        self.assertRefused("accountant", entries, "create", {}, **promised)
        self._choose_default("accountant", "account.move", "dunning_promised", True)
        self.assertRefused("accountant", entries, "create", {})

    def test_what_is_selected_are_records(self):
        for model_name in ("dunning.handover", "dunning.customer.setup", "dunning.type.switch"):
            for ids in ("x", ["x"], [[1]], 5, [2**40]):
                dialog, context = self.env[model_name], {"active_ids": ids}
                names = ["move_ids", "partner_ids"]
                self.assertRefused("administrator", dialog, "default_get", names, context=context)

    def test_nobody_speaks_in_the_name_of_colleagues(self):
        block, colleague = self.kept["dunning.block"], self.users["administrator"].partner_id
        me = self.users["user"].partner_id
        changed = {"field_id": self.env["ir.model.fields"]._get("dunning.block", "kind").id}
        forged = {"author_id": colleague.id, "message_type": "notification", "body": "Mine"}
        record = {"model": block._name, "res_id": block.id, "date": "2001-01-01 00:00:00"}
        context = {f"default_{name}": value for name, value in record.items()}
        record["tracking_value_ids"] = [Command.create({**changed, "new_value_char": "Pause"})]
        messages = self.env["mail.message"]
        for records, name, args, kwargs in (
            (block, "message_post", [], forged),
            (messages, "create", [{**record, **forged}], {}),
            (messages, "create", [forged], {"context": context}),
        ):
            with self.subTest(method=name, context=kwargs.get("context")), self.undone():
                before = block.message_ids
                self._call("user", records, name, *args, **kwargs)
                block.invalidate_recordset()
                message = block.message_ids - before
                self.assertEqual(message.author_id, me)
                self.assertEqual(message.email_from, me.email_formatted)
                self.assertFalse(message.tracking_value_ids)
                self.assertGreater(message.date.year, 2001)
        own = block.with_user(self.users["user"]).message_post(body="x", message_type="comment")
        said = {name: own[name] for name in ("author_id", "email_from", "date", "message_type")}
        for name in ("model", "res_id"):
            del record[name]
        self._call("user", own, "write", {**record, **forged, "email_from": "boss@example.com"})
        self.assertEqual({name: own[name] for name in said}, said)
        self.assertIn("Mine", own.body)
        self.assertFalse(own.sudo().tracking_value_ids)
        for role in ("accountant", "administrator"):
            self.assertRefused(role, own, "write", {"body": "Put into the mouth"})
            self.assertRefused(role, own, "unlink")

    def test_no_guest_is_the_author_of_history(self):
        guest = self.env["mail.guest"].create({"name": "Customer in the chat"})
        block, me = self.kept["dunning.block"], self.users["user"].partner_id
        forged = {"author_guest_id": guest.id, "author_id": False, "body": "I have paid"}
        record = {"model": block._name, "res_id": block.id}
        before = block.message_ids
        self._call("user", self.env["mail.message"], "create", [{**record, **forged}])
        block.invalidate_recordset()
        own = block.message_ids - before
        self.assertEqual((own.author_id, own.author_guest_id), (me, guest.browse()))
        self._call("user", own, "write", {**forged, "body": "Other words"})
        self.assertEqual((own.author_id, own.author_guest_id), (me, guest.browse()))
        self.assertIn("Other words", own.body)

    def test_own_defaults_say_not_when_something_was_noted(self):
        self._choose_default("user", "mail.message", "date", "2001-01-01 00:00:00")
        block = self.kept["dunning.block"].with_user(self.users["user"])
        self.env.cr.precommit.run()
        before = block.message_ids
        block.date_to = date(2100, 1, 1)
        self.env.cr.precommit.run()
        noted = block.message_ids - before
        self.assertTrue(noted.sudo().tracking_value_ids)
        self.assertGreater(noted.date.year, 2001)

    def test_contexts_hide_no_changes(self):
        kept = self.kept
        promise = kept["dunning.promise"]
        for role, record, name, args in (
            ("user", kept["dunning.block"], "write", [{"date_to": "2100-01-01"}]),
            ("user", promise, "write", [{"date": "2100-01-01"}]),
            ("user", promise, "action_cancel", []),
            ("accountant", self.invoice, "write", [{"dunning_due_date": "2100-01-01"}]),
        ):
            for context in ({"tracking_disable": True}, {"mail_notrack": True}):
                with self.subTest(record=record, method=name, context=context), self.undone():
                    self.env.cr.precommit.run()
                    before = record.message_ids
                    self._call(role, record, name, *args, context=context)
                    self.env.cr.precommit.run()
                    record.invalidate_recordset(["message_ids"])
                    noted = (record.message_ids - before).sudo()
                    self.assertTrue(noted.tracking_value_ids)
                    self.assertEqual(noted.author_id, self.users[role].partner_id)
