"""What can be said after ./dev test."""

import pytest

from devtools import test_selection
from devtools.base import DevError


@pytest.fixture(autouse=True)
def repository(tmp_path, monkeypatch):
    tests = tmp_path / "addon" / "tests"
    tests.mkdir(parents=True)
    (tests / "test_block.py").touch()
    monkeypatch.setattr(test_selection, "ROOT", tmp_path)
    monkeypatch.setattr(test_selection, "manifests", lambda: {"addon": {}})


@pytest.mark.parametrize(
    ("word", "tag"),
    [
        ("addon", "/addon"),
        ("addon/", "/addon"),
        ("addon/tests/test_block.py", "/addon/tests/test_block.py"),
        ("test_block", "/addon/tests/test_block.py"),
        ("addon/tests/test_block.py::TestBlock", "/addon/tests/test_block.py:TestBlock"),
        (
            "addon/tests/test_block.py::TestBlock::test_stop",
            "/addon/tests/test_block.py:TestBlock.test_stop",
        ),
        ("TestBlock", "/addon:TestBlock"),
        ("TestBlock.test_stop", "/addon:TestBlock.test_stop"),
        ("TestBlock::test_stop", "/addon:TestBlock.test_stop"),
        ("test_stop", "/addon.test_stop"),
    ],
)
def test_a_selection_becomes_a_tag_of_odoo(word, tag):
    assert test_selection.split([word]) == ([], [tag])


def test_tests_of_the_environment_go_to_pytest():
    assert test_selection.split(["tests_dev/test_x.py"]) == (["tests_dev/test_x.py"], [])


def test_an_unknown_name_is_refused():
    with pytest.raises(DevError, match="nothing like this"):
        test_selection.split(["nothing like this"])
