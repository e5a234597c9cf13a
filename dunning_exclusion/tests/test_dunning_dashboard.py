import re
from ast import literal_eval
from datetime import timedelta

from freezegun import freeze_time
from lxml import etree

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command, Domain
from odoo.tests import new_test_user, tagged

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestOnboarding(DunningCommon):
    """The first steps on the page Today of who sets follow-ups up."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = new_test_user(
            cls.env,
            "dunning_manager",
            groups="base.group_user,dunning_exclusion.group_dunning_manager",
            company_id=cls.company.id,
            company_ids=[(6, 0, cls.company.ids)],
        )
        cls.env["dunning.scenario"].search([("id", "!=", cls.scenario.id)]).active = False

    def _steps(self):
        board = self.env["dunning.run"].with_user(self.manager).retrieve_screened()
        return {step["name"]: step["done"] for step in board["steps"]}

    def test_steps_are_ticked_as_they_are_done_and_then_gone(self):
        self.scenario.active = False
        self.assertEqual(
            self._steps(), {"scenario": False, "thresholds": False, "addresses": False}
        )
        self.scenario.active = True
        self.assertEqual(self._steps(), {"scenario": True, "thresholds": False, "addresses": True})
        self.customer.email = False
        self._create_invoice()
        self.company.dunning_item_minimum = 5
        self.assertEqual(self._steps(), {"scenario": True, "thresholds": True, "addresses": False})
        self.customer.email = "customer@example.com"
        self.assertEqual(self._steps(), {})

    def test_steps_can_be_hidden_by_administrators_only(self):
        board = self.env["dunning.run"]
        user = new_test_user(
            self.env, "worker", groups="base.group_user,dunning_exclusion.group_dunning_user"
        )
        self.assertFalse(self.env["dunning.run"].with_user(user).retrieve_screened()["steps"])
        with self.assertRaisesRegex(AccessError, "administrators"):
            board.with_user(user).action_hide_first_steps()
        self.assertTrue(self._steps())
        board.with_user(self.manager).action_hide_first_steps()
        self.assertEqual(self._steps(), {})

    def test_each_step_leads_to_an_action(self):
        board = self.env["dunning.run"].with_user(self.manager).retrieve_screened()
        self.assertEqual(len(board["steps"]), 3)
        Step = self.env["onboarding.onboarding.step"].with_user(self.manager)
        for step in board["steps"]:
            with self.subTest(step=step["name"]):
                action = getattr(Step, step["action"])()
                self.assertEqual(action["type"], "ir.actions.act_window")
                # The page opens it as it is: the web client wants to be told the views.
                self.assertTrue(action["views"])


@tagged("post_install", "-at_install")
class TestToday(DunningCommon):
    """The figures of the page Today, compared with plain SQL, and where they lead."""

    def _tasks(self):
        board = self.env["dunning.run"].retrieve_dashboard()
        return {task["name"]: (task["count"], task["amount"]) for task in board["tasks"]}

    def test_the_page_first_shows_what_takes_no_time(self):
        self._create_what_is_to_do()
        Run = self.env["dunning.run"]
        quick, whole = Run.retrieve_dashboard(quick=True), Run.retrieve_dashboard()
        held = Run.retrieve_dashboard(lists=False)
        lists = Run.retrieve_screened()["lists"]
        of_holds = {"answers", "ending", "forgotten"}
        for board, later in ((quick, {*lists, *of_holds}), (held, {*lists})):
            for one, other in zip(board["tasks"], whole["tasks"], strict=True):
                with self.subTest(task=one["name"]):
                    known = one["name"] not in later
                    self.assertEqual(one["count"], other["count"] if known else None)
                    self.assertEqual(one["amount"], other["amount"] if known else None)
        tasks = {task["name"]: task for task in whole["tasks"]}
        for name, figures in lists.items():
            self.assertEqual(figures, {key: tasks[name][key] for key in ("count", "amount")})
        self.assertTrue(lists["to_send"]["count"] and lists["to_approve"]["count"])
        self.assertEqual(held["by_age"], whole["by_age"])
        self.assertEqual(quick["sent"], whole["sent"])
        self.assertIsNone(quick["by_age"] or quick["by_person"])

    def _sql(self, query, *args):
        """Return the one row of `query`, with 0 for nothing."""
        self.env.flush_all()
        self.env.cr.execute(query, args)
        return tuple(value or 0 for value in self.env.cr.fetchone())

    def _create_what_is_to_do(self):
        """Create some of everything, in this company and a bit of it in another one."""
        self.company.dunning_customer_maximum = 800
        for amount in (100, 50):
            self._create_invoice(amount=amount)
        self._create_invoice(self._create_customer("Gamma"), amount=900)
        self._create_invoice(self._create_customer("Delta"), amount=30).action_dunning_stop()
        # The items of this scenario are those of the first one.
        self.env["dunning.scenario"].create(
            {
                "name": "Statements",
                "company_id": self.company.id,
                "campaign_type": "customer",
                "weekday": str(self.today.weekday()),
                "level_ids": [
                    Command.create({"name": "All", "type_id": self.type_overdue.id}),
                ],
            }
        )

    def test_what_is_to_send_is_the_same_before_and_after_the_list_is_prepared(self):
        self._create_what_is_to_do()
        live = self._tasks()
        run = self._create_run()
        self.assertEqual(live, self._tasks())
        # A list that is prepared is not screened again.
        board = run.retrieve_dashboard(lists=False)
        told = {task["name"]: (task["count"], task["amount"]) for task in board["tasks"]}
        self.assertEqual(live, told)
        self.assertEqual(run.retrieve_screened()["lists"], {})
        items = """SELECT COUNT(DISTINCT partner_id), SUM(amount)
                     FROM (SELECT DISTINCT partner_id, move_line_id, amount_residual AS amount
                             FROM dunning_run_line WHERE run_id = %s AND {}) item"""
        self.assertEqual(live["to_send"], self._sql(items.format("checked"), run.id))
        self.assertEqual(live["to_send"], (1, 150))
        above = """NOT checked AND rule_id = (
                       SELECT id FROM dunning_exclusion_rule WHERE code = 'customer_maximum')"""
        self.assertEqual(live["to_approve"], self._sql(items.format(above), run.id))
        self.assertEqual(live["to_approve"], (1, 900))
        run.workflow_ids.active = False
        self.assertEqual(live["to_send"], self._tasks()["to_send"], "its lines are still there")

    def test_what_is_to_send_is_the_same_without_workflows(self):
        self.company.dunning_customer_maximum = 800
        for amount in (100, 50):
            self._create_invoice(amount=amount)
        self._create_invoice(self.other_customer, amount=900)
        live = self._tasks()
        self._create_run()
        self.assertEqual(live, self._tasks())
        self.assertEqual((live["to_send"], live["to_approve"]), ((1, 150), (1, 900)))

    def test_a_line_that_is_not_selected_is_not_to_send(self):
        self._create_what_is_to_do()
        run = self._create_run()
        line = run.line_ids.filtered("checked").sorted("amount_residual")
        line.filtered(lambda item: item.amount_residual == 100).checked = False
        self.assertEqual(self._tasks()["to_send"], (1, 50))
        run.action_cancel()
        self.assertEqual(self._tasks()["to_send"], (1, 150), "without a list: what it would be")

    def test_promises_and_messages_are_counted(self):
        invoice = self._create_invoice(amount=200)
        promise = {"partner_id": self.customer.id, "move_line_ids": self._items(invoice).ids}
        with freeze_time(self.today - timedelta(days=30)):
            self.env["dunning.promise"].create(
                {**promise, "date": self.today - timedelta(days=20), "amount": 120}
            )
        self._create_invoice(self.other_customer, amount=75)
        run = self._create_run()
        for state, action in (("failed", "email"), ("queued", "letter"), ("queued", "email")):
            self.env["dunning.notice"].sudo().create(
                {
                    **{"run_id": run.id, "company_id": self.company.id, "state": state},
                    **{"partner_id": self.customer.id, "date": self.today, "action": action},
                    "level_id": self.scenario.level_ids[len(run.notice_ids)].id,
                    "line_ids": [Command.set(run.line_ids.filtered("checked").ids)],
                }
            )
            run.invalidate_recordset()
        tasks = self._tasks()
        self.assertEqual(tasks["broken"], (1, 120))
        self.assertEqual(
            tasks["broken"],
            self._sql("SELECT COUNT(*), SUM(amount) FROM dunning_promise WHERE date < now()"),
        )
        query = """SELECT COUNT(DISTINCT notice.id), SUM(line.amount_residual)
                     FROM dunning_notice notice
                     JOIN dunning_notice_line_rel listed ON listed.notice_id = notice.id
                     JOIN dunning_run_line line ON line.id = listed.line_id
                    WHERE notice.company_id = %s AND notice."""
        failed = self._sql(query + "state = 'failed'", self.company.id)
        self.assertEqual(tasks["failed"], failed)
        letters = self._sql(
            query + "action = 'letter' AND notice.state = 'queued'", self.company.id
        )
        self.assertEqual(tasks["letters"], letters)
        self.assertEqual((failed, letters), ((1, 275), (1, 275)))

    def test_holds_count_each_item_once(self):
        invoice = self._create_invoice(amount=100)
        other = self._create_invoice(self.other_customer, amount=40)
        values = {"company_id": self.company.id, "kind": "stop"}
        Block = self.env["dunning.block"]
        old = self.today - timedelta(days=100)
        # Two holds of one item, a forgotten one each; then answers, one of which ends soon.
        for move in (self.env["account.move"], invoice):
            old_stop = Block.create(
                {
                    **values,
                    **{"partner_id": self.customer.id, "move_id": move.id, "date_from": old},
                }
            )
        for origin, end in (("reply", 3), ("customer", 30)):
            Block.sudo().create(
                {
                    **values,
                    **{"partner_id": self.other_customer.id, "move_id": other.id},
                    **{"origin": origin, "date_to": self.today + timedelta(days=end)},
                    "kind": "pause" if origin == "reply" else "prevent",
                }
            )
        # Each was answered; one of the customer was settled already.
        answered = Block.search([("origin", "!=", "user"), ("company_id", "=", self.company.id)])
        for block, state in [
            (answered[0], "waiting"),
            (answered[1], "waiting"),
            (old_stop, "accepted"),
        ]:
            self.env["dunning.answer"].sudo().create(
                {
                    **{"company_id": self.company.id, "partner_id": block.partner_id.id},
                    "type_id": self.env.ref("dunning_exclusion.answer_dispute").id,
                    **{"block_ids": [Command.set(block.ids)], "state": state},
                }
            )
        tasks = self._tasks()
        query = """SELECT COUNT(DISTINCT block.id), (
                       SELECT SUM(amount_residual) FROM account_move_line line
                        WHERE line.amount_residual <> 0 AND line.partner_id = ANY(
                            ARRAY_AGG(block.partner_id)))
                     FROM dunning_block block WHERE company_id = %s AND """
        waiting = """id IN (SELECT block_id FROM dunning_answer_block_rel answered
                              JOIN dunning_answer answer ON answer.id = answered.answer_id
                             WHERE answer.state = 'waiting')"""
        for task, condition, expected in (
            ("forgotten", "date_to IS NULL AND date_from < now() - interval '90 days'", (2, 100)),
            ("answers", waiting, (2, 40)),
            ("ending", "date_to < now() + interval '7 days'", (1, 40)),
        ):
            with self.subTest(task=task):
                self.assertEqual(tasks[task], expected)
                self.assertEqual(tasks[task], self._sql(query + condition, self.company.id))

    def test_answers_are_counted_with_what_they_are_about(self):
        chosen, other = (self._create_invoice(amount=amount) for amount in (100, 30))
        disputed = self._create_invoice(self.other_customer, amount=40)
        promised = self._items(chosen)
        stop = disputed._dunning_block("stop", origin="customer", user_id=False)
        # A promise sets no hold; two answers about one item count it once.
        for code, values in (
            ("promise", {"move_line_ids": [Command.set(promised.ids)]}),
            ("paid", {"move_line_ids": [Command.set((promised | self._items(other)).ids)]}),
            ("dispute", {"block_ids": [Command.set(stop.ids)]}),
            ("wrong_person", {}),
        ):
            kind = self.env.ref(f"dunning_exclusion.answer_{code}")
            customer = disputed.partner_id if code == "dispute" else chosen.partner_id
            self.env["dunning.answer"].sudo().create(
                {
                    **{"company_id": self.company.id, "partner_id": customer.id},
                    **{"type_id": kind.id, **values},
                }
            )
        self.assertEqual(self._tasks()["answers"], (4, 170))

    def test_buttons_open_what_they_count(self):
        self._create_what_is_to_do()
        for task in self.env["dunning.run"].retrieve_dashboard()["tasks"]:
            with self.subTest(task=task["name"]):
                action = self.env.ref(f"dunning_exclusion.{task['action']}")
                if action._name == "ir.actions.server":
                    model = "dunning.run.line"
                else:
                    model = action.res_model
                arch = self.env[model].get_views([(False, "search")])["views"]["search"]["arch"]
                for name in task["context"]:
                    found = name.removeprefix("search_default_")
                    self.assertIn(f'name="{found}"', arch)

    def test_the_page_takes_a_handful_of_queries_however_much_there_is(self):
        self._create_invoice().action_dunning_stop()
        self._tasks()

        def count():
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self._tasks()
            return self.env.cr.sql_log_count - before

        alone = count()
        for number in range(5):
            self._create_invoice(self._create_customer(f"More {number}")).action_dunning_stop()
        self.assertEqual(count(), alone)
        screenings = self._queries_with(re.compile("AS reminded_amount"), self._tasks)
        self.assertEqual(len(screenings), 1, "one screening for the page")

    def test_one_screening_says_what_is_to_send_and_what_is_excluded(self):
        self._create_what_is_to_do()
        Run, screened = self.env["dunning.run"], re.compile("AS reminded_amount")
        for day in (None, str(self.today + timedelta(days=1))):
            with self.subTest(day=day):
                [query] = self._queries_with(screened, lambda day=day: Run.retrieve_screened(day))
                self.assertEqual(query.count("AS own_ranks"), 1, "items are read once")

    def test_tables_lead_to_what_is_excluded(self):
        self._create_invoice(amount=100)
        self.customer.action_dunning_stop()
        self._create_invoice(self.other_customer, amount=40)
        by_reason = self.env["dunning.run"].retrieve_screened()["by_reason"]
        self.assertEqual(
            [(row["label"], row["amount"]) for row in by_reason],
            [("Reminders to the customer are stopped", 100.0)],
        )
        found = self.env["dunning.screening"].search(by_reason[0]["domain"])
        self.assertEqual(sum(found.mapped("amount_residual")), 100)
        board = self.env["dunning.run"].retrieve_dashboard()
        self.assertEqual([row["count"] for row in board["by_age"]], [1, 0, 0])
        self.assertEqual([row["count"] for row in board["by_person"]], [1])

    def test_holds_by_answers_are_of_no_person(self):
        self._create_invoice(amount=100)
        self.customer._dunning_block("stop", origin="reply", user_id=False)
        [row] = self.env["dunning.run"].retrieve_dashboard()["by_person"]
        self.assertEqual((row["label"], row["count"]), ("Answers of customers, or former users", 1))

    def test_what_is_excluded_is_the_same_on_every_screen(self):
        self._create_what_is_to_do()
        self._create_invoice(self._create_customer("Later"), days=5).action_dunning_stop()
        by_reason = self.env["dunning.run"].retrieve_screened()["by_reason"]
        total = sum(row["amount"] for row in by_reason)
        self.assertEqual(total, 930, "not the item that is not overdue")
        for xmlid in ("dunning_screening_action", "dunning_exclusion_report_action"):
            with self.subTest(screen=xmlid):
                action = self.env.ref(f"dunning_exclusion.{xmlid}")
                view = self.env[action.res_model].get_view(view_type="search")
                arch = etree.fromstring(view["arch"])
                shown = [
                    literal_eval(node.get("domain"))
                    for name in literal_eval(action.context)
                    for node in arch.xpath(f"//filter[@name='{name[15:]}'][@domain]")
                ]
                [[amount]] = self.env[action.res_model]._read_group(
                    Domain.AND([Domain(domain) for domain in shown]), [], ["amount_residual:sum"]
                )
                self.assertEqual(amount, total)

    def test_a_coming_day_can_be_looked_at(self):
        day = self.today + timedelta(days=3)
        self._create_invoice(amount=100)
        self._create_invoice(amount=50, days=2)
        paused = self._create_invoice(self.other_customer, amount=40)
        paused._dunning_block("pause", date_to=day - timedelta(days=1))
        stopped = self._create_invoice(self._create_customer("Gamma"), amount=7)
        stopped._dunning_block("stop", date_from=day)
        Run = self.env["dunning.run"]
        now, coming = Run.retrieve_screened(), Run.retrieve_screened(str(day))
        for board, expected in ((now, {"pause_item": 40}), (coming, {"stop_item": 7})):
            found = {row["code"]: row["amount"] for row in board["by_reason"]}
            self.assertEqual(found, expected)
        self.assertEqual((now["day"], coming["day"]), (False, str(day)))
        self.assertEqual(now["next_run"], str(self.today + timedelta(days=1)))
        run = self._create_run(date=day)
        ticked = run.line_ids.filtered("checked")
        expected = {
            "count": len(ticked.partner_id),
            "amount": sum(ticked.mapped("amount_residual")),
        }
        self.assertEqual(coming["lists"]["to_send"], expected)
        self.assertGreaterEqual(expected["count"], 2)
        passed = Run.retrieve_screened(str(self.today - timedelta(days=3)))
        self.assertEqual(passed, now, "a day that has passed: today")
        with self.assertRaisesRegex(UserError, "like 2026-12-31"):
            Run.retrieve_screened("next week")

    def test_today_is_for_those_who_may_read_holds(self):
        outsider = new_test_user(self.env, "dunning_outsider", groups="base.group_user")
        for method in ("retrieve_dashboard", "retrieve_screened"):
            with self.subTest(method=method), self.assertRaises(AccessError):
                getattr(self.env["dunning.run"].with_user(outsider), method)()

    def test_who_only_reads_gets_no_button_that_prepares_a_list(self):
        self._create_invoice()
        auditor = self._create_user("auditor", "base.group_user", "account.group_account_readonly")
        tasks = self.env["dunning.run"].with_user(auditor).retrieve_dashboard()["tasks"]
        buttons = {task["name"]: task["button"] for task in tasks}
        self.assertFalse(buttons["to_send"])
        self.assertTrue(buttons["forgotten"])
