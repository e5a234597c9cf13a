from odoo.modules.module import Manifest
from odoo.tests import TransactionCase, tagged
from odoo.tools import convert_file

MODULE = "dunning_exclusion"
# What a person looks for in the demo, and where it can be seen.
CUSTOMERS = {
    "prevent_customer": "granite",
    "prevent_item": "fairview",
    "pause_customer": "maple",
    "pause_item": "riverside",
    "no_followup": "oldmill",
    "automatic_payment": "sunrise",
    "type_off": "quiet",
    "type_filter": "meridian",
    "creditor": "lakeside",
    "stop_customer": "cedar",
    "stop_item": "northgate",
    "item_minimum": "penny",
    "customer_minimum": "tinytales",
    "customer_maximum": "titan",
    "promise": "ashford",
    "paid": "harper",
    "blocked_payment": "delta",
    "no_address": "stonebridge",
    "reminded_recently": "palm",
    "bounced": "valley",
    "archived": "curtain",
    "covered": "marlow",
    "payment_under_way": "seaview",
    "not_delivered": "beech",
}


@tagged("post_install", "-at_install")
class TestDemo(TransactionCase):
    """The demo data, loaded for these tests: databases of tests have none."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in Manifest.for_addon(MODULE)["demo"]:
            convert_file(cls.env, MODULE, name, {}, "init", noupdate=True)
        cls.company = cls.env.ref("base.main_company")
        cls.accountant = cls.env.ref(f"{MODULE}.demo_user_accountant")
        env = cls.env(user=cls.accountant, context={"allowed_company_ids": cls.company.ids})
        cls.run_ = env["dunning.run"].create({})
        cls.run_.action_prepare()

    def _customer(self, name):
        return self.env.ref(f"{MODULE}.demo_customer_{name}")

    def _shipped_rules(self):
        shipped = self.env["ir.model.data"].search(
            [("model", "=", "dunning.exclusion.rule"), ("module", "=", MODULE)]
        )
        rules = self.env["dunning.exclusion.rule"].browse(shipped.mapped("res_id"))
        return rules.filtered(lambda rule: rule.source == "builtin")

    def _decided(self, customer):
        return self.run_.line_ids.filtered(lambda line: line.partner_id == customer).rule_id

    def test_every_shipped_rule_has_its_customer(self):
        for rule in self._shipped_rules():
            with self.subTest(rule=rule.code):
                customer = self._customer(CUSTOMERS[rule.code])
                self.assertIn(rule, self._decided(customer))

    def test_customer_who_answered_by_e_mail_is_held(self):
        customer = self._customer("alder")
        self.assertEqual(self._decided(customer).code, "stop_customer")
        block = customer.with_company(self.company).dunning_block_ids
        self.assertEqual((block.origin, block.kind), ("reply", "stop"))
        answer = self.env["dunning.answer"].search([("partner_id", "=", customer.id)])
        self.assertIn("credit note", answer.text)
        self.assertTrue(answer.activity_ids.user_id)

    def test_insolvency_and_collector_are_shown_by_their_reasons(self):
        for name, reason in (("ember", "insolvency"), ("granite", "sold")):
            with self.subTest(customer=name):
                blocks = self._customer(name).with_company(self.company).dunning_block_ids
                self.assertEqual(blocks.reason_id.code, reason)

    def test_names_are_ordinary_and_tags_say_what_each_customer_shows(self):
        for code, name in CUSTOMERS.items():
            with self.subTest(rule=code):
                customer = self._customer(name)
                self.assertTrue(customer.category_id, "a tag says what it shows")
                told = {word.lower() for tag in customer.category_id for word in tag.name.split()}
                self.assertFalse(told & set(customer.name.lower().split()))
                self.assertRegex(customer.name, r"^[A-Z][A-Za-z ]+$")

    def test_own_rule_leaves_out_the_public_sector(self):
        rule = self.env.ref(f"{MODULE}.demo_rule_public_sector")
        self.assertEqual(self._decided(self._customer("library")), rule)

    def test_a_customer_shows_that_no_scenario_applies(self):
        nora = self._customer("nora").with_company(self.company)
        self.assertIn("None of the configured scenarios", nora.dunning_scenario_message)
        missing = [("dunning_scenario_missing", "=", True)]
        found = self.env["res.partner"].with_company(self.company).search(missing)
        self.assertEqual(found, nora)
        self.assertFalse(self._decided(nora))

    def test_customers_are_at_every_level(self):
        included = self.run_.line_ids.filtered(lambda line: line.outcome == "included")
        levels = {line.level_id for line in included}
        for level in ("level_friendly", "level_firm", "level_final", "demo_level_quick"):
            self.assertIn(self.env.ref(f"{MODULE}.{level}"), levels, level)

    def test_special_items_are_as_their_names_say(self):
        for name, items, outcomes in (
            ("corner", 2, {"included", "dropped"}),
            ("summit", 2, {"included", "unchecked"}),
            ("harvest", 1, {"included"}),
            ("evergreen", 0, set()),
            ("willow", 2, {"included"}),
            ("dubois", 2, {"included"}),
            ("silverline", 0, set()),
            ("marlow", 2, {"included", "unchecked"}),
            ("seaview", 2, {"included", "unchecked"}),
            ("ember", 2, {"included", "dropped"}),
        ):
            with self.subTest(customer=name):
                customer = self._customer(name)
                lines = self.run_.line_ids.filtered(lambda line, c=customer: line.partner_id == c)
                self.assertEqual((len(lines), set(lines.mapped("outcome"))), (items, outcomes))

    def test_reminder_address_gets_the_reminder(self):
        customer = self._customer("orchard")
        payables = self.env.ref(f"{MODULE}.demo_contact_orchard_payables")
        self.assertEqual(customer._dunning_recipients_by_customer()[customer], payables)

    def test_second_company_has_its_own_blocks_and_items(self):
        accountant = self.env.ref(f"{MODULE}.demo_user_europe")
        run = self.env(user=accountant)["dunning.run"].create({})
        run.action_prepare()
        self.assertEqual(run.company_id, self.env.ref(f"{MODULE}.demo_company_europe"))
        outcomes = {line.partner_id: line.outcome for line in run.line_ids}
        self.assertEqual(outcomes[self._customer("alpen")], "unchecked")
        self.assertEqual(outcomes[self._customer("cedar")], "included", "stopped elsewhere only")
        self.assertEqual(outcomes[self._customer("nordic")], "included")

    def test_promises_are_in_every_state(self):
        states = {
            name: self.env.ref(f"{MODULE}.demo_promise_{name}").state
            for name in ("ashford", "willow", "silverline")
        }
        self.assertEqual(states, {"ashford": "open", "willow": "broken", "silverline": "kept"})

    def test_past_reminders_are_history(self):
        notices = self._customer("beacon").dunning_notice_ids.sorted("date")
        self.assertEqual(notices.mapped("state"), ["sent", "sent"])
        self.assertEqual(notices.mapped("level_id.name"), ["Friendly reminder", "Firm reminder"])
        self.assertIn(notices[0].line_ids.move_id.name, notices[0].body)
        self.assertEqual(self._customer("valley").dunning_notice_ids.state, "failed")

    def test_demo_users_are_no_administrators(self):
        for name in ("accountant", "approver", "europe", "follow_up"):
            user = self.env.ref(f"{MODULE}.demo_user_{name}")
            self.assertFalse(user.has_group("base.group_system"), name)
            self.assertFalse(user.has_group("base.group_partner_manager"), name)
