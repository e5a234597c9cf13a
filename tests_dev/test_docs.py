"""The code that the documentation shows is code that runs."""

import re
from pathlib import Path

import pytest

from devtools import house_check
from devtools.base import ROOT
from devtools.lint_command import known_files

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
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


def test_architecture_shows_the_floors_of_the_house():
    text = (ROOT / "docs/architecture.md").read_text()
    rows = re.findall(r"^\| (\w+) \| (.+) \|$", text.split("| floor |")[1], re.MULTILINE)
    floors = [tuple(title.split(": ", 1)) for title in reversed(house_check.FLOORS)]
    assert rows[: len(floors)] == floors


def test_workflows_call_the_commands_that_people_call():
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        for command in re.findall(r"^ +run:\s+(.+)$", path.read_text(), re.MULTILINE):
            assert command.startswith(("./dev ", ".ci/run", "gh release ")), command


def test_containers_mount_every_addon():
    text = (ROOT / "compose.yaml").read_text()
    for addon in (path.parent.name for path in ROOT.glob("*/pyproject.toml")):
        assert f"- ./{addon}:/mnt/extra-addons/{addon}:ro" in text


def test_changelog_tells_the_day_of_each_release():
    text = (ROOT / "CHANGELOG.md").read_text()
    heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert heads and all(re.fullmatch(r"19\.0(\.\d+){3} \(\d{4}-\d\d-\d\d\)", h) for h in heads)
