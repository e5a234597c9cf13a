"""Figures of the addon's code and their limits; one of the hooks of ./dev lint."""

import ast
import re
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ADDON = Path(__file__).resolve().parent.parent / "dunning_exclusion"
# The floors of the house, from the lowest: a file uses only files of its own floor and of those
# below. The whole of a folder is named by its path with a slash; a file of its own goes first.
FLOORS = {
    "screening: plain functions that build the statement": "screening/",
    "records: blocks, promises, scenarios, rules, settings": """
        models/account_payment_method_line models/arguments models/dunning_block
        models/dunning_block_reason models/dunning_exclusion_condition
        models/dunning_exclusion_rule models/dunning_level models/dunning_promise
        models/dunning_protected_mixin models/dunning_reminder_type
        models/dunning_scenario models/history models/isolation models/scenario_sentence
        models/waiting_money
    """,
    "outcomes: the model that asks the statement, flags that repeat its answer": """
        models/dunning_mirror models/dunning_screening models/outcome_pages
    """,
    "runs: task lists, and the notices that are made of them": """
        models/bank_account models/customer_maximum models/dunning_changes
        models/dunning_notice models/many_lines models/dunning_recheck
        models/dunning_run models/dunning_run_line report/message
    """,
    "sending: messages, the nightly job, the mail queue": """
        models/dunning_action models/dunning_automation models/dunning_sender
        models/mail_mail models/mail_template wizard/dunning_preview
        wizard/mail_compose_message
    """,
    "answers: what customers say on their page and by e-mail": """
        models/dunning_answer models/mail_thread
    """,
    "showing: contacts and invoices, dialogs, reports": """
        models/account_move models/account_move_line models/dunning_mixin
        models/dunning_panel models/dunning_task_list models/onboarding_onboarding_step
        models/res_company models/res_partner models/res_users controllers/ demo/ hooks
        report/ wizard/
    """,
}
CALLED = re.compile(r"""env\[\s*["'](dunning\.[\w.]+)["']\s*\]""")


def sources():
    """Return {file without its suffix: syntax tree} of the addon, without its tests."""
    return {
        path.relative_to(ADDON).with_suffix("").as_posix(): ast.parse(path.read_text())
        for path in sorted(ADDON.rglob("*.py"))
        if "tests" not in path.relative_to(ADDON).parts
    }


def models(tree):
    """Yield (name, kind) of the models that a file defines, not of those that it extends."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.bases:
            for part in node.body:
                if isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) == "_name":
                    yield ast.literal_eval(part.value), ast.unparse(node.bases[0]).split(".")[-1]


def imported(name, tree, files):
    """Yield the files of the addon that a file imports."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        base = name.split("/")[: -node.level] if node.level else []
        base += (node.module or "").removeprefix("odoo.addons.dunning_exclusion").split(".")
        base = [part for part in base if part]
        for found in ("/".join(base), *("/".join([*base, alias.name]) for alias in node.names)):
            if found in files and found != name:
                yield found


def uses_of(trees):
    """Return {file: files that it imports, or whose models it calls by `env["dunning.…"]`}."""
    homes = {model: name for name, tree in trees.items() for model, _kind in models(tree)}
    uses = {}
    for name, tree in trees.items():
        called = CALLED.findall(ast.unparse(tree))
        uses[name] = {*imported(name, tree, trees), *(homes[m] for m in called if m in homes)}
        uses[name].discard(name)
    return uses


def rings(uses):
    """Return a ring of files that use each other, as a list of one, when there is any."""
    try:
        TopologicalSorter(uses).prepare()
    except CycleError as error:
        return [" → ".join(error.args[1])]
    return []


def floor_of(name):
    """Return the number of the floor that a file belongs to, from 0, or None.

    `__init__` files belong to none: they only name what a folder holds.
    """
    folder = name.rpartition("/")[0] + "/"
    for wanted in (name, folder):
        for number, parts in enumerate(FLOORS.values()):
            if wanted in parts.split():
                return number
    return None


def files_of(trees):
    """Return the files that do something: without `__init__`, the manifest, and migrations.

    A migration is run once, before anything else is there.
    """
    named = ("__init__", "__manifest__")
    files = [name for name in trees if not name.startswith("migrations/")]
    return [name for name in files if name.rpartition("/")[2] not in named]


def house():
    """Return (figure, the most that is allowed, number, what it consists of) of each figure."""
    trees = sources()
    uses = uses_of(trees)
    files = files_of(trees)
    abstract = [m for tree in trees.values() for m, kind in models(tree) if kind == "AbstractModel"]
    homeless = [name for name in files if floor_of(name) is None]
    upward = [
        f"{name} → {to}"
        for name in files
        for to in sorted(uses[name])
        if (floor_of(name) or 0) < (floor_of(to) or 0)
    ]
    found = rings(uses)
    counted = [name for name in trees if name.startswith(("models/", "screening/"))]
    screening = [name for name in files if name.startswith("screening/")]
    lines = {name: len((ADDON / f"{name}.py").read_text().splitlines()) for name in trees}
    longest = max(lines, key=lines.get)
    length, where = max(
        (node.end_lineno - node.lineno + 1, f"{name}.{node.name}")
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    )
    return [
        ("AbstractModels", 9, len(abstract), abstract),
        ("Python files of models and screening", 52, len(counted), []),
        ("Python lines of models and screening", 14444, sum(lines[name] for name in counted), []),
        ("files of screening", 8, len(screening), screening),
        ("lines of the longest file", 650, lines[longest], [longest]),
        ("lines of the longest method", 40, length, [where]),
        ("rings of files that use each other", 0, len(found), found),
        ("files that use a file of a higher floor", 0, len(upward), upward),
        ("files without a floor", 0, len(homeless), homeless),
    ]


def main():
    """Print the house, the highest floor first, and its figures; return 1 when one is too high."""
    files = files_of(sources())
    for number, title in reversed(list(enumerate(FLOORS))):
        own = [name for name in files if floor_of(name) == number]
        print(f"{number} {title}: {len(own)} files\n      {', '.join(own)}")
    exceeded = False
    for figure, most, number, parts in house():
        exceeded |= number > most
        print(f"{figure}: {number} (at most {most})" + "  <-- too many" * (number > most))
        print("".join(f"    {part}\n" for part in parts if number > most), end="")
    return int(exceeded)


if __name__ == "__main__":
    sys.exit(main())
