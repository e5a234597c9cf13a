from collections import Counter

from odoo import models
from odoo.tools import SQL

from odoo.addons.dunning_exclusion.screening.question import Owner, Question


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def _credit_control_exclusions(self, company, day):
        """Return {item: why credit control leaves it out} of those that the screening excludes.

        One statement decides for all items. Credit control turns e-mails without an address into
        letters, so a missing address is no reason here.

        :param company: the company of the items
        :param day: the day asked about
        """
        # sudo: who works with credit control need not have rights on follow-ups.
        self = self.sudo()
        question = Question(company, day, owner=Owner("line", tuple(self.ids)))
        with self.env["dunning.screening"]._screened(question) as screening:
            rows = self.env.execute_query(self._credit_control_query(screening, day))
        rules = self.env["dunning.exclusion.rule"].browse(
            {rule_id for _line, rule_id in rows if rule_id}
        )
        names = {rule.id: rule.name for rule in rules}
        postponed = self.env._("The due date is postponed")
        return {self.browse(line_id): names.get(rule_id, postponed) for line_id, rule_id in rows}

    def _credit_control_query(self, screening, day) -> SQL:
        """Return SELECT item, deciding reason of what is left out; NULL: it is postponed."""
        return SQL(
            """SELECT screening.move_line_id, deciding.rule_id
                     FROM (%(screening)s) AS screening
                     JOIN account_move move ON move.id = screening.move_id
                     LEFT JOIN LATERAL (
                         SELECT reason::int AS rule_id
                           FROM jsonb_array_elements_text(screening.reason_ids)
                                WITH ORDINALITY AS listed (reason, place)
                          WHERE reason::int <> ALL(%(addresses)s)
                          ORDER BY place LIMIT 1) deciding ON TRUE
                    WHERE deciding.rule_id IS NOT NULL OR move.dunning_due_date >= %(day)s""",
            screening=screening,
            # The OCA run writes letters, too, and looks for its own addresses.
            addresses=[
                self.env.ref(f"dunning_exclusion.rule_{code}").id
                for code in ("no_address", "bounced")
            ],
            day=day,
        )

    def _credit_control_summary(self, exclusions):
        """Return in words how many items of `exclusions` there are for each reason."""
        counts = Counter(exclusions.values())
        return ", ".join(
            self.env._("%(reason)s (%(count)s)", reason=reason, count=count)
            for reason, count in counts.most_common()
        )
