from odoo.tools import SQL


def uninstall_hook(env):
    """Clear the 'No Follow-Up' flags that only mirror blocks: nothing else would clear them."""
    env.flush_all()
    env.cr.execute(
        SQL(
            """UPDATE account_move_line line SET no_followup = FALSE
                 FROM dunning_mirror mirror
                WHERE mirror.move_line_id = line.id AND mirror.overridden IS NOT TRUE"""
        )
    )
    env["account.move.line"].invalidate_model(["no_followup"], flush=False)
