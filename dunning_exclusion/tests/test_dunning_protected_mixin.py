from datetime import timedelta

from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestGuardedFields(DunningCommon):
    """What only buttons write cannot be forged by writing the field, over the API or otherwise."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.worker = cls._create_user("worker", "dunning_exclusion.group_dunning_manager")
        cls.colleague = cls._create_user("colleague", "dunning_exclusion.group_dunning_user")
        cls.invoice = cls._create_invoice()
        cls.other_company = cls.setup_other_company()["company"]
        cls.worker.company_ids |= cls.other_company

    def _mine(self, model):
        companies = self.company | self.other_company
        context = {"allowed_company_ids": companies.ids}
        return self.env[model].with_user(self.worker).with_context(**context)

    def _assert_unwritable(self, record, values):
        for name, value in values.items():
            with self.subTest(model=record._name, field=name):
                with self.assertRaises(UserError) as caught:
                    record.write({name: value})
                label = record._fields[name]._description_string(self.env)
                self.assertIn(f"'{label}'", str(caught.exception))

    def test_history_of_a_block_is_written_by_lifting_it(self):
        block = self._mine("dunning.block").create({"partner_id": self.customer.id})
        self._assert_unwritable(
            block,
            {
                "user_id": self.colleague.id,
                "lifted_on": self.today,
                "lifted_by_id": self.colleague.id,
                "company_id": self.other_company.id,
            },
        )
        block.action_lift()
        self.assertEqual(
            (block.state, block.lifted_on, block.lifted_by_id, block.user_id),
            ("lifted", self.today, self.worker, self.worker),
        )
        with self.assertRaises(UserError):
            block.lifted_on = False
        self.assertEqual(block.state, "lifted")

    def test_history_of_blocks_may_be_imported(self):
        block = self._mine("dunning.block").create(
            {
                "partner_id": self.customer.id,
                "user_id": self.colleague.id,
                "date_from": self.today - timedelta(days=9),
                "lifted_on": self.today - timedelta(days=2),
            }
        )
        self.assertEqual((block.state, block.user_id), ("lifted", self.colleague))
        self.assertEqual(block.create_uid, self.worker)

    def test_history_of_a_promise_is_written_by_noting_and_cancelling_it(self):
        forged = {"user_id": self.colleague.id, "open_amount": 1.0, "cancelled_on": "2024-01-01"}
        values = {"partner_id": self.customer.id, **forged}
        promises = self._mine("dunning.promise")
        promise = promises.create(values)
        forged_by_context = {f"default_{name}": value for name, value in forged.items()}
        again = promises.with_context(**forged_by_context).create({"partner_id": self.customer.id})
        for noted in (promise, again):
            self.assertEqual(noted.user_id, self.worker)
            self.assertEqual((noted.open_amount, noted.state), (100, "open"))
        self._assert_unwritable(promise, {**forged, "company_id": self.other_company.id})
        promise.date = self.today + timedelta(days=3)
        promise.move_line_ids = self._items(self.invoice)
        promise.action_cancel()
        self.assertEqual(promise.state, "cancelled")
        with self.assertRaises(UserError):
            promise.cancelled_on = False

    def test_what_was_sent_stays_as_it_was(self):
        run = self._mine("dunning.run").create({"company_id": self.company.id})
        values = {
            "date": self.today - timedelta(days=1),
            "mode": "criteria",
            "type_id": self.type_overdue.id,
            "template_id": self.type_overdue.template_id.id,
            "scenario_ids": self.scenario.ids,
            "criteria_domain": "[('id', '=', 1)]",
        }
        run.write({**values, "company_id": self.company.id})
        run.write({"date": self.today, "mode": "scenario", "scenario_ids": False})
        run.action_prepare()
        self._assert_unwritable(run, {"company_id": self.other_company.id})
        run.date = self.today
        run.action_send()
        self._assert_unwritable(run, {**values, "company_id": self.other_company.id})

    def test_new_run_takes_no_state_from_outside(self):
        context = {"default_state": "done", "default_automatic": True}
        run = self._mine("dunning.run").with_context(**context).create({"state": "done"})
        self.assertEqual((run.state, run.automatic), ("draft", False))
        self._assert_unwritable(run, {"state": "done", "screened_transaction": False})
