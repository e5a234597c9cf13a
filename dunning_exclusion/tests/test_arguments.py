from psycopg2 import Error

from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.models import BaseModel
from odoo.service.model import call_kw
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import OutcomeCommon
from .test_access_table import (
    ROLES,
    AccessTableCommon,
    callable_models,
    is_ours,
    methods_of,
    models_of,
    takes_no_records,
)

# What an API client may send where something else is meant.
NONSENSE = (None, True, -1, 0, 2**70, 1.5, "abc", "\0", [], [None], [["x"]], {}, {"id": 1}, "[]")
NONSENSE_DOMAINS = (
    *([("no_field", "=", 1)], [("run_id", "no operator", 1)], [("days_overdue", "=", "abc")]),
    *([("skip_reason", "ilike", "a\0b")], ["&"], [("run_id",)], [("run_id", "=", {})]),
)


@tagged("post_install", "-at_install")
class TestBadCalls(AccessTableCommon):
    """Public methods answer whatever they are called with: by doing nothing, or in plain words."""

    def assertClean(self, model, name, *args):
        """Assert that a call succeeds or is refused with a message for people."""
        try:
            with self.undone():
                call_kw(model, name, args, {})
        except UserError as error:
            self.assertTrue(str(error))
        except (Exception, Error) as error:
            self.fail(f"{model._name}.{name}{args}: {type(error).__name__}: {error}")

    def _methods_with_arguments(self):
        for (model_name, name), args in self._arguments().items():
            yield self.env[model_name].with_user(self.users["administrator"]), name, args

    def test_methods_without_records(self):
        for model in callable_models(self.env):
            mine = model.with_user(self.users["administrator"])
            for name in methods_of(model):
                if takes_no_records(model, name):
                    continue
                # Writing such an id is an error of Odoo's in every model.
                for ids in [[], *([[0], [None], [-1]] if name != "write" else [])]:
                    with self.subTest(model=model._name, method=name, ids=ids):
                        self.assertClean(mine, name, ids, *self._arguments_of(model, name))

    def test_methods_with_several_records(self):
        invoices = self.invoice | self._create_invoice()
        records = {
            "res.partner": self.customer | self.other_customer,
            "account.move": invoices,
            "account.move.line": self._items(invoices),
            "dunning.run.line": self.prepared.line_ids,
            "dunning.run": self.prepared | self.letter.run_id,
            "dunning.screening": self.env["dunning.screening"].search([], limit=2),
        }
        for model_name, several in records.items():
            mine = several.with_user(self.users["administrator"])
            for name in methods_of(several):
                if takes_no_records(several, name):
                    continue
                with self.subTest(model=model_name, method=name):
                    args = self._arguments_of(several, name)
                    self.assertClean(mine, name, several.ids, *args)

    def test_nonsense_instead_of_arguments(self):
        for model, name, args in self._methods_with_arguments():
            ids = [] if takes_no_records(model, name) else [self.kept[model._name].ids]
            for place in range(len(args)):
                for nonsense in NONSENSE:
                    wrong = [*args[:place], nonsense, *args[place + 1 :]]
                    with self.subTest(model=model._name, method=name, args=wrong):
                        self.assertClean(model, name, *ids, *wrong)

    def test_nonsense_instead_of_a_date(self):
        for model_name in ("res.partner", "account.move", "account.move.line"):
            record = self.kept[model_name].with_user(self.users["user"])
            for nonsense in (*NONSENSE, "2026-02-30", "9999-12-31", "0001-01-01"):
                with self.subTest(model=model_name, date=nonsense):
                    self.assertClean(record, "dunning_explain", record.ids, nonsense)

    def test_domains_that_cannot_be_understood(self):
        lines = self.env["dunning.run.line"].with_user(self.users["user"])
        for domain in NONSENSE_DOMAINS:
            for name, argument in (("tick", True), ("read_customer_marks", self.customer.ids)):
                with (
                    self.subTest(method=name, domain=domain),
                    mute_logger("odoo.sql_db"),
                    self.assertRaisesRegex(UserError, "filter cannot be understood"),
                    self.undone(),
                ):
                    call_kw(lines, name, [domain, argument], {})

    def test_writing_nothing_on_lines_changes_nothing(self):
        lines = self.prepared.line_ids.with_user(self.users["user"])
        before = lines.read(["checked"])
        lines.write({})
        lines.browse().write({"checked": False})
        self.assertEqual(lines.read(["checked"]), before)

    def test_targets_of_the_block_dialog_that_are_no_ids(self):
        Wizard = self.env["dunning.block.wizard"].with_user(self.users["user"])
        for nonsense in (["abc"], [None], {"id": 1}, [[1]], "12", [2**70], [True]):
            with self.subTest(res_ids=nonsense):
                wizard = Wizard.create({"res_model": "res.partner", "res_ids": nonsense})
                with self.assertRaisesRegex(UserError, "ids"):
                    wizard.action_apply()

    def test_nul_in_typed_text_is_refused_with_the_name_of_the_field(self):
        typed = {
            "dunning.block": ["note"],
            "dunning.block.reason": ["code", "name"],
            "dunning.block.wizard": ["note"],
            "dunning.exclusion.rule": ["code", "name", "domain"],
            "dunning.level": ["name", "condition_domain"],
            "dunning.profile": ["name", "note"],
            "dunning.promise": ["note"],
            "dunning.reminder.type": ["code", "name"],
            "dunning.run": ["criteria_domain"],
            "dunning.scenario": ["name", "customer_domain"],
        }
        values = {"res_model": "res.partner", "res_ids": self.customer.ids}
        wizard = self.env["dunning.block.wizard"].create(values)
        for model_name, names in typed.items():
            record = self.kept.get(model_name, wizard)
            for name in names:
                label = record._fields[name].string
                for work in (
                    lambda r=record, n=name: r.write({n: "a\0b"}),
                    lambda r=record, n=name: r.search([(n, "ilike", "a\0b")]),
                    lambda r=record, n=name: r.search([(n, "in", ["a\0b"])]),
                    lambda r=record, n=name: (
                        r.create({n: "a\0b", "partner_id": 1})
                        if "partner_id" in r._fields
                        else r.create({n: "a\0b"})
                    ),
                ):
                    with (
                        self.subTest(model=model_name, field=name),
                        self.assertRaisesRegex(UserError, f"'{label}'.*NUL"),
                        self.undone(),
                    ):
                        work()

    def test_every_text_that_users_write_refuses_nul(self):
        for model in models_of(self.env):
            if not any(self._as(role, model).has_access("write") for role in ROLES):
                continue
            for field in model._fields.values():
                written = field.store and not field.readonly and not field.compute
                if written and field.type in ("char", "text") and is_ours(field._module):
                    with self.subTest(field=str(field)):
                        self.assertTrue(hasattr(field, "_refuse_nul"))


# What a client may put into a context, beyond language, time zone and companies.
HOSTILE = {
    "active_test": False,
    "default_merged": True,
    "default_kept_body": "forged",
    "default_failure_reason": "forged",
    "default_email_cc": "thief@example.com",
    "default_reply_to": "thief@example.com",
    "default_unreached": "forged",
    "dunning_by_jobs": True,
    "job_uuid": "x",
    "mail_notify_force_send": True,
}
# What Odoo, or an addon of ours, might look at on the way.
MORE_HOSTILE = HOSTILE | {
    **dict.fromkeys(
        (
            *("tracking_disable", "mail_notrack", "mail_create_nolog", "mail_create_nosubscribe"),
            *(
                "mail_post_autofollow",
                "mail_auto_subscribe_no_notify",
                "mail_activity_quick_update",
            ),
            *("install_mode", "import_file", "bin_size", "clean_context", "force_unlink"),
            *("force_report_rendering", "report_pdf_no_attachment", "discard_logo_check"),
            *("mail_activity_automation_skip", "mail_notify_author", "default_auto_delete"),
            *(
                "default_checked",
                "default_automatic",
                "default_stop_requested",
                "default_set_aside",
            ),
            *("default_one_notice_per_level", "default_broken_reported", "default_message_key"),
        ),
        True,
    ),
    **dict.fromkeys(
        ("default_state", "default_action", "default_outcome", "default_message_type"), "sent"
    ),
    **dict.fromkeys(
        ("default_email_from", "default_email_to", "default_subject", "default_body_html"), "thief"
    ),
    **dict.fromkeys(
        (
            *("default_run_id", "default_mail_id", "default_user_id", "default_level_id"),
            *("default_author_id", "default_mail_server_id", "default_partner_id", "active_id"),
        ),
        1,
    ),
    "default_recipient_ids": [1],
    "default_scheduled_date": "2100-01-01 00:00:00",
    "default_date": "2001-01-01",
    "active_model": "res.users",
    "active_ids": [1],
    "tz": "Nowhere/Land",
    "dunning_screening_scope": ["line", [0]],
}
# What differs from one call to the next: fields, and models whose records bear numbers.
BY_CALL = {
    *("id", "access_token", "message_id", "references"),
    *("dunning.run", "dunning.notice", "mail.message", "mail.mail"),
}


@tagged("post_install", "-at_install")
class TestClientContext(OutcomeCommon):
    """What a client puts into the context of a call steers nothing but what it may choose."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = cls._create_user("collector", "dunning_exclusion.group_dunning_user")

    def _call(self, record, method, *args, context=None):
        model = self.env[record._name].with_user(self.user)
        call_kw(model, method, [record.ids, *args], {"context": context or HOSTILE})
        self.env.invalidate_all()

    def test_messages_are_the_same_whatever_the_context_says(self):
        self._create_customer("Old", parent_id=self.customer.id, type="dunning", active=False)
        self._create_invoice()
        run = self._create_run()
        self._call(run, "action_send")
        notice = run.notice_ids
        self.assertEqual((run.state, notice.state), ("done", "queued"))
        self.assertFalse(notice.merged or notice.kept_body or notice.unreached)
        self.assertEqual(notice.recipient_ids, self.customer)
        mail = notice.sudo().mail_id
        self.assertNotIn("thief", f"{mail.email_cc} {mail.reply_to} {mail.email_to}")

    def _told(self, records):
        """Return what is stored of records, and the names of what they name."""
        rows = []
        for record in records.sudo():
            row = {}
            for name, field in record._fields.items():
                if not field.store or name in BY_CALL or field.type in ("datetime", "one2many"):
                    continue
                value = record[name]
                if isinstance(value, BaseModel):
                    named = value._name not in BY_CALL and value._rec_name
                    value = value.mapped(named) if named else len(value)
                row[name] = value
            rows.append(row)
        return rows

    def _ready_for(self, method):
        """Return a run or notices of which `method` is the next step."""
        if method == "action_prepare":
            return self._create_run(prepare=False)
        if method in ("action_print", "action_mark_sent"):
            self.scenario.level_ids.action = "letter"
        run = self._create_run()
        if method == "action_send":
            return run
        run.action_send()
        if method == "action_retry_failed":
            run.notice_ids.sudo()._fail("no server")
            return run
        return run.notice_ids

    def _done_by(self, method, context):
        """Return what is stored after `method` was called with `context`, and undo it."""
        with self.env.cr.savepoint() as savepoint:
            records = self._ready_for(method)
            self._call(records, method, context=context)
            run = records if records._name == "dunning.run" else records.run_id
            # sudo: follow-up users do not read the mail queue
            mails = self.env["mail.mail"].sudo()
            mails = mails.search([("model", "=", "dunning.notice")], order="id")
            notices = run.notice_ids.sorted("id")
            said = (run.message_ids | notices.message_ids).sorted("id").mapped("body")
            told = [self._told(part) for part in (run, run.line_ids, notices, mails)]
            savepoint.rollback()
        self.env.invalidate_all()
        return [*told, said]

    def test_each_step_does_the_same_whatever_the_context_says(self):
        self._create_customer("Old", parent_id=self.customer.id, type="dunning", active=False)
        self._create_invoice()
        self._create_invoice(self.other_customer)
        self.other_customer.action_dunning_stop()
        for method in (
            *("action_prepare", "action_send", "action_retry_failed"),
            *("action_print", "action_mark_sent"),
        ):
            with self.subTest(method):
                plain = self._done_by(method, {"lang": "en_US"})
                self.assertTrue(plain[1])
                for part, expected in zip(self._done_by(method, MORE_HOSTILE), plain, strict=True):
                    self.assertEqual(part, expected)

    def test_progress_of_another_job_is_not_written(self):
        cron = self.env.ref("dunning_exclusion.cron_send_runs")
        progress = self.env["ir.cron.progress"].sudo().create({"cron_id": cron.id, "remaining": 7})
        self._create_invoice()
        context = {"ir_cron_progress_id": progress.id, "cron_id": cron.id, "cron_end_time": 0}
        for method, state in (("action_send", "done"), ("action_send_in_background", "sending")):
            run = self._create_run()
            self._call(run, method, context=context)
            self.assertEqual(run.state, state)
            self.assertEqual((progress.remaining, progress.done), (7, 0))
            run.sudo().state = "cancelled"

    def test_letters_are_printed_whatever_the_context_says(self):
        self.scenario.level_ids.action = "letter"
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        self._call(run.notice_ids, "action_print")
        self.assertEqual(run.notice_ids.state, "sent")
        self.assertFalse(run.notice_ids.merged)
        self.assertNotIn("forged", run.notice_ids.kept_body)

    def test_scope_of_the_screening_is_not_chosen_by_clients(self):
        """Whom an answer is about follows from the domain alone."""
        invoice = self._create_invoice()
        self._invoice_of_other_company(self.customer)
        Screening = self.env["dunning.screening"].with_user(self.user)
        mine = Domain("company_id", "=", self.company.id)
        expected = Screening.search(mine).ids
        self.assertEqual(Screening.browse(expected).move_id, invoice)
        for scope in (["line", [0]], ("line", (0,)), "x", ["x", [1]], [["line"], "1"], {"a": 1}):
            hostile = Screening.with_context(dunning_screening_scope=scope)
            with self.subTest(scope=scope):
                self.env.invalidate_all()
                self.assertEqual(hostile.search(mine).ids, expected)
                rows = hostile.browse(expected).read(["outcome", "amount_residual"])
                self.assertEqual([row["amount_residual"] for row in rows], [100.0])
