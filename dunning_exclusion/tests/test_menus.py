from datetime import timedelta

from odoo.fields import Domain
from odoo.tests import Form, HttpCase, new_test_user, tagged

from .common import DunningCommon

ROLES = {
    "follow-up user": "base.group_user,dunning_exclusion.group_dunning_user",
    "approver": "base.group_user,dunning_exclusion.group_dunning_approver",
    "administrator": "base.group_user,dunning_exclusion.group_dunning_manager",
    "accountant": "account.group_account_invoice",
    "auditor": "base.group_user,account.group_account_readonly",
}


@tagged("post_install", "-at_install")
class TestMenus(DunningCommon, HttpCase):
    """Whoever walks through our menus finds no dead end and no error."""

    allow_end_on_form = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        values = {"company_id": cls.company.id, "company_ids": [(6, 0, cls.company.ids)]}
        cls.users = {
            role: new_test_user(cls.env, role.replace(" ", "_"), groups=groups, **values)
            for role, groups in ROLES.items()
        }
        cls._create_what_menus_show()

    @classmethod
    def _create_what_menus_show(cls):
        """Create one of each: a run that was sent, one to send, a block, a promise."""
        sent = cls._create_invoice()
        cls._create_run().action_send()
        cls._create_invoice(cls.other_customer).action_dunning_stop()
        cls._create_invoice(cls.other_customer, amount=400)
        cls.env["dunning.promise"].create(
            {
                "partner_id": cls.customer.id,
                "move_line_ids": cls._items(sent).ids,
                "date": cls.today + timedelta(days=3),
            }
        )
        cls._create_run()

    def _menus(self, role):
        """Return our menus that open something, as the role sees them."""
        menus = self.env["ir.ui.menu"].with_user(self.users[role])
        visible = menus.browse(menus._visible_menu_ids())
        return visible.filtered(lambda menu: menu.action and self._is_ours(menu))

    def _is_ours(self, menu):
        return menu.sudo().get_external_id()[menu.id].startswith("dunning_exclusion.")

    def test_each_role_sees_its_menus(self):
        counts = {role: len(self._menus(role)) for role in ROLES}
        self.assertEqual(counts["follow-up user"], counts["accountant"])
        self.assertEqual(counts["follow-up user"], counts["approver"])
        self.assertGreater(counts["administrator"], counts["approver"])
        self.assertGreater(counts["auditor"], 0)

    def test_views_and_forms_of_every_menu_open(self):
        for role, user in self.users.items():
            for menu in self._menus(role):
                action = menu.sudo().action
                if action.type != "ir.actions.act_window":
                    continue
                with self.subTest(role=role, menu=menu.name):
                    Model = self.env[action.res_model].with_user(user)
                    modes = action.view_mode.split(",")
                    views = Model.get_views([(False, mode) for mode in [*modes, "search"]])
                    self.assertEqual(set(views["views"]), {*modes, "search"})
                    if "form" in modes and (record := Model.search([], limit=1)):
                        self.assertEqual(Form(record).id, record.id)

    def test_everything_is_clicked_by_each_role(self):
        """Odoo's own clicker opens every menu, view and filter; any error on the way fails."""
        self._leave_our_menus()
        loader = "@web/webclient/clickbot/clickbot_loader"
        code = f"odoo.loader.modules.get('{loader}').startClickEverywhere('account.menu_finance')"
        for role, user in self.users.items():
            with self.subTest(role=role):
                self.browser_js(
                    "/odoo",
                    code,
                    "odoo.isReady === true",
                    login=user.login,
                    timeout=180,
                    success_signal="clickbot test succeeded",
                )

    def _leave_our_menus(self):
        """Hide what is not ours below Invoicing: it has tests of its own."""
        Menu = self.env["ir.ui.menu"].with_context(**{"ir.ui.menu.full_list": True})
        root = self.env.ref("account.menu_finance")
        below = Menu.search(Domain("id", "child_of", root.id) & Domain("id", "!=", root.id))
        ours = below.filtered(self._is_ours)
        above = Menu.search(Domain("id", "parent_of", ours.ids))
        (below - ours - above).active = False
