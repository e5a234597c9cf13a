"""Measures of the task list: what the web client asks the server for when a person works in it."""

import json

from lxml import etree

from .clock import Clock
from .table import measure


def task_list(env):
    """The first page, grouped by customer; filtered by a reason; one customer ticked."""
    run = env["dunning.run"].create({})
    run.action_prepare()
    env.cr.commit()
    client = Client(run)
    rule = env.ref("dunning_exclusion.rule_stop_item")
    works = {
        "open the task list": lambda: client.page(("outcome", "!=", "dropped")),
        "filter it by a reason": lambda: client.page(("rule_ids", "in", rule.ids)),
        "tick one customer, and read its sums and lines again": client.tick_one_customer,
        "figures above the list, after that and when it is opened": client.figures,
    }
    for name, work in works.items():
        seconds = Clock(env).median(lambda work=work: json.dumps(work(), default=str))
        yield measure(name, seconds, limit=0.15 if run.included_count < 150_000 else 1.0)
    run.unlink()
    env.cr.commit()


class Client:
    """The requests of the web client, with what its list view asks for."""

    def __init__(self, run):
        self.run, self.lines, self.ticked = run, run.env["dunning.run.line"], True
        view = self.lines.get_view(view_type="list")
        arch, names = etree.fromstring(view["arch"]), view["models"][self.lines._name]
        self.groups_limit = int(arch.get("groups_limit"))
        domain = [("run_id", "=", run.id), ("outcome", "=", "included")]
        self.customer = self.lines.search(domain, limit=1).partner_id
        fields = self.lines.fields_get(names, ["type", "aggregator", "currency_field", "relation"])
        # Of what stands in no column no names are read.
        unseen = set(arch.xpath("//field[@column_invisible='1']/@name"))
        named, unnamed = {"fields": {"display_name": {}}}, {"fields": {}}
        self.specification = {
            name: (unnamed if name in unseen else named) if "relation" in field else {}
            for name, field in fields.items()
        }
        # Amounts are summed up as they are, and by their currency.
        self.sums = []
        for name, field in fields.items():
            if field.get("aggregator") and field["type"] in ("float", "integer", "monetary"):
                self.sums.append(f"{name}:{field['aggregator']}")
                if currency := field.get("currency_field"):
                    self.sums += [f"{currency}:array_agg_distinct", f"{name}:sum_currency"]

    def page(self, condition):
        """Show the first customers with their sums and reasons, and the lines of some."""
        domain = [("run_id", "=", self.run.id), condition]
        page = self.lines.web_read_group(
            domain,
            ["partner_id"],
            list(dict.fromkeys(self.sums)),
            limit=self.groups_limit,
            auto_unfold=True,
            unfold_read_specification=self.specification,
        )
        customers = [group["partner_id"][0] for group in page["groups"]]
        return page, self.lines.read_customer_marks(domain, customers)

    def tick_one_customer(self):
        """Tick or untick a customer; read its sums and lines anew. The figures follow."""
        self.ticked = not self.ticked
        domain = [("run_id", "=", self.run.id), ("partner_id", "=", self.customer.id)]
        self.lines.tick(domain, self.ticked)
        sums = ["checked_count:sum", "checked_amount:sum"]
        groups = self.lines.formatted_read_group(domain, [], sums)
        lines = self.lines.web_search_read(domain, self.specification, limit=80)
        return groups, lines

    def figures(self):
        return self.run.browse().read_figures(self.run.id)
