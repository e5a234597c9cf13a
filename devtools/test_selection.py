"""What ./dev test is asked for, in the words of Odoo's --test-tags."""

import re

from .base import ROOT, DevError
from .odoo_env import manifests

TOUR = re.compile(r"web_tour\.tours\W+add\(\s*\W(\w+)")
METHOD = re.compile(r"test_\w+$")
CLASS = re.compile(r"(?P<class>[A-Z]\w*)(?:\.(?P<method>test_\w+))?$")


def split(words):
    """Return (paths for pytest, tags for Odoo) for the selection."""
    paths, tags = [], []
    for word in words:
        if word.startswith(("tests_dev", "tests_process")):
            paths.append(word)
        else:
            tags += odoo_tags(word)
    return paths, tags


def odoo_tags(word):
    """Translate an addon, file, class or method, or `file::Class::method`."""
    name, *inside = word.split("::")
    inside = (
        "." + inside[-1]
        if inside and METHOD.match(inside[0])
        else "".join(mark + part for mark, part in zip(":.", inside))
    )
    if name.rstrip("/") in manifests():
        return [f"/{name.rstrip('/')}{inside}"]
    path = find_file(name)
    if path and path.suffix == ".js":
        return browser_tags(path)
    if path:
        return [f"/{path}{inside}"]
    if METHOD.match(name):
        return [f"/{addon}.{name}" for addon in addons_with(f"def {name}(")]
    match = CLASS.match(name)
    if match:
        method = f".{match['method']}" if match["method"] else inside.replace(":", ".")
        return [
            f"/{addon}:{match['class']}{method}"
            for addon in addons_with(f"class {match['class']}(")
        ]
    raise DevError(f"No addon, test file, class or test method is called {word!r}.")


def addons_with(definition):
    """Return our addons whose tests define a class or method; all of them when none does."""
    found = [
        addon
        for addon in manifests()
        if any(definition in path.read_text() for path in ROOT.glob(f"{addon}/tests/*.py"))
    ]
    return found or list(manifests())


def needed_addons(tags):
    """Return our addons that tests with these tags need: theirs, and what those depend on."""
    needed, waiting = [], [re.split(r"[/:.]", tag)[1] for tag in tags]
    for addon in waiting:
        if addon in manifests() and addon not in needed:
            needed.append(addon)
            waiting += manifests()[addon].get("depends", [])
    return sorted(needed)


def browser_tags(path):
    """Return the tags of the Python tests that open a tour or hoot test file in the browser."""
    marks = TOUR.findall((ROOT / path).read_text()) or ["/web/tests"]
    tests = sorted((ROOT / path.parts[0]).glob("tests/test_*.py"))
    found = [test for test in tests if any(mark in test.read_text() for mark in marks)]
    if not found:
        raise DevError(f"No Python test of {path.parts[0]} opens {path} in the browser.")
    return [f"/{test.relative_to(ROOT)}" for test in found]


def find_file(name):
    """Return the path, from the root, of a test file given by path or by bare name."""
    path = (ROOT / name).resolve()
    if path.is_file() and ROOT in path.parents:
        return path.relative_to(ROOT)
    found = [ROOT / addon / "tests" / f"{name}.py" for addon in manifests()]
    found = [path.relative_to(ROOT) for path in found if path.is_file()]
    return found[0] if len(found) == 1 else None
