from datetime import timedelta

from odoo import fields
from odoo.tests import HttpCase, tagged

from .common import VerdictCommon


@tagged("post_install", "-at_install")
class TestExplainApi(VerdictCommon, HttpCase):
    """The explanation over Odoo's JSON-2 API."""

    def _key(self, user):
        keys = self.env["res.users.apikeys"].with_user(user).sudo()
        return keys._generate("rpc", "test", fields.Datetime.now() + timedelta(days=1))

    def _explain(self, key, records, **arguments):
        headers = {"Authorization": f"bearer {key}"} if key else {}
        return self.url_open(
            f"/json/2/{records._name}/dunning_explain",
            json={"ids": records.ids, **arguments},
            headers=headers,
        )

    def test_accountant_gets_the_reasons_others_are_refused(self):
        invoice = self._create_invoice()
        block = self.customer._dunning_block("stop", date_to=self.today)
        accountant = self._create_user("accountant", "account.group_account_user")
        key = self._key(accountant)
        for records in (self.customer, invoice, self._items(invoice)):
            response = self._explain(key, records)
            self.assertEqual(response.status_code, 200, response.text)
            self.assertEqual(
                response.json(),
                [
                    {
                        "outcome": "unchecked",
                        "rule": "stop_customer",
                        "reason": "The customer is stopped",
                        "marker": "customer",
                        "level": "customer",
                        "since": fields.Date.to_string(self.today),
                        "until": fields.Date.to_string(self.today),
                        "block_id": block.id,
                    }
                ],
            )
        tomorrow = fields.Date.to_string(self.today + timedelta(days=1))
        self.assertEqual(self._explain(key, self.customer, date=tomorrow).json(), [])
        portal = self._create_user("portal", "base.group_portal")
        portal.partner_id.parent_id = self.customer
        employee = self._create_user("employee", "base.group_user")
        for user in (portal, employee):
            with self.subTest(user=user.login):
                response = self._explain(self._key(user), self.customer)
                self.assertEqual(response.status_code, 403)
                self.assertNotIn("stopped", response.text)
        self.assertEqual(self._explain(None, self.customer).status_code, 401)
        self.assertEqual(self._explain("nonsense", self.customer).status_code, 401)

    def test_plain_fields_are_written_over_the_api(self):
        manager = self._create_user("manager", "account.group_account_manager")
        invoice = self._create_invoice()
        response = self.url_open(
            "/json/2/account.move/write",
            json={"ids": invoice.ids, "vals": {"dunning_stop": True}},
            headers={"Authorization": f"bearer {self._key(manager)}"},
        )
        self.assertEqual(response.status_code, 200, response.text)
        self.env.invalidate_all()
        self.assertEqual(invoice.dunning_block_ids.user_id, manager)
