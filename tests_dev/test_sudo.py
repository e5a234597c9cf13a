"""Whoever reads a `sudo()` reads why it is there."""

import ast
import re

from devtools import odoo_env
from devtools.base import ROOT

REASON = re.compile(r"# .*(sudo|superuser)", re.IGNORECASE)


def takes_rights(node):
    """Return whether a syntax node goes on with the rights of the system."""
    if not isinstance(node, ast.Call):
        return False
    name = getattr(node.func, "attr", "")
    return (name == "sudo" and not node.args) or any(
        word.arg == "su" and getattr(word.value, "value", None) is True for word in node.keywords
    )


def own_parts(statement):
    """Yield the syntax nodes of a statement, without those of the statements inside it."""
    for part in ast.iter_child_nodes(statement):
        if not isinstance(part, ast.stmt):
            yield part
            yield from own_parts(part)


def unexplained(text):
    """Yield the lines of code that take rights without a comment in or right above the statement.

    A comment further up may belong to something else.
    """
    lines = text.splitlines()
    for statement in ast.walk(ast.parse(text)):
        taken = [part for part in own_parts(statement) if takes_rights(part)]
        if not isinstance(statement, ast.stmt) or not taken:
            continue
        start = statement.lineno
        while start > 1 and lines[start - 2].lstrip().startswith("#"):
            start -= 1
        end = max(part.end_lineno for part in taken)
        if not any(map(REASON.search, lines[start - 1 : end])):
            yield taken[0].lineno


def test_each_sudo_says_why():
    found = []
    for folder in (*odoo_env.manifests(), "benchmarks", "devtools"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "tests" not in path.parts:
                found += [f"{path}:{line}" for line in unexplained(path.read_text())]
    assert not found, "say why, in a comment: # sudo: …"


def test_sudo_without_a_word_is_found():
    bare = "def work(self):\n    return self.sudo().search([])\n"
    assert list(unexplained(bare)) == [2]
    assert list(unexplained(bare.replace("self.sudo()", "self.env(su=True)"))) == [2]
    explained = bare.replace("    return", "    # sudo: everybody may know\n    return")
    assert not list(unexplained(explained))
    assert not list(unexplained(bare.replace("sudo()", "sudo(False)")))


def test_comment_on_something_else_explains_nothing():
    explained = (
        "def work(self):\n    # sudo: for the count\n    count = self.sudo().search_count([])\n"
    )
    assert not list(unexplained(explained))
    assert list(unexplained(explained + "    return self.sudo().search([])\n")) == [4]
    loop = explained.replace("count =", "for one in range(9):\n        count =")
    assert list(unexplained(loop)) == [4]
