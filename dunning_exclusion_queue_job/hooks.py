from odoo.fields import Domain

from .models.dunning_run import DELIVERY, LIVE


def uninstall_hook(env):
    """Cancel the jobs that nobody could run any more; the nightly job and the mail queue go on."""
    ours = Domain.OR(
        Domain("identity_key", "=like", f"{prefix}%") for prefix in ("dunning-run-", DELIVERY)
    )
    env["queue.job"].search(ours & Domain("state", "in", LIVE)).button_cancelled()
