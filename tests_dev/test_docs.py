"""The code that the documentation shows is code that runs."""

import re

import pytest

from devtools.base import ROOT

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
    assert "test_dunning_exclusion/models/test_other_engine.py" in shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_exist(page):
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target
