"""What happens at random in a simulated world: done in Odoo, and told to the reading."""

from dataclasses import replace
from datetime import date, timedelta

from odoo.fields import Command

from . import reading

FIRST_DAY = date(2025, 3, 3)
# How often each event happens, out of the sum of all of them.
EVENTS = {
    "pay": 8,
    "pay_partly": 8,
    "credit": 3,
    "credit_note": 4,
    "hold_customer": 5,
    "hold_item": 6,
    "resume": 5,
    "promise": 5,
    "cancel_promise": 2,
    "postpone": 5,
    "rebuild": 3,
    "change_profile": 3,
    "choose_scenario": 3,
    "switch_type_of_customer": 3,
    "switch_type": 1,
    "switch_scenario": 3,
    "move_weekday": 2,
    "archive": 2,
    "change_minimum": 2,
    "merge": 2,
    "delete_level": 2,
    "list_by_scenario": 8,
    "list_by_criteria": 6,
    "untick": 4,
    "look": 5,
    "freshness": 1,
    "bank_data": 2,
    "language": 1,
    "send_list": 12,
    "retry_run": 4,
    "retry_mails": 3,
}


class OpenList:
    """A list that a person has prepared, and what the reading says about it."""

    def __init__(self, run, question, lines, ticked):
        self.run, self.question, self.lines, self.ticked = run, question, lines, ticked
        self.workflows = []


class Events:
    """The part of a world in which people and customers act: a method for each event."""

    # What people and customers do -------------------------------------------------------------

    def some_item(self, wanted=lambda item: item.residual > 0):
        """Return a random item of those that are `wanted`, in the reading and in Odoo, or None."""
        found = [item for item in self.reading.items.values() if wanted(item)]
        if not found:
            return None, None
        item = self.random.choice(found)
        company = self.env["res.company"].browse(item.company)
        return item, self.env["account.move.line"].with_company(company).browse(item.key)

    def some_customer(self):
        customer = self.random.choice(self.customers)
        company = self.random.choice(self.companies)
        return self.reading.customers[customer.id], customer.with_company(company), company

    def entry(self, item, line, amount):
        """Post an entry that credits the customer of an item by `amount` cents."""
        data = self.case.data_of[item.company]
        return (
            self.env["account.move"]
            .with_company(line.company_id)
            .create(
                {
                    "move_type": "entry",
                    "company_id": item.company,
                    "journal_id": data["default_journal_misc"].id,
                    "date": FIRST_DAY,
                    "line_ids": [
                        Command.create(
                            {
                                "account_id": line.account_id.id,
                                "partner_id": item.customer,
                                "credit": amount / 100,
                                "date_maturity": FIRST_DAY,
                            }
                        ),
                        Command.create(
                            {
                                "account_id": data["default_account_revenue"].id,
                                "debit": amount / 100,
                            }
                        ),
                    ],
                }
            )
        )

    def event_pay(self, part=1):
        item, line = self.some_item()
        if not item:
            return
        amount = max(round(item.residual * part), 1)
        entry = self.entry(item, line, amount)
        entry.action_post()
        (line | self.case._items(entry)).reconcile()
        item.residual -= amount
        self.case.assertEqual(round(line.amount_residual * 100), item.residual)
        self.note(f"paid {amount}", line)

    def event_pay_partly(self):
        self.event_pay(self.random.choice([0.1, 0.5, 0.9]))

    def event_credit(self):
        """A credit that nobody has applied to an invoice yet."""
        item, line = self.some_item()
        if not item:
            return
        amount = self.random.choice([1_000, 10_000, 50_000])
        entry = self.entry(item, line, amount)
        entry.action_post()
        credit = self.case._items(entry)
        self.reading.items[credit.id] = reading.Item(
            credit.id, item.company, item.customer, FIRST_DAY, FIRST_DAY, -amount
        )
        self.note(f"credit {credit.id} of {amount}", self.env["res.partner"].browse(item.customer))

    def event_credit_note(self):
        """A credit note for a customer; half of them are applied to an invoice at once."""
        item, line = self.some_item()
        if not item:
            return
        amount = self.random.choice([1_000, 8_000, 30_000])
        values = {"price_unit": amount / 100, "tax_ids": [Command.clear()]}
        day = self.today(line.company_id)
        note = self.case._create_invoice(
            self.env["res.partner"].with_company(line.company_id).browse(item.customer),
            company_id=item.company,
            move_type="out_refund",
            invoice_date=day,
            invoice_date_due=day,
            invoice_line_ids=[Command.create(values)],
        )
        credit = self.case._items(note)
        applied = min(amount, item.residual) if self.random.random() < 0.5 else 0
        if applied:
            (line | credit).reconcile()
            item.residual -= applied
        self.reading.items[credit.id] = reading.Item(
            credit.id, item.company, item.customer, day, day, applied - amount
        )
        for one in (line, credit):
            known = self.reading.items[one.id]
            self.case.assertEqual(round(one.amount_residual * 100), known.residual)
        self.note(f"credit note {credit.id} of {amount}, {applied} applied", line)

    def hold(self, customer, company, item=None, line=None):
        kind = self.random.choice(["stop", "pause", "prevent"])
        day = self.today(company)
        start = day + timedelta(days=self.random.choice([0, 0, 0, 3]))
        end = start + timedelta(days=self.random.randrange(15))
        if kind != "pause" and self.random.random() < 0.4:
            end = None
        record = self.env["dunning.block"].create(
            {
                "company_id": company.id,
                "partner_id": customer.id,
                "move_id": line.move_id.id if line else False,
                "move_line_id": line.id if line else False,
                "kind": kind,
                "date_from": start,
                "date_to": end,
            }
        )
        block = reading.Block(company.id, customer.id, item and item.key, kind, start, end)
        self.reading.blocks.append(block)
        self.blocks.append((block, record))
        self.note(f"{kind} from {start} to {end}", line or customer)

    def event_hold_customer(self):
        _reading, customer, company = self.some_customer()
        self.hold(customer, company)

    def event_hold_item(self):
        item, line = self.some_item()
        if item:
            self.hold(line.partner_id, line.company_id, item, line)

    def event_resume(self):
        current = [(block, record) for block, record in self.blocks if not block.lifted]
        if current:
            block, record = self.random.choice(current)
            record.action_lift()
            block.lifted = self.today(record.company_id)
            self.note(f"{block.kind} ended", record.move_line_id or record.partner_id)

    def event_promise(self):
        item, line = self.some_item()
        if not item:
            return
        day = self.today(line.company_id) + timedelta(days=self.random.randrange(10))
        amount = self.random.choice([0, item.residual // 2])
        record = self.env["dunning.promise"].create(
            {
                "company_id": item.company,
                "partner_id": item.customer,
                "move_line_ids": [Command.set(line.ids)],
                "date": day,
                "amount": amount / 100,
            }
        )
        promise = reading.Promise(item.company, [item.key], day, amount, item.residual)
        self.reading.promises.append(promise)
        self.promises.append((promise, record))
        self.note(f"promised {amount} for {day}", line)

    def event_cancel_promise(self):
        current = [pair for pair in self.promises if not pair[0].cancelled]
        if current:
            promise, record = self.random.choice(current)
            record.action_cancel()
            promise.cancelled = True
            self.note("promise cancelled", record.move_line_ids)

    def event_postpone(self):
        item, line = self.some_item(lambda item: item.residual > 0 and not self.is_credit(item))
        if item:
            day = self.today(line.company_id) + timedelta(days=self.random.randrange(-5, 12))
            line.move_id.dunning_due_date = day
            for key in self.case._items(line.move_id).ids:
                self.reading.items[key].postponed_to = day
            self.note(f"postponed to {day}", line)

    def is_credit(self, item):
        return item.residual < 0

    def event_rebuild(self):
        """Somebody changes the payment term of an invoice that nobody has paid or held."""
        held = {block.item for block in self.reading.blocks}
        held |= {key for promise in self.reading.promises for key in promise.items}
        item, line = self.some_item(lambda item: item.key not in held and item.residual > 0)
        invoice = line.move_id if item else self.env["account.move"]
        own = [self.reading.items[key] for key in self.case._items(invoice).ids]
        free = invoice.amount_residual == invoice.amount_total and invoice.move_type != "entry"
        if not free or any(one.key in held for one in own):
            return
        before = {one.key: one.due for one in own}
        invoice.button_draft()
        invoice.invoice_payment_term_id = self.random.choice(list(self.terms))
        invoice.action_post()
        for one in own:
            del self.reading.items[one.key]
        for part in self.case._items(invoice):
            self.reading.items[part.id] = replace(
                item,
                key=part.id,
                due=part.date_maturity,
                residual=round(part.amount_residual * 100),
            )
        parts = {part.id: part.date_maturity for part in self.case._items(invoice)}
        for message in self.reading.messages:
            if message.state in ("queued", "sent"):
                message.lines = [
                    line._replace(item=self.nearest(parts, before[line.item]))
                    if line.item in before
                    else line
                    for line in message.lines
                ]
        self.note(f"instalments of {before} are {parts} now", self.case._items(invoice))

    def nearest(self, parts, due):
        """Return the part that is due on a day, or nearest to it: the later one of two."""
        return min(parts, key=lambda key: (abs((parts[key] - due).days), due - parts[key]))

    def event_change_profile(self):
        known, customer, company = self.some_customer()
        profile = self.random.choice([*self.profiles, self.profiles.browse()])
        customer.dunning_profile_id = profile
        known.profile[company.id] = profile.id or None
        self.note(f"profile {profile.name}", customer)

    def event_choose_scenario(self):
        known, customer, company = self.some_customer()
        fitting = [
            scenario.key
            for scenario in self.reading.scenarios.values()
            if scenario.company == company.id and scenario.weekday is None
        ]
        key = self.random.choice([*fitting, None])
        customer.dunning_scenario_id = key
        known.own_scenario[company.id] = key
        self.note(f"own scenario {key} in company {company.id}", customer)

    def event_switch_type_of_customer(self):
        known, customer, company = self.some_customer()
        code = self.random.choice(sorted(self.types))
        customer.action_dunning_toggle_type(self.types[code].id)
        known.types_off ^= {(company.id, code)}
        self.note(f"type {code} switched in company {company.id}", customer)

    def event_switch_type(self):
        code = self.random.choice(sorted(self.types))
        self.types[code].active = not self.types[code].active
        self.reading.types ^= {code}
        self.note(f"type {code} switched everywhere")

    def event_switch_scenario(self):
        known = self.random.choice(list(self.reading.scenarios.values()))
        scenario = self.env["dunning.scenario"].browse(known.key)
        known.active = not known.active
        scenario.active = known.active
        known.settled = self.today(scenario.company_id)
        self.note(f"scenario {known.key} {known.active}", scenario.company_id)

    def event_move_weekday(self):
        workflows = [s for s in self.reading.scenarios.values() if s.weekday is not None]
        known = self.random.choice(workflows)
        scenario = self.env["dunning.scenario"].browse(known.key)
        weekday = self.random.randrange(7)
        if weekday != known.weekday:
            known.settled = self.today(scenario.company_id)
        known.weekday = weekday
        scenario.weekday = str(weekday)
        self.note(f"workflow {known.key} on weekday {weekday}", scenario.company_id)

    def event_archive(self):
        known, customer, _company = self.some_customer()
        known.active = not known.active
        customer.active = known.active
        self.note(f"customer active {known.active}", customer)

    def event_change_minimum(self):
        company = self.random.choice(self.companies)
        known = self.reading.companies[company.id]
        known.item_minimum = self.random.choice([0, 0, 5_000])
        known.customer_minimum = self.random.choice([0, 0, 20_000])
        company.dunning_item_minimum = known.item_minimum / 100
        company.dunning_customer_minimum = known.customer_minimum / 100
        self.note(f"minimum {known.item_minimum} and {known.customer_minimum}", company)

    def event_freshness(self):
        company = self.random.choice(self.companies)
        known = self.reading.companies[company.id]
        known.freshness = self.random.choice([0, 0, 4])
        company.dunning_freshness_days = known.freshness
        self.note(f"bank data not older than {known.freshness} days", company)

    def event_bank_data(self):
        company = self.random.choice(self.companies[:2])
        self.env["account.bank.statement.line"].with_company(company).create(
            {
                "journal_id": self.case.data_of[company.id]["default_journal_bank"].id,
                "date": self.today(company),
                "payment_ref": "Fee",
                "amount": -1,
            }
        )
        for one in (company, *company.child_ids):
            self.reading.companies[one.id].bank_data_of = self.today(company)
            self.note("bank data imported", one)

    def event_language(self):
        _known, customer, _company = self.some_customer()
        customer.lang = self.random.choice(["en_US", "fr_FR"])

    def event_merge(self):
        """Two customers who are treated alike turn out to be one."""

        def treatment(customer):
            known = self.reading.customers[customer.id]
            own = {key for key in known.own_scenario.items() if key[1]}
            profile = {key for key in known.profile.items() if key[1]}
            return (known.active, own, profile)

        pairs = [
            (one, two)
            for one in self.customers
            for two in self.customers
            if one != two and treatment(one) == treatment(two) and len(self.customers) > 4
        ]
        if not pairs:
            return
        gone, kept = self.random.choice(pairs)
        self.note(f"{gone.id} merged into {kept.id}", gone, kept)
        wizard = self.env["base.partner.merge.automatic.wizard"].create(
            {"partner_ids": [Command.set((gone | kept).ids)], "dst_partner_id": kept.id}
        )
        wizard._merge((gone | kept).ids, kept, extra_checks=False)
        self.env.invalidate_all()
        for record in (
            *self.reading.items.values(),
            *self.reading.blocks,
            *self.reading.messages,
        ):
            if record.customer == gone.id:
                record.customer = kept.id
        known = self.reading.customers.pop(gone.id)
        self.reading.customers[kept.id].types_off |= known.types_off
        self.customers -= gone

    def event_delete_level(self):
        known = self.random.choice(
            [s for s in self.reading.scenarios.values() if len(s.levels) > 2]
        )
        level = self.random.choice(known.levels)
        self.env["dunning.level"].browse(level.key).unlink()
        known.levels.remove(level)
        self.note(f"level {level.sequence} of {known.key} deleted")
        # The lines of open lists forget it, and so do those that were sent.
        for message in self.reading.messages:
            message.lines = [
                line._replace(level=None) if line.level == level.key else line
                for line in message.lines
            ]

    # Lists ------------------------------------------------------------------------------------

    def prepare(self, question, **values):
        company = self.env["res.company"].browse(question.company)
        run = (
            self.env["dunning.run"]
            .with_company(company)
            .create({"company_id": company.id, "date": question.day, **values})
        )
        run.action_prepare()
        lines = self.reading.candidates(question)
        ticked = set(self.reading.included(lines, question, question.day))
        found = {
            (line.move_line_id.id, line.scenario_id.id or None, level_id)
            for line in run.line_ids
            if line.checked
            for level_id in line.level_ids.ids or [None]
        }
        self.compare(f"list {run.display_name} ticks", {line[:3] for line in ticked}, found)
        open_list = OpenList(run, question, lines, ticked)
        open_list.workflows = self.reading.workflows_of(question)
        self.lists.append(open_list)
        self.note(f"list {run.id} {run.display_name} prepared", company)

    def event_list_by_scenario(self):
        company = self.random.choice(self.companies)
        keys = [s.key for s in self.reading.scenarios.values() if s.company == company.id]
        chosen = self.random.choice([[], [self.random.choice(keys)]])
        active = [key for key in keys if self.reading.scenarios[key].active]
        self.prepare(
            reading.Run(company.id, self.today(company), chosen or active, due_only=not chosen),
            scenario_ids=[Command.set(chosen)],
        )

    def event_list_by_criteria(self):
        company = self.random.choice(self.companies)
        days = self.random.choice([0, 10])
        kind = self.random.choice(["overdue", "final_notice"])
        day = self.today(company)
        if kind not in self.reading.types:
            return
        self.prepare(
            reading.Run(
                company.id, day, [], due_only=False, by_criteria=True, days_overdue=days, type=kind
            ),
            mode="criteria",
            type_id=self.types[kind].id,
            criteria_domain=str([("date_maturity", "<", str(day - timedelta(days=days)))]),
        )

    def event_untick(self):
        lists = [one for one in self.lists if one.ticked]
        if lists:
            open_list = self.random.choice(lists)
            line = self.random.choice(sorted(open_list.ticked, key=str))
            found = open_list.run.line_ids.filtered(
                lambda one: (
                    one.move_line_id.id == line.item
                    and (one.scenario_id.id or None) == line.scenario
                    and one.checked
                )
            )
            found.checked = False
            # All actions of a workflow are of one line.
            open_list.ticked = {
                one for one in open_list.ticked if (one.item, one.scenario) != line[:2]
            }
            self.note(f"unticked in list {open_list.run.id}", found.move_line_id)

    def event_look(self):
        """Somebody looks at a list: what changed since is looked up, and no tick is lost by it."""
        if self.lists:
            run = self.random.choice(self.lists).run
            run.read_figures(run.id)
            self.note(f"list {run.id} looked at", run.company_id)

    def event_send_list(self):
        if self.lists:
            open_list = self.random.choice(self.lists)
            self.lists.remove(open_list)
            self.note(f"list {open_list.run.id} sent", open_list.run.company_id)
            open_list.run.action_send()
            self.check_sent(open_list, "list")

    # Once more --------------------------------------------------------------------------------

    def event_retry_run(self):
        failed = [
            (one, message)
            for one in self.sent_lists
            for message in self.reading.messages
            if message.run is one.question and message.state == "failed"
        ]
        if not failed:
            return
        open_list = self.random.choice(failed)[0]
        messages = [message for one, message in failed if one is open_list]
        lines = {line for message in messages for line in message.lines}
        self.note(f"run {open_list.run.id} retried", open_list.run.company_id)
        for message in messages:
            message.state = "retried"
        again = OpenList(open_list.run, open_list.question, open_list.lines, lines)
        self.sent_lists.remove(open_list)
        open_list.run.action_retry_failed()
        self.check_sent(again, "retry")

    def event_retry_mails(self):
        failed = [message for message in self.reading.messages if message.state == "failed"]
        if failed:
            self.note("failed mails retried in the queue")
            mails = (
                self.env["mail.mail"]
                .sudo()
                .search([("model", "=", "dunning.notice"), ("state", "=", "exception")])
            )
            mails.action_retry()
            for message in failed:
                message.state = "queued"
