"""Companies, customers and invoices to which random things happen, in Odoo and in the reading."""

import random
from collections import Counter
from datetime import datetime, time, timedelta
from unittest.mock import patch

from odoo.fields import Command
from odoo.tools import mute_logger

from . import reading
from .simulated_events import EVENTS, FIRST_DAY, Events, OpenList

DAYS = 60


class World(Events):
    """Companies, customers and invoices in Odoo, and the same for the reading.

    Whatever happens is done in Odoo and told to the reading; then both are compared.
    """

    def __init__(self, case, seed):
        self.case, self.env, self.seed = case, case.env, seed
        self.random = random.Random(seed)
        self.reading = reading.Reading()
        self.past = []
        self.day_number = 0
        self.lists, self.sent_lists = [], []
        self.mails = {}  # message of the reading: its mail in the queue
        self.blocks, self.promises = [], []
        self.delivered = Counter()
        self.make_companies()
        self.make_customers()
        self.make_scenarios()
        self.make_invoices()
        self.env.flush_all()

    # Making the world -------------------------------------------------------------------------

    def make_companies(self):
        self.companies = self.case.companies
        for company in self.companies:
            self.reading.companies[company.id] = reading.Company(company.id)
            company.dunning_automatic_sending = True

    def make_customers(self):
        self.customers = self.case.env["res.partner"]
        self.profiles = self.case.profiles
        for number in range(6):
            customer = self.case._create_customer(f"Customer {number}")
            self.customers |= customer
            self.reading.customers[customer.id] = reading.Customer(customer.id)

    def make_scenarios(self):
        self.types = {
            code: self.env.ref(f"dunning_exclusion.type_{code}") for code in self.reading.types
        }
        for company in self.companies:
            self.make_scenario(
                company,
                20,
                [
                    (10, -3, "upcoming"),
                    (20, 1, "overdue"),
                    (30, 9, "overdue"),
                    (40, 18, "final_notice"),
                ],
                repeat=(7, 2),
            )
            self.make_scenario(
                company, 10, [(10, 2, "overdue"), (20, 6, "final_notice")], profile=1, min_days=5
            )
            self.make_scenario(
                company,
                30,
                [(10, 0, "statement"), (20, 0, "statement")],
                weekday=self.random.randrange(7),
                overdue_at_least=30_000,
            )

    def make_scenario(self, company, sequence, steps, repeat=(0, 0), weekday=None, **options):
        profile = options.get("profile") and self.profiles[0]
        values = {
            "name": f"Scenario {sequence}",
            "company_id": company.id,
            "sequence": sequence,
            "automatic": True,
            "min_days_between": options.get("min_days", 0),
            "profile_ids": [Command.set(profile.ids if profile else [])],
            "level_ids": [
                Command.create(
                    {
                        "name": f"Level {place}",
                        "sequence": place,
                        "delay": delay,
                        "type_id": self.types[kind].id,
                        **(
                            {"repeat_every": repeat[0], "repeat_max": repeat[1]}
                            if (place, delay, kind) == steps[-1]
                            else {}
                        ),
                    }
                )
                for place, delay, kind in steps
            ],
        }
        least = options.get("overdue_at_least", 0)
        if weekday is not None:
            values |= {
                "campaign_type": "customer",
                "weekday": str(weekday),
                "condition_ids": [
                    Command.create({"metric": "overdue", "operator": ">=", "value": least / 100})
                ],
            }
        scenario = self.env["dunning.scenario"].create(values)
        self.reading.scenarios[scenario.id] = reading.Scenario(
            scenario.id,
            company.id,
            sequence,
            [
                reading.Level(
                    level.id,
                    level.sequence,
                    level.delay,
                    level.type_id.code,
                    repeat_every=level.repeat_every,
                    repeat_max=level.repeat_max,
                )
                for level in scenario.level_ids
            ],
            profile=profile and profile.id or None,
            min_days=scenario.min_days_between,
            weekday=weekday,
            overdue_at_least=least,
            settled=self.today(company),
        )

    def make_invoices(self):
        self.terms = self.case.terms
        for company in self.companies:
            values = []
            for _number in range(20):
                due = self.today(company) + timedelta(days=self.random.randrange(-10, DAYS))
                values.append(
                    {
                        "move_type": "out_invoice",
                        "company_id": company.id,
                        "partner_id": self.random.choice(self.customers).id,
                        "invoice_date": due - timedelta(days=14),
                        "invoice_date_due": due,
                        "invoice_payment_term_id": self.random.choice([False] * 3 + self.terms.ids),
                        "invoice_line_ids": [
                            Command.create(
                                {
                                    "name": "Service",
                                    "price_unit": self.random.choice([20, 80, 150, 400]),
                                    "tax_ids": [Command.clear()],
                                }
                            )
                        ],
                    }
                )
            invoices = self.env["account.move"].with_company(company).create(values)
            invoices.action_post()
            for item in self.case._items(invoices):
                self.reading.items[item.id] = reading.Item(
                    item.id,
                    company.id,
                    item.partner_id.id,
                    item.date_maturity,
                    item.move_id.invoice_date,
                    round(item.amount_residual * 100),
                )

    # Time and notes ---------------------------------------------------------------------------

    def today(self, company):
        """Return the day in a company; that of the second one lies a day ahead at noon in UTC."""
        ahead = 1 if company == self.companies[1] else 0
        return FIRST_DAY + timedelta(days=self.day_number + ahead)

    def note(self, text, *about):
        """Note what happens, and to which records, to tell it where something is wrong."""
        ids = {(record._name, key) for record in about for key in record.ids}
        self.past.append((self.day_number, text, ids))

    def tell(self, problem, item_ids):
        """Return the story of some items: what to repeat, and all that happened to them."""
        items = [self.reading.items[key] for key in item_ids]
        about = {("account.move.line", item.key) for item in items}
        about |= {("res.partner", item.customer) for item in items}
        about |= {("res.company", item.company) for item in items}
        lines = [f"Seed {self.seed}, day {self.day_number}: {problem}"]
        lines += [f"  {item}" for item in items]
        lines += [f"  day {day}: {text}" for day, text, ids in self.past if not ids or ids & about]
        return "\n".join(lines)

    def compare(self, what, expected, found, why=None):
        """Compare {(item, scenario, level)} of the reading with those of the addon."""
        if expected == found:
            return
        problem = f"{what}: missing {sorted(expected - found, key=str)}"
        surplus = sorted(found - expected, key=str)
        problem += f", too much {[(line, why and why(line)) for line in surplus]}"
        keys = sorted({line[0] for line in expected ^ found})
        self.case.fail(self.tell(problem, keys[:2]))

    # A day ------------------------------------------------------------------------------------

    def live(self):
        names, weights = zip(*EVENTS.items(), strict=True)
        for day in range(DAYS):
            self.day_number = day
            self.case.clock.move_to(datetime.combine(FIRST_DAY + timedelta(days=day), time(12)))
            for name in self.random.choices(names, weights, k=self.random.randrange(4)):
                getattr(self, f"event_{name}")()
            self.night()

    def night(self):
        """The job sends, then the mail queue; on some nights the mail server is down."""
        self.job()
        mood = self.random.choice(["up"] * 7 + ["down", "some", "stuck"])
        if mood != "stuck":
            self.deliver(mood)

    def job(self):
        before = self.env["dunning.run"].search([], order="id desc", limit=1).id or 0
        self.env["dunning.run"]._cron_send_automatic()
        for company in self.companies:
            known = self.reading.companies[company.id]
            keys = [
                scenario.key
                for scenario in self.reading.scenarios.values()
                if scenario.company == company.id and scenario.active and scenario.automatic
            ]
            if not self.reading.job_may_send(known, self.today(company)):
                keys = []
            run = self.env["dunning.run"].search(
                [("id", ">", before), ("company_id", "=", company.id)]
            )
            question = reading.Run(company.id, self.today(company), keys, due_only=True)
            lines = self.reading.candidates(question)
            ticked = set(self.reading.included(lines, question, question.day))
            night = OpenList(run, question, lines, ticked)
            night.workflows = self.reading.workflows_of(question)
            self.check_sent(night, "job")

    def check_sent(self, open_list, what, lines=None):
        """Compare what a list has sent with what the reading says, and note it."""
        run, question = open_list.run, open_list.question
        day = self.today(
            run.company_id if run else self.env["res.company"].browse(question.company)
        )
        ticked = open_list.ticked if lines is None else lines
        messages = self.reading.to_send(
            question, open_list.lines, set(open_list.lines) - ticked, day
        )
        expected = {line[:3] for message in messages for line in message.lines}
        notices = run.notice_ids.filtered(
            lambda notice: notice.state in ("queued", "sent", "failed") and self.is_new(notice)
        )
        found = {
            (line.move_line_id.id, line.scenario_id.id or None, self.level_of(line, notice))
            for notice in notices
            for line in notice.line_ids
        }

        def why(line):
            level = self.env["dunning.level"].browse(line[2] or 0)
            full = reading.Line(*line, level.exists().sequence if line[2] else None)
            return self.reading.why_not(full, question, day)

        self.compare(f"{what} of {run.display_name} sends", expected, found, why)
        for message in messages:
            mine = {(one.item, one.level) for one in message.lines}
            notice = notices.filtered(
                lambda notice, mine=mine: any(
                    (line.move_line_id.id, self.level_of(line, notice)) in mine
                    for line in notice.line_ids
                )
            )
            self.case.assertEqual(len(notice), 1, "one message")
            self.mails[self.key(message)] = notice.mail_id.sudo()
            self.case.assertEqual(
                notice.mail_id.sudo().subject == "Rappel", notice.partner_id.lang == "fr_FR"
            )
            message.made = day
            self.note(
                f"{what} of {run.display_name} reminds at "
                f"{[(line.item, line.scenario, line.sequence) for line in message.lines]}",
                *(self.env["account.move.line"].browse(line.item) for line in message.lines),
            )
        self.reading.say(messages)
        for workflow in open_list.workflows:
            workflow.ran.append(question.day)
        self.sent_lists.append(open_list)

    def level_of(self, line, notice):
        """Return the id of the level at which `notice` reminds of a line, or of its action."""
        level = notice.level_id if line.scenario_id.campaign_type == "customer" else line.level_id
        return level.id or None

    def key(self, message):
        return id(message)

    def is_new(self, notice):
        return notice.mail_id.sudo() not in self.mails.values()

    # The mail queue ---------------------------------------------------------------------------

    def deliver(self, mood):
        """Let the mail queue send what waits in it, and compare what left."""
        waiting = [message for message in self.reading.messages if message.state == "queued"]
        unlucky = set()
        if mood == "down":
            unlucky = set(self.customers.ids)
        elif mood == "some":
            unlucky = set(self.random.sample(self.customers.ids, 2))
        addresses = {self.env["res.partner"].browse(key).email for key in unlucky}
        server = type(self.env["ir.mail_server"])

        def send_email(model, message, *args, **kwargs):
            if any(address in message["To"] for address in addresses):
                raise OSError("The mail server is down")
            return message["Message-Id"]

        queue = (
            self.env["mail.mail"]
            .sudo()
            .search([("model", "=", "dunning.notice"), ("state", "=", "outgoing")])
        )
        with (
            mute_logger("odoo.addons.mail.models.mail_mail"),
            self.case.mock_mail_gateway(),
            patch.object(server, "send_email", send_email),
        ):
            queue.send()
        left = {mail.id for mail in queue if mail.state == "sent"}
        expected, leaving = set(), []
        for message in waiting:
            today = self.today(self.env["res.company"].browse(message.company))
            fresh = message.made == today and not message.failed_before
            if not fresh and not self.reading.is_right(message, today):
                message.state = "withdrawn"
                continue
            if message.customer in unlucky:
                message.state, message.failed_before = "failed", True
                continue
            expected.add(self.mails[self.key(message)].id)
            leaving.append((message, today))
        for message, today in leaving:
            message.state, message.left = "sent", today
        if expected != left:
            wrong = {
                line.item
                for message in self.reading.messages
                if self.mails[self.key(message)].id in expected ^ left
                for line in message.lines
            }
            self.case.fail(
                self.tell(f"mails too few {expected - left}, too many {left - expected}", wrong)
            )
        self.check_once_a_day(queue.filtered(lambda mail: mail.id in left))
        for message in waiting:
            self.note(
                f"mail {message.state}",
                *(self.env["account.move.line"].browse(line.item) for line in message.lines),
            )

    def check_once_a_day(self, mails):
        """Whatever the reading says: nobody is reminded of an item twice a day in one sense."""
        for notice in self.env["dunning.notice"].search([("mail_id", "in", mails.ids)]):
            workflow = notice.level_id.campaign_type == "customer" and notice.level_id.id
            for line in notice.line_ids:
                key = (line.move_line_id.id, workflow, self.today(notice.company_id))
                self.delivered[key] += 1
                if self.delivered[key] > 1:
                    self.case.fail(self.tell("reminded twice a day", [line.move_line_id.id]))
