"""Detach keys arrive in any number of pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wherry.supervisor.detach_keys import DetachKeys

PIECES = st.lists(st.sampled_from([b"\x10", b"\x11", b"a", b"\x10\x11", b"\x10\x10", b""]), max_size=12)


@given(PIECES, st.sampled_from([b"\x10\x11", b"\x10\x10\x11", b"a", b"\x10a\x10\x11"]))
def test_like_a_search_in_the_whole_input(pieces: list[bytes], keys: bytes) -> None:
    scanner = DetachKeys(keys)
    passed, whole = b"", b"".join(pieces)
    for piece in pieces:
        through, detached = scanner.filter(piece)
        passed += through
        if detached:
            assert passed == whole[: whole.index(keys)]
            return
    assert keys not in whole
    held = whole[len(passed) :]
    assert whole.startswith(passed) and keys.startswith(held) and held != keys


def test_no_keys_let_everything_pass() -> None:
    assert DetachKeys(b"").filter(b"\x10\x11") == (b"\x10\x11", False)
