"""Jobs that serve many companies: what fails in one of them stops none of the others."""

import logging
from contextlib import contextmanager, nullcontext

from odoo import modules
from odoo.fields import Domain

from ..screening.domains import usable_lang

_logger = logging.getLogger(__name__)


def for_each_company(env, job, work):
    """Do `work(company)` for each company; what fails is undone and told, see `isolated`.

    :param job: what the job does, for the log and for the administrators
    """
    for company in env["res.company"].search(Domain.TRUE):
        with isolated(company, job):
            work(company)


@contextmanager
def isolated(company, job, commits=False, once_a_day=False):
    """Undo what fails for `company`, log it and tell its administrators, and go on.

    :param job: what the job does, for the log and for the administrators
    :param commits: the work commits by itself, so only what is not committed yet is undone
    :param once_a_day: tell at most once a day, see `tell`
    """
    env = company.env
    if modules.module.current_test and not env.context.get("ir_cron_progress_id"):
        # Tests do not commit, see `_commit` of the sender.
        commits = False
    try:
        with nullcontext() if commits else env.cr.savepoint():
            yield
    except Exception as error:
        _logger.exception("%s: failed for company %s", job, company.id)
        if commits:
            env.cr.rollback()
        env.invalidate_all(flush=False)
        _tell_failure(company, job, error, once_a_day)
        if commits:
            # Otherwise the rollback for a company that fails later would undo the message, too.
            env["ir.cron"]._commit_progress()


def administrators(company):
    """Return the contacts of those who set up the follow-ups of `company`."""
    users = company.env.ref("dunning_exclusion.group_dunning_manager").all_user_ids.filtered(
        lambda user: user.active and not user.share and company in user.company_ids
    )
    return users.partner_id


def in_language_of(records, user):
    """Return `records` in the language of `user`, if Odoo speaks it: users may have any code."""
    lang = usable_lang(records.env, user.lang)
    # Odoo would write the notification of a to-do in `user.lang`, and fail.
    silent = lang != (user.lang or None)
    return records.with_context(lang=lang, mail_activity_quick_update=silent)


def tell(company, subject, body, once_a_day=False):
    """Send a message to the administrators of `company`.

    :param once_a_day: send none when one was sent with this parameter today
    """
    # sudo: the administrators are told whatever the user of the job may do
    company = company.sudo().with_company(company)
    if once_a_day:
        today = company._dunning_today()
        if company.dunning_obstacle_reported_on == today:
            return
        company.dunning_obstacle_reported_on = today
    company.env["mail.thread"].message_notify(
        partner_ids=administrators(company).ids, subject=subject, body=body
    )


def _tell_failure(company, job, error, once_a_day):
    env = company.env
    subject = env._("%(company)s: %(job)s failed", company=company.name, job=job)
    body = env._(
        "What was done for the company is undone, other companies are not affected. "
        "The job tries again the next time. The error: %(error)s",
        error=error,
    )
    try:
        with env.cr.savepoint():
            tell(company, subject, body, once_a_day)
    except Exception:
        _logger.exception("The administrators of company %s cannot be told", company.id)
        env.invalidate_all(flush=False)
