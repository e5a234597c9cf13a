from odoo import models


class DunningAnswer(models.Model):
    _inherit = "dunning.answer"

    def _answer_call_me(self):
        """Nothing is held back: the to-do of the responsible person says whom to call."""
