from .models.dunning_run import LIVE


def uninstall_hook(env):
    """Cancel the jobs that nobody could run any more; the nightly job goes on with their runs."""
    jobs = env["queue.job"].search(
        [("identity_key", "=like", "dunning-run-%"), ("state", "in", LIVE)]
    )
    jobs.button_cancelled()
