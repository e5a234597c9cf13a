from datetime import timedelta

from odoo import fields
from odoo.tests import HttpCase, new_test_user, tagged

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestDunningApi(DunningCommon, HttpCase):
    """What a caller from outside may do over the JSON-2 API."""

    def _key(self, login, groups):
        user = new_test_user(
            self.env,
            login=login,
            groups=groups,
            company_id=self.company.id,
            company_ids=[(6, 0, self.company.ids)],
        )
        keys = self.env["res.users.apikeys"].with_user(user)
        return keys.sudo()._generate("rpc", "test", fields.Datetime.now() + timedelta(hours=1))

    def _call(self, key, model, method, **arguments):
        return self.url_open(
            f"/json/2/{model}/{method}",
            json=arguments,
            headers={"Authorization": f"bearer {key}"} if key else {},
        )

    def test_follow_up_user_prepares_and_sends_over_the_api(self):
        self._create_invoice()
        key = self._key("api_user", "dunning_exclusion.group_dunning_user")
        [run_id] = self._call(key, "dunning.run", "create", vals_list=[{}]).json()
        for method in ("action_prepare", "action_send"):
            response = self._call(key, "dunning.run", method, ids=[run_id])
            self.assertEqual(response.status_code, 200, response.text)
        run = self.env["dunning.run"].browse(run_id)
        run.invalidate_recordset()
        self.assertEqual(run.state, "done")
        self.assertEqual(run.notice_ids.partner_id, self.customer)

    def test_others_are_refused(self):
        self._create_invoice()
        run = self._create_run()
        attempts = (
            ("dunning.run", "action_send", {"ids": run.ids}),
            ("dunning.run", "write", {"ids": run.ids, "vals": {"state": "done"}}),
            ("dunning.block", "create", {"vals_list": [{"partner_id": self.customer.id}]}),
            ("res.partner", "action_dunning_stop", {"ids": self.customer.ids}),
            ("dunning.screening", "search_read", {"domain": []}),
        )
        keys = {
            "employee": self._key("api_employee", "base.group_user"),
            "portal": self._key("api_portal", "base.group_portal"),
        }
        for role, key in keys.items():
            for model, method, arguments in attempts:
                with self.subTest(role=role, model=model, method=method):
                    response = self._call(key, model, method, **arguments)
                    self.assertGreaterEqual(response.status_code, 400)
        self.assertEqual(self._call(None, "dunning.run", "search", domain=[]).status_code, 401)
        run.invalidate_recordset()
        self.assertEqual(run.state, "prepared")
        self.assertFalse(self.customer.dunning_block_ids)

    def test_even_administrators_do_not_write_what_only_sending_writes(self):
        self._create_invoice()
        run = self._create_run()
        key = self._key("api_manager", "dunning_exclusion.group_dunning_manager")
        for model, ids, vals in (
            ("dunning.run", run.ids, {"state": "done"}),
            ("dunning.run.line", run.line_ids.ids, {"outcome": "dropped"}),
        ):
            with self.subTest(model=model):
                response = self._call(key, model, "write", ids=ids, vals=vals)
                self.assertGreaterEqual(response.status_code, 400)
        for method in ("_cron_send_automatic", "_replace_lines"):
            with self.subTest(method=method):
                response = self._call(key, "dunning.run", method, ids=run.ids)
                self.assertGreaterEqual(response.status_code, 400)
