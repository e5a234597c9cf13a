from odoo.tools import SQL


def uninstall_hook(env):
    """Take back the 'No Follow-Up' flags that only mirror blocks: nobody else would any more."""
    env.flush_all()
    env.cr.execute(
        SQL(
            """UPDATE account_move_line line SET no_followup = FALSE
                 FROM dunning_mirror mirror
                WHERE mirror.move_line_id = line.id AND mirror.overridden IS NOT TRUE"""
        )
    )
    env["account.move.line"].invalidate_model(["no_followup"], flush=False)
