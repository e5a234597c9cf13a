# pylint: disable=consider-merging-classes-inherited
from unittest.mock import patch

from odoo import fields, models
from odoo.tests import tagged
from odoo.tools import SQL

from odoo.addons.dunning_exclusion.tests import test_access_table
from odoo.addons.dunning_exclusion.tests.common import DunningCommon

from .fake_models import FakeModels


@tagged("post_install", "-at_install")
class TestFakeModels(DunningCommon):
    """An addon adds a rule by one method, and an action by one choice and one method."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.loader = FakeModels(cls.env, cls.__module__)
        cls.loader.backup_registry()
        cls.addClassCleanup(cls.loader.restore_registry)
        choice = {"selection_add": [("fake", "Fake")], "ondelete": {"fake": "set default"}}

        class FakeCondition(models.AbstractModel):
            _inherit = "dunning.exclusion.condition"

            def _condition_fake(self, question):
                return SQL("customer.ref = 'fake'")

        class FakeAction(models.AbstractModel):
            _inherit = "dunning.action"

            def _send_fake(self, notices):
                # sudo: notices are written by sending them, not by users
                notices.sudo()._mark_sent()

        class FakeLevel(models.Model):
            _inherit = "dunning.level"

            action = fields.Selection(**choice)

        class FakeNotice(models.Model):
            _inherit = "dunning.notice"

            action = fields.Selection(**choice)

        cls.loader.update_registry((FakeCondition, FakeAction, FakeLevel, FakeNotice))
        # sudo: addons bring built-in rules along; nobody makes them by hand
        cls.env["dunning.exclusion.rule"].sudo().create(
            {"name": "Fake", "code": "fake", "source": "builtin", "level": "customer"}
        )

    def test_rule_of_one_method_excludes(self):
        held, sent = self._create_invoice(), self._create_invoice(self.other_customer)
        self.customer.ref = "fake"
        self.assertOutcome(held, "unchecked", "fake")
        self.assertOutcome(sent, "included")

    def test_action_of_one_method_sends(self):
        self.scenario.level_ids.action = "fake"
        self._create_invoice()
        run = self._create_run()
        run.action_send()
        self.assertEqual(run.notice_ids.mapped("state"), ["sent"])
        self.assertEqual(run.notice_ids.mapped("action"), ["fake"])


@tagged("post_install", "-at_install")
class TestNoFakeModels(DunningCommon):
    def test_fake_models_are_gone_after_their_tests(self):
        loader = FakeModels(self.env, self.__module__)
        loader.backup_registry()
        self.addCleanup(loader.restore_registry)

        class FakeThing(models.Model):
            _name = "fake.thing"
            _description = "Fake"

        class FakeLevel(models.Model):
            _inherit = "dunning.level"

            fake_id = fields.Many2one("fake.thing")

        loader.update_registry((FakeThing, FakeLevel))
        self.assertIn("fake_id", self.env["dunning.level"]._fields)
        loader.restore_registry()
        self.assertNotIn("fake.thing", self.env)
        self.assertNotIn("fake_id", self.env["dunning.level"]._fields)

    # pylint: disable=missing-return
    def test_table_of_rights_misses_each_new_model_and_method(self):
        """What nobody wrote into the table of the main addon lets its test fail."""
        loader = FakeModels(self.env, self.__module__)
        loader.backup_registry()
        self.addCleanup(loader.restore_registry)

        class FakeThing(models.Model):
            _name = "fake.thing"
            _description = "Fake"

            def fake_work(self):
                return True

        class FakeCustomer(models.Model):
            _inherit = "res.partner"

            def open_commercial_entity(self):
                """Override of `base`: a method of Odoo's."""
                return super().open_commercial_entity()

        loader.update_registry((FakeThing, FakeCustomer))
        with patch.object(test_access_table, "ADDONS", ("test_dunning_exclusion",)):
            needed = test_access_table.needed_rows(self.env)
        for row in (
            ("fake.thing", "records"),
            ("fake.thing", "fake_work"),
            ("res.partner", "open_commercial_entity"),
        ):
            self.assertIn(row, needed - set(test_access_table.read_table()))
