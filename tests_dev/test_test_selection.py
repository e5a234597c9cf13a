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


def test_a_script_is_run_by_the_python_test_that_opens_it(tmp_path):
    tour = tmp_path / "addon/static/tests/tours/stop.js"
    tour.parent.mkdir(parents=True)
    tour.write_text('registry.category("web_tour.tours").add("dunning_stop", {});')
    unit = tour.with_name("marker.test.js")
    unit.write_text('test("marker", () => {});')
    (tmp_path / "addon/tests/test_tour.py").write_text('self.start_tour("/odoo", "dunning_stop")')
    (tmp_path / "addon/tests/test_hoot.py").write_text('self.browser_js("/web/tests?headless")')
    for path, test in ((tour, "test_tour"), (unit, "test_hoot")):
        tags = test_selection.odoo_tags(str(path.relative_to(tmp_path)))
        assert tags == [f"/addon/tests/{test}.py"]


def test_a_class_is_looked_for_in_the_addons_that_define_it(tmp_path, monkeypatch):
    bridge = tmp_path / "bridge/tests"
    bridge.mkdir(parents=True)
    (bridge / "test_bridge.py").write_text("class TestBridge(Case):\n    def test_it(self):")
    monkeypatch.setattr(test_selection, "manifests", lambda: {"addon": {}, "bridge": {}})
    assert test_selection.odoo_tags("TestBridge") == ["/bridge:TestBridge"]
    assert test_selection.odoo_tags("test_it") == ["/bridge.test_it"]
    assert len(test_selection.odoo_tags("TestNowhere")) == 2


def test_an_addon_is_tested_with_those_of_ours_that_it_depends_on(monkeypatch):
    known = {"addon": {"depends": ["account"]}, "bridge": {"depends": ["addon", "other"]}}
    monkeypatch.setattr(test_selection, "manifests", lambda: known)
    assert test_selection.needed_addons(["/addon/tests/test_x.py:Test.test_x"]) == ["addon"]
    assert test_selection.needed_addons(["/bridge:Test"]) == ["addon", "bridge"]


def test_tests_of_the_environment_go_to_pytest():
    assert test_selection.split(["tests_dev/test_x.py"]) == (["tests_dev/test_x.py"], [])


def test_an_unknown_name_is_refused():
    with pytest.raises(DevError, match="nothing like this"):
        test_selection.split(["nothing like this"])
