"""Jobs that serve many companies: what fails in one of them stops none of the others."""

import logging
from contextlib import contextmanager

from odoo import modules
from odoo.fields import Domain

_logger = logging.getLogger(__name__)


def for_each_company(env, job, work):
    """Do `work(company)` for each company; what fails is undone and told, see `isolated`.

    :param job: what the job does, for the log and for the administrators
    """
    for company in env["res.company"].search(Domain.TRUE):
        with isolated(company, job):
            work(company)


@contextmanager
def isolated(company, job, commits=False):
    """Undo what fails for `company`, log it and tell its administrators, and go on.

    :param job: what the job does, for the log and for the administrators
    :param commits: the work commits by itself, so only what is not committed yet is undone
    """
    env = company.env
    # Tests do not commit, see `_commit` of the sender.
    in_test = modules.module.current_test and not env.context.get("ir_cron_progress_id")
    try:
        if commits and not in_test:
            yield
        else:
            with env.cr.savepoint():
                yield
    except Exception as error:
        _logger.exception("%s: failed for company %s", job, company.id)
        if commits and not in_test:
            env.cr.rollback()
        env.invalidate_all(flush=False)
        _tell(company, job, error)
        if commits and not in_test:
            # Else the next company that fails would undo the message, too.
            env["ir.cron"]._commit_progress()


def administrators(company):
    """Return the contacts of those who set up the follow-ups of `company`."""
    users = company.env.ref("dunning_exclusion.group_dunning_manager").all_user_ids.filtered(
        lambda user: user.active and not user.share and company in user.company_ids
    )
    return users.partner_id


def _tell(company, job, error):
    """Tell the administrators of `company` that `job` failed for it, and why."""
    # sudo: the administrators are told whatever the user of the job may do
    env = company.sudo().with_company(company).env
    try:
        with env.cr.savepoint():
            env["mail.thread"].message_notify(
                partner_ids=administrators(company.sudo()).ids,
                subject=env._("%(company)s: %(job)s failed", company=company.name, job=job),
                body=env._(
                    "What was done for the company is undone, other companies are not affected. "
                    "The job tries again the next time. The error: %(error)s",
                    error=error,
                ),
            )
    except Exception:
        _logger.exception("The administrators of company %s cannot be told", company.id)
        env.invalidate_all(flush=False)
