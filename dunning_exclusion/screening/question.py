"""What is asked of the screening, and what the answer depends on."""

from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from odoo import models
from odoo.tools import SQL

# For more customers than these, or more items, tables are read as for all of them.
FEW, FEW_ITEMS = 250, 10_000
# Up to so many customers are looked up, too, where PostgreSQL has no statistics.
LISTED = 1000
# The largest id that PostgreSQL keeps.
LAST_ID = 2**31 - 1


def array(ids) -> SQL:
    """Return `ids` as an array of SQL, without those that no record can have.

    It is one text: PostgreSQL reads that faster than thousands of numbers.
    """
    possible = [str(res_id) for res_id in ids if res_id and 0 < res_id <= LAST_ID]
    return SQL("%s::int[]", f"{{{','.join(possible)}}}")


class Owner(NamedTuple):
    """Whose items are asked about: `ids` of items, of entries, or of customers."""

    kind: str  # "line", "move" or "partner"
    ids: tuple

    def matches(self, alias) -> SQL:
        """Return whether the journal item `alias` is one of the items, or in one of the entries."""
        column = SQL.identifier(alias, {"line": "id", "move": "move_id"}[self.kind])
        return SQL("%s = ANY(%s)", column, array(self.ids))


@dataclass(frozen=True)
class Question:
    """Which items are screened, and for which day.

    :param companies: the companies asked about (res.company)
    :param today: the day asked about; None: today in each company
    :param owner: restricts the answer to these items, entries or customers; None: all
    :param candidates: SELECT of the items a run is about, in one company, see `candidates`; None:
        every open item, for the live report and the explanation
    :param type_id: the reminder type of candidates without reminder level; 0: none
    :param run_id: the run that asks: what it has sent itself speaks against nothing; 0: none
    :param customers: the ids of the customers whose items are read; None: all customers, or those
        of `owner`
    :param many_items: whether these customers have more than `FEW_ITEMS` items; None: not known
    :param looked_up: whether the items of up to `LISTED` customers are looked up, and not only of
        up to `FEW`, see `statement.is_few`
    :param contacts: the ids of all contacts of many customers; None: they are looked up
    :param few_bank_lines: whether there are so few unmatched bank lines that reading all of them is
        faster than looking for the names of the items of these customers; None: not known
    :param all_reasons: whether all reasons of each item are asked for; False: only the deciding
        one, and `reason_ids` is NULL
    :param thresholds: {name of a threshold on res.company: value}, to try values before they are
        saved; amounts in company currency
    """

    companies: models.BaseModel
    today: date | None = None
    owner: Owner | None = None
    candidates: SQL | None = None
    type_id: int = 0
    run_id: int = 0
    customers: tuple | None = None
    many_items: bool | None = None
    looked_up: bool | None = None
    contacts: tuple | None = None
    few_bank_lines: bool | None = None
    all_reasons: bool = True
    thresholds: dict = field(default_factory=dict)

    @property
    def few(self):
        """Whether it is about a handful of customers, so that each of their items is looked up."""
        most = LISTED if self.looked_up else FEW
        return self.customers is not None and len(self.customers) <= most and not self.many_items

    @property
    def listed(self):
        """Whether customers are named, `LISTED` of them at most."""
        return self.customers is not None and len(self.customers) <= LISTED

    def among(self, column) -> SQL:
        """Return whether `column` is one of the customers."""
        return SQL("%s = ANY(%s)", column, array(self.customers))

    def threshold(self, name) -> SQL:
        """Return the value of the threshold `name`, over the alias `company`."""
        if name in self.thresholds:
            return SQL("%s::numeric", self.thresholds[name])
        return SQL.identifier("company", name)


@dataclass(frozen=True)
class RankedRule:
    """A rule that works in a company. Its rank is its place in the rules of a `Branch`, from 1.

    :param condition: when the rule excludes, as SQL over the aliases of its level
    :param late: whether the condition is about `waiting`, which follows from all items of a
        customer, see `Branch`
    """

    id: int
    level: str
    effect: str
    condition: SQL
    late: bool = False


@dataclass(frozen=True)
class Branch:
    """One part of the statement: companies with the same day and the same rules.

    :param question: the question, about these companies and this day only
    :param rules: the `RankedRule`s, the deciding ones first: dropped before unchecked
    :param item_joins: the JOINs that the conditions on items need
    :param customer_joins: the JOINs that the conditions on customers need
    :param waiting: SELECT id, ... of the items of `item` that late rules may exclude
    :param assumed: the columns `type_id` and `sends_email` of the message that is assumed outside
        a run; empty in a run
    """

    question: Question
    rules: tuple
    item_joins: SQL
    customer_joins: SQL
    waiting: SQL
    assumed: SQL
