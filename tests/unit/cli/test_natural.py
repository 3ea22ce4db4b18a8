"""Names in lists are sorted as Docker's command line sorts them."""

from __future__ import annotations

from wherry.cli.format.natural import natural


def test_the_order_of_dockers_command_line() -> None:
    names = ["0", "00", "08684c", "a", "a1", "a2", "a2b", "a10", "a10b1", "b"]
    names.reverse()
    names.sort(key=natural)
    assert names == ["0", "00", "08684c", "a", "a1", "a2", "a2b", "a10", "a10b1", "b"]
    assert sorted(["2288f8", "343c5d", "25b0", "662b", "08684c"], key=natural) == [
        "25b0",
        "343c5d",
        "662b",
        "2288f8",
        "08684c",
    ]
