from odoo.tests import tagged

from .accessibility import find_violations
from .tours_common import ToursCommon

READY = "odoo.isReady === true && Boolean(document.querySelector('.o_main_navbar'))"
LIST = ".o_list_view .o_data_row"


def _form(model, record_id, tab):
    action = {"type": "ir.actions.act_window", "res_model": model, "res_id": record_id}
    clicks = [f".o_form_view a[name={tab}]"] if tab else []
    return {"action": {**action, "views": [[False, "form"]]}, "clicks": clicks}


@tagged("post_install", "-at_install")
class TestAccessibility(ToursCommon):
    """Our screens are as accessible as those of Odoo, and what is our own has no fault at all."""

    browser_size = "1366x860"

    def _assert_no_worse(self, path, screens, login):
        found = find_violations(self, path, screens, login, READY)
        self.assertEqual(list(found), [screen["name"] for screen in screens])
        core = {
            rule
            for name, nodes in found.items()
            if name.startswith("core")
            for rule, _ours, _html in nodes
        }
        for name, nodes in found.items():
            if not name.startswith("core"):
                with self.subTest(screen=name):
                    faults = [node for node in nodes if node[1] or node[0] not in core]
                    self.assertEqual(faults, [])

    def test_screens_of_the_accountant(self):
        invoice = self._create_invoice(amount=700)
        self._create_invoice(self.other_customer, amount=300).action_dunning_stop()
        gamma = self._create_customer("Gamma")
        self._create_invoice(gamma, amount=70)
        gamma.action_dunning_stop()
        self.customer.action_dunning_pause()
        self.customer.dunning_block_ids.action_lift()
        self._pay(self._create_invoice(amount=20))
        today = "dunning_exclusion.action_dashboard"
        task_list = "dunning_exclusion.action_open_latest_run"
        pause = "tr.o_data_row button[name=action_dunning_pause]"
        screens = [
            {
                "name": "core: list of invoices",
                "action": "account.action_move_out_invoice_type",
                "context": {"search_default_posted": 1, "search_default_salesperson": 1},
                "clicks": [".o_group_header"],
                "shown": LIST,
            },
            {
                "name": "core: customer",
                **_form("res.partner", self.other_customer.id, "sales_purchases"),
                "shown": ".o_form_view .tab-pane.active",
            },
            {
                "name": "core: invoice",
                **_form("account.move", invoice.id, "other_info"),
                "shown": ".o_form_view .tab-pane.active",
            },
            {
                "name": "core: dialog",
                **_form("account.move", invoice.id, ""),
                "clicks": ["button[name=action_reverse], button[name=action_register_payment]"],
                "shown": ".modal .o_form_view",
            },
            {"name": "today", "action": today, "shown": "[data-name=by_reason] a"},
            {
                "name": "task list",
                "action": task_list,
                "focus": "tr.o_group_header button",
                "shown": ".o_dunning_side iframe",
            },
            {
                "name": "hold dialog",
                "action": task_list,
                "clicks": [pause],
                "shown": ".modal .o_form_view",
            },
            {
                "name": "customer",
                **_form("res.partner", self.other_customer.id, "dunning"),
                "shown": ".o_dunning_headline",
            },
            {
                "name": "invoice",
                **_form("account.move", invoice.id, "dunning"),
                "shown": ".o_dunning_headline",
            },
            {
                "name": "holds",
                "action": "dunning_exclusion.dunning_block_action",
                "shown": LIST,
            },
            {
                "name": "excluded receivables",
                "action": "dunning_exclusion.dunning_screening_action",
                "shown": ".o_list_view tr.o_group_header, .o_list_view .o_data_row",
            },
        ]
        self._assert_no_worse("/odoo", screens, "dunning_accountant")

    def test_settings(self):
        # The taxes of the test company are on cash basis, which its settings must then say.
        self.company.tax_exigibility = True
        settings = {
            "action": "account.action_account_config",
            "shown": ".o_field_widget[name=dunning_item_minimum]",
        }
        screens = [
            {"name": "core: settings", "without": "[name=dunning_settings]", **settings},
            {"name": "settings of follow-ups", **settings},
        ]
        self._assert_no_worse("/odoo", screens, "dunning_manager")
