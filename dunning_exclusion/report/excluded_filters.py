from collections import defaultdict

from odoo import api, models
from odoo.exceptions import UserError

from ..models.arguments import understand_domain

FILTERS = ("outcome", "rule_id", "company_id")


class DunningScreening(models.Model):
    """The filters at the side of Excluded Receivables."""

    _inherit = "dunning.screening"

    @api.model
    @api.readonly
    def retrieve_filters(self, domain, checked):
        """Return the values of the filters at the side, counted by one screening.

        Odoo would ask for each filter, and once more where something is checked in another one.

        :param domain: what is searched for, without these filters
        :param checked: {field: the values that are checked} of each filter that is shown
        :return: {field: list of dicts `{id, display_name, __count}`}; only items count that have
            what is checked in the other filters
        :raise UserError: when there is no such filter, or the search cannot be understood
        """
        if not isinstance(checked, dict) or not checked.keys() <= set(FILTERS):
            raise UserError(self.env._("There is no such filter: reload the page."))
        with understand_domain(self.env):
            chosen = {field: set(values) for field, values in checked.items() if values}
            rows = self._read_group(domain, list(checked), ["__count"])
        return {field: self._count_filter(field, list(checked), rows, chosen) for field in checked}

    @api.model
    def _count_filter(self, field, names, rows, chosen):
        """Return what `retrieve_filters` returns for one filter.

        :param rows: the values of the fields `names`, and the number of items that have them
        """
        counts = defaultdict(int)
        for *values, count in rows:
            values = dict(zip(names, values, strict=True))
            ids = {name: value.id if name != "outcome" else value for name, value in values.items()}
            others = all(ids[name] in wanted for name, wanted in chosen.items() if name != field)
            counts[values[field]] += count if others else 0
        found = [value for value in counts if value]
        if field == "outcome":
            labels = dict(self._fields[field]._description_selection(self.env))
            named = [(value, value, labels[value]) for value in sorted(found)]
        else:
            # sudo: reasons are read by everybody who may see what they leave out
            records = self[field].sudo().concat(*found).sorted()
            named = [(record, record.id, record.display_name) for record in records]
        return [
            {"id": res_id, "display_name": name, "__count": counts[value]}
            for value, res_id, name in named
        ]
