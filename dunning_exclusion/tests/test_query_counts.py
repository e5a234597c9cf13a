import re
from collections import Counter
from functools import partial
from unittest.mock import patch

from odoo.fields import Domain
from odoo.models import BaseModel
from odoo.tests import tagged
from odoo.tools import SQL

from odoo.addons.dunning_exclusion.models import dunning_recheck
from odoo.addons.dunning_exclusion.models.dunning_mixin import DunningMixin
from odoo.addons.dunning_exclusion.models.dunning_recheck import items_query, reasons_query
from odoo.addons.dunning_exclusion.screening.question import Owner, Question

from .common import DunningCommon


@tagged("post_install", "-at_install")
class TestQueryCounts(DunningCommon):
    """Costs that must not grow: queries with the items, rows read with the items of a customer."""

    def _count(self, work):
        """Return the number of queries of `work`, with empty caches."""
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        work()
        self.env.flush_all()
        return self.env.cr.sql_log_count - before

    def _add_customers(self, count):
        customers = [self._create_customer(f"Customer {number}") for number in range(count)]
        return [self._create_invoice(customer) for customer in customers]

    def assertNoQueryPerRecord(self, work_on, few, many):
        # What a process needs once is not the cost of a record.
        work_on(many)
        self.assertLess(
            self._count(lambda: work_on(many)) - self._count(lambda: work_on(few)),
            len(many) - len(few),
            "the number of queries grows with the number of records",
        )

    def test_screening_of_many_items_takes_the_queries_of_one(self):
        moves = self.env["account.move"].concat(*self._add_customers(8))
        screening = self.env["dunning.screening"]

        def read(chosen):
            found = screening.search([("move_id", "in", chosen.ids)])
            found.read(["outcome", "rule_id", "outstanding"])

        self.assertNoQueryPerRecord(read, moves[:1], moves)

    def test_outcome_of_many_customers_takes_the_queries_of_one(self):
        moves = self.env["account.move"].concat(*self._add_customers(8))
        customers = self.env["res.partner"].browse(moves.partner_id.ids)
        self.assertNoQueryPerRecord(
            lambda chosen: chosen.mapped("dunning_outcome"), customers[:1], customers
        )

    def test_preparing_many_items_takes_the_queries_of_one(self):
        self._add_customers(1)
        run = self._create_run()
        run.action_prepare()
        self._add_customers(1)
        few = self._count(run.action_prepare)
        self._add_customers(8)
        self.assertLessEqual(self._count(run.action_prepare), few)
        self.assertEqual(run.included_count, 10)

    def test_ticking_many_lines_takes_the_queries_of_one(self):
        self._add_customers(1)
        run = self._create_run()
        lines = run.line_ids.browse()

        def tick_all():
            for checked in (False, True):
                lines.tick([("run_id", "=", run.id)], checked)
            run.browse().read_figures(run.id)

        tick_all()
        few = self._count(tick_all)
        self._add_customers(8)
        run.action_prepare()
        # Once, what is new since the list was made is noted with it.
        tick_all()
        self.assertEqual(self._count(tick_all), few)
        self.assertEqual(len(run.line_ids.filtered("checked")), 9)

    def test_sending_a_batch_takes_no_query_per_customer(self):
        """Each customer has two rows in the list; the message of each is made in one batch."""
        self._count(self._send_to(1))
        few, many = (self._count(self._send_to(number)) for number in (10, 50))
        self.assertLessEqual(many - few, 4)
        self.assertLessEqual(many, 130)

    def _send_to(self, count):
        """Return what sends a new list of so many customers with two invoices each."""
        for invoice in self._add_customers(count):
            self._create_invoice(invoice.partner_id)
        run = self._create_run()

        def send():
            run.action_send()
            self.assertEqual(len(run.notice_ids.filtered("mail_id")), count)

        return send

    def test_a_run_reads_the_tables_of_odoo_once(self):
        self._add_customers(2)
        run = self._create_run(prepare=False)
        plan = self._plan_of(run._get_question())
        read = Counter(
            (node["Relation Name"], node["Alias"])
            for node in self._nodes(plan)
            if node.get("Relation Name") in ("account_move_line", "account_move")
        )
        self.assertEqual(read.pop(("account_move_line", "line")), 1)
        self.assertEqual(read.pop(("account_move", "move")), 1)
        # A promise is compared with what its own few items have open, and bank lines with the
        # invoices that they name.
        few = {
            *(("account_move_line", f"promised_line{place}") for place in ("", "_1")),
            ("account_move_line", "suspense"),
            *(("account_move", name) for name in ("entry", "entry_1", "account_move")),
            *(("account_move", f"account_move_{place}") for place in (1, 2)),
        }
        self.assertLessEqual(set(read), few)

    def test_all_items_are_neither_sorted_nor_merged(self):
        self._add_customers(2)
        nodes = list(self._nodes(self._plan_of(Question(self.company))))
        (items,) = [node for node in nodes if node.get("Subplan Name") == "CTE item"]
        self.assertNotIn("Sort Key", items)
        # A million items would be sorted on disk.
        self.assertFalse([node for node in nodes if node["Node Type"] == "Merge Join"])

    def test_lines_are_stored_customer_by_customer(self):
        for invoice in self._add_customers(3):
            self._create_invoice(invoice.partner_id)
        lines = self._create_run().line_ids.sorted("id")
        customer_ids = lines.mapped(lambda line: line.partner_id.id)
        self.assertGreater(len(customer_ids), len(lines.partner_id))
        self.assertEqual(customer_ids, sorted(customer_ids))

    def test_new_notices_do_not_make_a_run_read_its_items_again(self):
        self._add_customers(6)
        run = self._create_run()
        run.action_send()
        self.assertEqual(len(run.notice_ids), 6)
        run = self._create_run(prepare=False)
        question = run._get_question()
        query = self.env["dunning.screening"]._statement(question)
        # What PostgreSQL chooses when it believes that there is no notice yet.
        for kind in ("hashjoin", "mergejoin", "material"):
            self.env.cr.execute(SQL("SET LOCAL %s = off", SQL.identifier(f"enable_{kind}")))
        said = [
            part
            for part in self._nodes(self._plan(query))
            if part.get("Subplan Name") == "CTE said"
        ]
        self.assertTrue(said)
        loops = [node for part in said for node in self._nodes(part) if "Join Type" in node]
        self.assertTrue(loops)
        for loop in loops:
            outer, inner = loop["Plans"]
            if self._reads(outer, "Relation Name", "dunning_notice"):
                self.assertFalse(self._reads(inner, "CTE Name", "item"), loop)

    def test_lines_sent_just_now_are_not_read_for_each_line_that_is_left(self):
        self._add_customers(6)
        run = self._create_run()
        # From now on PostgreSQL believes that no line has a notice.
        self.env.cr.execute("ANALYZE dunning_run_line")
        left = run.line_ids[:1]
        left.checked = False
        run.action_send()
        self.env.flush_all()
        columns = self._columns("dunning.run.line")
        self.env.cr.execute(
            SQL(
                """INSERT INTO dunning_run_line (%(columns)s)
                   SELECT %(columns)s FROM dunning_run_line, generate_series(1, 100)
                    WHERE notice_id IS NOT NULL""",
                columns=columns,
            )
        )
        # In the few rows of a test an index would not pay.
        self.env.cr.execute("SET LOCAL enable_seqscan = off")
        query = reasons_query(run, left.partner_id, left.level_id, left.ids)
        self.assertLess(self._rows_read(query)["dunning_run_line"], 10)

    def test_lines_of_others_are_not_read_to_screen_some_again(self):
        self._add_customers(200)
        run = self._create_run()
        self.env.cr.execute("ANALYZE dunning_run_line")
        # As PostgreSQL does where it expects many lines, and as it must in a table of many.
        plan = self._plan_of_screening_again(run, "enable_nestloop", "enable_seqscan")
        self.assertLess(self._rows_of(plan)["dunning_run_line"], 100)

    def test_new_lines_that_are_screened_again_are_not_compared_with_each_other(self):
        invoices = self._add_customers(3)
        self._create_run()
        # PostgreSQL knows the lines of this run, and expects none of the next one.
        self.env.cr.execute("ANALYZE dunning_run_line")
        self._multiply(invoices)
        run = self._create_run()
        plan = self._plan_of_screening_again(run, "enable_hashjoin", "enable_mergejoin")
        found = [node for node in self._nodes(plan) if node.get("Alias") == "best"]
        self.assertGreater(max(node["Actual Rows"] for node in found), 100)
        self.assertLess(max(node["Actual Loops"] for node in found), 10)

    def _plan_of_screening_again(self, run, *switched_off):
        """Return the plan of what writes the lines of one customer when it is screened again.

        :param switched_off: settings of PostgreSQL
        """
        plans, update_query = [], dunning_recheck._update_query

        def explain(*args):
            for setting in switched_off:
                self.env.cr.execute(SQL("SET LOCAL %s = off", SQL.identifier(setting)))
            plans.append(self._plan(update_query(*args)))
            return SQL("SELECT 0 AS id WHERE FALSE")

        with patch.object(dunning_recheck, "_update_query", explain):
            dunning_recheck.screen_again(run, run.line_ids[:1].partner_id)
        return plans[0]

    def test_stopping_many_customers_writes_no_block_twice(self):
        customers = self.env["account.move"].concat(*self._add_customers(5)).partner_id
        written = re.compile(r'UPDATE "?dunning_block\b')
        self.assertFalse(self._queries_with(written, customers.action_dunning_stop))
        blocks = customers.dunning_block_ids
        self.assertEqual((len(blocks), set(blocks.mapped("target"))), (5, {"customer"}))

    def _reads(self, plan, kind, name):
        return any(node.get(kind) == name for node in self._nodes(plan))

    def test_a_page_of_a_search_by_outcome_screens_once(self):
        self._add_customers(3)
        Line = self.env["account.move.line"]
        domain = [("dunning_outcome", "=", "included"), ("company_id", "=", self.company.id)]
        pages = []

        def read(offset, **limits):
            pages.append(Line.web_search_read(domain, {"name": {}}, offset, 2, "id", **limits))

        with patch.object(DunningMixin, "_dunning_scoped", lambda _s, domain, _f: domain):
            asked = self._queries_with(re.compile("item AS MATERIALIZED"), lambda: read(0))
            read(2)
            read(0, count_limit=2)
        self.assertEqual(len(asked), 1)
        self.assertEqual([len(page["records"]) for page in pages], [2, 1, 2])
        self.assertEqual([page["length"] for page in pages], [3, 3, 2])
        ids = [record["id"] for page in pages[:2] for record in page["records"]]
        self.assertEqual(ids, Line.search(domain, order="id").ids)

    def test_conditions_are_tried_by_the_job_and_not_by_those_who_look(self):
        self._add_customers(2)
        rule = self.env["dunning.exclusion.rule"].create(
            {
                "name": "Own",
                "code": "own",
                "source": "domain",
                "model": "res.partner",
                "domain": "[('ref', '=', 'nobody')]",
                "company_id": self.company.id,
            }
        )
        self.scenario.customer_domain = "[('ref', '!=', 'nobody')]"
        self.scenario.level_ids[0].condition_domain = "[('ref', '!=', 'nothing')]"
        invoice = self._create_invoice()
        run = self._create_run()
        preview = self.env["dunning.scenario.preview"].create({"scenario_id": self.scenario.id})
        tried = re.compile(r"\bAS probe\b")
        for name, look in {
            "rules": lambda: rule.search([]).mapped("broken"),
            "scenarios": lambda: self.scenario.search([]).mapped("broken"),
            "screening": lambda: self.env["dunning.screening"].search([]).mapped("outcome"),
            "outcome": lambda: invoice.dunning_outcome,
            "explanation": invoice.dunning_explain,
            "forecast": self.customer.dunning_next_reminders,
            "tab": self.customer.dunning_panel,
            "dashboard": run.browse().retrieve_dashboard,
            "preview": lambda: preview.note,
            "list": run.action_prepare,
            "sending": run.action_send,
        }.items():
            with self.subTest(name):
                self.assertFalse(self._queries_with(tried, look))
        obstacle = self.env["dunning.automation"]._get_obstacle
        self.assertEqual(len(self._queries_with(tried, lambda: obstacle(self.company))), 2)

    def test_the_forecast_asks_for_all_days_to_come_at_once(self):
        for days in range(1, 30, 3):
            self._create_invoice(days=days)
        screened = re.compile("item AS MATERIALIZED")
        ask = self.customer.dunning_next_reminders
        self.assertEqual(len(self._queries_with(screened, ask)), 2, "of today, and later")
        self._create_invoice()
        self.assertEqual(len(self._queries_with(screened, ask)), 1, "it is due today")

    def test_explaining_takes_the_same_queries_whoever_else_owes(self):
        invoice = self._create_invoice()
        invoice.dunning_explain()
        alone = self._count(invoice.dunning_explain)
        self._add_customers(8)
        self.assertEqual(self._count(invoice.dunning_explain), alone)

    def test_customer_rules_are_judged_once_for_all_items_of_a_customer(self):
        self.customer.email = False
        for _number in range(5):
            self._create_invoice()
        plan = self._plan_of(Question(self.company))
        # Who else could get the e-mail is asked by the rule for customers without address.
        loops = [
            node["Actual Loops"] for node in self._nodes(plan) if node.get("Alias") == "receiver"
        ]
        self.assertTrue(loops)
        self.assertLessEqual(max(loops), 1, "evaluated for each item of the one customer")

    def test_one_customer_is_screened_without_reading_the_items_of_others(self):
        invoice = self._create_invoice()
        self._multiply(self._add_customers(8))
        run = self._create_run()
        run.action_prepare()
        self.assertGreater(len(run.line_ids), 3000)
        for name, rows in self._rows_of_one(invoice, run).items():
            with self.subTest(question=name):
                self.assertIn("account_move_line", rows)
                self.assertLess(sum(rows.values()), 300, rows)
        found = self.env["account.move"].search(self._own(invoice.partner_id))
        self.assertEqual(found, invoice)

    def test_one_customer_is_looked_up_in_tables_that_were_filled_just_now(self):
        """PostgreSQL knows nothing of them yet, and would read whole tables where it may."""
        invoice = self._create_invoice()
        self._multiply(self._add_customers(8))
        line = self.env["account.bank.statement.line"].create(
            {
                "journal_id": self.company_data["default_journal_bank"].id,
                "date": self.today,
                "payment_ref": "INV 4711",
                "amount": 100,
            }
        )
        self.env.flush_all()
        columns = self._columns("account.bank.statement.line")
        self.env.cr.execute(
            SQL(
                """INSERT INTO account_bank_statement_line (%(columns)s)
                   SELECT %(columns)s FROM account_bank_statement_line, generate_series(1, 2000)
                    WHERE id = %(id)s""",
                columns=columns,
                id=line.id,
            )
        )
        self._forget_statistics()
        owners = {"partner": invoice.partner_id, "move": invoice, "line": self._items(invoice)}
        for kind, owner in owners.items():
            question = Question(self.company, owner=Owner(kind, tuple(owner.ids)))
            with self.subTest(kind), self.env["dunning.screening"]._screened(question) as query:
                rows = self._rows_read(query)
                self.assertIn("account_move_line", rows)
                self.assertLess(max(rows.values()), 100, rows)

    def test_everybody_is_screened_without_comparing_all_with_all_in_such_tables(self):
        self._multiply(self._add_customers(8))
        self._forget_statistics()
        plan = self._plan_of(Question(self.company))
        for name in ("CTE item", "CTE message"):
            [part] = [node for node in self._nodes(plan) if node.get("Subplan Name") == name]
            joined = list(self._nodes(part, passed_over=("SubPlan", "InitPlan")))
            with self.subTest(part=name):
                self.assertGreater(max(node["Actual Rows"] for node in joined), 100)
                self.assertLess(max(node["Actual Loops"] for node in joined), 10)

    def _forget_statistics(self):
        self.env.cr.execute("DELETE FROM pg_statistic WHERE starelid::regclass::text !~ '^pg_'")

    def _multiply(self, invoices):
        """Copy the items of `invoices` 400 times; hold the customers, and promise the items."""
        for invoice in invoices:
            invoice.dunning_stop = True
            invoice.partner_id.dunning_pause = True
            self.env["dunning.promise"].create(
                {"partner_id": invoice.partner_id.id, "date": self.today}
            )
        self.env.flush_all()
        columns = self._columns("account.move.line")
        copied = self.env["account.move"].concat(*invoices).line_ids
        self.env.cr.execute(
            SQL(
                """INSERT INTO account_move_line (%(columns)s)
                   SELECT %(columns)s FROM account_move_line, generate_series(1, 400)
                    WHERE id = ANY(%(ids)s)""",
                columns=columns,
                ids=copied.ids,
            )
        )
        self.env.invalidate_all()

    def _columns(self, model):
        """Return the columns of `model` but the id, to copy rows."""
        fields = self.env[model]._fields.values()
        names = [field.name for field in fields if field.store and field.column_type]
        return SQL(", ").join(SQL.identifier(name) for name in names if name != "id")

    def _own(self, customer):
        return [("partner_id", "=", customer.id), ("dunning_outcome", "=", "included")]

    def _rows_of_one(self, invoice, run):
        """Return {question: rows read} of the questions that name one customer."""
        customer, item = invoice.partner_id, self._items(invoice)
        owners = {"partner": customer, "move": invoice, "line": item}
        Screening = self.env["dunning.screening"]
        queries = {
            name: Screening._statement(Question(self.company, owner=Owner(name, tuple(owner.ids))))
            for name, owner in owners.items()
        }
        candidates = items_query(run, customer, run.line_ids.level_id)
        owner = Owner("partner", tuple(customer.ids))
        queries["again"] = Screening._statement(
            Question(self.company, run.date, owner=owner, candidates=candidates)
        )
        for model in ("account.move", "account.move.line"):
            Model, own = self.env[model], Domain(self._own(customer))
            scoped = Model._dunning_scoped(own, partial(BaseModel._search, Model))
            self.assertIsNot(scoped, own)
            queries[model] = BaseModel._search(Model, scoped).select()
        # In the few rows of a test an index would not pay.
        self.env.cr.execute("SET LOCAL enable_seqscan = off")
        for table in ("account_move_line", "account_move", "res_partner", "dunning_run_line"):
            self.env.cr.execute(SQL("ANALYZE %s", SQL.identifier(table)))
        rows = {name: self._rows_read(query) for name, query in queries.items()}
        self.env.cr.execute("SET LOCAL enable_seqscan = on")
        return rows

    def _rows_read(self, query):
        """Return {table: rows that were read of it} of the statement `query`."""
        return self._rows_of(self._plan(query))

    def _rows_of(self, plan):
        """Return the same of the statement whose plan is `plan`."""
        rows = Counter()
        for node in self._nodes(plan):
            if "Relation Name" in node:
                found = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
                rows[node["Relation Name"]] += found * node["Actual Loops"]
        return rows

    def _plan_of(self, question):
        """Return the plan of the statement that answers `question`, under its settings."""
        with self.env["dunning.screening"]._screened(question) as screening:
            return self._plan(screening)

    def _plan(self, query):
        self.env.cr.execute(SQL("EXPLAIN (ANALYZE, FORMAT JSON) %s", query))
        return self.env.cr.fetchone()[0][0]["Plan"]

    def _nodes(self, plan, passed_over=()):
        yield plan
        for part in plan.get("Plans", []):
            if part["Parent Relationship"] not in passed_over:
                yield from self._nodes(part, passed_over)


# Not what Odoo itself adds to its query of contacts, to read many2one fields of each company.
OUR_TABLE = re.compile(
    r'\b(?:FROM|JOIN|INTO|UPDATE)\s+"?dunning_\w+\b(?!"?\s+AS\s+"?dunning_\w+__exists)'
)


@tagged("post_install", "-at_install")
class TestCoreCosts(DunningCommon):
    """Posting, paying and reconciling ask nothing of our tables, where nothing is held."""

    def _queries_of_ours(self, work):
        return self._queries_with(OUR_TABLE, work)

    def test_the_spy_sees_our_tables(self):
        customer = self._create_customer("Seen")
        self.assertTrue(self._queries_of_ours(lambda: customer.dunning_stop))

    def test_posting(self):
        invoice = self._create_invoice()
        invoice.button_draft()
        self.assertEqual(self._queries_of_ours(invoice.action_post), [])
        self.assertEqual(invoice.state, "posted")

    def test_paying(self):
        invoice = self._create_invoice()
        register = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        )
        self.assertEqual(self._queries_of_ours(lambda: register.create({})._create_payments()), [])
        self.assertIn(invoice.payment_state, ("paid", "in_payment"))

    def test_reconciling(self):
        invoice = self._create_invoice()
        refund = self._create_invoice(move_type="out_refund")
        items = self._items(invoice) | self._items(refund)
        self.assertEqual(self._queries_of_ours(items.reconcile), [])
        self.assertTrue(all(items.mapped("reconciled")))

    def test_who_has_sent_an_email_is_looked_up(self):
        """Odoo asks several times for each e-mail that arrives, and has no index for it."""
        found = self.env["res.partner"]._search([("email_normalized", "=", "who@example.com")])
        self.env.cr.execute("SET LOCAL enable_seqscan = off")
        self.env.cr.execute(SQL("EXPLAIN %s", found.select()))
        plan = "\n".join(row[0] for row in self.env.cr.fetchall())
        self.assertIn("res_partner_dunning_email_index", plan)

    def test_listing(self):
        """As the web client asks: optional columns are read even while they are hidden."""
        self._create_invoice()
        lists = {
            "account.view_out_invoice_tree": [("move_type", "=", "out_invoice")],
            "base.view_partner_tree": [("customer_rank", ">", 0)],
        }
        for xmlid, domain in lists.items():
            view = self.env.ref(xmlid)
            Model = self.env[view.model]
            specification = {
                name: {"fields": {"display_name": {}}} if Model._fields[name].relational else {}
                for name in Model.get_view(view.id, "list")["models"][view.model]
            }
            with self.subTest(xmlid):
                self.assertEqual(
                    self._queries_of_ours(
                        lambda m=Model, d=domain, s=specification: m.web_search_read(d, s, limit=80)
                    ),
                    [],
                )

    def test_receiving_mail_of_a_stranger(self):
        invoice = self._create_invoice()
        said = invoice.message_post(body="Your invoice", message_type="comment")
        email = f"""From: somebody@example.net
To: office@example.com
Subject: Re: your invoice
Message-Id: <1@example.net>
In-Reply-To: {said.message_id}

Thank you."""
        receive = partial(self.env["mail.thread"].message_process, None, email)
        self.assertEqual(self._queries_of_ours(receive), [])
        self.assertIn("Thank you.", invoice.message_ids[0].body)
