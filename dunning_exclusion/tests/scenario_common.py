from datetime import timedelta

from odoo.fields import Command
from odoo.tools import SQL

from odoo.addons.dunning_exclusion.screening import candidates
from odoo.addons.dunning_exclusion.screening.question import Question

from .common import DunningCommon


class ScenarioCommon(DunningCommon):
    """Asks for the candidates of scenarios, and gives items a past without sending anything."""

    def _candidates(self, scenarios=None, day=0, due_only=False, trial=False):
        """Return {item: name of the level} that `scenarios` reach `day` days from today."""
        day = self.today + timedelta(days=day)
        chosen = candidates.of_scenarios(
            scenarios or self.scenario, self.company, day, due_only, trial
        )
        question = Question(self.company, day, candidates=chosen)
        with self.env["dunning.screening"]._screened(question) as screening:
            rows = self.env.execute_query(
                SQL("SELECT move_line_id, level_id FROM (%s) screening", screening)
            )
        item_ids = [row[0] for row in rows]
        self.assertEqual(len(item_ids), len(set(item_ids)), "an item is at one level only")
        levels = self.env["dunning.level"]
        return {
            self.env["account.move.line"].browse(row[0]): levels.browse(row[1]).name for row in rows
        }

    def _level_of(self, invoice, day=0, scenario=None):
        """Return the name of the level that the one item of `invoice` is at, or None."""
        return self._candidates(scenario, day).get(self._items(invoice))

    def _remind(self, items, level=None, day=0, state="sent"):
        """Make a past reminder of `items` at `level` that is `state`, `day` days from today."""
        date = self.today + timedelta(days=day)
        run = self.env["dunning.run"].create({"company_id": self.company.id, "date": date})
        notices = self.env["dunning.notice"].sudo()
        for customer, own in items.grouped(lambda item: item.partner_id).items():
            notice = notices.create(
                {
                    "run_id": run.id,
                    "company_id": self.company.id,
                    "partner_id": customer.id,
                    "level_id": level and level.id,
                    "date": date,
                    "state": state,
                }
            )
            self.env["dunning.run.line"].sudo().create(
                [
                    {
                        "run_id": run.id,
                        "company_id": self.company.id,
                        "partner_id": customer.id,
                        "move_line_id": item.id,
                        "move_id": item.move_id.id,
                        "level_id": level and level.id,
                        "level_sequence": level and level.sequence,
                        "scenario_id": level and level.scenario_id.id,
                        "notice_id": notice.id,
                    }
                    for item in own
                ]
            )
            notices |= notice
        run.sudo().state = "done"
        return notices

    @classmethod
    def _create_workflow(cls, **values):
        """Create a weekly workflow that is due today, with one action and without conditions."""
        return cls.env["dunning.scenario"].create(
            {
                "name": "Statements",
                "company_id": cls.company.id,
                "campaign_type": "customer",
                "weekday": str(cls.today.weekday()),
                "level_ids": [
                    Command.create(
                        {
                            "name": "Statement",
                            "type_id": cls.env.ref("dunning_exclusion.type_statement").id,
                        }
                    )
                ],
                **values,
            }
        )

    @classmethod
    def _create_statements(cls, *actions):
        """Create a workflow that is due today, with these actions."""
        statement = cls.env.ref("dunning_exclusion.type_statement").id
        levels = [{"name": action, "action": action, "type_id": statement} for action in actions]
        return cls._create_workflow(level_ids=[Command.create(level) for level in levels])

    def _pay(self, invoice, amount=None):
        wizard = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        )
        values = {"payment_date": self.today}
        if amount:
            values["amount"] = amount
        wizard.create(values)._create_payments()

    def _reached(self, workflow, **options):
        """Return the customers that `workflow` reaches."""
        return {item.partner_id for item in self._candidates(workflow, **options)}

    def _condition(self, metric, operator, value):
        """Create a workflow for the customers of whom the condition is true."""
        return self._create_workflow(
            condition_ids=[Command.create({"metric": metric, "operator": operator, "value": value})]
        )
