"""The counts of a test run, read from Odoo's log."""

from devtools.test_results import Results

STAMP = "2026-01-31 10:00:00,000 42"
SUMMARY = f"{STAMP} INFO db odoo.tests.result: %s failed, %s error(s) of %s tests when loading\n"


def results_of(log, exit_code=0):
    results = Results()
    results.run = results.add_odoo_log(log, exit_code)
    return results


def test_tests_without_errors_have_passed():
    results = results_of(SUMMARY % (0, 0, 7))
    assert results.run == 7
    assert results.last_line() == "7 passed, 0 failed"


def test_a_test_that_fails_twice_counts_once_and_shows_both_tracebacks():
    log = (
        f"{STAMP} ERROR db odoo.addons.x.tests.test_x: FAIL: Subtest TestX.test_one (day=1)\n"
        "Traceback (most recent call last):\nAssertionError: 1 != 2\n"
        f"{STAMP} ERROR db odoo.addons.x.tests.test_x: FAIL: Subtest TestX.test_one (day=2)\n"
        "Traceback (most recent call last):\nAssertionError: 3 != 4\n"
    )
    results = results_of(log + SUMMARY % (2, 0, 3), exit_code=1)
    assert results.last_line() == "2 passed, 1 failed"
    assert "1 != 2" in results.reports[0] and "3 != 4" in results.reports[1]


def test_what_a_passing_test_logs_as_an_error_is_a_failure():
    log = f"{STAMP} ERROR db odoo.sql_db: bad query: SELECT\n" + SUMMARY % (0, 0, 3)
    results = results_of(log)
    assert results.last_line() == "3 passed, 1 failed"
    assert "bad query" in results.reports[0]


def test_a_class_that_cannot_be_set_up_fails_without_a_test_run():
    log = f"{STAMP} ERROR db odoo.tests: ERROR: setUpClass (odoo.addons.x.tests.test_x.TestX)\n"
    assert results_of(log + SUMMARY % (0, 1, 2), 1).last_line() == "2 passed, 1 failed"


def test_skipped_tests_have_not_passed():
    log = f"{STAMP} INFO db odoo.addons.x.tests.test_x: skipped TestX.test_one : no browser\n"
    assert results_of(log + SUMMARY % (0, 0, 3)).last_line() == "2 passed, 0 failed, 1 skipped"


def test_a_server_that_ends_without_a_word_is_a_failure():
    results = results_of("Killed\n", exit_code=-9)
    assert results.run == 0
    assert results.last_line() == "0 passed, 1 failed"


PYTEST_REPORT = (
    "<testsuites><testsuite tests='%s' skipped='1' failures='%s' errors='1'/></testsuites>"
)


def test_what_pytest_found_is_added(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(PYTEST_REPORT % (9, 2))
    results = results_of(SUMMARY % (0, 0, 7))
    results.add_pytest_report(report, "assert 1 == 2", 1)
    assert results.last_line() == "12 passed, 3 failed, 1 skipped"
    assert results.reports == ["assert 1 == 2"]


def test_pytest_without_a_test_is_a_failure(tmp_path):
    results = results_of(SUMMARY % (0, 0, 7))
    results.add_pytest_report(tmp_path / "none.xml", "no tests ran", 5)
    assert results.last_line() == "7 passed, 1 failed"
    assert results.reports == ["no tests ran"]
