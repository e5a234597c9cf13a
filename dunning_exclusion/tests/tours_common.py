from odoo.tests import HttpCase, new_test_user

from .common import DunningCommon


class ToursCommon(DunningCommon, HttpCase):
    """An accountant, an administrator, and nothing on the screens but what a test makes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        values = {"company_id": cls.company.id, "company_ids": [(6, 0, cls.company.ids)]}
        cls.accountant = new_test_user(
            cls.env, "dunning_accountant", groups="account.group_account_invoice", **values
        )
        cls.manager = new_test_user(
            cls.env,
            "dunning_manager",
            groups="account.group_account_manager,base.group_system",
            **values,
        )
        # Only what a test makes itself is on its screens.
        cls.env["dunning.scenario"].search([("id", "!=", cls.scenario.id)]).active = False

    def _start(self, path, tour, login="dunning_accountant"):
        # Longer than a minute: a step may wait that long, see add_tour.js.
        self.start_tour(f"/odoo/{path}", tour, login=login, timeout=240)
