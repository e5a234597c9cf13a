from odoo.tools.sql import column_exists


def migrate(cr, version):
    """Keep what was said to customers, and which promises were cancelled, and when.

    A line can have several messages now. Without this step those of before would be forgotten, and
    customers reminded once more of the same.
    """
    cr.execute(
        """INSERT INTO dunning_notice_line_rel (notice_id, line_id)
           SELECT line.notice_id, line.id
             FROM dunning_run_line line
             JOIN dunning_notice notice ON notice.id = line.notice_id
               ON CONFLICT DO NOTHING"""
    )
    cr.execute(
        """UPDATE dunning_promise SET noted_on = create_date::date
            WHERE noted_on IS NULL AND create_date IS NOT NULL"""
    )
    # Only entries that are marked are asked for promises.
    cr.execute(
        """UPDATE account_move SET dunning_promised = TRUE
            WHERE dunning_promised IS NOT TRUE AND id IN (
                  SELECT line.move_id FROM dunning_promise_move_line_rel promised
                    JOIN account_move_line line ON line.id = promised.move_line_id)"""
    )
    # Mirroring comes before other jobs that begin in the same minute.
    cr.execute(
        """UPDATE ir_cron SET priority = 1 FROM ir_model_data data
            WHERE data.module = 'dunning_exclusion' AND data.name = 'cron_mirror'
              AND data.res_id = ir_cron.id"""
    )
    # Promises of the first databases had a tick box.
    if column_exists(cr, "dunning_promise", "cancelled"):
        cr.execute(
            """UPDATE dunning_promise SET cancelled_on = COALESCE(write_date, create_date)::date
                WHERE cancelled AND cancelled_on IS NULL"""
        )
