"""The keys that leave a container running."""

from __future__ import annotations

import pytest

from wherry.cli.container.detach import KeyWatch, parse_keys
from wherry.errors import Invalid


def test_keys() -> None:
    assert parse_keys("") == b"\x10\x11"
    assert parse_keys("ctrl-a,d") == b"\x01d"
    assert parse_keys("ctrl-[") == b"\x1b"
    for text in ("ctrl-", "ab", "ctrl-ab", "ctrl-1", ","):
        with pytest.raises(Invalid):
            parse_keys(text)


@pytest.mark.parametrize(
    ("pieces", "passed", "found"),
    [
        ([b"abc"], b"abc", False),
        ([b"a\x10\x11b"], b"a", True),
        ([b"a\x10", b"\x11"], b"a", True),
        ([b"\x10x"], b"\x10x", False),
        ([b"\x10", b"\x10", b"\x11"], b"\x10", True),
    ],
)
def test_watch(pieces: list[bytes], passed: bytes, found: bool) -> None:
    watch = KeyWatch(parse_keys(""))
    sent, complete = b"", False
    for piece in pieces:
        data, complete = watch.pass_on(piece)
        sent += data
    assert (sent, complete) == (passed, found)
