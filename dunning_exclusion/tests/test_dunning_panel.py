from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from ..models.scenario_sentence import short_date
from .common import DunningCommon
from .scenario_common import ScenarioCommon


@tagged("post_install", "-at_install")
class TestDunningForecast(ScenarioCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first, cls.second, cls.third = cls.scenario.level_ids

    def _next(self, customer=None):
        return (customer or self.customer).dunning_next_reminders()

    def _says(self, day, what):
        date = short_date(self.env, self.today + timedelta(days=day)) if day else "Today"
        return [f"{date}: {what}"]

    def assertNext(self, day, level):
        self.assertEqual(self._next(), self._says(day, f"{level.name} ({self.scenario.name})"))

    def test_next_level_and_its_day(self):
        self.assertEqual(self._next(), [])
        invoice = self._create_invoice(days=5)
        self.assertNext(5 + self.first.delay, self.first)
        self._create_invoice(days=-1)
        self.assertNext(0, self.first)
        self._create_invoice(self.other_customer, days=-60)
        invoice.button_draft()
        self._create_run(scenario_ids=[Command.set(self.scenario.ids)]).action_send()
        self.env["dunning.notice"].search([]).sudo().state = "sent"
        self.assertNext(self.second.delay - 1, self.second)

    def test_forecast_is_what_a_run_of_that_day_would_send(self):
        self._create_invoice(days=3)
        self._create_invoice(days=-20)
        self._remind(self._items(self._create_invoice(days=-40)), self.second, -20)
        day, words = self._next()[0].split(": ")
        self.assertEqual(day, "Today")
        run = self._create_run()
        levels = run.line_ids.filtered("checked").level_id
        self.assertEqual(levels.sorted(lambda level: level._get_place())[-1:], self.third)
        self.assertIn(self.third.name, words)

    def test_held_customer_is_reminded_when_the_hold_ends(self):
        self._create_invoice()
        pause = self.env["dunning.block"].create(
            {
                "partner_id": self.customer.id,
                "company_id": self.company.id,
                "kind": "pause",
                "reason_id": self.env["dunning.block.reason"].search([], limit=1).id,
                "date_to": self.today + timedelta(days=9),
            }
        )
        self.assertNext(10, self.first)
        pause.action_lift()
        self.customer.action_dunning_stop()
        self.assertEqual(self._next(), [])

    def test_promise_and_postponed_due_date_move_the_day(self):
        invoice = self._create_invoice()
        invoice.dunning_due_date = self.today + timedelta(days=4)
        self.assertNext(5, self.first)
        invoice.dunning_due_date = False
        promise = self.env["dunning.promise"].create(
            {
                "partner_id": self.customer.id,
                "move_line_ids": self._items(invoice).ids,
                "date": self.today + timedelta(days=3),
            }
        )
        self.assertNext(4 + self.company.dunning_promise_tolerance_days, self.first)
        self.assertEqual(promise.state, "open")

    def test_workflows_are_named_with_their_next_day(self):
        self.scenario.active = False
        tomorrow = self.today + timedelta(days=1)
        workflow = self._create_workflow(name="Statement", weekday=str(tomorrow.weekday()))
        self.assertEqual(self._next(), [], "nothing is owed")
        self._create_invoice()
        self.assertEqual(self._next(), self._says(1, "Statement"))
        condition = {"metric": "overdue", "operator": ">=", "value": 500}
        workflow.condition_ids = [Command.create(condition)]
        self.assertEqual(self._next(), [])
        workflow.condition_ids.value = 100
        self.assertEqual(self._next(), self._says(1, "Statement"))
        workflow.customer_domain = f"[('id', '!=', {self.customer.id})]"
        self.assertEqual(self._next(), [])

    def test_workflows_obey_holds_too(self):
        self.scenario.active = False
        tomorrow = self.today + timedelta(days=1)
        self._create_workflow(name="Statement", weekday=str(tomorrow.weekday()))
        self._create_invoice()
        self.customer.dunning_pause_until = self.today + timedelta(days=9)
        self.assertEqual(self._next(), self._says(15, "Statement"))
        self.customer.action_dunning_stop()
        self.assertEqual(self._next(), [])

    def test_an_invoice_has_its_own_forecast(self):
        self._create_invoice()
        later = self._create_invoice(days=5)
        self.assertNext(0, self.first)
        expected = self._says(5 + self.first.delay, f"{self.first.name} ({self.scenario.name})")
        self.assertEqual(later.dunning_next_reminders(), expected)
        self.assertEqual(self._items(later).dunning_next_reminders(), expected)

    def test_others_learn_nothing_from_it(self):
        self._create_invoice()
        someone = new_test_user(self.env, login="someone", groups="base.group_user")
        with self.assertRaises(AccessError):
            self.customer.with_user(someone).dunning_next_reminders()

    def test_queries_do_not_grow_with_other_customers(self):
        self._create_invoice()
        self._next()
        before = self.env.cr.sql_log_count
        self._next()
        alone = self.env.cr.sql_log_count - before
        for _number in range(5):
            self._create_invoice(self.other_customer)
        self._next()
        before = self.env.cr.sql_log_count
        self._next()
        self.assertEqual(self.env.cr.sql_log_count - before, alone)


@tagged("post_install", "-at_install")
class TestHeadline(ScenarioCommon):
    """One sentence says when a customer or an invoice is reminded next, or why not."""

    def _headline(self, record=None):
        headline = (record or self.customer).dunning_headline()
        return headline["state"], headline["text"]

    def _day(self, days):
        return short_date(self.env, self.today + timedelta(days=days))

    def assertHeadline(self, state, text, record=None):
        self.assertEqual(self._headline(record), (state, text))

    def test_five_headlines(self):
        self.assertHeadline("not_due", "No reminder due: nothing is owed")
        invoice = self._create_invoice(days=5)
        for record in (self.customer, invoice, self._items(invoice)):
            with self.subTest(record=record):
                self.assertHeadline("next", f"Next reminder on {self._day(6)}: Level 1", record)
        overdue = self._create_invoice()
        for record in (self.customer, overdue):
            with self.subTest(record=record):
                self.assertHeadline("next", "Next reminder today: Level 1", record)
        self.customer.dunning_pause_until = self.today + timedelta(days=3)
        for record in (self.customer, overdue):
            with self.subTest(record=record):
                text = f"Held back until {self._day(3)}: Reminders to the customer are paused"
                self.assertHeadline("held", text, record)
        self.customer.prevent_dunning = True
        text = "Not listed because: Reminders to the customer are prevented"
        self.assertHeadline("not_listed", text)
        self.customer.action_dunning_resume()
        self.customer.action_dunning_stop()
        text = "Held back until somebody decides: Reminders to the customer are stopped"
        self.assertHeadline("held", text)
        self.assertHeadline("held", text, invoice)
        self.customer.action_dunning_resume()
        self.scenario.customer_domain = f"[('id', '!=', {self.customer.id})]"
        self.env.invalidate_all()
        message = "None of the configured scenarios are applicable to this customer"
        self.assertHeadline("no_scenario", message)

    def test_promise_holds_until_its_date(self):
        invoice = self._create_invoice()
        self.env["dunning.promise"].create(
            {
                "partner_id": self.customer.id,
                "move_line_ids": self._items(invoice).ids,
                "date": self.today + timedelta(days=3),
            }
        )
        text = f"Held back until {self._day(3)}: Promised to pay"
        self.assertHeadline("held", text)
        self.assertHeadline("held", text, invoice)

    def test_rules_hold_back(self):
        self.company.dunning_item_minimum = 500
        self._create_invoice(amount=100)
        text = "Held back until somebody decides: Below the minimum per item"
        self.assertHeadline("held", text)

    def test_headline_never_contradicts_what_is_foreseen(self):
        invoice = self._create_invoice()
        for change in (
            lambda: None,
            invoice.action_dunning_stop,
            lambda: invoice.action_dunning_resume() and self._create_invoice(days=9),
            lambda: self.customer.write({"dunning_pause_until": self.today + timedelta(days=20)}),
        ):
            change()
            headline = self.customer.dunning_headline()
            self.assertEqual(headline["next"], self.customer.dunning_next_reminders())
            self.assertEqual(
                headline["state"] == "next" and "today" in headline["text"],
                self.customer.dunning_outcome == "included",
            )
            if headline["state"] in ("not_listed", "no_scenario", "not_due"):
                self.assertFalse(headline["next"])

    def test_after_the_last_level_nothing_is_foreseen(self):
        items = self._items(self._create_invoice(days=-90))
        for day, level in zip((-60, -40, -20), self.scenario.level_ids, strict=True):
            self._remind(items, level, day)
        text = "No reminder due: all planned reminders were sent"
        self.assertHeadline("not_due", text)

    def test_others_learn_nothing_from_it(self):
        self._create_invoice()
        someone = new_test_user(self.env, login="someone_else", groups="base.group_user")
        with self.assertRaises(AccessError):
            self.customer.with_user(someone).dunning_headline()


@tagged("post_install", "-at_install")
class TestWaysOut(DunningCommon):
    """Each reason leads to what removes it."""

    def _way_out(self, record, code):
        action = record.action_dunning_way_out(code)
        return action["res_model"], action.get("res_id")

    def test_each_shipped_rule_has_a_way_out_that_opens(self):
        invoice = self._create_invoice()
        rules = self.env["dunning.exclusion.rule"].search([("source", "=", "builtin")])
        self.assertGreater(len(rules), 15)
        for rule in rules:
            with self.subTest(rule=rule.code):
                self.assertTrue(rule.way_out)
                for record in (self.customer, invoice, self._items(invoice)):
                    action = record.action_dunning_way_out(rule.code)
                    self.assertEqual(action["type"], "ir.actions.act_window")
                    self.assertIn(action["res_model"], self.env)

    def test_ways_out_lead_where_the_reason_ends(self):
        invoice = self._create_invoice()
        self.customer.action_dunning_stop()
        block = self.customer.dunning_block_ids
        action = self.customer.action_dunning_way_out("stop_customer", block.id)
        self.assertEqual((action["res_model"], action["res_id"]), ("dunning.block", block.id))
        self.assertEqual(self._way_out(invoice, "no_followup"), ("account.move", invoice.id))
        customer = ("res.partner", self.customer.id)
        self.assertEqual(self._way_out(invoice, "no_address"), customer)
        self.assertEqual(self._way_out(self.customer, "promise")[0], "dunning.promise")
        own = self.env["dunning.exclusion.rule"].create(
            {"name": "Own", "model": "res.partner", "domain": "[('ref', '=', 'x')]"}
        )
        rule = ("dunning.exclusion.rule", own.id)
        self.assertEqual(self._way_out(self.customer, own.code), rule)

    def test_only_ways_out_that_are_open_are_offered(self):
        self.company.dunning_item_minimum = 500
        self._create_invoice(amount=100)
        self.customer.action_dunning_stop()
        offers = {}
        for name in ("user", "manager", "reader"):
            group = f"dunning_exclusion.group_dunning_{name}"
            if name == "reader":
                group = "account.group_account_readonly"
            user = self._create_user(name, "base.group_user", group)
            panel = self.customer.with_user(user).dunning_panel()
            offers[name] = {reason["rule"]: bool(reason["way_out"]) for reason in panel["reasons"]}
        self.assertEqual(offers["reader"], {"stop_customer": False, "item_minimum": False})
        self.assertEqual(offers["user"], {"stop_customer": True, "item_minimum": False})
        self.assertEqual(offers["manager"], {"stop_customer": True, "item_minimum": True})

    def test_excluded_receivables_are_grouped_by_what_would_free_them(self):
        self._create_invoice(amount=100)
        self.customer.action_dunning_stop()
        bare = self._create_customer("Bare", email=False)
        self._create_invoice(bare, amount=40)
        Screening = self.env["dunning.screening"]
        groups = Screening._read_group(
            [("outcome", "!=", "included")], ["way_out"], ["amount_residual:sum"]
        )
        self.assertEqual(dict(groups), {"resume": 100.0, "address": 40.0})
        action = Screening.search([("partner_id", "=", bare.id)]).action_way_out()
        self.assertEqual((action["res_model"], action["res_id"]), ("res.partner", bare.id))

    def test_unknown_reasons_and_foreign_holds_are_refused(self):
        self._create_invoice()
        with self.assertRaisesRegex(UserError, "reload the page"):
            self.customer.action_dunning_way_out("nonsense")
        for wrong in (10**9, "1", -1):
            with self.subTest(block=wrong), self.assertRaises(UserError):
                self.customer.action_dunning_way_out("stop_customer", wrong)


@tagged("post_install", "-at_install")
class TestFollowUpTab(DunningCommon):
    """What the Follow-up tab of customers and invoices tells."""

    def test_tab_of_the_customer_tells_everything(self):
        invoice = self._create_invoice(amount=100)
        self.customer.action_dunning_stop()
        panel = self.customer.dunning_panel()
        self.assertEqual(panel["outstanding"], 100)
        self.assertEqual(panel["outcome"], "unchecked")
        self.assertEqual([block["kind"] for block in panel["blocks"]], ["stop"])
        self.assertEqual([item["name"] for item in panel["items"]], [invoice.display_name])
        self.assertEqual(panel["items"][0]["reasons"], ["Reminders to the customer are stopped"])
        self.assertTrue(all(reminder["on"] for reminder in panel["types"]))

    def test_tab_of_a_contact_is_that_of_its_customer(self):
        self._create_invoice(amount=100)
        contact = self.env["res.partner"].create({"name": "Kid", "parent_id": self.customer.id})
        panel = contact.dunning_panel()
        self.assertEqual(panel["outstanding"], 100)
        self.assertEqual(panel["item_count"], 1)

    def test_item_is_stopped_and_resumed_from_the_tab(self):
        item = self._items(self._create_invoice())
        self.assertTrue(item.dunning_toggle_stop())
        self.assertTrue(item.dunning_stop)
        self.assertFalse(item.dunning_toggle_stop())
