"""Figures of the addon's code and their limits; one of the hooks of ./dev lint."""

import ast
import re
import sys
from pathlib import Path

ADDON = Path(__file__).resolve().parent.parent / "dunning_exclusion"
# figure: the most that is allowed
LIMITS = {
    "AbstractModels": 10,
    "Python files of models and screening": 45,
    "Python lines of models and screening": 9771,
    "cycles of two files": 0,
    "calls from screening to models": 0,
    "lines of the longest method": 40,
}
CALLED = re.compile(r"""env\[["'](dunning\.[\w.]+)["']\]""")


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


def house():
    """Return {figure: (number, what it consists of)}."""
    trees = sources()
    homes = {model: name for name, tree in trees.items() for model, _kind in models(tree)}
    abstract = [m for tree in trees.values() for m, kind in models(tree) if kind == "AbstractModel"]
    uses = {name: set(imported(name, tree, trees)) for name, tree in trees.items()}
    upward = []
    for name in trees:
        called = set(CALLED.findall((ADDON / f"{name}.py").read_text()))
        if name.startswith("screening/"):
            upward += [f"{name} → {model}" for model in sorted(called)]
            upward += [f"{name} → {to}" for to in sorted(uses[name]) if to.startswith("models/")]
        uses[name] |= {homes[model] for model in called if homes.get(model, name) != name}
    cycles = [f"{a} ↔ {b}" for a in uses for b in sorted(uses[a]) if a < b and a in uses[b]]
    counted = [name for name in trees if name.startswith(("models/", "screening/"))]
    lines = sum(len((ADDON / f"{name}.py").read_text().splitlines()) for name in counted)
    length, where = max(
        (node.end_lineno - node.lineno + 1, f"{name}.{node.name}")
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    )
    return {
        "AbstractModels": (len(abstract), []),
        "Python files of models and screening": (len(counted), []),
        "Python lines of models and screening": (lines, []),
        "cycles of two files": (len(cycles), cycles),
        "calls from screening to models": (len(upward), upward),
        "lines of the longest method": (length, [where]),
    }


def main():
    figures = house()
    for figure, (number, parts) in figures.items():
        mark = "" if number <= LIMITS[figure] else "  <-- too many"
        print(f"{figure}: {number} (at most {LIMITS[figure]}){mark}")
        for part in parts if mark else []:
            print(f"    {part}")
    return int(any(number > LIMITS[figure] for figure, (number, _parts) in figures.items()))


if __name__ == "__main__":
    sys.exit(main())
