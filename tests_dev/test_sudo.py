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


def unexplained(text):
    """Yield the lines of code that take rights without a comment above, in the same function."""
    lines, tree = text.splitlines(), ast.parse(text)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for node in filter(takes_rights, ast.walk(tree)):
        around = [f for f in functions if f.lineno <= node.lineno <= f.end_lineno]
        start = min((f.lineno for f in around), default=node.lineno - 3)
        if not any(map(REASON.search, lines[max(start - 1, 0) : node.end_lineno])):
            yield node.lineno


def test_each_sudo_says_why():
    found = []
    for addon in odoo_env.manifests():
        for path in sorted((ROOT / addon).rglob("*.py")):
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
