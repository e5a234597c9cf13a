from odoo import api, models
from odoo.tools import SQL


class DunningLineUpkeep(models.AbstractModel):
    """Keeps run lines and notices right when a record that they name is deleted or merged.

    Run lines have no foreign keys for that, see `Snapshot`. Models whose records are named there
    call it from their `unlink`. Each change is one statement: there may be a million lines.
    """

    _name = "dunning.line.upkeep"
    _description = "Upkeep of Dunning Run Lines"

    @api.model
    def _forget(self, field_name, ids):
        """Empty `field_name` in the lines that name one of the records `ids`."""
        if not ids:
            # Odoo often deletes none, when it posts and pays.
            return
        # The items of a deleted entry are forgotten already: this is what is indexed.
        rest = SQL("AND move_line_id IS NULL") if field_name == "move_id" else SQL()
        field = SQL.identifier(field_name)
        self._change(
            SQL("UPDATE dunning_run_line SET %s = NULL", field),
            SQL("%s = ANY(%s) %s", field, list(ids), rest),
        )

    @api.model
    def _delete_of_runs(self, run_ids):
        """Delete the lines of some runs."""
        self._change(SQL("DELETE FROM dunning_run_line"), SQL("run_id = ANY(%s)", list(run_ids)))

    @api.model
    def _delete_of_customers(self, customer_ids):
        """Delete the lines of customers that are deleted: none of them got a notice."""
        self._change(SQL("DELETE FROM dunning_run_line"), self._of_customers(customer_ids))

    @api.model
    def _merge_customers(self, customer_ids, partner):
        """File the lines of customers that are merged under the customer of `partner`."""
        self._change(
            SQL("UPDATE dunning_run_line SET partner_id = %s", partner.commercial_partner_id.id),
            self._of_customers(customer_ids),
        )

    @api.model
    def _merge_notices(self, customer_ids, partner):
        """File the notices of customers that are merged under the customer of `partner`.

        That one may have got the same reminder in the same run: both stay. In a run that is not
        done it may have its message already, while items of the others wait for theirs.
        """
        Notice = self.env["dunning.notice"]
        Notice.flush_model()
        self.env.cr.execute(
            SQL(
                """UPDATE dunning_notice notice SET merged = TRUE, partner_id = %(customer)s
                     FROM dunning_run run
                    WHERE run.id = notice.run_id
                      AND (notice.partner_id = ANY(%(merged)s)
                           OR notice.partner_id = %(customer)s AND notice.merged IS NOT TRUE
                              AND run.state IN ('prepared', 'sending'))""",
                customer=partner.commercial_partner_id.id,
                merged=list(customer_ids),
            )
        )
        Notice.invalidate_model(flush=False)

    @api.model
    def _of_customers(self, customer_ids) -> SQL:
        """Return the condition on the customer of lines, who is looked up run by run."""
        return SQL(
            "run_id IN (SELECT id FROM dunning_run) AND partner_id = ANY(%s)", list(customer_ids)
        )

    @api.model
    def _mend(self, lines):
        """Forget what vanished unseen: deleted by a transaction beside the one that prepared."""
        for field_name in ("move_line_id", "move_id"):
            named = lines.mapped(field_name)
            self._forget(field_name, (named - named.exists()).ids)

    @api.model
    def _change(self, change, condition):
        self.env["dunning.run"].flush_model()
        Line = self.env["dunning.run.line"]
        Line.flush_model()
        self.env.cr.execute(SQL("%s WHERE %s", change, condition))
        Line.invalidate_model(flush=False)
