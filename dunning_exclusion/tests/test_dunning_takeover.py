from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import SQL

from .common import OutcomeCommon


@tagged("post_install", "-at_install")
class TestTakeover(OutcomeCommon):
    """Flags of Odoo and of other addons become blocks, listed before they are written."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._create_invoice()
        cls.free = cls._create_invoice(cls.other_customer)

    def _takeover(self):
        self.env.flush_all()
        return self.env["dunning.takeover"].create({})

    def _targets(self, takeover):
        return {(line.source, line.partner_id, line.move_id) for line in takeover.line_ids}

    def _sql(self, query):
        self.env.flush_all()
        self.env.cr.execute(query)
        self.env.invalidate_all()

    def test_no_followup_flags_become_blocks(self):
        self.invoice.no_followup = True
        takeover = self._takeover()
        self.assertEqual(self._targets(takeover), {("no_followup", self.customer, self.invoice)})
        self.assertFalse(self.invoice.dunning_block_ids, "nothing is written before")
        action = takeover.action_apply()
        self.assertEqual(action["res_model"], "dunning.block")
        block = self.invoice.dunning_block_ids
        self.assertEqual((block.kind, block.reason_id.code), ("prevent", "taken_over"))
        self.assertEqual(block.origin, "import")
        self.assertOutcome(self.invoice, "dropped", "prevent_item")
        self.assertFalse(self._takeover().line_ids, "a second time there is nothing left")
        block.action_lift()
        self.assertFalse(self.invoice.no_followup, "the flag ended with the block")
        self.assertOutcome(self.invoice, "included")

    def test_flag_stays_for_other_engines_while_blocks_are_mirrored(self):
        self.company.dunning_mirror_no_followup = True
        self.invoice.no_followup = True
        self._takeover().action_apply()
        self.assertTrue(self.invoice.no_followup)
        self.assertOutcome(self.invoice, "dropped", "prevent_item")
        self.invoice.action_dunning_resume()
        self.assertFalse(self.invoice.no_followup)

    def test_flags_of_miscellaneous_entries_and_paid_invoices_are_left(self):
        paid = self._create_invoice()
        paid.no_followup = True
        self._pay(paid)
        self.assertFalse(self._takeover().line_ids)

    def _credit_policies(self):
        """Return the ids of a "no follow" policy and of another one, of OCA's addon or like it."""
        if "credit.control.policy" in self.env:
            Policy = self.env["credit.control.policy"].sudo()
            accounts = [(6, 0, self.company_data["default_account_receivable"].ids)]
            return Policy.create(
                [
                    {"name": name, "do_nothing": no_follow, "account_ids": accounts}
                    for name, no_follow in (("No follow", True), ("Follow", False))
                ]
            ).ids
        self._sql("ALTER TABLE res_partner ADD COLUMN credit_policy_id jsonb")
        self._sql("ALTER TABLE account_move ADD COLUMN credit_policy_id integer")
        self._sql("CREATE TABLE credit_control_policy (id serial, do_nothing boolean)")
        self._sql("INSERT INTO credit_control_policy VALUES (7, TRUE), (8, FALSE)")
        return [7, 8]

    def _set_credit_policy(self, record, policy_id):
        if "credit_policy_id" in record:
            record.sudo().with_company(self.company).credit_policy_id = policy_id
            self.env.flush_all()
            return
        value = SQL("%s", policy_id)
        if record._name == "res.partner":
            value = SQL("jsonb_build_object(%s, %s::int)", str(self.company.id), policy_id)
        table = SQL.identifier(record._table)
        self._sql(SQL("UPDATE %s SET credit_policy_id = %s WHERE id = %s", table, value, record.id))

    def test_columns_of_other_addons(self):
        self._sql("ALTER TABLE res_partner ADD COLUMN no_overdue_reminder boolean")
        self._sql("ALTER TABLE account_move ADD COLUMN no_overdue_reminder boolean")
        no_follow, follow = self._credit_policies()
        named, by_policy, followed = (self._fresh_customer() for _number in range(3))
        of_policy = self._create_invoice()
        foreign = self._fresh_customer(company_id=self.other_company.id)
        flagged = (named.id, foreign.id)
        self._sql(SQL("UPDATE res_partner SET no_overdue_reminder = TRUE WHERE id IN %s", flagged))
        self._sql(
            SQL("UPDATE account_move SET no_overdue_reminder = TRUE WHERE id = %s", self.invoice.id)
        )
        self._set_credit_policy(of_policy, no_follow)
        self._set_credit_policy(by_policy, no_follow)
        self._set_credit_policy(followed, follow)
        takeover = self._takeover()
        no_move = self.env["account.move"]
        self.assertEqual(
            self._targets(takeover),
            {
                ("partner_no_overdue_reminder", named, no_move),
                ("move_no_overdue_reminder", self.customer, self.invoice),
                ("partner_credit_policy", by_policy, no_move),
                ("move_credit_policy", self.customer, of_policy),
            },
        )
        takeover.line_ids.filtered(lambda line: line.partner_id == by_policy).unlink()
        takeover.action_apply()
        self.assertTrue(named.prevent_dunning and self.invoice.prevent_dunning)
        self.assertTrue(of_policy.prevent_dunning)
        self.assertFalse(by_policy.prevent_dunning or followed.prevent_dunning)
        self.assertFalse(self.customer.prevent_dunning)

    def test_dialog_lists_and_nothing_to_take_over_is_said(self):
        self.invoice.no_followup = True
        with Form(self.env["dunning.takeover"]) as form:
            self.assertEqual(len(form.line_ids), 1)
            form.line_ids.remove(0)
        with self.assertRaisesRegex(UserError, "Nothing"):
            form.save().action_apply()

    def test_only_administrators_take_over(self):
        user = self._create_user("collector", "dunning_exclusion.group_dunning_user")
        with self.assertRaises(AccessError):
            self.env["dunning.takeover"].with_user(user).create({})
