"""Runs the measures in Odoo's shell and prints them as JSON."""

import json
import traceback

from . import measures, sending, task_list

SECTIONS = {
    "screening": measures.screening,
    "prepare": measures.prepare,
    "tasklist": task_list.task_list,
    "explain": measures.explanation,
    "search": measures.search,
    "blocks": measures.blocks,
    "send": sending.send,
}


def run(env, only=()):
    """Measure the sections `only` (all when empty); print a JSON line for each, then the plan."""
    user = env.ref("base.user_admin")
    # As an administrator with all rights of the addon, but not as the superuser.
    user.group_ids |= env.ref("dunning_exclusion.group_dunning_manager")
    user.group_ids |= env.ref("account.group_account_manager")
    user.company_ids |= env["res.company"].search([])
    env = env(user=user, su=False, context={"allowed_company_ids": env.company.ids})
    env.cr.commit()
    for name, section in SECTIONS.items():
        if only and name not in only:
            continue
        try:
            for measure in section(env):
                print("--- measure", json.dumps(measure.as_dict()), flush=True)
        except Exception:  # the other sections are measured, this one is reported as failed
            env.cr.rollback()
            failure = {"name": name, "failure": traceback.format_exc()}
            print("--- measure", json.dumps(failure), flush=True)
    if not only or "plan" in only:
        print("--- plan")
        print(measures.plan(env))
        print("--- end of plan")
