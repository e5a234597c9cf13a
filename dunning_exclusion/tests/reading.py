"""A plain reading of what the contract says about reminders, for the simulation.

It shares no code with the addon and asks no database: whoever uses it tells it what happens, in the
order in which it happens, and it says who must be reminded, of what, at which level. Amounts are
whole cents. Keys of records are whatever the user of this module likes; keys of scenarios and
levels grow as they are made.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple


@dataclass
class Company:
    key: int
    item_minimum: int = 0
    customer_minimum: int = 0
    tolerance: int = 2
    catch_up: int = 3
    freshness: int = 0
    bank_data_of: date | None = None


@dataclass
class Customer:
    key: int
    active: bool = True
    profile: dict = field(default_factory=dict)
    own_scenario: dict = field(default_factory=dict)
    types_off: set = field(default_factory=set)


@dataclass
class Level:
    key: int
    sequence: int
    delay: int
    type: str
    action: str = "email"
    minimum: int = 0
    repeat_every: int = 0
    repeat_max: int = 0


@dataclass
class Scenario:
    """One of invoice level, or a weekly workflow when it has a `weekday`.

    `settled` is the day since which its days are as they are now: earlier ones were not missed.
    """

    key: int
    company: int
    sequence: int
    levels: list
    automatic: bool = True
    active: bool = True
    profile: int | None = None
    min_days: int = 0
    weekday: int | None = None
    overdue_at_least: int = 0
    settled: date = date(1990, 1, 1)
    ran: list = field(default_factory=list)


@dataclass
class Item:
    key: int
    company: int
    customer: int
    due: date
    issued: date
    residual: int
    postponed_to: date | None = None

    @property
    def due_for_dunning(self):
        return max(self.due, self.postponed_to or self.due)


@dataclass
class Block:
    company: int
    customer: int
    item: int | None
    kind: str
    start: date
    end: date | None = None
    lifted: date | None = None

    def holds(self, day):
        if self.lifted and self.lifted <= day:
            return False
        return self.start <= day and (not self.end or day <= self.end)


@dataclass
class Promise:
    company: int
    items: list
    date: date
    amount: int
    open_then: int
    cancelled: bool = False


class Line(NamedTuple):
    """What one item is to be reminded of; `scenario` and `level` are None in a run by criteria."""

    item: int
    scenario: int | None
    level: int | None
    sequence: int | None


@dataclass
class Message:
    """Lines of one customer that go out together; `left` is the day they did."""

    company: int
    customer: int
    lines: list
    workflow: bool
    state: str = "queued"
    made: date | None = None
    left: date | None = None
    failed_before: bool = False
    run: object = None


class Run(NamedTuple):
    """A list: `scenarios` or, by criteria, `items` that its filter finds, of a reminder type."""

    company: int
    day: date
    scenarios: list
    due_only: bool
    by_criteria: bool = False
    days_overdue: int = 0
    type: str = "overdue"


class Reading:
    """All that happened so far, and what follows from it."""

    def __init__(self):
        self.companies, self.customers, self.scenarios, self.items = {}, {}, {}, {}
        self.blocks, self.promises, self.messages = [], [], []
        self.types = {"upcoming", "overdue", "final_notice", "statement"}

    # What was said already --------------------------------------------------------------------

    def _said(self, key):
        """Return (message, line) of the reminders of an item, of whatever list, not in vain."""
        return [
            (message, line)
            for message in self.messages
            if message.state in ("queued", "sent")
            for line in message.lines
            if line.item == key and not message.workflow
        ]

    def _free(self, key, day, gap):
        """Return whether an item may be reminded of: nothing is on its way or left too recently."""
        return all(
            message.state == "sent" and message.left + timedelta(days=max(gap, 1)) <= day
            for message, _line in self._said(key)
        )

    def _said_since(self, line, day):
        """Return whether the same was said of the item of a line from `day` on: one is enough.

        An action of a workflow is said to the customer, whatever items it lists.
        """
        workflow = line.scenario and self.scenarios[line.scenario].weekday is not None
        if workflow:
            customer = self.items[line.item].customer
            said = self._said_to(customer, line.level)
        else:
            said = [message for message, _line in self._said(line.item)]
        return any(message.state == "queued" or message.left >= day for message in said)

    def _said_to(self, customer, action):
        """Return the messages by which a customer had an action of a workflow, not in vain."""
        return [
            message
            for message in self.messages
            if message.state in ("queued", "sent")
            and message.customer == customer
            and any(line.level == action for line in message.lines)
        ]

    # Who and when -----------------------------------------------------------------------------

    def scenario_of(self, customer, company):
        """Return the invoice-level scenario of a customer: its own choice, else the first."""
        fitting = [
            scenario
            for scenario in self.scenarios.values()
            if scenario.company == company and scenario.active and scenario.weekday is None
        ]
        fitting.sort(key=lambda scenario: (scenario.sequence, scenario.key))
        for scenario in fitting:
            if scenario.key == customer.own_scenario.get(company):
                return scenario
        for scenario in fitting:
            if self._is_for(scenario, customer):
                return scenario
        return None

    def _is_for(self, scenario, customer):
        profile = customer.profile.get(scenario.company)
        return scenario.profile is None or scenario.profile == profile

    def due_day(self, workflow, day):
        """Return the day of a workflow that is due on `day`: that day, or one that was missed."""
        late = (day.weekday() - workflow.weekday) % 7
        own = day - timedelta(days=late)
        if late > self.companies[workflow.company].catch_up or own < workflow.settled:
            return None
        return None if any(own <= ran <= day for ran in workflow.ran) else own

    def workflows_of(self, run):
        """Return the workflows that a run is about."""
        return [
            self.scenarios[key]
            for key in run.scenarios
            if self.scenarios[key].weekday is not None
            and self.scenarios[key].active
            and (not run.due_only or self.due_day(self.scenarios[key], run.day))
        ]

    def next_level(self, item, scenario, day):
        """Return the next level of an item: the first above its last one whose day has come."""
        if item.residual <= 0 or not self._free(item.key, day, scenario.min_days):
            return None
        past = [
            (message, line)
            for message, line in self._said(item.key)
            if line.scenario == scenario.key
        ]
        highest = max((line.sequence for _message, line in past), default=None)
        times = len({id(message) for message, line in past if line.sequence == highest})
        last = max((message.left for message, _line in past), default=None)
        levels = sorted(scenario.levels, key=lambda level: (level.sequence, level.key))
        steps = [level for level in levels if highest is None or level.sequence > highest]
        steps += [
            level
            for level in levels
            if level.repeat_every
            and level.sequence == highest
            and last + timedelta(days=level.repeat_every) <= day
            and (not level.repeat_max or times <= level.repeat_max)
        ]
        come = [
            level
            for level in steps
            if level.type in self.types and self._has_come(item, level, day)
        ]
        customer = self.customers[item.customer]
        wanted = [level for level in come if (item.company, level.type) not in customer.types_off]
        return (wanted or come or [None])[0]

    def _has_come(self, item, level, day):
        base = item.due_for_dunning
        if level.delay < 0 and base < day:
            return False
        return base + timedelta(days=level.delay) <= day and item.residual >= level.minimum

    # What is proposed -------------------------------------------------------------------------

    def candidates(self, run, day=None):
        """Return the lines of a run on `day`, before anything is left out."""
        day = day or run.day
        items = [
            item
            for item in self.items.values()
            if item.company == run.company
            and item.residual
            and not (item.postponed_to and item.postponed_to >= day)
        ]
        if run.by_criteria:
            return [
                Line(item.key, None, None, None)
                for item in items
                if item.residual > 0
                and run.type in self.types
                and item.due + timedelta(days=run.days_overdue) < run.day
                and self._free(item.key, day, 1)
            ]
        return self._at_levels(run, items, day) + self._of_workflows(run, items, day)

    def _at_levels(self, run, items, day):
        lines = []
        for item in items:
            scenario = self.scenario_of(self.customers[item.customer], run.company)
            if scenario and scenario.key in run.scenarios:
                if level := self.next_level(item, scenario, day):
                    lines.append(Line(item.key, scenario.key, level.key, level.sequence))
        return lines

    def _of_workflows(self, run, items, day):
        lines = []
        for workflow in self.workflows_of(run):
            since = self.due_day(workflow, day) if run.due_only else None
            for item in items:
                customer = self.customers[item.customer]
                if not self._is_for(workflow, customer):
                    continue
                if self.owed(item.customer, run.company, day)[1] < workflow.overdue_at_least:
                    continue
                lines += [
                    Line(item.key, workflow.key, action.key, action.sequence)
                    for action in workflow.levels
                    if action.type in self.types
                    and not self._had(item.customer, workflow, action, day, since)
                ]
        return lines

    def _had(self, customer, workflow, action, day, since):
        """Return whether a customer had an action for this day of the workflow, or recently."""
        free_until = day - timedelta(days=max(workflow.min_days, 1))
        if since:
            free_until = min(free_until, since - timedelta(days=1))
        return any(
            message.state == "queued" or message.left > free_until
            for message in self._said_to(customer, action.key)
        )

    def owed(self, customer, company, day):
        """Return (outstanding, overdue) of a customer in a company."""
        own = [
            item
            for item in self.items.values()
            if item.customer == customer and item.company == company
        ]
        overdue = sum(item.residual for item in own if item.due_for_dunning < day)
        return sum(item.residual for item in own), overdue

    # What is left out -------------------------------------------------------------------------

    def included(self, lines, run, day):
        """Return those of `lines` that nothing stands against on `day`."""
        right = [
            line
            for line in lines
            if not self._item_held(self.items[line.item], day)
            and (self._lists_credits(line) or not self._is_covered(self.items[line.item], day))
        ]
        amounts = defaultdict(int)
        for line in right:
            amounts[self._group(line)] += self.items[line.item].residual
        return [
            line
            for line in right
            if not self._customer_held(line, run, day, amounts[self._group(line)])
        ]

    def _group(self, line):
        """Return what is counted together: all levels of a scenario, one action of a workflow."""
        customer = self.items[line.item].customer
        if self._lists_credits(line):
            return (customer, line.scenario, line.level)
        return (customer, line.scenario, None)

    def _lists_credits(self, line):
        """Return whether a line is of a workflow, whose messages list credits, too."""
        return line.scenario and self.scenarios[line.scenario].weekday is not None

    def _item_held(self, item, day):
        company = self.companies[item.company]
        if any(block.item == item.key and block.holds(day) for block in self.blocks):
            return True
        if 0 < item.residual < company.item_minimum:
            return True
        return any(
            item.key in promise.items and self._is_open(promise, day) for promise in self.promises
        )

    def _is_covered(self, item, day):
        """Return whether credits pay all of an item: they pay the oldest due items first."""
        own = [
            other
            for other in self.items.values()
            if (other.customer, other.company) == (item.customer, item.company)
        ]
        left = -sum(other.residual for other in own if other.residual < 0)
        due = [other for other in own if other.residual > 0 and other.due_for_dunning <= day]
        for other in sorted(due, key=lambda other: (other.due_for_dunning, other.key)):
            left -= other.residual
            if other is item:
                return left >= 0
        return False

    def _is_open(self, promise, day):
        if promise.cancelled:
            return False
        paid = promise.open_then - sum(self.items[key].residual for key in promise.items)
        if promise.open_then > 0 and paid >= (promise.amount or promise.open_then):
            return False
        return promise.date + timedelta(days=self.companies[promise.company].tolerance) >= day

    def _customer_held(self, line, run, day, amount):
        item = self.items[line.item]
        customer = self.customers[item.customer]
        if not customer.active:
            return True
        if self.owed(customer.key, item.company, day)[0] < 0:
            return True
        if 0 < amount < self.companies[item.company].customer_minimum:
            return True
        kind = run.type
        if line.level:
            levels = self.scenarios[line.scenario].levels
            kind = next(level.type for level in levels if level.key == line.level)
        if (item.company, kind) in customer.types_off:
            return True
        return any(
            block.item is None
            and block.customer == customer.key
            and block.company == item.company
            and block.holds(day)
            for block in self.blocks
        )

    # What is sent -----------------------------------------------------------------------------

    def to_send(self, run, lines, unticked, day):
        """Return the messages of the ticked ones of `lines` that are still right on `day`.

        :param unticked: the lines that a person unticked, or that were left out from the start
        """
        # A run made for an earlier day is sent today: nothing but today counts.
        today = run._replace(due_only=False)
        still = set(self.candidates(today, day))
        still = {line for line in still if not self._said_since(line, run.day)}
        right = self.included([line for line in lines if line in still], run, day)
        groups = defaultdict(list)
        for line in right:
            if line not in unticked:
                groups[self._group(line)].append(line)
        messages = []
        for (customer, scenario, _level), group in groups.items():
            total = sum(self.items[line.item].residual for line in group)
            if total > 0 and self.owed(customer, run.company, day)[0] > 0:
                workflow = bool(scenario and self.scenarios[scenario].weekday is not None)
                messages.append(Message(run.company, customer, group, workflow, run=run))
        return messages

    def is_right(self, message, day):
        """Return whether a message that has waited or failed would be made again as it is."""
        # The messages of one list do not stand in each other's way, also when customers are merged.
        together = [
            one
            for one in self.messages
            if one.run is message.run
            and one.customer == message.customer
            and one.state == message.state
        ]
        state = message.state
        for one in together:
            one.state = "looked at"
        again = self.to_send(message.run, message.lines, set(), day)
        for one in together:
            one.state = state
        return [set(one.lines) for one in again] == [set(message.lines)]

    def job_may_send(self, company, day):
        """Return whether the bank data of a company are fresh enough for the nightly job."""
        if not company.freshness:
            return True
        oldest = day - timedelta(days=company.freshness)
        return bool(company.bank_data_of and company.bank_data_of >= oldest)

    def why_not(self, line, run, day):
        """Return in words why a line is not sent on `day`, to tell it where it was sent."""
        item = self.items[line.item]
        scenario = line.scenario and self.scenarios[line.scenario]
        workflow = scenario and scenario.weekday is not None
        if self._said_since(line, run.day):
            return "said since the list was made"
        if not workflow and not self._free(line.item, day, scenario.min_days if scenario else 1):
            return "said too recently, or on its way"
        if line not in self.candidates(run._replace(due_only=False), day):
            if scenario and not scenario.active:
                return "the scenario is off"
            if scenario and not self._is_for(scenario, self.customers[item.customer]):
                return "the scenario is not for the customer"
            if scenario and not workflow:
                own = self.scenario_of(self.customers[item.customer], run.company)
                if own is not scenario:
                    return "the customer has another scenario"
                level = self.next_level(item, scenario, day)
                return f"its next level is {level and level.sequence}"
            return "no candidate"
        if self._item_held(item, day):
            return "the item is held"
        if self._customer_held(line, run, day, 0):
            return "the customer is held"
        return "too little to be reminded of"

    def say(self, messages):
        """Note that messages are on their way; they take the place of those that did not leave."""
        for message in messages:
            for older in self.messages:
                if (
                    older.state == "failed"
                    and older.customer == message.customer
                    and older.workflow == message.workflow
                    and any(self._same(one, two) for one in older.lines for two in message.lines)
                ):
                    older.state = "replaced"
        self.messages += messages

    def _same(self, one, two):
        """Return whether two lines say the same: of the same item, and of the same action."""
        if one.item != two.item:
            return False
        workflows = [
            line.scenario and self.scenarios[line.scenario].weekday is not None
            for line in (one, two)
        ]
        return one.level == two.level if all(workflows) else not any(workflows)
