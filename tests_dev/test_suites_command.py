"""Suites of others: what fails, and what of it is ours."""

import pytest

from devtools import suites_command

STAMP = "2026-01-31 10:00:00,000 42"
LOG = f"""{STAMP} ERROR db odoo.addons.account.tests.test_a: FAIL: TestA.test_one
Traceback (most recent call last):
{STAMP} ERROR db odoo.addons.account.tests.test_b: ERROR: setUpClass (odoo.addons.x.tests.b.TestB)
{STAMP} INFO db odoo.tests.result: 1 failed, 1 error(s) of 9 tests when loading database 'db'
"""


def test_a_log_says_what_ran_and_what_failed():
    failing = {"TestA.test_one", "setUpClass (odoo.addons.x.tests.b.TestB)"}
    assert suites_command.read(LOG) == (9, failing)


@pytest.mark.parametrize(
    ("known", "fine"), [([], False), (["TestA.test_one"], True), (["TestA.test_two"], False)]
)
def test_only_what_does_not_fail_without_us_counts(tmp_path, monkeypatch, known, fine):
    monkeypatch.setattr(suites_command, "LISTS", tmp_path)
    monkeypatch.setattr(suites_command, "our_addons", lambda peers: ["ours"])
    monkeypatch.setattr(suites_command, "run_suite", lambda *args: (9, {"TestA.test_one"}))
    (tmp_path / "account.txt").write_text("\n".join(known))
    assert suites_command.check("account", learn=False) is fine


def test_learning_keeps_what_fails_without_us(tmp_path, monkeypatch):
    runs = []

    def run_suite(suite, modules):
        runs.append(modules)
        return 9, {"TestA.test_one", "TestA.test_two"} if len(runs) == 1 else {"TestA.test_two"}

    monkeypatch.setattr(suites_command, "LISTS", tmp_path)
    monkeypatch.setattr(suites_command, "our_addons", lambda peers: ["ours"])
    monkeypatch.setattr(suites_command, "run_suite", run_suite)
    assert not suites_command.check("queue_job", learn=True)
    assert runs == [["ours", "queue_job"], ["queue_job"]]
    assert (tmp_path / "queue_job.txt").read_text() == "TestA.test_two\n"


def test_a_bridge_is_installed_with_its_peer_only():
    assert suites_command.our_addons([]) == ["dunning_exclusion"]
    assert suites_command.our_addons(["account_credit_control"]) == [
        "dunning_exclusion",
        "dunning_exclusion_credit_control",
    ]
