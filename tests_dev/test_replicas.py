"""What a benchmark tells about replicas follows from the logs of the servers."""

import pytest

from benchmarks import replicas


@pytest.fixture
def servers(tmp_path):
    """The folders of a primary and a replica, and a function that writes into their logs."""
    folders = tmp_path / "primary", tmp_path / "replica"
    for folder in folders:
        folder.mkdir()

    def note(*counts):
        for folder, count in zip(folders, counts, strict=True):
            with (folder / "server.log").open("a") as file:
                file.write(
                    "2026-11-27 21:00 UTC [1] LOG:  statement: SELECT 1\n\tFROM it\n" * count
                )

    note(5, 3)
    return *folders, note


def test_only_what_reads_and_asks_the_primary_is_missed(servers):
    primary, replica, note = servers
    asked = {"read": (0, 4), "missed": (2, 4), "nowhere": (0, 0), "settings": (9, 1)}
    works = {name: lambda counts=counts: note(*counts) for name, counts in asked.items()}
    *lines, last = replicas.page_lines(works, primary, replica)
    assert [line["value"] for line in lines] == [0, 2, 0, 9]
    assert [line["note"] for line in lines][::3] == [
        "4 at the replica",
        "1 at the replica: not declared by Odoo",
    ]
    assert [line["reached"] for line in lines] == [True, False, True, None]
    assert (last["value"], last["reached"]) == (2, False)
