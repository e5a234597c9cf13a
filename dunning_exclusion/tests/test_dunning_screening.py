from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from odoo.fields import Command, Domain
from odoo.tests import tagged
from odoo.tools import SQL

from ..screening import statement
from ..screening.question import Owner, Question
from .common import DunningCommon, OutcomeCommon

FEW_ITEMS = "odoo.addons.dunning_exclusion.screening.items.FEW_ITEMS"


@tagged("post_install", "-at_install")
class TestOneAnswer(OutcomeCommon):
    """Report, search, explanation, form, run and cron give the same answer for every item."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {
                "dunning_item_minimum": 20,
                "dunning_customer_minimum": 50,
                "dunning_customer_maximum": 1000,
            }
        )
        cls.method = cls.company_data["default_journal_bank"].inbound_payment_method_line_ids[:1]
        cls.method.dunning_automatic = True
        cls.env["dunning.exclusion.rule"].create(
            {
                "name": "Ours",
                "source": "domain",
                "model": "res.partner",
                "domain": "[('ref', '=', 'OURS')]",
            }
        )
        cls.invoices = cls._create_fixture()

    @classmethod
    def _create_fixture(cls):
        """Create customers whose invoices hit every rule, alone and together."""
        invoices = cls.env["account.move"]
        flags = ("dunning_stop", "dunning_pause", "prevent_dunning")
        for number, flag in enumerate((*flags, None)):
            customer = cls._create_customer(f"Flag {number}")
            child = cls.env["res.partner"].create({"name": "Child", "parent_id": customer.id})
            own, of_child = cls._create_invoice(customer), cls._create_invoice(child, 15)
            invoices |= own | of_child
            if flag:
                customer[flag] = True
                held = cls._create_invoice(cls._create_customer(f"Item {number}"))
                held[flag] = True
                invoices |= held
        for name, amount, values in (
            ("Small", 30, {}),
            ("Large", 5000, {}),
            ("Archived", 100, {"active": False}),
            ("Silent", 100, {"email": False}),
            ("Switched off", 100, {"type_off": True}),
            ("Own rule", 100, {"ref": "OURS"}),
        ):
            type_off = values.pop("type_off", False)
            customer = cls._create_customer(name, **values)
            invoices |= cls._create_invoice(customer, amount)
            if type_off:
                customer.dunning_type_off_ids = cls.type_overdue
        return invoices | cls._create_other_states()

    @classmethod
    def _create_other_states(cls):
        moves = {
            name: cls._create_invoice(cls._create_customer(name), 100)
            for name in ("Promise", "Direct debit", "Flagged", "Odd", "Blocked", "Partial")
        }
        cls.env["dunning.promise"].create(
            {
                "partner_id": moves["Promise"].partner_id.id,
                "move_line_ids": cls._items(moves["Promise"]).ids,
                "date": cls.today,
            }
        )
        moves["Direct debit"].preferred_payment_method_line_id = cls.method
        moves["Flagged"].no_followup = True
        moves["Odd"].payment_state = "in_payment"
        moves["Blocked"].action_toggle_block_payment()
        cls._pay(moves["Partial"], 30)
        creditor = cls._create_customer("Creditor")
        moves["Creditor"] = cls._create_invoice(creditor, 100)
        cls._create_invoice(creditor, 300, move_type="out_refund")
        foreign = cls._create_customer("Foreign")
        moves["Foreign"] = cls._create_invoice(foreign, 90, currency_id=cls.foreign.id)
        instalments = cls._create_customer("Instalments")
        moves["Instalments"] = cls._create_invoice(
            instalments,
            days=-30,
            invoice_date_due=False,
            invoice_payment_term_id=cls._create_term(0, 10).id,
        )
        cls._items(moves["Instalments"])[0].dunning_stop = True
        return cls.env["account.move"].concat(*moves.values())

    def _live(self, items):
        """Return {item: (outcome, deciding rule, all rules)} of the live report."""
        rows = self.env["dunning.screening"].search([("move_line_id", "in", items.ids)])
        return {
            row.move_line_id: (row.outcome, row.rule_id.code, row.rule_ids.mapped("code"))
            for row in rows
        }

    def test_everyone_gives_the_same_answer(self):
        items = self._items(self.invoices)
        live = self._live(items)
        self.assertEqual(len(live), len(items))
        self.assertGreater(len({answer[1] for answer in live.values()}), 15, "a real mixture")
        for item, (outcome, rule, rules) in live.items():
            with self.subTest(item=item.partner_id.name):
                self.assertEqual(item.dunning_outcome, outcome)
                reasons = [reason["rule"] for reason in item.dunning_explain()]
                self.assertEqual(reasons, rules)
                self.assertEqual(reasons[:1], [rule] if rule else [])
        for outcome in ("included", "unchecked", "dropped"):
            found = items.search([("id", "in", items.ids), ("dunning_outcome", "=", outcome)])
            expected = {item for item, answer in live.items() if answer[0] == outcome}
            self.assertEqual(set(found), expected)
        self.assertEqual(self._listed(self._create_run(), items), live)

    def _listed(self, run, items):
        """Return {item: (outcome, deciding rule, all rules)} of the lines of a run."""
        return {
            line.move_line_id: (line.outcome, line.rule_id.code, line.rule_ids.mapped("code"))
            for line in run.line_ids
            if line.move_line_id in items
        }

    def test_questions_asked_together_get_the_answers_of_each_alone(self):
        Screening = self.env["dunning.screening"]
        run = self.env["dunning.run"].new({"company_id": self.company.id, "date": self.today})
        asked = {
            "of_run": run._get_question(),
            "of_report": Question(self.company, self.today),
            "of_next_year": Question(self.company, self.today + timedelta(days=365)),
        }
        rows = "SELECT COUNT(*), COUNT(rule_id), MD5(STRING_AGG(%s, ' ' ORDER BY %s)) FROM {}"
        named = SQL("CONCAT(id, ':', outcome, ':', rule_id, ':', level_id)")
        for names in (["of_run", "of_report"], ["of_report", "of_next_year"], ["of_run"]):
            chosen, alone = {name: asked[name] for name in names}, []
            for question in chosen.values():
                with Screening._screened(question) as query:
                    counted = SQL(rows.format("(%s) answer"), named, named, query)
                    alone += self.env.execute_query(counted)
            with Screening._screened_together(**chosen) as screened:
                parts = [SQL(rows.format(name), named, named) for name in names]
                query = SQL("%s %s", screened, SQL(" UNION ALL ").join(parts))
                together = self.env.execute_query(query)
            with self.subTest(questions=names):
                self.assertEqual(together, alone)
                self.assertEqual(len(set(together)), len(names), "they differ")
                self.assertTrue(all(count > excluded > 5 for count, excluded, _all in together))

    def test_ids_that_cannot_be_find_nothing(self):
        Screening, entry = self.env["dunning.screening"], self.invoices[0]
        for field in ("id", "partner_id", "move_id", "move_line_id"):
            for impossible in (2**31, 2**40):
                with self.subTest(field=field, id=impossible):
                    domain = [(field, "in", [impossible])]
                    self.assertFalse(Screening.search(domain))
                    self.assertFalse(Screening.web_search_read(domain, {}, limit=1)["length"])
        found = Screening.search([("move_id", "in", [entry.id, 2**40])])
        self.assertEqual(found.move_id, entry)

    def test_forms_give_the_same_answer(self):
        live = self._live(self._items(self.invoices))
        names = {rule.code: rule.name for rule in self.env["dunning.exclusion.rule"].search([])}
        expected = {
            item.id: (outcome, [names[code] for code in rules])
            for item, (outcome, _rule, rules) in live.items()
        }
        for records in (self.invoices, self.invoices.commercial_partner_id):
            shown = {}
            for record in records:
                panel = record.dunning_panel()
                with self.subTest(record=record.display_name):
                    self.assertEqual(panel["outcome"], record.dunning_outcome)
                    reasons = [dict(reason) for reason in panel["reasons"]]
                    self.assertTrue(all(reason.pop("way_out", True) for reason in reasons))
                    self.assertEqual(reasons, record.dunning_explain())
                shown |= {item["id"]: (item["outcome"], item["reasons"]) for item in panel["items"]}
            own = {item_id: answer for item_id, answer in shown.items() if item_id in expected}
            self.assertEqual(own, expected)

    def test_nightly_job_gives_the_same_answer(self):
        items = self._items(self.invoices)
        live = self._live(items)
        self.env["res.company"].search([]).dunning_automatic_sending = False
        self.scenario.automatic = True
        self.company.dunning_automatic_sending = True
        self.env["dunning.run"]._cron_send_automatic()
        run = self.env["dunning.run"].search(
            [("company_id", "=", self.company.id), ("automatic", "=", True)]
        )
        self.assertEqual(run.state, "done")
        self.assertEqual(self._listed(run, items), live)
        sent = run.notice_ids.line_ids.move_line_id & items
        self.assertEqual(
            set(sent), {item for item, answer in live.items() if answer[0] == "included"}
        )

    def test_customers_and_invoices_say_the_best_of_their_items(self):
        order = ["included", "unchecked", "dropped"]
        live = self._live(self._items(self.invoices))
        for move in self.invoices:
            with self.subTest(customer=move.partner_id.name):
                outcomes = [live[item][0] for item in self._items(move)]
                self.assertEqual(move.dunning_outcome, min(outcomes, key=order.index))
        for outcome in order:
            found = self.invoices.search(
                [("id", "in", self.invoices.ids), ("dunning_outcome", "=", outcome)]
            )
            expected = self.invoices.filtered(lambda move, o=outcome: move.dunning_outcome == o)
            self.assertEqual(set(found), set(expected))
            customers = self.invoices.commercial_partner_id
            found = customers.with_context(active_test=False).search(
                [("id", "in", customers.ids), ("dunning_outcome", "=", outcome)]
            )
            expected = customers.filtered(lambda one, o=outcome: one.dunning_outcome == o)
            self.assertEqual(set(found), set(expected))
        nothing_open = self._create_customer("Nothing open")
        self.assertFalse(nothing_open.dunning_outcome)
        found = [("id", "=", nothing_open.id), ("dunning_outcome", "=", False)]
        self.assertEqual(nothing_open.search(found), nothing_open)

    def test_search_beside_other_conditions_finds_the_same_as_alone(self):
        customers = self.invoices.partner_id.with_context(active_test=False)
        for records in (self._items(self.invoices), self.invoices, customers):
            mine = [("id", "in", records.ids)]
            for outcome in ("included", "unchecked", "dropped"):
                wanted = [("dunning_outcome", "=", outcome)]
                with self.subTest(model=records._name, outcome=outcome):
                    alone = records.search(wanted) & records
                    self.assertTrue(alone)
                    self.assertEqual(records.search(mine + wanted), alone.sorted())
                    self.assertEqual(
                        set(records.search([*mine, "!", *wanted])), set(records - alone)
                    )
                    either = records.search([*mine, "|", *wanted, ("id", "=", records[0].id)])
                    self.assertEqual(set(either), set(alone | records[0]))

    def test_search_on_all_reasons(self):
        rule = self.env.ref("dunning_exclusion.rule_item_minimum")
        Screening = self.env["dunning.screening"]
        mine = [("move_id", "in", self.invoices.ids)]
        found = Screening.search([*mine, ("rule_ids", "in", rule.ids)])
        every = Screening.search(mine)
        self.assertTrue(found)
        self.assertEqual(set(found), set(every.filtered(lambda row: rule in row.rule_ids)))
        self.assertEqual(
            set(Screening.search([*mine, ("rule_ids", "not in", rule.ids)])), set(every - found)
        )
        groups = Screening._read_group(mine, ["outcome"], ["__count", "amount_residual:sum"])
        self.assertEqual(sum(count for _outcome, count, _amount in groups), len(every))
        free = every.filtered(lambda row: not row.rule_ids)
        for condition, expected in (
            (("rule_ids", "=", False), free),
            (("rule_ids", "!=", False), every - free),
            (("rule_ids", "in", [False, rule.id]), free | found),
        ):
            with self.subTest(condition=condition):
                self.assertTrue(expected)
                self.assertEqual(set(Screening.search([*mine, condition])), set(expected))

    def test_deciding_reasons_alone_are_those_of_all(self):
        Screening, answers = self.env["dunning.screening"], []
        for all_reasons in (True, False):
            question = Question(self.company, all_reasons=all_reasons)
            with Screening._screened(question) as screening:
                query = """SELECT id, outcome, rule_id, reminded_amount, reason_ids
                             FROM (%s) answer ORDER BY id"""
                answers.append(self.env.execute_query(SQL(query, screening)))
        whole, deciding = answers
        self.assertGreater(len({row[2] for row in whole}), 15, "a real mixture")
        self.assertTrue(any(len(row[-1] or []) > 1 for row in whole))
        self.assertEqual([row[:-1] for row in deciding], [row[:-1] for row in whole])
        self.assertFalse(any(row[-1] for row in deciding), "half an answer is none")

    def test_who_asks_for_all_reasons_gets_them_also_beside_sums(self):
        Screening = self.env["dunning.screening"]
        mine = [("move_id", "in", self.invoices.ids)]
        every = Screening.search(mine)
        behind = every.filtered(lambda row: len(row.rule_ids) > 1)
        second = behind[0].rule_ids[1]
        found = every.filtered(lambda row: second in row.rule_ids)
        condition = ("rule_ids", "in", second.ids)
        # Conditions that do not name whom they are about.
        since = [("amount_residual", "!=", 0), condition]
        self.assertIn(behind[0], found)
        self.assertEqual(Screening.search_count(since), len(found))
        self.assertEqual(Screening._read_group(since, [], ["__count"]), [(len(found),)])
        [[(count,)]] = Screening._read_grouping_sets(since, [[]], ["__count"])
        self.assertEqual(count, len(found))
        page = Screening.web_search_read(since, {"reason_ids": {}}, limit=80)
        self.assertEqual({row["id"] for row in page["records"]}, set(found.ids))
        for row in page["records"]:
            self.assertIn(second.id, row["reason_ids"])
        for hidden in ([("id", "any", [condition])], [("move_line_id", "!=", False), condition]):
            self.assertEqual(Screening.search_count(hidden), len(found))
        opaque = Domain.custom(
            to_sql=lambda _model, alias, _query: SQL(
                "jsonb_array_length(%s) > 1", SQL.identifier(alias, "reason_ids")
            )
        )
        self.assertEqual(Screening.search_count(opaque), len(behind))

    def test_sorted_by_all_reasons(self):
        Screening = self.env["dunning.screening"]
        every = Screening.search([], order="reason_ids, id")
        self.assertGreater(len(set(map(str, every.mapped("reason_ids")))), 15)
        for order in ("reason_ids, id", "reason_ids desc, id"):
            wanted = Screening.search([], order=order)[:5]
            self.assertEqual(Screening.search([], limit=5, order=order), wanted)
            page = Screening.web_search_read([], {}, limit=5, order=order)
            self.assertEqual([row["id"] for row in page["records"]], wanted.ids)
        count = "reason_ids:count desc"
        [[_customer, most]] = Screening._read_group(
            [], ["partner_id"], ["reason_ids:count"], (), 0, 1, count
        )
        self.assertGreater(most, 1)

    def test_many_items_are_explained_as_those_of_everybody_are_read(self):
        Condition, seen = self.registry["dunning.exclusion.condition"], []
        original = Condition._details

        def details(records, rule, question, rows):
            seen.append((question.few, question.many_items))
            return original(records, rule, question, rows)

        customer = self._create_customer("Many")
        for _number in range(3):
            self._create_invoice(customer)
        customer.dunning_stop = True
        other = self._create_customer("One")
        self._create_invoice(other)
        with patch(FEW_ITEMS, 2), patch.object(Condition, "_details", details):
            self.assertTrue(customer.dunning_explain())
            self.assertTrue((customer | other).dunning_explain())
        self.assertEqual(seen, [(False, True)] * 2)
        other.dunning_stop, customer.dunning_stop = True, False
        seen.clear()
        with patch(FEW_ITEMS, 2), patch.object(Condition, "_details", details):
            self.assertTrue((customer | other).dunning_explain())
        self.assertEqual(seen, [(True, False)], "the customer with few items alone has a reason")

    def test_what_a_sum_returns_can_be_asked_for_all_reasons(self):
        Screening = self.env["dunning.screening"]
        mine = [("move_id", "in", self.invoices.ids)]
        whole = {row.id: row.rule_ids for row in Screening.search(mine)}
        for _rule, rows in Screening._read_group(mine, ["rule_id"], ["id:recordset"]):
            for row in rows:
                self.assertEqual(row.rule_ids, whole[row.id])
        for [customer] in Screening._read_group(mine, ["partner_id"]):
            again = customer.env["dunning.screening"].search([("partner_id", "=", customer.id)])
            known = again.filtered(lambda row: row.id in whole)
            self.assertTrue(known)
            for row in known:
                self.assertEqual(row.rule_ids, whole[row.id])

    def test_access_rules_about_reasons_hold_for_sums(self):
        user = self._create_user("accountant", "account.group_account_invoice")
        Screening = self.env["dunning.screening"]
        mine = [("amount_residual", "!=", 0)]
        every = Screening.search([("move_id", "in", self.invoices.ids)])
        second = every.filtered(lambda row: len(row.rule_ids) > 1)[0].rule_ids[1]
        self.env["ir.rule"].create(
            {
                "name": "Not for everybody",
                "model_id": self.env["ir.model"]._get_id("dunning.screening"),
                "domain_force": f"[('rule_ids', 'not in', {second.ids})]",
            }
        )
        seen = Screening.with_user(user).search(mine)
        self.assertTrue(seen)
        self.assertFalse(seen.filtered(lambda row: second in row.rule_ids))
        self.assertEqual(Screening.with_user(user).search_count(mine), len(seen))
        counts = Screening.with_user(user)._read_group(mine, [], ["__count"])
        self.assertEqual(counts, [(len(seen),)])

    def _count(self, function):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        function()
        return self.env.cr.sql_log_count - before

    def test_number_of_items_and_customers_does_not_matter_for_queries(self):
        # Few of the same kinds: what a hold on a whole invoice asks for is asked for once.
        held = self.env["dunning.block"].search([("move_line_id", "=", False)]).move_id
        few = self.invoices[-2:] | (self.invoices & held)[:1]
        many = self.invoices
        self.assertGreater(len(many & held), len(few & held))
        Screening = self.env["dunning.screening"]
        for name, function in (
            (
                "report",
                lambda moves: Screening.search([("move_id", "in", moves.ids)]).mapped("outcome"),
            ),
            ("outcome of items", lambda moves: self._items(moves).mapped("dunning_outcome")),
            ("outcome of customers", lambda moves: moves.partner_id.mapped("dunning_outcome")),
            ("flags", lambda moves: moves.mapped("dunning_stop")),
        ):
            with self.subTest(name=name):
                function(many)
                self.assertEqual(
                    self._count(lambda f=function: f(few)), self._count(lambda f=function: f(many))
                )

    def test_explanation_takes_few_queries_whoever_is_asked(self):
        stopped = self.invoices.filtered(lambda move: move.partner_id.name == "Flag 0")
        large = self._create_customer("Many")
        for _number in range(30):
            self._create_invoice(large)
        large.dunning_stop = True
        stopped.partner_id.dunning_explain()
        one = self._count(stopped.partner_id.dunning_explain)
        self.assertEqual(one, self._count(large.dunning_explain))
        self.assertLessEqual(one, 25)

    def test_posting_and_paying_takes_no_more_queries_than_without_blocks(self):
        def post():
            invoice = self._create_invoice(self.other_customer, post=False)
            return self._count(invoice.action_post)

        def cheapest():
            # The others fill caches, which creating a block or another test may have emptied.
            return min(post() for _number in range(3))

        before = cheapest()
        self.other_customer._dunning_block("stop")
        self.assertEqual(cheapest(), before)


@tagged("post_install", "-at_install")
class TestOutcomeTogether(OutcomeCommon):
    """How several reasons, companies and items of one customer come together."""

    def test_all_reasons_are_kept_and_dropped_ones_decide_before_unchecked_ones(self):
        self.company.dunning_item_minimum = 50
        self.company.dunning_customer_maximum = 1
        invoice = self._create_invoice(amount=10)
        self._create_invoice(amount=100)
        invoice.action_dunning_stop()
        self.customer.action_dunning_stop()
        self.assertEqual(
            self._reasons(invoice),
            ["stop_customer", "stop_item", "item_minimum", "customer_maximum"],
        )
        self.assertOutcome(invoice, "unchecked", "stop_customer")
        invoice.prevent_dunning = True
        self.assertOutcome(invoice, "dropped", "prevent_item")
        screening = self.env["dunning.screening"].search([("move_id", "=", invoice.id)])
        self.assertEqual(
            screening.rule_ids.mapped("code"),
            ["prevent_item", "stop_customer", "stop_item", "item_minimum", "customer_maximum"],
        )
        rule = self.env.ref("dunning_exclusion.rule_item_minimum")
        rule.sequence = 1
        self.assertEqual(self._reasons(invoice)[:2], ["prevent_item", "item_minimum"])
        rule.effect = "dropped"
        self.assertOutcome(invoice, "dropped", "item_minimum")
        rule.enabled = False
        self.assertNotIn("item_minimum", self._reasons(invoice))

    def test_effect_and_switch_are_per_company(self):
        rule = self.env.ref("dunning_exclusion.rule_stop_customer")
        customer = self._fresh_customer()
        invoice = self._create_invoice(customer)
        elsewhere = self._invoice_of_other_company(customer)
        customer.action_dunning_stop()
        customer.with_company(self.other_company).action_dunning_stop()
        rule.with_company(self.other_company).effect = "dropped"
        self.assertEqual(rule.effect, "unchecked")
        self.assertOutcome(invoice, "unchecked", "stop_customer")
        self.assertOutcome(elsewhere, "dropped", "stop_customer")
        rule.with_company(self.other_company).enabled = False
        self.assertOutcome(elsewhere, "included")
        self.assertOutcome(invoice, "unchecked", "stop_customer")
        both = self.env["dunning.screening"].with_context(
            allowed_company_ids=(self.company | self.other_company).ids
        )
        outcomes = {
            row.company_id: row.outcome for row in both.search([("partner_id", "=", customer.id)])
        }
        self.assertEqual(outcomes, {self.company: "unchecked", self.other_company: "included"})

    def test_companies_with_the_same_rules_in_another_order_are_not_taken_for_one(self):
        customer = self._fresh_customer()
        dropping = {self.company: "stop_customer", self.other_company: "stop_item"}
        invoices = [self._create_invoice(customer), self._invoice_of_other_company(customer)]
        for invoice, (company, code) in zip(invoices, dropping.items(), strict=True):
            rule = self.env.ref(f"dunning_exclusion.rule_{code}")
            rule.with_company(company).effect = "dropped"
            customer.with_company(company).action_dunning_stop()
            invoice.action_dunning_stop()
        both = self.env["dunning.screening"].with_context(
            allowed_company_ids=(self.company | self.other_company).ids
        )
        rows = both.search([("partner_id", "=", customer.id)])
        self.assertEqual({row.company_id: row.rule_id.code for row in rows}, dropping)
        self.assertEqual(set(rows.mapped("outcome")), {"dropped"})
        for invoice, code in zip(invoices, dropping.values(), strict=True):
            self.assertOutcome(invoice, "dropped", code)

    def test_held_items_stay_in_the_totals_of_the_customer(self):
        self._create_invoice(amount=100)
        held = self._create_invoice(amount=70)
        self._create_invoice(amount=40, days=5)
        credit = self._refund(self.customer, 30)
        held.dunning_pause_until = self.today + timedelta(days=5)
        row = self.env["dunning.screening"].search([("move_id", "=", held.id)])
        self.assertEqual(row.outstanding, 180)
        self.assertEqual(row.overdue, 140)
        self.assertEqual(row.reminded_amount, 100)
        self.assertEqual(self.customer.dunning_outstanding, 180)
        self.assertEqual(self.customer.dunning_overdue, 140)
        self.assertEqual(set(self._screened(credit).values()), {"included"})

    def test_each_instalment_has_its_own_due_date(self):
        term = self._create_term(0, 30)
        invoice = self._create_invoice(
            days=-10, invoice_date_due=False, invoice_payment_term_id=term.id
        )
        rows = self.env["dunning.screening"].search([("move_id", "=", invoice.id)])
        self.assertEqual(
            [(row.days_overdue, row.amount_residual) for row in rows], [(10, 50), (0, 50)]
        )
        self.assertEqual(set(rows.mapped("overdue")), {50})
        self.assertEqual(set(rows.mapped("reminded_amount")), {50})

    def test_postponed_due_date_counts_for_dunning_only(self):
        invoice = self._create_invoice(days=-10)
        invoice.dunning_due_date = self.today
        item = self._items(invoice)
        row = self.env["dunning.screening"].search([("move_line_id", "=", item.id)])
        self.assertEqual((row.date_due, row.days_overdue, row.overdue), (self.today, 0, 0))
        self.assertEqual(item.date_maturity, self.today - timedelta(days=10))
        self.assertFalse(self._create_run().line_ids, "today has not passed yet")
        invoice.dunning_due_date = self.today - timedelta(days=1)
        run = self._create_run()
        self.assertEqual(run.line_ids.days_overdue, 1)


@tagged("post_install", "-at_install")
class TestScreeningSettings(DunningCommon):
    """What PostgreSQL is told for the statement that screens holds for that statement alone."""

    @contextmanager
    def _server_allows(self, memory):
        with self.env.cr.savepoint() as savepoint:
            self.env.cr.execute("SELECT set_config('work_mem', %s, TRUE)", [memory])
            yield
            savepoint.rollback()

    def _settings(self):
        names = ", ".join(f"current_setting('{name}')" for name in statement.settings())
        self.env.cr.execute(f"SELECT {names}")
        return dict(zip(statement.settings(), self.env.cr.fetchone(), strict=True))

    def _memory_of(self, question):
        with self.env["dunning.screening"]._screened(question):
            return self._settings()["work_mem"]

    def test_a_run_may_sort_more_in_memory_than_the_report(self):
        run = self._create_run(prepare=False)
        with self._server_allows("4MB"):
            self.assertEqual(self._memory_of(Question(self.company)), "64MB")
            question = run._get_question()
            self.assertEqual(self._memory_of(question), "128MB")

    def test_companies_where_a_customer_owes_nothing_are_not_planned(self):
        invoice = self._create_invoice()
        other = self.setup_other_company()["company"]
        self.env.ref("dunning_exclusion.rule_item_minimum").with_company(other).enabled = False
        companies = self.company | other
        screening = self.env["dunning.screening"]
        self.assertEqual(len(screening._branches(Question(companies))), 2)
        mine = Question(companies, customers=tuple(invoice.partner_id.ids))
        [branch] = screening._branches(mine)
        self.assertEqual(branch.question.companies, self.company)

    def test_a_server_that_allows_more_is_not_told_less(self):
        with self._server_allows("1GB"):
            self.assertEqual(self._memory_of(Question(self.company)), "1GB")

    def test_few_customers_are_planned_with_fewer_joins(self):
        question = Question(self.company, owner=Owner("partner", tuple(self.customer.ids)))
        with self.env["dunning.screening"]._screened(question):
            self.assertEqual(self._settings()["join_collapse_limit"], "4")

    def test_settings_end_with_the_statement(self):
        """Whatever asks the screening leaves PostgreSQL as it was, errors included."""
        invoice = self._create_invoice()
        run = self._create_run()
        Screening, Partner = self.env["dunning.screening"], self.env["res.partner"]
        before = self._settings()
        for name, ask in {
            "search": lambda: Screening.search([]).mapped("outcome"),
            "count": lambda: Screening.search_count([]),
            "group": lambda: Screening._read_group([], ["outcome"], ["__count"]),
            "page": lambda: Screening.web_search_read([], {"outcome": {}}, limit=2),
            "report": lambda: self.env["dunning.exclusion.report"].search([]).mapped("kind"),
            "outcome": lambda: invoice.dunning_outcome,
            "search by outcome": lambda: Partner.search([("dunning_outcome", "=", "included")]),
            "page by outcome": lambda: Partner.web_search_read(
                [("dunning_outcome", "=", "included")], {"name": {}}, limit=2
            ),
            "explanation": invoice.dunning_explain,
            "preparing": run.action_prepare,
            "sending": run.action_send,
            "dashboard": lambda: self.env["dunning.run"].retrieve_dashboard(),
            "forecast": self.customer.dunning_next_reminders,
        }.items():
            with self.subTest(question=name):
                ask()
                self.assertEqual(self._settings(), before)

    def test_settings_end_with_an_error(self):
        before = self._settings()
        with self.assertRaises(ZeroDivisionError):
            with self.env["dunning.screening"]._screened(Question(self.company)):
                raise ZeroDivisionError
        self.assertEqual(self._settings(), before)


@tagged("post_install", "-at_install")
class TestOneDefinition(DunningCommon):
    """What search and field, rule and message could see differently is defined once."""

    def test_search_by_outcome_asks_the_company_of_the_record(self):
        """A search with the rights of the system finds the records of every company."""
        other = self.setup_other_company()["company"]
        here = self._create_invoice()
        there = self._create_invoice(self.customer.with_company(other), company_id=other.id)
        there.with_company(other).dunning_stop = True
        items = self._items(here | there)
        for model, records in (("account.move", here | there), ("account.move.line", items)):
            with self.subTest(model=model):
                mine = self.env[model].with_context(allowed_company_ids=self.company.ids).sudo()
                for outcome in ("included", "unchecked"):
                    found = mine.search(
                        [("id", "in", records.ids), ("dunning_outcome", "=", outcome)]
                    )
                    expected = records.sudo().filtered(
                        lambda record, outcome=outcome: record.dunning_outcome == outcome
                    )
                    self.assertEqual(len(expected), 1)
                    self.assertEqual(found, expected)

    def test_who_has_no_address_gets_no_message(self):
        """One definition says who can be written to: the rule and the message follow it."""
        contacts = {
            "nobody": [],
            "customer": [],
            "invoice contact": [{"type": "invoice", "email": "i@example.com"}],
            "reminder address": [{"type": "dunning", "email": "d@example.com"}],
            "archived": [{"type": "invoice", "email": "a@example.com", "active": False}],
            "other contact": [{"type": "other", "email": "o@example.com"}],
            "no address": [{"type": "dunning", "email": "nonsense"}],
        }
        for name, vals_list in contacts.items():
            email = "c@example.com" if name == "customer" else False
            customer = self._create_customer(name, email=email)
            customer.child_ids = [Command.create({"name": name, **vals}) for vals in vals_list]
            invoice = self._create_invoice(customer)
            recipients = customer._dunning_recipients_by_customer()[customer]
            with self.subTest(contact=name):
                rules = [reason["rule"] for reason in invoice.dunning_explain()]
                self.assertEqual("no_address" in rules, not recipients)
                reachable = name in ("customer", "invoice contact", "reminder address")
                self.assertEqual(bool(recipients), reachable)
