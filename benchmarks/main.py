"""Runs the measures in Odoo's shell and prints them as JSON."""

import json
import traceback

from . import core, measures, peer, task_list
from .clock import other_database

SECTIONS = {
    "screening": measures.screening,
    "prepare": measures.prepare,
    "tasklist": task_list.task_list,
    "explain": measures.explanation,
    "search": measures.search,
    "blocks": measures.blocks,
    "send": measures.send,
    "letters": measures.letters,
    "plan": measures.plan,
    "shapes": measures.shapes,
    "fresh": measures.fresh,
}
# those that compare with another database
COMPARED = {"growth": measures.growth, "core": core.core, "peer": peer.peer}


def administrator(env):
    """Return the user who works here: as an administrator with all rights of the addon."""
    user = env.ref("base.user_admin")
    user.group_ids |= env.ref("dunning_exclusion.group_dunning_manager")
    user.group_ids |= env.ref("account.group_account_manager")
    user.company_ids |= env["res.company"].search([])
    env.cr.commit()
    return user


def run(env, only):
    """Measure the sections `only`, all when it is empty, and print their lines as JSON."""
    user = administrator(env)
    # as that user, and not as the superuser
    env = env(user=user, su=False, context={"allowed_company_ids": env.company.ids})
    for name, section in SECTIONS.items():
        if name in only or not only:
            tell(env, name, section(env))


def compare(env, name, other):
    """Measure a section here and in the database `other`."""
    with other_database(other) as other_env:
        tell(env, name, COMPARED[name](env, other_env))


def tell(env, name, lines):
    """Print lines as JSON; a section that fails is reported, and the others are measured."""
    try:
        for line in lines:
            print(json.dumps(line), flush=True)
    except Exception:
        env.cr.rollback()
        failure = {"name": name, "failure": traceback.format_exc()}
        print(json.dumps(failure), flush=True)
