from odoo.tests import tagged

from .common import VerdictCommon


@tagged("post_install", "-at_install")
class TestOneAnswer(VerdictCommon):
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
                    self.assertEqual(panel["reasons"], record.dunning_explain())
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

    def _count(self, function):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        function()
        return self.env.cr.sql_log_count - before

    def test_number_of_items_and_customers_does_not_matter_for_queries(self):
        few = self.invoices[-2:]
        many = self.invoices
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

        post()
        before = post()
        self.other_customer._dunning_block("stop")
        self.assertEqual(post(), before)
