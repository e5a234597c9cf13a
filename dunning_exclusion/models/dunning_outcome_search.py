from odoo import api, models
from odoo.fields import Domain
from odoo.orm.domains import DomainAnd
from odoo.tools import OrderedSet

from ..screening import statement
from ..screening.question import Owner
from .dunning_screening import OUTCOMES, OWNERS, read_page

# A search that finds no more records than these by its other conditions screens only them.
SCOPE_LIMIT = 1000


class DunningOutcomeSearch(models.AbstractModel):
    """Searches customers, invoices and items by what dunning would do with them."""

    _name = "dunning.outcome.search"
    _description = "Search by Dunning Outcome"

    def _search_dunning_outcome(self, operator, value, owner=None):
        if operator != "in":
            return NotImplemented
        found = self._dunning_outcome_domain([outcome for outcome in value if outcome], owner)
        if False in value:
            found |= ~self._dunning_outcome_domain([code for code, _name in OUTCOMES], owner)
        return found

    @api.model
    def _dunning_outcome_domain(self, outcomes, owner=None):
        """Return the domain of the records with one of `outcomes`.

        :param owner: the records that are asked about, an `Owner`; None: all of them
        """
        query = self.env["dunning.screening"]._owner_query(
            self._dunning_owner_field(), outcomes, self._dunning_searched_companies(), owner
        )
        return Domain("id", "in", query)

    @api.model
    def _dunning_searched_companies(self):
        """Return the companies in which the records are that a search can find.

        Each record is screened in its own company, as by the field, so a search with the rights of
        the system, which finds the records of all companies, screens all of them.
        """
        if self.env.su:
            return self.env["res.company"].with_context(active_test=False).search(Domain.TRUE)
        return self.env.companies

    @api.model
    def _search(self, domain, *args, **kwargs):
        """Override to screen only the customers that the other conditions of `domain` leave."""
        domain = Domain(domain)
        if not self._asks_for_outcome(domain):
            return super()._search(domain, *args, **kwargs)
        query, few = self._dunning_outcome_query(domain, super()._search, *args, **kwargs)
        # Executed here, where PostgreSQL is told how to work on the statement.
        with statement.planned(self.env, few=few):
            return self.browse(query.get_result_ids())._as_query()

    @api.model
    def _dunning_outcome_query(self, domain, search, *args, **kwargs):
        """Return the query of a search by outcome, and whether only a few customers are screened.

        :param search: the method `_search` that is overridden; it takes the other arguments
        """
        scoped = self._dunning_scoped(domain, search)
        return search(scoped, *args, **kwargs), scoped is not domain

    @api.model
    @api.readonly
    def web_search_read(
        self, domain, specification, offset=0, limit=None, order=None, count_limit=None
    ):
        """Override of `web` for searches by outcome: see `read_page`."""
        if limit and self._asks_for_outcome(Domain(domain)):
            # The query of `_search` before it is executed.
            search = super()._search  # pylint: disable=super-method-mismatch
            query, few = self._dunning_outcome_query(
                Domain(domain), search, offset, limit, order or self._order
            )
            return read_page(self, query, specification, count_limit, few)
        return super().web_search_read(domain, specification, offset, limit, order, count_limit)

    @api.model
    def _asks_for_outcome(self, domain):
        return any(leaf.field_expr == "dunning_outcome" for leaf in domain.iter_conditions())

    @api.model
    def _dunning_scoped(self, domain, search):
        """Return `domain` with its conditions on the outcome restricted to what else it asks for.

        PostgreSQL would screen everything and compare afterwards.

        :param search: the method `_search` that is overridden
        """
        parts = domain.children if isinstance(domain, DomainAnd) else []
        others = Domain.AND(part for part in parts if not self._asks_for_outcome(part))
        if others.is_true() or not self._has_field_access(self._fields["dunning_outcome"], "read"):
            return domain
        # Who may see what is left to the search itself.
        query = search(others, limit=SCOPE_LIMIT + 1, active_test=False, bypass_access=True)
        found = self.browse(query.get_result_ids())
        if len(found) > SCOPE_LIMIT:
            return domain
        # sudo: only the customers are read, and only to choose what is screened
        ids = found.sudo()._dunning_owners().ids
        owner = Owner(OWNERS[self._dunning_owner_field()], tuple(ids))

        def scoped(leaf):
            if leaf.field_expr != "dunning_outcome" or leaf.operator not in ("=", "in"):
                return leaf
            many = isinstance(leaf.value, (list, tuple, set, frozenset, OrderedSet))
            return self._search_dunning_outcome("in", leaf.value if many else [leaf.value], owner)

        return domain.map_conditions(scoped)
