"""What can be said after ./dev test, and what counts as a failure."""

import sys

import pytest

from devtools import base, test_command
from devtools.base import ROOT, DevError

pytest_plugins = ["pytester"]
ADDON_TESTS = """
import unittest


class TestBlock(unittest.TestCase):
    def test_stop(self):
        pass
"""
# stands for pytest-odoo, with which errors that are logged count
STUB = "def pytest_addoption(parser): parser.addoption('--odoo-database')"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    tests = tmp_path / "addon/tests"
    tests.mkdir(parents=True)
    (tests / "test_block.py").write_text(ADDON_TESTS)
    monkeypatch.setattr(test_command, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("word", "path"),
    [
        ("addon/", "addon"),
        ("addon/tests/test_block.py::TestBlock", "addon/tests/test_block.py::TestBlock"),
        ("test_block", "addon/tests/test_block.py"),
        ("test_block::TestBlock", "addon/tests/test_block.py::TestBlock"),
        ("TestBlock", "addon/tests/test_block.py::TestBlock"),
        ("TestBlock.test_stop", "addon/tests/test_block.py::TestBlock::test_stop"),
        ("TestBlock::test_stop", "addon/tests/test_block.py::TestBlock::test_stop"),
        ("test_stop", "addon/tests/test_block.py::TestBlock::test_stop"),
    ],
)
def test_a_bare_name_becomes_a_name_of_pytest(repository, word, path):
    assert test_command.paths_of(word) == [path]


def test_an_unknown_name_is_refused(repository):
    with pytest.raises(DevError, match="TestNowhere"):
        test_command.paths_of("TestNowhere")


def test_a_script_is_run_by_the_python_test_that_opens_it(repository):
    tour = repository / "addon/static/tests/tours/stop.js"
    tour.parent.mkdir(parents=True)
    tour.write_text('addTour("dunning_stop", () => []);')
    tour.with_name("marker.test.js").write_text('test("marker", () => {});')
    tests = repository / "addon/tests"
    (tests / "test_tour.py").write_text('self.start_tour("/odoo", "dunning_stop")')
    (tests / "test_hoot.py").write_text('self.browser_js("/web/tests?headless")')
    for script, test in (("stop.js", "test_tour"), ("marker.test.js", "test_hoot")):
        found = test_command.paths_of(f"addon/static/tests/tours/{script}")
        assert found == [f"addon/tests/{test}.py"]


def test_an_addon_is_tested_with_those_of_ours_that_it_depends_on(monkeypatch):
    known = {"addon": {"depends": ["account"]}, "bridge": {"depends": ["addon", "other"]}}
    monkeypatch.setattr(test_command.odoo_env, "manifests", lambda: known)
    assert test_command.needed_addons(["addon/tests/test_x.py::Test"]) == ["addon"]
    assert test_command.needed_addons(["bridge"]) == ["addon", "bridge"]


def test_options_of_pytest_are_passed_on():
    options, more = test_command.parse(["-x", "one", "--lf", "two", "-k", "this or that"])
    assert options.selection == ["one", "two"]
    assert more == ["-x", "--lf", "-k", "this or that"]


@pytest.mark.parametrize(
    ("line", "code", "passed", "failed"),
    [
        ("=== 7 passed, 3 subtests passed in 2.10s ===", 0, 7, 0),
        ("2 failed, 5 passed, 1 skipped, 1 error in 61.00s (0:01:01)", 1, 5, 3),
        ("no tests ran in 0.01s", 5, 0, 1),
        ("=== 7 passed in 2.10s ===\nWARNING: one more line", 0, 7, 0),
        ("nothing at all", 0, 0, 1),
        ("Killed", -9, 0, 1),
    ],
)
def test_the_summary_of_pytest_is_counted(tmp_path, line, code, passed, failed):
    script = f"import os, sys; print('...'); print({line!r}); sys.stdout.flush(); "
    script += "os.kill(os.getpid(), 9)" if code < 0 else f"sys.exit({code})"
    log = tmp_path / "log"
    with base.running([sys.executable, "-c", script], log) as process:
        count = test_command.shown(process, log)
    assert (count["passed"], count["failed"]) == (passed, failed)


def test_a_logged_error_fails_the_test_that_does_not_expect_it(pytester):
    pytester.makepyfile(
        stub=STUB,
        test_logging="""
            import logging, unittest

            class TestLogging(unittest.TestCase):
                def test_error(self):
                    logging.getLogger("odoo.sql_db").error("bad query")

                def test_expected(self):
                    with self.assertLogs("odoo.sql_db"):
                        logging.getLogger("odoo.sql_db").error("bad query")

                def test_warning(self):
                    logging.getLogger("odoo.sql_db").warning("slow query")
            """,
    )
    pytester.makeconftest((ROOT / "conftest.py").read_text())
    result = pytester.runpytest_subprocess("-p", "no:odoo", "-p", "stub", "--odoo-database=x")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*ERROR odoo.sql_db: bad query*"])


def test_classes_are_collected_where_they_are_defined(pytester):
    pytester.makepyfile(
        test_base=ADDON_TESTS,
        test_other="from test_base import TestBlock",
    )
    pytester.makeconftest((ROOT / "conftest.py").read_text())
    result = pytester.runpytest_subprocess("-p", "no:odoo")
    result.assert_outcomes(passed=1)
