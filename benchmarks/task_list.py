"""Measures of the task list: what the web client asks the server for when a person works in it."""

import json

from lxml import etree

from .clock import Clock
from .measures import Measure


def task_list(env):
    """The first page, grouped by customer; filtered by a reason; one customer ticked."""
    run = env["dunning.run"].create({})
    run.action_prepare()
    env.cr.commit()
    screen, clock = Screen(env, run), Clock(env)
    limit = 0.15 if run.included_count < 150_000 else 1.0
    rule = env.ref("dunning_exclusion.rule_stop_item")
    works = {
        "open the task list": lambda: screen.page(("outcome", "!=", "dropped")),
        "filter it by a reason": lambda: screen.page(("rule_ids", "in", rule.ids)),
        "tick one customer": screen.tick_one_customer,
        "figures above the list, when it is opened": screen.figures,
    }
    for name, work in works.items():
        yield Measure(name, clock.median(work), limit=limit)
    run.unlink()
    env.cr.commit()


class Screen:
    """The requests of the screen, with what its list view asks for."""

    def __init__(self, env, run):
        self.run, self.lines = run, env["dunning.run.line"]
        view = self.lines.get_view(view_type="list")
        self.names = view["models"][self.lines._name]
        arch = etree.fromstring(view["arch"])
        self.groups_limit = int(arch.get("groups_limit"))
        self.unseen = set(arch.xpath("//field[@column_invisible='1']/@name"))
        domain = [("run_id", "=", run.id), ("outcome", "=", "included")]
        self.customer = self.lines.search(domain, limit=1).partner_id
        self.ticked = True
        self.aggregates, self.specification = self._aggregates(), self._specification()

    def page(self, condition):
        """Show the first customers with their sums and reasons, and the lines of some."""
        domain = [("run_id", "=", self.run.id), condition]
        page = self.lines.web_read_group(
            domain,
            ["partner_id"],
            self.aggregates,
            limit=self.groups_limit,
            auto_unfold=True,
            unfold_read_specification=self.specification,
        )
        customer_ids = [group["partner_id"][0] for group in page["groups"]]
        marks = self.lines.read_customer_marks(domain, customer_ids)
        return json.dumps([page, marks], default=str)

    def tick_one_customer(self):
        """Tick or untick a customer; read its sums and lines and the figures above anew."""
        self.ticked = not self.ticked
        domain = [("run_id", "=", self.run.id), ("partner_id", "=", self.customer.id)]
        self.lines.tick(domain, self.ticked)
        sums = ["checked_count:sum", "checked_amount:sum"]
        groups = self.lines.formatted_read_group(domain, [], sums)
        lines = self.lines.web_search_read(domain, self.specification, limit=80)
        return json.dumps([groups, lines, self.figures()], default=str)

    def figures(self):
        return json.dumps(self.run.browse().read_figures(self.run.id), default=str)

    def _aggregates(self):
        """Return what the web client sums up: amounts as they are, and by their currency."""
        fields = self.lines.fields_get(self.names, ["type", "aggregator", "currency_field"])
        summed = {
            name: field
            for name, field in fields.items()
            if field.get("aggregator") and field["type"] in ("float", "integer", "monetary")
        }
        result = [f"{name}:{field['aggregator']}" for name, field in summed.items()]
        for name, field in summed.items():
            if currency := field.get("currency_field"):
                result += [f"{currency}:array_agg_distinct", f"{name}:sum_currency"]
        return list(dict.fromkeys(result))

    def _specification(self):
        """Return what is read of a line: of what stands in no column, no names."""
        named, unnamed = {"fields": {"display_name": {}}}, {"fields": {}}
        return {
            name: (unnamed if name in self.unseen else named)
            if self.lines._fields[name].relational
            else {}
            for name in self.names
        }
