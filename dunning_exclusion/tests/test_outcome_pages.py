import re
from contextlib import contextmanager
from random import Random
from unittest.mock import patch

from lxml import etree

from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tests import tagged

from ..models import dunning_mixin, dunning_screening, outcome_pages
from ..report import excluded_filters
from ..screening import question, statement
from .common import DunningCommon

NAMES = {"dunning.screening": "outcome"}
ORDERS = {
    "dunning.screening": (None, "partner_id", "partner_id desc, date_due desc", "date_due, id"),
    "res.partner": (None, "complete_name desc", "email, id"),
    "account.move": (None, "name, id", "amount_total desc"),
    "account.move.line": (None, "date_maturity, id", "partner_id desc"),
}


@tagged("post_install", "-at_install")
class TestOutcomePages(DunningCommon):
    """A page of a list by outcome shows the same as the list would that screened everybody."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.random = random = Random(25)
        cls.company.write({"dunning_item_minimum": 20, "dunning_customer_maximum": 400})
        cls.customers = cls.env["res.partner"]
        for number in range(14):
            # Some customers have the same name, and some owe nothing.
            customer = cls._create_customer(f"Walker {random.randrange(9)}")
            child = cls.env["res.partner"].create({"name": "Child", "parent_id": customer.id})
            for _item in range(random.randrange(4)):
                contact = random.choice((customer, child))
                invoice = cls._create_invoice(
                    contact, random.choice((10, 90, 250)), random.choice((-40, -10, 10))
                )
                invoice.dunning_stop = random.random() < 0.2
            if number % 4 == 0:
                customer[random.choice(("dunning_stop", "prevent_dunning"))] = True
            cls.customers |= customer
        cls.env.flush_all()

    def _same_pages(self, model, domain):
        """Compare pages of all sizes with what is found without a limit, in each order."""
        Model = self.env[model]
        name = NAMES.get(model, "id")
        for order in ORDERS[model]:
            total = outcome_pages.complete(order or Model._order)
            everything = Model.search(domain, order=total)
            ids = everything.ids
            for offset, limit, count_limit in ((0, 3, 10), (2, 5, 1000), (0, 1000, 4), (999, 2, 9)):
                with self.subTest(model=model, order=order, offset=offset, limit=limit):
                    page = Model.web_search_read(
                        domain, {name: {}}, offset, limit, order, count_limit
                    )
                    found = [record["id"] for record in page["records"]]
                    self.assertEqual(found, ids[offset : offset + limit])
                    self.assertEqual(found, Model.search(domain, offset, limit, total).ids)
                    self.assertEqual(page["length"], min(len(ids), count_limit) * bool(found))
                    self.assertEqual(Model.search_count(domain, limit=limit), min(limit, len(ids)))

    def test_pages_are_those_of_the_whole_list(self):
        walkers = Domain("partner_id.name", "ilike", "Walker")
        cases = {
            "dunning.screening": (
                Domain("outcome", "!=", "included"),
                Domain("outcome", "=", "included") & walkers,
                Domain("days_overdue", ">", 0)
                & Domain("partner_id", "child_of", self.customers.ids),
                walkers,
            ),
            "res.partner": (
                Domain("dunning_outcome", "=", "unchecked"),
                Domain("dunning_outcome", "in", ["included", False])
                & Domain("name", "ilike", "Walker"),
            ),
            "account.move": (
                Domain("dunning_outcome", "=", "included"),
                Domain("dunning_outcome", "!=", "included") & Domain("move_type", "!=", "entry"),
            ),
            "account.move.line": (Domain("dunning_outcome", "in", ["included", "dropped"]),),
        }
        # The first two customers alone tell nothing about the others, and few are not screened.
        with (
            patch.multiple(outcome_pages, FIRST=0, SAMPLE=2),
            patch.object(dunning_mixin, "SCOPE_LIMIT", 1),
        ):
            for model, domains in cases.items():
                for domain in domains:
                    self._same_pages(model, domain)

    def test_filters_at_the_side_count_as_those_of_odoo_by_one_screening(self):
        Screening, rules = self.env["dunning.screening"], self.env["dunning.exclusion.rule"]
        domain = [("days_overdue", ">", 0)]
        reasons = Screening.search(domain).rule_id
        self.assertGreater(len(reasons), 2)
        for checked in (
            {},
            {"outcome": ["dropped"]},
            {"rule_id": reasons[:1].ids, "company_id": self.company.ids},
            {"outcome": ["dropped", "unchecked"], "rule_id": (reasons | rules).ids[1:3]},
        ):
            asked, found = dict.fromkeys(excluded_filters.FILTERS, []) | checked, {}
            screenings = self._queries_with(
                re.compile("AS own_ranks"),
                lambda asked=asked, found=found: found.update(
                    Screening.retrieve_filters(domain, asked)
                ),
            )
            self.assertEqual(len(screenings), 1)
            for field in asked:
                others = [(name, "in", ids) for name, ids in checked.items() if name != field]
                options = {"search_domain": domain, "filter_domain": others, "limit": 200}
                expected = Screening.search_panel_select_multi_range(
                    field, enable_counters=True, **options
                )
                with self.subTest(field=field, checked=checked):
                    self.assertEqual(found[field], expected["values"])

    def test_an_order_that_there_is_not_is_refused(self):
        for order in ("partner_id foo", "partner_id,", "partner_id desc foo, id"):
            with self.subTest(order=order), self.assertRaises(UserError):
                self.env["dunning.screening"].search([], limit=1, order=order)

    def test_filters_at_the_side_refuse_what_they_do_not_know(self):
        Screening = self.env["dunning.screening"]
        for domain, checked in (
            ([], {"amount_residual": []}),
            ([], ["outcome"]),
            ([], {"outcome": [[]]}),
            ([("nothing", "=", 1)], {"outcome": []}),
            ([("amount_residual", ">", 10**400)], {"outcome": []}),
        ):
            with self.subTest(checked=checked), self.assertRaises(UserError):
                Screening.retrieve_filters(domain, checked)
        self.assertEqual(Screening.retrieve_filters([], {}), {})

    def test_pages_find_also_what_has_no_outcome(self):
        prevented = Domain("prevent_dunning", "=", True)
        either = Domain("dunning_outcome", "=", "included") | prevented
        nothing_open = self.customers - self.env["dunning.screening"].search([]).partner_id
        nothing_open.prevent_dunning = True
        paid = self.env["account.move"].search([("partner_id", "in", self.customers.ids)])[:3]
        paid.prevent_dunning = True
        self._pay(paid)
        with (
            patch.multiple(outcome_pages, FIRST=0, SAMPLE=2),
            patch.object(dunning_mixin, "SCOPE_LIMIT", 1),
        ):
            for model, never_open in (("res.partner", nothing_open), ("account.move", paid)):
                self.assertLessEqual(never_open, self.env[model].search(either, limit=1000))
                self._same_pages(model, either)

    def test_pages_are_the_same_where_customers_count_as_many_and_little_is_looked_at(self):
        cases = {
            "dunning.screening": Domain("outcome", "!=", "included"),
            "res.partner": Domain("dunning_outcome", "=", "included"),
            "account.move": Domain("dunning_outcome", "=", "included"),
        }
        for module in (question, statement):
            self.startPatcher(patch.multiple(module, FEW=1, LISTED=2))
        self.startPatcher(patch.object(statement, "_has_statistics", return_value=True))
        self.startPatcher(patch.multiple(outcome_pages, FIRST=0, SAMPLE=2))
        self.startPatcher(patch.object(dunning_mixin, "SCOPE_LIMIT", 1))
        for most in (3, 20_000):
            with patch.object(outcome_pages, "MOST", most):
                for model, domain in cases.items():
                    self._same_pages(model, domain)

    def test_without_statistics_hundreds_of_customers_are_looked_up(self):
        self.assertIn(statement._has_statistics(self.env), (True, False))
        for known in (True, False):
            with (
                self.subTest(known=known),
                patch.object(statement, "_has_statistics", return_value=known),
            ):
                counts = (question.FEW, question.FEW + 1, question.LISTED + 1)
                few = [statement.is_few(self.env, count) for count in counts]
                self.assertEqual(few, [True, not known, False])
                for few, some, nestloop in ((True, True, "on"), (False, True, None)):
                    with statement.planned(self.env, few, some=some):
                        self.env.cr.execute("SHOW enable_nestloop")
                        wanted = nestloop or ("on" if known else "off")
                        self.assertEqual(self.env.cr.fetchone()[0], wanted)

    def test_all_are_selected_where_a_page_is_full(self):
        """Odoo offers it where it has counted more than a page of the list has."""
        for name in ("res_partner_view_list", "account_move_view_list"):
            arch = etree.fromstring(self.env.ref(f"dunning_exclusion.{name}").get_combined_arch())
            self.assertGreater(int(arch.get("count_limit")), int(arch.get("limit", 80)))

    @contextmanager
    def _asked(self, module):
        """Yield the list of the ids that pages look at one after the other in the block."""
        asked, walk = [], outcome_pages.walk

        def spy(query, is_open, matching, *values, **options):
            def noted(ids):
                asked.extend(ids)
                return matching(ids)

            return walk(query, is_open, noted, *values, **options)

        with patch.multiple(outcome_pages, FIRST=0, SAMPLE=1), patch.object(module, "walk", spy):
            yield asked

    def test_a_page_screens_the_customers_that_it_shows(self):
        Screening = self.env["dunning.screening"]
        owing = Screening.search([]).partner_id
        with self._asked(dunning_screening) as asked:
            page = Screening.web_search_read(
                [("partner_id.name", "ilike", "Walker")], {"outcome": {}}, 0, 2, None, 3
            )
        self.assertEqual((len(page["records"]), page["length"]), (2, 3))
        self.assertLess(len(asked), len(owing))

    def test_who_owes_nothing_and_what_is_paid_is_not_looked_at(self):
        outcome = Domain("dunning_outcome", "=", "included")
        owing = self.env["dunning.screening"].search([]).partner_id
        paid = self.env["account.move"].search([("partner_id", "in", self.customers.ids)])[:5]
        self._pay(paid)
        self.assertGreater(self.customers, owing & self.customers)
        paid_up = self.customers - owing
        never_asked = {"res.partner": paid_up | paid_up.child_ids, "account.move": paid}
        for model, never in never_asked.items():
            with self.subTest(model), patch.object(dunning_mixin, "SCOPE_LIMIT", 1):
                with self._asked(dunning_mixin) as asked:
                    page = self.env[model].web_search_read(outcome, {"id": {}}, 0, 80)
                self.assertTrue(page["records"])
                self.assertTrue(asked)
                self.assertFalse(set(never.ids).intersection(asked))

    def test_who_may_read_nothing_learns_nothing_about_customers(self):
        employee = self._create_user("pages-employee", "base.group_user")
        Screening = self.env["dunning.screening"].with_user(employee)
        for name in ("Walker", "Nobody of this name"):
            with self.subTest(name), self.assertRaises(AccessError):
                Screening.search_count([("partner_id.name", "ilike", name)], limit=1)

    def test_where_few_match_everybody_is_screened_at_once(self):
        Screening = self.env["dunning.screening"]
        domain = [("amount_residual", "=", 12345)]
        with (
            patch.multiple(outcome_pages, FIRST=0, SAMPLE=2),
            patch.object(outcome_pages, "FEWEST", 0),
            patch.object(outcome_pages, "SHARE", 0),
        ):
            self.assertIsNone(Screening._walk(Domain(domain), None, 80))
            self.assertEqual(Screening.search_count(domain, limit=80), 0)
            self.assertFalse(Screening.search(domain, limit=80))
