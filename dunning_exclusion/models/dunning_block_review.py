from markupsafe import Markup

from odoo import api, models
from odoo.fields import Domain

LISTED_BLOCKS = 30


class DunningBlockReview(models.AbstractModel):
    """Reminds people of the blocks they set: those without end and those that end soon.

    One to-do a person and company, renewed every week, and not one for each block.
    """

    _name = "dunning.block.review"
    _description = "Review of Dunning Blocks"

    @api.model
    def _plan(self):
        """Plan the to-dos, or bring those that are still open up to date."""
        Block = self.env["dunning.block"]
        blocks = Block.search(Domain("forgotten", "=", True) | Domain("ending_soon", "=", True))
        for (company, user), own in blocks.grouped(
            lambda block: (block.company_id, self._reviewer(block))
        ).items():
            self._plan_for(user, company, own.with_context(lang=user.lang))

    @api.model
    def _reviewer(self, block):
        """Return who shall look at `block`: who set it, or the administrator."""
        return block.user_id if block.user_id.active else self.env.ref("base.user_admin")

    @api.model
    def _plan_for(self, user, company, blocks):
        self._open_to_dos(user, company).unlink()
        first = blocks.sorted(lambda block: (block.date_from, block.id))[:1]
        first.activity_schedule(
            "dunning_exclusion.mail_activity_type_review",
            user_id=user.id,
            date_deadline=company._dunning_today(),
            summary=first.env._("%(count)s blocks to review", count=len(blocks)),
            note=self._describe(blocks),
        )

    @api.model
    def _open_to_dos(self, user, company):
        """Return the to-dos of earlier weeks that nobody has done yet."""
        reviewed = self.env["dunning.block"].search([("company_id", "=", company.id)])
        return reviewed.activity_search(
            ["dunning_exclusion.mail_activity_type_review"], user_id=user.id
        )

    @api.model
    def _describe(self, blocks):
        """Return the list of `blocks` as HTML: forgotten ones, then those that end soon."""
        parts = [
            (blocks.env._("Without end for more than 90 days:"), blocks.filtered("forgotten")),
            (blocks.env._("Ending within 7 days:"), blocks.filtered("ending_soon")),
        ]
        return Markup().join(
            Markup("<p>%s</p><ul>%s</ul>") % (title, self._list(some))
            for title, some in parts
            if some
        )

    @api.model
    def _list(self, blocks):
        items = [
            blocks.env._(
                "%(block)s: %(days)s days, %(amount)s",
                block=block.display_name,
                days=block.age_days,
                amount=block.currency_id.format(block.amount_held),
            )
            for block in blocks[:LISTED_BLOCKS]
        ]
        if more := len(blocks) - len(items):
            items.append(blocks.env._("%(count)s more", count=more))
        return Markup().join(Markup("<li>%s</li>") % item for item in items)
