"""WebSocket frames."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.api.http.head import parse_head
from wherry.api.streams.websocket import Frames, accept, message
from wherry.errors import Invalid


def _masked(payload: bytes, mask: bytes, opcode: int = 2) -> bytes:
    size = len(payload)
    if size < 126:
        head = struct.pack(">BB", 0x80 | opcode, 0x80 | size)
    else:
        head = struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, size)
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def test_the_key_of_the_specification() -> None:
    head = parse_head(
        b"GET /x HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13"
    )
    assert accept(head) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    with pytest.raises(Invalid):
        accept(parse_head(b"GET /x HTTP/1.1"))


@given(st.lists(st.binary(max_size=300), max_size=4), st.binary(min_size=4, max_size=4), st.integers(1, 50))
def test_frames_come_back_in_any_pieces(payloads: list[bytes], mask: bytes, step: int) -> None:
    wire = b"".join(_masked(payload, mask) for payload in payloads)
    frames = Frames()
    got = [f for i in range(0, len(wire), step) for f in frames.feed(wire[i : i + step])]
    assert got == [(2, payload) for payload in payloads]


def test_refused() -> None:
    with pytest.raises(Invalid):
        Frames().feed(message(b"unmasked"))
    with pytest.raises(Invalid):
        Frames().feed(struct.pack(">BBQ", 0x82, 0xFF, 1 << 40))


@pytest.mark.parametrize(("size", "head"), [(5, 2), (200, 4), (70_000, 10)])
def test_lengths(size: int, head: int) -> None:
    assert len(message(bytes(size))) == head + size
