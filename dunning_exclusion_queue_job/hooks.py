from .models.dunning_run import LIVE


def uninstall_hook(env):
    """Cancel the jobs that nobody could run any more; the nightly job and the mail queue go on."""
    jobs = env["queue.job"].search([("identity_key", "=like", "dunning-%"), ("state", "in", LIVE)])
    jobs.button_cancelled()
