import json
import re
from datetime import timedelta
from pathlib import Path

from odoo.tests import HttpCase, tagged

from odoo.addons.dunning_exclusion.tests.common import DunningCommon

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
EXAMPLE = re.compile(r"```json\nPOST /json/2/(\S+)\n(.*?)```\s+```json\n(.*?)```", re.DOTALL)
NAME = re.compile(r"(?<![\w\"])[A-Z]{3,}(?![\w\"])")


@tagged("post_install", "-at_install")
class TestApiExamples(DunningCommon, HttpCase):
    """Every example of docs/api.md is called as it stands and answers what the page says.

    Words in capitals stand for ids: those of the records made here, and those that an example
    answers and later ones use.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.examples = EXAMPLE.findall(PAGE.read_text())
        cls.user = cls.env["res.users"].create(
            {
                "name": "Integration",
                "login": "integration",
                "company_id": cls.company.id,
                "company_ids": [(6, 0, cls.company.ids)],
                "group_ids": [
                    (6, 0, cls.env.ref("dunning_exclusion.group_dunning_user").ids),
                    (4, cls.env.ref("account.group_account_invoice").id),
                ],
            }
        )
        keys = cls.env["res.users.apikeys"].with_user(cls.user).sudo()
        cls.key = keys._generate("rpc", "Integration", False)
        invoices = (
            cls._create_invoice()
            | cls._create_invoice()
            | cls._create_invoice(cls.other_customer, 250.0, -20)
        )
        cls.names = {
            "CUSTOMER": cls.customer.id,
            "OTHER": cls.other_customer.id,
            "INVOICE": invoices[0].id,
            "ITEM": cls._items(invoices[1]).id,
            "DISPUTE": cls.env.ref("dunning_exclusion.reason_dispute").id,
            "SCENARIO": cls.scenario.id,
        }
        cls.days = {
            "2030-01-31": cls.today + timedelta(days=30),
            "2030-01-01": cls.today,
        }

    def _text(self, text):
        """Return an example with the ids and the days of this test."""
        for day, date in self.days.items():
            text = text.replace(day, str(date))
        return NAME.sub(lambda match: str(self.names.get(match[0], f'"{match[0]}"')), text)

    def _assert_answer(self, answer, expected):
        if isinstance(expected, str) and NAME.fullmatch(expected):
            self.assertIsInstance(answer, int)
            self.names[expected] = answer
        elif isinstance(expected, dict):
            self.assertIsInstance(answer, dict)
            for name, value in expected.items():
                self._assert_answer(answer[name], value)
        elif isinstance(expected, list):
            self.assertEqual(len(answer), len(expected), answer)
            for part, value in zip(answer, expected, strict=True):
                self._assert_answer(part, value)
        else:
            self.assertEqual(answer, expected)

    def test_examples_answer_what_the_page_says(self):
        called = []
        for path, body, expected in self.examples:
            with self.subTest(path=path, body=body):
                response = self.url_open(
                    f"/json/2/{path}",
                    data=self._text(body),
                    headers={
                        "Authorization": f"bearer {self.key}",
                        "Content-Type": "application/json",
                    },
                )
                self.assertEqual(response.status_code, 200, response.text)
                self._assert_answer(response.json(), json.loads(self._text(expected)))
                called.append(path)
        self.assertGreater(len(called), 12, "The page has lost its examples, or their form.")

    def test_every_call_of_the_page_is_an_example(self):
        page = PAGE.read_text()
        self.assertEqual(page.count("\nPOST /json/2/"), len(self.examples))
