"""The code that the documentation shows is code that runs."""

import re
from pathlib import Path

import pytest

from devtools.base import ROOT
from devtools.lint_command import known_files

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# A line with the path of a file, then its contents.
SHOWN = re.compile(r"`(test_dunning_exclusion/[\w/.]+)`:?\n\n```\w+\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_that_is_shown_is_the_file(page):
    for path, text in SHOWN.findall(page.read_text()):
        assert (ROOT / path).read_text() == text, path


def test_the_examples_are_shown():
    shown = {path for page in PAGES for path, _text in SHOWN.findall(page.read_text())}
    assert "test_dunning_exclusion/models/dunning_exclusion_condition.py" in shown
    assert "test_dunning_exclusion/models/dunning_action.py" in shown
    assert "test_dunning_exclusion/other_engine.py" in shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_exist(page):
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target


def test_readme_says_where_everything_is():
    text = (ROOT / "README.md").read_text().split("\n## Where things are\n")[1].split("\n## ")[0]
    places = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `")]
    named = {name.rstrip("/") for place in places for name in re.findall(r"`([^`]+)`", place)}
    # A row may name the folders beside its first one in short.
    named |= {name.removeprefix("dunning_exclusion/") for name in named}
    for path in map(Path, known_files()):
        top, *inner = path.parts[:-1] or [""]
        assert not top or top in named, f"{top}/ is not named"
        if inner and top == "dunning_exclusion":
            assert inner[0] in named, f"{top}/{inner[0]}/ is not named"
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "dunning_exclusion" / name).exists(), name
