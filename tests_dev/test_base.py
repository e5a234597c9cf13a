"""Set-up steps survive interruptions."""

import pytest

from devtools import base


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DUNNING_CACHE", str(tmp_path))


def test_a_step_is_done_once():
    calls = []
    for _time in range(2):
        base.complete_folder("step", "key", "…", calls.append)
    assert len(calls) == 1


def test_a_step_that_was_interrupted_starts_again_from_nothing():
    def interrupted(folder):
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        base.complete_folder("step", "key", "…", interrupted)
    folder = base.complete_folder("step", "key", "…", lambda folder: (folder / "whole").touch())
    assert sorted(path.name for path in folder.iterdir()) == [".complete", "whole"]


def test_a_step_needs_disk_space(monkeypatch):
    monkeypatch.setattr(base, "NEEDED_DISK", 10**18)
    with pytest.raises(base.DevError, match="free some space"):
        base.complete_folder("step", "key", "…", lambda folder: None)


def test_a_fingerprint_follows_the_contents_of_files(tmp_path):
    path = tmp_path / "pins.txt"
    path.write_text("a==1")
    before = base.fingerprint(path, "x")
    path.write_text("a==2")
    assert base.fingerprint(path, "x") != before
