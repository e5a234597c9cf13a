from dataclasses import dataclass, field
from datetime import date

from odoo import models
from odoo.tools import SQL


@dataclass(frozen=True)
class Screen:
    """What is screened: the constants of one question to the screening.

    :param companies: the companies asked about (res.company)
    :param today: the day asked about; None: today in each company
    :param owner: restricts the answer to ("line", "move" or "partner", ids); the ids of partners
        are those of customers (commercial partners)
    :param candidates: SELECT of the items a run is about, in one company, see
        `dunning.candidate`; None: every open item, for the live report and the explanation
    :param type_id: the reminder type of candidates without dunning level; 0: none
    :param customers: the ids of the customers that are read, which follow from `owner`; None: all
    :param thresholds: {name of a threshold on res.company: value in its place}, to try values
        before they are saved
    """

    companies: models.BaseModel
    today: date | None = None
    owner: tuple | None = None
    candidates: SQL | None = None
    type_id: int = 0
    customers: tuple | None = None
    thresholds: dict = field(default_factory=dict)

    def threshold(self, name) -> SQL:
        """Return the value of the threshold `name` over the alias `company`."""
        if name in self.thresholds:
            return SQL("%s::numeric", self.thresholds[name])
        return SQL.identifier("company", name)
