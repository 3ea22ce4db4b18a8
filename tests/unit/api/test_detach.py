"""Detach keys, however they are typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.api.streams.detach import DEFAULT, DetachKeys, parse
from wherry.errors import Invalid


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", DEFAULT),
        ("ctrl-p,ctrl-q", b"\x10\x11"),
        ("a", b"a"),
        ("ctrl-@,ctrl-[,ctrl-\\,ctrl-_,x", b"\0\x1b\x1c\x1fx"),
    ],
)
def test_parse(text: str, keys: bytes) -> None:
    assert parse(text) == keys


@pytest.mark.parametrize("text", ["ctrl-", "ctrl-A", "ctrl-1", "ab", ",", "a,,b", "ä"])
def test_refused(text: str) -> None:
    with pytest.raises(Invalid, match="Invalid detach keys"):
        parse(text)


def test_the_sequence_is_found_across_pieces() -> None:
    keys = DetachKeys(b"\x10\x11")
    assert keys.feed(b"ls\x10") == (b"ls", False)
    assert keys.feed(b"x\x10") == (b"\x10x", False)
    assert keys.feed(b"\x10") == (b"\x10", False)
    assert keys.feed(b"\x11rest") == (b"", True)


@given(st.lists(st.binary(max_size=6), max_size=8))
def test_nothing_is_lost_without_the_sequence(pieces: list[bytes]) -> None:
    keys = DetachKeys(b"\x10\x11")
    typed = b"".join(pieces)
    out = b""
    for piece in pieces:
        passed, detached = keys.feed(piece)
        out += passed
        if detached:
            assert typed.startswith(out + b"\x10\x11")
            return
    assert b"\x10\x11" not in typed
    assert out == typed or typed == out + b"\x10"
